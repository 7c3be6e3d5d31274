"""Positions find their lanes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.geodesy import LocalFrame
from edge.core.intersection import Intersection, Lane, LaneKind
from edge.road import LaneLookup


def lane(
    number: int, points: list[list[float]], *, kind: LaneKind = LaneKind.VEHICLE, ingress: bool = True
) -> Lane:
    walked = kind is LaneKind.CROSSWALK
    return Lane(number, kind, ingress or walked, not ingress or walked, 3.5, np.array(points, dtype=float))


LANES = (
    lane(1, [[-15, -2], [-50, -2], [-80, 20]]),
    lane(2, [[15, -2], [80, -2]], ingress=False),
    lane(3, [[-15, 2], [-80, 2]], ingress=False),
    lane(4, [[-20, -10], [-20, 10]], kind=LaneKind.CROSSWALK),
)
LOOKUP = LaneLookup(Intersection(1, None, 0, "", LocalFrame(48.0, 11.0), LANES))


def test_distance_runs_from_the_stop_line_and_heading_with_travel() -> None:
    found = LOOKUP.find(np.array([[-25.0, -1.0], [25.0, -1.0], [-40.0, 3.0]]))
    assert found.lane.tolist() == [1, 2, 3]
    np.testing.assert_allclose(found.distance_m, [10, 10, 25])
    np.testing.assert_allclose(found.lateral_m, [1, 1, -1])
    np.testing.assert_allclose(np.cos(found.heading_rad), [1, 1, -1], atol=1e-12)


def test_distance_goes_on_round_a_bend() -> None:
    along = np.array([-30.0, 22.0]) / math.hypot(30, 22)
    spot = np.array([-50.0, -2.0]) + 10.0 * along
    found = LOOKUP.find(spot[None])
    assert found.lane[0] == 1
    assert found.distance_m[0] == pytest.approx(45.0)
    assert found.heading_rad[0] == pytest.approx(math.atan2(-along[1], -along[0]))


def test_outer_side_of_a_bend_is_on_the_lane() -> None:
    assert LOOKUP.find(np.array([[-50.3, -3.0]])).lane[0] == 1


@pytest.mark.parametrize("spot", [[0.0, 0.0], [-14.9, -2.0], [14.0, -2.0], [-30.0, -5.0], [80.5, -2.0]])
def test_places_beside_and_past_the_ends_are_on_no_lane(spot: list[float]) -> None:
    found = LOOKUP.find(np.array([spot]))
    assert found.lane[0] == 0
    assert np.isnan([found.distance_m[0], found.lateral_m[0], found.heading_rad[0]]).all()


def test_yaw_chooses_between_neighbours() -> None:
    spots = np.array([[-30.0, 0.0], [-30.0, 0.0], [-30.0, 0.4], [-30.0, 0.4]])
    wide = tuple(
        Lane(k, LaneKind.VEHICLE, k == 1, k == 3, 5.0, points.points_m)
        for k, points in ((1, LANES[0]), (3, LANES[2]))
    )
    lookup = LaneLookup(Intersection(1, None, 0, "", LocalFrame(48.0, 11.0), wide))
    found = lookup.find(spots, yaw_rad=np.array([0.0, math.pi, 0.0, math.nan]))
    assert found.lane.tolist() == [1, 3, 1, 3]


def test_wrong_way_driver_is_still_on_its_lane() -> None:
    assert LOOKUP.find(np.array([[-30.0, -2.0]]), yaw_rad=np.array([math.pi])).lane[0] == 1


def test_crosswalk_is_for_those_who_walk() -> None:
    spots = np.array([[-20.0, -2.0], [-20.0, -2.0], [-20.0, 8.0]])
    found = LOOKUP.find(spots, walking=np.array([True, False, False]))
    assert found.lane.tolist() == [4, 1, 0]


def test_no_positions_and_no_lanes() -> None:
    assert len(LOOKUP.find(np.empty((0, 2))).lane) == 0
    empty = LaneLookup(Intersection(1, None, 0, "", LocalFrame(48.0, 11.0), ()))
    assert empty.find(np.zeros((3, 2))).lane.tolist() == [0, 0, 0]


@given(st.floats(0.1, 34.0), st.floats(-1.7, 1.7))
def test_lookup_is_the_inverse_of_driving_along(distance: float, lateral: float) -> None:
    found = LOOKUP.find(np.array([[-15.0 - distance, -2.0 + lateral]]), walking=np.array([False]))
    assert found.lane[0] == 1
    assert found.distance_m[0] == pytest.approx(distance)
    assert found.lateral_m[0] == pytest.approx(lateral)
