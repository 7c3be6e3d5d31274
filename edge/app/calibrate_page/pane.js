// A canvas with pan, zoom, clicks and draggable points; what it shows is drawn by its owner.

const CLICK_PX = 4;
const GRAB_PX = 11;
const FINE = 0.1;

export class Pane {
  /**
   * @param canvas the element
   * @param owner  {bounds(): [x0, y0, x1, y1], flip, points(): [{id, at}], draw(ctx), click(at, event), grab(id),
   *               drag(id, at, event), drop(id), hover(at | null, event), nudge(dx, dy), largest}
   */
  constructor(canvas, owner) {
    this.canvas = canvas; this.owner = owner;
    this.scale = 1; this.centre = [0, 0]; this.width = 1; this.height = 1; this.touched = false;
    this.press = null; this.frame = 0;
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.listen();
  }

  /** Place to CSS pixels of the canvas, and back. */
  at([x, y]) { return [this.width / 2 + (x - this.centre[0]) * this.scale, this.height / 2 + (y - this.centre[1]) * this.scale * this.up]; }
  place(px, py) { return [this.centre[0] + (px - this.width / 2) / this.scale, this.centre[1] + ((py - this.height / 2) / this.scale) * this.up]; }
  get up() { return this.owner.flip ? -1 : 1; }

  fit() {
    const [x0, y0, x1, y1] = this.owner.bounds();
    this.scale = Math.min(this.width / Math.max(x1 - x0, 1e-6), this.height / Math.max(y1 - y0, 1e-6));
    this.centre = [(x0 + x1) / 2, (y0 + y1) / 2];
    this.fitted = this.scale;
    this.touched = false;
    this.redraw();
  }

  resize() {
    const { width, height } = this.canvas.getBoundingClientRect();
    if (!width || !height) return;
    this.ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * this.ratio); this.canvas.height = Math.round(height * this.ratio);
    [this.width, this.height] = [width, height];
    if (this.touched) this.redraw(); else this.fit();
  }

  redraw() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      const ctx = this.canvas.getContext("2d");
      ctx.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
      this.owner.draw(ctx);
    });
  }

  zoom(factor, px = this.width / 2, py = this.height / 2) {
    const before = this.place(px, py);
    this.touched = true;
    this.scale = Math.min(Math.max(this.scale * factor, this.fitted * 0.4), this.owner.largest);
    const after = this.place(px, py);
    this.centre = [this.centre[0] + before[0] - after[0], this.centre[1] + before[1] - after[1]];
    this.redraw();
  }

  pan(dx, dy) {
    this.touched = true;
    this.centre = [this.centre[0] - dx / this.scale, this.centre[1] - (dy / this.scale) * this.up];
    this.redraw();
  }

  /** Bring a place into the middle where it is not in view. */
  show(place) {
    const [x, y] = this.at(place);
    if (x > 20 && y > 20 && x < this.width - 20 && y < this.height - 20) return;
    this.touched = true;
    this.centre = [...place];
    this.redraw();
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * 0.0015), event.offsetX, event.offsetY);
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.pressed(event));
    canvas.addEventListener("pointermove", (event) => this.moved(event));
    canvas.addEventListener("pointerup", (event) => this.released(event));
    canvas.addEventListener("pointercancel", () => { this.press = null; });
    canvas.addEventListener("pointerleave", (event) => { if (!this.press) this.owner.hover(null, event); });
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  pressed(event) {
    if (event.button !== 0 || this.press) return;
    this.canvas.focus({ preventScroll: true });
    this.canvas.setPointerCapture(event.pointerId);
    const at = [event.offsetX, event.offsetY];
    const near = this.owner.points().map((p) => ({ ...p, gap: Math.hypot(this.at(p.at)[0] - at[0], this.at(p.at)[1] - at[1]) }))
      .filter((p) => p.gap < GRAB_PX).sort((a, b) => a.gap - b.gap)[0];
    this.press = { start: at, last: at, moved: false, id: near?.id ?? null, from: near?.at };
    if (near) this.owner.grab(near.id);
  }

  moved(event) {
    const at = [event.offsetX, event.offsetY];
    const { press } = this;
    if (!press) { this.owner.hover(this.place(...at), event); return; }
    const step = [at[0] - press.last[0], at[1] - press.last[1]];
    press.last = at;
    if (!press.moved && Math.hypot(at[0] - press.start[0], at[1] - press.start[1]) < CLICK_PX) return;
    press.moved = true;
    if (press.id === null) { this.canvas.classList.add("moving"); this.pan(...step); return; }
    const slow = event.shiftKey ? FINE : 1;
    press.from = [press.from[0] + (slow * step[0]) / this.scale, press.from[1] + ((slow * step[1]) / this.scale) * this.up];
    this.owner.drag(press.id, press.from, event);
  }

  released(event) {
    const { press } = this;
    this.press = null;
    this.canvas.classList.remove("moving");
    if (!press) return;
    if (press.id !== null) { if (press.moved) this.owner.drop(press.id); return; }
    if (!press.moved) this.owner.click(this.place(event.offsetX, event.offsetY), event);
  }

  key(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (moves[event.key]) {
      event.preventDefault();
      const [dx, dy] = moves[event.key];
      if (!this.owner.nudge(dx, dy * this.up, event)) this.pan(-40 * dx, -40 * dy);
    } else if (event.key === "+" || event.key === "=") this.zoom(1.25);
    else if (event.key === "-") this.zoom(0.8);
    else if (event.key === "0") this.fit();
  }
}

/** Pan and zoom buttons of a pane. */
export function wireButtons(pane, toolbar) {
  const actions = { in: () => pane.zoom(1.4), out: () => pane.zoom(1 / 1.4), fit: () => pane.fit() };
  toolbar.addEventListener("click", (event) => actions[event.target.closest("button")?.dataset.view]?.());
}
