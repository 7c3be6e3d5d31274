"""SAE J2735-2020 MapData (clause 5.6) to and from an intersection.

A crosswalk's signal group travels as a connection of the crosswalk to itself. Lanes of kinds that the node does not use
(parking, striping, medians, tracks) are left out when reading, and so are connections into other intersections.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame
from edge.core.intersection import Connection, Intersection, Lane, LaneKind
from edge.core.speed_limits import common_limit, limit_of, speed_limits
from edge.v2x.codec import message_codec
from edge.v2x.frame import J2735_MAP, unwrap_j2735, wrap_j2735
from edge.v2x.lanes import Arm, all_maneuvers, arms_of, checked_points, maneuver_bits, maneuver_of, width_cm
from edge.v2x.marks import minute_of_year
from edge.v2x.motion import DEGREES_PER_UNIT, ELEVATION_UNAVAILABLE, position_of
from edge.v2x.spat import ascii_name

MAX_NODES = 63
_MESSAGE = "j2735/MapData"
_INGRESS_BIT, _EGRESS_BIT = 0x80, 0x40
_MAX_APPROACH = 15

_TYPE_OF_KIND: dict[LaneKind, tuple[str, tuple[bytes, int]]] = {
    LaneKind.VEHICLE: ("vehicle", (b"\x00", 8)),
    LaneKind.BICYCLE: ("bikeLane", (b"\x00\x00", 16)),
    LaneKind.CROSSWALK: ("crosswalk", (b"\x00\x00", 16)),
    LaneKind.SIDEWALK: ("sidewalk", (b"\x00\x00", 16)),
}
_KIND_OF_TYPE = {name: kind for kind, (name, _) in _TYPE_OF_KIND.items()}

_OFFSETS = (
    ("node-XY1", 512),
    ("node-XY2", 1024),
    ("node-XY3", 2048),
    ("node-XY4", 4096),
    ("node-XY5", 8192),
    ("node-XY6", 32768),
)
"""NodeOffsetPointXY alternatives and their bound in centimetres: -bound to bound - 1."""


def encode_map(intersection: Intersection, *, message_count: int, now_ns: int | None) -> bytes:
    """An intersection to a MessageFrame with a MAP; `message_count` changes with the content only.

    `now_ns` None: the clock is not synchronised, so the message does not say when it was made.
    """
    value = map_value(intersection, message_count=message_count, now_ns=now_ns)
    return wrap_j2735(J2735_MAP, message_codec(_MESSAGE).encode(value))


def map_value(intersection: Intersection, *, message_count: int, now_ns: int | None) -> dict[str, Any]:
    """The MapData of `encode_map` as a value, which ISO/TS 19091 has too."""
    widths = Counter(width_cm(lane) for lane in intersection.lanes)
    if not widths:
        raise CodecError("MAP", f"intersection {intersection.intersection} has no lane")
    usual_cm = widths.most_common(1)[0][0]
    usual_mps = common_limit(
        lane.speed_limit_mps for lane in intersection.lanes if lane.kind is LaneKind.VEHICLE
    )
    arms = arms_of(intersection)
    geometry: dict[str, Any] = {
        "id": _reference(intersection),
        "revision": intersection.revision,
        "refPoint": _reference_point(intersection.frame),
        "laneWidth": usual_cm,
        "laneSet": [
            _lane(lane, arms=arms, usual=(usual_cm, usual_mps), frame=intersection.frame)
            for lane in intersection.lanes
        ],
    }
    if usual_mps is not None:
        geometry["speedLimits"] = speed_limits(usual_mps)
    if ascii_name(intersection.name):
        geometry["name"] = ascii_name(intersection.name)
    dated = {} if now_ns is None else {"timeStamp": minute_of_year(now_ns)}
    return {
        **dated,
        "msgIssueRevision": message_count % 128,
        "layerType": "intersectionData",
        "layerID": 1,
        "intersections": [geometry],
    }


def decode_map(payload: bytes, *, intersection: int | None = None) -> Intersection:
    """A MessageFrame with a MAP to an intersection in the frame of its reference point.

    Args:
        intersection: which IntersectionID to take; None: the message has to hold exactly one.

    Raises:
        OtherMessageError: a sound frame of another message.
        CodecError: anything else that is not one whole MAP with that intersection.
    """
    message = message_codec(_MESSAGE).decode(unwrap_j2735(payload, message_id=J2735_MAP, what="MAP"))
    return intersection_in(message, intersection=intersection)


def intersection_in(message: Mapping[str, Any], *, intersection: int | None) -> Intersection:
    """The intersection in the value of a MapData. Raises as `decode_map`."""
    found = [
        geometry
        for geometry in message.get("intersections", ())
        if intersection is None or geometry["id"]["id"] == intersection
    ]
    if len(found) != 1:
        raise CodecError("MAP", f"{len(found)} intersections in it are the one asked for")
    return _intersection(found[0])


def _reference(intersection: Intersection) -> dict[str, int]:
    reference = {} if intersection.region is None else {"region": intersection.region}
    return reference | {"id": intersection.intersection}


def _reference_point(frame: LocalFrame) -> dict[str, int]:
    latitude, longitude = position_of(0.0, 0.0, frame=frame)
    return {"lat": latitude, "long": longitude, "elevation": round(frame.elevation_m * 10.0)}


def _lane(
    lane: Lane, *, arms: Sequence[Arm], usual: tuple[int, float | None], frame: LocalFrame
) -> dict[str, Any]:
    points = checked_points(lane, most=MAX_NODES)
    direction = (_INGRESS_BIT if lane.ingress else 0) | (_EGRESS_BIT if lane.egress else 0)
    nodes = _nodes(points, frame=frame)
    attributes = _what_differs(lane, usual_cm=usual[0], usual_mps=usual[1])
    if attributes:
        nodes[0]["attributes"] = attributes
    value: dict[str, Any] = {
        "laneID": lane.lane,
        "laneAttributes": {
            "directionalUse": (bytes([direction]), 2),
            "sharedWith": (b"\x00\x00", 10),
            "laneType": _TYPE_OF_KIND[lane.kind],
        },
        "nodeList": ("nodes", nodes),
    }
    if ascii_name(lane.name):
        value["name"] = ascii_name(lane.name)
    approach = next((i for i, arm in enumerate(arms, start=1) if lane.lane in arm.lanes), None)
    if approach is not None and approach <= _MAX_APPROACH:
        value |= {"ingressApproach": approach} if lane.ingress else {}
        value |= {"egressApproach": approach} if lane.egress else {}
    connections = _connections(lane)
    if connections:
        value["maneuvers"] = maneuver_bits(all_maneuvers(lane.connections))
        value["connectsTo"] = connections
    return value


def _what_differs(lane: Lane, *, usual_cm: int, usual_mps: float | None) -> dict[str, Any]:
    """NodeAttributeSetXY of a lane's first node: from there on, all along it."""
    found: dict[str, Any] = {}
    if width_cm(lane) != usual_cm:
        found["dWidth"] = width_cm(lane) - usual_cm
    if lane.speed_limit_mps not in {None, usual_mps}:
        found["data"] = [("speedLimits", speed_limits(lane.speed_limit_mps))]
    return found


