"""Time of IEEE 1609.2: TAI since the UTC beginning of 2004, in microseconds (Time64) or seconds (Time32).

IEEE Std 1609.2-2022 clause 6.3.9 and 6.3.10. The leap seconds since then are those of IERS Bulletin C.
"""

from __future__ import annotations

import bisect
from datetime import UTC, datetime

from edge.core.stamp import NS_PER_S

NS_PER_US = 1000
EPOCH_S = 1_072_915_200
"""2004-01-01T00:00:00Z in POSIX seconds."""
_LEAPS_S = tuple(
    int(datetime(year, month, 1, tzinfo=UTC).timestamp())
    for year, month in ((2006, 1), (2009, 1), (2012, 7), (2015, 7), (2017, 1))
)
"""POSIX seconds from which each leap second since 2004 counts."""
LAST_LEAP_S = _LEAPS_S[-1]
"""POSIX seconds from which TAI runs at one offset from UTC, until the next leap second is announced."""
_LEAPS_TAI_S = tuple(leap - EPOCH_S + count for count, leap in enumerate(_LEAPS_S, start=1))


def time64_of(utc_ns: int) -> int:
    """Microseconds of TAI since 2004 of a UTC instant; instants before 2004 are 0."""
    leaps = bisect.bisect_right(_LEAPS_S, utc_ns // NS_PER_S)
    return max(0, (utc_ns - EPOCH_S * NS_PER_S) // NS_PER_US + leaps * 1_000_000)


def utc_ns_of(time64: int) -> int:
    """UTC ns of a Time64; the leap second itself is the first second after it."""
    leaps = bisect.bisect_right(_LEAPS_TAI_S, time64 // 1_000_000)
    return time64 * NS_PER_US + (EPOCH_S - leaps) * NS_PER_S


def time32_of(utc_ns: int) -> int:
    """Seconds of TAI since 2004 of a UTC instant."""
    return time64_of(utc_ns) // 1_000_000
