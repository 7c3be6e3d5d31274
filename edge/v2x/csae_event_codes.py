"""Codes of traffic events (GB/T 29100-2012) and of traffic signs (GB 5768.2-2009) that an RSI carries.

An event code is the class (hundreds) and the sequence number in the class: 1 accidents, 2 disasters, 3 weather, 4 the
state of the road, 5 works, 7 traffic flow, 9 conduct of vehicles (the last as the profiles of LTE-V2X roadside units
extend it). A sign code is the number of the sign in the standard's index of Chinese names; 0 is a text. What none of
the two names is not sent, so that nobody reads something else in it.
"""

from __future__ import annotations

from typing import NamedTuple

from edge.core.road_events import EventKind

TEXT_SIGN = 0
SPEED_LIMIT_SIGN = 85


class EventCode(NamedTuple):
    """How an RSI says a kind of event.

    Attributes:
        sign: it is a traffic sign (RTS), else a traffic event (RTE).
        number: signType or eventType.
    """

    sign: bool
    number: int


_EVENTS = {
    EventKind.ACCIDENT: 100,
    EventKind.HEAVY_RAIN: 301,
    EventKind.STRONG_WIND: 304,
    EventKind.LOW_VISIBILITY: 305,
    EventKind.SNOW: 308,
    EventKind.OBSTACLE: 401,
    EventKind.PERSON_ON_ROAD: 405,
    EventKind.ANIMAL_ON_ROAD: 406,
    EventKind.FLOODING: 407,
    EventKind.SLIPPERY_ROAD: 408,
    EventKind.ICE: 409,
    EventKind.CONGESTION: 707,
    EventKind.QUEUE_END: 707,
    EventKind.SLOW_VEHICLE: 902,
    EventKind.STOPPED_VEHICLE: 903,
    EventKind.WRONG_WAY_DRIVER: 904,
    EventKind.EMERGENCY_VEHICLE: 905,
}
"""Fog stands for low visibility, a jam for the end of its queue."""

_SIGNS = {
    EventKind.ROAD_WORKS: 38,
    EventKind.ROAD_CLOSED: 53,
    EventKind.SPEED_LIMIT: SPEED_LIMIT_SIGN,
    EventKind.OTHER: TEXT_SIGN,
}
"""Road works ahead, no entry for motor vehicles, speed limit, and a text."""

_ALSO_READ = {
    101: EventKind.STOPPED_VEHICLE,
    311: EventKind.LOW_VISIBILITY,
    399: EventKind.LOW_VISIBILITY,
    501: EventKind.ROAD_WORKS,
}
"""A broken-down vehicle, haze, a sand storm, works on the road."""

_SIGNS_ALSO_READ = {
    15: EventKind.OBSTACLE,
    17: EventKind.SLIPPERY_ROAD,
    27: EventKind.FLOODING,
}
"""Falling rocks, slippery road, water on the road."""

_KIND_OF_EVENT = {number: kind for kind, number in reversed(_EVENTS.items())} | _ALSO_READ
_KIND_OF_SIGN = {number: kind for kind, number in _SIGNS.items()} | _SIGNS_ALSO_READ


def event_code(kind: EventKind) -> EventCode | None:
    """The code of a kind of event; None: this message has none for it."""
    if kind in _EVENTS:
        return EventCode(False, _EVENTS[kind])
    return EventCode(True, _SIGNS[kind]) if kind in _SIGNS else None


def kind_of(code: EventCode) -> EventKind:
    """The kind that a code names; one that is not known here is `OTHER`."""
    table = _KIND_OF_SIGN if code.sign else _KIND_OF_EVENT
    return table.get(code.number, EventKind.OTHER)
