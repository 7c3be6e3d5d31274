// Signals: what a movement state means, how long it lasts, and how it is drawn at the stop lines.
// Shape says the same as colour: square is stop, diamond is clearance, circle is go.

import { add, heading, left } from "./geometry.js";

const STATES = {
  STOP_AND_REMAIN: ["red", "Stop"],
  STOP_THEN_PROCEED: ["red", "Stop, then go", "flash"],
  PRE_MOVEMENT: ["yellow", "Get ready"],
  PERMISSIVE_MOVEMENT_ALLOWED: ["green", "Go, give way"],
  PROTECTED_MOVEMENT_ALLOWED: ["green", "Go"],
  FLASHING_GREEN: ["green", "Go, ending", "flash"],
  PERMISSIVE_CLEARANCE: ["yellow", "Clear, give way"],
  PROTECTED_CLEARANCE: ["yellow", "Clear"],
  CAUTION_CONFLICTING_TRAFFIC: ["yellow", "Caution", "flash"],
  DARK: ["none", "Dark"],
  UNAVAILABLE: ["none", "Unavailable"],
};
const SHAPES = { red: "square", yellow: "diamond", green: "circle", none: "none" };
const ARROWS = { left: "←", straight: "↑", right: "→", u_turn: "↶" };

/** Colour name, word and shape of a group's state. */
export function meaning(group) {
  const [colour, word, flash] = STATES[group?.state] ?? STATES.UNAVAILABLE;
  return { colour, word, flashing: flash === "flash", shape: SHAPES[colour] };
}

/** Seconds to the end of the state: {main, detail, range}, texts, empty when nothing is known or promised; and {ends}, the
 *  numbers in fifths of a second, null where none is known. */
export function countdown(group, nowMs) {
  const seconds = (end) => (end == null ? null : Math.max((end - nowMs) / 1000, 0));
  const [low, high, likely] = [seconds(group.min_end_ms), seconds(group.max_end_ms), seconds(group.likely_end_ms)];
  const fifth = (value) => (value == null ? null : Math.round(value * 5) / 5);
  const ends = low == null && high == null && likely == null ? null : { low: fifth(low), high: fifth(high), likely: fifth(likely) };
  return { ...inWords(low, high, likely, group.confidence), range: rangeOf(low, high), ends };
}

const whole = (value) => String(Math.ceil(value - 0.05));
const rangeOf = (low, high) => (low != null && high != null && whole(low) !== whole(high) ? `${whole(low)}–${whole(high)} s` : "");

function inWords(low, high, likely, confidence) {
  const range = rangeOf(low, high);
  if (likely != null) {
    const sure = confidence == null ? "" : `${Math.round(confidence * 100)} %`;
    return { main: whole(likely), detail: [range, sure].filter(Boolean).join(", ") };
  }
  if (high != null) return { main: range ? `≤${whole(high)}` : whole(high), detail: range };
  if (low != null) return { main: `≥${whole(low)}`, detail: "" };
  return { main: "", detail: "" };
}

/** For each signal group: where from, and which turns, in words for a person. */
export function describeGroups(map) {
  const found = new Map();
  const of = (group) => {
    if (!found.has(group)) found.set(group, { sides: new Set(), ways: new Set(), walk: false });
    return found.get(group);
  };
  const lanes = map.lanes.filter((l) => l.points.length > 1);
  const centre = middle(lanes.map((l) => l.points[0]));
  const sideOf = (p) => compass([p[0] - centre[0], p[1] - centre[1]]);
  for (const lane of lanes) {
    if (lane.kind === "crosswalk") {
      const group = crossingGroup(lane);
      if (group != null) { const entry = of(group); entry.walk = true; entry.sides.add(sideOf(middle(lane.points))); }
      continue;
    }
    const side = sideOf(lane.points.at(-1));
    for (const c of lane.connections) {
      if (c.group == null) continue;
      const entry = of(c.group);
      entry.sides.add(side); c.maneuvers.forEach((m) => entry.ways.add(m));
    }
  }
  for (const entry of found.values()) {
    const ways = ["left", "straight", "right", "u_turn"].filter((w) => entry.ways.has(w)).map((w) => ARROWS[w]).join("");
    entry.text = `${[...entry.sides].join(", ")}${entry.walk ? " crossing" : ""} ${ways}`.trim();
  }
  return found;
}

/** The group that rules a crosswalk: its own, or that of its connection. */
const crossingGroup = (lane) => lane.group ?? lane.connections.find((c) => c.group != null)?.group ?? null;

/** Compass name of a direction. */
function compass([x, y]) {
  const names = ["East", "North-east", "North", "North-west", "West", "South-west", "South", "South-east"];
  return names[(Math.round(Math.atan2(y, x) / (Math.PI / 4)) + 8) % 8];
}

const middle = (points) => [0, 1].map((k) => points.reduce((sum, p) => sum + p[k], 0) / Math.max(points.length, 1));

