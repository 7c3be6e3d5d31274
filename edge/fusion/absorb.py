"""What a measurement does to its track: motion, class, size, yaw, trust and provenance; and how a track begins."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edge.core.kinds import CLASS_COUNT
from edge.fusion.compiled import kernel
from edge.fusion.existence import hit
from edge.fusion.gate import consistency, corrected, innovation, position_noise
from edge.fusion.motion import (
    PEDESTRIAN,
    PULL_GAIN,
    SURPRISE_GAIN,
    best_class,
    intersect,
    update_position,
    update_velocity,
)
from edge.fusion.sensors import SensorTerms
from edge.fusion.settings import TrackerSettings
from edge.fusion.table import (
    BIAS,
    BORN,
    CAPTURE,
    CLASSES,
    CONFIRMED,
    EXISTENCE,
    HEIGHT,
    HITS,
    KEY,
    LATE,
    LENGTH,
    M_CLASSES,
    M_CONFIDENCE,
    M_LENGTH,
    M_VX,
    M_VXX,
    M_VXY,
    M_VY,
    M_VYY,
    M_XX,
    M_XY,
    M_YAW,
    M_YY,
    PULL_X,
    PULL_Y,
    SEEN,
    SENSED,
    SPEAKER,
    SPOKE,
    STILL,
    STILL_X,
    STILL_Y,
    SURPRISE,
    TRUST,
    VX,
    VXX,
    VXY,
    VY,
    VYY,
    XX,
    XY,
    YAW,
    YY,
    X,
    Y,
)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
CLASS_LIMIT = 8.0
CLASS_GAIN = 0.3
"""Weight of one camera frame's class: frames of one road user err alike."""
BIAS_GAIN = 0.2
SIZE_GAIN = 0.1
YAW_GAIN = 0.4
TRUST_GAIN = 0.15
UNKNOWN_TRUST = 0.5
SAME_PLACE_M = 2.5
USUAL_CLUTTER = 1e-4
"""False detections per m2 and scan up to which a new track is believed as the settings say; beyond it less."""
TURN = 2.0 * math.pi
WORTH_WHILE = 0.5
"""A neighbour's position without velocity must have less than this share of our variance: it costs velocity."""


@kernel
def add_class(floats: FloatArray, i: int, measured: FloatArray, j: int, gain: float) -> None:
    """Add class log odds, held within +-CLASS_LIMIT so that a belief can still turn."""
    for c in range(CLASS_COUNT):
        value = floats[i, CLASSES + c] + gain * measured[j, M_CLASSES + c]
        floats[i, CLASSES + c] = min(CLASS_LIMIT, max(-CLASS_LIMIT, value))


@kernel
def add_size(
    floats: FloatArray, i: int, measured: FloatArray, j: int, sensor: SensorTerms, spoken: bool
) -> None:
    """A road user's own word on its length and width stands; sensors average."""
    for k in range(3):
        value, old = measured[j, M_LENGTH + k], floats[i, LENGTH + k]
        if not value > 0.0:
            continue
        if sensor.speaks != 0.0 or not old > 0.0:
            floats[i, LENGTH + k] = value
        elif not spoken or LENGTH + k == HEIGHT:
            floats[i, LENGTH + k] = old + SIZE_GAIN * (value - old)


@kernel
def wrapped(angle: float) -> float:
    """An angle within -pi and pi."""
    return angle - TURN * math.floor(angle / TURN + 0.5)


@kernel
def turn_towards(floats: FloatArray, i: int, yaw: float, gain: float) -> None:
    """Move yaw a share of the way, the short way round."""
    old = floats[i, YAW]
    if not math.isfinite(old):
        floats[i, YAW] = yaw
        return
    floats[i, YAW] = wrapped(old + gain * wrapped(yaw - old))


