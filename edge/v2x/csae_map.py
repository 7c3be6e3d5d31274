"""T/CSAE 53-2020 MAP (YD/T 3709-2020 clause 5.2.2.2) from an intersection.

T/CSAE describes a node with the links that enter it, each from a neighbouring node. An intersection here has lanes
only, so links and neighbours are made from its arms (lanes gathered by the direction in which they leave):

- The neighbour of an arm gets the node id 1 + heading of the arm in steps of 1.5 degrees, 1 to 240. Node ids up to 255
  are for tests, so it cannot be taken for a real node, and it stays the same as long as the road does. A clash with the
  id of the intersection itself, or of an arm before it, moves it to the next free one.
- The ingress lanes of an arm are the lanes of its link; points run from upstream to the stop line.
- A crosswalk is a lane of the link it crosses, with one connection back to the node itself that carries its phase.
  Egress lanes belong to links of the neighbours and are only referred to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame
from edge.core.intersection import Connection, Intersection, Lane, LaneKind
from edge.core.speed_limits import common_limit, speed_limits
from edge.v2x.codec import message_codec
from edge.v2x.csae_elements import offset_from, position_3d
from edge.v2x.lanes import Arm, all_maneuvers, arm_at, arms_of, checked_points, maneuver_bits, width_cm
from edge.v2x.marks import minute_of_year
from edge.v2x.motion import position_of
from edge.v2x.spat import ascii_name

MAX_POINTS = 31
_HEADING_STEP_DEG = 1.5
_LAST_TEST_ID = 255

_TYPE_OF_KIND: dict[LaneKind, tuple[str, tuple[bytes, int]]] = {
    LaneKind.VEHICLE: ("vehicle", (b"\x00", 8)),
    LaneKind.BICYCLE: ("bikeLane", (b"\x00\x00", 16)),
    LaneKind.CROSSWALK: ("crosswalk", (b"\x00\x00", 16)),
    LaneKind.SIDEWALK: ("sidewalk", (b"\x00\x00", 16)),
}


def encode_map(
    intersection: Intersection, *, message_count: int, now_ns: int | None, variant: str = "a"
) -> bytes:
    """An intersection to a MessageFrame with a MAP of one node; `message_count` is modulo 128.

    `now_ns` None: as `edge.v2x.j2735_map.encode_map`.
    """
    arms = arms_of(intersection)
    neighbours = neighbour_ids(intersection, arms=arms)
    links = [
        _link(intersection, arms=arms, neighbours=neighbours, index=index)
        for index, arm in enumerate(arms)
        if _ingress(intersection, arm)
    ]
    if not links:
        raise CodecError("MAP", f"intersection {intersection.intersection} has no lane that enters it")
    node: dict[str, Any] = {
        "id": _reference(intersection, intersection.intersection),
        "refPos": position_3d(0.0, 0.0, frame=intersection.frame),
        "inLinks": links,
    }
    if ascii_name(intersection.name):
        node["name"] = ascii_name(intersection.name)
    message: dict[str, Any] = {"msgCnt": message_count % 128, "nodes": [node]}
    if now_ns is not None:
        message["timeStamp"] = minute_of_year(now_ns)
    return message_codec(f"csae-{variant}/MapData").encode(message)


def neighbour_ids(intersection: Intersection, *, arms: Sequence[Arm]) -> tuple[int, ...]:
    """Node ids made for the far ends of the arms, in their order."""
    taken = {intersection.intersection}
    found: list[int] = []
    for arm in arms:
        node = 1 + int(arm.heading_deg / _HEADING_STEP_DEG)
        while node in taken:
            node = node % _LAST_TEST_ID + 1
        taken.add(node)
        found.append(node)
    return tuple(found)


def _reference(intersection: Intersection, node: int) -> dict[str, int]:
    return ({} if intersection.region is None else {"region": intersection.region}) | {"id": node}


def _ingress(intersection: Intersection, arm: Arm) -> list[Lane]:
    return [lane for lane in intersection.lanes if lane.ingress and lane.lane in arm.lanes]


def _link(
    intersection: Intersection, *, arms: Sequence[Arm], neighbours: Sequence[int], index: int
) -> dict[str, Any]:
    """The link that enters along one arm, with the crosswalks that cross it."""
    entering = _ingress(intersection, arms[index])
    crossing = [lane for lane in intersection.lanes if _crosses(lane, intersection, arms=arms, index=index)]
    node_of = {lane: node for arm, node in zip(arms, neighbours, strict=True) for lane in arm.lanes}
    lanes = [_lane(lane, intersection, node_of=node_of) for lane in (*entering, *crossing)]
    movements = _movements(lanes)
    middle = entering[len(entering) // 2]
    link: dict[str, Any] = {
        "upstreamNodeId": _reference(intersection, neighbours[index]),
        "linkWidth": sum(width_cm(lane) for lane in entering),
        "points": _points(middle, frame=intersection.frame, reverse=True),
        "lanes": lanes,
    }
    limit_mps = common_limit(lane.speed_limit_mps for lane in entering if lane.kind is LaneKind.VEHICLE)
    if limit_mps is not None:
        link["speedLimits"] = speed_limits(limit_mps)
    return link | ({"movements": movements} if movements else {})


def _crosses(lane: Lane, intersection: Intersection, *, arms: Sequence[Arm], index: int) -> bool:
    """Whether a crosswalk belongs to this arm: of those that have a link, the one in whose direction it lies."""
    if lane.kind is not LaneKind.CROSSWALK:
        return False
    entered = [arm for arm in arms if _ingress(intersection, arm)]
    x_m, y_m = lane.points_m.mean(axis=0)
    return entered[arm_at(entered, x_m=float(x_m), y_m=float(y_m))] is arms[index]


def _lane(lane: Lane, intersection: Intersection, *, node_of: dict[int, int]) -> dict[str, Any]:
    value: dict[str, Any] = {
        "laneID": lane.lane,
        "laneWidth": width_cm(lane),
        "laneAttributes": {"laneType": _TYPE_OF_KIND[lane.kind]},
        "points": _points(lane, frame=intersection.frame, reverse=lane.kind is not LaneKind.CROSSWALK),
    }
    if lane.speed_limit_mps is not None:
        value["speedLimits"] = speed_limits(lane.speed_limit_mps)
    if lane.connections:
        value["maneuvers"] = maneuver_bits(all_maneuvers(lane.connections))
    connections = [_connection(entry, lane, intersection, node_of=node_of) for entry in lane.connections]
    if lane.signal_group is not None:
        own = _reference(intersection, intersection.intersection)
        connections.append({"remoteIntersection": own, "phaseId": lane.signal_group})
    return value | ({"connectsTo": connections} if connections else {})


_WALKING = (LaneKind.SIDEWALK, LaneKind.CROSSWALK)
"""Ways of pedestrians belong to this intersection, not to a neighbour."""


def _connection(
    entry: Connection, lane: Lane, intersection: Intersection, *, node_of: dict[int, int]
) -> dict[str, Any]:
    walking = {other.lane for other in intersection.lanes if other.kind in _WALKING}
    if entry.to_lane not in node_of and entry.to_lane not in walking:
        raise CodecError("MAP", f"lane {lane.lane} leads to lane {entry.to_lane}, which is on no arm")
    return {
        "remoteIntersection": _reference(intersection, node_of.get(entry.to_lane, intersection.intersection)),
        "connectingLane": {"lane": entry.to_lane, "maneuver": maneuver_bits(entry.maneuver)},
    } | ({} if entry.signal_group is None else {"phaseId": entry.signal_group})


def _movements(lanes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The distinct pairs of neighbour and phase over the lanes of a link, in their order."""
    found: list[dict[str, Any]] = []
    for lane in lanes:
        for connection in lane.get("connectsTo", ()):
            movement = {
                key: connection[key] for key in ("remoteIntersection", "phaseId") if key in connection
            }
            if movement not in found:
                found.append(movement)
    return found


def _points(lane: Lane, *, frame: LocalFrame, reverse: bool) -> list[dict[str, Any]]:
    """Offsets from the node's position, each in the smallest form that holds it."""
    points = checked_points(lane, most=MAX_POINTS)
    origin = position_of(0.0, 0.0, frame=frame)
    return [
        {"posOffset": offset_from(origin, x_m, y_m, frame=frame)}
        for x_m, y_m in (reversed(points) if reverse else points)
    ]
