"""Where a TravelerInformation holds: GeographicalPath of SAE J2735-2020 (clause 6) to and from places of the site.

A path is sent as nodes in 0.1 microdegree from an anchor, which is where the event happens; a surrounding circle is a
region of its own. Closed paths and polygons are read as the circle around them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame, yaw_to_heading_deg
from edge.v2x.motion import DEGREES_PER_UNIT, LATITUDE_UNAVAILABLE, LONGITUDE_UNAVAILABLE, position_of

Point = tuple[float, float]

ALL_DIRECTIONS = (b"\xff\xff", 16)
MAX_REGIONS = 16
_MAX_NODES = 63
_JOIN_M = 0.5
"""A path that begins nearer to the end of the one before goes on with it."""
_SLICES = 16
_SLICE_DEG = 360.0 / _SLICES

_NODE_FORMS = (
    ("node-LL1", 1 << 11),
    ("node-LL2", 1 << 13),
    ("node-LL3", 1 << 15),
    ("node-LL4", 1 << 17),
    ("node-LL5", 1 << 21),
    ("node-LL6", 1 << 23),
)
"""NodeOffsetPointLL alternatives and their bound in 0.1 microdegree: -bound to bound - 1."""

_METRES_OF_UNIT = {
    "centimeter": 0.01,
    "cm2-5": 0.025,
    "decimeter": 0.1,
    "meter": 1.0,
    "kilometer": 1000.0,
    "foot": 0.3048,
    "yard": 0.9144,
    "mile": 1609.344,
}
_RADIUS_UNITS = ("centimeter", "decimeter", "meter", "kilometer")
_MAX_RADIUS = 4095


@dataclass(frozen=True, slots=True)
class Place:
    """Where something holds.

    Attributes:
        at: ENU metres; None: not said.
        radius_m: None: not said.
        path: ENU metres in the direction of travel; empty: not said.
    """

    at: Point | None = None
    radius_m: float | None = None
    path: tuple[Point, ...] = ()


def regions_of(
    at: Point, radius_m: float | None, path: Sequence[Point], *, frame: LocalFrame
) -> list[dict[str, Any]]:
    """Regions of an event: its path, in pieces of at most 63 nodes, and the circle around it."""
    anchor = position_fields(at, frame=frame)
    regions: list[dict[str, Any]] = []
    direction = directions_of(path)
    for first in range(0, len(path) - 1, _MAX_NODES - 1):
        nodes = _nodes(path[first : first + _MAX_NODES], anchor, frame=frame)
        offsets = {"offset": ("ll", ("nodes", nodes))}
        regions.append(
            {
                "anchor": anchor,
                "directionality": "forward",
                "closedPath": False,
                "direction": direction,
                "description": ("path", offsets),
            }
        )
    if radius_m is not None:
        circle = {"center": anchor} | _radius_fields(radius_m)
        projection = {"direction": direction, "circle": circle}
        regions.append({"anchor": anchor, "direction": direction, "description": ("geometry", projection)})
    if not regions:
        regions.append({"anchor": anchor, "direction": direction})
    if len(regions) > MAX_REGIONS:
        raise CodecError("TIM", f"a path of {len(path)} points is too long")
    return regions


def place_of(regions: Sequence[Mapping[str, Any]], *, frame: LocalFrame) -> Place:
    """What the regions of a data frame say together: the first place, the first circle, one path."""
    at: Point | None = None
    radius_m: float | None = None
    path: tuple[Point, ...] = ()
    for region in regions:
        found = _region(region, frame=frame)
        at = found.at if at is None else at
        radius_m = found.radius_m if radius_m is None else radius_m
        if not path:
            path = found.path
        elif found.path and math.dist(path[-1], found.path[0]) < _JOIN_M:
            path += found.path[1:]
    return Place(at, radius_m, path)


def position_fields(at: Point, *, frame: LocalFrame) -> dict[str, int]:
    """ENU metres as Position3D without elevation."""
    latitude, longitude = position_of(*at, frame=frame)
    return {"lat": latitude, "long": longitude}


def point_of(position: Mapping[str, int] | None, *, frame: LocalFrame) -> Point | None:
    """Position3D to ENU metres; None: not said."""
    if (
        position is None
        or position["lat"] == LATITUDE_UNAVAILABLE
        or position["long"] == LONGITUDE_UNAVAILABLE
    ):
        return None
    return frame.to_local(position["lat"] * DEGREES_PER_UNIT, position["long"] * DEGREES_PER_UNIT)


def directions_of(path: Sequence[Point]) -> tuple[bytes, int]:
    """HeadingSlice of a path: every slice that it runs in and both neighbours; without a path all of them."""
    if not all(math.isfinite(x_m) and math.isfinite(y_m) for x_m, y_m in path):
        raise CodecError("TIM", "a point of the path is not finite")
    slices = 0
    for (x0, y0), (x1, y1) in itertools.pairwise(path):
        index = int(yaw_to_heading_deg(math.atan2(y1 - y0, x1 - x0)) // _SLICE_DEG)
        for near in (index - 1, index, index + 1):
            slices |= 0x8000 >> near % _SLICES
    return (slices.to_bytes(2, "big"), _SLICES) if slices else ALL_DIRECTIONS


def _nodes(path: Sequence[Point], anchor: Mapping[str, int], *, frame: LocalFrame) -> list[dict[str, Any]]:
    """Each node as the offset from where a reader is after the node before, the first from the anchor."""
    found: list[dict[str, Any]] = []
    at_lat, at_lon = anchor["lat"], anchor["long"]
    for point in path:
        latitude, longitude = position_of(*point, frame=frame)
        lat, lon = latitude - at_lat, longitude - at_lon
        name = next(
            (n for n, bound in _NODE_FORMS if -bound <= min(lat, lon) and max(lat, lon) < bound), None
        )
        offset = {"lon": longitude, "lat": latitude} if name is None else {"lon": lon, "lat": lat}
        found.append({"delta": (name or "node-LatLon", offset)})
        at_lat, at_lon = latitude, longitude
    return found


def _radius_fields(radius_m: float) -> dict[str, Any]:
    """Radius in the finest unit that holds it, rounded up."""
    if not math.isfinite(radius_m):
        raise CodecError("TIM", f"a radius of {radius_m}")
    for unit in _RADIUS_UNITS:
        radius = math.ceil(round(max(radius_m, 0.0) / _METRES_OF_UNIT[unit], 6))
        if radius <= _MAX_RADIUS:
            return {"radius": radius, "units": unit}
    return {"radius": _MAX_RADIUS, "units": _RADIUS_UNITS[-1]}


def _region(region: Mapping[str, Any], *, frame: LocalFrame) -> Place:
    at = point_of(region.get("anchor"), frame=frame)
    form, value = region.get("description", ("", {}))
    if form == "path":
        points = _path(value, at, frame=frame)
        if region.get("closedPath", False):
            return _around(points) if points else Place(at)
        return Place(at if at is not None else next(iter(points), None), None, points)
    if form == "geometry":
        return _circle(value["circle"], at, frame=frame)
    if form == "oldRegion":
        return _old_region(value["area"], at, frame=frame)
    return Place(at)


def _old_region(area: tuple[str, Any], at: Point | None, *, frame: LocalFrame) -> Place:
    form, value = area
    if form == "circle":
        return _circle(value, at, frame=frame)
    start = point_of(value.get("anchor"), frame=frame) or at
    if form == "shapePointSet":
        points = _xy(value["nodeList"], start, 1.0, frame=frame)
        return Place(start if start is not None else next(iter(points), None), None, points)
    return _around(tuple(_corners(value, start, frame=frame))) if start is not None else Place()


def _circle(circle: Mapping[str, Any], at: Point | None, *, frame: LocalFrame) -> Place:
    centre = point_of(circle["center"], frame=frame)
    return Place(at if centre is None else centre, circle["radius"] * _METRES_OF_UNIT[circle["units"]])


def _around(points: Sequence[Point]) -> Place:
    """The middle of some points and the circle around it that holds them all."""
    middle = (sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points))
    return Place(middle, max(math.dist(middle, point) for point in points))


def _corners(region: Mapping[str, Any], start: Point, *, frame: LocalFrame) -> Iterator[Point]:
    """Corners of a RegionPointSet, each an offset in 0.1 microdegree from the one before."""
    unit = DEGREES_PER_UNIT * 2.0 ** region.get("scale", 0)
    latitude, longitude = frame.to_geodetic(*start)
    for offset in region["nodeList"]:
        latitude, longitude = latitude + offset["yOffset"] * unit, longitude + offset["xOffset"] * unit
        yield frame.to_local(latitude, longitude)


def _path(system: Mapping[str, Any], start: Point | None, *, frame: LocalFrame) -> tuple[Point, ...]:
    zoom = 2.0 ** system.get("scale", 0)
    form, nodes = system["offset"]
    return (_xy if form == "xy" else _ll)(nodes, start, zoom, frame=frame)


def _xy(nodes: tuple[Any, Any], start: Point | None, zoom: float, *, frame: LocalFrame) -> tuple[Point, ...]:
    """NodeListXY, centimetres to east and north; empty where it is in a form that has no points of its own."""
    points: list[Point] = []
    at = start
    for node in nodes[1] if nodes[0] == "nodes" else ():
        form, delta = node["delta"]
        at = _next_point(form, delta, at, frame=frame)
        if at is None:
            return ()
        if form != "node-LatLon":
            at = (at[0] + delta["x"] * zoom / 100.0, at[1] + delta["y"] * zoom / 100.0)
        points.append(at)
    return tuple(points)


def _ll(nodes: tuple[Any, Any], start: Point | None, zoom: float, *, frame: LocalFrame) -> tuple[Point, ...]:
    """NodeListLL, 0.1 microdegree; empty where it is in a form that has no points of its own."""
    points: list[Point] = []
    at = start
    for node in nodes[1] if nodes[0] == "nodes" else ():
        form, delta = node["delta"]
        at = _next_point(form, delta, at, frame=frame)
        if at is None:
            return ()
        if form != "node-LatLon":
            latitude, longitude = frame.to_geodetic(*at)
            unit = DEGREES_PER_UNIT * zoom
            at = frame.to_local(latitude + delta["lat"] * unit, longitude + delta["lon"] * unit)
        points.append(at)
    return tuple(points)


def _next_point(form: str, delta: Mapping[str, int], at: Point | None, *, frame: LocalFrame) -> Point | None:
    """Where an absolute node is, or where the offset of another counts from; None: nowhere."""
    if form == "node-LatLon":
        return point_of({"lat": delta["lat"], "long": delta["lon"]}, frame=frame)
    return None if form == "regional" else at
