"""What the MAPs of SAE J2735 and T/CSAE 53 share: manoeuvre bits, and lanes gathered into arms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.core.errors import CodecError
from edge.core.geodesy import yaw_to_heading_deg
from edge.core.intersection import Connection, Intersection, Lane, LaneKind, Maneuver

_MANEUVER_BITS = ((Maneuver.STRAIGHT, 0), (Maneuver.LEFT, 1), (Maneuver.RIGHT, 2), (Maneuver.U_TURN, 3))
"""AllowedManeuvers, J2735-2020 clause 7.9; 12 bits, bit 0 the most significant."""

_ARM_GAP_DEG = 30.0
"""Lanes whose bearings differ by less belong to one arm."""

_BEARING_REACH_M = 30.0
"""The bearing of a lane is taken over this distance from the stop line, so that a bent slip lane stays with its arm."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One road at the intersection.

    Attributes:
        heading_deg: mean direction from the intersection outwards, clockwise from north, in [0, 360).
        lanes: LaneIDs of its ingress and egress lanes for vehicles and bicycles.
    """

    heading_deg: float
    lanes: frozenset[int]


def maneuver_bits(maneuver: Maneuver) -> tuple[bytes, int]:
    """Our flags to the 12 bits on the wire."""
    value = 0
    for flag, bit in _MANEUVER_BITS:
        if maneuver & flag:
            value |= 0x8000 >> bit
    return value.to_bytes(2, "big"), 12


def maneuver_of(bits: tuple[bytes, int] | None) -> Maneuver:
    """The 12 bits on the wire to our flags; what is not one of the four movements is left out."""
    found = Maneuver.NONE
    if bits is None:
        return found
    value = int.from_bytes(bits[0], "big")
    for flag, bit in _MANEUVER_BITS:
        if value & (0x8000 >> bit):
            found |= flag
    return found


def all_maneuvers(connections: Sequence[Connection]) -> Maneuver:
    """Every manoeuvre that some connection allows."""
    found = Maneuver.NONE
    for connection in connections:
        found |= connection.maneuver
    return found


def checked_points(lane: Lane, *, most: int) -> list[tuple[float, float]]:
    """The points of a lane, refused where a MAP cannot carry them."""
    points = np.asarray(lane.points_m, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not 2 <= len(points) <= most:
        raise CodecError("MAP", f"lane {lane.lane}: {points.shape} points; 2 to {most} can be sent")
    if not np.isfinite(points).all():
        raise CodecError("MAP", f"lane {lane.lane}: a point is not finite")
    return [(float(x), float(y)) for x, y in points]


def width_cm(lane: Lane) -> int:
    """Lane width in centimetres."""
    if not math.isfinite(lane.width_m):
        raise CodecError("MAP", f"lane {lane.lane}: width {lane.width_m}")
    return round(lane.width_m * 100.0)


def arms_of(intersection: Intersection) -> tuple[Arm, ...]:
    """Lanes gathered by the direction in which they leave the intersection, in compass order."""
    roads = [lane for lane in intersection.lanes if lane.kind in (LaneKind.VEHICLE, LaneKind.BICYCLE)]
    ordered = sorted((_outward_heading_deg(lane), lane.lane) for lane in roads)
    if not ordered:
        return ()
    groups: list[list[tuple[float, int]]] = [[ordered[0]]]
    for entry in ordered[1:]:
        if entry[0] - groups[-1][-1][0] > _ARM_GAP_DEG:
            groups.append([])
        groups[-1].append(entry)
    first, last = groups[0], groups[-1]
    if len(groups) > 1 and first[0][0] + 360.0 - last[-1][0] <= _ARM_GAP_DEG:
        groups = [last + first, *groups[1:-1]]
    return tuple(
        Arm(_mean_heading_deg([h for h, _ in group]), frozenset(n for _, n in group)) for group in groups
    )


def arm_at(arms: Sequence[Arm], *, x_m: float, y_m: float) -> int:
    """Index of the arm that lies in the direction of a point."""
    heading = yaw_to_heading_deg(math.atan2(y_m, x_m))
    return min(range(len(arms)), key=lambda i: abs((arms[i].heading_deg - heading + 180.0) % 360.0 - 180.0))


def _outward_heading_deg(lane: Lane) -> float:
    points = lane.points_m
    away = np.hypot(*(points - points[0]).T)
    reached = np.flatnonzero(away >= _BEARING_REACH_M)
    end = points[reached[0]] if len(reached) else points[-1]
    east, north = end - points[0]
    return yaw_to_heading_deg(math.atan2(north, east))


def _mean_heading_deg(headings: Sequence[float]) -> float:
    east = sum(math.sin(math.radians(h)) for h in headings)
    north = sum(math.cos(math.radians(h)) for h in headings)
    return math.degrees(math.atan2(east, north)) % 360.0