@kernel
def add_yaw(
    floats: FloatArray, i: int, measured: FloatArray, j: int, sensor: SensorTerms, settings: TrackerSettings
) -> None:
    """Yaw from the road user's own word, else from velocity while it moves, else from the sensor; held otherwise."""
    yaw = measured[j, M_YAW]
    if sensor.speaks != 0.0 and math.isfinite(yaw):
        turn_towards(floats, i, yaw, 1.0)
        return
    speed2 = floats[i, VX] ** 2 + floats[i, VY] ** 2
    if speed2 > settings.turn_speed_mps**2 and speed2 > floats[i, VXX] + floats[i, VYY]:
        turn_towards(floats, i, math.atan2(floats[i, VY], floats[i, VX]), YAW_GAIN)
    elif math.isfinite(yaw):
        turn_towards(floats, i, yaw, 0.5 * YAW_GAIN)


@kernel
def note_source(
    floats: FloatArray, integers: IntArray, i: int, speaker: int, time_ns: int, sensor: SensorTerms
) -> None:
    """Provenance and trust."""
    integers[i, CAPTURE] = time_ns
    integers[i, SEEN + int(sensor.column)] = time_ns
    if sensor.shared != 0.0:
        return
    integers[i, HITS] += 1
    integers[i, SENSED] = time_ns
    if speaker != 0:
        if integers[i, SPEAKER] == 0:
            floats[i, TRUST] = 1.0 if integers[i, HITS] > 3 else UNKNOWN_TRUST
        integers[i, SPEAKER] = speaker
        integers[i, SPOKE] = time_ns
    elif integers[i, SPEAKER] != 0:
        floats[i, TRUST] += TRUST_GAIN * (1.0 - floats[i, TRUST])


@kernel
def note_rest(floats: FloatArray, integers: IntArray, i: int, time_ns: int) -> None:
    """Since when the road user has not left its place."""
    dx, dy = floats[i, X] - floats[i, STILL_X], floats[i, Y] - floats[i, STILL_Y]
    if integers[i, STILL] == 0 or dx * dx + dy * dy > SAME_PLACE_M**2:
        floats[i, STILL_X], floats[i, STILL_Y] = floats[i, X], floats[i, Y]
        integers[i, STILL] = time_ns


@kernel
def pull(floats: FloatArray, i: int, x: float, y: float, xx: float, yy: float) -> None:
    """Note to which side of row i a measurement of variance xx, yy lies: noise changes sides, motion does not."""
    along = (x - floats[i, X]) / math.sqrt(floats[i, XX] + xx)
    aside = (y - floats[i, Y]) / math.sqrt(floats[i, YY] + yy)
    floats[i, PULL_X] += PULL_GAIN * (along - floats[i, PULL_X])
    floats[i, PULL_Y] += PULL_GAIN * (aside - floats[i, PULL_Y])


@kernel
def move(
    floats: FloatArray, i: int, measured: FloatArray, j: int, sensor: SensorTerms, settings: TrackerSettings
) -> None:
    """Position and velocity of row i by measurement j, and how well they fitted."""
    x, y = corrected(floats, i, measured, j, sensor)
    xx, xy, yy = position_noise(floats, i, measured, j, sensor)
    weight, moves = 1.0, math.isfinite(measured[j, M_VX])
    if sensor.shared != 0.0:
        if not moves and xx + yy > WORTH_WHILE * (floats[i, XX] + floats[i, YY]):
            return
        weight = intersect(floats[i], xx, yy)
    pull(floats, i, x, y, xx, yy)
    nis = update_position(floats[i], x, y, xx / weight, xy / weight, yy / weight)
    if moves:
        vxx, vxy, vyy = measured[j, M_VXX] / weight, measured[j, M_VXY] / weight, measured[j, M_VYY] / weight
        nis = max(nis, update_velocity(floats[i], measured[j, M_VX], measured[j, M_VY], vxx, vxy, vyy))
    floats[i, SURPRISE] += SURPRISE_GAIN * (nis - floats[i, SURPRISE])
    floats[i, BIAS] += BIAS_GAIN * weight * (sensor.bias_left - floats[i, BIAS])
    floats[i, LATE] += BIAS_GAIN * weight * (sensor.late_left - floats[i, LATE])


