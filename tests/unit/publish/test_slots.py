"""Counting of the slots of the SPAT grid."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.stamp import NS_PER_MS
from edge.publish.slots import SlotCounter

T0 = 1_700_000_000_000 * NS_PER_MS


def counter_after(sends_ms: list[int], *, until_ms: int) -> SlotCounter:
    counter = SlotCounter()
    counter.advance(T0)
    for ms in sends_ms:
        counter.handed_over(T0 + ms * NS_PER_MS)
    counter.advance(T0 + until_ms * NS_PER_MS)
    return counter


@pytest.mark.parametrize(
    ("sends_ms", "sent", "missed", "longest"),
    [
        pytest.param([0, 100, 200, 300, 400], 5, 0, 0, id="every slot"),
        pytest.param([5, 199, 200, 399, 400], 5, 0, 0, id="anywhere in the slot"),
        pytest.param([0, 10, 20, 100, 200, 300, 400], 5, 0, 0, id="changes between slots"),
        pytest.param([0, 100, 300, 400], 4, 1, 1, id="one missed"),
        pytest.param([0, 400], 2, 3, 3, id="three in a row"),
        pytest.param([0, 200, 400], 3, 2, 1, id="two apart"),
        pytest.param([], 0, 5, 5, id="none"),
        pytest.param([0], 1, 4, 4, id="stopped"),
    ],
)
def test_slots_of_half_a_second(sends_ms: list[int], sent: int, missed: int, longest: int) -> None:
    counter = counter_after(sends_ms, until_ms=500)
    assert (counter.sent, counter.missed, counter.missed_in_a_row_max) == (sent, missed, longest)


def test_open_slot_is_not_missed_yet() -> None:
    assert counter_after([], until_ms=99).missed == 0


def test_run_of_missed_slots_ends_with_a_message_and_its_maximum_stays() -> None:
    counter = counter_after([0, 300], until_ms=400)
    assert (counter.missed_in_a_row, counter.missed_in_a_row_max) == (0, 2)


def test_clock_set_back_starts_anew_without_missing() -> None:
    counter = counter_after([0, 100], until_ms=200)
    counter.handed_over(T0 - 3_600_000 * NS_PER_MS)
    counter.handed_over(T0 - 3_599_900 * NS_PER_MS)
    assert counter.missed == 0
    assert counter.sent == 3


def test_grid_starts_at_whole_tenths_of_utc() -> None:
    counter = SlotCounter()
    assert counter.next_ns(T0) == T0 + 100 * NS_PER_MS
    assert counter.next_ns(T0 + 99 * NS_PER_MS) == T0 + 100 * NS_PER_MS


def test_period_must_be_positive() -> None:
    with pytest.raises(ValueError, match="must be positive"):
        SlotCounter(period_ns=0)


@given(st.lists(st.integers(0, 3_000), max_size=60))
def test_slots_add_up_and_match_a_plain_count(sends_ms: list[int]) -> None:
    sends_ms = sorted(sends_ms)
    counter = counter_after(sends_ms, until_ms=3_100)
    filled = {ms // 100 for ms in sends_ms}
    runs = "".join("x" if slot in filled else "." for slot in range(31)).split("x")
    assert counter.sent == len(filled)
    assert counter.missed == 31 - len(filled)
    assert counter.missed_in_a_row_max == max(map(len, runs))
