"""A hash grid over the tracks: who may be near a place is found in constant time, however many there are."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.fusion.compiled import kernel
from edge.fusion.table import CAPACITY

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
NEAR_CELL_M, WIDE_CELL_M = 8.0, 20.0
BUCKETS = 2048


class Grid(NamedTuple):
    """Chains of rows per bucket.

    Attributes:
        head: (BUCKETS,) first row of each bucket, -1 none.
        following: (CAPACITY,) next row in the same bucket, -1 none.
        column, line: (CAPACITY,) cell of each row.
        cell_m: side of a cell.
    """

    head: IntArray
    following: IntArray
    column: IntArray
    line: IntArray
    cell_m: float


def empty_grid(cell_m: float) -> Grid:
    """A grid without rows."""
    following, column, line = (np.full(CAPACITY, -1, dtype=np.int64) for _ in range(3))
    return Grid(np.full(BUCKETS, -1, dtype=np.int64), following, column, line, cell_m)


@kernel
def bucket(column: int, line: int) -> int:
    """Bucket of a cell; two cells may share one."""
    return (column * 73856093 ^ line * 19349663) & (BUCKETS - 1)


@kernel
def clear(grid: Grid) -> None:
    """Take every row out."""
    grid.head[:] = -1


@kernel
def put(grid: Grid, i: int, x: float, y: float) -> None:
    """Put a row into its cell."""
    column, line = math.floor(x / grid.cell_m), math.floor(y / grid.cell_m)
    at = bucket(column, line)
    grid.column[i], grid.line[i] = column, line
    grid.following[i] = grid.head[at]
    grid.head[at] = i


@kernel
def near(grid: Grid, x: float, y: float, reach: float, found: IntArray, count: int) -> int:
    """Write the rows of all cells within `reach` of a place into `found` from `count` on; returns where they end."""
    first, last = math.floor((y - reach) / grid.cell_m), math.floor((y + reach) / grid.cell_m)
    for column in range(math.floor((x - reach) / grid.cell_m), math.floor((x + reach) / grid.cell_m) + 1):
        for line in range(first, last + 1):
            i = grid.head[bucket(column, line)]
            while i >= 0:
                if grid.column[i] == column and grid.line[i] == line:
                    found[count] = i
                    count += 1
                i = grid.following[i]
    return count
