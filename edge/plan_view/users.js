// Road users: oriented boxes by class, with velocity, who saw them, and how sure the place is.

import { ellipse } from "./geometry.js";

export const CLASSES = ["car", "truck", "bus", "motorcycle", "bicycle", "pedestrian", "unknown"];
const AHEAD_LIMIT_S = 0.2; // never draw further ahead of the newest data than this

function box(ctx, user, scale) {
  const length = Math.max(user.length * scale, 5);
  const width = Math.max(user.width * scale, 4);
  ctx.beginPath();
  if (user.class === "pedestrian") ctx.arc(0, 0, Math.max(0.42 * scale, 4), 0, 7);
  else if (user.yaw == null) ctx.arc(0, 0, Math.max(length, width) / 2, 0, 7);
  else ctx.roundRect(-length / 2, -width / 2, length, width, Math.min(width * 0.28, 6));
  return { length, width };
}

function windscreen(ctx, { length, width }) {
  ctx.beginPath();
  ctx.moveTo(length * 0.2, -width * 0.34); ctx.lineTo(length * 0.36, -width * 0.24);
  ctx.lineTo(length * 0.36, width * 0.24); ctx.lineTo(length * 0.2, width * 0.34); ctx.closePath();
  ctx.fillStyle = "rgba(5, 10, 18, .45)"; ctx.fill();
}

function provenance(ctx, user, scale, colour) {
  const r = Math.min(Math.max(scale * 0.42, 2.2), 5);
  const small = user.class === "pedestrian" || user.class === "bicycle" || user.class === "motorcycle";
  ctx.strokeStyle = ctx.fillStyle = colour;
  if (user.source === "none") return;
  if (user.source !== "v2x") { ctx.beginPath(); ctx.arc(0, 0, user.source === "both" ? r * 0.5 : r * (small ? 0.55 : 0.65), 0, 7); ctx.fill(); }
  if (user.source !== "camera") { ctx.beginPath(); ctx.arc(0, 0, r * (small ? 1.0 : 1.1), 0, 7); ctx.lineWidth = 1.3; ctx.stroke(); }
}

function arrow(ctx, from, to, colour) {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const length = Math.hypot(dx, dy);
  if (length < 7) return;
  const [ux, uy] = [dx / length, dy / length];
  ctx.strokeStyle = ctx.fillStyle = colour; ctx.lineWidth = 1.8;
  ctx.beginPath(); ctx.moveTo(...from); ctx.lineTo(to[0] - ux * 5, to[1] - uy * 5); ctx.stroke();
  ctx.beginPath(); ctx.moveTo(...to);
  ctx.lineTo(to[0] - ux * 7 - uy * 3.4, to[1] - uy * 7 + ux * 3.4); ctx.lineTo(to[0] - ux * 7 + uy * 3.4, to[1] - uy * 7 - ux * 3.4); ctx.fill();
}

function label(ctx, text, x, y, theme) {
  ctx.font = "600 11px system-ui, sans-serif"; ctx.textAlign = "left"; ctx.textBaseline = "middle";
  const width = ctx.measureText(text).width;
  ctx.fillStyle = theme.halo; ctx.beginPath(); ctx.roundRect(x, y - 8, width + 8, 16, 4); ctx.fill();
  ctx.fillStyle = theme.text; ctx.fillText(text, x + 4, y + 0.5);
}

function drawEllipse(ctx, view, user, [x, y], colour) {
  const { axes, yaw } = ellipse(user.cov);
  ctx.save(); ctx.translate(x, y); ctx.rotate(-yaw);
  ctx.beginPath(); ctx.ellipse(0, 0, Math.max(2 * axes[0] * view.scale, 1), Math.max(2 * axes[1] * view.scale, 1), 0, 0, 7);
  ctx.fillStyle = colour; ctx.globalAlpha = 0.16; ctx.fill(); ctx.globalAlpha = 0.9;
  ctx.strokeStyle = colour; ctx.lineWidth = 1.2; ctx.setLineDash([4, 3]); ctx.stroke(); ctx.setLineDash([]);
  ctx.restore();
}

function drawUser(ctx, view, user, place, theme) {
  const colour = theme.classes[user.class] ?? theme.classes.unknown;
  ctx.save();
  ctx.translate(...place);
  if (user.yaw != null) ctx.rotate(-user.yaw);
  const size = box(ctx, user, view.scale);
  const unseen = user.source === "v2x" || user.source === "none";
  ctx.fillStyle = colour; ctx.globalAlpha = { v2x: 0.45, none: 0.12 }[user.source] ?? 1; ctx.fill(); ctx.globalAlpha = 1;
  ctx.strokeStyle = unseen ? colour : theme.outline;
  ctx.lineWidth = 1.4; ctx.setLineDash(unseen ? [4, 2.5] : []); ctx.stroke(); ctx.setLineDash([]);
  if (user.yaw != null && user.class !== "pedestrian" && size.length > 12) windscreen(ctx, size);
  const ink = user.class === "pedestrian" ? theme.pedestrianInk : user.source === "v2x" ? theme.text : theme.ink;
  provenance(ctx, user, view.scale, ink);
  ctx.restore();
}

/** Road users as they were last: grey outlines that nobody takes for current. */
export function drawGhosts(ctx, view, users, theme) {
  ctx.strokeStyle = theme.quiet; ctx.lineWidth = 1.2; ctx.setLineDash([3, 3]); ctx.globalAlpha = 0.7;
  for (const user of users) {
    ctx.save();
    ctx.translate(...view.at([user.x, user.y]));
    if (user.yaw != null) ctx.rotate(-user.yaw);
    box(ctx, user, view.scale);
    ctx.stroke();
    ctx.restore();
  }
  ctx.setLineDash([]); ctx.globalAlpha = 1;
}

function ring(ctx, user, [x, y], view, theme) {
  ctx.strokeStyle = theme.accent; ctx.lineWidth = 2.5;
  ctx.beginPath(); ctx.arc(x, y, Math.max((user.length / 2) * view.scale, 8) + 6, 0, 7); ctx.stroke();
}

/** Draw all road users, `aheadS` seconds after the stamp of the scene; a ring round the selected one. */
export function drawUsers(ctx, view, users, theme, options, aheadS, selected = null) {
  const ahead = Math.min(Math.max(aheadS, 0), AHEAD_LIMIT_S);
  const placed = users.map((u) => [u, view.at([u.x + u.vx * ahead, u.y + u.vy * ahead])]);
  if (options.ellipses) for (const [u, p] of placed) drawEllipse(ctx, view, u, p, theme.classes[u.class] ?? theme.classes.unknown);
  if (options.velocity) {
    for (const [u, p] of placed) arrow(ctx, p, [p[0] + u.vx * view.scale, p[1] - u.vy * view.scale], theme.text);
  }
  for (const [u, p] of placed) {
    drawUser(ctx, view, u, p, theme);
    if (selected != null && u.id === selected) ring(ctx, u, p, view, theme);
  }
  if (!options.labels) return;
  for (const [u, p] of placed) {
    label(ctx, `${u.id}  ${Math.round(Math.hypot(u.vx, u.vy) * 3.6)} km/h`, p[0] + 10, p[1] - 14, theme);
  }
}
