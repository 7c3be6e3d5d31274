// Plane geometry in metres, east and north, and the view from metres to pixels.

export const unit = ([x, y]) => { const n = Math.hypot(x, y) || 1; return [x / n, y / n]; };
export const add = (a, b, k = 1) => [a[0] + k * b[0], a[1] + k * b[1]];
export const left = ([x, y]) => [-y, x];

/** Direction of travel at the first point of a lane: towards the box on ingress, away from it on egress. */
export function heading(lane) {
  const [a, b] = lane.points;
  const away = unit([b[0] - a[0], b[1] - a[1]]);
  return lane.ingress ? [-away[0], -away[1]] : away;
}

/** Convex hull, counter-clockwise (Andrew's monotone chain). */
export function hull(points) {
  const sorted = [...points].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const half = (list) => {
    const chain = [];
    for (const p of list) {
      while (chain.length > 1) {
        const [a, b] = chain.slice(-2);
        if ((b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]) > 0) break;
        chain.pop();
      }
      chain.push(p);
    }
    return chain.slice(0, -1);
  };
  return sorted.length < 3 ? sorted : [...half(sorted), ...half(sorted.reverse())];
}

/** Semi-axes (one standard deviation) and direction of a covariance [xx, xy, yy]. */
export function ellipse([xx, xy, yy]) {
  const mean = (xx + yy) / 2;
  const spread = Math.hypot((xx - yy) / 2, xy);
  const axes = [Math.sqrt(Math.max(mean + spread, 0)), Math.sqrt(Math.max(mean - spread, 0))];
  return { axes, yaw: 0.5 * Math.atan2(2 * xy, xx - yy) };
}

/** The part of a lane within `reach` metres of a point, for fitting the view. */
function near(lane, centre, reach) {
  return lane.points.map((p) => {
    const [dx, dy] = [p[0] - centre[0], p[1] - centre[1]];
    const far = Math.max(Math.hypot(dx, dy) / reach, 1);
    return [centre[0] + dx / far, centre[1] + dy / far];
  });
}

/** Metres to pixels: `centre` in metres is drawn in the middle, north is up. */
export class View {
  constructor() { this.centre = [0, 0]; this.scale = 6; this.width = 1; this.height = 1; this.version = 0; }

  resize(width, height) {
    if (width === this.width && height === this.height) return;
    [this.width, this.height] = [width, height];
    this.version += 1;
  }

  x(east) { return this.width / 2 + (east - this.centre[0]) * this.scale; }
  y(north) { return this.height / 2 - (north - this.centre[1]) * this.scale; }
  at(p) { return [this.x(p[0]), this.y(p[1])]; }
  /** Metres of a pixel. */
  from(px, py) { return [this.centre[0] + (px - this.width / 2) / this.scale, this.centre[1] - (py - this.height / 2) / this.scale]; }

  zoom(factor, px = this.width / 2, py = this.height / 2) {
    const [east, north] = this.from(px, py);
    this.scale = Math.min(Math.max(this.scale * factor, 0.6), 60);
    this.centre = [east - (px - this.width / 2) / this.scale, north + (py - this.height / 2) / this.scale];
    this.version += 1;
  }

  pan(dx, dy) {
    this.centre = [this.centre[0] - dx / this.scale, this.centre[1] + dy / this.scale];
    this.version += 1;
  }

  fit(lanes) {
    const stops = lanes.filter((l) => l.points.length > 1).map((l) => l.points[0]);
    if (!stops.length) return;
    const middle = [0, 1].map((k) => stops.reduce((sum, p) => sum + p[k], 0) / stops.length);
    const radius = Math.max(...stops.map((p) => Math.hypot(p[0] - middle[0], p[1] - middle[1])));
    const points = lanes.flatMap((l) => near(l, middle, radius + 24));
    const range = (k) => [Math.min(...points.map((p) => p[k])), Math.max(...points.map((p) => p[k]))];
    const [x, y] = [range(0), range(1)];
    this.centre = [(x[0] + x[1]) / 2, (y[0] + y[1]) / 2];
    this.scale = Math.min(this.width / (x[1] - x[0] + 4), this.height / (y[1] - y[0] + 4), 22);
    this.version += 1;
  }
}
