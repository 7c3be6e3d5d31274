"""Elements that the messages of T/CSAE 53 and 157 share: offsets, confidences, sizes, references.

YD/T 3709-2020 clauses 5.2.3 and 5.2.4 (T/CSAE 53-2020 clauses 6.2.3 and 6.2.4).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.v2x.motion import (
    ELEVATION_UNAVAILABLE,
    LATITUDE_UNAVAILABLE,
    LONGITUDE_UNAVAILABLE,
    MINUTE_MS,
    SECOND_MARK_UNAVAILABLE,
    Ellipse,
    position_of,
    position_to_local,
    stamp_of_second_mark,
    steps,
)

Variant = Literal["a", "b"]
"""Two editions of the ASN.1 circulate, and their MAPs and RSIs do not understand one another."""

Origin = tuple[int, int]
"""Latitude and longitude of a message's reference position, 1e-7 degrees."""

ID_OCTETS = 8
HEIGHT_STEP_M = 0.05
TIME_OFFSET_UNKNOWN = 65_535
_DATE_UNAVAILABLE = {"year": 0, "month": 0, "day": 0, "hour": 24, "minute": 60}
_LARGEST_OFFSET_MINUTES = 720
"""Minutes ahead of UTC; what is beyond, in either variant, is unavailable and read as UTC."""
_TIME_OFFSET_STEP_NS = 10 * NS_PER_MS

_OFFSETS = (
    ("position-LL1", 1 << 11),
    ("position-LL2", 1 << 13),
    ("position-LL3", 1 << 15),
    ("position-LL4", 1 << 17),
    ("position-LL5", 1 << 21),
    ("position-LL6", 1 << 23),
)
"""PositionOffsetLL alternatives and their bound in 1e-7 degrees: -bound to bound - 1."""

_POSITION_CONFIDENCE_M = {
    "a500m": 500.0,
    "a200m": 200.0,
    "a100m": 100.0,
    "a50m": 50.0,
    "a20m": 20.0,
    "a10m": 10.0,
    "a5m": 5.0,
    "a2m": 2.0,
    "a1m": 1.0,
    "a50cm": 0.5,
    "a20cm": 0.2,
    "a10cm": 0.1,
    "a5cm": 0.05,
    "a2cm": 0.02,
    "a1cm": 0.01,
}
"""DE_PositionConfidence: radius of 95 % confidence."""

SPEED_CONFIDENCE_MPS = {
    "prec100ms": 100.0,
    "prec10ms": 10.0,
    "prec5ms": 5.0,
    "prec1ms": 1.0,
    "prec0-1ms": 0.1,
    "prec0-05ms": 0.05,
    "prec0-01ms": 0.01,
}
"""DE_SpeedConfidence: half width of 95 % confidence."""

HEADING_CONFIDENCE_DEG = {
    "prec10deg": 10.0,
    "prec05deg": 5.0,
    "prec01deg": 1.0,
    "prec0-1deg": 0.1,
    "prec0-05deg": 0.05,
    "prec0-01deg": 0.01,
    "prec0-0125deg": 0.0125,
}
"""DE_HeadingConfidence: half width of 95 % confidence."""

_SIGMAS_OF_95_PERCENT_CIRCLE = 2.4477
"""Radius of the circle that holds 95 % of a round two-dimensional normal distribution, in standard deviations."""

_SIGMAS_OF_95_PERCENT = 1.96
"""Half width of the interval that holds 95 % of a normal distribution, in standard deviations."""


def octets_of_id(name: str, *, what: str) -> bytes:
    """A hexadecimal id as the eight octets of a message."""
    try:
        value = bytes.fromhex(name)
    except ValueError as error:
        raise CodecError(what, f"id {name!r} is not hexadecimal") from error
    if len(value) != ID_OCTETS:
        raise CodecError(what, f"id has {len(value)} octets, not {ID_OCTETS}")
    return value


def position_3d(x_m: float, y_m: float, *, frame: LocalFrame) -> dict[str, int]:
    """A place as Position3D; elevations are those of the site."""
    latitude, longitude = position_of(x_m, y_m, frame=frame)
    elevation = steps("elevation", frame.elevation_m, 0.1, ELEVATION_UNAVAILABLE + 1, 61_439)
    return {"lat": latitude, "long": longitude, "elevation": elevation}


