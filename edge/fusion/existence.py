"""How sure the node is that a road user exists: integrated probabilistic data association, one sensor at a time.

D. Musicki, R. Evans, S. Stankovic, IEEE Trans. Automatic Control 39 (6), 1994.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edge.fusion.compiled import kernel
from edge.fusion.motion import length_of, width_of
from edge.fusion.sensors import SensorTerms
from edge.fusion.settings import TrackerSettings
from edge.fusion.table import EXISTENCE, YAW, X, Y

FloatArray = NDArray[np.float64]
SILENT_DETECTION = 0.9
"""Stands for the detection probability of a V2X link in the likelihood of a report."""
BEHIND_M = 1.5
NEAREST_M = 1.0
COVERAGE_CELL_M, COVERAGE_CELLS = 8.0, 64
DOUBT = 2.0
"""Counts without sight that a cell begins with."""
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


def empty_coverage(sensors: int) -> FloatArray:
    """(sensors, COVERAGE_CELLS, COVERAGE_CELLS, 2) how often each sensor saw and missed tracks, cell by cell."""
    return np.zeros((sensors, COVERAGE_CELLS, COVERAGE_CELLS, 2))


@kernel
def coverage_cell(metres: float) -> int:
    """Row or column of the coverage map; -1 outside."""
    at = math.floor(metres / COVERAGE_CELL_M) + COVERAGE_CELLS // 2
    return at if 0 <= at < COVERAGE_CELLS else -1


@kernel
def learned_share(coverage: FloatArray, x: float, y: float, seen: bool) -> float:
    """Share of the tracks in this cell that the sensor has seen, this one included; 0 where it never saw any."""
    a, b = coverage_cell(x), coverage_cell(y)
    if a < 0 or b < 0:
        return 0.0
    counts = coverage[a, b]
    counts[0 if seen else 1] += 1.0
    share: float = counts[0] / (counts[0] + counts[1] + DOUBT)
    return share


@kernel
def half_width_seen(floats: FloatArray, i: int, bearing: float) -> float:
    """Half of what row i hides, across the line of sight, m."""
    length, width, yaw = length_of(floats, i), width_of(floats, i), floats[i, YAW]
    if not math.isfinite(yaw):
        return 0.25 * (length + width)
    angle = yaw - bearing
    seen: float = 0.5 * (length * abs(math.sin(angle)) + width * abs(math.cos(angle)))
    return seen


@kernel
def fill_horizon(floats: FloatArray, count: int, sensor: SensorTerms, horizon: FloatArray) -> None:
    """Distance of the nearest believed road user in each direction from the sensor, inf where there is none."""
    horizon[:] = np.inf
    if not math.isfinite(sensor.x):
        return
    per_radian = len(horizon) / (2.0 * math.pi)
    for k in range(count):
        if floats[k, EXISTENCE] < HIDES_ABOVE:
            continue
        dx, dy = floats[k, X] - sensor.x, floats[k, Y] - sensor.y
        reach = math.hypot(dx, dy)
        if reach < NEAREST_M:
            continue
        bearing = math.atan2(dy, dx)
        half = math.atan(half_width_seen(floats, k, bearing) / reach)
        first = math.floor((bearing - half) * per_radian)
        last = math.floor((bearing + half) * per_radian)
        for at in range(first, last + 1):
            slot = at % len(horizon)
            horizon[slot] = min(horizon[slot], reach)


@kernel
def occluded(floats: FloatArray, i: int, sensor: SensorTerms, horizon: FloatArray) -> bool:
    """Whether a nearer road user stands on the ray from the sensor to row i."""
    if not math.isfinite(sensor.x):
        return False
    dx, dy = floats[i, X] - sensor.x, floats[i, Y] - sensor.y
    per_radian = len(horizon) / (2.0 * math.pi)
    slot = math.floor(math.atan2(dy, dx) * per_radian) % len(horizon)
    return bool(horizon[slot] < math.hypot(dx, dy) - BEHIND_M)


@kernel
def missed(existence: float, detection: float) -> float:
    """Existence after a scan that should have shown the road user with probability `detection`."""
    return existence * (1.0 - detection) / (1.0 - existence * detection)


@kernel
def hit(
    existence: float,
    distance: float,
    det: float,
    sensor: SensorTerms,
    settings: TrackerSettings,
    most: float,
) -> float:
    """Existence after a measurement at squared Mahalanobis `distance`; the odds rise by a factor of `most` at most."""
    detection = SILENT_DETECTION if sensor.speaks != 0.0 else sensor.detection * sensor.sight
    likelihood = math.exp(-0.5 * distance) / (2.0 * math.pi * math.sqrt(det))
    ratio = min(most, 1.0 - detection + detection * likelihood / sensor.clutter)
    return min(settings.highest_existence, existence * ratio / (1.0 - existence + existence * ratio))
