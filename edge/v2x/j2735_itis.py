"""What happens, in ITIS codes, as TravelerInformation says it.

Codes: SAE J2540-2 (ITIS phrase lists); a code is 256 x list + item. Every kind of ours has one code that is sent, and
several that are read as it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edge.core.errors import CodecError
from edge.core.road_events import EventKind

SPEED_LIMIT = 268
OBSERVE_RECOMMENDED_SPEED = 7196
CANCELED = 7039
WARNING = 6915
KILOMETRES_PER_HOUR = 8721
_NUMBER_ZERO = 12_544
_LARGEST_NUMBER = 255
_MPS_OF_UNIT = {8719: 1.0, 8720: 0.44704, KILOMETRES_PER_HOUR: 1.0 / 3.6}
"""m/s, mph, km/h; a number stands before its unit."""

_CODE_OF_KIND = {
    EventKind.ACCIDENT: 513,
    EventKind.STOPPED_VEHICLE: 532,
    EventKind.SLOW_VEHICLE: 2052,
    EventKind.WRONG_WAY_DRIVER: 1793,
    EventKind.EMERGENCY_VEHICLE: 1796,
    EventKind.COLLISION_RISK: 6922,
    EventKind.CONGESTION: 263,
    EventKind.QUEUE_END: 257,
    EventKind.ROAD_WORKS: 1025,
    EventKind.ROAD_CLOSED: 769,
    EventKind.LANE_CLOSED: 777,
    EventKind.OBSTACLE: 1281,
    EventKind.ANIMAL_ON_ROAD: 1290,
    EventKind.PERSON_ON_ROAD: 1286,
    EventKind.SLIPPERY_ROAD: 5897,
    EventKind.ICE: 5906,
    EventKind.FLOODING: 1301,
    EventKind.LOW_VISIBILITY: 5383,
    EventKind.HEAVY_RAIN: 4884,
    EventKind.SNOW: 4868,
    EventKind.STRONG_WIND: 5127,
    EventKind.SPEED_LIMIT: SPEED_LIMIT,
    EventKind.OTHER: WARNING,
}
"""What is sent. A queue's end is "stopped traffic"; a closed lane is "reduced to one lane", the list's only phrase that
does not name the lane; a violated signal has no phrase, and no warning of it can be sent."""

_KIND_OF_RANGE = (
    (257, 257, EventKind.QUEUE_END),
    (258, 260, EventKind.CONGESTION),
    (262, 263, EventKind.CONGESTION),
    (265, 266, EventKind.CONGESTION),
    (SPEED_LIMIT, SPEED_LIMIT, EventKind.SPEED_LIMIT),
    (513, 526, EventKind.ACCIDENT),
    (528, 528, EventKind.ACCIDENT),
    (532, 539, EventKind.STOPPED_VEHICLE),
    (546, 553, EventKind.OBSTACLE),
    (554, 556, EventKind.ACCIDENT),
    (559, 561, EventKind.STOPPED_VEHICLE),
    (562, 562, EventKind.ACCIDENT),
    (769, 771, EventKind.ROAD_CLOSED),
    (773, 776, EventKind.ROAD_CLOSED),
    (777, 779, EventKind.LANE_CLOSED),
    (1025, 1030, EventKind.ROAD_WORKS),
    (1034, 1046, EventKind.ROAD_WORKS),
    (1051, 1051, EventKind.ROAD_WORKS),
    (1060, 1062, EventKind.ROAD_WORKS),
    (1281, 1284, EventKind.OBSTACLE),
    (1286, 1289, EventKind.PERSON_ON_ROAD),
    (1290, 1293, EventKind.ANIMAL_ON_ROAD),
    (1294, 1296, EventKind.OBSTACLE),
    (1301, 1303, EventKind.FLOODING),
    (1307, 1312, EventKind.OBSTACLE),
    (1793, 1793, EventKind.WRONG_WAY_DRIVER),
    (1796, 1797, EventKind.EMERGENCY_VEHICLE),
    (2049, 2054, EventKind.SLOW_VEHICLE),
    (2057, 2057, EventKind.SLOW_VEHICLE),
    (2059, 2061, EventKind.SLOW_VEHICLE),
    (2065, 2066, EventKind.SLOW_VEHICLE),
    (3073, 3074, EventKind.FLOODING),
    (4866, 4871, EventKind.SNOW),
    (4872, 4876, EventKind.ICE),
    (4877, 4878, EventKind.SNOW),
    (4883, 4884, EventKind.HEAVY_RAIN),
    (5121, 5127, EventKind.STRONG_WIND),
    (5131, 5133, EventKind.STRONG_WIND),
    (5377, 5387, EventKind.LOW_VISIBILITY),
    (5390, 5393, EventKind.LOW_VISIBILITY),
    (5404, 5405, EventKind.LOW_VISIBILITY),
    (5893, 5893, EventKind.FLOODING),
    (5894, 5894, EventKind.SLIPPERY_ROAD),
    (5897, 5903, EventKind.SLIPPERY_ROAD),
    (5906, 5912, EventKind.ICE),
    (5913, 5928, EventKind.SNOW),
    (6922, 6922, EventKind.COLLISION_RISK),
    (6929, 6929, EventKind.ROAD_WORKS),
    (6931, 6931, EventKind.ROAD_WORKS),
    (6952, 6952, EventKind.ROAD_WORKS),
)
"""What is read: first and last code of each stretch of a list."""

_CLEARED = {
    380: EventKind.CONGESTION,
    381: EventKind.CONGESTION,
    383: EventKind.CONGESTION,
    638: EventKind.ACCIDENT,
    639: EventKind.ACCIDENT,
    891: EventKind.ROAD_CLOSED,
    892: EventKind.ROAD_CLOSED,
    893: EventKind.ROAD_CLOSED,
    895: EventKind.OBSTACLE,
    1146: EventKind.ROAD_WORKS,
    1149: EventKind.ROAD_WORKS,
    1150: EventKind.LANE_CLOSED,
    1151: EventKind.ROAD_WORKS,
    1407: EventKind.OBSTACLE,
    1918: EventKind.WRONG_WAY_DRIVER,
    1919: EventKind.EMERGENCY_VEHICLE,
    2172: EventKind.SLOW_VEHICLE,
    4991: EventKind.HEAVY_RAIN,
    5246: EventKind.STRONG_WIND,
    5499: EventKind.LOW_VISIBILITY,
    5500: EventKind.LOW_VISIBILITY,
    6012: EventKind.SNOW,
    6014: EventKind.SLIPPERY_ROAD,
}
"""Phrases that say that something is over."""

_OVER = (4479, 7034, 7036, 7037, 7038, CANCELED)
"""Message, warning or alert cancelled; ended, cleared, cancelled: whatever stands beside it."""

_LANES = range(8194, 8254)
_CLOSURES = (770, 771, 775, 776)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the codes of one data frame say.

    Attributes:
        kind: what happens.
        over: they say that it is over.
        speed_mps: a speed that they name; None: none.
    """

    kind: EventKind
    over: bool
    speed_mps: float | None