export function lampPath(ctx, shape, x, y, r) {
  ctx.beginPath();
  if (shape === "square") ctx.roundRect(x - r * 0.92, y - r * 0.92, r * 1.84, r * 1.84, r * 0.3);
  else if (shape === "diamond") { ctx.moveTo(x, y - r * 1.22); ctx.lineTo(x + r * 1.22, y); ctx.lineTo(x, y + r * 1.22); ctx.lineTo(x - r * 1.22, y); ctx.closePath(); }
  else ctx.arc(x, y, r, 0, 7);
}

function drawHead(ctx, theme, look, text, [x, y], r) {
  lampPath(ctx, look.shape, x, y, r);
  if (look.colour === "none") {
    ctx.fillStyle = theme.halo; ctx.fill();
    ctx.strokeStyle = theme.lamps.none; ctx.lineWidth = 1.5; ctx.setLineDash([3, 2]); ctx.stroke(); ctx.setLineDash([]);
    ctx.beginPath(); ctx.moveTo(x - r * 0.6, y + r * 0.6); ctx.lineTo(x + r * 0.6, y - r * 0.6); ctx.stroke();
    return;
  }
  ctx.fillStyle = look.dimmed ? theme.halo : theme.lamps[look.colour]; ctx.fill();
  ctx.lineWidth = look.dimmed ? 2 : 1.5; ctx.strokeStyle = look.dimmed ? theme.lamps[look.colour] : theme.outline; ctx.stroke();
  if (!text || r < 6) return;
  ctx.font = `700 ${Math.round(r * (text.length > 2 ? 0.86 : 1.12))}px system-ui, sans-serif`;
  ctx.textAlign = "center"; ctx.textBaseline = "middle";
  ctx.fillStyle = look.dimmed ? theme.text : look.colour === "yellow" ? "#17130a" : theme.lampInk;
  ctx.fillText(text, x, y + r * 0.06);
}

function connectionPath(ctx, view, lane, target) {
  const [from, to] = [lane.points[0], target.points[0]];
  const reach = Math.hypot(to[0] - from[0], to[1] - from[1]) * 0.45;
  ctx.beginPath();
  ctx.moveTo(...view.at(from));
  ctx.bezierCurveTo(...view.at(add(from, heading(lane), reach)), ...view.at(add(to, heading(target), -reach)), ...view.at(to));
  ctx.stroke();
}

/** Draw open movements, coloured stop lines, crosswalk bands and heads with seconds left; with `options.timing` also from
 *  when to when a state may end, and how sure its likely end is, as a part of a ring. */
export function drawLights(ctx, view, map, signals, theme, nowMs, options = {}) {
  const groups = new Map((signals?.groups ?? []).map((g) => [g.group, g]));
  const lanes = new Map(map.lanes.map((l) => [l.lane, l]));
  const blink = Math.floor(nowMs / 500) % 2 === 1;
  const look = (id) => { const m = meaning(groups.get(id)); return { ...m, dimmed: m.flashing && blink }; };
  const text = (id) => { const group = groups.get(id); return group ? countdown(group, nowMs).main : ""; };
  const timing = (id) => (options.timing && groups.has(id) ? { range: countdown(groups.get(id), nowMs).range, confidence: groups.get(id).confidence } : null);
  const radius = Math.min(Math.max(view.scale * 1.4, Math.min(view.scale * 2, 8), 5), 14); // from 3 px a metre on seconds fit in
  const approaches = new Map();
  for (const lane of map.lanes) {
    if (lane.points.length < 2) continue;
    const walk = lane.kind === "crosswalk" ? crossingGroup(lane) : null;
    if (walk != null) drawCrossing(ctx, view, lane, look(walk), text(walk), theme, radius);
    if (lane.ingress && (lane.kind === "vehicle" || lane.kind === "bicycle")) drawStop(ctx, view, lane, lanes, { look, theme, approaches });
  }
  for (const heads of approaches.values()) drawApproach(ctx, view, heads, { look, text, timing, theme, radius });
}

