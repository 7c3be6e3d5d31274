"""Constant-velocity motion and the Kalman update, written out for two and four dimensions.

Bar-Shalom, Li, Kirubarajan: Estimation with Applications to Tracking and Navigation, 2001, sections 6.2 and 5.2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.core.kinds import CLASS_COUNT, TYPICAL_SIZE_M, ObjectClass
from edge.fusion.compiled import kernel
from edge.fusion.settings import TrackerSettings
from edge.fusion.table import (
    CLASSES,
    LENGTH,
    PULL_X,
    PULL_Y,
    SURPRISE,
    VX,
    VXX,
    VXY,
    VY,
    VYY,
    WIDTH,
    X_VX,
    X_VY,
    XX,
    XY,
    Y_VX,
    Y_VY,
    YY,
    X,
    Y,
)

FloatArray = NDArray[np.float64]
PEDESTRIAN = int(ObjectClass.PEDESTRIAN)
BICYCLE = int(ObjectClass.BICYCLE)
STANDING_MPS2, KNOWN_MPS2 = 1.0, 4.0
REST_S = 1.0
"""In this time a road user that stands loses the velocity that measurements seem to give it."""
REST_STEP_S, MOST_STEPS = 0.5, 200
UNSURPRISED = 3.0
SURPRISE_GAIN = 0.25
PULL_GAIN, PULLED = 0.2, 0.5
"""Measurements that on the average lie 0.7 sigma to one side say that a road user no longer rests."""
USUAL_SIZE_M = np.ascontiguousarray(TYPICAL_SIZE_M, dtype=np.float64)
SURE_CLASS = 4.0


@kernel
def best_class(floats: FloatArray, i: int) -> int:
    """Column of the most likely class of row i; -1 where nothing speaks for any."""
    best, value = -1, 0.0
    for c in range(CLASS_COUNT):
        if floats[i, CLASSES + c] > value:
            best, value = c, floats[i, CLASSES + c]
    return best


@kernel
def usual_size(floats: FloatArray, i: int) -> tuple[float, float]:
    """Length and width that are usual for row i, m: those of its class once that is sure, else a small car's."""
    best = best_class(floats, i)
    if best < 0 or floats[i, CLASSES + best] < SURE_CLASS:
        best = CLASS_COUNT
    return USUAL_SIZE_M[best, 0], USUAL_SIZE_M[best, 1]


@kernel
def length_of(floats: FloatArray, i: int) -> float:
    """Length of row i, or what is usual, m."""
    if floats[i, LENGTH] > 0.0:
        return float(floats[i, LENGTH])
    return usual_size(floats, i)[0]


@kernel
def width_of(floats: FloatArray, i: int) -> float:
    """Width of row i, or what is usual, m."""
    if floats[i, WIDTH] > 0.0:
        return float(floats[i, WIDTH])
    return usual_size(floats, i)[1]


def class_name(log_odds: FloatArray) -> str:
    """Lower-case name of the most likely of (6,) class log odds; `unknown` where nothing speaks for any."""
    best = int(np.argmax(log_odds))
    return (ObjectClass(best) if log_odds[best] > 0.0 else ObjectClass.UNKNOWN).name.lower()


@kernel
def rests(floats: FloatArray, i: int) -> bool:
    """Whether row i is a vehicle that is known to stand, and stands as predicted."""
    slow = floats[i, VX] ** 2 + floats[i, VY] ** 2 < STANDING_MPS2
    known = floats[i, VXX] + floats[i, VYY] < KNOWN_MPS2
    return bool(slow and known and not surprised(floats, i) and best_class(floats, i) != PEDESTRIAN)


@kernel
def surprised(floats: FloatArray, i: int) -> bool:
    """Whether measurements of row i do not agree with its prediction: too far off, or all to one side."""
    pulled = floats[i, PULL_X] ** 2 + floats[i, PULL_Y] ** 2 > PULLED
    return bool(pulled or floats[i, SURPRISE] >= UNSURPRISED)