@kernel
def absorb(  # noqa: PLR0913, PLR0917 - kernels take arrays, not objects
    floats: FloatArray,
    integers: IntArray,
    i: int,
    measured: FloatArray,
    j: int,
    speaker: int,
    time_ns: int,
    sensor: SensorTerms,
    settings: TrackerSettings,
) -> float:
    """Update row i with measurement j; returns the normalised innovation squared without constant errors."""
    misfit = consistency(floats, i, measured, j, sensor)
    distance, det = innovation(floats, i, measured, j, sensor)
    if sensor.shared == 0.0:
        most = settings.confirmed_gain if integers[i, CONFIRMED] != 0 else np.inf
        floats[i, EXISTENCE] = hit(floats[i, EXISTENCE], distance, det, sensor, settings, most)
    elif integers[i, SENSED] == 0:
        floats[i, EXISTENCE] = max(floats[i, EXISTENCE], settings.shared_existence)
    move(floats, i, measured, j, sensor, settings)
    spoken = integers[i, SPEAKER] != 0
    add_class(floats, i, measured, j, 1.0 if sensor.speaks != 0.0 else CLASS_GAIN)
    add_size(floats, i, measured, j, sensor, spoken)
    add_yaw(floats, i, measured, j, sensor, settings)
    note_source(floats, integers, i, speaker, time_ns, sensor)
    note_rest(floats, integers, i, time_ns)
    confirmed = floats[i, EXISTENCE] > settings.confirm and integers[i, HITS] >= settings.confirm_hits
    if confirmed:
        integers[i, CONFIRMED] = 1
    return misfit


@kernel
def begin(  # noqa: PLR0913, PLR0917 - kernels take arrays, not objects
    floats: FloatArray,
    integers: IntArray,
    i: int,
    measured: FloatArray,
    j: int,
    speaker: int,
    key: int,
    time_ns: int,
    sensor: SensorTerms,
    settings: TrackerSettings,
) -> None:
    """Row i becomes a new track at measurement j."""
    floats[i, :] = 0.0
    integers[i, :] = 0
    floats[i, LENGTH : LENGTH + 3] = np.nan
    floats[i, YAW] = np.nan
    floats[i, TRUST] = 1.0
    floats[i, SURPRISE] = 2.0
    floats[i, BIAS], floats[i, LATE] = sensor.bias_left, sensor.late_left
    usual = min(1.0, USUAL_CLUTTER / sensor.clutter)
    floats[i, EXISTENCE] = settings.birth_existence * measured[j, M_CONFIDENCE] * usual
    if sensor.shared != 0.0:
        floats[i, EXISTENCE] = settings.shared_existence
    add_class(floats, i, measured, j, 1.0)
    begin_motion(floats, i, measured, j, sensor, settings)
    add_size(floats, i, measured, j, sensor, False)
    add_yaw(floats, i, measured, j, sensor, settings)
    integers[i, KEY], integers[i, BORN] = key, time_ns
    note_source(floats, integers, i, speaker, time_ns, sensor)
    note_rest(floats, integers, i, time_ns)


@kernel
def begin_motion(
    floats: FloatArray, i: int, measured: FloatArray, j: int, sensor: SensorTerms, settings: TrackerSettings
) -> None:
    """Position and velocity of a new row."""
    if math.isfinite(measured[j, M_VX]):
        floats[i, VX], floats[i, VY] = measured[j, M_VX], measured[j, M_VY]
        floats[i, VXX], floats[i, VXY] = measured[j, M_VXX], measured[j, M_VXY]
        floats[i, VYY] = measured[j, M_VYY]
    else:
        walks = best_class(floats, i) == PEDESTRIAN
        spread = settings.walker_speed_mps if walks else settings.vehicle_speed_mps
        floats[i, VXX] = floats[i, VYY] = spread * spread
    floats[i, X], floats[i, Y] = corrected(floats, i, measured, j, sensor)
    noise = 1.0 if sensor.speaks != 0.0 else sensor.noise
    floats[i, XX], floats[i, XY] = noise * measured[j, M_XX], noise * measured[j, M_XY]
    floats[i, YY] = noise * measured[j, M_YY]