def origin_of(position: Mapping[str, int]) -> Origin:
    """The reference position of a message."""
    return position["lat"], position["long"]


def offset_from(origin: Origin, x_m: float, y_m: float, *, frame: LocalFrame) -> dict[str, Any]:
    """A place as PositionOffsetLLV, in the smallest form that holds it."""
    latitude, longitude = position_of(x_m, y_m, frame=frame)
    lat, lon = latitude - origin[0], longitude - origin[1]
    name = next((n for n, bound in _OFFSETS if -bound <= min(lat, lon) and max(lat, lon) < bound), None)
    if name is None:
        return {"offsetLL": ("position-LatLon", {"lon": longitude, "lat": latitude})}
    return {"offsetLL": (name, {"lon": lon, "lat": lat})}


def place_of(
    offset: Mapping[str, Any], origin: Origin, *, frame: LocalFrame, what: str
) -> tuple[float, float]:
    """PositionOffsetLLV to ENU metres."""
    form, value = offset["offsetLL"]
    if form == "position-LatLon":
        return position_to_local(value["lat"], value["lon"], frame=frame, what=what)
    x_m, y_m = position_to_local(*origin, frame=frame, what=what)
    if not (value["lat"] or value["lon"]):
        return x_m, y_m
    return position_to_local(origin[0] + value["lat"], origin[1] + value["lon"], frame=frame, what=what)


def has_place(offset: Mapping[str, Any]) -> bool:
    """Whether an offset says a place at all."""
    form, value = offset["offsetLL"]
    unavailable = value["lat"] == LATITUDE_UNAVAILABLE or value["lon"] == LONGITUDE_UNAVAILABLE
    return form != "position-LatLon" or not unavailable


def position_confidence(ellipse_m: tuple[float, float] | None) -> dict[str, str]:
    """A one-sigma ellipse as PositionConfidenceSet: the smallest radius listed that holds 95 % of it."""
    radius_m = math.inf if ellipse_m is None else max(ellipse_m) * _SIGMAS_OF_95_PERCENT_CIRCLE
    return {"pos": _confidence(radius_m, _POSITION_CONFIDENCE_M)}


def circle_of(confidence: Mapping[str, Any]) -> Ellipse:
    """PositionConfidenceSet to a round one-sigma ellipse."""
    radius_m = _POSITION_CONFIDENCE_M.get(confidence.get("pos", "unavailable"))
    if radius_m is None:
        return Ellipse(None)
    sigma_m = radius_m / _SIGMAS_OF_95_PERCENT_CIRCLE
    return Ellipse((sigma_m, sigma_m))


def motion_confidence(speed_sigma_mps: float | None, yaw_sigma_rad: float | None) -> dict[str, str]:
    """One-sigma errors as MotionConfidenceSet; empty: both unknown."""
    found = {}
    if speed_sigma_mps is not None:
        found["speedCfd"] = _confidence(speed_sigma_mps * _SIGMAS_OF_95_PERCENT, SPEED_CONFIDENCE_MPS)
    if yaw_sigma_rad is not None:
        half_width_deg = math.degrees(yaw_sigma_rad) * _SIGMAS_OF_95_PERCENT
        found["headingCfd"] = _confidence(half_width_deg, HEADING_CONFIDENCE_DEG)
    return found


def motion_sigmas(confidence: Mapping[str, str]) -> tuple[float | None, float | None]:
    """MotionConfidenceSet to one-sigma errors of speed (m/s) and yaw (rad)."""
    speed = SPEED_CONFIDENCE_MPS.get(confidence.get("speedCfd", ""))
    heading = HEADING_CONFIDENCE_DEG.get(confidence.get("headingCfd", ""))
    return (
        None if speed is None else speed / _SIGMAS_OF_95_PERCENT,
        None if heading is None else math.radians(heading) / _SIGMAS_OF_95_PERCENT,
    )


def percent_of(confidence: float | None) -> int | None:
    """0..1 as Confidence in half per cent, rounded down; None stays."""
    return None if confidence is None else min(max(int(confidence * 200.0), 0), 200)


