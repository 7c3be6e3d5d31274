"""Which road users are told first when there is not room for all: the vulnerable and those in conflict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from edge.core.kinds import ObjectClass, most_likely
from edge.core.tracks import Tracks

HORIZON_S = 6.0
CONFLICT_M = 4.0
"""Road users that come this near to each other within the horizon, at the speed that they have, are in conflict."""
CLOSING_S = 0.1
MOVING_MPS = 0.5
VULNERABLE = frozenset({ObjectClass.PEDESTRIAN, ObjectClass.BICYCLE, ObjectClass.MOTORCYCLE})


def in_conflict(state: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(n,) whether a road user of (n, 4) x y vx vy comes near to another one soon, both going straight on."""
    x, y, vx, vy = (column[None, :] - column[:, None] for column in state.T.astype(np.float32))
    squared = vx * vx + vy * vy
    when_s = np.clip(-(x * vx + y * vy) / np.maximum(squared, 1e-9), 0.0, HORIZON_S)
    x += vx * when_s
    y += vy * when_s
    near = (x * x + y * y < CONFLICT_M**2) & (when_s > CLOSING_S) & (squared > MOVING_MPS**2)
    found: NDArray[np.bool_] = near.any(axis=1)
    return found


def ranked(tracks: Tracks, rows: Sequence[int], *, told_ns: Mapping[int, int]) -> list[int]:
    """The rows, those first that others most need to hear of.

    In conflict and vulnerable; in conflict or vulnerable; moving and silent; moving and speaking for itself; standing.
    Within each, those first that were longest not told, so that nobody is left out for good.

    Args:
        told_ns: when each track was told last, by track id.
    """
    if not rows:
        return []
    conflict = in_conflict(tracks.state)
    classes, _shares = most_likely(tracks.class_log_odds)
    moving = np.hypot(tracks.state[:, 2], tracks.state[:, 3]) >= MOVING_MPS

    def order(row: int) -> tuple[int, int, int]:
        pressing = int(conflict[row]) + int(classes[row] in VULNERABLE)
        silent = int(moving[row]) + int(moving[row] and not tracks.v2x_id[row])
        return -pressing, -silent, told_ns.get(int(tracks.track_id[row]), 0)

    return sorted(rows, key=order)
