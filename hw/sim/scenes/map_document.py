"""MapData of SAE J2735 as JSON (JER, ITU-T X.697) from a road network.

Bit strings are hexadecimal, the first bit the most significant: directionalUse 80 ingress, 40 egress, C0 both;
maneuver 8000 straight, 4000 left, 2000 right. Positions are 1e-7 degrees, node offsets centimetres.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hw.sim.scenes.net import Net, NetLane

LANE_WIDTH_CM = 340
SPEED_LIMIT = 695
"""Of the networks' lanes for motor vehicles, 13.9 m/s, in steps of 0.02 m/s."""
LANES_PER_ARM = 10
MANEUVERS = {"s": "8000", "l": "4000", "r": "2000"}
LANE_TYPES = {
    "vehicle": {"vehicle": "00"},
    "bicycle": {"bikeLane": "0000"},
    "sidewalk": {"sidewalk": "0000"},
    "crossing": {"crosswalk": "0000"},
}
_FORMS = ((512, "node-XY1"), (1024, "node-XY2"), (2048, "node-XY3"), (4096, "node-XY4"), (8192, "node-XY5"))


def lane_number(lane: NetLane, arms: list[str]) -> int:
    """LaneID: ten per arm; 1-4 inbound from the left lane to the sidewalk, 5-8 outbound, 9 the crossing."""
    return arms.index(lane.edge[0]) * LANES_PER_ARM + (4 if lane.edge.endswith("_in") else 8) - lane.index


def map_document(net: Net, scene: dict[str, Any], controller: list[dict[str, Any]]) -> dict[str, Any]:
    """The MapData with one intersection whose reference point is the scene's origin."""
    arms, origin = scene["arms"], scene["origin"]
    groups = {link: entry["signal_group"] for entry in controller for link in entry["links"]}
    lanes = [_road_lane(lane, net, arms, groups) for lane in net.lanes if lane.kind != "crossing"]
    lanes += [_crosswalk(crossing, arms, groups) for crossing in net.crossings]
    return {
        "msgIssueRevision": scene["map_revision"] % 128,
        "intersections": [
            {
                "name": scene["name"],
                "id": {"id": scene["intersection"]},
                "revision": scene["map_revision"] % 128,
                "refPoint": {
                    "lat": round(origin["latitude_deg"] * 1e7),
                    "long": round(origin["longitude_deg"] * 1e7),
                    "elevation": round(origin["elevation_m"] * 10),
                },
                "laneWidth": LANE_WIDTH_CM,
                "speedLimits": [{"type": "vehicleMaxSpeed", "speed": SPEED_LIMIT}],
                "laneSet": sorted(lanes, key=lambda lane: int(lane["laneID"])),
            }
        ],
    }


def _road_lane(lane: NetLane, net: Net, arms: list[str], groups: dict[int, int]) -> dict[str, Any]:
    """A lane of an arm; its nodes start at the junction, as the standard asks."""
    inward = lane.edge.endswith("_in")
    use = "C0" if lane.kind == "sidewalk" else "80" if inward else "40"
    points = tuple(reversed(lane.points_m)) if inward else lane.points_m
    document = _lane(lane, lane_number(lane, arms), use, points)
    numbers = {
        (other.edge, other.index): lane_number(other, arms) for other in net.lanes if other.kind != "crossing"
    }
    connections = [
        {
            "connectingLane": {
                "lane": numbers[turn.to_edge, turn.to_lane],
                "maneuver": MANEUVERS[turn.direction],
            },
            "signalGroup": groups[turn.link],
        }
        for turn in net.turns
        if (turn.from_edge, turn.from_lane) == (lane.edge, lane.index)
    ]
    if connections:
        document["connectsTo"] = connections
    return document


def _crosswalk(crossing: Any, arms: list[str], groups: dict[int, int]) -> dict[str, Any]:
    """A crosswalk leads to the sidewalk of its arm under the pedestrians' signal group."""
    base = arms.index(crossing.arm) * LANES_PER_ARM
    document = _lane(crossing.lane, base + 9, "C0", crossing.lane.points_m)
    document["connectsTo"] = [
        {"connectingLane": {"lane": base + 8, "maneuver": "8000"}, "signalGroup": groups[crossing.link]}
    ]
    return document


def _lane(lane: NetLane, number: int, use: str, points: tuple[tuple[float, float], ...]) -> dict[str, Any]:
    nodes: list[dict[str, Any]] = [{"delta": _delta(step)} for step in _steps_cm(points)]
    extra = round(lane.width_m * 100) - LANE_WIDTH_CM
    if extra:
        nodes[0]["attributes"] = {"dWidth": extra}
    return {
        "laneID": number,
        "name": lane.name.replace(":", ""),
        "laneAttributes": {
            "directionalUse": use,
            "sharedWith": "0000",
            "laneType": LANE_TYPES[lane.kind],
        },
        "nodeList": {"nodes": nodes},
    }


def _steps_cm(points: tuple[tuple[float, float], ...]) -> list[tuple[int, int]]:
    """Offsets between nodes; the first from the reference point. Rounding does not add up."""
    whole = [(0, 0)] + [(round(x * 100), round(y * 100)) for x, y in points]
    return [(x2 - x1, y2 - y1) for (x1, y1), (x2, y2) in pairwise(whole)]


def _delta(step: tuple[int, int]) -> dict[str, Any]:
    """The smallest node form that holds an offset (SAE J2735 DF_NodeOffsetPointXY)."""
    largest = max(abs(step[0]), abs(step[1]))
    form = next((name for limit, name in _FORMS if largest < limit), "node-XY6")
    return {form: {"x": step[0], "y": step[1]}}
