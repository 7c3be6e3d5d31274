"""DDateTime of SAE J2735-2020 (clause 6): date and time with every part optional and a code for unknown in each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from edge.core.errors import CodecError
from edge.core.stamp import NS_PER_S
from edge.v2x.marks import millisecond_of_minute
from edge.v2x.motion import SECOND_MARK_UNAVAILABLE, stamp_of_second_mark

_UNKNOWN = {"year": 0, "month": 0, "day": 0, "hour": 31, "minute": 60, "second": SECOND_MARK_UNAVAILABLE}
_MINUTE_NS = 60 * NS_PER_S


def date_time_fields(when_ns: int) -> dict[str, int]:
    """UTC ns as DDateTime, whole milliseconds, no offset from UTC."""
    at = datetime.fromtimestamp(when_ns // NS_PER_S, tz=UTC)
    return {
        "year": at.year,
        "month": at.month,
        "day": at.day,
        "hour": at.hour,
        "minute": at.minute,
        "second": millisecond_of_minute(when_ns),
        "offset": 0,
    }


def instant_of_date_time(value: Mapping[str, int], *, arrival_ns: int) -> int:
    """DDateTime to UTC ns: what it says in full; of a second alone the nearest to the arrival; else the arrival."""
    parts = [value.get(name, unknown) for name, unknown in _UNKNOWN.items()]
    second = parts[-1]
    nearest_ns = stamp_of_second_mark(second, arrival_ns=arrival_ns).capture_ns
    if any(part == unknown for part, unknown in zip(parts, _UNKNOWN.values(), strict=True)):
        return nearest_ns
    year, month, day, hour, minute = parts[:-1]
    try:
        at = datetime(year, month, day, hour, minute, tzinfo=UTC)
    except ValueError as error:
        raise CodecError("DDateTime", str(error)) from error
    minutes = int(at.timestamp()) // 60 - value.get("offset", 0)
    return minutes * _MINUTE_NS + second * (NS_PER_S // 1000)
