"""Causes and sub-causes by which a DENM says what happens (ETSI TS 102 894-2 V2.4.1, DE_CauseCodeType).

Sub-cause 0 says no more than the cause. What has no cause is not sent, so that nobody reads something else in it: a
closed lane and a speed limit are said by other messages, or by the container of road works.
"""

from __future__ import annotations

from typing import NamedTuple

from edge.core.road_events import EventKind


class Cause(NamedTuple):
    """CauseCode and SubCauseCode, 0..255 each."""

    cause: int
    sub_cause: int = 0


_CAUSES = {
    EventKind.CONGESTION: Cause(1),
    EventKind.ACCIDENT: Cause(2),
    EventKind.ROAD_WORKS: Cause(3),
    EventKind.ROAD_CLOSED: Cause(5),
    EventKind.FLOODING: Cause(5, 1),
    EventKind.SLIPPERY_ROAD: Cause(6),
    EventKind.ICE: Cause(6, 5),
    EventKind.OBSTACLE: Cause(10),
    EventKind.ANIMAL_ON_ROAD: Cause(11),
    EventKind.PERSON_ON_ROAD: Cause(12),
    EventKind.WRONG_WAY_DRIVER: Cause(14),
    EventKind.STRONG_WIND: Cause(17, 1),
    EventKind.LOW_VISIBILITY: Cause(18),
    EventKind.HEAVY_RAIN: Cause(19, 1),
    EventKind.SNOW: Cause(19, 2),
    EventKind.SLOW_VEHICLE: Cause(26),
    EventKind.QUEUE_END: Cause(27),
    EventKind.STOPPED_VEHICLE: Cause(94),
    EventKind.EMERGENCY_VEHICLE: Cause(95),
    EventKind.COLLISION_RISK: Cause(97),
    EventKind.SIGNAL_VIOLATION: Cause(98),
}

_ALSO_READ = {
    7: EventKind.SLIPPERY_ROAD,
    91: EventKind.STOPPED_VEHICLE,
    92: EventKind.ACCIDENT,
}
"""Aquaplaning, a broken-down vehicle, what follows a crash."""

_SUB_CAUSES_ALSO_READ = {
    Cause(1, 1): EventKind.OTHER,
    Cause(6, 1): EventKind.ICE,
    Cause(6, 4): EventKind.SNOW,
    Cause(6, 6): EventKind.ICE,
    Cause(6, 9): EventKind.ICE,
    Cause(6, 11): EventKind.FLOODING,
    Cause(9, 11): EventKind.FLOODING,
    Cause(9, 1): EventKind.OBSTACLE,
    Cause(15, 1): EventKind.EMERGENCY_VEHICLE,
    Cause(17, 3): EventKind.STRONG_WIND,
    Cause(17, 5): EventKind.STRONG_WIND,
    Cause(17, 6): EventKind.SNOW,
    Cause(18, 3): EventKind.SNOW,
    Cause(18, 4): EventKind.HEAVY_RAIN,
}
"""More traffic than usual is no jam; frost, snow, black ice and floods on the road; rockfalls; emergency vehicles at
work; hurricane, tornado, blizzard; heavy snow and heavy rain that take the sight."""

_KIND_OF_CAUSE = {code: kind for kind, code in _CAUSES.items()} | _SUB_CAUSES_ALSO_READ
_KIND_OF_ANY_SUB_CAUSE = {
    code.cause: kind for kind, code in _CAUSES.items() if not code.sub_cause
} | _ALSO_READ


def cause_of(kind: EventKind) -> Cause | None:
    """The cause of a kind of event; None: a DENM has none for it."""
    return _CAUSES.get(kind)


def kind_of(code: Cause) -> EventKind:
    """The kind that a cause names: by its sub-cause where that is known here, else by the cause alone, else `OTHER`."""
    if code in _KIND_OF_CAUSE:
        return _KIND_OF_CAUSE[code]
    return _KIND_OF_ANY_SUB_CAUSE.get(code.cause, EventKind.OTHER)
