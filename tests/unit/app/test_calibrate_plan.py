"""The spots of the map that a click snaps to."""

from __future__ import annotations

import numpy as np
import pytest

from edge.app.calibrate_plan import plan_of
from edge.core.geodesy import LocalFrame
from edge.core.intersection import Intersection, Lane, LaneKind


def lane(
    number: int, kind: LaneKind, points: list[list[float]], *, ingress: bool = True, name: str = ""
) -> Lane:
    both = kind is LaneKind.CROSSWALK
    return Lane(number, kind, ingress or both, not ingress or both, 3.0, np.array(points), name=name)


def intersection(*lanes: Lane) -> Intersection:
    return Intersection(1, None, 0, "Crossing", LocalFrame(50.0, 8.0), lanes)


def test_ends_of_a_stop_line_are_named_from_the_drivers_seat() -> None:
    # The lane comes from the east and drives west: its left is south.
    plan = plan_of(intersection(lane(3, LaneKind.VEHICLE, [[10.0, 0.0], [60.0, 0.0]], name="East in")))
    spots = {spot["label"]: (spot["x"], spot["y"]) for spot in plan["snaps"]}
    assert spots == {
        "stop line of East in, left": (10.0, -1.5),
        "stop line of East in, right": (10.0, 1.5),
        "stop line of East in, middle": (10.0, 0.0),
        "far end of East in": (60.0, 0.0),
    }
    assert plan["stops"] == [[[10.0, 1.5], [10.0, -1.5]]]


def test_exit_has_no_stop_line() -> None:
    plan = plan_of(intersection(lane(4, LaneKind.VEHICLE, [[10.0, 5.0], [60.0, 5.0]], ingress=False)))
    assert plan["stops"] == []
    assert {"x": 10.0, "y": 6.5, "label": "exit of lane 4, left"} in plan["snaps"]


def test_crossing_gives_its_four_corners() -> None:
    plan = plan_of(intersection(lane(9, LaneKind.CROSSWALK, [[0.0, 0.0], [0.0, 8.0]])))
    assert {spot["label"]: (spot["x"], spot["y"]) for spot in plan["snaps"]} == {
        "south-west corner of lane 9": (-1.5, 0.0),
        "south-east corner of lane 9": (1.5, 0.0),
        "north-west corner of lane 9": (-1.5, 8.0),
        "north-east corner of lane 9": (1.5, 8.0),
    }


def test_spots_at_one_place_are_one() -> None:
    first = lane(1, LaneKind.VEHICLE, [[10.0, 0.0], [60.0, 0.0]])
    second = lane(2, LaneKind.VEHICLE, [[10.0, 3.0], [60.0, 3.0]])
    plan = plan_of(intersection(first, second))
    assert [spot["label"] for spot in plan["snaps"] if (spot["x"], spot["y"]) == (10.0, 1.5)] == [
        "stop line of lane 1, right"
    ]


@pytest.mark.parametrize("kind", [LaneKind.SIDEWALK])
def test_what_nobody_can_see_in_a_picture_is_no_spot(kind: LaneKind) -> None:
    plan = plan_of(intersection(lane(7, kind, [[0.0, 0.0], [9.0, 0.0]])))
    assert plan["snaps"] == []
    assert len(plan["lanes"]) == 1
