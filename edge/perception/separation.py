"""Two boxes that place road users of one kind in each other are one road user: bodies do not share ground."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.core.kinds import ObjectClass

FOUR_WHEELERS_M, TWO_WHEELERS_M, WALKERS_M = 2.4, 0.8, 0.3
"""Closest centres of two of a kind: neighbouring lanes are 3 m apart, cyclists 1 m."""
_CLOSEST_M = {
    ObjectClass.CAR: (0, FOUR_WHEELERS_M),
    ObjectClass.TRUCK: (0, FOUR_WHEELERS_M),
    ObjectClass.BUS: (0, FOUR_WHEELERS_M),
    ObjectClass.MOTORCYCLE: (1, TWO_WHEELERS_M),
    ObjectClass.BICYCLE: (1, TWO_WHEELERS_M),
    ObjectClass.PEDESTRIAN: (2, WALKERS_M),
}


def separate(
    position_m: NDArray[np.float64], confidence: NDArray[np.float64], class_log_odds: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Which of n detections of one picture to keep: of those in each other, the most confident.

    Distances within one picture are good even where the calibration is not, because both share its error.

    Args:
        position_m: (n, 2).
        confidence: (n,).
        class_log_odds: (n, 6).
    """
    count = len(position_m)
    kept = np.ones(count, dtype=bool)
    if count < 2:
        return kept
    rules = [_CLOSEST_M[ObjectClass(best)] for best in class_log_odds.argmax(axis=1)]
    family, closest_m = (np.array(column) for column in zip(*rules, strict=True))
    distance_m = np.hypot(*(position_m[:, None] - position_m[None]).transpose(2, 0, 1))
    clash = (family[:, None] == family[None]) & (distance_m < closest_m[:, None])
    np.fill_diagonal(clash, val=False)
    for i in np.argsort(-confidence, kind="stable"):
        if kept[i]:
            kept[clash[i]] = False
            kept[i] = True
    return kept
