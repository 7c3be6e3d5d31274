"""Where on the ground the road user stands whose cuboid fills an image box.

For likely headings and sizes of the class, a Gauss-Newton step moves a cuboid over the ground until the edges of its
silhouette meet the edges of the box; the candidates are then weighed by how well they fit. The spread of the
candidates, the pixel noise and the fit's own geometry give the covariance.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edge.perception.compiled import kernel

Floats = NDArray[np.float64]
HEADINGS = 12
"""Headings tried over half a turn; a cuboid looks the same from both ends."""
MAX_STEP_M = 6.0
PRIOR = 1.0 / 8.0**2
"""One over the variance of the start, 1/m2."""
MIN_DEPTH_SHARE = 0.05
BETWEEN = 0.5 * (math.pi / HEADINGS) / math.sqrt(12.0)
"""How far headings between those that were tried move the centre, as a share of the length, one sigma."""
COS = np.cos(np.arange(HEADINGS) * (math.pi / HEADINGS))
SIN = np.sin(np.arange(HEADINGS) * (math.pi / HEADINGS))
HOPELESS = 6.0
"""A heading whose cost is that much above the best one's is not tried with other sizes: its weight is below 0.0025."""
LONGEST, OTHER_BODY = 2, 1.3
"""The third size of a class is tried at every heading where it is that much longer: the first then says nothing."""
X, Y, INFO_XX, INFO_XY, INFO_YY, COST, LENGTH, WIDTH, HEIGHT, PLAIN = range(10)
CANDIDATE_COLUMNS = 10


@kernel
def silhouette(
    matrix: Floats, x: float, y: float, arms: Floats
) -> tuple[float, float, float, float, float, float, float, float]:
    """Edges x1 y1 x2 y2 of a projected cuboid at x, y, and one over the depth of the corner that makes each.

    Args:
        matrix: (3, 4) projection.
        arms: (3, 3) half length, half width and height of the cuboid as differences of the projection, one a row.
    """
    b0 = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 3]
    b1 = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 3]
    b2 = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 3]
    nearest = MIN_DEPTH_SHARE * abs(b2) + 1e-12
    u_low = v_low = np.inf
    u_high = v_high = -np.inf
    at_u_low = at_v_low = at_u_high = at_v_high = 0.0
    # Selections of scalars, not branches: which corner is outermost cannot be foretold.
    for a in (-1.0, 1.0):
        for b in (-1.0, 1.0):
            c0 = b0 + a * arms[0, 0] + b * arms[1, 0]
            c1 = b1 + a * arms[0, 1] + b * arms[1, 1]
            c2 = b2 + a * arms[0, 2] + b * arms[1, 2]
            for h in (0.0, 1.0):
                inverse = 1.0 / max(c2 + h * arms[2, 2], nearest)
                u, v = (c0 + h * arms[2, 0]) * inverse, (c1 + h * arms[2, 1]) * inverse
                at_u_low, u_low = (inverse, u) if u < u_low else (at_u_low, u_low)
                at_v_low, v_low = (inverse, v) if v < v_low else (at_v_low, v_low)
                at_u_high, u_high = (inverse, u) if u > u_high else (at_u_high, u_high)
                at_v_high, v_high = (inverse, v) if v > v_high else (at_v_high, v_high)
    return u_low, v_low, u_high, v_high, at_u_low, at_v_low, at_u_high, at_v_high


@kernel
def fit_candidate(
    matrix: Floats, arms: Floats, measured: Floats, weight: Floats, limit: Floats, row: Floats
) -> None:
    """Move one cuboid until its silhouette meets the box, by one Gauss-Newton step: the fit is nearly linear.

    `row` holds its start and takes the result.
    """
    found = silhouette(matrix, row[X], row[Y], arms)
    xx, xy, yy = PRIOR, 0.0, PRIOR
    gx = gy = 0.0
    for j in range(4):
        value = found[j]
        # An edge outside the image says only that the road user goes on beyond it.
        w = weight[j] if 0.0 < value < limit[j & 1] else 0.0
        sx = (matrix[j & 1, 0] - value * matrix[2, 0]) * found[4 + j]
        sy = (matrix[j & 1, 1] - value * matrix[2, 1]) * found[4 + j]
        r = measured[j] - value
        xx += w * sx * sx
        xy += w * sx * sy
        yy += w * sy * sy
        gx += w * sx * r
        gy += w * sy * r
    det = 1.0 / (xx * yy - xy * xy)
    dx, dy = (yy * gx - xy * gy) * det, (xx * gy - xy * gx) * det
    shrink = min(1.0, MAX_STEP_M / max(math.sqrt(dx * dx + dy * dy), 1e-9))
    row[X] += dx * shrink
    row[Y] += dy * shrink
    row[INFO_XX], row[INFO_XY], row[INFO_YY] = xx, xy, yy
    found = silhouette(matrix, row[X], row[Y], arms)
    squares = 0.0
    for j in range(4):
        r = measured[j] - min(max(found[j], 0.0), limit[j & 1])
        squares += weight[j] * r * r
    row[COST] = 0.5 * squares


