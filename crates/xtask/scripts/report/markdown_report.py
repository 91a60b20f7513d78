"""The report as Markdown that code-hosting sites show well, with its figures in a folder beside it."""
import base64
import html
import os
import pathlib
import re
import shutil
import urllib.parse

from document import FENCE, Cell, Figure, Markup, Prose, Table, Text, headings


def write(document, target, notebook_folder):
    """Writes the file and `NAME_files` anew."""
    pictures = f"{os.path.splitext(target)[0]}_files"
    fresh = pictures + ".part"
    shutil.rmtree(fresh, ignore_errors=True)
    os.makedirs(fresh)
    writer = _Writer(document, os.path.basename(pictures), fresh, notebook_folder)
    pathlib.Path(target + ".part").write_text(writer.text(), encoding="utf-8")
    shutil.rmtree(pictures, ignore_errors=True)
    os.replace(fresh, pictures)
    os.replace(target + ".part", target)


class _Writer:
    def __init__(self, document, name, folder, notebook_folder):
        self.document = document
        # Spaces would end an address in Markdown.
        self.name = urllib.parse.quote(name)
        self.folder = folder
        self.notebook_folder = notebook_folder
        self.anchors = _anchors(document)

    def text(self):
        document = self.document
        blocks = [f"# {document.title}"]
        if document.authors:
            blocks.append(", ".join(document.authors))
        rows = [f"| **{name}** | {_in_cell(html.escape(value, quote=False))} |" for name, value in document.facts]
        if rows:
            blocks.append("\n".join(["| | |", "|---|---|", *rows]))
        if self.anchors:
            blocks += ["## Contents", self._contents()]
        for part in document.parts:
            if isinstance(part, Prose):
                blocks.append(self._prose(part))
            elif isinstance(part, Cell):
                blocks.append(_code(part))
                blocks += [self._output(output) for output in part.outputs]
        return "\n\n".join(blocks) + "\n"

    def _contents(self):
        lines = []
        for level, text, anchor in self.anchors:
            if level <= 3:
                lines.append(f"{'  ' * (level - 2)}- [{_without_links(text)}](#{anchor})")
        return "\n".join(lines)

    def _prose(self, prose):
        """The cell as it is, but with pictures and links that work from here."""
        source = _outside_code(prose.source, lambda text: re.sub(r"^# ", "## ", text, flags=re.M))
        for name, forms in prose.attachments.items():
            for mime, encoded in forms.items():
                self._keep(name, base64.b64decode(encoded))
                source = source.replace(f"attachment:{name}", f"{self.name}/{urllib.parse.quote(name)}")
        source = re.sub(r"(!\[[^\]]*\]\()([^)\s]+)", self._picture, source)
        source = _outside_code(source, lambda text: re.sub(r"(?<!!)(\[[^\]]*\]\()([^)\s]+)", self._link, text))
        known = {_jupyter_anchor(text): anchor for _, text, anchor in self.anchors}
        return re.sub(r"\]\(#([^)]+)\)", lambda m: f"](#{known.get(urllib.parse.unquote(m[1]), m[1])})", source.strip())

    def _picture(self, found):
        """A picture file of the notebook's folder comes along."""
        path = os.path.join(self.notebook_folder, urllib.parse.unquote(found[2]))
        if re.match(r"[a-z]+:", found[2]) or not os.path.isfile(path):
            return found[0]
        name = os.path.basename(path)
        self._keep(name, pathlib.Path(path).read_bytes())
        return f"{found[1]}{self.name}/{urllib.parse.quote(name)}"

    def _link(self, found):
        """A file of the notebook's folder, as seen from the report's."""
        path = os.path.join(self.notebook_folder, urllib.parse.unquote(found[2]))
        if re.match(r"#|[a-z]+:", found[2]) or not os.path.exists(path):
            return found[0]
        return f"{found[1]}{urllib.parse.quote(os.path.relpath(path, os.path.dirname(self.folder)))}"

    def _keep(self, name, data):
        pathlib.Path(self.folder, name).write_bytes(data)

    def _output(self, output):
        if isinstance(output, Figure):
            file = f"figure-{output.number:02}.{output.suffix}"
            self._keep(file, output.data)
            width = f' width="{output.width}"' if output.width else ""
            image = f'<img src="{self.name}/{file}"{width} alt="{html.escape(output.alt)}">'
            return f"{image}\n\n**Figure {output.number}.** {_plain(output.caption)}"
        if isinstance(output, Table):
            title = f"**Table {output.number}.** {_plain(output.title)}.\n\n" if output.number else ""
            title = title or (f"{_plain(output.title)}\n\n" if output.title else "")
            return title + _table(output.soup)
        if isinstance(output, Text):
            return _text(output)
        assert isinstance(output, Markup)
        return "\n\n".join(_plain(t) for t in output.soup.get_text("\n", strip=True).split("\n"))


def _outside_code(source, change):
    """Applies a change to what is not a fenced block of code."""
    out, at = [], 0
    for block in FENCE.finditer(source):
        out += [change(source[at : block.start()]), block.group()]
        at = block.end()
    return "".join(out + [change(source[at:])])


def _anchors(document):
    """(level, text, anchor) of each heading, with the anchors that GitHub and GitLab make."""
    found, seen = [], {"contents": 1}
    for part in document.parts:
        for level, text in headings(part.source) if isinstance(part, Prose) else []:
            slug = re.sub(r"[^\w\- ]", "", _without_links(text).lower()).replace(" ", "-")
            count = seen.get(slug, 0)
            seen[slug] = count + 1
            found.append((max(2, level), text, f"{slug}-{count}" if count else slug))
    return found


def _jupyter_anchor(text):
    return text.strip().replace(" ", "-")


def _without_links(text):
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)


def _code(cell):
    fence = "```"
    while fence in cell.source:
        fence += "`"
    block = f"{fence}rust\n{cell.source}\n{fence}"
    if cell.lines <= 2:
        return block
    words, code = cell.summary
    label = html.escape(words, quote=False) if words else f"<code>{html.escape(code, quote=False)}</code>"
    number = f"[{cell.number}] " if cell.number else ""
    return f"<details>\n<summary>{number}{label}</summary>\n\n{block}\n\n</details>"


def _text(text):
    """Folded lines are left out: a code block cannot fold, and the notebook has them."""
    lines = []
    for piece in text.pieces:
        lines += [f"… {piece.folded} …"] if piece.folded else piece.lines
    fence = "```"
    while any(fence in line for line in lines):
        fence += "`"
    return "\n".join([f"{fence}text", *lines, fence])


def _table(table):
    """A pipe table; its first row is the heading, as every such table needs one."""
    rows = [row.find_all(["th", "td"]) for row in table.find_all("tr")]
    if not rows:
        return ""
    texts = [[_in_cell(_plain(cell.get_text(" ", strip=True))) for cell in row] for row in rows]
    columns = max(len(row) for row in texts)
    if not table.find("thead"):
        texts.insert(0, [""] * columns)
    sample = rows[-1]
    right = [i < len(sample) and "right" in sample[i].get("style", "") for i in range(columns)]
    texts.insert(1, ["---:" if r else "---" for r in right])
    return "\n".join("| " + " | ".join(row + [""] * (columns - len(row))) + " |" for row in texts)


def _in_cell(text):
    return text.replace("|", "\\|").replace("\n", " ")


def _plain(text):
    """Text that Markdown leaves alone."""
    return re.sub(r"([\\`*_\[\]<>#~])", r"\\\1", text)
