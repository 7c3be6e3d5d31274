"""Errors of a vehicle's GNSS position and speed."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

WANDER_SIGMA_M, WANDER_TAU_S = 0.7, 30.0
WHITE_SIGMA_M, SPEED_SIGMA_MPS = 0.35, 0.25
POSITION_SIGMA_M = math.hypot(WANDER_SIGMA_M, WHITE_SIGMA_M)


class GnssError:
    """Position error that wanders (Ornstein-Uhlenbeck per axis) plus white noise.

    Args:
        generator: source of chance, one per vehicle.
    """

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator
        self._wander_m: NDArray[np.float64] = generator.normal(0.0, WANDER_SIGMA_M, 2)

    def next(self, elapsed_s: float) -> tuple[float, float, float]:
        """East and north error (m) and speed error (m/s), `elapsed_s` after the last ones."""
        keep = math.exp(-elapsed_s / WANDER_TAU_S)
        fresh = WANDER_SIGMA_M * math.sqrt(1.0 - keep * keep)
        self._wander_m = keep * self._wander_m + self._generator.normal(0.0, fresh, 2)
        east_m, north_m = self._wander_m + self._generator.normal(0.0, WHITE_SIGMA_M, 2)
        return float(east_m), float(north_m), float(self._generator.normal(0.0, SPEED_SIGMA_MPS))
