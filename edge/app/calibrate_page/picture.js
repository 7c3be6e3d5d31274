// The camera's picture: points, the map's lanes and a grid seen through the fit, and a loupe.

import { beside, dense, seen, toPixel } from "./projective.js";
import { drawCross, drawMark, theme, trace } from "./marks.js";
import { Pane } from "./pane.js";

const LOUPE_PX = 148;
const LOUPE_ZOOM = 8;
const GRID_M = 10;
const GRID_REACH_M = 80;

export class PicturePane {
  /** @param work {points, fit(), look(id), options, session, hovered(place, from)} */
  constructor(canvas, work) {
    this.canvas = canvas; this.work = work; this.image = null; this.cursor = null; this.other = null;
    this.size = { width: 16, height: 9 };
    this.flip = false; this.largest = 40; this.ground = [];
    this.pane = new Pane(canvas, this);
  }

  /** Show a picture; `plan` is the map. */
  start(image, size, plan) {
    const [before, fresh] = [this.size, !this.image];
    this.image = image; this.size = size;
    this.ground = plan.lanes.map((lane) => ({ kind: lane.kind, lines: outlines(lane) }));
    this.stops = plan.stops.map((stop) => dense(stop, 0.5));
    if (fresh || before.width !== size.width || before.height !== size.height) this.pane.fit();
    this.pane.redraw();
  }

  bounds() { return [0, 0, this.size.width, this.size.height]; }
  points() { return this.work.points.list.filter((p) => p.u !== null).map((p) => ({ id: p.id, at: [p.u, p.v] })); }
  inside([u, v]) { return u >= 0 && v >= 0 && u <= this.size.width && v <= this.size.height; }

  click(place) {
    if (this.inside(place)) this.work.points.place({ u: place[0], v: place[1] });
    else this.work.points.select(null);
  }

  grab(id) { this.work.points.select(id); this.held = false; }

  drag(id, [u, v], event) {
    if (!this.held) { this.work.points.remember(); this.held = true; }
    const place = [Math.min(Math.max(u, 0), this.size.width), Math.min(Math.max(v, 0), this.size.height)];
    this.work.points.move(id, { u: place[0], v: place[1] });
    this.hover(place, event);
  }

  drop() { this.held = false; }

  hover(place, event) {
    this.cursor = place && this.inside(place) ? { place, px: event.offsetX, py: event.offsetY } : null;
    this.work.hovered(this.cursor?.place ?? null, "picture");
    this.pane.redraw();
  }

  nudge(dx, dy, event) {
    const point = this.work.points.get(this.work.points.selected);
    if (!point || point.u === null) return false;
    const step = event.shiftKey ? 0.1 : 0.5;
    this.work.points.set(point.id, { u: point.u + step * dx, v: point.v + step * dy });
    return true;
  }

  /** A cross at this pixel, or none. */
  mirror(place) { this.other = place; this.pane.redraw(); }

  draw(ctx) {
    const { pane } = this;
    ctx.fillStyle = theme().ground;
    ctx.fillRect(0, 0, pane.width, pane.height);
    if (!this.image) return;
    const [x, y] = pane.at([0, 0]);
    ctx.imageSmoothingEnabled = pane.scale < 3;
    ctx.drawImage(this.image, x, y, this.size.width * pane.scale, this.size.height * pane.scale);
    const fit = this.work.fit();
    if (fit?.to_pixels) this.drawGround(ctx, fit);
    this.drawPoints(ctx, fit);
    if (this.other) drawCross(ctx, pane.at(this.other), theme().accent);
    this.drawLoupe(ctx);
  }

  drawGround(ctx, fit) {
    const [x, y] = this.pane.at([0, 0]);
    ctx.save();
    ctx.beginPath(); ctx.rect(x, y, this.size.width * this.pane.scale, this.size.height * this.pane.scale); ctx.clip();
    ctx.globalAlpha = fit.state === "fitted" ? 1 : 0.45;
    const line = (points, style) => {
      for (const piece of seen(fit, points, this.size)) {
        trace(ctx, piece.map((p) => this.pane.at(p)));
        for (const [width, colour] of [[style.width + 1.75, "rgba(0, 0, 0, .45)"], [style.width, style.colour]]) {
          ctx.lineWidth = width; ctx.strokeStyle = colour; ctx.setLineDash(style.dash ?? []); ctx.stroke();
        }
      }
    };
    const { options } = this.work;
    if (options.grid) for (const points of this.gridLines(fit)) line(points, { width: 0.75, colour: theme().sight });
    if (options.lanes) {
      for (const { kind, lines } of this.ground) for (const points of lines) line(points, style(kind));
      for (const points of this.stops) line(points, { width: 2.75, colour: theme().stop });
    }
    ctx.restore();
  }

