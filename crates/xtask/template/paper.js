// Before the page is printed: a figure that misses the foot of a page by little is drawn smaller
// to stand there, instead of leaving the foot empty.
{
  // As small as this part of its size, no smaller: its text has to be read.
  const LEAST = 0.72;
  const main = document.querySelector("main");
  // Behind a table of contents the text begins on a page of its own.
  const paper = document.querySelector("nav") ? main : document.body;
  for (const sheet of document.styleSheets) {
    for (const rule of sheet.cssRules) {
      if (!(rule instanceof CSSMediaRule)) continue;
      if (rule.media.mediaText === "print") rule.media.mediaText = "all";
      else if (rule.media.mediaText.includes("screen")) rule.media.mediaText = "not all";
    }
  }
  // Columns of the size that @page leaves break where pages will.
  paper.style.cssText = "width: 180mm; height: 261mm; columns: 180mm auto; column-gap: 20mm; column-fill: auto";
  const last = (block) => [...block.getClientRects()].pop();
  const fits = (block) => Math.abs(block.getBoundingClientRect().left - last(block.previousElementSibling).left) < 1;
  for (const image of main.querySelectorAll("figure img")) {
    const block = [...main.children].find((child) => child.contains(image));
    if (!block.previousElementSibling || fits(block)) continue;
    const room = paper.getBoundingClientRect().bottom - last(block.previousElementSibling).bottom;
    const missing = block.getBoundingClientRect().height - room;
    // Printing rounds otherwise than a screen does; margins come on top.
    const height = image.height - missing - 16;
    if (height < LEAST * image.height) continue;
    image.style.cssText += `; height: ${height}px; width: auto`;
    if (!fits(block)) image.style.height = image.style.width = "";
  }
  paper.style.cssText = "";
}
