"""Reads MapData of SAE J2735 from JSON: JER (ITU-T X.697) and the shape that the ODE writes.

JER names lists directly, writes bit strings as hexadecimal text and positions in 1e-7 degrees.
The ODE wraps lists in an object with the type's name, writes bit strings as objects of booleans and positions
in degrees. Both are accepted key by key, so mixtures are too.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from edge.core.errors import ConfigError
from edge.core.geodesy import LocalFrame
from edge.core.intersection import Connection, Intersection, Lane, LaneKind, Maneuver
from edge.core.speed_limits import KIND, STEP_MPS, UNAVAILABLE, limit_of
from edge.road.bit_string import has_bit
from edge.road.map_nodes import lane_nodes

DEFAULT_WIDTH_CM = 300
MAX_SITE_DISTANCE_M = 5000.0
MANEUVER_BITS = (
    (0, "maneuverStraightAllowed", Maneuver.STRAIGHT),
    (1, "maneuverLeftAllowed", Maneuver.LEFT),
    (2, "maneuverRightAllowed", Maneuver.RIGHT),
    (3, "maneuverUTurnAllowed", Maneuver.U_TURN),
)
"""AllowedManeuvers, SAE J2735-2020 clause 7: bit number and the ODE's name of it."""
KINDS = {
    "vehicle": LaneKind.VEHICLE,
    "trackedVehicle": LaneKind.VEHICLE,
    "parking": LaneKind.VEHICLE,
    "bikeLane": LaneKind.BICYCLE,
    "crosswalk": LaneKind.CROSSWALK,
    "sidewalk": LaneKind.SIDEWALK,
}


def intersection_from_map(
    document: Any, *, frame: LocalFrame | None = None, wanted: int | None = None
) -> Intersection:
    """The intersection of a MAP document.

    Args:
        document: parsed JSON.
        frame: express points in this frame; None: in that of the reference point.
        wanted: IntersectionID, needed where there is more than one.
    """
    geometry = _choose(_intersections(document), wanted)
    identity = geometry.get("id") or {}
    if not isinstance(identity, dict) or not isinstance(identity.get("id"), int):
        raise ConfigError("intersections[].id.id", "is missing", remedy="give the IntersectionID, 0 to 65535")
    reference = _reference(geometry.get("refPoint"))
    used = frame or reference
    shift = np.array(used.to_local(reference.latitude_deg, reference.longitude_deg))
    if np.hypot(*shift) > MAX_SITE_DISTANCE_M:
        raise ConfigError(
            "intersections[].refPoint",
            f"lies {np.hypot(*shift) / 1000:.1f} km from the site",
            remedy="compare it with the site's latitude_deg and longitude_deg",
        )
    width_cm = geometry.get("laneWidth") or DEFAULT_WIDTH_CM
    lanes = unwrap(geometry.get("laneSet"), "GenericLane", key="laneSet")
    nodes = lane_nodes(lanes, frame=used, shift_m=shift, width_m=width_cm / 100.0)
    limits_mps = _limits_mps(lanes, _limit_mps(geometry, key="speedLimits"))
    built = [
        _lane(lane, *nodes[lane["laneID"]], limits_mps[lane["laneID"]])
        for lane in lanes
        if _kind(lane) is not None
    ]
    return Intersection(
        intersection=identity["id"],
        region=identity.get("region"),
        revision=int(geometry.get("revision") or 0),
        name=str(geometry.get("name") or ""),
        frame=used,
        lanes=tuple(_with_maneuvers(built)),
    )


def unwrap(value: Any, name: str, *, key: str) -> list[dict[str, Any]]:
    """A list that may be wrapped in an object with the name of its element type."""
    if isinstance(value, dict):
        value = value.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ConfigError(key, "is not a list of objects", remedy="export the MAP as JSON (JER or ODE)")
    return value


def _intersections(document: Any) -> list[dict[str, Any]]:
    """Go down through the wrappings (MessageFrame, ODE payload) to the list of intersections."""
    found = document
    for name in ("payload", "data", "MessageFrame", "value", "MapData"):
        if isinstance(found, dict) and "intersections" not in found and isinstance(found.get(name), dict):
            found = found[name]
    if not isinstance(found, dict) or "intersections" not in found:
        raise ConfigError("intersections", "is missing", remedy="give a MapData with one intersection")
    return unwrap(found["intersections"], "intersectionGeometry", key="intersections")


def _choose(geometries: list[dict[str, Any]], wanted: int | None) -> dict[str, Any]:
    if wanted is not None:
        geometries = [g for g in geometries if (g.get("id") or {}).get("id") == wanted]
    if len(geometries) != 1:
        what = "" if wanted is None else f" with id {wanted}"
        raise ConfigError(
            "intersections",
            f"holds {len(geometries)} intersections{what}, expected 1",
            remedy="keep one intersection in the file",
        )
    return geometries[0]


def _reference(point: Any) -> LocalFrame:
    try:
        latitude = point["lat"] if "lat" in point else point["latitude"]
        longitude = point["long"] if "long" in point else point["longitude"]
        latitude_deg, longitude_deg = (
            v / 1e7 if isinstance(v, int) else float(v) for v in (latitude, longitude)
        )
        return LocalFrame(latitude_deg, longitude_deg)
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            "intersections[].refPoint",
            f"is not a position: {point!r}",
            remedy="give lat and long as integers in 1e-7 degrees, or latitude and longitude in degrees",
        ) from error


