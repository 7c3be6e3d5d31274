"""MAP messages in JSON become intersections, or say what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.core.errors import ConfigError
from edge.core.geodesy import LocalFrame
from edge.core.intersection import LaneKind, Maneuver
from edge.road import load_intersection
from edge.road.bit_string import has_bit
from tests.unit.road.small_map import jer, lane, ode


def save(directory: Path, document: Any) -> Path:
    path = directory / "map.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_jer_map_is_read(tmp_path: Path) -> None:
    found = load_intersection(save(tmp_path, jer()))
    assert (found.intersection, found.region, found.revision, found.name) == (1201, 7, 5, "Test crossing")
    assert found.frame == LocalFrame(39.9042, 116.4074)
    assert [lane.kind for lane in found.lanes] == [
        LaneKind.VEHICLE,
        LaneKind.VEHICLE,
        LaneKind.CROSSWALK,
        LaneKind.BICYCLE,
    ]
    first, second, crosswalk, _bicycle = found.lanes
    assert (first.ingress, first.egress, second.ingress, second.egress) == (True, False, False, True)
    np.testing.assert_allclose(first.points_m, [[-15, -2], [-45, -2], [-75, -3]])
    assert first.connections[0].maneuver is Maneuver.STRAIGHT
    assert (first.connections[0].to_lane, first.connections[0].signal_group) == (2, 4)
    assert (crosswalk.ingress, crosswalk.egress, crosswalk.signal_group) == (True, True, 12)
    assert second.connections == ()
    assert found.signal_groups == (4, 12)


def test_ode_shape_gives_the_same_lane(tmp_path: Path) -> None:
    plain = load_intersection(save(tmp_path, jer())).lanes[0]
    wrapped = load_intersection(save(tmp_path, ode()))
    np.testing.assert_allclose(wrapped.lanes[0].points_m, plain.points_m)
    assert wrapped.lanes[0].connections == plain.connections
    assert wrapped.lanes[1].connections == ()
    assert wrapped.region is None


def test_message_frame_around_a_map_is_taken_off(tmp_path: Path) -> None:
    framed = {"messageId": 18, "value": jer()}
    assert load_intersection(save(tmp_path, framed)).intersection == 1201


def test_points_are_given_in_the_frame_of_the_site(tmp_path: Path) -> None:
    frame = LocalFrame(39.9042, 116.4064)
    found = load_intersection(save(tmp_path, jer()), frame=frame)
    east, north = frame.to_local(39.9042, 116.4074)
    np.testing.assert_allclose(found.lanes[0].points_m[0], [east - 15, north - 2], atol=1e-6)
    assert found.frame == frame


def test_width_follows_the_nodes(tmp_path: Path) -> None:
    document = jer()
    nodes = document["intersections"][0]["laneSet"][1]["nodeList"]["nodes"]
    nodes[0]["attributes"] = {"dWidth": -50}
    assert load_intersection(save(tmp_path, document)).lanes[1].width_m == pytest.approx(3.0)


def test_absolute_nodes_are_read(tmp_path: Path) -> None:
    document = jer()
    delta = {"node-LatLon": {"lat": 399042000, "lon": 1164074500}}
    document["intersections"][0]["laneSet"][1]["nodeList"]["nodes"][1]["delta"] = delta
    found = load_intersection(save(tmp_path, document))
    east, _north = found.frame.to_local(39.9042, 116.40745)
    np.testing.assert_allclose(found.lanes[1].points_m[1], [east, 0.0], atol=1e-6)


def test_computed_lane_is_its_reference_moved(tmp_path: Path) -> None:
    document = jer()
    document["intersections"][0]["laneSet"][1]["nodeList"] = {
        "computed": {"referenceLaneId": 4, "offsetXaxis": {"small": 300}, "offsetYaxis": {"large": -100}}
    }
    found = load_intersection(save(tmp_path, document))
    np.testing.assert_allclose(found.lanes[1].points_m, found.lanes[3].points_m + np.array([3.0, -1.0]))


@pytest.mark.parametrize(
    ("leads_to", "expected"), [(2, Maneuver.STRAIGHT), (4, Maneuver.LEFT)], ids=["ahead", "to the left"]
)
def test_open_maneuver_follows_from_the_turn(tmp_path: Path, leads_to: int, expected: Maneuver) -> None:
    document = jer()
    lanes = document["intersections"][0]["laneSet"]
    del lanes[0]["connectsTo"][0]["connectingLane"]["maneuver"]
    lanes[0]["connectsTo"][0]["connectingLane"]["lane"] = leads_to
    found = load_intersection(save(tmp_path, document))
    assert found.lanes[0].connections[0].maneuver is expected


def test_lanes_that_carry_nobody_are_left_out(tmp_path: Path) -> None:
    document = jer()
    document["intersections"][0]["laneSet"].append(lane(9, "00", "median", [(0, 0), (500, 0)]))
    assert 9 not in [found.lane for found in load_intersection(save(tmp_path, document)).lanes]


def geometry(document: dict[str, Any]) -> dict[str, Any]:
    return document["intersections"][0]


def lane_of(document: dict[str, Any], index: int) -> dict[str, Any]:
    return geometry(document)["laneSet"][index]


def target(document: dict[str, Any]) -> dict[str, Any]:
    return lane_of(document, 0)["connectsTo"][0]


def node(document: dict[str, Any], index: int, delta: dict[str, Any]) -> None:
    lane_of(document, 1)["nodeList"]["nodes"][index]["delta"] = delta


def computed(document: dict[str, Any], **rule: Any) -> None:
    lane_of(document, 1)["nodeList"] = {"computed": rule}


FAULTS: list[tuple[str, Callable[[dict[str, Any]], object], str]] = [
    ("no intersections", lambda d: d.pop("intersections"), "intersections: is missing"),
    ("two intersections", lambda d: d["intersections"].append(geometry(d)), "expected 1"),
    ("no id", lambda d: geometry(d).pop("id"), "IntersectionID"),
    ("no reference", lambda d: geometry(d).pop("refPoint"), "refPoint"),
    ("reference is text", lambda d: geometry(d).update(refPoint={"lat": "x", "long": 1}), "refPoint"),
    ("no lanes", lambda d: geometry(d).update(laneSet=[]), "holds no lane"),
    ("lanes are text", lambda d: geometry(d).update(laneSet="x"), "laneSet"),
    ("lane twice", lambda d: lane_of(d, 1).update(laneID=1), "used twice"),
    ("lane without id", lambda d: lane_of(d, 1).pop("laneID"), "laneID"),
    ("lane 0", lambda d: lane_of(d, 3).update(laneID=0), "out of range"),
    ("lane 256", lambda d: lane_of(d, 3).update(laneID=256), "out of range"),
    ("unknown target", lambda d: target(d)["connectingLane"].update(lane=77), "lane=77"),
    ("group 300", lambda d: target(d).update(signalGroup=300), "signalGroup is 300"),
    ("one node", lambda d: lane_of(d, 1)["nodeList"]["nodes"].pop(), "fewer than 2 nodes"),
    ("no nodes", lambda d: lane_of(d, 1).pop("nodeList"), "nodeList.nodes"),
    ("unknown node", lambda d: node(d, 0, {"regional": 1}), "node-XY1"),
    ("node without y", lambda d: node(d, 0, {"node-XY1": {"x": 1}}), "delta"),
    ("far node", lambda d: node(d, 0, {"node-XY6": {"x": 900000, "y": 1}}), "m from the origin"),
    ("short lane", lambda d: node(d, 1, {"node-XY6": {"x": 10, "y": 1}}), "m long"),
    ("lane in metres", lambda d: geometry(d).update(laneWidth=3), "m wide"),
    ("no lane type", lambda d: lane_of(d, 1)["laneAttributes"].pop("laneType"), "laneType"),
    ("rotated lane", lambda d: computed(d, referenceLaneId=1, rotateXY=5), "write the lane out"),
    ("computed from nothing", lambda d: computed(d, referenceLaneId=50), "lane 50"),
    ("computed without offset", lambda d: computed(d, referenceLaneId=1), "offsetXaxis"),
]


@pytest.mark.parametrize(
    ("spoil", "says"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS]
)
def test_fault_is_named(tmp_path: Path, spoil: Callable[[dict[str, Any]], object], says: str) -> None:
    document = jer()
    spoil(document)
    path = save(tmp_path, document)
    with pytest.raises(ConfigError) as caught:
        load_intersection(path)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)
    assert caught.value.remedy


def test_too_many_lanes_are_refused(tmp_path: Path) -> None:
    document = jer()
    geometry(document)["laneSet"] = [lane(k, "40", "vehicle", [(0, 0), (500, 0)]) for k in range(256)]
    with pytest.raises(ConfigError, match="holds 256 lanes"):
        load_intersection(save(tmp_path, document))


def test_map_of_another_town_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="km from the site"):
        load_intersection(save(tmp_path, jer()), frame=LocalFrame(48.0, 11.0))


@pytest.mark.parametrize(
    ("name", "text"), [("map.json", "{"), ("net.xml", "<net"), ("absent.json", None), ("absent.xml", None)]
)
def test_unreadable_file_is_named(tmp_path: Path, name: str, text: str | None) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=name):
        load_intersection(path)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("8000", True),
        ("4000", False),
        ("100000000000", True),
        ("010000000000", False),
        ("10", True),
        ("80", True),
        ("C0", True),
        ({"value": "8000", "length": 12}, True),
        ({"first": True}, True),
        ({"first": False}, False),
        (["first"], True),
        ([1, 0], True),
        ([0, 1], False),
        ("first", True),
        (None, False),
        ("", False),
    ],
)
def test_first_bit_of_every_form(value: object, *, expected: bool) -> None:
    assert has_bit(value, 0, "first") is expected


@pytest.mark.data
def test_real_map_of_the_ode(data_dir: Path) -> None:
    found = load_intersection(data_dir / "conflictmonitor" / "MAP.json")
    assert found.intersection == 12110
    assert len(found.lanes) == 28
    assert found.signal_groups == tuple(range(1, 9))
    straight = {
        c.maneuver for lane in found.lanes for c in lane.connections if c.signal_group in (2, 4, 6, 8)
    }
    assert straight == {Maneuver.STRAIGHT}


@pytest.mark.data
def test_real_maps_in_jer(data_dir: Path, tmp_path: Path) -> None:
    frames = json.loads((data_dir / "v2x" / "j2735_messageframes.json").read_text(encoding="utf-8"))
    maps = [f["decoded_jer"] for f in frames if f["type"] == "MAP" and f.get("decoded_jer")]
    assert len(maps) > 10
    refused = []
    for document in maps:
        try:
            found = load_intersection(save(tmp_path, document))
        except ConfigError as error:
            refused.append(str(error))
            continue
        assert len(found.lanes) >= 16
        assert len(found.signal_groups) >= 4
    assert len(refused) <= 1  # a message of random values, whose computed lane refers to nothing


LIMIT = {"type": "vehicleMaxSpeed", "speed": 695}


@pytest.mark.parametrize(
    "limits", [[LIMIT], {"speedLimits": [{"type": "truckMaxSpeed", "speed": 200}, LIMIT]}]
)
def test_posted_limits_hold_for_lanes_of_motor_vehicles(tmp_path: Path, limits: Any) -> None:
    document = jer()
    document["intersections"][0]["speedLimits"] = limits
    found = load_intersection(save(tmp_path, document))
    assert [lane.speed_limit_mps for lane in found.lanes] == [13.9, 13.9, None, None]


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_lane_may_have_a_limit_of_its_own(tmp_path: Path, wrapped: bool) -> None:
    document = jer()
    geometry = document["intersections"][0]
    geometry["speedLimits"] = [LIMIT]
    data: Any = [{"speedLimits": [{"type": "vehicleMaxSpeed", "speed": 417}]}]
    attributes = {"data": {"LaneDataAttribute": data} if wrapped else data}
    geometry["laneSet"][0]["nodeList"]["nodes"][0]["attributes"] = attributes
    found = load_intersection(save(tmp_path, document))
    assert [lane.speed_limit_mps for lane in found.lanes[:2]] == [8.34, 13.9]


def test_a_map_without_limits_says_none(tmp_path: Path) -> None:
    assert {lane.speed_limit_mps for lane in load_intersection(save(tmp_path, jer())).lanes} == {None}


@pytest.mark.parametrize("speed", [True, "695", 13.9, -1, 8192, None, [695]], ids=repr)
def test_a_limit_that_is_no_limit_is_said(tmp_path: Path, speed: Any) -> None:
    limits = [{"type": "vehicleMaxSpeed", "speed": speed}]
    document = jer()
    document["intersections"][0]["speedLimits"] = limits
    with pytest.raises(ConfigError, match=r"speedLimits\[\].speed.*0.02 m/s, 0 to 8191"):
        load_intersection(save(tmp_path, document))
    document = jer()
    data = {"data": [{"speedLimits": limits}]}
    lane_of(document, 0)["nodeList"]["nodes"][0]["attributes"] = data
    with pytest.raises(ConfigError, match=r"laneID=1.*speedLimits\[\].speed.*0.02 m/s, 0 to 8191"):
        load_intersection(save(tmp_path, document))


@pytest.mark.parametrize("limits", [7, "13.9", [7], [[LIMIT]], [None]], ids=repr)
def test_limits_that_are_no_list_of_limits_are_said(tmp_path: Path, limits: Any) -> None:
    document = jer()
    document["intersections"][0]["speedLimits"] = limits
    with pytest.raises(ConfigError, match=r"speedLimits.*list of objects"):
        load_intersection(save(tmp_path, document))


def test_a_lane_that_limits_lorries_alone_keeps_the_limit_of_the_intersection(tmp_path: Path) -> None:
    document = jer()
    document["intersections"][0]["speedLimits"] = [LIMIT]
    data = [{"speedLimits": [{"type": "truckMaxSpeed", "speed": 417}]}]
    lane_of(document, 0)["nodeList"]["nodes"][0]["attributes"] = {"data": data}
    assert load_intersection(save(tmp_path, document)).lanes[0].speed_limit_mps == 13.9


def test_a_computed_lane_has_the_limit_of_the_lane_it_refers_to(tmp_path: Path) -> None:
    document = jer()
    document["intersections"][0]["speedLimits"] = [LIMIT]
    data = [{"speedLimits": [{"type": "vehicleMaxSpeed", "speed": 417}]}]
    lane_of(document, 0)["nodeList"]["nodes"][0]["attributes"] = {"data": data}
    computed(document, referenceLaneId=1, offsetXaxis={"small": 300}, offsetYaxis={"small": 0})
    assert [lane.speed_limit_mps for lane in load_intersection(save(tmp_path, document)).lanes[:2]] == [
        8.34
    ] * 2