function drawStop(ctx, view, lane, lanes, { look, theme, approaches }) {
  const order = { left: 0, u_turn: 0, straight: 1, right: 2 };
  const rank = (c) => Math.min(...c.maneuvers.map((m) => order[m] ?? 1), 3);
  const ruled = lane.connections.filter((c) => c.group != null).sort((a, b) => rank(a) - rank(b));
  const ids = [...new Set(ruled.map((c) => c.group))];
  const [ahead, side] = [heading(lane), left(heading(lane))];
  ctx.lineCap = "round";
  for (const c of ruled) {
    if (look(c.group).colour !== "green" || !lanes.has(c.to)) continue;
    ctx.strokeStyle = theme.lamps.green; ctx.globalAlpha = 0.28; ctx.lineWidth = Math.max(0.6 * view.scale, 1.5);
    connectionPath(ctx, view, lane, lanes.get(c.to));
    ctx.globalAlpha = 1;
  }
  ctx.lineCap = "butt";
  const stop = (from, to, colour, dash) => {
    ctx.strokeStyle = colour; ctx.setLineDash(dash); ctx.lineWidth = Math.max(0.6 * view.scale, 3);
    ctx.beginPath(); ctx.moveTo(...view.at(add(lane.points[0], side, from))); ctx.lineTo(...view.at(add(lane.points[0], side, to))); ctx.stroke();
    ctx.setLineDash([]);
  };
  const part = (lane.width - 0.3) / Math.max(ids.length, 1);
  if (!ids.length) stop(lane.width / 2, -lane.width / 2, theme.marking, []);
  const key = Math.round(Math.atan2(ahead[1], ahead[0]) / (Math.PI / 8));
  const heads = approaches.get(key) ?? approaches.set(key, { ahead, side, spots: new Map() }).get(key);
  ids.forEach((id, i) => {
    const from = lane.width / 2 - 0.15 - part * i;
    const colour = look(id).colour;
    stop(from, from - part, theme.lamps[colour], colour === "none" ? [4, 3] : []);
    const spots = heads.spots.get(id) ?? heads.spots.set(id, []).get(id);
    spots.push(add(lane.points[0], side, from - part / 2));
  });
}

/** One head for each signal group of an approach, side by side just beyond the stop line. */
function drawApproach(ctx, view, { ahead, side, spots }, { look, text, timing, theme, radius }) {
  const along = (p, axis) => p[0] * axis[0] + p[1] * axis[1];
  const heads = [...spots].map(([id, list]) => ({
    id, across: list.reduce((sum, p) => sum + along(p, side), 0) / list.length, forward: Math.max(...list.map((p) => along(p, ahead))),
  })).sort((a, b) => b.across - a.across);
  const gap = ((timing(heads[0]?.id) ? 2.6 : 2.15) * radius) / view.scale;
  const centre = heads.reduce((sum, h) => sum + h.across, 0) / Math.max(heads.length, 1);
  heads.forEach((head, i) => { if (i) head.across = Math.min(head.across, heads[i - 1].across - gap); });
  const shift = centre - heads.reduce((sum, h) => sum + h.across, 0) / Math.max(heads.length, 1);
  for (const { id, across, forward } of heads) {
    const place = add(add([0, 0], ahead, forward + 0.6 + radius / view.scale), side, across + shift);
    drawHead(ctx, theme, look(id), text(id), view.at(place), radius);
    if (timing(id) && radius > 9) drawTiming(ctx, theme, timing(id), { at: view.at(place), ahead, radius });
  }
}

function drawTiming(ctx, theme, { range, confidence }, { at: [x, y], ahead, radius }) {
  if (confidence != null) {
    ctx.strokeStyle = theme.text; ctx.lineWidth = 2;
    ctx.beginPath(); ctx.arc(x, y, radius * 1.24, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * confidence); ctx.stroke();
  }
  if (!range) return;
  ctx.font = "600 10px system-ui, sans-serif"; ctx.textAlign = "center"; ctx.textBaseline = "middle";
  const half = ctx.measureText(range).width / 2 + 3;
  const away = radius * 1.24 + 3 + Math.abs(ahead[0]) * half + Math.abs(ahead[1]) * 7;
  const [cx, cy] = [x + ahead[0] * away, y - ahead[1] * away];
  ctx.fillStyle = theme.halo; ctx.beginPath(); ctx.roundRect(cx - half, cy - 7, 2 * half, 14, 4); ctx.fill();
  ctx.fillStyle = theme.text; ctx.fillText(range, cx, cy + 0.5);
}

function drawCrossing(ctx, view, lane, state, text, theme, radius) {
  ctx.strokeStyle = theme.lamps[state.colour]; ctx.lineWidth = Math.max(0.22 * view.scale, 1.5);
  ctx.setLineDash(state.colour === "none" ? [4, 3] : []);
  for (const edge of [lane.width / 2, -lane.width / 2]) {
    ctx.beginPath();
    lane.points.forEach((p, i) => {
      const q = lane.points[Math.min(i + 1, lane.points.length - 1)];
      const o = lane.points[Math.max(i - 1, 0)];
      const n = Math.hypot(q[0] - o[0], q[1] - o[1]) || 1;
      const shifted = [p[0] - ((q[1] - o[1]) / n) * edge, p[1] + ((q[0] - o[0]) / n) * edge];
      if (i) ctx.lineTo(...view.at(shifted)); else ctx.moveTo(...view.at(shifted));
    });
    ctx.stroke();
  }
  ctx.setLineDash([]);
  const r = Math.min(radius, Math.max(view.scale * 1.1, 4));
  for (const [end, before] of [[lane.points[0], lane.points[1]], [lane.points.at(-1), lane.points.at(-2)]]) {
    const n = Math.hypot(end[0] - before[0], end[1] - before[1]) || 1;
    const out = [(end[0] - before[0]) / n, (end[1] - before[1]) / n];
    drawHead(ctx, theme, state, text, view.at(add(end, out, r / view.scale + 0.4)), r);
  }
}