def _connections(lane: Lane) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for connection in lane.connections:
        target = {"lane": connection.to_lane, "maneuver": maneuver_bits(connection.maneuver)}
        group = {} if connection.signal_group is None else {"signalGroup": connection.signal_group}
        found.append({"connectingLane": target} | group)
    if lane.signal_group is not None:
        found.append({"connectingLane": {"lane": lane.lane}, "signalGroup": lane.signal_group})
    return found


def _nodes(points: Sequence[tuple[float, float]], *, frame: LocalFrame) -> list[dict[str, Any]]:
    """Each node as the offset from where a reader is after the node before; far ones as latitude and longitude."""
    found: list[dict[str, Any]] = []
    at_x_m, at_y_m = 0.0, 0.0
    for x_m, y_m in points:
        x_cm, y_cm = round((x_m - at_x_m) * 100.0), round((y_m - at_y_m) * 100.0)
        name = next(
            (n for n, bound in _OFFSETS if -bound <= min(x_cm, y_cm) and max(x_cm, y_cm) < bound), None
        )
        if name is None:
            latitude, longitude = position_of(x_m, y_m, frame=frame)
            found.append({"delta": ("node-LatLon", {"lon": longitude, "lat": latitude})})
            at_x_m, at_y_m = frame.to_local(latitude * DEGREES_PER_UNIT, longitude * DEGREES_PER_UNIT)
            continue
        found.append({"delta": (name, {"x": x_cm, "y": y_cm})})
        at_x_m, at_y_m = at_x_m + x_cm / 100.0, at_y_m + y_cm / 100.0
    return found


def _intersection(geometry: Mapping[str, Any]) -> Intersection:
    point = geometry["refPoint"]
    elevation = point.get("elevation", ELEVATION_UNAVAILABLE)
    try:
        frame = LocalFrame(
            point["lat"] * DEGREES_PER_UNIT,
            point["long"] * DEGREES_PER_UNIT,
            0.0 if elevation == ELEVATION_UNAVAILABLE else elevation / 10.0,
        )
    except ValueError as error:
        raise CodecError("MAP", f"reference point: {error}") from error
    paths: dict[int, NDArray[np.float64]] = {}
    attributes: dict[int, Mapping[str, Any]] = {}
    lanes = []
    for lane in geometry["laneSet"]:
        number, nodes = lane["laneID"], lane["nodeList"]
        paths[number] = _points(nodes, frame=frame, paths=paths)
        attributes[number] = _attributes(nodes, attributes)
        if lane["laneAttributes"]["laneType"][0] in _KIND_OF_TYPE:
            lanes.append(_lane_of(lane, attributes[number], geometry=geometry, points_m=paths[number]))
    return Intersection(
        intersection=geometry["id"]["id"],
        region=geometry["id"].get("region"),
        revision=geometry["revision"],
        name=geometry.get("name", ""),
        frame=frame,
        lanes=tuple(lanes),
    )


