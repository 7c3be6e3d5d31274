"""Lanes, turns and crossings of a SUMO road network with one signalised junction."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class NetLane:
    """A lane of an arm or a crossing.

    Attributes:
        name, edge, index: SUMO's lane, its edge, and its place counted from the right.
        kind: vehicle, bicycle, sidewalk or crossing.
        width_m: width.
        points_m: centre line in the direction of travel, ENU.
    """

    name: str
    edge: str
    index: int
    kind: str
    width_m: float
    points_m: Points


@dataclass(frozen=True, slots=True)
class NetTurn:
    """A way over the junction; `link` is its place in the state of the traffic light."""

    from_edge: str
    from_lane: int
    to_edge: str
    to_lane: int
    direction: str
    link: int


@dataclass(frozen=True, slots=True)
class NetCrossing:
    """A crossing over an arm and its link in the traffic light."""

    lane: NetLane
    arm: str
    link: int


@dataclass(frozen=True, slots=True)
class Net:
    """What the scene needs from the network."""

    junction: str
    junction_m: Points
    lanes: tuple[NetLane, ...]
    turns: tuple[NetTurn, ...]
    crossings: tuple[NetCrossing, ...]


def read_net(root: ET.Element, junction: str) -> Net:
    """The network round one junction."""
    lanes = tuple(_lanes(root))
    found = root.find(f"junction[@id='{junction}']")
    assert found is not None, f"no junction {junction}"
    return Net(junction, _shape(found), lanes, tuple(_turns(root)), tuple(_crossings(root, lanes)))


def _shape(element: ET.Element) -> Points:
    points = [tuple(map(float, point.split(",")[:2])) for point in element.get("shape", "").split()]
    return tuple((x, y) for x, y in points)


def _lanes(root: ET.Element) -> Iterator[NetLane]:
    for edge in root.findall("edge"):
        function = edge.get("function")
        if function not in (None, "crossing"):
            continue
        for lane in edge.findall("lane"):
            allowed = lane.get("allow", "")
            kind = {"pedestrian": "sidewalk", "bicycle": "bicycle"}.get(allowed, "vehicle")
            yield NetLane(
                name=lane.get("id", ""),
                edge=edge.get("id", ""),
                index=int(lane.get("index", "0")),
                kind="crossing" if function else kind,
                width_m=float(lane.get("width", "3.2")),
                points_m=_shape(lane),
            )


def _turns(root: ET.Element) -> Iterator[NetTurn]:
    for link in root.findall("connection[@tl]"):
        if link.get("from", "").startswith(":"):
            continue
        yield NetTurn(
            link.get("from", ""),
            int(link.get("fromLane", "0")),
            link.get("to", ""),
            int(link.get("toLane", "0")),
            link.get("dir", ""),
            int(link.get("linkIndex", "-1")),
        )


def _crossings(root: ET.Element, lanes: tuple[NetLane, ...]) -> Iterator[NetCrossing]:
    by_edge = {lane.edge: lane for lane in lanes if lane.kind == "crossing"}
    links = {link.get("to"): int(link.get("linkIndex", "-1")) for link in root.findall("connection[@tl]")}
    for edge in root.findall("edge[@function='crossing']"):
        name = edge.get("id", "")
        yield NetCrossing(by_edge[name], edge.get("crossingEdges", "")[0], links[name])
