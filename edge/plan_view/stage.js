// The canvas: theme colours, the road layer kept as an image, the moving layer drawn every frame, pan and zoom.

import { View } from "./geometry.js";
import { drawLights } from "./lights.js";
import { drawRoad, drawScale } from "./road.js";
import { CLASSES, drawGhosts, drawUsers } from "./users.js";

function readTheme() {
  const style = getComputedStyle(document.documentElement);
  const get = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    text: get("text"), quiet: get("quiet"), accent: get("accent"), halo: get("halo"), ink: get("ink"), outline: get("outline"), lampInk: get("lamp-ink"),
    pedestrianInk: get("card"), ground: get("ground"), asphalt: get("asphalt"), edge: get("asphalt-edge"),
    marking: get("marking"), crossing: get("crossing"), bike: get("bike"),
    lamps: Object.fromEntries(["red", "yellow", "green", "none"].map((c) => [c, get(`lamp-${c}`)])),
    classes: Object.fromEntries(CLASSES.map((c) => [c, get(c)])),
  };
}

export class Stage {
  constructor(canvas, options) {
    this.canvas = canvas; this.options = options; this.view = new View(); this.map = null;
    this.theme = readTheme(); this.ratio = 1; this.touched = false; this.pointers = new Map();
    this.road = document.createElement("canvas"); this.roadKey = "";
    this.onTap = null; this.pressed = null;
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.resize();
    this.listen();
  }

  themeChanged() { this.theme = readTheme(); this.roadKey = ""; }
  setMap(map) { this.map = map; this.touched = false; this.roadKey = ""; if (map) this.view.fit(map.lanes); }
  fit() { this.touched = false; if (this.map) this.view.fit(this.map.lanes); }

  resize() {
    const { width, height } = this.canvas.getBoundingClientRect();
    if (!width || !height) return;
    this.ratio = Math.min(window.devicePixelRatio || 1, 2);
    for (const canvas of [this.canvas, this.road]) { canvas.width = Math.round(width * this.ratio); canvas.height = Math.round(height * this.ratio); }
    this.view.resize(width, height);
    this.roadKey = "";
    if (!this.touched) this.fit();
  }

  /** Draw one frame. `live` is {signals, objects, aheadS, nowMs}, and where there are any trails, ghosts (road users as
   *  they were last, in grey) and the selected id; what is not current is in nothing else. */
  draw(live) {
    const ctx = this.canvas.getContext("2d");
    ctx.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    if (!this.map) { ctx.fillStyle = this.theme.ground; ctx.fillRect(0, 0, this.view.width, this.view.height); return; }
    this.paintRoad();
    ctx.drawImage(this.road, 0, 0, this.view.width, this.view.height);
    drawLights(ctx, this.view, this.map, live.signals, this.theme, live.nowMs, this.options);
    live.trails?.draw(ctx, this.view, this.theme, live.nowMs);
    drawGhosts(ctx, this.view, live.ghosts ?? [], this.theme);
    drawUsers(ctx, this.view, live.objects, this.theme, this.options, live.aheadS, live.selected);
    drawScale(ctx, this.view, this.theme);
  }

  paintRoad() {
    const key = `${this.view.version} ${this.options.lanes} ${this.ratio}`;
    if (key === this.roadKey) return;
    this.roadKey = key;
    const ctx = this.road.getContext("2d");
    ctx.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    drawRoad(ctx, this.view, this.map, this.theme, this.options);
  }

  change(action) {
    if (action === "fit") { this.fit(); return; }
    this.touched = true;
    if (action === "in") this.view.zoom(1.25);
    if (action === "out") this.view.zoom(0.8);
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.touched = true;
      this.view.zoom(Math.exp(-event.deltaY * 0.0015), event.offsetX, event.offsetY);
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
      this.pressed = this.pointers.size === 1 ? [event.clientX, event.clientY] : null;
      canvas.classList.add("moving");
    });
    const release = (event) => { this.pointers.delete(event.pointerId); if (!this.pointers.size) canvas.classList.remove("moving"); };
    canvas.addEventListener("pointerup", (event) => { this.tapped(event); release(event); });
    canvas.addEventListener("pointercancel", release);
    canvas.addEventListener("pointermove", (event) => this.dragged(event));
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("dblclick", () => this.fit());
  }

  /** A press that went nowhere is a tap: tell where, and how far a finger may be off, in metres. */
  tapped(event) {
    const pressed = this.pressed;
    this.pressed = null;
    if (!pressed || !this.onTap || Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]) > 8) return;
    const frame = this.canvas.getBoundingClientRect();
    this.onTap(this.view.from(event.clientX - frame.left, event.clientY - frame.top), (event.pointerType === "mouse" ? 14 : 26) / this.view.scale);
  }

  dragged(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = [event.clientX, event.clientY];
    if (this.pressed && Math.hypot(now[0] - this.pressed[0], now[1] - this.pressed[1]) <= 8) return;
    this.touched = true;
    const others = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, p]) => p);
    this.pointers.set(event.pointerId, now);
    if (!others.length) { this.view.pan(now[0] - before[0], now[1] - before[1]); return; }
    const frame = this.canvas.getBoundingClientRect();
    const gap = (p) => Math.max(Math.hypot(p[0] - others[0][0], p[1] - others[0][1]), 1);
    this.view.zoom(gap(now) / gap(before), others[0][0] - frame.left, others[0][1] - frame.top);
  }

  key(event) {
    const step = 40;
    const moves = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
    const actions = { "+": "in", "=": "in", "-": "out", 0: "fit" };
    if (moves[event.key]) { this.touched = true; this.view.pan(...moves[event.key]); event.preventDefault(); }
    else if (actions[event.key]) { this.change(actions[event.key]); event.preventDefault(); }
  }
}
