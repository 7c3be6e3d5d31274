"""The pictures of a lens and of an ideal pinhole in its place, point by point; compiled.

The models are OpenCV's: Brown's five coefficients, and Kannala and Brandt's four for fisheyes (IEEE TPAMI 28(8), 2006).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edge.perception.compiled import kernel

Floats = NDArray[np.float64]

# Columns of a lens: fx fy cx cy of the picture, five coefficients, focal length and middle of the ideal picture, and
# the radius (fisheye: angle) at which the lens ends or folds.
FISHEYE, FX, FY, CX, CY, K, FOCAL, MID_U, MID_V, LIMIT = 0, 1, 2, 3, 4, 5, 10, 11, 12, 13
LENS_COLUMNS = 14
WIDEST_RAD = math.radians(85.0)
"""A pinhole's picture of what lies farther from the axis has no end."""
_STEPS = 20
_CLOSE = 1e-12


@kernel
def bend(lens: Floats, x: float, y: float, out: Floats) -> None:
    """Rays x, y, 1 of an ideal camera to where the lens puts them, fx and fy taken out."""
    r2 = x * x + y * y
    if lens[FISHEYE] > 0.0:
        r = math.sqrt(r2)
        angle = math.atan(r)
        t = angle * angle
        bent = angle * (1.0 + t * (lens[K] + t * (lens[K + 1] + t * (lens[K + 2] + t * lens[K + 3]))))
        scale = bent / r if r > 1e-12 else 1.0
        out[0], out[1] = x * scale, y * scale
        return
    scale = 1.0 + r2 * (lens[K] + r2 * (lens[K + 1] + r2 * lens[K + 4]))
    p1, p2 = lens[K + 2], lens[K + 3]
    out[0] = x * scale + 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x)
    out[1] = y * scale + p1 * (r2 + 2.0 * y * y) + 2.0 * p2 * x * y


@kernel
def straighten_angle(lens: Floats, bent: float) -> float:
    """Angle from the axis at a fisheye's radius; NaN beyond its limit."""
    low, high = 0.0, lens[LIMIT]
    angle = min(bent, high)
    for _ in range(_STEPS):
        t = angle * angle
        value = angle * (1.0 + t * (lens[K] + t * (lens[K + 1] + t * (lens[K + 2] + t * lens[K + 3])))) - bent
        slope = 1.0 + t * (
            3.0 * lens[K] + t * (5.0 * lens[K + 1] + t * (7.0 * lens[K + 2] + t * 9.0 * lens[K + 3]))
        )
        if value > 0.0:
            high = angle
        else:
            low = angle
        if abs(value) < _CLOSE:
            return float(angle)
        step = angle - value / slope if slope > 0.0 else -1.0
        # Halving where Newton's step leaves what is known to hold the root.
        angle = step if low <= step <= high else 0.5 * (low + high)
    return float(angle) if abs(value) < 1e-9 else math.nan


@kernel
def straighten(lens: Floats, xd: float, yd: float, out: Floats) -> bool:
    """The inverse of `bend`; False where no ray within the limit of the lens goes there."""
    if lens[FISHEYE] > 0.0:
        bent = math.sqrt(xd * xd + yd * yd)
        angle = straighten_angle(lens, bent)
        if not angle <= lens[LIMIT]:
            return False
        scale = math.tan(angle) / bent if bent > 1e-12 else 1.0
        out[0], out[1] = xd * scale, yd * scale
        return True
    x, y = xd, yd
    for _ in range(_STEPS):
        r = math.sqrt(x * x + y * y)
        if r > lens[LIMIT]:
            x, y = x * lens[LIMIT] / r, y * lens[LIMIT] / r
        bend(lens, x, y, out)
        ex, ey = xd - out[0], yd - out[1]
        if ex * ex + ey * ey < _CLOSE * _CLOSE:
            out[0], out[1] = x, y
            return True
        r2 = x * x + y * y
        scale = 1.0 + r2 * (lens[K] + r2 * (lens[K + 1] + r2 * lens[K + 4]))
        slope = 2.0 * (lens[K] + r2 * (2.0 * lens[K + 1] + r2 * 3.0 * lens[K + 4]))
        p1, p2 = lens[K + 2], lens[K + 3]
        jxx = scale + slope * x * x + 2.0 * p1 * y + 6.0 * p2 * x
        jxy = slope * x * y + 2.0 * p1 * x + 2.0 * p2 * y
        jyy = scale + slope * y * y + 6.0 * p1 * y + 2.0 * p2 * x
        det = jxx * jyy - jxy * jxy
        if not det > 1e-9:
            # At the fold: a short way back towards the axis.
            x, y = 0.9 * x, 0.9 * y
            continue
        x += (jyy * ex - jxy * ey) / det
        y += (jxx * ey - jxy * ex) / det
    out[0], out[1] = x, y
    return bool(ex * ex + ey * ey < 1e-18 and x * x + y * y <= lens[LIMIT] ** 2)


