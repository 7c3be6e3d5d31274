"""Generalised optimal sub-pattern assignment metric: A. Rahmathullah, A. Garcia-Fernandez, L. Svensson, Fusion 2017."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.evaluation.assign import least_cost

CUT_OFF_M = 5.0


class Gospa(NamedTuple):
    """Squared parts of the distance between two sets, m2, for p = 2 and alpha = 2.

    Attributes:
        location: of the pairs nearer than the cut-off.
        missed, false: half the squared cut-off for each one without a pair.
    """

    location: float
    missed: float
    false: float

    @property
    def distance(self) -> float:
        """The metric, m."""
        return float(np.sqrt(self.location + self.missed + self.false))


def gospa(distances: NDArray[np.float64], *, cut_off_m: float = CUT_OFF_M) -> Gospa:
    """The metric of (n, m) distances between n road users and m tracks."""
    users, tracks = distances.shape
    cost = np.minimum(distances, cut_off_m) ** 2
    near = [cost[i, j] for i, j in least_cost(cost) if distances[i, j] < cut_off_m] if cost.size else []
    lone = 0.5 * cut_off_m**2
    return Gospa(float(sum(near)), lone * (users - len(near)), lone * (tracks - len(near)))
