"""MAP of T/CSAE 53: links and neighbouring nodes made from lanes."""

from __future__ import annotations

from typing import Any

import pytest

from edge.core.errors import CodecError
from edge.core.intersection import Connection, Intersection, LaneKind, Maneuver
from edge.v2x import csae
from edge.v2x.codec import message_codec
from edge.v2x.csae_map import neighbour_ids
from edge.v2x.lanes import arms_of
from edge.v2x.motion import DEGREES_PER_UNIT
from tests.unit.v2x.samples import FRAME, NOW_NS, crossing, lane

VARIANTS: list[str] = ["a", "b"]


def node_of(intersection: Intersection, variant: str = "a") -> dict[str, Any]:
    payload = csae.encode_map(intersection, message_count=130, now_ns=NOW_NS, variant=variant)
    name, message = message_codec(f"csae-{variant}/MapData").decode(payload)
    assert (name, message["msgCnt"], message["timeStamp"]) == ("mapFrame", 2, 87_403)
    assert len(message["nodes"]) == 1
    node: dict[str, Any] = message["nodes"][0]
    return node


def place(point: dict[str, Any]) -> tuple[float, float]:
    form, offset = point["posOffset"]["offsetLL"]
    assert form != "position-LatLon"
    return FRAME.to_local(
        FRAME.latitude_deg + offset["lat"] * DEGREES_PER_UNIT,
        FRAME.longitude_deg + offset["lon"] * DEGREES_PER_UNIT,
    )


@pytest.mark.parametrize("variant", VARIANTS)
def test_one_link_for_each_arm(variant: str) -> None:
    node = node_of(crossing(), variant)
    assert (node["id"], node["name"]) == ({"region": 7, "id": 1001}, "Crossing")
    assert [link["upstreamNodeId"] for link in node["inLinks"]] == [
        {"region": 7, "id": number} for number in (1, 61, 121, 181)
    ]
    assert [[entry["laneID"] for entry in link["lanes"]] for link in node["inLinks"]] == [
        [1, 20],
        [3],
        [5],
        [7],
    ]
    assert [link["linkWidth"] for link in node["inLinks"]] == [350] * 4


def test_connections_lead_to_the_neighbour_of_the_egress_lane() -> None:
    first = node_of(crossing())["inLinks"][0]
    assert first["lanes"][0]["connectsTo"] == [
        {
            "remoteIntersection": {"region": 7, "id": 121},
            "connectingLane": {"lane": 6, "maneuver": (b"\x80\x00", 12)},
            "phaseId": 2,
        },
        {
            "remoteIntersection": {"region": 7, "id": 61},
            "connectingLane": {"lane": 4, "maneuver": (b"\x20\x00", 12)},
        },
    ]
    assert first["lanes"][0]["maneuvers"] == (b"\xa0\x00", 12)
    assert first["movements"] == [
        {"remoteIntersection": {"region": 7, "id": 121}, "phaseId": 2},
        {"remoteIntersection": {"region": 7, "id": 61}},
        {"remoteIntersection": {"region": 7, "id": 1001}, "phaseId": 12},
    ]


def test_a_crosswalk_is_a_lane_of_the_link_it_crosses() -> None:
    walk = node_of(crossing())["inLinks"][0]["lanes"][1]
    assert walk["laneAttributes"]["laneType"] == ("crosswalk", (b"\x00\x00", 16))
    assert walk["connectsTo"] == [{"remoteIntersection": {"region": 7, "id": 1001}, "phaseId": 12}]


def test_points_run_from_upstream_to_the_stop_line() -> None:
    link = node_of(crossing())["inLinks"][0]
    sent = crossing().lanes[0].points_m[::-1]
    for points in (link["points"], link["lanes"][0]["points"]):
        for point, expected in zip(points, sent, strict=True):
            assert place(point) == pytest.approx(tuple(expected), abs=0.012)
    assert [p["posOffset"]["offsetLL"][0][-1] for p in link["points"]] == ["4", "2", "1"]


def test_far_points_are_absolute() -> None:
    far = lane(1, LaneKind.VEHICLE, (0.0, 10.0), (0.0, 110_000.0), ingress=True)
    points = node_of(crossing(lanes=(far,)))["inLinks"][0]["points"]
    assert points[0]["posOffset"]["offsetLL"][0] == "position-LatLon"


def test_neighbours_never_share_an_id() -> None:
    one = crossing(intersection=61)
    arms = arms_of(one)
    assert neighbour_ids(one, arms=arms) == (1, 62, 121, 181)
    assert neighbour_ids(one, arms=(arms[0], arms[0], arms[0])) == (1, 2, 3)


def test_no_region_is_no_region() -> None:
    node = node_of(crossing(region=None))
    assert node["id"] == {"id": 1001}
    assert node["inLinks"][0]["upstreamNodeId"] == {"id": 1}


def test_what_cannot_be_sent() -> None:
    ahead = lane(1, LaneKind.VEHICLE, (0.0, 10.0), (0.0, 90.0), ingress=True)
    lost = lane(
        1,
        LaneKind.VEHICLE,
        (0.0, 10.0),
        (0.0, 90.0),
        ingress=True,
        connections=(Connection(9, 1, Maneuver.STRAIGHT),),
    )
    long = lane(1, LaneKind.VEHICLE, *[(0.0, float(i)) for i in range(32)], ingress=True)
    with pytest.raises(CodecError, match="on no arm"):
        node_of(crossing(lanes=(lost,)))
    with pytest.raises(CodecError, match="2 to 31"):
        node_of(crossing(lanes=(long,)))
    with pytest.raises(CodecError, match="no lane that enters"):
        node_of(crossing(lanes=()))
    assert node_of(crossing(lanes=(ahead,)))["inLinks"]


def test_variant_b_has_fewer_connections() -> None:
    outgoing = [
        lane(n, LaneKind.VEHICLE, (5.0 + n, -10.0), (5.0 + n, -90.0), egress=True) for n in range(2, 11)
    ]
    fan = lane(
        1,
        LaneKind.VEHICLE,
        (0.0, 10.0),
        (0.0, 90.0),
        ingress=True,
        connections=tuple(Connection(n, 1, Maneuver.STRAIGHT) for n in range(2, 11)),
    )
    wide = crossing(lanes=(fan, *outgoing))
    assert len(node_of(wide, "a")["inLinks"][0]["lanes"][0]["connectsTo"]) == 9
    with pytest.raises(CodecError, match="cannot be encoded"):
        node_of(wide, "b")
