"""Of detections that stand in each other, the most confident stays."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.kinds import ObjectClass
from edge.perception.separation import separate


def kept(*entries: tuple[float, float, ObjectClass]) -> list[bool]:
    """Detections at (x, 0) with confidence and class."""
    log_odds = np.full((len(entries), 6), -3.0)
    for row, (_x, _confidence, kind) in enumerate(entries):
        log_odds[row, kind] = 3.0
    position = np.array([(x, 0.0) for x, _confidence, _kind in entries]).reshape(-1, 2)
    return separate(position, np.array([e[1] for e in entries]), log_odds).tolist()


CAR, TRUCK, WALKER, BICYCLE = ObjectClass.CAR, ObjectClass.TRUCK, ObjectClass.PEDESTRIAN, ObjectClass.BICYCLE


def test_second_box_of_one_car_goes_whatever_the_order() -> None:
    assert kept((0.0, 0.5, CAR), (1.5, 0.9, CAR)) == [False, True]
    assert kept((1.5, 0.9, CAR), (0.0, 0.5, CAR)) == [True, False]


def test_car_and_truck_in_each_other_are_one() -> None:
    assert kept((0.0, 0.9, CAR), (2.0, 0.6, TRUCK)) == [True, False]


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        (((0.0, 0.9, CAR), (3.0, 0.5, CAR)), "neighbouring lanes"),
        (((0.0, 0.9, WALKER), (0.5, 0.5, WALKER)), "two walkers side by side"),
        (((0.0, 0.9, CAR), (1.0, 0.5, WALKER)), "a walker beside a car"),
        (((0.0, 0.9, BICYCLE), (1.0, 0.5, BICYCLE)), "two cyclists"),
    ],
)
def test_road_users_that_fit_beside_each_other_stay(
    entries: tuple[tuple[float, float, ObjectClass], ...], why: str
) -> None:
    assert all(kept(*entries)), why


def test_what_a_dropped_box_overlaps_stays() -> None:
    assert kept((0.0, 0.9, CAR), (2.0, 0.8, CAR), (4.0, 0.7, CAR)) == [True, False, True]


def test_nothing_in_nothing_out() -> None:
    assert kept() == []


@given(
    st.lists(
        st.tuples(st.floats(0, 30), st.floats(0, 1), st.sampled_from([CAR, WALKER, BICYCLE])), max_size=12
    )
)
def test_kept_ones_never_stand_in_each_other(entries: list[tuple[float, float, ObjectClass]]) -> None:
    stay = [e for e, keep in zip(entries, kept(*entries), strict=True) if keep]
    assert not entries or stay
    cars = sorted(x for x, _c, kind in stay if kind is CAR)
    assert all(b - a >= 2.4 for a, b in itertools.pairwise(cars))