def _kind(lane: dict[str, Any]) -> LaneKind | None:
    """Who the lane is for; None for kinds that carry nobody (medians, striping)."""
    kinds = (lane.get("laneAttributes") or {}).get("laneType") or {}
    if isinstance(kinds, str):
        kinds = {kinds: ""}
    for name, value in kinds.items():
        if value is not None:
            return KINDS.get(name)
    raise ConfigError(
        f"laneSet[laneID={lane.get('laneID')}].laneAttributes.laneType",
        "is missing",
        remedy="name one of " + ", ".join(KINDS),
    )


def _lane(lane: dict[str, Any], points_m: np.ndarray, width_m: float, limit_mps: float | None) -> Lane:
    use = lane["laneAttributes"].get("directionalUse")
    kind = _kind(lane)
    assert kind is not None
    ingress, egress = has_bit(use, 0, "ingressPath"), has_bit(use, 1, "egressPath")
    raw = unwrap(lane.get("connectsTo"), "connectsTo", key=f"laneSet[laneID={lane['laneID']}].connectsTo")
    walked = kind in (LaneKind.CROSSWALK, LaneKind.SIDEWALK)
    connections = tuple(_connections(raw, lane.get("maneuvers"))) if ingress else ()
    groups = [c.signal_group for c in connections if c.signal_group is not None]
    return Lane(
        lane=lane["laneID"],
        kind=kind,
        ingress=ingress or walked,
        egress=egress or walked,
        width_m=width_m,
        points_m=points_m,
        connections=connections,
        signal_group=groups[0] if kind is LaneKind.CROSSWALK and groups else None,
        name=str(lane.get("name") or ""),
        speed_limit_mps=limit_mps if kind is LaneKind.VEHICLE else None,
    )


def _limits_mps(lanes: list[dict[str, Any]], usual_mps: float | None) -> dict[int, float | None]:
    """Posted limit per LaneID; a computed lane has that of the lane it refers to (ComputedLane)."""
    found: dict[int, float | None] = {}
    for lane in sorted(lanes, key=lambda lane: bool(lane["nodeList"].get("computed"))):
        rule = lane["nodeList"].get("computed")
        found[lane["laneID"]] = found[rule["referenceLaneId"]] if rule else _own_limit_mps(lane, usual_mps)
    return found


def _own_limit_mps(lane: dict[str, Any], usual_mps: float | None) -> float | None:
    """What the lane's first node says (LaneDataAttribute), else what holds for the intersection."""
    nodes = unwrap(
        lane["nodeList"]["nodes"], "NodeXY", key=f"laneSet[laneID={lane['laneID']}].nodeList.nodes"
    )
    key = f"laneSet[laneID={lane['laneID']}].nodeList.nodes[0].attributes.data"
    data = (
        unwrap((nodes[0].get("attributes") or {}).get("data"), "LaneDataAttribute", key=key) if nodes else []
    )
    own = [_limit_mps(attribute, key=f"{key}[].speedLimits") for attribute in data]
    return next((limit_mps for limit_mps in own if limit_mps is not None), usual_mps)


def _limit_mps(owner: dict[str, Any], *, key: str) -> float | None:
    """The posted limit for every motor vehicle in `speedLimits`, in steps of 0.02 m/s."""
    limits = unwrap(owner.get("speedLimits"), "speedLimits", key=key)
    speeds = [limit.get("speed") for limit in limits if limit.get("type") == KIND]
    wrong = [speed for speed in speeds if type(speed) is not int or not 0 <= speed <= UNAVAILABLE]
    if wrong:
        remedy = f"give steps of {STEP_MPS} m/s, 0 to {UNAVAILABLE}"
        raise ConfigError(f"{key}[].speed", f"is {wrong[0]!r}", remedy=remedy)
    return limit_of(limits)


def _connections(raw: Iterable[dict[str, Any]], lane_maneuvers: Any) -> Iterable[Connection]:
    for entry in raw:
        target = entry.get("connectingLane") or {}
        if not target.get("lane") or entry.get("remoteIntersection"):
            continue  # leads out of this MAP
        given = target.get("maneuver") or lane_maneuvers
        maneuver = Maneuver.NONE
        for bit, name, flag in MANEUVER_BITS:
            if has_bit(given, bit, name):
                maneuver |= flag
        yield Connection(target["lane"], entry.get("signalGroup") or None, maneuver)


def _with_maneuvers(lanes: list[Lane]) -> Iterable[Lane]:
    """Fill maneuvers that the MAP leaves open from the turn between the two lanes."""
    by_id = {lane.lane: lane for lane in lanes}
    for lane in lanes:
        filled = tuple(
            c
            if c.maneuver or c.to_lane not in by_id
            else Connection(c.to_lane, c.signal_group, turn(lane, by_id[c.to_lane]))
            for c in lane.connections
        )
        yield lane if filled == lane.connections else _replace(lane, filled)


def _replace(lane: Lane, connections: tuple[Connection, ...]) -> Lane:
    return dataclasses.replace(lane, connections=connections)


def turn(start: Lane, end: Lane) -> Maneuver:
    """The maneuver from the end of `start` into `end`, from their directions."""
    into = start.points_m[0] - start.points_m[1]
    out = end.points_m[1] - end.points_m[0]
    angle = math.atan2(into[0] * out[1] - into[1] * out[0], float(into @ out))
    if abs(angle) < math.radians(30):
        return Maneuver.STRAIGHT
    if abs(angle) > math.radians(150):
        return Maneuver.U_TURN
    return Maneuver.LEFT if angle > 0 else Maneuver.RIGHT
