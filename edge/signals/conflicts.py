"""Which signal groups must never be green together, from the geometry of the MAP or from the site's own list."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from edge.core.intersection import Connection, Intersection, Lane, LaneKind, Maneuver

Pair = tuple[int, int]
Path = NDArray[np.float64]
"""(k, 2) ENU metres."""

CROSSWALK_REACH_M = 10.0  # how far beyond the junction's edge a vehicle's path is followed to find crosswalks
_SAME_APPROACH_COSINE = 0.85


def pair(one: int, other: int) -> Pair:
    """Two signal groups in ascending order."""
    return (one, other) if one < other else (other, one)


def derive_conflicts(intersection: Intersection, *, protected: Mapping[int, bool]) -> frozenset[Pair]:
    """Pairs of signal groups whose protected paths cross or merge.

    A group that also goes straight yields when it turns, so only its straight paths count; a permissive group
    yields by definition, but see `derive_straight_conflicts`, which are among them. A crosswalk counts against every
    protected path that crosses it.

    Args:
        protected: per signal group, whether its green is protected; absent: not signalised by us.
    """
    vehicles = {
        group: paths for group, paths in _vehicle_paths(intersection).items() if protected.get(group, False)
    }
    found = {
        pair(one, other)
        for one, other in itertools.combinations(vehicles, 2)
        if any(_paths_conflict(a, b) for a in vehicles[one] for b in vehicles[other])
    }
    for lane in intersection.lanes:
        walkers = lane.signal_group
        if lane.kind is not LaneKind.CROSSWALK or walkers is None or walkers not in protected:
            continue
        found |= {
            pair(walkers, group)
            for group, paths in vehicles.items()
            if group != walkers and any(_cross(path.long, lane.points_m) for path in paths)
        }
    straight = derive_straight_conflicts(intersection)
    return frozenset(found) | {two for two in straight if set(two) <= protected.keys()}


def derive_straight_conflicts(intersection: Intersection) -> frozenset[Pair]:
    """Pairs that conflict, protected or not: both go straight on and their ways cross, or one walks across the other.

    Nobody who goes straight on at a green looks for others who do, however the green is named.
    """
    vehicles = {
        group: [_VehiclePath(*entry) for entry in entries if _only_straight(entry[1])]
        for group, entries in _connections(intersection).items()
    }
    found = {
        pair(one, other)
        for one, other in itertools.combinations(vehicles, 2)
        if any(_cross(a.chord, b.chord) for a in vehicles[one] for b in vehicles[other])
    }
    for lane in intersection.lanes:
        walkers = lane.signal_group
        if lane.kind is LaneKind.CROSSWALK and walkers is not None:
            found |= {
                pair(walkers, group)
                for group, paths in vehicles.items()
                if group != walkers and any(_cross(path.long, lane.points_m) for path in paths)
            }
    return frozenset(found)


def derive_crossings(intersection: Intersection) -> frozenset[Pair]:
    """Pairs of vehicle groups that do not conflict by `derive_conflicts` because a turn of one yields to the other.

    Both may be green together; but of none whose turn crosses may be said that it has no conflicting traffic.
    """
    found: dict[int, list[_VehiclePath]] = {}
    for group, entries in _connections(intersection).items():
        found[group] = [_VehiclePath(*entry) for entry in entries]
    return frozenset(
        pair(one, other)
        for one, other in itertools.combinations(found, 2)
        if any(
            a.from_lane != b.from_lane and _cross(a.chord, b.chord) for a in found[one] for b in found[other]
        )
    )


def walkers_of(intersection: Intersection) -> frozenset[int]:
    """Signal groups that rule crosswalks and nothing else."""
    driven = {
        connection.signal_group
        for lane in intersection.lanes
        if lane.kind is not LaneKind.CROSSWALK
        for connection in lane.connections
    }
    walked = {lane.signal_group for lane in intersection.lanes if lane.signal_group is not None}
    return frozenset(walked - driven)


class _VehiclePath:
    """One connection: its chord through the junction, and the same with the lanes before and behind."""

    __slots__ = ("chord", "from_lane", "heading", "long", "to_lane")

    def __init__(self, lane: Lane, connection: Connection, target: Lane) -> None:
        self.from_lane, self.to_lane = lane.lane, connection.to_lane
        self.chord: Path = np.array([lane.points_m[0], target.points_m[0]])
        before, behind = _head(lane.points_m), _head(target.points_m)
        self.long: Path = np.vstack([before[::-1], behind])
        self.heading = lane.points_m[0] - lane.points_m[1]


def _vehicle_paths(intersection: Intersection) -> dict[int, list[_VehiclePath]]:
    return {
        group: [_VehiclePath(*entry) for entry in _principal(found)]
        for group, found in _connections(intersection).items()
    }


def _connections(intersection: Intersection) -> dict[int, list[tuple[Lane, Connection, Lane]]]:
    """Connections of vehicle lanes by signal group."""
    lanes = {lane.lane: lane for lane in intersection.lanes}
    connections: dict[int, list[tuple[Lane, Connection, Lane]]] = {}
    for lane in intersection.lanes:
        for connection in lane.connections:
            target = lanes.get(connection.to_lane)
            if connection.signal_group is None or target is None or lane.kind is LaneKind.CROSSWALK:
                continue
            connections.setdefault(connection.signal_group, []).append((lane, connection, target))
    return connections


def _principal(found: list[tuple[Lane, Connection, Lane]]) -> Iterable[tuple[Lane, Connection, Lane]]:
    straight = [entry for entry in found if entry[1].maneuver & Maneuver.STRAIGHT]
    return straight or found


def _only_straight(connection: Connection) -> bool:
    turns = Maneuver.LEFT | Maneuver.RIGHT | Maneuver.U_TURN
    return bool(connection.maneuver & Maneuver.STRAIGHT) and not connection.maneuver & turns


def _paths_conflict(one: _VehiclePath, other: _VehiclePath) -> bool:
    if one.from_lane == other.from_lane:
        return False
    if one.to_lane == other.to_lane:
        return not _same_approach(one, other)
    return _cross(one.chord, other.chord)


def _same_approach(one: _VehiclePath, other: _VehiclePath) -> bool:
    lengths = float(np.hypot(*one.heading) * np.hypot(*other.heading))
    return lengths > 0 and float(one.heading @ other.heading) > _SAME_APPROACH_COSINE * lengths


def _head(points: Path) -> Path:
    """The first `CROSSWALK_REACH_M` of a lane's centre line."""
    kept, left = [points[0]], CROSSWALK_REACH_M
    for start, end in itertools.pairwise(points):
        length = float(np.hypot(*(end - start)))
        if length >= left:
            kept.append(start + (end - start) * (left / length))
            break
        kept.append(end)
        left -= length
    return np.array(kept)


def _cross(one: Path, other: Path) -> bool:
    return any(
        _segments_cross(a, b, c, d) for a, b in itertools.pairwise(one) for c, d in itertools.pairwise(other)
    )


def _segments_cross(a: Path, b: Path, c: Path, d: Path) -> bool:
    """Whether two segments cross in their interior; touching ends do not count."""
    return _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0


def _side(a: Path, b: Path, point: Path) -> float:
    return float((b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0]))