@kernel
def acceleration_noise(floats: FloatArray, i: int, settings: TrackerSettings) -> tuple[float, float, float]:
    """Spectral density xx, xy, yy of the acceleration of row i, m2/s3.

    By class; for a vehicle that drives less across its heading than along it, more while it surprises; little while it
    stands as predicted.
    """
    if best_class(floats, i) == PEDESTRIAN:
        return settings.walker_noise, 0.0, settings.walker_noise
    if rests(floats, i):
        return settings.standing_noise, 0.0, settings.standing_noise
    vx, vy = floats[i, VX], floats[i, VY]
    speed2 = vx * vx + vy * vy
    if speed2 < STANDING_MPS2:
        return settings.vehicle_noise, 0.0, settings.vehicle_noise
    along, across = settings.vehicle_noise, settings.across_noise
    if surprised(floats, i):
        along, across = settings.surprised_noise, settings.surprised_noise
    more = (along - across) / speed2
    return across + more * vx * vx, more * vx * vy, across + more * vy * vy


@kernel
def hold(row: FloatArray, share: float) -> None:
    """Leave a row that stands a share of its velocity: unseen, it drifts away slowly instead of ever faster."""
    row[VX] *= share
    row[VY] *= share
    row[X_VX] *= share
    row[X_VY] *= share
    row[Y_VX] *= share
    row[Y_VY] *= share
    row[VXX] *= share * share
    row[VXY] *= share * share
    row[VYY] *= share * share


@kernel
def predict(floats: FloatArray, count: int, seconds: float, settings: TrackerSettings) -> None:
    """Move every row on by `seconds`; what rests in short steps, for its velocity fades all the while."""
    if seconds <= 0.0:
        return
    for i in range(count):
        steps = 1
        if seconds > REST_STEP_S and rests(floats, i):
            steps = min(MOST_STEPS, int(seconds / REST_STEP_S) + 1)
        for _ in range(steps):
            move_on(floats, i, seconds / steps, settings)


@kernel
def move_on(floats: FloatArray, i: int, dt: float, settings: TrackerSettings) -> None:
    """Move row i on by `dt` seconds."""
    qx, qxy, qy = acceleration_noise(floats, i, settings)
    dt2 = dt * dt
    third = dt * dt2 / 3.0
    row = floats[i]
    if rests(floats, i):
        hold(row, 1.0 / (1.0 + dt / REST_S))
    row[X] += dt * row[VX]
    row[Y] += dt * row[VY]
    row[XX] += 2.0 * dt * row[X_VX] + dt2 * row[VXX] + qx * third
    row[YY] += 2.0 * dt * row[Y_VY] + dt2 * row[VYY] + qy * third
    row[XY] += dt * (row[X_VY] + row[Y_VX]) + dt2 * row[VXY] + qxy * third
    row[X_VX] += dt * row[VXX] + 0.5 * qx * dt2
    row[Y_VY] += dt * row[VYY] + 0.5 * qy * dt2
    row[X_VY] += dt * row[VXY] + 0.5 * qxy * dt2
    row[Y_VX] += dt * row[VXY] + 0.5 * qxy * dt2
    row[VXX] += qx * dt
    row[VXY] += qxy * dt
    row[VYY] += qy * dt


