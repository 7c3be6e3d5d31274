"""What the node learns of its sensors while it runs: constant errors, clock errors, and how noisy they really are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.fusion.alignment import solve_alignment
from edge.fusion.sensors import SensorModel, SensorTerms
from edge.fusion.table import CHANGE_COUNT, CHANGE_SUM, NIS_COUNT, NIS_SUM, PAIR, TrackTable

FloatArray = NDArray[np.float64]
LEAST_BIAS = 0.3
"""Share of a sensor's stated bias that is never learned away: it differs from place to place."""
LEAST_LATE_S = 0.01
EVERY_NS = 1_000_000_000
FEWEST, NOISE_GAIN = 50, 0.1
LEAST_NOISE, MOST_NOISE = 0.25, 6.0
SUSPECT_SIGMAS, SUSPECT_OFFSET_M, SUSPECT_LATE_S = 1.6, 0.5, 0.12


class Calibration(NamedTuple):
    """What has been learned of one sensor.

    Attributes:
        offset_x_m, offset_y_m: constant error of its positions; offset_sigma_m: how well it is known.
        late_s: by how much it shows the world later than its stamps say; late_sigma_s: how well that is known.
        noise: factor on the covariance that it states.
        suspect: whether it errs far more than its model allows.
    """

    offset_x_m: float
    offset_y_m: float
    offset_sigma_m: float
    late_s: float
    late_sigma_s: float
    noise: float
    suspect: bool

    def words(self) -> str:
        """For a person."""
        offset = f"offset ({self.offset_x_m:.2f}, {self.offset_y_m:.2f}) m, +-{self.offset_sigma_m:.2f}"
        late = f"stamps off by {self.late_s * 1000:.0f} ms, +-{self.late_sigma_s * 1000:.0f}"
        return f"{offset}; {late}; noise {math.sqrt(self.noise):.2f} times what is stated"


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
        self._learned = np.zeros(n)
        self._sums = np.zeros((n, 4))
        nothing = np.zeros((n, n, PAIR))
        self.offset, self.sigma, self._apart = solve_alignment(nothing, self._sensors)

    def due(self, now_ns: int) -> bool:
        """Whether a second has passed."""
        if not self._learn or now_ns < self._due_ns:
            return False
        self._due_ns = now_ns + EVERY_NS
        return True

    def restart(self) -> None:
        """The clock was set: the next call is due at once."""
        self._due_ns = 0

    def update(self, terms: Sequence[SensorTerms], table: TrackTable) -> list[SensorTerms]:
        """The sensors' terms with what has been learned until now."""
        self.offset, self.sigma, self._apart = solve_alignment(table.pairs, self._sensors)
        self._learn_noise(table.statistics)
        return self.aligned(terms)

    def aligned(self, terms: Sequence[SensorTerms]) -> list[SensorTerms]:
        """The sensors' terms with what is known now."""
        return [
            aligned(
                term,
                sensor,
                offset=self.offset[k],
                sigma=self.sigma[k],
                apart=self._apart[k],
                noise=float(self._noise[k]),
            )
            for k, (term, sensor) in enumerate(zip(terms, self._sensors, strict=True))
        ]

    def calibration(self) -> dict[str, Calibration]:
        """By sensor name."""
        found = {}
        for k, sensor in enumerate(self._sensors):
            (x, y, late), sigma = (float(value) for value in self.offset[k]), self.sigma[k]
            spread = math.sqrt(0.5 * float(sigma[0] ** 2 + sigma[1] ** 2))
            noise = float(self._noise[k])
            found[sensor.name] = Calibration(
                x, y, spread, late, float(sigma[2]), noise, self._is_suspect(sensor, k)
            )
        return found

    def _is_suspect(self, sensor: SensorModel, k: int) -> bool:
        """An offset or a clock error that its model makes unlikely, or noise that is far from what it states."""
        if sensor.kind in {"v2x", "tracks"}:
            return False
        x, y, late = (float(value) for value in self.offset[k])
        off = math.hypot(x, y) > max(SUSPECT_SIGMAS * sensor.bias_m, SUSPECT_OFFSET_M)
        slow = abs(late) > max(SUSPECT_SIGMAS * sensor.clock_sigma, SUSPECT_LATE_S)
        return off or slow or float(self._noise[k]) >= MOST_NOISE

    def _learn_noise(self, statistics: FloatArray) -> None:
        """Noise as the sensor's residuals change from scan to scan; not far below what the innovations allow."""
        new = statistics[:, [CHANGE_SUM, CHANGE_COUNT, NIS_SUM, NIS_COUNT]] - self._sums
        for k, (changed, changes, misfit, misfits) in enumerate(new.tolist()):
            if changes < FEWEST or misfits < FEWEST or self._sensors[k].kind in {"v2x", "tracks"}:
                continue
            self._sums[k] += new[k]
            found = changed / changes / 2.0
            found = max(found, min(1.0, self._noise[k] * misfit / misfits / 2.0))
            self._learned[k] += 1
            self._noise[k] += (found - self._noise[k]) * max(1.0 / (1.0 + self._learned[k]), NOISE_GAIN)
        np.clip(self._noise, LEAST_NOISE, MOST_NOISE, out=self._noise)


def aligned(
    terms: SensorTerms,
    sensor: SensorModel,
    *,
    offset: FloatArray,
    sigma: FloatArray,
    apart: FloatArray,
    noise: float,
) -> SensorTerms:
    """Terms with what has been learned; a V2X link is not corrected, each of its vehicles errs in its own way."""
    if sensor.kind == "v2x":
        return terms
    least_bias, least_late = LEAST_BIAS * sensor.bias_m, min(LEAST_LATE_S, sensor.clock_sigma)
    return terms._replace(
        bias_x=float(offset[0]),
        bias_y=float(offset[1]),
        bias_variance=max(0.5 * float(apart[0] ** 2 + apart[1] ** 2), least_bias**2),
        bias_left=max(0.5 * float(sigma[0] ** 2 + sigma[1] ** 2), least_bias**2),
        late_s=float(offset[2]),
        late_variance=max(float(apart[2]), least_late) ** 2,
        late_left=max(float(sigma[2]), least_late) ** 2,
        noise=noise,
    )
