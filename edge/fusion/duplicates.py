"""Finds two tracks of one road user, and clears tracks that have ended."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edge.core.kinds import CLASS_COUNT
from edge.fusion.compiled import kernel
from edge.fusion.grid import near
from edge.fusion.motion import BICYCLE, PEDESTRIAN, best_class, length_of, width_of
from edge.fusion.sensors import SensorTerms
from edge.fusion.settings import TrackerSettings
from edge.fusion.table import (
    BORN,
    CAPTURE,
    CONFIRMED,
    EXISTENCE,
    HITS,
    LATE,
    LENGTH,
    M_CLASSES,
    M_LENGTH,
    M_WIDTH,
    M_X,
    M_Y,
    SEEN,
    SENSED,
    SPEAKER,
    SPOKE,
    STILL,
    TOGETHER,
    TRUST,
    VX,
    VY,
    WIDTH,
    XX,
    YAW,
    YY,
    X,
    Y,
)
from edge.fusion.workspace import Workspace

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
SAME_SPEED_MPS = 3.5
JUST_NS = 1_000_000_000
"""A sensor that has looked elsewhere for longer, or died, no longer tells two tracks apart."""
GRID_MARGIN_M = 2.0
CLOCK_SIGMAS = 1.5
TOGETHER_M = 2.5
WALKER_RADIUS_M, WALKER_MERGE_M = 0.5, 1.0
VEHICLE_RADIUS_M, BLIND_SHARE = 1.5, 0.3
FARTHEST_M = 30.0
LATERAL_SHARE, ALONG_SHARE = 0.6, 0.7
"""Two vehicles whose centres are closer than these shares of their mean width and length stand in each other."""


@kernel
def is_small(floats: FloatArray, i: int) -> bool:
    """Whether a row is a pedestrian or a cyclist: they move side by side."""
    best = best_class(floats, i)
    return best in (PEDESTRIAN, BICYCLE)


@kernel
def overlaps(
    floats: FloatArray, i: int, x: float, y: float, length: float, width: float, slack: float
) -> bool:
    """Whether a vehicle of that place and size would stand in the road user of row i, where no other can be.

    `slack`: metres along its heading by which the clocks of two sensors may have put them apart.
    """
    dx, dy = x - floats[i, X], y - floats[i, Y]
    if is_small(floats, i):
        return bool(dx * dx + dy * dy < WALKER_RADIUS_M**2)
    yaw, own_length, own_width = floats[i, YAW], length_of(floats, i), width_of(floats, i)
    if dx * dx + dy * dy < max(VEHICLE_RADIUS_M, BLIND_SHARE * own_length) ** 2:
        return True
    if not math.isfinite(yaw):
        return False
    along = 0.5 * (own_length + (length if length > 0.0 else own_length))
    across = 0.5 * (own_width + (width if width > 0.0 else own_width))
    c, s = math.cos(yaw), math.sin(yaw)
    return bool(
        abs(c * dx + s * dy) < ALONG_SHARE * along + slack and abs(c * dy - s * dx) < LATERAL_SHARE * across
    )


@kernel
def stands_in(floats: FloatArray, a: int, b: int, slack: float) -> bool:
    """Whether row b stands in row a."""
    return overlaps(floats, a, floats[b, X], floats[b, Y], length_of(floats, b), width_of(floats, b), slack)


@kernel
def clock_slack(floats: FloatArray, i: int, late_variance: float) -> float:
    """How far along its way row i may be off because two clocks differ, m."""
    speed = math.hypot(floats[i, VX], floats[i, VY])
    return CLOCK_SIGMAS * speed * math.sqrt(floats[i, LATE] + late_variance)


@kernel
def told_apart(integers: IntArray, a: int, b: int, owned: IntArray) -> bool:
    """Whether one of our own sensors has just seen both."""
    since = max(integers[a, CAPTURE], integers[b, CAPTURE]) - JUST_NS
    for k in range(len(owned)):
        if owned[k] != 0 and integers[a, SEEN + k] > since and integers[a, SEEN + k] == integers[b, SEEN + k]:
            return True
    return False


@kernel
def both_speak(integers: IntArray, a: int, b: int, time_ns: int, settings: TrackerSettings) -> bool:
    """Whether both have temporary ids of their own in use."""
    if integers[a, SPEAKER] == 0 or integers[b, SPEAKER] == 0 or integers[a, SPEAKER] == integers[b, SPEAKER]:
        return False
    older = min(integers[a, SPOKE], integers[b, SPOKE])
    return bool(time_ns - older <= settings.silence_s * 1e9)


@kernel
def same_road_user(
    floats: FloatArray, integers: IntArray, a: int, b: int, owned: IntArray, settings: TrackerSettings
) -> bool:
    """Whether two rows are so close in place and speed that they must be one road user."""
    dx, dy = floats[a, X] - floats[b, X], floats[a, Y] - floats[b, Y]
    if abs(dx) > 12.0 or abs(dy) > 12.0:
        return False
    if math.hypot(floats[a, VX] - floats[b, VX], floats[a, VY] - floats[b, VY]) > SAME_SPEED_MPS:
        return False
    if is_small(floats, a) != is_small(floats, b) and dx * dx + dy * dy > WALKER_RADIUS_M**2:
        return False
    if is_small(floats, a) and is_small(floats, b):
        if told_apart(integers, a, b, owned):
            return False
        newest = max(integers[a, CAPTURE], integers[b, CAPTURE])
        apart_ns = newest - max(integers[a, TOGETHER], integers[b, TOGETHER])
        radius = WALKER_MERGE_M if apart_ns > settings.together_s * 1e9 else WALKER_RADIUS_M
        return bool(dx * dx + dy * dy < radius * radius)
    slack = 0.0 if told_apart(integers, a, b, owned) else clock_slack(floats, a, floats[b, LATE])
    return stands_in(floats, a, b, slack) or stands_in(floats, b, a, slack)


@kernel
def take_over(floats: FloatArray, integers: IntArray, kept: int, gone: int) -> None:
    """The kept row takes what the other knew; the other row ends."""
    if integers[gone, SPOKE] > integers[kept, SPOKE]:
        integers[kept, SPEAKER], integers[kept, SPOKE] = integers[gone, SPEAKER], integers[gone, SPOKE]
        floats[kept, LENGTH], floats[kept, WIDTH] = floats[gone, LENGTH], floats[gone, WIDTH]
        floats[kept, TRUST] = 1.0
    for k in range(SEEN, integers.shape[1]):
        integers[kept, k] = max(integers[kept, k], integers[gone, k])
    integers[kept, CAPTURE] = max(integers[kept, CAPTURE], integers[gone, CAPTURE])
    integers[kept, SENSED] = max(integers[kept, SENSED], integers[gone, SENSED])
    integers[kept, HITS] += integers[gone, HITS]
    integers[kept, CONFIRMED] = max(integers[kept, CONFIRMED], integers[gone, CONFIRMED])
    floats[kept, EXISTENCE] = max(floats[kept, EXISTENCE], floats[gone, EXISTENCE])
    if floats[gone, XX] + floats[gone, YY] < floats[kept, XX] + floats[kept, YY]:
        floats[kept, :EXISTENCE] = floats[gone, :EXISTENCE]
    floats[gone, EXISTENCE] = 0.0


@kernel
def comes_first(integers: IntArray, a: int, b: int) -> bool:
    """Whether row a keeps its identity when it merges with row b: confirmed first, then older."""
    if integers[a, CONFIRMED] != integers[b, CONFIRMED]:
        return bool(integers[a, CONFIRMED] > integers[b, CONFIRMED])
    return bool(integers[a, BORN] <= integers[b, BORN])


@kernel
def longest(floats: FloatArray, count: int) -> float:
    """Length of the longest track, m."""
    most = 0.0
    for i in range(count):
        most = max(most, floats[i, LENGTH])
    return most


@kernel
def merge(
    floats: FloatArray,
    integers: IntArray,
    count: int,
    time_ns: int,
    owned: IntArray,
    settings: TrackerSettings,
    work: Workspace,
) -> int:
    """Merge duplicates among rows of which at least one was measured now; returns how many.

    The grid is that of before the update, hence the margin; rows that began in this scan are not in it.
    """
    merged = 0
    reach = longest(floats, count) + GRID_MARGIN_M
    for a in range(count):
        if integers[a, CAPTURE] != time_ns:
            continue
        found = near(work.grid, floats[a, X], floats[a, Y], reach, work.near, 0)
        found = near(work.wide, floats[a, X], floats[a, Y], reach, work.near, found)
        for k in range(found):
            b = work.near[k]
            if b == a or floats[b, EXISTENCE] <= 0.0 or floats[a, EXISTENCE] <= 0.0:
                continue
            if not same_road_user(floats, integers, a, b, owned, settings):
                continue
            if both_speak(integers, a, b, time_ns, settings):
                continue
            first = comes_first(integers, a, b)
            take_over(floats, integers, a if first else b, b if first else a)
            merged += 1
    return merged


@kernel
def note_together(floats: FloatArray, integers: IntArray, count: int, time_ns: int, work: Workspace) -> None:
    """Note which road users on foot or on bicycles one scan showed side by side."""
    for a in range(count):
        if integers[a, CAPTURE] != time_ns or not is_small(floats, a):
            continue
        found = near(work.grid, floats[a, X], floats[a, Y], TOGETHER_M, work.near, 0)
        found = near(work.wide, floats[a, X], floats[a, Y], TOGETHER_M, work.near, found)
        for k in range(found):
            b = work.near[k]
            dx, dy = floats[a, X] - floats[b, X], floats[a, Y] - floats[b, Y]
            if b != a and integers[b, CAPTURE] == time_ns and dx * dx + dy * dy < TOGETHER_M**2:
                integers[a, TOGETHER] = time_ns
                integers[b, TOGETHER] = time_ns


@kernel
def inside_another(
    floats: FloatArray,
    integers: IntArray,
    count: int,
    measured: FloatArray,
    j: int,
    time_ns: int,
    sensor: SensorTerms,
) -> bool:
    """Whether a measurement lies within a confirmed road user of its own kind: a second box, not a second one."""
    best, value = -1, 0.0
    for c in range(CLASS_COUNT):
        if measured[j, M_CLASSES + c] > value:
            best, value = c, measured[j, M_CLASSES + c]
    if best in (PEDESTRIAN, BICYCLE):
        return False
    x, y = measured[j, M_X], measured[j, M_Y]
    for i in range(count):
        if abs(x - floats[i, X]) > FARTHEST_M or abs(y - floats[i, Y]) > FARTHEST_M:
            continue
        if integers[i, CONFIRMED] == 0 or floats[i, EXISTENCE] < 0.5 or is_small(floats, i):
            continue
        seen = integers[i, SEEN + int(sensor.column)] == time_ns
        slack = 0.0 if seen else clock_slack(floats, i, sensor.late_left)
        if overlaps(floats, i, x, y, measured[j, M_LENGTH], measured[j, M_WIDTH], slack):
            return True
    return False


@kernel
def prune(floats: FloatArray, integers: IntArray, count: int, time_ns: int, settings: TrackerSettings) -> int:
    """Drop ended rows, keeping the order of the others; returns the rows left."""
    kept = 0
    for i in range(count):
        lost = floats[i, XX] + floats[i, YY] > settings.lost_variance_m2
        stands = integers[i, SENSED] - integers[i, STILL] > settings.stand_s * 1e9
        coast_s = settings.parked_coast_s if stands else settings.coast_s
        stale = time_ns - integers[i, CAPTURE] > coast_s * 1e9
        if floats[i, EXISTENCE] < settings.drop or lost or stale:
            continue
        if kept != i:
            floats[kept] = floats[i]
            integers[kept] = integers[i]
        kept += 1
    return kept
