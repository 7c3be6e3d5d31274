"""Two boxes that place road users of one kind in each other are one road user: bodies do not share ground."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edge.perception.compiled import kernel
from edge.perception.image_track import family
from edge.perception.order import descending

Floats = NDArray[np.float64]
CLOSEST_M = np.array([2.4, 0.8, 0.3])
"""Closest centres of two four-wheelers, two-wheelers, walkers: neighbouring lanes are 3 m apart, cyclists 1 m."""


def separate(position_m: Floats, confidence: Floats, class_log_odds: Floats) -> NDArray[np.bool_]:
    """Which of n detections of one picture to keep: of those in each other, the most confident.

    Distances within one picture are good even where the calibration is not, because both share its error.

    Args:
        position_m: (n, 2).
        confidence: (n,).
        class_log_odds: (n, 6).
    """
    return thin_out(
        np.ascontiguousarray(position_m),
        np.ascontiguousarray(confidence, dtype=np.float64),
        np.ascontiguousarray(class_log_odds),
    )


@kernel
def thin_out(position: Floats, confidence: Floats, log_odds: Floats) -> NDArray[np.bool_]:
    """Keep all but what lies in a more confident one of its kind."""
    kept = np.ones(len(position), dtype=np.bool_)
    order = descending(confidence)
    for k in range(len(order)):
        i = order[k]
        if not kept[i]:
            continue
        kind = family(log_odds[i])
        for m in range(k + 1, len(order)):
            j = order[m]
            apart = math.hypot(position[i, 0] - position[j, 0], position[i, 1] - position[j, 1])
            if apart < CLOSEST_M[kind] and family(log_odds[j]) == kind:
                kept[j] = False
    return kept
