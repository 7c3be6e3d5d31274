"""The intersection's geometry: lanes, connections and signal groups (SAE J2735 MAP, T/CSAE 53 MAP)."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.core.geodesy import LocalFrame


class LaneKind(enum.Enum):
    """Who a lane is for."""

    VEHICLE = "vehicle"
    BICYCLE = "bicycle"
    CROSSWALK = "crosswalk"
    SIDEWALK = "sidewalk"


class Maneuver(enum.IntFlag):
    """AllowedManeuvers of SAE J2735, the four that a connection can have."""

    NONE = 0
    STRAIGHT = 1
    LEFT = 2
    RIGHT = 4
    U_TURN = 8


@dataclass(frozen=True, slots=True)
class Connection:
    """A way from the end of one lane to another.

    Attributes:
        to_lane: LaneID.
        signal_group: SignalGroupID that rules it; None: not signalised.
        maneuver: what the driver does.
    """

    to_lane: int
    signal_group: int | None
    maneuver: Maneuver


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """One lane.

    Attributes:
        lane: LaneID (1-255).
        kind: who it is for.
        ingress, egress: direction of travel relative to the intersection; a crosswalk has both.
        width_m: lane width.
        points_m: (k, 2) float64 ENU centre line; the first point is at the stop line (ingress)
            or at the exit of the intersection (egress), as in SAE J2735.
        connections: from the stop line onwards; empty on egress lanes.
        signal_group: for a crosswalk, the group that rules it; None elsewhere.
        name: for people.
        speed_limit_mps: posted for every motor vehicle; None: the MAP does not say.
    """

    lane: int
    kind: LaneKind
    ingress: bool
    egress: bool
    width_m: float
    points_m: NDArray[np.float64]
    connections: tuple[Connection, ...] = ()
    signal_group: int | None = None
    name: str = ""
    speed_limit_mps: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Intersection:
    """One intersection.

    Attributes:
        intersection: IntersectionID; region: RoadRegulatorID or None.
        revision: MAP revision 0-127.
        name: for people.
        frame: local ENU frame; the MAP's reference point is its origin.
        lanes: all lanes.
    """

    intersection: int
    region: int | None
    revision: int
    name: str
    frame: LocalFrame
    lanes: tuple[Lane, ...]

    @property
    def signal_groups(self) -> tuple[int, ...]:
        """All SignalGroupIDs that the lanes refer to, sorted."""
        found = {c.signal_group for lane in self.lanes for c in lane.connections}
        found |= {lane.signal_group for lane in self.lanes}
        return tuple(sorted(g for g in found if g is not None))
