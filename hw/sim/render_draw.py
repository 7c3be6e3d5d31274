"""Filling polygons with sub-pixel corners."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hw.sim.pinhole import NEAR_M, PinholeCamera

SHIFT = 4
_SCALE = 1 << SHIFT
_FAR_PX = 8000.0
"""Corners farther out than this are pulled in, so that fixed-point coordinates hold."""

Floats = NDArray[np.float64]
Fixed = NDArray[np.int32]
Pixels = NDArray[np.uint8] | NDArray[np.uint16]


def to_fixed(pixels: Floats) -> Fixed:
    """Continuous pixels as fixed-point corners for `fill` (which takes whole numbers as pixel centres)."""
    near = np.clip(pixels, -_FAR_PX, _FAR_PX)
    return np.asarray(np.rint((near - 0.5) * _SCALE), dtype=np.int32)


def fill(image: Pixels, corners: Fixed, colour: tuple[float, ...] | float, *, smooth: bool = True) -> None:
    """Fill a convex polygon, (k, 2) fixed-point corners."""
    cv2.fillConvexPoly(image, corners, colour, cv2.LINE_AA if smooth else cv2.LINE_8, SHIFT)


def clip_near(corners_m: Floats) -> Floats:
    """The part of a convex polygon, (k, 3) in camera axes, that lies beyond `NEAR_M`; may be empty."""
    kept: list[Floats] = []
    for i in range(len(corners_m)):
        here, after = corners_m[i], corners_m[(i + 1) % len(corners_m)]
        inside, inside_after = here[2] >= NEAR_M, after[2] >= NEAR_M
        if inside:
            kept.append(here)
        if inside != inside_after:
            share = (NEAR_M - here[2]) / (after[2] - here[2])
            kept.append(here + share * (after - here))
    return np.array(kept).reshape(-1, 3)


def fill_world(
    image: Pixels, camera: PinholeCamera, points_m: Floats, colour: tuple[float, ...] | float
) -> None:
    """Fill a convex polygon of (k, 3) world points, clipped in front of the lens."""
    visible = clip_near(camera.to_camera(points_m))
    if len(visible) >= 3:
        fill(image, to_fixed(camera.to_pixels(visible)), colour)
