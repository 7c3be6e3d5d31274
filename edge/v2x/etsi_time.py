"""Times of ETSI ITS messages: TimestampIts, milliseconds of TAI since 2004, and its remainders.

ETSI TS 102 894-2 V2.4.1: DE_TimestampIts, DE_GenerationDeltaTime.
"""

from __future__ import annotations

from edge.core.errors import CodecError
from edge.core.stamp import NS_PER_MS, NS_PER_S, Stamp, TimeSource
from edge.v2x.security.its_time import LAST_LEAP_S, time64_of, utc_ns_of

GENERATION_DELTA_MS = 65_536
_LATEST_MS = 4_398_046_511_103
_LATEST_READ_MS = 3_155_760_000_000
"""A hundred years after the epoch: what lies beyond is no time of a message, and would not fit nanoseconds."""

SETTLED_NS = LAST_LEAP_S * NS_PER_S
"""UTC ns since which TimestampIts is UTC milliseconds and `SETTLED_MS`."""
SETTLED_MS = time64_of(SETTLED_NS) // 1000 - SETTLED_NS // NS_PER_MS


def timestamp_its_of(utc_ns: int) -> int:
    """TimestampIts in milliseconds."""
    return min(time64_of(utc_ns) // 1000, _LATEST_MS)


def utc_ns_of_timestamp_its(timestamp_ms: int, *, what: str) -> int:
    """UTC ns of a TimestampIts."""
    if timestamp_ms > _LATEST_READ_MS:
        raise CodecError(what, f"timestamp {timestamp_ms} ms is more than a hundred years after 2004")
    return utc_ns_of(timestamp_ms * 1000)


def generation_delta_of(utc_ns: int) -> int:
    """GenerationDeltaTime: TimestampIts modulo 65.536 s."""
    return timestamp_its_of(utc_ns) % GENERATION_DELTA_MS


def stamp_of_generation_delta(delta_ms: int, *, arrival_ns: int) -> Stamp:
    """The instant with this GenerationDeltaTime that is nearest to the arrival, up to 32.768 s from it."""
    arrival_ms = timestamp_its_of(arrival_ns)
    ahead_ms = (delta_ms - arrival_ms) % GENERATION_DELTA_MS
    if ahead_ms > GENERATION_DELTA_MS // 2:
        ahead_ms -= GENERATION_DELTA_MS
    return Stamp(utc_ns_of((arrival_ms + ahead_ms) * 1000), TimeSource.SENSOR, NS_PER_MS)