def time_of(second_mark: int, *, near_ns: int, what: str) -> int:
    """DSecond to UTC ns; where it is unavailable, `near_ns`."""
    if second_mark == SECOND_MARK_UNAVAILABLE:
        return near_ns
    return stamp_of_second_mark(second_mark, arrival_ns=near_ns, what=what).capture_ns


def time_offset(duration_ns: int) -> int:
    """A duration as TimeOffset in 10 ms, rounded down so that nothing is promised longer; at least 10 ms."""
    return min(max(duration_ns // _TIME_OFFSET_STEP_NS, 1), TIME_OFFSET_UNKNOWN - 1)


def duration_of(offset: int) -> int | None:
    """TimeOffset to ns; None: unknown."""
    return None if offset == TIME_OFFSET_UNKNOWN else offset * _TIME_OFFSET_STEP_NS


def date_time(when_ns: int) -> dict[str, int]:
    """UTC ns as DDateTime, with milliseconds of the minute and no offset from UTC."""
    at = datetime.fromtimestamp(when_ns // NS_PER_S, tz=UTC)
    millisecond = when_ns // NS_PER_MS % 60_000
    return {
        "year": at.year,
        "month": at.month,
        "day": at.day,
        "hour": at.hour,
        "minute": at.minute,
        "second": millisecond,
        "offset": 0,
    }


def instant_of_date(value: Mapping[str, int]) -> int | None:
    """DDateTime to UTC ns; None where year, month, day, hour or minute is not said or unavailable."""
    year, month, day, hour, minute = (
        value.get(key, unavailable) for key, unavailable in _DATE_UNAVAILABLE.items()
    )
    if (
        not (year and month and day)
        or hour >= _DATE_UNAVAILABLE["hour"]
        or minute >= _DATE_UNAVAILABLE["minute"]
    ):
        return None
    try:
        at = datetime(year, month, day, hour, minute, tzinfo=UTC)
    except ValueError as error:
        raise CodecError("DDateTime", str(error)) from error
    millisecond, offset = value.get("second", 0), value.get("offset", 0)
    late_ns = millisecond * NS_PER_MS if millisecond < MINUTE_MS + 1000 else 0
    ahead_ns = offset * 60 * NS_PER_S if abs(offset) <= _LARGEST_OFFSET_MINUTES else 0
    return int(at.timestamp()) * NS_PER_S + late_ns - ahead_ns


def bits_of(names: Sequence[str], known: Sequence[str], *, what: str) -> tuple[bytes, int]:
    """Names of flags as a bit string, bit 0 the most significant."""
    value = 0
    for name in names:
        if name not in known:
            raise CodecError(what, f"no flag is called {name!r}")
        value |= 1 << (len(known) - 1 - known.index(name))
    return (value << -len(known) % 8).to_bytes((len(known) + 7) // 8, "big"), len(known)


def names_of(bits: tuple[bytes, int], known: Sequence[str]) -> tuple[str, ...]:
    """Names of the set flags; bits of later editions are left out."""
    octets, count = bits
    return tuple(
        name for index, name in enumerate(known) if index < count and octets[index // 8] & (0x80 >> index % 8)
    )


def chunks_of(sizes: Sequence[int], *, room: int, most: int, what: str) -> list[tuple[int, int]]:
    """Start and end of as many things as fit into each frame, in their order.

    Args:
        sizes: octets that each thing takes at most.
        room: octets of a frame for them.
        most: of them in a frame.
        what: the message, for errors.
    """
    found: list[tuple[int, int]] = []
    start, used = 0, 0
    for index, size in enumerate(sizes):
        if size > room:
            raise CodecError(what, f"entry {index} needs {size} bytes where {room} are left")
        if used + size > room or index - start == most:
            found.append((start, index))
            start, used = index, 0
        used += size
    return [*found, (start, len(sizes))] if sizes else []


def _confidence(half_width: float, table: Mapping[str, float]) -> str:
    """The tightest entry that still holds a 95 % half width."""
    fitting = [(value, name) for name, value in table.items() if value >= half_width]
    return min(fitting)[1] if fitting else "unavailable"
