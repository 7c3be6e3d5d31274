"""A four-leg junction with protected left turns and crosswalks, for tests of the signal lane.

Eastbound and westbound through traffic is signal group 2 and 6, northbound and southbound 4 and 8; left turns
have groups 1 (from the east), 5 (from the west), 3 (from the north) and 7 (from the south); the crosswalk of
the south leg is group 22 and that of the west leg 24. Right turns go with the through traffic.
"""

from __future__ import annotations

import numpy as np

from edge.core.geodesy import LocalFrame
from edge.core.intersection import Connection, Intersection, Lane, LaneKind, Maneuver

# Per leg: (unit vector outwards, through group, left group).
_LEGS = {
    "west": ((-1.0, 0.0), 2, 5),
    "east": ((1.0, 0.0), 6, 1),
    "south": ((0.0, -1.0), 4, 7),
    "north": ((0.0, 1.0), 8, 3),
}
_ACROSS = {"west": "east", "east": "west", "south": "north", "north": "south"}
_LEFT = {"west": "north", "north": "east", "east": "south", "south": "west"}
_RIGHT = {left: leg for leg, left in _LEFT.items()}
_BASE = {"west": 10, "east": 20, "south": 30, "north": 40}
VEHICLE_GROUPS = (1, 2, 3, 4, 5, 6, 7, 8)
CROSSWALK_GROUPS = (22, 24)


def _lane_points(outwards: tuple[float, float], offset_m: float) -> np.ndarray:
    """From the junction's edge 15 m out to 100 m, `offset_m` to the left of the outward direction."""
    east, north = outwards
    side = np.array([-north, east]) * offset_m
    return np.array([np.array(outwards) * distance + side for distance in (15.0, 100.0)])


def _leg(name: str) -> list[Lane]:
    outwards, through, left = _LEGS[name]
    base = _BASE[name]

    def to(target: str, lane: int, group: int, maneuver: Maneuver) -> Connection:
        return Connection(_BASE[target] + lane, group, maneuver)

    # Right-hand traffic: looking outwards, the lanes into the junction are on the left.
    left_lane = (to(_LEFT[name], 3, left, Maneuver.LEFT),)
    through_lane = (
        to(_ACROSS[name], 3, through, Maneuver.STRAIGHT),
        to(_ACROSS[name], 4, through, Maneuver.STRAIGHT),
        to(_RIGHT[name], 4, through, Maneuver.RIGHT),
    )
    return [
        Lane(base + 1, LaneKind.VEHICLE, True, False, 3.5, _lane_points(outwards, 2.0), left_lane),
        Lane(base + 2, LaneKind.VEHICLE, True, False, 3.5, _lane_points(outwards, 5.5), through_lane),
        Lane(base + 3, LaneKind.VEHICLE, False, True, 3.5, _lane_points(outwards, -2.0)),
        Lane(base + 4, LaneKind.VEHICLE, False, True, 3.5, _lane_points(outwards, -5.5)),
    ]


def _crosswalk(lane: int, group: int, start: tuple[float, float], end: tuple[float, float]) -> Lane:
    return Lane(
        lane,
        LaneKind.CROSSWALK,
        True,
        True,
        3.0,
        np.array([start, end]),
        signal_group=group,
        name="crosswalk",
    )


def corner() -> Intersection:
    """The junction."""
    lanes = [lane for leg in _LEGS for lane in _leg(leg)]
    lanes.append(_crosswalk(50, 22, (-10.0, -17.0), (10.0, -17.0)))
    lanes.append(_crosswalk(51, 24, (-17.0, -10.0), (-17.0, 10.0)))
    return Intersection(1201, None, 5, "corner", LocalFrame(48.0, 11.0), tuple(lanes))
