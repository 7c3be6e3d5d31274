"""Time marks: vectors, and the wraps of minute, hour and year."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.v2x.marks import (
    MARK_BEYOND,
    MARK_UNKNOWN,
    Rounding,
    countdown_of,
    instant_of,
    known_mark,
    mark_of,
    millisecond_of_minute,
    minute_of_year,
    time_of_mark,
)
from tests.unit.v2x.samples import NOW_NS

TENTH_NS = 100 * NS_PER_MS
INSTANTS = st.integers(min_value=1_500_000_000 * NS_PER_S, max_value=2_000_000_000 * NS_PER_S)


def utc_ns(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * NS_PER_S  # type: ignore[misc, arg-type]


def test_mark_of_a_published_vector() -> None:
    """2023-03-02 16:43:54.4 is tenth 26344; 10200 tenths later the mark has wrapped to 544."""
    assert mark_of(NOW_NS, now_ns=NOW_NS, rounding=Rounding.DOWN) == 26344
    assert (
        mark_of(NOW_NS + 10200 * TENTH_NS, now_ns=NOW_NS, rounding=Rounding.NEAREST)
        == (26344 + 10200) % 36000
    )


@pytest.mark.parametrize(
    ("rounding", "expected"), [(Rounding.DOWN, 26345), (Rounding.NEAREST, 26346), (Rounding.UP, 26346)]
)
def test_rounding(rounding: Rounding, expected: int) -> None:
    assert mark_of(NOW_NS + 160 * NS_PER_MS, now_ns=NOW_NS, rounding=rounding) == expected
    assert countdown_of(NOW_NS + 160 * NS_PER_MS, now_ns=NOW_NS, rounding=rounding) == expected - 26344


@pytest.mark.parametrize("rounding", list(Rounding))
def test_an_end_that_has_passed_is_now(rounding: Rounding) -> None:
    assert mark_of(NOW_NS - 5 * NS_PER_S, now_ns=NOW_NS, rounding=rounding) == 26344
    assert countdown_of(NOW_NS - 5 * NS_PER_S, now_ns=NOW_NS, rounding=rounding) == 0


def test_an_end_an_hour_ahead_has_its_own_code() -> None:
    hour_ns = 3600 * NS_PER_S
    for ahead_ns in (hour_ns, 3 * hour_ns):
        assert mark_of(NOW_NS + ahead_ns, now_ns=NOW_NS, rounding=Rounding.DOWN) == MARK_BEYOND
        assert countdown_of(NOW_NS + ahead_ns, now_ns=NOW_NS, rounding=Rounding.DOWN) == MARK_BEYOND
    assert mark_of(NOW_NS + hour_ns - 1, now_ns=NOW_NS, rounding=Rounding.DOWN) == 26343
    assert mark_of(NOW_NS + hour_ns - 1, now_ns=NOW_NS, rounding=Rounding.UP) == MARK_BEYOND


def test_hour_wrap() -> None:
    now_ns = utc_ns(2025, 6, 1, 11, 59, 59)
    assert mark_of(now_ns, now_ns=now_ns, rounding=Rounding.DOWN) == 35990
    assert mark_of(now_ns + NS_PER_S, now_ns=now_ns, rounding=Rounding.DOWN) == 0


@pytest.mark.parametrize(
    ("moment", "minute", "millisecond"),
    [
        ((2025, 1, 1, 0, 0, 0), 0, 0),
        ((2025, 1, 1, 0, 0, 59), 0, 59_000),
        ((2025, 1, 1, 0, 1, 0), 1, 0),
        ((2025, 12, 31, 23, 59, 59), 525_599, 59_000),
        ((2024, 12, 31, 23, 59, 59), 527_039, 59_000),
    ],
    ids=str,
)
def test_minute_of_the_year(moment: tuple[int, ...], minute: int, millisecond: int) -> None:
    now_ns = utc_ns(*moment)
    assert minute_of_year(now_ns) == minute
    assert millisecond_of_minute(now_ns + 7 * NS_PER_MS) == millisecond + 7


@settings(deadline=None)
@given(INSTANTS, st.integers(min_value=-100_000, max_value=100_000))
def test_instant_of_minute_and_millisecond_is_found_again(now_ns: int, clock_error_ms: int) -> None:
    found = instant_of(
        minute_of_year(now_ns), millisecond_of_minute(now_ns), near_ns=now_ns + clock_error_ms * NS_PER_MS
    )
    assert found == now_ns - now_ns % NS_PER_MS


def test_instant_across_new_year() -> None:
    new_year_ns = utc_ns(2025, 1, 1)
    assert instant_of(0, 500, near_ns=new_year_ns - NS_PER_S) == new_year_ns + 500 * NS_PER_MS
    assert instant_of(527_039, 59_500, near_ns=new_year_ns + NS_PER_S) == new_year_ns - 500 * NS_PER_MS


@settings(deadline=None)
@given(INSTANTS, st.integers(min_value=0, max_value=3500 * 10), st.integers(min_value=0, max_value=30_000))
def test_a_mark_is_read_as_the_time_it_was_made_of(
    now_ns: int, ahead_tenths: int, read_after_ms: int
) -> None:
    when_ns = now_ns + ahead_tenths * TENTH_NS
    mark = mark_of(when_ns, now_ns=now_ns, rounding=Rounding.DOWN)
    assert time_of_mark(mark, near_ns=now_ns + read_after_ms * NS_PER_MS) == when_ns - when_ns % TENTH_NS


@settings(deadline=None)
@given(INSTANTS, st.integers(min_value=0, max_value=3600 * NS_PER_S))
def test_promises_are_never_made_longer(now_ns: int, ahead_ns: int) -> None:
    when_ns = now_ns + ahead_ns
    low = countdown_of(when_ns, now_ns=now_ns, rounding=Rounding.DOWN)
    high = countdown_of(when_ns, now_ns=now_ns, rounding=Rounding.UP)
    assert low * TENTH_NS <= ahead_ns <= high * TENTH_NS
    assert 0 <= mark_of(when_ns, now_ns=now_ns, rounding=Rounding.UP) <= MARK_BEYOND


@pytest.mark.parametrize("mark", [None, MARK_UNKNOWN, 36_111])
def test_unknown_marks_of_all_editions(mark: int | None) -> None:
    assert known_mark(mark) is None
    assert known_mark(MARK_BEYOND) == MARK_BEYOND
    assert time_of_mark(MARK_UNKNOWN, near_ns=NOW_NS) is None
    assert time_of_mark(MARK_BEYOND, near_ns=NOW_NS) is None
