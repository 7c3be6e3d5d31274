"""Time in SPAT and MAP: minute of the year, millisecond of the minute, tenths of the UTC hour, tenths from now.

SAE J2735-2020 DE_MinuteOfTheYear, DE_DSecond, DE_TimeMark; T/CSAE 53-2020 has the same elements. Nanoseconds are UTC as
of POSIX, which has no leap seconds; neither have these marks but for a code that is never sent here.
"""

from __future__ import annotations

import enum
from datetime import UTC, datetime

from edge.core.stamp import NS_PER_MS, NS_PER_S

TENTH_NS = 100 * NS_PER_MS
HOUR_TENTHS = 36_000
MARK_BEYOND = 36_000
"""The end is an hour or more ahead."""
MARK_UNKNOWN = 36_001
"""Unknown in J2735-2016 and T/CSAE 53; J2735-2020 widened the range and says 36111: both are read, this one is sent."""
_MINUTE_NS = 60 * NS_PER_S
_LATE_NS = _MINUTE_NS


class Rounding(enum.Enum):
    """Which way an end is rounded, so that what is sent promises no more than what is known."""

    DOWN = "down"
    NEAREST = "nearest"
    UP = "up"


def minute_of_year(now_ns: int) -> int:
    """Whole minutes since the UTC year began, 0 to 527039."""
    return (now_ns - _year_start_ns(_year(now_ns))) // _MINUTE_NS


def millisecond_of_minute(now_ns: int) -> int:
    """DSecond, 0 to 59999."""
    return now_ns // NS_PER_MS % 60_000


def instant_of(minute: int, millisecond: int, *, near_ns: int) -> int:
    """UTC ns of a minute of the year and a millisecond, in the year that brings it nearest to `near_ns`."""
    offset_ns = minute * _MINUTE_NS + millisecond * NS_PER_MS
    year = _year(near_ns)
    candidates = (_year_start_ns(y) + offset_ns for y in (year - 1, year, year + 1))
    return min(candidates, key=lambda instant_ns: abs(instant_ns - near_ns))


def mark_of(when_ns: int, *, now_ns: int, rounding: Rounding) -> int:
    """TimeMark of an end: tenths of its UTC hour; an end that has passed is now, one an hour ahead is `MARK_BEYOND`."""
    tenths = _tenths(max(when_ns, now_ns), rounding)
    if tenths - now_ns // TENTH_NS >= HOUR_TENTHS:
        return MARK_BEYOND
    return tenths % HOUR_TENTHS


def countdown_of(when_ns: int, *, now_ns: int, rounding: Rounding) -> int:
    """Tenths of a second from now to an end, 0 to `MARK_BEYOND`."""
    return min(_tenths(max(when_ns - now_ns, 0), rounding), MARK_BEYOND)


def time_of_mark(mark: int, *, near_ns: int) -> int | None:
    """UTC ns of a TimeMark read at `near_ns`: the first one not a minute past; None for unknown and beyond."""
    if mark >= MARK_BEYOND:
        return None
    hour_ns = HOUR_TENTHS * TENTH_NS
    found = near_ns - near_ns % hour_ns + mark * TENTH_NS
    while found < near_ns - _LATE_NS:
        found += hour_ns
    return found if found - near_ns < hour_ns - _LATE_NS else found - hour_ns


def known_mark(mark: int | None) -> int | None:
    """A mark as read; None where it is absent or one of the codes for unknown."""
    return None if mark is None or mark > MARK_BEYOND else mark


def _tenths(value_ns: int, rounding: Rounding) -> int:
    if rounding is Rounding.UP:
        return -(-value_ns // TENTH_NS)
    return (value_ns + (TENTH_NS // 2 if rounding is Rounding.NEAREST else 0)) // TENTH_NS


def _year(now_ns: int) -> int:
    return datetime.fromtimestamp(now_ns // NS_PER_S, tz=UTC).year


def _year_start_ns(year: int) -> int:
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * NS_PER_S