  /** Ground lines every 10 m around the camera; those are the map's own whole tens of metres. */
  gridLines(fit) {
    const middle = fit.camera ? [fit.camera.x, fit.camera.y] : [0, 0];
    const [x, y] = middle.map((v) => Math.round(v / GRID_M) * GRID_M);
    const lines = [];
    for (let offset = -GRID_REACH_M; offset <= GRID_REACH_M; offset += GRID_M) {
      lines.push(dense([[x + offset, y - GRID_REACH_M], [x + offset, y + GRID_REACH_M]]));
      lines.push(dense([[x - GRID_REACH_M, y + offset], [x + GRID_REACH_M, y + offset]]));
    }
    return lines;
  }

  drawPoints(ctx, fit) {
    const { points } = this.work;
    for (const point of points.list) {
      if (point.u === null) continue;
      const look = this.work.look(point.id);
      const back = fit?.to_pixels && point.x !== null ? toPixel(fit, [point.x, point.y]) : null;
      if (back) {
        trace(ctx, [this.pane.at([point.u, point.v]), this.pane.at(back)]);
        ctx.lineWidth = 2; ctx.strokeStyle = look.colour; ctx.stroke();
      }
      drawMark(ctx, this.pane.at([point.u, point.v]), look);
    }
  }

  drawLoupe(ctx) {
    const { cursor } = this;
    if (!cursor || !this.work.options.loupe) return;
    const half = LOUPE_PX / 2;
    const x = cursor.px > this.pane.width / 2 ? 12 : this.pane.width - LOUPE_PX - 12;
    const y = 12;
    const zoom = Math.max(LOUPE_ZOOM, this.pane.scale * 2);
    ctx.save();
    ctx.beginPath(); ctx.roundRect(x, y, LOUPE_PX, LOUPE_PX, 12); ctx.clip();
    ctx.fillStyle = "#000"; ctx.fillRect(x, y, LOUPE_PX, LOUPE_PX);
    ctx.imageSmoothingEnabled = false;
    ctx.drawImage(this.image, x + half - cursor.place[0] * zoom, y + half - cursor.place[1] * zoom, this.size.width * zoom, this.size.height * zoom);
    drawCross(ctx, [x + half, y + half], "#ffcf33");
    ctx.fillStyle = "rgba(0, 0, 0, .66)"; ctx.fillRect(x, y + LOUPE_PX - 20, LOUPE_PX, 20);
    ctx.font = "600 11px system-ui, sans-serif"; ctx.textAlign = "center"; ctx.textBaseline = "middle"; ctx.fillStyle = "#fff";
    ctx.fillText(`${cursor.place[0].toFixed(1)}, ${cursor.place[1].toFixed(1)} px   ${zoom.toFixed(0)}x`, x + half, y + LOUPE_PX - 9.5);
    ctx.restore();
    ctx.lineWidth = 1.5; ctx.strokeStyle = theme().accent;
    ctx.beginPath(); ctx.roundRect(x, y, LOUPE_PX, LOUPE_PX, 12); ctx.stroke();
  }
}

function outlines(lane) {
  const centre = dense(lane.points);
  const edges = [beside(centre, lane.width / 2), beside(centre, -lane.width / 2)];
  if (lane.kind !== "crosswalk") return edges;
  const [left, right] = edges;
  return [...edges, [left[0], right[0]], [left.at(-1), right.at(-1)]];
}

function style(kind) {
  const { lane, crossing, bike, quiet } = theme();
  if (kind === "crosswalk") return { width: 1.5, colour: crossing, dash: [6, 4] };
  if (kind === "bicycle") return { width: 1.25, colour: bike };
  return kind === "sidewalk" ? { width: 1, colour: quiet } : { width: 1.75, colour: lane };
}
