// Plane-to-plane maps as rows of nine numbers, and lines seen through them.

/** Map a point; null where it is not in front of the camera. */
export function through(matrix, [x, y]) {
  const depth = matrix[6] * x + matrix[7] * y + matrix[8];
  if (!(depth > 0)) return null;
  return [(matrix[0] * x + matrix[1] * y + matrix[2]) / depth, (matrix[3] * x + matrix[4] * y + matrix[5]) / depth];
}

/** The inverse map, with positive depth on the ground that is seen. */
export function inverse([a, b, c, d, e, f, g, h, i]) {
  const [p, q, r] = [e * i - f * h, c * h - b * i, b * f - c * e];
  const det = a * p + d * q + g * r;
  return [p, q, r, f * g - d * i, a * i - c * g, c * d - a * f, d * h - e * g, b * g - a * h, a * e - b * d].map((v) => v / det);
}

/** A ground point in the camera's picture, through its lens; null outside its field. */
export function toPixel(fit, ground) {
  const ideal = through(fit.to_pixels, ground);
  return ideal && fit.lens ? bent(fit.lens, ideal) : ideal;
}

/** The ground point at a pixel; null where there is none. */
export function toGround(fit, pixel) {
  const ideal = fit.lens ? straight(fit.lens, pixel) : pixel;
  return ideal && through(inverse(fit.to_pixels), ideal);
}

/** From the ideal picture to that of a lens of OpenCV's models; null beyond its limit. */
export function bent({ fisheye, fx, fy, cx, cy, k, focal, mid_u: midU, mid_v: midV, limit }, [u, v]) {
  const [x, y] = [(u - midU) / focal, (v - midV) / focal];
  const r2 = x * x + y * y;
  const r = Math.sqrt(r2);
  if (!((fisheye ? Math.atan(r) : r) <= limit)) return null;
  if (fisheye) {
    const t = Math.atan(r) ** 2;
    const scale = r > 1e-12 ? (Math.atan(r) / r) * (1 + t * (k[0] + t * (k[1] + t * (k[2] + t * k[3])))) : 1;
    return [cx + fx * x * scale, cy + fy * y * scale];
  }
  const scale = 1 + r2 * (k[0] + r2 * (k[1] + r2 * k[4]));
  return [
    cx + fx * (x * scale + 2 * k[2] * x * y + k[3] * (r2 + 2 * x * x)),
    cy + fy * (y * scale + k[2] * (r2 + 2 * y * y) + 2 * k[3] * x * y),
  ];
}

/** The inverse: Newton's steps with measured slopes, never past the limit. */
export function straight(lens, [u, v]) {
  const longest = lens.focal * (lens.fisheye ? Math.tan(lens.limit) : lens.limit);
  let at = [lens.mid_u, lens.mid_v];
  for (let step = 0; step < 60; step += 1) {
    const [here, right, down] = [at, [at[0] + 0.01, at[1]], [at[0], at[1] + 0.01]].map((p) => bent(lens, p));
    if (!here || !right || !down) return null;
    const [eu, ev] = [u - here[0], v - here[1]];
    if (Math.hypot(eu, ev) < 1e-3) return at;
    const [a, b, c, d] = [right[0] - here[0], down[0] - here[0], right[1] - here[1], down[1] - here[1]].map((w) => w / 0.01);
    const det = a * d - b * c;
    if (!(det > 1e-9)) return null;
    const next = [at[0] + (d * eu - b * ev) / det - lens.mid_u, at[1] + (a * ev - c * eu) / det - lens.mid_v];
    // Half the way to the limit at most: a step from the middle of a fisheye overshoots.
    const far = Math.hypot(...next);
    const most = 0.5 * (longest + Math.hypot(at[0] - lens.mid_u, at[1] - lens.mid_v));
    const shrink = far > most ? most / far : 1;
    at = [lens.mid_u + next[0] * shrink, lens.mid_v + next[1] * shrink];
  }
  return null;
}

/** A polyline with a point at least every `step` metres. */
export function dense(points, step = 1) {
  const found = [];
  for (let k = 0; k + 1 < points.length; k += 1) {
    const [a, b] = [points[k], points[k + 1]];
    const parts = Math.max(1, Math.ceil(Math.hypot(b[0] - a[0], b[1] - a[1]) / step));
    for (let j = 0; j < parts; j += 1) found.push([a[0] + (j / parts) * (b[0] - a[0]), a[1] + (j / parts) * (b[1] - a[1])]);
  }
  if (points.length) found.push(points[points.length - 1]);
  return found;
}

/** The pieces of a ground polyline that a picture of this size, with a margin around it, can show. */
export function seen(fit, points, { width, height }) {
  const pieces = [];
  let piece = [];
  for (const ground of points) {
    const pixel = toPixel(fit, ground);
    const near = pixel && Math.abs(pixel[0] - width / 2) < 2.5 * width && Math.abs(pixel[1] - height / 2) < 2.5 * height;
    if (near) piece.push(pixel);
    else { if (piece.length > 1) pieces.push(piece); piece = []; }
  }
  if (piece.length > 1) pieces.push(piece);
  return pieces;
}

/** A line moved sideways: positive to the left of its direction. */
export function beside(points, offset) {
  return points.map((p, k) => {
    const [a, b] = [points[Math.max(k - 1, 0)], points[Math.min(k + 1, points.length - 1)]];
    const length = Math.hypot(b[0] - a[0], b[1] - a[1]) || 1;
    return [p[0] - (offset * (b[1] - a[1])) / length, p[1] + (offset * (b[0] - a[0])) / length];
  });
}
