// Where road users have been in the last seconds.

const KEEP_MS = 4000;
const MOST_POINTS = 60;
const JUMP_M = 8; // no road user moves so far between two scenes: it was found again elsewhere

export class Trails {
  constructor() { this.byId = new Map(); }

  clear() { this.byId.clear(); }

  /** Take the road users of one scene. */
  add(users, stampMs) {
    for (const user of users) {
      if (!this.byId.has(user.id)) this.byId.set(user.id, { points: [] });
      const trail = this.byId.get(user.id);
      trail.kind = user.class;
      trail.points.push([user.x, user.y, stampMs]);
      while (trail.points.length > MOST_POINTS || trail.points[0][2] < stampMs - KEEP_MS) trail.points.shift();
    }
    for (const [id, trail] of this.byId) if (trail.points.at(-1)[2] < stampMs - 1000) this.byId.delete(id);
  }

  draw(ctx, view, theme, nowMs) {
    ctx.lineWidth = Math.min(Math.max(0.35 * view.scale, 1.2), 3); ctx.lineCap = "round"; ctx.setLineDash([]);
    for (const { kind, points } of this.byId.values()) {
      ctx.strokeStyle = theme.classes[kind] ?? theme.classes.unknown;
      for (let i = 1; i < points.length; i += 1) {
        const fade = 1 - (nowMs - points[i][2]) / KEEP_MS;
        if (fade <= 0 || Math.hypot(points[i][0] - points[i - 1][0], points[i][1] - points[i - 1][1]) > JUMP_M) continue;
        ctx.globalAlpha = 0.55 * Math.min(fade, 1);
        ctx.beginPath(); ctx.moveTo(...view.at(points[i - 1])); ctx.lineTo(...view.at(points[i])); ctx.stroke();
      }
    }
    ctx.globalAlpha = 1; ctx.lineCap = "butt";
  }
}
