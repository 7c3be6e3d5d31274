// The map from above, in metres: lanes, stop lines, crossings, an aerial picture where there is one; clicks snap.

import { drawCross, drawMark, theme, trace } from "./marks.js";
import { Pane } from "./pane.js";
import { toGround } from "./projective.js";

const SNAP_PX = 11;
const FIT_REACH_M = 40;

export class PlanPane {
  /** @param work see PicturePane */
  constructor(canvas, work) {
    this.canvas = canvas; this.work = work; this.plan = null; this.cursor = null; this.other = null; this.ortho = null;
    this.flip = true; this.largest = 400;
    this.pane = new Pane(canvas, this);
  }

  start(plan, ortho) { this.plan = plan; this.ortho = ortho; this.pane.fit(); }

  /** The junction: around the stop lines. */
  bounds() {
    const spots = this.plan?.stops.flat() ?? [];
    const points = spots.length ? spots : this.plan?.lanes.flatMap((l) => l.points) ?? [];
    if (!points.length) return [-FIT_REACH_M, -FIT_REACH_M, FIT_REACH_M, FIT_REACH_M];
    const range = (k) => [Math.min(...points.map((p) => p[k])) - 14, Math.max(...points.map((p) => p[k])) + 14];
    const [x, y] = [range(0), range(1)];
    return [x[0], y[0], x[1], y[1]];
  }

  points() { return this.work.points.list.filter((p) => p.x !== null).map((p) => ({ id: p.id, at: [p.x, p.y] })); }

  /** The nearest named spot within reach of the mouse; none while Alt is held. */
  snap(place, event) {
    if (!this.work.options.snap || event.altKey) return null;
    const reach = SNAP_PX / this.pane.scale;
    const near = this.plan.snaps.map((s) => ({ ...s, gap: Math.hypot(s.x - place[0], s.y - place[1]) })).filter((s) => s.gap < reach);
    return near.sort((a, b) => a.gap - b.gap)[0] ?? null;
  }

  click(place, event) {
    const spot = this.snap(place, event);
    this.work.points.place(spot ? { x: spot.x, y: spot.y, note: spot.label } : { x: place[0], y: place[1] });
  }

  grab(id) { this.work.points.select(id); this.held = false; }

  drag(id, place, event) {
    if (!this.held) { this.work.points.remember(); this.held = true; }
    const spot = this.snap(place, event);
    this.work.points.move(id, spot ? { x: spot.x, y: spot.y } : { x: place[0], y: place[1] });
    this.hover(place, event);
  }

  drop() { this.held = false; }

  hover(place, event) {
    this.cursor = place ? { place, spot: this.snap(place, event) } : null;
    const target = this.cursor?.spot ? [this.cursor.spot.x, this.cursor.spot.y] : place;
    this.work.hovered(target, "plan");
    this.pane.redraw();
  }

  nudge(dx, dy, event) {
    const point = this.work.points.get(this.work.points.selected);
    if (!point || point.x === null) return false;
    const step = event.shiftKey ? 0.01 : 0.05;
    this.work.points.set(point.id, { x: point.x + step * dx, y: point.y + step * dy });
    return true;
  }

  mirror(place) { this.other = place; this.pane.redraw(); }

  draw(ctx) {
    const { pane } = this;
    ctx.fillStyle = theme().ground;
    ctx.fillRect(0, 0, pane.width, pane.height);
    if (!this.plan) return;
    if (this.ortho) this.drawOrtho(ctx);
    this.drawGrid(ctx);
    this.drawLanes(ctx);
    this.drawCamera(ctx);
    if (this.work.options.snap) this.drawSnaps(ctx);
    for (const point of this.work.points.list) {
      if (point.x !== null) drawMark(ctx, pane.at([point.x, point.y]), this.work.look(point.id));
    }
    if (this.other) drawCross(ctx, pane.at(this.other), theme().accent);
    this.drawCursor(ctx);
    northArrow(ctx, pane);
    scaleBar(ctx, pane);
  }

  drawOrtho(ctx) {
    const [a, b, c, d, e, f] = this.ortho.matrix;
    const [x, y] = this.pane.at([e, f]);
    const k = this.pane.scale;
    ctx.save();
    ctx.transform(a * k, -b * k, c * k, -d * k, x, y);
    ctx.drawImage(this.ortho.image, 0, 0);
    ctx.restore();
  }

  drawGrid(ctx) {
    const { pane } = this;
    const step = [10, 50, 100, 500].find((m) => m * pane.scale > 22) ?? 1000;
    const [[x0, y1], [x1, y0]] = [pane.place(0, 0), pane.place(pane.width, pane.height)];
    ctx.lineWidth = 1; ctx.strokeStyle = theme().grid; ctx.globalAlpha = 0.28; ctx.setLineDash([]);
    ctx.beginPath();
    for (let x = Math.ceil(x0 / step) * step; x <= x1; x += step) { ctx.moveTo(...pane.at([x, y0])); ctx.lineTo(...pane.at([x, y1])); }
    for (let y = Math.ceil(y0 / step) * step; y <= y1; y += step) { ctx.moveTo(...pane.at([x0, y])); ctx.lineTo(...pane.at([x1, y])); }
    ctx.stroke();
    ctx.globalAlpha = 1;
  }

