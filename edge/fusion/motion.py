"""Constant-velocity motion and the Kalman update, written out for two and four dimensions.

Bar-Shalom, Li, Kirubarajan: Estimation with Applications to Tracking and Navigation, 2001, sections 6.2 and 5.2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.core.kinds import CLASS_COUNT, ObjectClass
from edge.fusion.compiled import kernel
from edge.fusion.settings import TrackerSettings
from edge.fusion.table import CLASSES, COVARIANCE, SURPRISE, VX, VY, X, Y

FloatArray = NDArray[np.float64]
C = COVARIANCE
PEDESTRIAN = int(ObjectClass.PEDESTRIAN)
BICYCLE = int(ObjectClass.BICYCLE)
STANDING_MPS2 = 1.0
UNSURPRISED = 3.0
SURPRISE_GAIN = 0.25


@kernel
def best_class(floats: FloatArray, i: int) -> int:
    """Column of the most likely class of row i; -1 where nothing speaks for any."""
    best, value = -1, 0.0
    for c in range(CLASS_COUNT):
        if floats[i, CLASSES + c] > value:
            best, value = c, floats[i, CLASSES + c]
    return best


@kernel
def acceleration_noise(floats: FloatArray, i: int, settings: TrackerSettings) -> float:
    """Spectral density for row i: by class, and lower while it stands as predicted."""
    if best_class(floats, i) == PEDESTRIAN:
        return settings.walker_noise
    slow = floats[i, VX] ** 2 + floats[i, VY] ** 2 < STANDING_MPS2
    if slow and floats[i, SURPRISE] < UNSURPRISED:
        return settings.standing_noise
    return settings.vehicle_noise


@kernel
def predict(floats: FloatArray, count: int, seconds: float, settings: TrackerSettings) -> None:
    """Move every row on by `seconds`."""
    if seconds <= 0.0:
        return
    dt, dt2 = seconds, seconds * seconds
    for i in range(count):
        q = acceleration_noise(floats, i, settings)
        row = floats[i]
        row[X] += dt * row[VX]
        row[Y] += dt * row[VY]
        for a in range(2):
            for b in range(2):
                cross = row[C + 4 * a + b + 2] + row[C + 4 * (a + 2) + b]
                row[C + 4 * a + b] += dt * cross + dt2 * row[C + 4 * (a + 2) + b + 2]
        for a in range(2):
            for b in range(2):
                row[C + 4 * a + b + 2] += dt * row[C + 4 * (a + 2) + b + 2]
                row[C + 4 * (b + 2) + a] = row[C + 4 * a + b + 2]
        for a in range(2):
            row[C + 5 * a] += q * dt * dt2 / 3.0
            row[C + 5 * a + 2] += q * dt2 / 2.0
            row[C + 5 * a + 8] += q * dt2 / 2.0
            row[C + 5 * a + 10] += q * dt


@kernel
def update_pair(
    floats: FloatArray, i: int, at: int, z0: float, z1: float, r00: float, r01: float, r11: float
) -> float:
    """Kalman update of row i with a measurement of the states `at` and `at + 1`.

    Args:
        at: 0 for position, 2 for velocity.
        z0, z1: the measurement; r00, r01, r11: its covariance.

    Returns:
        The normalised innovation squared.
    """
    row = floats[i]
    s00 = row[C + 5 * at] + r00
    s11 = row[C + 5 * (at + 1)] + r11
    s01 = row[C + 4 * at + at + 1] + r01
    det = s00 * s11 - s01 * s01
    v0, v1 = z0 - row[at], z1 - row[at + 1]
    gain = np.empty((4, 2))
    for a in range(4):
        p0, p1 = row[C + 4 * a + at], row[C + 4 * a + at + 1]
        gain[a, 0] = (p0 * s11 - p1 * s01) / det
        gain[a, 1] = (p1 * s00 - p0 * s01) / det
    lower = row[C + 4 * at : C + 4 * at + 8].copy()
    for a in range(4):
        row[a] += gain[a, 0] * v0 + gain[a, 1] * v1
        for b in range(4):
            row[C + 4 * a + b] -= gain[a, 0] * lower[b] + gain[a, 1] * lower[4 + b]
    for a in range(4):
        for b in range(a):
            mean = 0.5 * (row[C + 4 * a + b] + row[C + 4 * b + a])
            row[C + 4 * a + b] = mean
            row[C + 4 * b + a] = mean
    squared: float = (s11 * v0 * v0 - 2.0 * s01 * v0 * v1 + s00 * v1 * v1) / det
    return squared