def codes_of(kind: EventKind, *, speed_mps: float | None, over: bool) -> list[int]:
    """Codes for an event; a speed is in whole km/h, 1 to 255.

    Raises:
        CodecError: there is no phrase for the kind, or a speed limit without a speed.
    """
    if kind not in _CODE_OF_KIND:
        raise CodecError("TIM", f"ITIS has no phrase for {kind.value}")
    codes = [_CODE_OF_KIND[kind]]
    if kind is EventKind.SPEED_LIMIT and speed_mps is None:
        raise CodecError("TIM", "a speed limit without a speed")
    if speed_mps is not None:
        number = round(speed_mps * 3.6)
        if not 1 <= number <= _LARGEST_NUMBER:
            raise CodecError("TIM", f"a speed of {number} km/h cannot be said")
        advice = [] if kind is EventKind.SPEED_LIMIT else [OBSERVE_RECOMMENDED_SPEED]
        codes += [*advice, _NUMBER_ZERO + number, KILOMETRES_PER_HOUR]
    return [*codes, CANCELED] if over else codes


def meaning_of(codes: Sequence[int]) -> Meaning:
    """What the codes say together; the first that is of a kind of ours decides."""
    closed_lane = any(code in _LANES for code in codes) and any(code in _CLOSURES for code in codes)
    kind = EventKind.LANE_CLOSED if closed_lane else _first_kind(codes)
    cleared = next((_CLEARED[code] for code in codes if code in _CLEARED), None)
    if kind is None:
        kind = EventKind.OTHER if cleared is None else cleared
    over = cleared is not None or any(code in _OVER for code in codes)
    return Meaning(kind, over, _speed_in(codes))


def _first_kind(codes: Iterable[int]) -> EventKind | None:
    for code in codes:
        for low, high, kind in _KIND_OF_RANGE:
            if low <= code <= high:
                return kind
    return None


def _speed_in(codes: Sequence[int]) -> float | None:
    for number, unit in itertools.pairwise(codes):
        if unit in _MPS_OF_UNIT and _NUMBER_ZERO < number <= _NUMBER_ZERO + _LARGEST_NUMBER:
            return (number - _NUMBER_ZERO) * _MPS_OF_UNIT[unit]
    return None
