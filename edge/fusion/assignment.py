"""Which measurement belongs to which track: least total cost, solved apart per group that shares candidates.

Kuhn's assignment problem by shortest augmenting paths with dual prices (R. Jonker, A. Volgenant, Computing 38, 1987).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.fusion.compiled import kernel
from edge.fusion.workspace import Workspace

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
OUT_OF_GATE = 1e6


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
def _join(work: Workspace, rows: int, count: int) -> None:
    """Join every measurement with its candidates; node j is a measurement, node rows + i a track."""
    parent = work.parent
    for node in range(rows + count):
        parent[node] = node
    for j in range(rows):
        for pair in range(work.pair_start[j], work.pair_start[j + 1]):
            a, b = _root(parent, j), _root(parent, rows + work.pair_track[pair])
            if a != b:
                parent[max(a, b)] = min(a, b)


@kernel
def _chain(work: Workspace, rows: int) -> None:
    """Chain the measurements of each group from its first one, which is its root."""
    for j in range(rows):
        work.head[j] = -1
    for j in range(rows - 1, -1, -1):
        root = _root(work.parent, j)
        work.following[j] = work.head[root]
        work.head[root] = j


@kernel
def assign(work: Workspace, rows: int, count: int, unassigned: float) -> IntArray:
    """Track per measurement, -1 none.

    Args:
        work: holds the candidate pairs.
        rows, count: measurements and tracks.
        unassigned: cost of a measurement that belongs to no track.
    """
    found = np.full(rows, -1)
    _join(work, rows, count)
    _chain(work, rows)
    for first in range(rows):
        if work.parent[first] != first or work.pair_start[first] == work.pair_start[first + 1]:
            continue
        if work.following[first] < 0:
            _assign_one(work, first, unassigned, found)
        else:
            _assign_group(work, first, unassigned, found)
    return found


@kernel
def _assign_one(work: Workspace, j: int, unassigned: float, found: IntArray) -> None:
    """A measurement that shares no candidate takes the best."""
    best = unassigned
    for pair in range(work.pair_start[j], work.pair_start[j + 1]):
        if work.pair_cost[pair] < best:
            best, found[j] = work.pair_cost[pair], work.pair_track[pair]


@kernel
def _assign_group(work: Workspace, first: int, unassigned: float, found: IntArray) -> None:
    members, tracks = _members(work, first)
    part = np.full((len(members), len(tracks) + len(members)), OUT_OF_GATE)
    part[:, len(tracks) :] = unassigned
    for a in range(len(members)):
        for pair in range(work.pair_start[members[a]], work.pair_start[members[a] + 1]):
            part[a, work.place[work.pair_track[pair]]] = min(work.pair_cost[pair], OUT_OF_GATE)
    for b in range(len(tracks)):
        work.place[tracks[b]] = -1
    chosen = solve(part)
    for a in range(len(members)):
        if chosen[a] < len(tracks) and part[a, chosen[a]] < unassigned:
            found[members[a]] = tracks[chosen[a]]


@kernel
def _members(work: Workspace, first: int) -> tuple[IntArray, IntArray]:
    """Measurements and tracks of a group; `work.place` tells the column of each track."""
    members = tracks = 0
    j = first
    while j >= 0:
        members += 1
        for pair in range(work.pair_start[j], work.pair_start[j + 1]):
            if work.place[work.pair_track[pair]] < 0:
                work.place[work.pair_track[pair]] = tracks
                work.near[tracks] = work.pair_track[pair]
                tracks += 1
        j = work.following[j]
    rows = np.empty(members, dtype=np.int64)
    j = first
    for a in range(members):
        rows[a] = j
        j = work.following[j]
    return rows, work.near[:tracks].copy()
