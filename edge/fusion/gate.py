"""How well each measurement fits each track: the cost that the assignment minimises."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edge.core.kinds import CLASS_COUNT
from edge.fusion.compiled import kernel
from edge.fusion.grid import clear, near, put
from edge.fusion.sensors import SensorTerms
from edge.fusion.settings import TrackerSettings
from edge.fusion.table import (
    BIAS,
    CLASSES,
    EXISTENCE,
    LATE,
    LENGTH,
    M_SHARES,
    M_VX,
    M_VXX,
    M_VY,
    M_VYY,
    M_X,
    M_XX,
    M_XY,
    M_Y,
    M_YY,
    SPEAKER,
    SPOKE,
    VX,
    VXX,
    VY,
    VYY,
    XX,
    XY,
    YAW,
    YY,
    X,
    Y,
)
from edge.fusion.workspace import Workspace

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BOX_M = 15.0
"""Nothing farther along one axis is a candidate."""
LENGTH_SHARE = 0.1
"""One-sigma error of a measured centre along a road user, as a share of its length."""
VELOCITY_GATE = 25.0
MOST_SPREAD = 4.5
"""Tracks less known than to 3 m do not cost more: a car that a slow sensor has seen once may be anywhere."""
KNOWN_M2, MARGIN_M = 1.0, 1.0
"""Tracks with less variance are looked for near the measurement only; the margin is for known constant errors."""


@kernel
def length_spread(floats: FloatArray, i: int) -> tuple[float, float, float]:
    """Covariance xx, xy, yy that the length of row i adds to a measured centre: sensors see one end better."""
    length, yaw = floats[i, LENGTH], floats[i, YAW]
    if not (length > 0.0 and math.isfinite(yaw)):
        return 0.0, 0.0, 0.0
    variance = (LENGTH_SHARE * length) ** 2
    c, s = math.cos(yaw), math.sin(yaw)
    return variance * c * c, variance * c * s, variance * s * s


@kernel
def corrected(
    floats: FloatArray, i: int, measured: FloatArray, j: int, sensor: SensorTerms
) -> tuple[float, float]:
    """Measurement j without what is known of the sensor's constant errors, as seen from row i."""
    x = measured[j, M_X] - sensor.bias_x - sensor.late_s * floats[i, VX]
    y = measured[j, M_Y] - sensor.bias_y - sensor.late_s * floats[i, VY]
    return x, y


@kernel
def position_noise(
    floats: FloatArray, i: int, measured: FloatArray, j: int, sensor: SensorTerms
) -> tuple[float, float, float]:
    """Covariance xx, xy, yy of measurement j as a measurement of the centre of row i."""
    xx, xy, yy = measured[j, M_XX], measured[j, M_XY], measured[j, M_YY]
    if sensor.speaks == 0.0:
        lx, lxy, ly = length_spread(floats, i)
        xx, xy, yy = sensor.noise * xx + lx, sensor.noise * xy + lxy, sensor.noise * yy + ly
    vx, vy, late = floats[i, VX], floats[i, VY], sensor.late_variance
    bias = sensor.bias_variance
    return xx + bias + late * vx * vx, xy + late * vx * vy, yy + bias + late * vy * vy


@kernel
def innovation(
    floats: FloatArray, i: int, measured: FloatArray, j: int, sensor: SensorTerms
) -> tuple[float, float]:
    """Squared Mahalanobis distance of a pair and the determinant of its innovation covariance."""
    xx, xy, yy = position_noise(floats, i, measured, j, sensor)
    x, y = corrected(floats, i, measured, j, sensor)
    bias, late, vx, vy = floats[i, BIAS], floats[i, LATE], floats[i, VX], floats[i, VY]
    s00 = floats[i, XX] + xx + bias + late * vx * vx
    s11 = floats[i, YY] + yy + bias + late * vy * vy
    s01 = floats[i, XY] + xy + late * vx * vy
    det = s00 * s11 - s01 * s01
    dx, dy = x - floats[i, X], y - floats[i, Y]
    return (s11 * dx * dx - 2.0 * s01 * dx * dy + s00 * dy * dy) / det, det


@kernel
def consistency(floats: FloatArray, i: int, measured: FloatArray, j: int, sensor: SensorTerms) -> float:
    """Squared Mahalanobis distance with what varies from scan to scan: without what is constant per sensor."""
    lx, lxy, ly = length_spread(floats, i)
    spoken = sensor.speaks * sensor.bias_variance
    s00 = floats[i, XX] + sensor.noise * measured[j, M_XX] + lx + spoken
    s11 = floats[i, YY] + sensor.noise * measured[j, M_YY] + ly + spoken
    s01 = floats[i, XY] + sensor.noise * measured[j, M_XY] + lxy
    x, y = corrected(floats, i, measured, j, sensor)
    dx, dy = x - floats[i, X], y - floats[i, Y]
    distance: float = (s11 * dx * dx - 2.0 * s01 * dx * dy + s00 * dy * dy) / (s00 * s11 - s01 * s01)
    return distance


