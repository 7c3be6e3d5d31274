// The road: lanes, crosswalks, painted arrows, which change only with the map or the view; north arrow and scale bar.

import { add, heading, hull, left } from "./geometry.js";

function trace(ctx, view, points) {
  ctx.beginPath();
  points.forEach((p, i) => (i ? ctx.lineTo(...view.at(p)) : ctx.moveTo(...view.at(p))));
}

function stroke(ctx, view, lane, { width, colour, dash = [] }) {
  ctx.lineWidth = Math.max(width * view.scale, 0.5);
  ctx.strokeStyle = colour;
  ctx.setLineDash(dash.map((d) => d * view.scale));
  trace(ctx, view, lane.points);
  ctx.stroke();
  ctx.setLineDash([]);
}

function box(lanes) {
  return hull(lanes.flatMap((lane) => {
    const side = left(heading(lane));
    return [add(lane.points[0], side, lane.width / 2), add(lane.points[0], side, -lane.width / 2)];
  }));
}

function paintedArrow(ctx, view, lane, theme) {
  const ways = new Set(lane.connections.flatMap((c) => c.maneuvers));
  if (!ways.size || view.scale < 3) return;
  const ahead = heading(lane);
  const side = left(ahead);
  const spot = (along, across) => view.at(add(add(lane.points[0], ahead, along - 8.5), side, across));
  ctx.strokeStyle = ctx.fillStyle = theme.marking;
  ctx.lineWidth = Math.max(0.16 * view.scale, 1);
  const tip = (end, base, spread) => {
    ctx.beginPath(); ctx.moveTo(...spot(...end));
    ctx.lineTo(...spot(...add(base, spread))); ctx.lineTo(...spot(...add(base, spread, -1))); ctx.fill();
  };
  const line = (...points) => { ctx.beginPath(); points.forEach((p, i) => (i ? ctx.lineTo(...spot(...p)) : ctx.moveTo(...spot(...p)))); ctx.stroke(); };
  ctx.globalAlpha = 0.75;
  line([0, 0], [2.2, 0]);
  if (ways.has("straight")) { line([2.2, 0], [3.4, 0]); tip([4.6, 0], [3.3, 0], [0, 0.45]); }
  for (const [name, sign] of [["left", 1], ["right", -1]]) {
    if (ways.has(name)) { line([1.2, 0], [2.1, 0.25 * sign], [2.4, 0.6 * sign]); tip([2.75, 1.45 * sign], [2.4, 0.55 * sign], [0.5, -0.12 * sign]); }
  }
  ctx.globalAlpha = 1;
}

function laneNumber(ctx, view, lane, theme) {
  const [a, b] = lane.points;
  const k = Math.min(14 / (Math.hypot(b[0] - a[0], b[1] - a[1]) || 1), 0.5);
  const [x, y] = view.at([a[0] + k * (b[0] - a[0]), a[1] + k * (b[1] - a[1])]);
  ctx.font = "600 11px system-ui, sans-serif";
  ctx.textAlign = "center"; ctx.textBaseline = "middle";
  ctx.fillStyle = theme.halo;
  ctx.beginPath(); ctx.arc(x, y, 9, 0, 7); ctx.fill();
  ctx.fillStyle = theme.text;
  ctx.fillText(lane.lane, x, y);
}

/** Draw the static layer. */
export function drawRoad(ctx, view, map, theme, options) {
  ctx.fillStyle = theme.ground;
  ctx.fillRect(0, 0, view.width, view.height);
  const lanes = map.lanes.filter((l) => l.points.length > 1);
  const driven = lanes.filter((l) => l.kind === "vehicle" || l.kind === "bicycle");
  const crossings = lanes.filter((l) => l.kind === "crosswalk");
  ctx.lineCap = "butt"; ctx.lineJoin = "round";
  for (const lane of lanes.filter((l) => l.kind === "sidewalk")) stroke(ctx, view, lane, { width: lane.width, colour: theme.edge });
  for (const lane of [...driven, ...crossings]) stroke(ctx, view, lane, { width: lane.width + 1.0, colour: theme.edge });
  const area = box(driven);
  trace(ctx, view, area); ctx.closePath();
  ctx.lineWidth = 1.0 * view.scale; ctx.strokeStyle = theme.edge; ctx.stroke();
  for (const lane of driven) stroke(ctx, view, lane, { width: lane.width + 0.14, colour: theme.marking });
  for (const lane of driven) stroke(ctx, view, lane, { width: lane.width - 0.1, colour: lane.kind === "bicycle" ? theme.bike : theme.asphalt });
  trace(ctx, view, area); ctx.closePath(); ctx.fillStyle = theme.asphalt; ctx.fill();
  for (const lane of crossings) {
    stroke(ctx, view, lane, { width: lane.width + 0.2, colour: theme.asphalt });
    ctx.globalAlpha = 0.55;
    stroke(ctx, view, lane, { width: lane.width, colour: theme.crossing, dash: [0.5, 0.6] });
    ctx.globalAlpha = 1;
  }
  for (const lane of driven) if (lane.ingress && lane.kind === "vehicle") paintedArrow(ctx, view, lane, theme);
  if (options.lanes) for (const lane of driven) laneNumber(ctx, view, lane, theme);
}

/** North arrow and scale bar, over everything. */
export function drawScale(ctx, view, theme) {
  ctx.globalAlpha = 1;
  northArrow(ctx, view, theme);
  scaleBar(ctx, view, theme);
}

function northArrow(ctx, view, theme) {
  const [x, y] = [view.width - 30, 34];
  ctx.fillStyle = theme.halo; ctx.beginPath(); ctx.arc(x, y, 21, 0, 7); ctx.fill();
  ctx.fillStyle = theme.text; ctx.beginPath(); ctx.moveTo(x, y - 15); ctx.lineTo(x + 6, y + 5); ctx.lineTo(x, y + 1); ctx.lineTo(x - 6, y + 5); ctx.fill();
  ctx.font = "700 10px system-ui, sans-serif"; ctx.textAlign = "center"; ctx.textBaseline = "middle"; ctx.fillText("N", x, y + 12);
}

function scaleBar(ctx, view, theme) {
  const metres = [1, 2, 5, 10, 20, 50, 100, 200].findLast((m) => m * view.scale <= 130) ?? 1;
  const length = metres * view.scale;
  const [x, y] = [16, view.height - 18];
  ctx.fillStyle = theme.halo; ctx.fillRect(x - 6, y - 20, length + 12, 30);
  ctx.strokeStyle = ctx.fillStyle = theme.text; ctx.lineWidth = 1.5; ctx.setLineDash([]);
  ctx.beginPath(); ctx.moveTo(x, y - 5); ctx.lineTo(x, y); ctx.lineTo(x + length, y); ctx.lineTo(x + length, y - 5); ctx.stroke();
  ctx.font = "600 11px system-ui, sans-serif"; ctx.textAlign = "center"; ctx.textBaseline = "alphabetic"; ctx.fillText(`${metres} m`, x + length / 2, y - 7);
}
