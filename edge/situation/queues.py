"""The queue that stands at a stop line."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
QUEUE_SPEED_MPS = 2.0
"""Slower road users stand in the queue (the definition of `LaneMeasure.queue_length`)."""
HEAD_GAP_M = 12.0
"""The first of a queue stands within this distance of the stop line, its front counted."""
GAP_M = 9.0
"""Free road between two of one queue is shorter."""
TYPICAL_LENGTH_M = 4.5


def queue_length(distance_m: FloatArray, speed_mps: FloatArray, length_m: FloatArray) -> int:
    """Road users in one queue from the stop line.

    Args:
        distance_m: (n,) centre to stop line along the lane.
        speed_mps: (n,).
        length_m: (n,) of the road users; NaN unknown.
    """
    half = np.where(np.isnan(length_m), TYPICAL_LENGTH_M, length_m) / 2.0
    end, allowed, count = 0.0, HEAD_GAP_M, 0
    for row in np.argsort(distance_m, kind="stable").tolist():
        if speed_mps[row] >= QUEUE_SPEED_MPS or distance_m[row] - half[row] - end > allowed:
            break
        end, allowed, count = float(distance_m[row] + half[row]), GAP_M, count + 1
    return count
