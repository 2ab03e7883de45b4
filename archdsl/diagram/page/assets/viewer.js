"use strict";
// The picture in its frame: it zooms and moves by wheel, drag, pinch, buttons and keys.

const STEP = 1.25;   // of one press of a button or key
const LARGEST = 6;   // pixels to one unit of the picture
const NEAREST = 1.4; // the same, beyond which a small picture is not enlarged to fit
const MARGIN = 12;   // pixels that stay around what is brought into view

class Viewer {
  /** Shows `svg` in `frame`, of which `detail` covers the lower end unless the screen is narrow. */
  constructor(frame, svg, detail, narrow) {
    Object.assign(this, { frame, svg, detail, narrow });
    this.whole = svg.viewBox.baseVal;
    [this.width, this.height] = [this.whole.width, this.whole.height];
    this.box = svg.getAttribute("viewBox");
    this.pointers = new Map();
    this.dragged = false;
    this.fit();
    new ResizeObserver(() => (this.fitted ? this.fit() : this.resize())).observe(frame);
    this.listen();
  }

  get scale() { return Math.min(this.frame.clientWidth / this.width, NEAREST); }

  fit() {
    this.k = this.scale;
    this.x = this.y = 0;
    this.fitted = true;
    this.resize();
  }

  /** On a narrow screen the frame is as high as the whole picture needs, and the page scrolls. */
  resize() {
    this.frame.style.height = this.narrow.matches ? `${this.scale * this.height}px` : "";
    this.apply();
  }

  /** Pixels of the frame that lie below what is said of a part. */
  get covered() {
    if (this.narrow.matches || this.detail.classList.contains("empty")) return 0;
    const [frame, over] = [this.frame.getBoundingClientRect(), this.detail.getBoundingClientRect()];
    return Math.max(0, frame.bottom - over.top);
  }

  /** Keep the picture in its frame: in the middle where it is narrower, at the top where lower. */
  apply() {
    const [w, h] = [this.frame.clientWidth / this.k, this.frame.clientHeight / this.k];
    if (!w || !h) return;
    this.x = w > this.width ? (this.width - w) / 2 : Math.min(Math.max(this.x, 0), this.width - w);
    this.y = Math.max(0, Math.min(this.y, this.height + this.covered / this.k - h));
    this.svg.setAttribute("viewBox", [this.x, this.y, w, h].join(" "));
    this.frame.classList.toggle("free", this.k > this.scale * 1.01);
  }

  /** Move by pixels; whether there was anywhere to move to. */
  pan(dx, dy) {
    const [x, y] = [this.x, this.y];
    this.x += dx / this.k;
    this.y += dy / this.k;
    this.apply();
    this.fitted &&= this.x === x && this.y === y;
    return this.x !== x || this.y !== y;
  }

  /** Zoom about a point of the frame, in pixels; its middle without one. */
  zoom(factor, px = this.frame.clientWidth / 2, py = this.frame.clientHeight / 2) {
    const least = Math.min(this.scale, this.frame.clientHeight / this.height) * 0.9;
    const k = Math.min(Math.max(this.k * factor, least), LARGEST);
    this.x += px / this.k - px / k;
    this.y += py / this.k - py / k;
    this.k = k;
    this.fitted = false;
    this.apply();
  }

  /** Move so that a part of the picture is in sight. */
  bring(part) {
    if (!part) return;
    const [frame, box] = [this.frame.getBoundingClientRect(), part.getBoundingClientRect()];
    const bottom = Math.min(frame.bottom - this.covered, innerHeight);
    const off = (low, high, first, last) => {
      const before = low - first - MARGIN;
      return before < 0 ? before : Math.max(0, Math.min(high - last + MARGIN, before));
    };
    this.pan(
      off(box.left, box.right, frame.left, frame.right),
      off(box.top, box.bottom, frame.top, bottom),
    );
    this.frame.scrollTop = this.frame.scrollLeft = 0;  // a browser scrolls to what has the focus
  }

  at(event) {
    const frame = this.frame.getBoundingClientRect();
    return [event.clientX - frame.left, event.clientY - frame.top];
  }

  listen() {
    const { frame } = this;
    frame.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    frame.addEventListener("pointerdown", (event) => this.down(event));
    frame.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      frame.addEventListener(end, (event) => this.pointers.delete(event.pointerId));
    }
    // What was dragged was not clicked.
    frame.addEventListener("click", (event) => this.dragged && event.stopPropagation(), true);
    frame.addEventListener("keydown", (event) => this.key(event));
    addEventListener("beforeprint", () => this.svg.setAttribute("viewBox", this.box));
    addEventListener("afterprint", () => this.apply());
    const actions = {
      in: () => this.zoom(STEP), out: () => this.zoom(1 / STEP), fit: () => this.fit(),
    };
    for (const button of document.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", actions[button.dataset.zoom]);
    }
  }

  wheel(event) {
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    if (event.ctrlKey || event.metaKey) {  // so browsers tell of a pinch on a touchpad as well
      event.preventDefault();
      this.zoom(Math.exp((-event.deltaY * unit) / 300), ...this.at(event));
    } else {
      const [dx, dy] = event.shiftKey ? [event.deltaY, event.deltaX] : [event.deltaX, event.deltaY];
      if (this.pan(dx * unit, dy * unit)) event.preventDefault();  // at an end the page scrolls
    }
  }

  down(event) {
    if (event.button === 0) this.pointers.set(event.pointerId, this.at(event));
    if (this.pointers.size === 1) this.dragged = false;
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = this.at(event);
    const [dx, dy] = [now[0] - before[0], now[1] - before[1]];
    if (!this.dragged && this.pointers.size === 1 && Math.hypot(dx, dy) < 4) return;
    if (!this.dragged) this.frame.setPointerCapture(event.pointerId);
    this.dragged = true;
    if (this.pointers.size === 2) {
      const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, p]) => p);
      const apart = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]) || 1;
      this.zoom(apart(now) / apart(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    } else {
      this.pan(-dx, -dy);
    }
    this.pointers.set(event.pointerId, now);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const far = 60;
    const actions = {
      "+": () => this.zoom(STEP), "=": () => this.zoom(STEP),
      "-": () => this.zoom(1 / STEP), "−": () => this.zoom(1 / STEP),
      "0": () => this.fit(),
      ArrowLeft: () => this.pan(-far, 0), ArrowRight: () => this.pan(far, 0),
      ArrowUp: () => this.pan(0, -far), ArrowDown: () => this.pan(0, far),
    };
    if (!actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  }
}
