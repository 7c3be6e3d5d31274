"""Conflicts derived from the geometry of the MAP."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from edge.core.intersection import Maneuver
from edge.signals.conflicts import derive_conflicts, pair
from tests.unit.signals.corner import CROSSWALK_GROUPS, VEHICLE_GROUPS, corner

ALL_PROTECTED = dict.fromkeys((*VEHICLE_GROUPS, *CROSSWALK_GROUPS), True)
# Two rings with a barrier (NEMA TS 2): one of 1 2 beside one of 5 6, then one of 3 4 beside one of 7 8.
COMPATIBLE = {
    pair(a, b)
    for first, second in (((1, 2), (5, 6)), ((3, 4), (7, 8)))
    for a, b in itertools.product(first, second)
}


def test_protected_movements_conflict_exactly_where_the_ring_barrier_forbids_them() -> None:
    found = derive_conflicts(corner(), protected=ALL_PROTECTED)
    vehicles = {p for p in found if p[1] <= 8}
    assert vehicles == set(itertools.combinations(VEHICLE_GROUPS, 2)) - COMPATIBLE


@pytest.mark.parametrize(
    ("one", "other", "conflict"),
    [
        pytest.param(2, 4, True, id="crossing through"),
        pytest.param(2, 6, False, id="opposing through"),
        pytest.param(1, 2, True, id="protected left against opposing through"),
        pytest.param(1, 5, False, id="opposing lefts"),
        pytest.param(2, 5, False, id="left beside its own through"),
        pytest.param(5, 22, False, id="left away from the crosswalk"),
        pytest.param(4, 22, True, id="through over the crosswalk"),
        pytest.param(8, 22, True, id="through over the far crosswalk"),
        pytest.param(2, 22, False, id="through beside the crosswalk, its right turn yields"),
        pytest.param(1, 22, True, id="protected left over the crosswalk"),
        pytest.param(2, 24, True, id="through over the other crosswalk"),
        pytest.param(22, 24, False, id="crosswalks"),
    ],
)
def test_pairs_of_the_corner(one: int, other: int, conflict: bool) -> None:
    assert (pair(one, other) in derive_conflicts(corner(), protected=ALL_PROTECTED)) is conflict


def test_permissive_left_yields_to_opposing_through() -> None:
    found = derive_conflicts(corner(), protected={**ALL_PROTECTED, 1: False})
    assert not any(1 in p for p in found)


def test_walkers_stay_in_conflict_with_through_traffic_when_they_are_permissive() -> None:
    found = derive_conflicts(corner(), protected={**ALL_PROTECTED, 22: False})
    assert (4, 22) in found


def test_merging_into_one_lane_from_two_approaches_is_a_conflict() -> None:
    found = derive_conflicts(corner(), protected={4: True, 5: True})
    assert found == {(4, 5)}


def test_straight_greens_that_cross_conflict_whatever_they_are_called() -> None:
    found = derive_conflicts(corner(), protected=dict.fromkeys(ALL_PROTECTED, False))
    assert found == {(2, 4), (2, 8), (4, 6), (6, 8), (4, 22), (8, 22), (2, 24), (6, 24)}


def test_straight_greens_that_are_not_ours_are_left_out() -> None:
    assert derive_conflicts(corner(), protected={2: False, 6: False, 22: False}) == frozenset()


def test_a_way_that_may_also_turn_is_not_taken_for_straight() -> None:
    lanes = tuple(
        dataclasses.replace(
            lane,
            connections=tuple(
                dataclasses.replace(c, maneuver=c.maneuver | Maneuver.LEFT) for c in lane.connections
            ),
        )
        for lane in corner().lanes
    )
    mixed = dataclasses.replace(corner(), lanes=lanes)
    assert derive_conflicts(mixed, protected=dict.fromkeys(ALL_PROTECTED, False)) == frozenset()