@kernel
def velocity_misfit(floats: FloatArray, i: int, measured: FloatArray, j: int) -> float:
    """Squared Mahalanobis distance of the velocities, axis by axis; 0 where none was measured."""
    if not math.isfinite(measured[j, M_VX]):
        return 0.0
    dx, dy = measured[j, M_VX] - floats[i, VX], measured[j, M_VY] - floats[i, VY]
    along_x = dx * dx / (floats[i, VXX] + measured[j, M_VXX] + 0.25)
    along_y = dy * dy / (floats[i, VYY] + measured[j, M_VYY] + 0.25)
    misfit: float = along_x + along_y
    return misfit


@kernel
def shares(table: FloatArray, i: int, at: int, out: FloatArray) -> None:
    """Class log odds of one row to probabilities that sum to one."""
    top = table[i, at]
    for c in range(CLASS_COUNT):
        top = max(top, table[i, at + c])
    total = 0.0
    for c in range(CLASS_COUNT):
        out[c] = math.exp(table[i, at + c] - top)
        total += out[c]
    for c in range(CLASS_COUNT):
        out[c] /= total


@kernel
def class_misfit(track: FloatArray, seen: FloatArray, settings: TrackerSettings) -> float:
    """Cost of two class beliefs: 0 where they agree or say nothing."""
    agreement = 0.0
    for c in range(CLASS_COUNT):
        agreement += track[c] * seen[c]
    return min(settings.class_cost, max(0.0, -2.0 * math.log(CLASS_COUNT * agreement + 1e-9)))


@kernel
def may_speak(integers: IntArray, i: int, speaker: int, time_ns: int, settings: TrackerSettings) -> bool:
    """Whether a report with temporary id `speaker` may belong to row i."""
    old = integers[i, SPEAKER]
    if speaker == 0 or old in (0, speaker):
        return True
    return bool(time_ns - integers[i, SPOKE] > settings.silence_s * 1e9)


@kernel
def pair_cost(
    floats: FloatArray, i: int, measured: FloatArray, j: int, sensor: SensorTerms, settings: TrackerSettings
) -> float:
    """Twice the negative log likelihood of a pair up to a constant; inf outside the gate. Without class."""
    if abs(measured[j, M_X] - floats[i, X]) > BOX_M or abs(measured[j, M_Y] - floats[i, Y]) > BOX_M:
        return np.inf
    distance, det = innovation(floats, i, measured, j, sensor)
    if distance > settings.gate:
        return np.inf
    velocity = velocity_misfit(floats, i, measured, j)
    if velocity > VELOCITY_GATE:
        return np.inf
    doubt = 0.0 if floats[i, EXISTENCE] > 0.99 else math.log(max(floats[i, EXISTENCE], 1e-3))
    return distance + velocity + min(math.log(det), MOST_SPREAD) - 2.0 * doubt


@kernel
def spread_of(floats: FloatArray, i: int, late_variance: float) -> float:
    """Largest variance of row i along one axis, bias, timing and length included, m2."""
    speed2 = floats[i, VX] ** 2 + floats[i, VY] ** 2
    variance = (
        max(floats[i, XX], floats[i, YY]) + floats[i, BIAS] + (floats[i, LATE] + late_variance) * speed2
    )
    if floats[i, LENGTH] > 0.0:
        variance += (LENGTH_SHARE * floats[i, LENGTH]) ** 2
    return float(variance)


@kernel
def place(floats: FloatArray, count: int, sensor: SensorTerms, work: Workspace) -> None:
    """Put every row into one of the two grids, by how well its place is known."""
    clear(work.grid)
    clear(work.wide)
    for i in range(count - 1, -1, -1):
        known = spread_of(floats, i, sensor.late_variance) < KNOWN_M2
        put(work.grid if known else work.wide, i, floats[i, X], floats[i, Y])


@kernel
def find_pairs(  # noqa: PLR0913, PLR0917 - kernels take arrays, not objects
    floats: FloatArray,
    integers: IntArray,
    count: int,
    measured: FloatArray,
    speakers: IntArray,
    time_ns: int,
    sensor: SensorTerms,
    settings: TrackerSettings,
    work: Workspace,
) -> None:
    """Fill in the candidate tracks of every measurement and what each costs."""
    work.known[:count] = False
    pairs = 0
    work.pair_start[0] = 0
    for j in range(len(measured)):
        x, y = measured[j, M_X], measured[j, M_Y]
        variance = KNOWN_M2 + sensor.bias_variance + sensor.noise * max(measured[j, M_XX], measured[j, M_YY])
        reach = min(BOX_M, math.sqrt(settings.gate * variance) + MARGIN_M)
        found = near(work.grid, x, y, reach, work.near, 0)
        found = near(work.wide, x, y, BOX_M, work.near, found)
        for k in range(found):
            i = work.near[k]
            value = pair_cost(floats, i, measured, j, sensor, settings)
            if value == np.inf or not may_speak(integers, i, speakers[j], time_ns, settings):
                continue
            if pairs == len(work.pair_track):
                break
            if not work.known[i]:
                shares(floats, i, CLASSES, work.shares[i])
                work.known[i] = True
            value += class_misfit(work.shares[i], measured[j, M_SHARES:], settings)
            same = speakers[j] != 0 and integers[i, SPEAKER] == speakers[j]
            work.pair_track[pairs] = i
            work.pair_cost[pairs] = value - settings.identity_bonus if same else value
            pairs += 1
        work.pair_start[j + 1] = pairs