@kernel
def undistort_point(lens: Floats, u: float, v: float, out: Floats) -> bool:
    """A pixel of the picture to the ideal picture; False where the lens shows nothing that a pinhole could."""
    good = straighten(lens, (u - lens[CX]) / lens[FX], (v - lens[CY]) / lens[FY], out)
    out[0], out[1] = lens[MID_U] + lens[FOCAL] * out[0], lens[MID_V] + lens[FOCAL] * out[1]
    return good


@kernel
def undistort_all(lens: Floats, points: Floats, out: Floats) -> None:
    """(n, 2) pixels to the ideal picture; NaN where there is nothing."""
    for i in range(len(points)):
        if not undistort_point(lens, points[i, 0], points[i, 1], out[i]):
            out[i] = np.nan


@kernel
def distort_all(lens: Floats, points: Floats, out: Floats) -> None:
    """(n, 2) pixels of the ideal picture to those of the lens; NaN beyond its limit, where the formula folds back."""
    for i in range(len(points)):
        x, y = (points[i, 0] - lens[MID_U]) / lens[FOCAL], (points[i, 1] - lens[MID_V]) / lens[FOCAL]
        r = math.sqrt(x * x + y * y)
        if not (math.atan(r) if lens[FISHEYE] > 0.0 else r) <= lens[LIMIT]:
            out[i] = np.nan
            continue
        bend(lens, x, y, out[i])
        out[i, 0] = lens[CX] + lens[FX] * out[i, 0]
        out[i, 1] = lens[CY] + lens[FY] * out[i, 1]


@kernel
def see_locally(
    lens: Floats, box: Floats, projection: Floats, to_ground: Floats, local: Floats, back: Floats
) -> float:
    """The pinhole that shows what is in a box as the lens does: an affine map of nine points of the box, least squares.

    Args:
        lens: (LENS_COLUMNS,).
        box: (4,) within the picture.
        projection: (3, 4) to the ideal picture; to_ground: (3, 3) from it.
        local, back: take the same for pixels of the box.

    Returns:
        One-sigma error of that map in pixels; NaN where the lens shows nothing that a pinhole could.
    """
    width, height = max(box[2] - box[0], 1.0), max(box[3] - box[1], 1.0)
    u0, v0 = 0.5 * (box[0] + box[2]), 0.5 * (box[1] + box[3])
    seen = np.empty((9, 2))
    mean_x = mean_y = xu = xv = yu = yv = 0.0
    for k in range(9):
        a, b = 0.5 * (k % 3 - 1), 0.5 * (k // 3 - 1)
        if not undistort_point(lens, u0 + a * width, v0 + b * height, seen[k]):
            return np.nan
        x, y = seen[k, 0], seen[k, 1]
        mean_x += x / 9.0
        mean_y += y / 9.0
        # Six of nine points are half a box off the middle: the squares of the shares add to 1.5.
        xu += x * a / (1.5 * width)
        xv += x * b / (1.5 * height)
        yu += y * a / (1.5 * width)
        yv += y * b / (1.5 * height)
    det = xu * yv - xv * yu
    if not det > 0.0:
        return np.nan
    squares = 0.0
    for k in range(9):
        a, b = 0.5 * (k % 3 - 1) * width, 0.5 * (k // 3 - 1) * height
        ex, ey = seen[k, 0] - mean_x - xu * a - xv * b, seen[k, 1] - mean_y - yu * a - yv * b
        squares += (ex * ex + ey * ey) / det
    for j in range(4):
        x = projection[0, j] - mean_x * projection[2, j]
        y = projection[1, j] - mean_y * projection[2, j]
        local[0, j] = (yv * x - xv * y) / det + u0 * projection[2, j]
        local[1, j] = (xu * y - yu * x) / det + v0 * projection[2, j]
        local[2, j] = projection[2, j]
    for j in range(3):
        back[j, 0] = to_ground[j, 0] * xu + to_ground[j, 1] * yu
        back[j, 1] = to_ground[j, 0] * xv + to_ground[j, 1] * yv
        moved = to_ground[j, 0] * mean_x + to_ground[j, 1] * mean_y + to_ground[j, 2]
        back[j, 2] = moved - back[j, 0] * u0 - back[j, 1] * v0
    return math.sqrt(squares / 18.0)
