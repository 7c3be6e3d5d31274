"""Reads one signalised junction from a SUMO network (.net.xml)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import ConfigError
from edge.core.geodesy import LocalFrame
from edge.core.intersection import Connection, Intersection, Lane, LaneKind, Maneuver
from edge.road.sumo_projection import NetProjection

DEFAULT_WIDTH_M = 3.2
"""SUMO's own default lane width."""
FASTEST_MPS = 100.0
"""A speed above it is how a network says that nothing limits it."""
WALKS = (LaneKind.CROSSWALK, LaneKind.SIDEWALK)
DIRECTIONS = {
    "s": Maneuver.STRAIGHT,
    "l": Maneuver.LEFT,
    "L": Maneuver.LEFT,
    "r": Maneuver.RIGHT,
    "R": Maneuver.RIGHT,
    "t": Maneuver.U_TURN,
}
"""`dir` of a SUMO connection."""


class Choice(Protocol):
    """What the network does not say; see `edge.road.load.NetChoice`."""

    @property
    def junction(self) -> str | None: ...
    @property
    def link_groups(self) -> Mapping[int, int]: ...
    @property
    def intersection(self) -> int: ...


def intersection_from_net(root: Element, *, choice: Choice, frame: LocalFrame | None = None) -> Intersection:
    """The lanes into, out of and across one junction; LaneIDs count up in the file's order."""
    junction = _junction(root, choice.junction)
    projection = NetProjection.of(root.find("location"))
    centre = (float(junction.get("x", "nan")), float(junction.get("y", "nan")))
    used = frame or projection.frame_at(centre)
    elements = list(_lanes_at(root, junction.get("id", "")))
    numbers = {lane.get("id", ""): index for index, (_edge, lane) in enumerate(elements, start=1)}
    links = _links(root, numbers, choice.link_groups)
    crossings = _crossing_groups(root, numbers, choice.link_groups)
    lanes = []
    for edge, lane in elements:
        name = lane.get("id", "")
        points = projection.to_frame(_shape(lane), used)
        ingress = edge.get("to") == junction.get("id")
        crossing = edge.get("function") == "crossing"
        kind = LaneKind.CROSSWALK if crossing else _kind(lane)
        both = kind in WALKS
        lanes.append(
            Lane(
                lane=numbers[name],
                kind=kind,
                ingress=ingress or both,
                egress=not ingress or both,
                width_m=float(lane.get("width", DEFAULT_WIDTH_M)),
                points_m=points[::-1].copy() if ingress and not crossing else points,
                connections=tuple(links.get(name, ())),
                signal_group=crossings.get(edge.get("id", "")),
                name=name,
                speed_limit_mps=_limit_mps(lane) if kind is LaneKind.VEHICLE else None,
            )
        )
    return Intersection(choice.intersection, None, 0, junction.get("id", ""), used, tuple(lanes))


def _limit_mps(lane: Element) -> float | None:
    """`speed` of the lane, m/s."""
    limit_mps = float(lane.get("speed", "nan"))
    return limit_mps if 0.0 < limit_mps < FASTEST_MPS else None


def _junction(root: Element, wanted: str | None) -> Element:
    found = {
        j.get("id", ""): j for j in root.iter("junction") if j.get("type", "").startswith("traffic_light")
    }
    if wanted is not None and wanted in found:
        return found[wanted]
    if wanted is None and len(found) == 1:
        return next(iter(found.values()))
    asked = "no junction was named" if wanted is None else f"junction {wanted!r} has no traffic light"
    raise ConfigError(
        "net.junction", asked, remedy="name one of: " + (", ".join(sorted(found)) or "none in the file")
    )


def _lanes_at(root: Element, junction: str) -> Iterable[tuple[Element, Element]]:
    for edge in root.iter("edge"):
        function = edge.get("function", "normal")
        crossing = function == "crossing" and edge.get("id", "").startswith(f":{junction}_")
        if crossing or (function == "normal" and junction in (edge.get("from"), edge.get("to"))):
            for lane in edge.iter("lane"):
                yield edge, lane


def _kind(lane: Element) -> LaneKind:
    allowed = set(lane.get("allow", "").split())
    if allowed and allowed <= {"pedestrian"}:
        return LaneKind.SIDEWALK
    if allowed and allowed <= {"pedestrian", "bicycle"}:
        return LaneKind.BICYCLE
    return LaneKind.VEHICLE


def _shape(lane: Element) -> NDArray[np.float64]:
    text = lane.get("shape", "")
    try:
        points = [[float(part) for part in pair.split(",")[:2]] for pair in text.split()]
        return np.array(points, dtype=np.float64).reshape(-1, 2)
    except ValueError as error:
        raise ConfigError(
            f"net.lane[{lane.get('id')}].shape",
            f"is not a list of points: {text[:60]!r}",
            remedy="run netconvert again",
        ) from error


def _group(link: Element, link_groups: Mapping[int, int]) -> int | None:
    if link.get("tl") is None or link.get("linkIndex") is None:
        return None
    index = int(link.get("linkIndex", ""))
    if not link_groups:
        return index + 1
    if index not in link_groups:
        raise ConfigError(
            f"link_groups[{index}]",
            "the traffic light has a link without a signal group",
            remedy="map every linkIndex",
        )
    return link_groups[index]


def _links(root: Element, numbers: dict[str, int], groups: Mapping[int, int]) -> dict[str, list[Connection]]:
    found: dict[str, list[Connection]] = {}
    for link in root.iter("connection"):
        start = f"{link.get('from')}_{link.get('fromLane')}"
        end = f"{link.get('to')}_{link.get('toLane')}"
        if start in numbers and end in numbers and not start.startswith(":"):
            maneuver = DIRECTIONS.get(link.get("dir", ""), Maneuver.NONE)
            found.setdefault(start, []).append(Connection(numbers[end], _group(link, groups), maneuver))
    return found


def _crossing_groups(root: Element, numbers: dict[str, int], groups: Mapping[int, int]) -> dict[str, int]:
    """Signal group per crossing edge: the link that enters it is under the traffic light."""
    found: dict[str, int] = {}
    for link in root.iter("connection"):
        end = link.get("to", "")
        group = (
            _group(link, groups) if f"{end}_{link.get('toLane')}" in numbers and end.startswith(":") else None
        )
        if group is not None:
            found[end] = group
    return found
