"""A hash grid over the tracks: who may be near a place is found in constant time, however many there are."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.fusion.compiled import kernel
from edge.fusion.table import CAPACITY, X, Y

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
CELL_M = 6.0
BUCKETS = 2048


class Grid(NamedTuple):
    """Chains of rows per bucket.

    Attributes:
        head: (BUCKETS,) first row of each bucket, -1 none.
        following: (CAPACITY,) next row in the same bucket, -1 none.
        column, line: (CAPACITY,) cell of each row.
    """

    head: IntArray
    following: IntArray
    column: IntArray
    line: IntArray


def empty_grid() -> Grid:
    """A grid without rows."""
    following, column, line = (np.full(CAPACITY, -1, dtype=np.int64) for _ in range(3))
    return Grid(np.full(BUCKETS, -1, dtype=np.int64), following, column, line)


@kernel
def cell(metres: float) -> int:
    """Number of the cell of a coordinate."""
    return math.floor(metres / CELL_M)


@kernel
def bucket(column: int, line: int) -> int:
    """Bucket of a cell; two cells may share one."""
    return (column * 73856093 ^ line * 19349663) & (BUCKETS - 1)


@kernel
def fill(grid: Grid, floats: FloatArray, count: int) -> None:
    """Put every row into the cell where it is."""
    grid.head[:] = -1
    for i in range(count - 1, -1, -1):
        column, line = cell(floats[i, X]), cell(floats[i, Y])
        at = bucket(column, line)
        grid.column[i], grid.line[i] = column, line
        grid.following[i] = grid.head[at]
        grid.head[at] = i


@kernel
def near(grid: Grid, x: float, y: float, reach: float, found: IntArray) -> int:
    """Write the rows of all cells within `reach` of a place into `found`; returns how many."""
    count = 0
    first_line, last_line = cell(y - reach), cell(y + reach)
    for column in range(cell(x - reach), cell(x + reach) + 1):
        for line in range(first_line, last_line + 1):
            i = grid.head[bucket(column, line)]
            while i >= 0:
                if grid.column[i] == column and grid.line[i] == line:
                    found[count] = i
                    count += 1
                i = grid.following[i]
    return count
