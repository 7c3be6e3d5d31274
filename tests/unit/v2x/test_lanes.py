"""Manoeuvre bits, and lanes gathered into arms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.core.intersection import Lane, LaneKind, Maneuver
from edge.v2x.lanes import arm_at, arms_of, checked_points, maneuver_bits, maneuver_of, width_cm
from tests.unit.v2x.samples import crossing, lane


@pytest.mark.parametrize(
    ("flag", "octets"),
    [
        (Maneuver.STRAIGHT, b"\x80\x00"),
        (Maneuver.LEFT, b"\x40\x00"),
        (Maneuver.RIGHT, b"\x20\x00"),
        (Maneuver.U_TURN, b"\x10\x00"),
    ],
)
def test_each_manoeuvre_has_its_bit(flag: Maneuver, octets: bytes) -> None:
    assert maneuver_bits(flag) == (octets, 12)
    assert maneuver_of((octets, 12)) == flag


def test_other_manoeuvre_bits_are_left_out() -> None:
    assert maneuver_of((b"\x0f\xf0", 12)) is Maneuver.NONE
    assert maneuver_of(None) is Maneuver.NONE


def test_four_arms_in_compass_order() -> None:
    arms = arms_of(crossing())
    assert [round(arm.heading_deg) % 360 for arm in arms] == [0, 90, 180, 270]
    assert [arm.lanes for arm in arms] == [{1, 2}, {3, 4}, {5, 6}, {7, 8}]


@settings(deadline=None)
@given(st.floats(min_value=0.0, max_value=360.0))
def test_arms_stay_together_however_the_crossing_is_turned(turn_deg: float) -> None:
    cosine, sine = math.cos(math.radians(turn_deg)), math.sin(math.radians(turn_deg))
    rotation = np.array([[cosine, sine], [-sine, cosine]])
    plain = crossing()
    lanes = tuple(
        Lane(old.lane, old.kind, old.ingress, old.egress, old.width_m, old.points_m @ rotation)
        for old in plain.lanes
    )
    assert {arm.lanes for arm in arms_of(crossing(lanes=lanes))} == {arm.lanes for arm in arms_of(plain)}


def test_a_point_lies_at_the_arm_in_its_direction() -> None:
    arms = arms_of(crossing())
    places = [(1.0, 20.0), (20.0, -1.0), (-1.0, -20.0), (-20.0, 1.0)]
    assert [arm_at(arms, x_m=x, y_m=y) for x, y in places] == [0, 1, 2, 3]


def test_no_lanes_no_arms() -> None:
    assert arms_of(crossing(lanes=())) == ()


@pytest.mark.parametrize(
    "points", [[(0.0, 0.0)], [(0.0, 0.0)] * 64, [(0.0, 0.0), (math.nan, 1.0)]], ids=["one", "many", "nan"]
)
def test_points_that_cannot_be_sent(points: list[tuple[float, float]]) -> None:
    with pytest.raises(CodecError, match="lane 9"):
        checked_points(lane(9, LaneKind.VEHICLE, *points), most=63)


def test_an_unknown_width_cannot_be_sent() -> None:
    with pytest.raises(CodecError, match="width"):
        width_cm(lane(9, LaneKind.VEHICLE, (0.0, 0.0), (1.0, 0.0), width_m=math.nan))