  drawLanes(ctx) {
    const colours = theme();
    const of = (...kinds) => this.plan.lanes.filter((lane) => kinds.includes(lane.kind));
    ctx.lineCap = "butt"; ctx.lineJoin = "round";
    ctx.globalAlpha = this.ortho ? 0.45 : 1;
    for (const lane of of("sidewalk")) this.stroke(ctx, lane.points, lane.width, colours.edge);
    const driven = of("vehicle", "bicycle");
    for (const lane of driven) this.stroke(ctx, lane.points, lane.width + 0.16, colours.marking);
    for (const lane of driven) this.stroke(ctx, lane.points, lane.width - 0.1, lane.kind === "bicycle" ? colours.edge : colours.asphalt);
    for (const lane of of("crosswalk")) {
      this.stroke(ctx, lane.points, lane.width + 0.2, colours.asphalt);
      this.stroke(ctx, lane.points, lane.width, colours.crossing, [0.5, 0.6]);
    }
    ctx.globalAlpha = 1;
    for (const stop of this.plan.stops) this.stroke(ctx, stop, 0.45, colours.stop, [], 2);
  }

  stroke(ctx, points, metres, colour, dash = [], least = 0.75) {
    ctx.lineWidth = Math.max(metres * this.pane.scale, least);
    ctx.strokeStyle = colour;
    ctx.setLineDash(dash.map((d) => d * this.pane.scale));
    trace(ctx, points.map((p) => this.pane.at(p)));
    ctx.stroke();
    ctx.setLineDash([]);
  }

  /** Where the fit puts the camera, and the ground that its picture shows. */
  drawCamera(ctx) {
    const fit = this.work.fit();
    if (!fit?.camera) return;
    const { accent, halo } = theme();
    const outline = this.footprint(fit);
    trace(ctx, outline.map((p) => this.pane.at(p)), { closed: true });
    ctx.globalAlpha = 0.09; ctx.fillStyle = accent; ctx.fill();
    ctx.globalAlpha = 0.7; ctx.lineWidth = 1.25; ctx.strokeStyle = accent; ctx.stroke();
    ctx.globalAlpha = 1;
    const [x, y] = this.pane.at([fit.camera.x, fit.camera.y]);
    ctx.beginPath(); ctx.arc(x, y, 7, 0, 7); ctx.fillStyle = halo; ctx.fill();
    ctx.beginPath(); ctx.arc(x, y, 4.5, 0, 7); ctx.fillStyle = accent; ctx.fill();
  }

  /** The border of the picture on the ground, no farther than the camera's range. */
  footprint(fit) {
    const { width, height } = this.work.session().picture;
    const [range, foot] = [this.work.session().range_m, [fit.camera.x, fit.camera.y]];
    const reach = (u, v) => {
      for (let row = v; row <= height; row += height / 90) {
        const spot = toGround(fit, [u, row]);
        if (spot && Math.hypot(spot[0] - foot[0], spot[1] - foot[1]) <= range) return spot;
      }
      return foot;
    };
    const columns = Array.from({ length: 13 }, (_, k) => (k / 12) * width);
    return [...columns.map((u) => reach(u, 0)), ...columns.reverse().map((u) => reach(u, height))];
  }

  drawSnaps(ctx) {
    if (this.pane.scale < 2.5) return;
    ctx.fillStyle = theme().text; ctx.globalAlpha = 0.55;
    for (const spot of this.plan.snaps) {
      const [x, y] = this.pane.at([spot.x, spot.y]);
      ctx.fillRect(x - 1.5, y - 1.5, 3, 3);
    }
    ctx.globalAlpha = 1;
  }

  drawCursor(ctx) {
    if (!this.cursor) return;
    const { accent, text, halo } = theme();
    const spot = this.cursor.spot;
    const [x, y] = spot ? [spot.x, spot.y] : this.cursor.place;
    if (spot) { ctx.lineWidth = 2; ctx.strokeStyle = accent; ctx.beginPath(); ctx.arc(...this.pane.at([x, y]), SNAP_PX - 3, 0, 7); ctx.stroke(); }
    const words = `${x.toFixed(2)}, ${y.toFixed(2)} m${spot ? `   ${spot.label}` : ""}`;
    ctx.font = "600 11.5px system-ui, sans-serif"; ctx.textAlign = "left"; ctx.textBaseline = "middle";
    ctx.fillStyle = halo; ctx.beginPath(); ctx.roundRect(10, 10, ctx.measureText(words).width + 16, 24, 7); ctx.fill();
    ctx.fillStyle = text; ctx.fillText(words, 18, 22.5);
  }
}

function northArrow(ctx, pane) {
  const [x, y] = [pane.width - 30, 34];
  const { halo, text } = theme();
  ctx.fillStyle = halo; ctx.beginPath(); ctx.arc(x, y, 21, 0, 7); ctx.fill();
  ctx.fillStyle = text; ctx.beginPath(); ctx.moveTo(x, y - 15); ctx.lineTo(x + 6, y + 5); ctx.lineTo(x, y + 1); ctx.lineTo(x - 6, y + 5); ctx.fill();
  ctx.font = "700 10px system-ui, sans-serif"; ctx.textAlign = "center"; ctx.textBaseline = "middle"; ctx.fillText("N", x, y + 12);
}

function scaleBar(ctx, pane) {
  const metres = [0.5, 1, 2, 5, 10, 20, 50, 100, 200].findLast((m) => m * pane.scale <= 120) ?? 0.5;
  const length = metres * pane.scale;
  const [x, y] = [16, pane.height - 18];
  const { halo, text } = theme();
  ctx.fillStyle = halo; ctx.beginPath(); ctx.roundRect(x - 7, y - 21, length + 14, 31, 6); ctx.fill();
  ctx.strokeStyle = ctx.fillStyle = text; ctx.lineWidth = 1.5;
  ctx.beginPath(); ctx.moveTo(x, y - 5); ctx.lineTo(x, y); ctx.lineTo(x + length, y); ctx.lineTo(x + length, y - 5); ctx.stroke();
  ctx.font = "600 11px system-ui, sans-serif"; ctx.textAlign = "center"; ctx.textBaseline = "alphabetic"; ctx.fillText(`${metres} m`, x + length / 2, y - 7);
}
