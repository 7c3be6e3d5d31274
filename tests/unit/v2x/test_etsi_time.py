"""TAI milliseconds since 2004."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.v2x.etsi_time import (
    SETTLED_MS,
    SETTLED_NS,
    generation_delta_of,
    stamp_of_generation_delta,
    timestamp_its_of,
    utc_ns_of_timestamp_its,
)

MS = 1_000_000


def utc(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * 1000 * MS


@pytest.mark.parametrize(
    ("utc_ns", "timestamp_ms"),
    [
        (utc(2004, 1, 1), 0),
        (utc(2004, 1, 1, 0, 0, 1), 1000),
        (utc(2007, 1, 1), 94_694_401_000),
        (utc(2015, 1, 1), 347_155_203_000),
        (utc(2017, 1, 1), 410_313_605_000),
    ],
)
def test_leap_seconds_count(utc_ns: int, timestamp_ms: int) -> None:
    """The example of 2007-01-01 is that of TS 102 894-2, DE_TimestampIts."""
    assert timestamp_its_of(utc_ns) == timestamp_ms
    assert utc_ns_of_timestamp_its(timestamp_ms, what="DENM") == utc_ns


@given(st.integers(utc(2017, 1, 2), utc(2060, 1, 1)), st.integers(-32_767, 32_767))
def test_a_generation_delta_finds_its_instant(utc_ns: int, late_ms: int) -> None:
    utc_ns -= utc_ns % MS
    stamp = stamp_of_generation_delta(generation_delta_of(utc_ns), arrival_ns=utc_ns + late_ms * MS)
    assert stamp.capture_ns == utc_ns


@given(st.integers(utc(2017, 1, 1), utc(2060, 1, 1)))
def test_the_offset_is_settled_since_the_last_leap_second(utc_ns: int) -> None:
    assert utc_ns >= SETTLED_NS
    assert timestamp_its_of(utc_ns) == utc_ns // MS + SETTLED_MS


def test_a_time_of_another_century_is_refused() -> None:
    with pytest.raises(CodecError, match="hundred years"):
        utc_ns_of_timestamp_its(4_398_046_511_103, what="DENM")
