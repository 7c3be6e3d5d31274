"""Intersections from a T/CSAE 53-2020 MAP (YD/T 3709-2020 clause 5.2.2.2).

Each node with links that enter it becomes an intersection. T/CSAE numbers lanes within a link, from the left, so lanes
of two links may share a number; those of an intersection here may not:

- The first lane that claims a number keeps it, a later one gets the lowest number free.
- A connection leads to a lane of the link between this node and the next. Where the same message holds that link, the
  lane is part of the intersection as an egress lane; else it is only referred to, by a number of its own.
- A connection that names no lane leads to a number that stands for the whole link.
- Phase 0 is none. A connection without a phase has that of the link's movement to the same node.
- A lane without points lies beside the centre line of its link, by the widths of the lanes from the left.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame
from edge.core.intersection import Connection, Intersection, Lane, LaneKind, Maneuver
from edge.core.speed_limits import limit_of
from edge.v2x.codec import message_codec
from edge.v2x.csae_elements import Variant, origin_of, place_of
from edge.v2x.frame import CSAE_MAP, check_csae
from edge.v2x.lanes import maneuver_of
from edge.v2x.motion import DEGREES_PER_UNIT, ELEVATION_UNAVAILABLE

_KIND_OF_TYPE = {
    "vehicle": LaneKind.VEHICLE,
    "bikeLane": LaneKind.BICYCLE,
    "crosswalk": LaneKind.CROSSWALK,
    "sidewalk": LaneKind.SIDEWALK,
}
_WALKED = (LaneKind.CROSSWALK, LaneKind.SIDEWALK)
_LAST_LANE = 255

_Key = tuple[int | None, int]
"""Region and id of a node."""

_Value = Mapping[str, Any]


def decode_maps(payload: bytes, *, variant: Variant) -> tuple[Intersection, ...]:
    """A MessageFrame with a MAP to one intersection per node that links enter.

    Raises:
        OtherMessageError: a sound frame of another message.
        CodecError: anything else that is not one whole MAP whose lanes have points.
    """
    check_csae(payload, message=CSAE_MAP, what="MAP")
    message: _Value = message_codec(f"csae-{variant}/MapData").decode(payload)
    nodes = message["nodes"]
    return tuple(_Reader(node, nodes).read(message["msgCnt"]) for node in nodes if node.get("inLinks"))


def decode_map(payload: bytes, *, variant: Variant, node: int | None = None) -> Intersection:
    """The one intersection of a MAP, or the one with the given node id; errors as `decode_maps`."""
    found = [one for one in decode_maps(payload, variant=variant) if node in (None, one.intersection)]
    if len(found) != 1:
        wanted = "" if node is None else f" with id {node}"
        raise CodecError("MAP", f"{len(found)} nodes{wanted} have links, not one")
    return found[0]


@dataclass(frozen=True, slots=True)
class _Entry:
    """One lane of a link: what it is, and the number it gets."""

    lane: _Value
    link: _Value
    kind: LaneKind
    number: int


class _Numbers:
    """Lane numbers of one intersection."""

    def __init__(self) -> None:
        self._taken: set[int] = set()
        self._of_way: dict[tuple[_Key, int | None], int] = {}

    def claim(self, number: int) -> int:
        """The number itself, or the lowest one free."""
        if not 0 < number <= _LAST_LANE or number in self._taken:
            free = (n for n in range(1, _LAST_LANE + 1) if n not in self._taken)
            number = next(free, 0)
        if not number:
            raise CodecError("MAP", f"more than {_LAST_LANE} lanes at one node")
        self._taken.add(number)
        return number

    def way(self, node: _Key, lane: int | None) -> int:
        """The number of a lane, or of all lanes, of the link to another node."""
        if (node, lane) not in self._of_way:
            self._of_way[node, lane] = self.claim(lane or 0)
        return self._of_way[node, lane]


class _Reader:
    """One node of a MAP to an intersection."""

    def __init__(self, node: _Value, nodes: Sequence[_Value]) -> None:
        self._node, self._nodes = node, nodes
        self._own = (node["id"].get("region"), node["id"]["id"])
        self._frame = _frame_of(node["refPos"])
        self._numbers = _Numbers()

    def read(self, message_count: int) -> Intersection:
        entries = [
            _Entry(lane, link, kind, self._numbers.claim(lane["laneID"]))
            for link in self._node["inLinks"]
            for lane, kind in _lanes_of(link)
        ]
        origin = origin_of(self._node["refPos"])
        lanes = [self._lane(entry, entries, origin=origin) for entry in entries]
        return Intersection(
            intersection=self._own[1],
            region=self._own[0],
            revision=message_count,
            name=self._node.get("name", ""),
            frame=self._frame,
            lanes=(*lanes, *self._egress()),
        )

    def _lane(self, entry: _Entry, entries: Sequence[_Entry], *, origin: tuple[int, int]) -> Lane:
        points = _points(entry.lane, entry.link, origin=origin, frame=self._frame)
        walked = entry.kind in _WALKED
        connections, group = self._connections(entry, entries)
        return Lane(
            lane=entry.number,
            kind=entry.kind,
            ingress=True,
            egress=walked,
            width_m=_width_m(entry.lane, entry.link),
            points_m=_fixed(points if entry.kind is LaneKind.CROSSWALK else points[::-1]),
            connections=connections,
            signal_group=group if walked else None,
            speed_limit_mps=_limit_mps(entry.lane, entry.link, entry.kind),
        )

    def _connections(
        self, entry: _Entry, entries: Sequence[_Entry]
    ) -> tuple[tuple[Connection, ...], int | None]:
        """The connections, and the phase of the lane itself where one leads back to this node and to no lane."""
        phases = {
            self._key(movement["remoteIntersection"]): movement.get("phaseId", 0)
            for movement in entry.link.get("movements", ())
        }
        found: list[Connection] = []
        group = None
        for value in entry.lane.get("connectsTo", ()):
            remote = self._key(value["remoteIntersection"])
            phase = value.get("phaseId", phases.get(remote, 0)) or None
            way = value.get("connectingLane", {})
            if remote == self._own and not way:
                group = phase
                continue
            bits = way.get("maneuver")
            if bits is None and len(entry.lane["connectsTo"]) == 1:
                bits = entry.lane.get("maneuvers")
            maneuver = maneuver_of(bits) if bits is not None else Maneuver.NONE
            found.append(Connection(self._target(remote, way.get("lane"), entries), phase, maneuver))
        return tuple(found), group

    def _target(self, remote: _Key, lane: int | None, entries: Sequence[_Entry]) -> int:
        if remote == self._own:
            same = [entry.number for entry in entries if entry.lane["laneID"] == lane]
            if same:
                return same[0]
        return self._numbers.way(remote, lane)

    def _egress(self) -> Iterator[Lane]:
        """Lanes of the links that leave to other nodes of the message."""
        for node in self._nodes:
            key = self._key(node["id"])
            for link in node.get("inLinks", ()):
                if key == self._own or self._key(link["upstreamNodeId"]) != self._own:
                    continue
                for lane, kind in _lanes_of(link):
                    if kind in _WALKED:
                        continue
                    points = _points(lane, link, origin=origin_of(node["refPos"]), frame=self._frame)
                    number = self._numbers.way(key, lane["laneID"])
                    limit_mps = _limit_mps(lane, link, kind)
                    width_m = _width_m(lane, link)
                    yield Lane(number, kind, False, True, width_m, _fixed(points), speed_limit_mps=limit_mps)

    def _key(self, reference: Mapping[str, int]) -> _Key:
        """A node; a region that is not said is its own."""
        return reference.get("region", self._node["id"].get("region")), reference["id"]


def _limit_mps(lane: _Value, link: _Value, kind: LaneKind) -> float | None:
    """What the lane says, else what its link says."""
    if kind is not LaneKind.VEHICLE:
        return None
    own = limit_of(lane.get("speedLimits", ()))
    return limit_of(link.get("speedLimits", ())) if own is None else own


def _frame_of(position: Mapping[str, int]) -> LocalFrame:
    elevation = position.get("elevation", ELEVATION_UNAVAILABLE)
    try:
        return LocalFrame(
            position["lat"] * DEGREES_PER_UNIT,
            position["long"] * DEGREES_PER_UNIT,
            0.0 if elevation == ELEVATION_UNAVAILABLE else elevation / 10.0,
        )
    except ValueError as error:
        raise CodecError("MAP", f"reference point: {error}") from error


def _lanes_of(link: _Value) -> Iterator[tuple[_Value, LaneKind]]:
    """The lanes that someone travels on; a lane without attributes is for vehicles."""
    for lane in link["lanes"]:
        attributes = lane.get("laneAttributes")
        kind = _KIND_OF_TYPE.get(attributes["laneType"][0]) if attributes else LaneKind.VEHICLE
        if kind is not None:
            yield lane, kind


def _width_m(lane: _Value, link: _Value) -> float:
    """Width of a lane, or its share of the link; NaN where the message does not say."""
    if lane.get("laneWidth"):
        return float(lane["laneWidth"] / 100.0)
    abreast = [other for other, kind in _lanes_of(link) if kind not in _WALKED]
    if not link.get("linkWidth") or lane not in abreast:
        return math.nan
    return float(link["linkWidth"] / 100.0 / len(abreast))


def _points(lane: _Value, link: _Value, *, origin: tuple[int, int], frame: LocalFrame) -> NDArray[np.float64]:
    """(k, 2) ENU metres in the order of the message: downstream, to the stop line."""
    listed = lane.get("points", link.get("points"))
    if listed is None:
        raise CodecError("MAP", f"lane {lane['laneID']} and its link have no points")
    points = np.array([place_of(point["posOffset"], origin, frame=frame, what="MAP") for point in listed])
    if "points" in lane:
        return points
    abreast = sorted((o for o, kind in _lanes_of(link) if kind not in _WALKED), key=lambda o: o["laneID"])
    widths = [_width_m(other, link) for other in abreast]
    if lane not in abreast or not np.isfinite(widths).all():
        raise CodecError(
            "MAP", f"lane {lane['laneID']} has no points, and its place in the link is not known"
        )
    index = abreast.index(lane)
    return _beside(points, right_m=sum(widths[:index]) + widths[index] / 2.0 - sum(widths) / 2.0)


def _beside(points: NDArray[np.float64], *, right_m: float) -> NDArray[np.float64]:
    """(k, 2) a line moved to the right of its direction; metres."""
    along = np.gradient(points, axis=0)
    length = np.hypot(along[:, 0], along[:, 1])
    if not length.all():
        raise CodecError("MAP", "two points of a link are the same")
    right = np.column_stack((along[:, 1], -along[:, 0])) / length[:, None]
    moved: NDArray[np.float64] = points + right * right_m
    return moved


def _fixed(points: NDArray[np.float64]) -> NDArray[np.float64]:
    found = np.ascontiguousarray(points)
    found.setflags(write=False)
    return found
