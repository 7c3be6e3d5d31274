"""MAP of T/CSAE 53: links and neighbouring nodes made from lanes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edge.core.errors import CodecError
from edge.core.intersection import Connection, Intersection, Lane, LaneKind, Maneuver
from edge.v2x import csae
from edge.v2x.codec import message_codec
from edge.v2x.csae_map import neighbour_ids
from edge.v2x.frame import OtherMessageError
from edge.v2x.lanes import arms_of
from edge.v2x.motion import DEGREES_PER_UNIT
from tests.unit.v2x.samples import FRAME, NOW_NS, crossing, lane

VARIANTS: list[str] = ["a", "b"]


def node_of(intersection: Intersection, variant: str = "a") -> dict[str, Any]:
    payload = csae.encode_map(intersection, message_count=130, now_ns=NOW_NS, variant=variant)
    message = message_codec(f"csae-{variant}/MapData").decode(payload)
    assert (message["msgCnt"], message["timeStamp"]) == (2, 87_403)
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


def assert_same_lane(found: Lane, sent: Lane) -> None:
    assert (found.lane, found.kind, found.ingress, found.signal_group) == (
        sent.lane,
        sent.kind,
        sent.ingress,
        sent.signal_group,
    )
    assert found.width_m == pytest.approx(sent.width_m, abs=0.005)
    assert found.connections == sent.connections
    assert np.abs(found.points_m - sent.points_m).max() < 0.02


@pytest.mark.parametrize("variant", ["a", "b"])
def test_lanes_that_enter_come_back(variant: csae.Variant) -> None:
    sent = crossing()
    payload = csae.encode_map(sent, message_count=130, now_ns=NOW_NS, variant=variant)
    found = csae.decode_map(payload, variant=variant)
    assert (found.intersection, found.region, found.name, found.revision) == (1001, 7, "Crossing", 2)
    assert found.frame.elevation_m == 4.0
    by_number = {entry.lane: entry for entry in sent.lanes}
    assert sorted(entry.lane for entry in found.lanes) == [1, 3, 5, 7, 20]
    for entry in found.lanes:
        assert_same_lane(entry, by_number[entry.lane])
    assert found.signal_groups == (2, 4, 12)


@pytest.mark.parametrize("variant", ["a", "b"])
@pytest.mark.parametrize("second_mps", [13.9, 8.34, None])
def test_speed_limits_come_back(variant: csae.Variant, second_mps: float | None) -> None:
    plain = crossing().lanes
    lanes = (replace(plain[0], speed_limit_mps=13.9), plain[1], replace(plain[2], speed_limit_mps=second_mps))
    payload = csae.encode_map(
        crossing(lanes=(*lanes, *plain[3:])), message_count=1, now_ns=NOW_NS, variant=variant
    )
    found = csae.decode_map(payload, variant=variant)
    told = {entry.lane: entry.speed_limit_mps for entry in found.lanes}
    assert (told[1], told[3], told[5], told[20]) == (13.9, second_mps, None, None)


def test_what_a_link_says_holds_for_its_lanes() -> None:
    limits = [{"type": "vehicleMaxSpeed", "speed": 417}]
    found = csae.decode_map(two_nodes(speedLimits=limits), variant="a", node=10)
    assert [entry.speed_limit_mps for entry in found.lanes if entry.ingress] == [8.34, 8.34]


def offset(north: int) -> dict[str, Any]:
    """1,000 units of 1e-7 degrees are 11.1 m of latitude."""
    return {"posOffset": {"offsetLL": ("position-LL3", {"lon": 0, "lat": north})}}


def two_nodes(**changes: Any) -> bytes:
    """Node 10 and, north of it, node 20: each with one link from the other; lanes are numbered from the left."""
    line = [offset(10_000), offset(1_000)]
    connection = {"remoteIntersection": {"id": 20}, "connectingLane": {"lane": 2}}
    own = {
        "id": {"region": 1, "id": 10},
        "refPos": {"lat": 312_304_000, "long": 1_214_737_000},
        "inLinks": [
            {
                "upstreamNodeId": {"id": 20},
                "linkWidth": 700,
                "points": line,
                "movements": [{"remoteIntersection": {"id": 20}, "phaseId": 6}],
                "lanes": [
                    {"laneID": 1, "maneuvers": (b"\x10\x00", 12), "connectsTo": [connection]},
                    {"laneID": 2, "points": line},
                ],
            }
            | changes
        ],
    }
    other = {
        "id": {"region": 1, "id": 20},
        "refPos": {"lat": 312_314_000, "long": 1_214_737_000},
        "inLinks": [
            {
                "upstreamNodeId": {"id": 10},
                "linkWidth": 700,
                "lanes": [{"laneID": 2, "laneWidth": 325, "points": [offset(-9_000), offset(-1_000)]}],
            }
        ],
    }
    value = {"msgCnt": 5, "nodes": [own, other]}
    return message_codec("csae-a/MapData").encode(value)


def test_every_node_that_links_enter_is_an_intersection() -> None:
    first, second = csae.decode_maps(two_nodes(), variant="a")
    assert (first.intersection, second.intersection, first.region) == (10, 20, 1)
    assert csae.decode_map(two_nodes(), variant="a", node=20).intersection == 20
    with pytest.raises(CodecError, match="2 nodes"):
        csae.decode_map(two_nodes(), variant="a")
    with pytest.raises(CodecError, match="0 nodes with id 3"):
        csae.decode_map(two_nodes(), variant="a", node=3)


def test_a_lane_of_the_next_node_is_an_egress_lane_under_a_number_of_its_own() -> None:
    """Both links have a lane 2; the one that leaves gets the lowest number free. Its phase is that of the movement."""
    found = csae.decode_map(two_nodes(), variant="a", node=10)
    assert [(entry.lane, entry.ingress, entry.egress) for entry in found.lanes] == [
        (1, True, False),
        (2, True, False),
        (3, False, True),
    ]
    assert found.lanes[0].connections == (Connection(3, 6, Maneuver.U_TURN),)
    assert found.lanes[2].width_m == 3.25
    assert found.lanes[2].points_m[:, 1] == pytest.approx([11.1, 99.8], abs=0.1)


def test_a_lane_without_points_lies_beside_the_middle_of_its_link() -> None:
    """Going south, lane 1 is the left one: 7 m of link, two lanes of 3.5 m, so 1.75 m to the east of the line."""
    found = csae.decode_map(two_nodes(), variant="a", node=10).lanes[0]
    assert found.width_m == 3.5
    assert found.points_m[:, 0] == pytest.approx([1.75, 1.75], abs=1e-6)
    assert found.points_m[:, 1] == pytest.approx([11.09, 110.9], abs=0.05)


def test_a_connection_to_no_lane_stands_for_the_link() -> None:
    lane_value = {"laneID": 1, "points": [offset(900), offset(100)], "connectsTo": []}
    lane_value["connectsTo"] = [{"remoteIntersection": {"id": 30}, "phaseId": 9}]
    found = csae.decode_map(two_nodes(lanes=[lane_value]), variant="a", node=10)
    assert found.lanes[0].connections == (Connection(2, 9, Maneuver.NONE),)


def test_lanes_that_nobody_travels_on_are_left_out() -> None:
    line = [offset(900), offset(100)]
    lanes = [
        {"laneID": 1, "points": line, "laneAttributes": {"laneType": ("median", (b"\x00\x00", 16))}},
        {"laneID": 2, "points": line, "laneAttributes": {"laneType": ("bikeLane", (b"\x00\x00", 16))}},
    ]
    found = csae.decode_map(two_nodes(lanes=lanes), variant="a", node=10)
    ways = [(entry.lane, entry.kind) for entry in found.lanes if entry.ingress]
    assert ways == [(2, LaneKind.BICYCLE)]


@pytest.mark.parametrize(
    "changes",
    [
        {"lanes": [{"laneID": 1}], "points": [offset(5), offset(5)]},
        {"lanes": [{"laneID": 1, "laneAttributes": {"laneType": ("crosswalk", (b"\x00\x00", 16))}}]},
    ],
    ids=["no length", "no place"],
)
def test_geometry_that_makes_no_lane(changes: dict[str, Any]) -> None:
    with pytest.raises(CodecError):
        csae.decode_maps(two_nodes(**changes), variant="a")


def test_another_message_is_no_map() -> None:
    with pytest.raises(OtherMessageError):
        csae.decode_map(b"\x00" * 40, variant="a")