@kernel
def fit_one(  # noqa: PLR0913, PLR0917 - kernels take arrays, not objects
    matrix: Floats,
    eye: Floats,
    near: Floats,
    measured: Floats,
    weight: Floats,
    limit: Floats,
    size: Floats,
    log_prior: Floats,
    rows: Floats,
    arms: Floats,
) -> int:
    """Fit every size at every heading to one box; returns how many candidates are in `rows`.

    The first size is tried at every heading, the others at those that were not out of the question, see `LONGEST`.
    """
    ax, ay = near[0] - eye[0], near[1] - eye[1]
    norm = 1.0 / max(math.sqrt(ax * ax + ay * ay), 1e-6)
    ax, ay = ax * norm, ay * norm
    count = 0
    least = np.inf
    for s in range(len(size)):
        another = s == LONGEST and size[s, 0] > OTHER_BODY * size[0, 0]
        for j in range(3):
            arms[2, j] = matrix[j, 2] * size[s, 2]
        for k in range(HEADINGS):
            if s > 0 and not another and rows[k, PLAIN] > least + HOPELESS:
                continue
            lx, ly = 0.5 * size[s, 0] * COS[k], 0.5 * size[s, 0] * SIN[k]
            wx, wy = -0.5 * size[s, 1] * SIN[k], 0.5 * size[s, 1] * COS[k]
            for j in range(3):
                arms[0, j] = matrix[j, 0] * lx + matrix[j, 1] * ly
                arms[1, j] = matrix[j, 0] * wx + matrix[j, 1] * wy
            half = abs(lx * ax + ly * ay) + abs(wx * ax + wy * ay)
            row = rows[count]
            row[X], row[Y] = near[0] + ax * half, near[1] + ay * half
            fit_candidate(matrix, arms, measured, weight, limit, row)
            if s == 0:
                row[PLAIN] = row[COST]
                least = min(least, row[COST])
            row[COST] -= log_prior[s]
            row[LENGTH], row[WIDTH], row[HEIGHT] = size[s, 0], size[s, 1], size[s, 2]
            count += 1
    return count


@kernel
def moments(rows: Floats, count: int, sizes: int, out: Floats) -> None:
    """Mean, covariance, size and misfit of the candidates by their likelihood; `out` (9,) x y xx xy yy l w h misfit."""
    best = np.inf
    longest = 0.0
    for k in range(count):
        best = min(best, rows[k, COST])
        longest = max(longest, rows[k, LENGTH])
    total = 0.0
    out[:] = 0.0
    for k in range(count):
        w = math.exp(best - rows[k, COST])
        rows[k, COST] = w
        total += w
        out[0] += w * rows[k, X]
        out[1] += w * rows[k, Y]
        for j in range(3):
            out[5 + j] += w * rows[k, LENGTH + j]
    out[8] = best - math.log(total / (HEADINGS * sizes))
    for j in (0, 1, 5, 6, 7):
        out[j] /= total
    for k in range(count):
        w = rows[k, COST] / total
        dx, dy = rows[k, X] - out[0], rows[k, Y] - out[1]
        det = 1.0 / (rows[k, INFO_XX] * rows[k, INFO_YY] - rows[k, INFO_XY] ** 2)
        out[2] += w * (dx * dx + rows[k, INFO_YY] * det)
        out[3] += w * (dx * dy - rows[k, INFO_XY] * det)
        out[4] += w * (dy * dy + rows[k, INFO_XX] * det)
    between = (longest * BETWEEN) ** 2
    out[2] += between
    out[4] += between