def _points(
    nodes: tuple[str, Any], *, frame: LocalFrame, paths: Mapping[int, NDArray[np.float64]]
) -> NDArray[np.float64]:
    """(k, 2) ENU metres of a node list; a computed lane is the lane it refers to, shifted."""
    if nodes[0] == "computed":
        computed = nodes[1]
        if (
            computed["referenceLaneId"] not in paths
            or {"rotateXY", "scaleXaxis", "scaleYaxis"} & computed.keys()
        ):
            raise CodecError("MAP", "a computed lane that is turned, scaled or of no lane before it")
        shift_cm = computed["offsetXaxis"][1], computed["offsetYaxis"][1]
        return paths[computed["referenceLaneId"]] + np.array(shift_cm) / 100.0
    if nodes[0] != "nodes":
        raise CodecError("MAP", "a lane whose nodes are in a form of a later edition")
    points = np.zeros((len(nodes[1]), 2))
    at_x_m, at_y_m = 0.0, 0.0
    for row, node in enumerate(nodes[1]):
        kind, delta = node["delta"]
        if kind == "regional":
            raise CodecError("MAP", "a node in a regional form")
        if kind == "node-LatLon":
            at_x_m, at_y_m = frame.to_local(delta["lat"] * DEGREES_PER_UNIT, delta["lon"] * DEGREES_PER_UNIT)
        else:
            at_x_m, at_y_m = at_x_m + delta["x"] / 100.0, at_y_m + delta["y"] / 100.0
        points[row] = at_x_m, at_y_m
    return points


def _attributes(nodes: tuple[str, Any], known: Mapping[int, Mapping[str, Any]]) -> Mapping[str, Any]:
    """NodeAttributeSetXY of the first node; a computed lane has those of the lane it refers to (ComputedLane)."""
    if nodes[0] == "computed":
        return known[nodes[1]["referenceLaneId"]]
    own: Mapping[str, Any] = nodes[1][0].get("attributes", {})
    return own


def _lane_of(
    lane: Mapping[str, Any],
    attributes: Mapping[str, Any],
    *,
    geometry: Mapping[str, Any],
    points_m: NDArray[np.float64],
) -> Lane:
    kind = _KIND_OF_TYPE[lane["laneAttributes"]["laneType"][0]]
    direction = lane["laneAttributes"]["directionalUse"][0][0]
    walked = kind in (LaneKind.CROSSWALK, LaneKind.SIDEWALK)
    connections = tuple(
        Connection(
            to_lane=entry["connectingLane"]["lane"],
            signal_group=entry.get("signalGroup", 0) or None,
            maneuver=maneuver_of(entry["connectingLane"].get("maneuver")),
        )
        for entry in lane.get("connectsTo", ())
        if _stays(entry, own=geometry["id"])
    )
    groups = [c.signal_group for c in connections if c.signal_group is not None]
    points_m.setflags(write=False)
    return Lane(
        lane=lane["laneID"],
        kind=kind,
        ingress=bool(direction & _INGRESS_BIT),
        egress=bool(direction & _EGRESS_BIT),
        width_m=_width_m(attributes, geometry=geometry),
        points_m=points_m,
        connections=() if walked else connections,
        signal_group=groups[0] if walked and groups else None,
        name=lane.get("name", ""),
        speed_limit_mps=_limit_mps(attributes, geometry=geometry) if kind is LaneKind.VEHICLE else None,
    )


def _limit_mps(attributes: Mapping[str, Any], *, geometry: Mapping[str, Any]) -> float | None:
    """What its first node says, else what holds for the whole intersection."""
    own = [limit for name, limits in attributes.get("data", ()) if name == "speedLimits" for limit in limits]
    limit_mps = limit_of(own)
    return limit_of(geometry.get("speedLimits", ())) if limit_mps is None else limit_mps


def _stays(entry: Mapping[str, Any], *, own: Mapping[str, int]) -> bool:
    """Whether a connection leads to a lane of this intersection; a region that is not said is its own."""
    remote = entry.get("remoteIntersection", own)
    return bool(remote["id"] == own["id"] and remote.get("region", own.get("region")) == own.get("region"))


def _width_m(attributes: Mapping[str, Any], *, geometry: Mapping[str, Any]) -> float:
    """Usual width of the intersection with what the first node adds; NaN where the message does not say."""
    if "laneWidth" not in geometry:
        return math.nan
    return float(geometry["laneWidth"] + attributes.get("dWidth", 0)) / 100.0
