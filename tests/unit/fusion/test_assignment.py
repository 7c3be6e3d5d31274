"""The assignment finds the least total cost."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.fusion.assignment import assign, solve
from edge.fusion.workspace import empty_workspace

UNASSIGNED = 20.0
WORK = empty_workspace()


def assigned(cost: np.ndarray) -> np.ndarray:
    """The assignment of a (measurements, tracks) matrix, inf where they cannot belong together."""
    rows, columns = cost.shape
    pairs = 0
    for j in range(rows):
        for i in np.flatnonzero(np.isfinite(cost[j])):
            WORK.pair_track[pairs], WORK.pair_cost[pairs] = i, cost[j, i]
            pairs += 1
        WORK.pair_start[j + 1] = pairs
    return assign(WORK, rows, columns, UNASSIGNED)


def least_cost(cost: np.ndarray) -> float:
    """Every measurement to a track or to none, by trying all."""
    rows, columns = cost.shape
    options = [*range(columns), *([-1] * rows)]
    return min(
        sum(UNASSIGNED if c < 0 else cost[r, c] for r, c in enumerate(chosen))
        for chosen in set(itertools.permutations(options, rows))
    )


@st.composite
def costs(draw: st.DrawFn) -> np.ndarray:
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(0, 4))
    cells = st.one_of(st.just(np.inf), st.integers(-30, 40).map(float))
    return np.array([[draw(cells) for _ in range(columns)] for _ in range(rows)]).reshape(rows, columns)


@settings(max_examples=150, deadline=None)
@given(costs())
def test_total_cost_is_least(cost: np.ndarray) -> None:
    found = assigned(cost)
    used = [c for c in found if c >= 0]
    assert len(used) == len(set(used))
    total = sum(UNASSIGNED if c < 0 else cost[r, c] for r, c in enumerate(found))
    assert total == least_cost(cost)


def test_empty_matrices_are_no_special_case() -> None:
    assert assigned(np.empty((0, 3))).tolist() == []
    assert assigned(np.empty((2, 0))).tolist() == [-1, -1]


def test_large_problem_is_a_permutation() -> None:
    cost = np.random.default_rng(0).uniform(0, 10, (60, 90))
    chosen = solve(cost)
    assert len(set(chosen.tolist())) == 60
    assert chosen.min() >= 0
