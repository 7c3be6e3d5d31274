"""Kinds of road user, in one fixed order: the columns of every class vector."""

from __future__ import annotations

import enum

import numpy as np


class ObjectClass(enum.IntEnum):
    """Class of a road user; the value is its column in class log-odds arrays."""

    CAR = 0
    TRUCK = 1
    BUS = 2
    MOTORCYCLE = 3
    BICYCLE = 4
    PEDESTRIAN = 5
    UNKNOWN = 6


CLASS_COUNT = 6
"""Number of known classes, the width of class vectors (`UNKNOWN` has no column)."""

TYPICAL_SIZE_M: np.ndarray = np.array(
    [
        [4.5, 1.8, 1.5],
        [8.5, 2.5, 3.2],
        [12.0, 2.55, 3.1],
        [2.1, 0.8, 1.5],
        [1.8, 0.6, 1.7],
        [0.5, 0.5, 1.72],
        [4.0, 1.8, 1.6],
    ]
)
"""(7, 3) length, width, height in metres per `ObjectClass`; rounded from common European and Chinese vehicles."""
TYPICAL_SIZE_M.setflags(write=False)


def most_likely(log_odds: np.ndarray) -> tuple[list[ObjectClass], list[float]]:
    """Class and its probability per row of (n, 6) log-odds; no evidence at all is UNKNOWN with 0."""
    if not len(log_odds):
        return [], []
    shifted = np.exp(log_odds - log_odds.max(axis=1, keepdims=True))
    share = shifted / shifted.sum(axis=1, keepdims=True)
    best = share.argmax(axis=1)
    known = log_odds.max(axis=1) - log_odds.min(axis=1) > 1e-9
    classes = [ObjectClass(int(b)) if k else ObjectClass.UNKNOWN for b, k in zip(best, known, strict=True)]
    return classes, [float(share[i, b]) if known[i] else 0.0 for i, b in enumerate(best)]
