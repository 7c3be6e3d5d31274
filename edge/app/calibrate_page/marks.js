// Numbered points as both panes draw them, and the colours of the page.

export const GOOD_M = 0.5;
export const BAD_M = 1.0;

let colours = null;

/** Colours of the style sheet, read once. */
export function theme() {
  if (colours) return colours;
  const style = getComputedStyle(document.documentElement);
  const names = ["accent", "ok", "warn", "bad", "off", "ground", "asphalt", "edge", "marking", "crossing", "bike", "grid", "sight", "text", "quiet", "halo", "stop", "lane", "ink"];
  colours = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  return colours;
}

matchMedia("(prefers-color-scheme: light)").addEventListener("change", () => { colours = null; });

/** `good`, `fair`, `bad`, or `unknown` where nothing can be said yet. */
export function grade(errorM) {
  if (errorM === null || errorM === undefined) return "unknown";
  return errorM < GOOD_M ? "good" : errorM < BAD_M ? "fair" : "bad";
}

export function gradeColour(name) {
  const { ok, warn, bad, accent } = theme();
  return { good: ok, fair: warn, bad, unknown: accent }[name];
}

/** Draw a point: a cross that leaves its middle free, and its number. */
export function drawMark(ctx, [x, y], { number, colour, selected, hollow }) {
  const { ink } = theme();
  const reach = selected ? 11 : 8;
  for (const [width, stroke] of [[4, "rgba(0, 0, 0, .6)"], [1.75, colour]]) {
    ctx.lineWidth = width; ctx.strokeStyle = stroke; ctx.setLineDash(hollow ? [3, 2] : []);
    ctx.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) { ctx.moveTo(x + 2.5 * dx, y + 2.5 * dy); ctx.lineTo(x + reach * dx, y + reach * dy); }
    ctx.stroke();
    ctx.beginPath(); ctx.arc(x, y, reach - 2.5, 0, 7); ctx.stroke();
  }
  ctx.setLineDash([]);
  ctx.font = "700 11px system-ui, sans-serif"; ctx.textAlign = "center"; ctx.textBaseline = "middle";
  const wide = number > 9 ? 19 : 15;
  ctx.fillStyle = colour; ctx.beginPath(); ctx.roundRect(x + 8, y - 22, wide, 15, 4); ctx.fill();
  if (selected) { ctx.lineWidth = 1.5; ctx.strokeStyle = "#fff"; ctx.stroke(); }
  ctx.fillStyle = ink; ctx.fillText(number, x + 8 + wide / 2, y - 14);
}

/** A thin cross: where the mouse in the other pane points to. */
export function drawCross(ctx, [x, y], colour) {
  for (const [width, stroke] of [[3, "rgba(0, 0, 0, .5)"], [1.25, colour]]) {
    ctx.lineWidth = width; ctx.strokeStyle = stroke;
    ctx.beginPath();
    ctx.moveTo(x - 14, y); ctx.lineTo(x - 3, y); ctx.moveTo(x + 3, y); ctx.lineTo(x + 14, y);
    ctx.moveTo(x, y - 14); ctx.lineTo(x, y - 3); ctx.moveTo(x, y + 3); ctx.lineTo(x, y + 14);
    ctx.stroke();
  }
}

export function trace(ctx, points, { closed = false } = {}) {
  ctx.beginPath();
  points.forEach((p, k) => (k ? ctx.lineTo(...p) : ctx.moveTo(...p)));
  if (closed) ctx.closePath();
}
