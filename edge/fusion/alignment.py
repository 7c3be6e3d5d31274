"""How far the sensors disagree on road users that several see, and what that says of each one's constant errors.

Every pair of sensors sums up d = (b_i - b_j) + v (t_i - t_j): the difference of their residuals on the same track
at nearly the same time, where b is a constant offset in metres and t a constant error of the capture times. With a
prior on each, least squares over all pairs gives offsets and clock errors; what all sensors have in common cannot be
told from their disagreement and stays at its prior.

Bar-Shalom, Willett, Tian: Tracking and Data Fusion, 2011, chapter 9.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.fusion.compiled import kernel
from edge.fusion.sensors import SCANS_THAT_ERR_ALIKE, SensorModel, SensorTerms
from edge.fusion.table import (
    HITS,
    M_X,
    M_XX,
    M_Y,
    M_YY,
    P_DX,
    P_DY,
    P_VD,
    P_VV,
    P_VX,
    P_VY,
    P_W,
    RESIDUAL,
    RESIDUALS,
    SEEN,
    VX,
    VY,
    XX,
    YY,
    X,
    Y,
)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
NEAR_NS, LAST_NS = 120_000_000, 250_000_000
MEMORY_S = 60.0
SETTLED_HITS = 10
STANDING_MPS, STANDING_SHARE = 1.0, 0.1
"""A road user that stands shows every sensor the same error over and over."""
SHARED_GNSS = 0.3
"""Share of a GNSS error that all vehicles have in common."""


@kernel
def forget(pairs: FloatArray, seconds: float) -> None:
    """Let old disagreement fade."""
    if seconds > 0.0:
        pairs *= math.exp(-seconds / MEMORY_S)


@kernel
def change(
    floats: FloatArray,
    integers: IntArray,
    i: int,
    measured: FloatArray,
    j: int,
    time_ns: int,
    sensor: SensorTerms,
) -> float:
    """How far a sensor's residual on row i has changed since its last scan, squared over the stated variance; 2 is due.

    Constant errors and the lag of the filter in a turn cancel, so that noise alone is left. The last measurement has
    moved the track towards itself by the gain, hence the weight. NaN where there is no last one. J. von Neumann,
    Annals of Mathematical Statistics 12, 1941.
    """
    at = RESIDUALS + RESIDUAL * int(sensor.column)
    last = integers[i, SEEN + int(sensor.column)]
    if last == 0 or time_ns - last > LAST_NS or integers[i, HITS] < SETTLED_HITS:
        return math.nan
    dx = measured[j, M_X] - floats[i, X] - floats[i, at]
    dy = measured[j, M_Y] - floats[i, Y] - floats[i, at + 1]
    variance, own = 0.5 * (measured[j, M_XX] + measured[j, M_YY]), 0.5 * (floats[i, XX] + floats[i, YY])
    gain = 1.0 + own / (own + sensor.noise * variance)
    changed: float = (dx * dx + dy * dy) / (variance + gain * gain * floats[i, at + 2])
    return changed


@kernel
def compare(
    floats: FloatArray,
    integers: IntArray,
    i: int,
    measured: FloatArray,
    j: int,
    time_ns: int,
    sensor: SensorTerms,
    pairs: FloatArray,
) -> None:
    """Note the residual of measurement j on row i, before the update, and compare it with those of other sensors."""
    column = int(sensor.column)
    rx, ry = measured[j, M_X] - floats[i, X], measured[j, M_Y] - floats[i, Y]
    variance = 0.5 * (measured[j, M_XX] + measured[j, M_YY])
    if sensor.speaks != 0.0:
        variance += sensor.bias_variance
    if integers[i, HITS] >= SETTLED_HITS:
        vx, vy = floats[i, VX], floats[i, VY]
        share = STANDING_SHARE if vx * vx + vy * vy < STANDING_MPS**2 else 1.0
        for k in range(len(pairs)):
            seen = integers[i, SEEN + k]
            if k == column or seen == 0 or time_ns - seen > NEAR_NS:
                continue
            at = RESIDUALS + RESIDUAL * k
            sign = 1.0 if column < k else -1.0
            dx, dy = sign * (rx - floats[i, at]), sign * (ry - floats[i, at + 1])
            weight = share / (variance + floats[i, at + 2])
            sums = pairs[min(column, k), max(column, k)]
            sums[P_W] += weight
            sums[P_VX] += weight * vx
            sums[P_VY] += weight * vy
            sums[P_VV] += weight * (vx * vx + vy * vy)
            sums[P_DX] += weight * dx
            sums[P_DY] += weight * dy
            sums[P_VD] += weight * (vx * dx + vy * dy)
    at = RESIDUALS + RESIDUAL * column
    floats[i, at], floats[i, at + 1], floats[i, at + 2] = rx, ry, variance


def solve_alignment(
    pairs: FloatArray, sensors: Sequence[SensorModel]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Offsets and clock errors of n sensors.

    Args:
        pairs: (n, n, PAIR) sums.
        sensors: the n sensors.

    Returns:
        (n, 3) x in m, y in m, lateness in s; (n, 3) their standard deviations; (n, 3) those of the difference from
        the mean of our own sensors, for what all have in common moves no track against another.
    """
    n = len(sensors)
    prior = np.array([_prior(sensor) for sensor in sensors])
    information = np.diag((1.0 / prior**2).ravel())
    pull = np.zeros(3 * n)
    for i in range(n):
        for j in range(i + 1, n):
            if pairs[i, j, P_W] > 0.0:
                _add_pair(information, pull, i, j, pairs[i, j] / _alike(sensors[i], sensors[j]))
    covariance = np.linalg.inv(information)
    found: FloatArray = (covariance @ pull).reshape(n, 3)
    sigma: FloatArray = np.sqrt(np.diag(covariance)).reshape(n, 3)
    return found, sigma, _apart(covariance.astype(np.float64), sensors)


def _apart(covariance: FloatArray, sensors: Sequence[SensorModel]) -> FloatArray:
    """(n, 3) standard deviations of each sensor's difference from the mean of our own."""
    own = np.array([sensor.kind != "v2x" for sensor in sensors])
    from_mean = np.eye(len(sensors)) - own / max(1, own.sum())
    apart = [from_mean @ covariance[k::3, k::3] @ from_mean.T for k in range(3)]
    variances: FloatArray = np.stack([np.diag(matrix) for matrix in apart], axis=1)
    return np.sqrt(np.maximum(variances, 0.0))


def _prior(sensor: SensorModel) -> tuple[float, float, float]:
    bias = sensor.bias_m * (SHARED_GNSS if sensor.kind == "v2x" else 1.0)
    return max(bias, 0.01), max(bias, 0.01), max(sensor.clock_sigma, 1e-3)


def _alike(a: SensorModel, b: SensorModel) -> float:
    return max(SCANS_THAT_ERR_ALIKE[a.kind], SCANS_THAT_ERR_ALIKE[b.kind])


def _add_pair(information: FloatArray, pull: FloatArray, i: int, j: int, sums: FloatArray) -> None:
    w, vx, vy, vv, dx, dy, vd = (float(value) for value in sums)
    normal = np.array([[w, 0.0, vx], [0.0, w, vy], [vx, vy, vv]])
    seen = np.array([dx, dy, vd])
    a, b = slice(3 * i, 3 * i + 3), slice(3 * j, 3 * j + 3)
    information[a, a] += normal
    information[b, b] += normal
    information[a, b] -= normal
    information[b, a] -= normal
    pull[a] += seen
    pull[b] -= seen
