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
    NIS_COUNT,
    NIS_SUM,
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
    TrackTable,
    X,
    Y,
)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
NEAR_NS = 120_000_000
MEMORY_S = 60.0
SETTLED_HITS = 10
STANDING_MPS, STANDING_SHARE = 1.0, 0.1
"""A road user that stands shows every sensor the same error over and over."""
SHARED_GNSS = 0.3
"""Share of a GNSS error that all vehicles have in common."""
LEAST_BIAS = 0.3
"""Share of a sensor's stated bias that is never learned away: it differs from place to place."""
LEAST_LATE_S = 0.01
EVERY_NS = 1_000_000_000
FEWEST, NOISE_GAIN = 50, 0.3
LEAST_NOISE, MOST_NOISE = 0.25, 4.0


@kernel
def forget(pairs: FloatArray, seconds: float) -> None:
    """Let old disagreement fade."""
    if seconds > 0.0:
        pairs *= math.exp(-seconds / MEMORY_S)


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


def solve_alignment(pairs: FloatArray, sensors: Sequence[SensorModel]) -> tuple[FloatArray, FloatArray]:
    """Offsets and clock errors of n sensors.

    Args:
        pairs: (n, n, PAIR) sums.
        sensors: the n sensors.

    Returns:
        (n, 3) x in m, y in m, lateness in s, and (n, 3) their standard deviations.
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
    return found, np.sqrt(np.diag(covariance)).reshape(n, 3)


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


class Alignment:
    """Learns the sensors' constant errors and how far their stated noise is off, once a second.

    Args:
        sensors: in the order of the table's columns.
        learn: False: every sensor is taken at its word.
    """

    def __init__(self, sensors: Sequence[SensorModel], *, learn: bool = True) -> None:
        self._sensors, self._learn = tuple(sensors), learn
        self._due_ns = 0
        n = len(self._sensors)
        self._noise = np.ones(n)
        self._sums = np.zeros((n, 2))
        self.offset = np.zeros((n, 3))
        self.sigma = np.array([_prior(sensor) for sensor in self._sensors]).reshape(n, 3)

    def due(self, now_ns: int) -> bool:
        """Whether a second has passed."""
        if not self._learn or now_ns < self._due_ns:
            return False
        self._due_ns = now_ns + EVERY_NS
        return True

    def update(self, terms: Sequence[SensorTerms], table: TrackTable) -> list[SensorTerms]:
        """The sensors' terms with what has been learned until now."""
        self.offset, self.sigma = solve_alignment(table.pairs, self._sensors)
        self._learn_noise(table.statistics[:, [NIS_SUM, NIS_COUNT]])
        return [
            aligned(term, sensor, offset, sigma, noise=float(noise))
            for term, sensor, offset, sigma, noise in zip(
                terms, self._sensors, self.offset, self.sigma, self._noise, strict=True
            )
        ]

    def _learn_noise(self, sums: FloatArray) -> None:
        """Raise or lower the noise of each sensor until the mean normalised innovation squared is 2."""
        for k, (total, count) in enumerate((sums - self._sums).tolist()):
            if count < FEWEST:
                continue
            self._sums[k] = sums[k]
            step = (total / count / 2.0) ** NOISE_GAIN
            self._noise[k] = min(MOST_NOISE, max(LEAST_NOISE, self._noise[k] * step))


def aligned(
    terms: SensorTerms, sensor: SensorModel, offset: FloatArray, sigma: FloatArray, *, noise: float
) -> SensorTerms:
    """Terms with what has been learned; a V2X link is not corrected, each of its vehicles errs in its own way."""
    if sensor.kind == "v2x":
        return terms
    left = max(0.5 * float(sigma[0] ** 2 + sigma[1] ** 2), (LEAST_BIAS * sensor.bias_m) ** 2)
    return terms._replace(
        bias_x=float(offset[0]),
        bias_y=float(offset[1]),
        bias_variance=left,
        late_s=float(offset[2]),
        late_variance=max(float(sigma[2]), min(LEAST_LATE_S, sensor.clock_sigma)) ** 2,
        noise=noise,
    )
