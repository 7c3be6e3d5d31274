"""MAP of SAE J2735: an intersection goes out and comes back."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.core.intersection import Connection, Intersection, Lane, LaneKind, Maneuver
from edge.v2x import j2735
from edge.v2x.codec import message_codec
from edge.v2x.frame import J2735_MAP, OtherMessageError, unwrap_j2735, wrap_j2735
from tests.unit.v2x.samples import FRAME, GREEN, NOW_NS, crossing, lane, signal_state


def sent(intersection: Intersection) -> bytes:
    return j2735.encode_map(intersection, message_count=4, now_ns=NOW_NS)


def message_of(payload: bytes) -> dict[str, Any]:
    value: dict[str, Any] = message_codec("j2735/MapData").decode(
        unwrap_j2735(payload, message_id=J2735_MAP, what="MAP")
    )
    return value


def changed(**changes: Any) -> bytes:
    """The MAP of the crossing with elements of its intersection changed on the wire."""
    message = message_of(sent(crossing()))
    message["intersections"][0] |= changes
    return wrap_j2735(J2735_MAP, message_codec("j2735/MapData").encode(message))


def facts(entry: Lane) -> tuple[object, ...]:
    return (
        entry.lane,
        entry.kind,
        entry.ingress,
        entry.egress,
        entry.width_m,
        entry.connections,
        entry.signal_group,
        entry.name,
    )


def test_an_intersection_comes_back() -> None:
    found = j2735.decode_map(sent(crossing()))
    assert (found.intersection, found.region, found.revision, found.name) == (1001, 7, 3, "Crossing")
    assert found.frame.latitude_deg == pytest.approx(FRAME.latitude_deg, abs=5.1e-8)
    assert found.frame.elevation_m == FRAME.elevation_m
    assert [facts(entry) for entry in found.lanes] == [facts(entry) for entry in crossing().lanes]
    assert found.signal_groups == crossing().signal_groups


POINTS = st.lists(st.tuples(*[st.floats(min_value=-1500.0, max_value=1500.0)] * 2), min_size=2, max_size=63)


@settings(deadline=None)
@given(POINTS)
def test_no_point_is_off_by_more_than_the_rounding(points: list[tuple[float, float]]) -> None:
    one = crossing(lanes=(lane(1, LaneKind.VEHICLE, *points, ingress=True),))
    found = j2735.decode_map(sent(one)).lanes[0].points_m
    assert np.abs(found - one.lanes[0].points_m).max() < 0.0151


@pytest.mark.parametrize(
    ("step_m", "form"),
    [
        (5.11, "node-XY1"),
        (-5.12, "node-XY1"),
        (5.12, "node-XY2"),
        (10.24, "node-XY3"),
        (20.48, "node-XY4"),
        (40.96, "node-XY5"),
        (81.92, "node-XY6"),
        (327.67, "node-XY6"),
        (-327.68, "node-XY6"),
        (327.68, "node-LatLon"),
    ],
)
def test_each_node_takes_the_smallest_form(step_m: float, form: str) -> None:
    one = crossing(lanes=(lane(1, LaneKind.VEHICLE, (0.0, 0.0), (step_m, 0.0), (step_m, 1.0)),))
    nodes = message_of(sent(one))["intersections"][0]["laneSet"][0]["nodeList"][1]
    assert nodes[1]["delta"][0] == form
    assert nodes[2]["delta"][0] == "node-XY1"


def test_the_first_node_carries_a_width_that_is_not_the_usual() -> None:
    message = message_of(sent(crossing()))
    assert message["intersections"][0]["laneWidth"] == 350
    walk = message["intersections"][0]["laneSet"][-1]
    assert walk["nodeList"][1][0]["attributes"] == {"dWidth": 50}


def test_approaches_number_the_arms() -> None:
    lanes = message_of(sent(crossing()))["intersections"][0]["laneSet"]
    assert [entry.get("ingressApproach") for entry in lanes] == [1, None, 2, None, 3, None, 4, None, None]
    assert [entry.get("egressApproach") for entry in lanes] == [None, 1, None, 2, None, 3, None, 4, None]


def test_the_head_of_the_message() -> None:
    message = message_of(sent(crossing()))
    assert (message["timeStamp"], message["msgIssueRevision"]) == (87_403, 4)
    assert message["layerType"] == "intersectionData"


def test_unknown_width_elevation_and_group() -> None:
    lanes = message_of(sent(crossing()))["intersections"][0]["laneSet"]
    lanes[0]["connectsTo"][0]["signalGroup"] = 0
    message = message_of(sent(crossing()))
    message["intersections"][0]["laneSet"] = lanes
    del message["intersections"][0]["laneWidth"]
    del message["intersections"][0]["refPoint"]["elevation"]
    found = j2735.decode_map(wrap_j2735(J2735_MAP, message_codec("j2735/MapData").encode(message)))
    assert math.isnan(found.lanes[0].width_m)
    assert found.frame.elevation_m == 0.0
    assert found.lanes[0].connections[0].signal_group is None


def test_connections_into_other_intersections_are_left_out() -> None:
    lanes = message_of(sent(crossing()))["intersections"][0]["laneSet"]
    first, second = lanes[0]["connectsTo"]
    first["remoteIntersection"] = {"id": 1001}
    second["remoteIntersection"] = {"region": 7, "id": 1002}
    found = j2735.decode_map(changed(laneSet=lanes))
    assert found.lanes[0].connections == (Connection(6, 2, Maneuver.STRAIGHT),)


def test_lanes_of_no_use_are_left_out_but_may_be_referred_to() -> None:
    lanes = message_of(sent(crossing()))["intersections"][0]["laneSet"]
    lanes[0]["laneAttributes"]["laneType"] = ("parking", (b"\x00\x00", 16))
    lanes[1]["nodeList"] = (
        "computed",
        {"referenceLaneId": 1, "offsetXaxis": ("small", 350), "offsetYaxis": ("large", -3000)},
    )
    found = j2735.decode_map(changed(laneSet=lanes))
    assert [entry.lane for entry in found.lanes] == [2, 3, 4, 5, 6, 7, 8, 20]
    shift = found.lanes[0].points_m - crossing().lanes[0].points_m
    assert np.abs(shift - [3.5, -30.0]).max() < 0.0151


@pytest.mark.parametrize(
    "computed",
    [
        {"referenceLaneId": 99},
        {"referenceLaneId": 1, "rotateXY": 7200},
        {"referenceLaneId": 1, "scaleXaxis": 5},
    ],
    ids=["of no lane", "turned", "scaled"],
)
def test_computed_lanes_that_are_not_understood_are_refused(computed: dict[str, int]) -> None:
    lanes = message_of(sent(crossing()))["intersections"][0]["laneSet"]
    lanes[1]["nodeList"] = ("computed", {"offsetXaxis": ("small", 0), "offsetYaxis": ("small", 0)} | computed)
    with pytest.raises(CodecError, match="computed"):
        j2735.decode_map(changed(laneSet=lanes))


def test_a_node_in_a_regional_form_is_refused() -> None:
    lanes = message_of(sent(crossing()))["intersections"][0]["laneSet"]
    lanes[0]["nodeList"][1][0]["delta"] = ("regional", {"regionId": 1, "regExtValue": b"\x00"})
    with pytest.raises(CodecError, match="regional"):
        j2735.decode_map(changed(laneSet=lanes))


def test_no_reference_point_is_no_map() -> None:
    with pytest.raises(CodecError, match="reference point"):
        j2735.decode_map(changed(refPoint={"lat": 900_000_001, "long": 1_800_000_001}))


def test_several_intersections_need_a_choice() -> None:
    message = message_of(sent(crossing()))
    other = message_of(sent(crossing(intersection=1002)))["intersections"]
    message["intersections"] += other
    payload = wrap_j2735(J2735_MAP, message_codec("j2735/MapData").encode(message))
    assert j2735.decode_map(payload, intersection=1002).intersection == 1002
    for choice in (None, 1003):
        with pytest.raises(CodecError, match="intersections in it"):
            j2735.decode_map(payload, intersection=choice)


def test_what_cannot_be_sent() -> None:
    with pytest.raises(CodecError, match="no lane"):
        sent(crossing(lanes=()))
    with pytest.raises(CodecError, match="points"):
        sent(crossing(lanes=(lane(1, LaneKind.VEHICLE, *[(float(i), 0.0) for i in range(64)]),)))
    with pytest.raises(CodecError, match="cannot be encoded"):
        sent(replace(crossing(), revision=128))


def test_a_spat_is_another_message() -> None:
    with pytest.raises(OtherMessageError):
        j2735.decode_map(j2735.encode_spat(signal_state(GREEN), now_ns=NOW_NS))


LIMITS = st.lists(
    st.none() | st.integers(1, 8190).map(lambda steps: round(steps * 0.02, 2)), min_size=8, max_size=8
)


def posted(limits_mps: list[float | None]) -> Intersection:
    """The crossing with a posted limit, or none, for each lane of its arms."""
    lanes = crossing().lanes
    given = [replace(entry, speed_limit_mps=limit) for entry, limit in zip(lanes, limits_mps, strict=False)]
    return crossing(lanes=(*given, *lanes[len(given) :]))


@settings(deadline=None)
@given(LIMITS | st.just([13.9] * 8) | st.just([13.9] * 7 + [8.34]))
def test_speed_limits_come_back(limits_mps: list[float | None]) -> None:
    found = j2735.decode_map(sent(posted(limits_mps)))
    assert [entry.speed_limit_mps for entry in found.lanes] == [*limits_mps, None]


def test_a_limit_that_lanes_share_is_said_once() -> None:
    geometry = message_of(sent(posted([13.9] * 7 + [8.34])))["intersections"][0]
    assert geometry["speedLimits"] == [{"type": "vehicleMaxSpeed", "speed": 695}]
    own = [entry for entry in geometry["laneSet"] if "attributes" in entry["nodeList"][1][0]]
    assert [entry["laneID"] for entry in own if "data" in entry["nodeList"][1][0]["attributes"]] == [8]


def test_limits_of_schools_lorries_and_the_unknown_are_no_posted_limit() -> None:
    others = [{"type": "truckMaxSpeed", "speed": 500}, {"type": "vehicleMaxSpeed", "speed": 8191}]
    assert j2735.decode_map(changed(speedLimits=others)).lanes[0].speed_limit_mps is None


def test_a_computed_lane_has_limit_and_width_of_the_lane_it_refers_to() -> None:
    lanes = message_of(sent(posted([8.34] + [13.9] * 7)))["intersections"][0]["laneSet"]
    lanes[0]["nodeList"][1][0]["attributes"]["dWidth"] = -50
    lanes[1]["nodeList"] = (
        "computed",
        {"referenceLaneId": 1, "offsetXaxis": ("small", 350), "offsetYaxis": ("large", -3000)},
    )
    limits = [{"type": "vehicleMaxSpeed", "speed": 695}]
    found = j2735.decode_map(changed(laneSet=lanes, speedLimits=limits)).lanes
    assert [entry.speed_limit_mps for entry in found[:3]] == [8.34, 8.34, 13.9]
    assert found[0].width_m == found[1].width_m == pytest.approx(found[2].width_m - 0.5)


def test_a_lane_that_limits_lorries_alone_keeps_the_limit_of_the_intersection() -> None:
    lanes = message_of(sent(crossing()))["intersections"][0]["laneSet"]
    lorries = [{"type": "truckMaxSpeed", "speed": 417}]
    lanes[0]["nodeList"][1][0]["attributes"] = {"data": [("speedLimits", lorries)]}
    limits = [{"type": "vehicleMaxSpeed", "speed": 695}]
    assert j2735.decode_map(changed(laneSet=lanes, speedLimits=limits)).lanes[0].speed_limit_mps == 13.9


@pytest.mark.parametrize("limit_mps", [0.0, -13.9, math.inf, math.nan])
def test_a_limit_that_is_no_speed_is_not_sent(limit_mps: float) -> None:
    with pytest.raises(CodecError, match="a speed limit of"):
        sent(posted([limit_mps] + [13.9] * 7))
