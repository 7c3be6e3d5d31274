"""Arrays that the kernels write into while they take a scan; made once, so that a scan allocates next to nothing."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.core.kinds import CLASS_COUNT
from edge.fusion.grid import NEAR_CELL_M, WIDE_CELL_M, Grid, empty_grid
from edge.fusion.table import CAPACITY, MAX_ROWS

IntArray = NDArray[np.int64]
PAIRS = 32 * MAX_ROWS
"""Candidate pairs of a scan at most; further ones are not looked at."""
BEARINGS = 720
"""Directions round a sensor that occlusion tells apart."""


class Workspace(NamedTuple):
    """Nothing here outlives a scan.

    Attributes:
        grid: where the tracks are that are known well; wide: where the others may be.
        near: (CAPACITY,) rows found by a search.
        pair_track, pair_cost: (PAIRS,) candidates, measurement by measurement.
        pair_start: (MAX_ROWS + 1,) where those of each measurement begin.
        parent: (CAPACITY + MAX_ROWS,) groups of tracks and measurements that share candidates.
        head, following: (CAPACITY + MAX_ROWS,), (MAX_ROWS,) chains of the measurements of each group.
        place: (CAPACITY,) column of a track in the matrix of its group, -1 none.
        shares: (CAPACITY, 6) class probabilities of tracks; known: (CAPACITY,) whether they are filled in.
        horizon: (BEARINGS,) distance of the nearest road user in each direction from a sensor.
    """

    grid: Grid
    wide: Grid
    near: IntArray
    pair_track: IntArray
    pair_cost: NDArray[np.float64]
    pair_start: IntArray
    parent: IntArray
    head: IntArray
    following: IntArray
    place: IntArray
    shares: NDArray[np.float64]
    known: NDArray[np.bool_]
    horizon: NDArray[np.float64]


def empty_workspace() -> Workspace:
    """Room for one tracker."""
    nodes = CAPACITY + MAX_ROWS
    return Workspace(
        grid=empty_grid(NEAR_CELL_M),
        wide=empty_grid(WIDE_CELL_M),
        near=np.zeros(CAPACITY, dtype=np.int64),
        pair_track=np.zeros(PAIRS, dtype=np.int64),
        pair_cost=np.zeros(PAIRS),
        pair_start=np.zeros(MAX_ROWS + 1, dtype=np.int64),
        parent=np.zeros(nodes, dtype=np.int64),
        head=np.full(nodes, -1, dtype=np.int64),
        following=np.full(MAX_ROWS, -1, dtype=np.int64),
        place=np.full(CAPACITY, -1, dtype=np.int64),
        shares=np.zeros((CAPACITY, CLASS_COUNT)),
        known=np.zeros(CAPACITY, dtype=np.bool_),
        horizon=np.full(BEARINGS, np.inf),
    )
