// Scatter plots to hover over, zoom, and hide classes of, in place of their pictures. A notebook's output and
// a report have this very text; the report's content security policy knows it by its hash. Nothing here
// fetches, and what a notebook brings becomes text and numbers only.
(() => {
  "use strict";
  const NEAR = 10;
  const REDRAWN = [];
  const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const shorts = (text) => new Uint16Array(bytes(text).buffer);
  const made = (name, style, parent) => {
    const element = document.createElement(name);
    element.style.cssText = style;
    parent.append(element);
    return element;
  };

  // Round values inside a range, about so many.
  const ticks = ([low, high], count) => {
    const rough = (high - low) / count;
    const magnitude = 10 ** Math.floor(Math.log10(rough));
    const ratio = rough / magnitude;
    const step = magnitude * (ratio < Math.SQRT2 ? 1 : ratio < Math.sqrt(10) ? 2 : ratio < Math.sqrt(50) ? 5 : 10);
    const found = [];
    for (let i = Math.ceil(low / step - 1e-6); i <= high / step + 1e-6 && found.length < 50; i++) found.push(i * step);
    const decimals = Math.max(0, Math.round(-Math.log10(step) + 0.3));
    const plain = Math.max(Math.abs(low), Math.abs(high)) < 1e6 && decimals <= 5;
    return found.map((value) => [value, (plain ? value.toFixed(decimals) : value === 0 ? "0" : value.toExponential(1)).replace("-", "−")]);
  };

  const start = (image) => {
    const data = JSON.parse(image.dataset.labbookScatter);
    const [left, top, right, bottom] = data.plot;
    const xs = shorts(data.x), ys = shorts(data.y);
    const classes = data.classes ? (data.names.length > 256 ? shorts(data.classes) : bytes(data.classes)) : null;
    const wrong = data.wrong ? bytes(data.wrong) : null;
    const values = data.values ? shorts(data.values.at) : null;
    const isWrong = (i) => wrong !== null && (wrong[i >> 3] >> (i & 7)) % 2 === 1;
    const whole = { x: data.x_range, y: data.y_range };
    const at = ([low, high], share) => low + (high - low) * (share / 65535);
    const hidden = new Set();
    let view = whole, dragged = null, hovered = -1, armed = false;

    const host = document.createElement("div");
    // JupyterLab keeps its keys to itself here.
    host.dataset.lmSuppressShortcuts = "true";
    host.style.cssText = `position:relative;width:${data.width}px;max-width:100%`;
    const canvas = made("canvas", `display:block;width:100%;aspect-ratio:${data.width}/${data.height};touch-action:pan-y`, host);
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", image.alt);
    const hint = made("div", "position:absolute;right:0;bottom:0;font-size:11px;opacity:0;pointer-events:none", host);
    hint.textContent = "drag: zoom · wheel after a click · double click: all";
    const tip = made("div", "position:absolute;display:none;pointer-events:none;z-index:3;padding:4px 8px;border-radius:4px;background:#212529;color:#fff;font-size:12px;line-height:1.4;white-space:nowrap", host);
    const pen = canvas.getContext("2d");
    let sheet = null;
    if (data.thumbnails) {
      sheet = new Image();
      sheet.src = data.thumbnails.picture;
    }

    const color = (i) => (values ? data.values.colors[values[i] >> 8] : classes ? data.colors[classes[i]] : data.colors[0]);
    const place = (i) => [
      left + ((at(whole.x, xs[i]) - view.x[0]) / (view.x[1] - view.x[0])) * (right - left),
      bottom - ((at(whole.y, ys[i]) - view.y[0]) / (view.y[1] - view.y[0])) * (bottom - top),
    ];
    const shown = (i) => classes === null || !hidden.has(classes[i]);

    const draw = () => {
      const scale = host.clientWidth / data.width || 1;
      const dense = scale * (window.devicePixelRatio || 1);
      canvas.width = Math.round(data.width * dense);
      canvas.height = Math.round(data.height * dense);
      pen.setTransform(dense, 0, 0, dense, 0, 0);
      const ink = getComputedStyle(host).color;
      const text = (words, x, y, font, align, opacity) => {
        pen.globalAlpha = opacity;
        pen.fillStyle = ink;
        pen.font = `${font} "Open Sans", sans-serif`;
        pen.textAlign = align;
        pen.textBaseline = "middle";
        pen.fillText(words, x, y);
      };
      if (data.title) text(data.title, 12, 20, "600 15px", "left", 1);
      if (data.y_label) text(data.y_label, 12, top - 12, "11px", "left", 0.7);
      text(data.x_label, (left + right) / 2, data.height - 16, "12px", "center", 0.7);
      pen.fillStyle = ink;
      for (const [value, words] of ticks(view.x, Math.max(2, Math.round((right - left) / 90)))) {
        const x = left + ((value - view.x[0]) / (view.x[1] - view.x[0])) * (right - left);
        pen.globalAlpha = 0.1;
        pen.fillRect(x - 0.5, top, 1, bottom - top);
        text(words, x, bottom + 14, "11px", "center", 0.7);
      }
      for (const [value, words] of ticks(view.y, Math.max(2, Math.round((bottom - top) / 48)))) {
        const y = bottom - ((value - view.y[0]) / (view.y[1] - view.y[0])) * (bottom - top);
        pen.globalAlpha = 0.1;
        pen.fillRect(left, y - 0.5, right - left, 1);
        text(words, left - 8, y, "11px", "right", 0.7);
      }
      pen.globalAlpha = 0.4;
      pen.fillRect(left - 1, top, 1, bottom - top);
      pen.fillRect(left - 1, bottom, right - left + 1, 1);
      pen.save();
      pen.beginPath();
      pen.rect(left, top, right - left, bottom - top);
      pen.clip();
      // Closer points are larger, but not without end.
      const closer = Math.sqrt((whole.x[1] - whole.x[0]) / (view.x[1] - view.x[0]));
      const radius = Math.min(data.radius * Math.min(closer, 3), 8);
      const dot = (i, r) => {
        const [x, y] = place(i);
        if (x < left - r || x > right + r || y < top - r || y > bottom + r) return;
        pen.fillStyle = color(i);
        pen.beginPath();
        pen.arc(x, y, r, 0, 7);
        pen.fill();
      };
      pen.globalAlpha = data.alpha;
      for (const i of order) if (shown(i)) dot(i, radius);
      pen.strokeStyle = ink;
      pen.lineWidth = 1.2;
      pen.globalAlpha = 0.9;
      const arm = Math.max(radius, 2.2);
      for (let i = 0; i < xs.length; i++) {
        if (!isWrong(i) || !shown(i)) continue;
        const [x, y] = place(i);
        pen.beginPath();
        pen.moveTo(x - arm, y - arm);
        pen.lineTo(x + arm, y + arm);
        pen.moveTo(x - arm, y + arm);
        pen.lineTo(x + arm, y - arm);
        pen.stroke();
      }
      pen.globalAlpha = 1;
      if (hovered >= 0) {
        dot(hovered, radius + 2);
        pen.lineWidth = 1.5;
        pen.stroke();
      }
      if (dragged) {
        const [[x0, y0], [x1, y1]] = dragged;
        pen.globalAlpha = 0.15;
        pen.fillStyle = ink;
        pen.fillRect(x0, y0, x1 - x0, y1 - y0);
      }
      pen.restore();
      if (data.values) {
        const [x, height] = [right + 22, Math.min(260, bottom - top - 16)];
        pen.globalAlpha = 1;
        for (let step = 0; step < 256; step++) {
          pen.fillStyle = data.values.colors[255 - step];
          pen.fillRect(x, top + 16 + (step / 256) * height, 14, height / 256 + 0.5);
        }
        text(data.values.name, x, top + 4, "11px", "left", 0.7);
        const range = data.values.range;
        for (const [value, words] of ticks(range, 5)) {
          text(words, x + 21, top + 16 + height * (1 - (value - range[0]) / (range[1] - range[0])), "11px", "left", 0.7);
        }
      }
    };

    // An order that favours no class, as in the picture.
    let step = Math.max(1, Math.floor(xs.length * 0.618));
    const divisor = (a, b) => (b === 0 ? a : divisor(b, a % b));
    while (divisor(step, xs.length) > 1) step++;
    const order = Array.from(xs, (_, i) => (i * step) % xs.length);

    const mouse = (event) => {
      const box = canvas.getBoundingClientRect();
      const scale = data.width / box.width;
      return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
    };
    const inside = ([x, y]) => x >= left && x <= right && y >= top && y <= bottom;
    const cut = ([x, y]) => [Math.min(Math.max(x, left), right), Math.min(Math.max(y, top), bottom)];
    const value = ([x, y]) => [
      view.x[0] + ((x - left) / (right - left)) * (view.x[1] - view.x[0]),
      view.y[0] + ((bottom - y) / (bottom - top)) * (view.y[1] - view.y[0]),
    ];
    const look = (x, y) => {
      // Beyond this the doubles of an axis are no longer apart.
      const fine = (range, all) => range[1] - range[0] > 1e-6 * (all[1] - all[0]);
      if (fine(x, whole.x) && fine(y, whole.y)) view = { x, y };
      point(-1);
      draw();
    };
    const zoom = (factor, [px, py]) => {
      const [x, y] = value([px, py]);
      const near = ([low, high], middle) => [middle + (low - middle) * factor, middle + (high - middle) * factor];
      const out = factor > 1 && view.x[1] - view.x[0] >= whole.x[1] - whole.x[0];
      if (out) look(whole.x, whole.y);
      else look(near(view.x, x), near(view.y, y));
    };

    const point = (i, [x, y] = [0, 0]) => {
      hovered = i;
      tip.style.display = i < 0 ? "none" : "block";
      if (i < 0) return;
      tip.replaceChildren();
      const line = (words) => (made("div", "", tip).textContent = words);
      if (sheet && sheet.complete && i % data.thumbnails.every === 0) {
        const { width, height, columns, every } = data.thumbnails;
        const enlarged = Math.max(1, Math.floor(96 / Math.max(width, height)));
        const small = made("canvas", "display:block;margin:3px 0;image-rendering:pixelated", tip);
        [small.width, small.height] = [width, height];
        small.style.width = `${width * enlarged}px`;
        const number = i / every;
        small.getContext("2d").drawImage(sheet, (number % columns) * width, Math.floor(number / columns) * height, width, height, 0, 0, width, height);
      }
      if (classes) line(data.names[classes[i]]);
      if (values) line(`${data.values.name}: ${at(data.values.range, values[i]).toPrecision(4)}`);
      line(`number ${i}`);
      if (isWrong(i)) line("wrong");
      const scale = canvas.clientWidth / data.width;
      const across = x > (left + right) / 2;
      tip.style.left = across ? "" : `${x * scale + 14}px`;
      tip.style.right = across ? `${(data.width - x) * scale + 14}px` : "";
      tip.style.top = `${Math.min(y, bottom - 40) * scale}px`;
    };

    canvas.addEventListener("pointermove", (event) => {
      const now = mouse(event);
      if (dragged) {
        dragged[1] = cut(now);
        return draw();
      }
      let best = -1, nearest = NEAR * NEAR;
      for (let i = 0; inside(now) && i < xs.length; i++) {
        const [x, y] = place(i);
        const away = (x - now[0]) ** 2 + (y - now[1]) ** 2;
        if (away < nearest && shown(i)) [best, nearest] = [i, away];
      }
      if (best !== hovered) {
        point(best, now);
        draw();
      }
    });
    canvas.addEventListener("pointerenter", () => (hint.style.opacity = 0.6));
    canvas.addEventListener("pointerleave", () => {
      armed = false;
      hint.style.opacity = 0;
      point(-1);
      draw();
    });
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || event.pointerType === "touch" || !inside(mouse(event))) return;
      armed = true;
      dragged = [mouse(event), mouse(event)];
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointerup", () => {
      if (!dragged) return;
      const [from, to] = dragged;
      dragged = null;
      if (Math.abs(from[0] - to[0]) < 5 || Math.abs(from[1] - to[1]) < 5) return draw();
      const [a, b] = [value(from), value(to)];
      look([Math.min(a[0], b[0]), Math.max(a[0], b[0])], [Math.min(a[1], b[1]), Math.max(a[1], b[1])]);
    });
    canvas.addEventListener("pointercancel", () => (dragged = null));
    canvas.addEventListener("dblclick", () => look(whole.x, whole.y));
    canvas.addEventListener("wheel", (event) => {
      // A page that is scrolled past the plot goes on.
      if (!inside(mouse(event)) || !(event.ctrlKey || armed)) return;
      event.preventDefault();
      zoom(event.deltaY > 0 ? 1.25 : 0.8, mouse(event));
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      const middle = [(left + right) / 2, (top + bottom) / 2];
      if (event.key === "+") zoom(0.8, middle);
      else if (event.key === "-") zoom(1.25, middle);
      else if (event.key === "Escape") look(whole.x, whole.y);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });

    if (classes && !values) {
      const legend = made("div", `position:absolute;left:${(100 * (right + 16)) / data.width}%;top:${(100 * top) / data.height}%;max-height:${(100 * (bottom - top)) / data.height}%;right:0;overflow:auto;display:flex;flex-direction:column;align-items:flex-start`, host);
      data.names.forEach((name, number) => {
        const button = made("button", "all:unset;cursor:pointer;display:flex;align-items:center;gap:6px;font-size:12px;line-height:19px;white-space:nowrap;max-width:100%", legend);
        button.type = "button";
        button.title = `${name}: click to hide or show`;
        button.setAttribute("aria-pressed", "true");
        made("span", `flex:none;width:9px;height:9px;border-radius:50%;background:${data.colors[number]}`, button);
        made("span", "overflow:hidden;text-overflow:ellipsis", button).textContent = name;
        button.addEventListener("focus", () => (button.style.textDecoration = "underline"));
        button.addEventListener("blur", () => (button.style.textDecoration = ""));
        button.addEventListener("click", () => {
          if (!hidden.delete(number)) hidden.add(number);
          button.setAttribute("aria-pressed", String(!hidden.has(number)));
          button.style.opacity = hidden.has(number) ? 0.35 : 1;
          point(-1);
          draw();
        });
      });
    }

    image.after(host);
    const swap = (live) => {
      image.style.display = live ? "none" : "";
      host.style.display = live ? "" : "none";
    };
    swap(true);
    // Paper gets the picture.
    window.addEventListener("beforeprint", () => swap(false));
    window.addEventListener("afterprint", () => swap(true));
    new ResizeObserver(draw).observe(host);
    REDRAWN.push(draw);
  };

  const all = () => {
    for (const image of document.querySelectorAll("img[data-labbook-scatter]:not([data-live])")) {
      image.dataset.live = "";
      try {
        start(image);
      } catch (error) {
        // The picture stays.
        console.warn("labbook:", error);
      }
    }
  };
  const redraw = () => REDRAWN.forEach((draw) => draw());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  new MutationObserver(redraw).observe(document.documentElement, { subtree: true, attributeFilter: ["data-jp-theme-name"] });
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", all);
  else all();
})();
