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
export function seen(matrix, points, { width, height }) {
  const pieces = [];
  let piece = [];
  for (const ground of points) {
    const pixel = through(matrix, ground);
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