@kernel
def update_position(row: FloatArray, z0: float, z1: float, r00: float, r01: float, r11: float) -> float:
    """Kalman update of one row with a position z0, z1 of covariance r00, r01, r11.

    Returns:
        The normalised innovation squared.
    """
    xx, xy, yy = row[XX], row[XY], row[YY]
    s00, s01, s11 = xx + r00, xy + r01, yy + r11
    det = s00 * s11 - s01 * s01
    i00, i01, i11 = s11 / det, -s01 / det, s00 / det
    v0, v1 = z0 - row[X], z1 - row[Y]
    a0, a1 = xx * i00 + xy * i01, xx * i01 + xy * i11
    b0, b1 = xy * i00 + yy * i01, xy * i01 + yy * i11
    xvx, xvy, yvx, yvy = row[X_VX], row[X_VY], row[Y_VX], row[Y_VY]
    c0, c1 = xvx * i00 + yvx * i01, xvx * i01 + yvx * i11
    d0, d1 = xvy * i00 + yvy * i01, xvy * i01 + yvy * i11
    row[X] += a0 * v0 + a1 * v1
    row[Y] += b0 * v0 + b1 * v1
    row[VX] += c0 * v0 + c1 * v1
    row[VY] += d0 * v0 + d1 * v1
    row[VXX] -= c0 * xvx + c1 * yvx
    row[VXY] -= c0 * xvy + c1 * yvy
    row[VYY] -= d0 * xvy + d1 * yvy
    row[X_VX] -= c0 * xx + c1 * xy
    row[X_VY] -= d0 * xx + d1 * xy
    row[Y_VX] -= c0 * xy + c1 * yy
    row[Y_VY] -= d0 * xy + d1 * yy
    row[XX] -= a0 * xx + a1 * xy
    row[XY] -= a0 * xy + a1 * yy
    row[YY] -= b0 * xy + b1 * yy
    squared: float = i00 * v0 * v0 + 2.0 * i01 * v0 * v1 + i11 * v1 * v1
    return squared


@kernel
def intersect(row: FloatArray, r00: float, r11: float) -> float:
    """Prepare a row for an estimate whose errors it may share: covariance intersection with weights by trace.

    S. Julier, J. Uhlmann, American Control Conference 1997; W. Niehsen, Fusion 2002 (the weights). The row is scaled by
    one over its weight.

    Returns:
        The weight of the other estimate, whose covariance is to be divided by it.
    """
    own, other = row[XX] + row[YY], r00 + r11
    weight: float = own / (own + other)
    row[XX : VYY + 1] /= 1.0 - weight
    return weight


@kernel
def update_velocity(row: FloatArray, z0: float, z1: float, r00: float, r01: float, r11: float) -> float:
    """Kalman update of one row with a velocity z0, z1 of covariance r00, r01, r11.

    Returns:
        The normalised innovation squared.
    """
    uu, uv, vv = row[VXX], row[VXY], row[VYY]
    s00, s01, s11 = uu + r00, uv + r01, vv + r11
    det = s00 * s11 - s01 * s01
    i00, i01, i11 = s11 / det, -s01 / det, s00 / det
    v0, v1 = z0 - row[VX], z1 - row[VY]
    c0, c1 = uu * i00 + uv * i01, uu * i01 + uv * i11
    d0, d1 = uv * i00 + vv * i01, uv * i01 + vv * i11
    xu, xv, yu, yv = row[X_VX], row[X_VY], row[Y_VX], row[Y_VY]
    a0, a1 = xu * i00 + xv * i01, xu * i01 + xv * i11
    b0, b1 = yu * i00 + yv * i01, yu * i01 + yv * i11
    row[X] += a0 * v0 + a1 * v1
    row[Y] += b0 * v0 + b1 * v1
    row[VX] += c0 * v0 + c1 * v1
    row[VY] += d0 * v0 + d1 * v1
    row[XX] -= a0 * xu + a1 * xv
    row[XY] -= a0 * yu + a1 * yv
    row[YY] -= b0 * yu + b1 * yv
    row[X_VX] -= a0 * uu + a1 * uv
    row[X_VY] -= a0 * uv + a1 * vv
    row[Y_VX] -= b0 * uu + b1 * uv
    row[Y_VY] -= b0 * uv + b1 * vv
    row[VXX] -= c0 * uu + c1 * uv
    row[VXY] -= c0 * uv + c1 * vv
    row[VYY] -= d0 * uv + d1 * vv
    squared: float = i00 * v0 * v0 + 2.0 * i01 * v0 * v1 + i11 * v1 * v1
    return squared
