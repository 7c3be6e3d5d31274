"""Which measurement belongs to which track: least total cost, solved apart per group that shares candidates.

Kuhn's assignment problem by shortest augmenting paths with dual prices (R. Jonker, A. Volgenant, Computing 38, 1987).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.fusion.compiled import kernel

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@kernel
def solve(cost: FloatArray) -> IntArray:
    """Column per row of least total cost; (rows, columns) with rows <= columns."""
    rows, columns = cost.shape
    row_price, column_price = np.zeros(rows), np.zeros(columns)
    owner = np.full(columns, -1)
    for start in range(rows):
        best = np.full(columns, np.inf)
        previous = np.full(columns, -1)
        done = np.zeros(columns, dtype=np.bool_)
        row, last, distance = start, -1, 0.0
        while True:
            nearest = -1
            for j in range(columns):
                if done[j]:
                    continue
                reduced = distance + cost[row, j] - row_price[row] - column_price[j]
                if reduced < best[j]:
                    best[j], previous[j] = reduced, last
                if nearest < 0 or best[j] < best[nearest]:
                    nearest = j
            last, distance = nearest, best[nearest]
            done[last] = True
            if owner[last] < 0:
                break
            row = owner[last]
        _raise_prices(row_price, column_price, owner, best, done, distance, start)
        _flip_path(owner, previous, last, start)
    assigned = np.full(rows, -1)
    for j in range(columns):
        if owner[j] >= 0:
            assigned[owner[j]] = j
    return assigned


@kernel
def _raise_prices(
    row_price: FloatArray,
    column_price: FloatArray,
    owner: IntArray,
    best: FloatArray,
    done: NDArray[np.bool_],
    distance: float,
    start: int,
) -> None:
    """Keep every reduced cost non-negative after one shortest path."""
    row_price[start] += distance
    for j in range(len(owner)):
        if done[j] and owner[j] >= 0:
            row_price[owner[j]] += distance - best[j]
            column_price[j] -= distance - best[j]


@kernel
def _flip_path(owner: IntArray, previous: IntArray, last: int, start: int) -> None:
    """Give every column on the path to the row before it."""
    column = last
    while previous[column] >= 0:
        owner[column] = owner[previous[column]]
        column = previous[column]
    owner[column] = start


@kernel
def _root(parent: IntArray, node: int) -> int:
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@kernel
def _groups(cost: FloatArray) -> IntArray:
    """Group per measurement, then per track: the same where a chain of candidates joins them."""
    rows, columns = cost.shape
    parent = np.arange(rows + columns)
    for j in range(rows):
        for i in range(columns):
            if cost[j, i] < np.inf:
                a, b = _root(parent, j), _root(parent, rows + i)
                if a != b:
                    parent[max(a, b)] = min(a, b)
    for node in range(rows + columns):
        parent[node] = _root(parent, node)
    return parent


@kernel
def assign(cost: FloatArray, unassigned: float) -> IntArray:
    """Track per measurement, -1 none.

    Args:
        cost: (measurements, tracks); inf where they cannot belong together.
        unassigned: cost of a measurement that belongs to no track.
    """
    rows = len(cost)
    found = np.full(rows, -1)
    group = _groups(cost)
    for first in range(rows):
        if group[first] != first:
            continue
        members = np.flatnonzero(group[:rows] == first)
        tracks = np.flatnonzero(group[rows:] == first)
        if len(members) == 1 and len(tracks) == 1:
            if cost[first, tracks[0]] < unassigned:
                found[first] = tracks[0]
        elif len(tracks) > 0:
            _assign_group(cost, unassigned, members, tracks, found)
    return found


@kernel
def _assign_group(
    cost: FloatArray, unassigned: float, members: IntArray, tracks: IntArray, found: IntArray
) -> None:
    part = np.full((len(members), len(tracks) + len(members)), unassigned)
    for a in range(len(members)):
        for b in range(len(tracks)):
            part[a, b] = min(cost[members[a], tracks[b]], 1e6)
    chosen = solve(part)
    for a in range(len(members)):
        if chosen[a] < len(tracks) and part[a, chosen[a]] < unassigned:
            found[members[a]] = tracks[chosen[a]]
