"""How sure the node is that a road user exists: integrated probabilistic data association, one sensor at a time.

D. Musicki, R. Evans, S. Stankovic, IEEE Trans. Automatic Control 39 (6), 1994.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edge.fusion.compiled import kernel
from edge.fusion.sensors import SensorTerms
from edge.fusion.settings import TrackerSettings
from edge.fusion.table import EXISTENCE, LENGTH, WIDTH, X, Y

FloatArray = NDArray[np.float64]
SILENT_DETECTION = 0.9
"""Stands for the detection probability of a V2X link in the likelihood of a report."""
BEHIND_M = 1.5
HIDES_ABOVE = 0.5


@kernel
def inside(polygon: FloatArray, x: float, y: float) -> bool:
    """Whether a point is in a polygon by the even-odd rule; an empty polygon is everywhere."""
    corners = len(polygon)
    if corners == 0:
        return True
    within = False
    for k in range(corners):
        x0, y0 = polygon[k, 0], polygon[k, 1]
        x1, y1 = polygon[(k + 1) % corners, 0], polygon[(k + 1) % corners, 1]
        if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
            within = not within
    return within


@kernel
def half_extent(floats: FloatArray, i: int) -> float:
    """Half the mean of length and width: a disc that stands for the road user."""
    length, width = floats[i, LENGTH], floats[i, WIDTH]
    if not (length > 0.0 and width > 0.0):
        return 0.6
    extent: float = 0.25 * (length + width)
    return extent


@kernel
def occluded(floats: FloatArray, count: int, i: int, sensor: SensorTerms) -> bool:
    """Whether a nearer road user stands on the ray from the sensor to row i."""
    if not math.isfinite(sensor.x):
        return False
    tx, ty = floats[i, X] - sensor.x, floats[i, Y] - sensor.y
    reach = math.hypot(tx, ty)
    if reach < 1.0:
        return False
    ux, uy = tx / reach, ty / reach
    for k in range(count):
        if k == i or floats[k, EXISTENCE] < HIDES_ABOVE:
            continue
        kx, ky = floats[k, X] - sensor.x, floats[k, Y] - sensor.y
        along = kx * ux + ky * uy
        if 0.0 < along < reach - BEHIND_M and abs(kx * uy - ky * ux) < half_extent(floats, k):
            return True
    return False


@kernel
def missed(existence: float, detection: float) -> float:
    """Existence after a scan that should have shown the road user with probability `detection`."""
    return existence * (1.0 - detection) / (1.0 - existence * detection)


@kernel
def hit(
    existence: float, distance: float, det: float, sensor: SensorTerms, settings: TrackerSettings
) -> float:
    """Existence after a measurement at squared Mahalanobis `distance`."""
    detection = SILENT_DETECTION if sensor.speaks != 0.0 else sensor.detection
    likelihood = math.exp(-0.5 * distance) / (2.0 * math.pi * math.sqrt(det))
    ratio = 1.0 - detection + detection * likelihood / sensor.clutter
    return min(settings.highest_existence, existence * ratio / (1.0 - existence + existence * ratio))
