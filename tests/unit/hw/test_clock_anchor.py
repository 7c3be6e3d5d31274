"""Other clocks on ours: TLC-FI ticks and the anchor beneath them."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.stamp import NS_PER_MS, NS_PER_S
from hw.signal.clock_anchor import ClockAnchor
from hw.signal.tlcfi import TICK_WRAP
from hw.signal.tlcfi_clock import TickClock

T0 = 1_700_000_000 * NS_PER_S
delays = st.lists(st.integers(min_value=1, max_value=300), min_size=1, max_size=60)


@given(delays, st.integers(min_value=-(10**12), max_value=10**12))
def test_offset_is_that_of_the_quickest_message(delays_ms: list[int], ahead_ms: int) -> None:
    anchor = ClockAnchor()
    for second, delay_ms in enumerate(delays_ms):
        sent_ns = T0 + second * NS_PER_S
        anchor.observe(sent_ns + ahead_ms * NS_PER_MS, sent_ns + delay_ms * NS_PER_MS)
    assert anchor.offset_ns == (min(delays_ms[-61:]) - ahead_ms) * NS_PER_MS
    assert anchor.spread_ns == (delays_ms[-1] - min(delays_ms[-61:])) * NS_PER_MS
    assert anchor.jumps == 0


def test_an_offset_of_long_ago_is_forgotten() -> None:
    anchor = ClockAnchor()
    for second in range(200):  # their clock loses 1 ms a second
        at_ns = T0 + second * NS_PER_S
        anchor.observe(at_ns - second * NS_PER_MS, at_ns)
    assert anchor.offset_ns == 139 * NS_PER_MS


@pytest.mark.parametrize(("step_s", "after_s"), [(-5, 2), (5, 5)])
def test_a_clock_that_was_set_is_taken_up(step_s: int, after_s: int) -> None:
    """At once where messages seem to come before they were sent, later where a stall would look the same."""
    anchor = ClockAnchor()
    for second in range(5):
        anchor.observe(T0 + second * NS_PER_S, T0 + second * NS_PER_S)
    offsets = []
    for second in range(5, 15):
        at_ns = T0 + second * NS_PER_S
        anchor.observe(at_ns - step_s * NS_PER_S, at_ns)
        offsets.append(anchor.offset_ns)
    taken = next(n for n, offset in enumerate(offsets, start=1) if offset == step_s * NS_PER_S)
    assert taken <= after_s
    assert anchor.jumps == 1


def test_a_stalled_connection_is_no_clock_that_was_set() -> None:
    anchor = ClockAnchor()
    anchor.observe(T0, T0)
    for tenth in range(20):  # two seconds of messages arrive together
        anchor.observe(T0 + tenth * NS_PER_S // 10, T0 + 2 * NS_PER_S)
    assert (anchor.offset_ns, anchor.jumps) == (0, 0)


@given(st.integers(min_value=0, max_value=TICK_WRAP - 1), delays, st.integers(min_value=-120, max_value=120))
def test_ticks_are_utc_across_the_wrap(start: int, delays_ms: list[int], ahead_s: int) -> None:
    clock = TickClock()
    for second, delay_ms in enumerate(delays_ms):
        ticks = (start + second * 1000) % TICK_WRAP
        clock.observe(ticks, T0 + second * NS_PER_S + delay_ms * NS_PER_MS)
    now_ns = T0 + (len(delays_ms) - 1) * NS_PER_S
    ticks = (start + (len(delays_ms) - 1 + ahead_s) * 1000) % TICK_WRAP
    found = clock.utc_ns(ticks, near_ns=now_ns)
    assert found == now_ns + ahead_s * NS_PER_S + min(delays_ms) * NS_PER_MS


def test_error_is_the_round_trip_and_the_lateness() -> None:
    clock = TickClock()
    assert clock.utc_ns(5, near_ns=T0) is None
    clock.observe(1000, T0)
    assert clock.error_ns == 101 * NS_PER_MS  # nothing measured yet
    for took_ms in (30, 12, 50):
        clock.round_trip(took_ms * NS_PER_MS)
    assert clock.error_ns == 13 * NS_PER_MS
    clock.observe(2000, T0 + NS_PER_S + 40 * NS_PER_MS)
    assert clock.error_ns == 53 * NS_PER_MS


def test_a_controller_that_starts_anew_is_anchored_anew() -> None:
    clock = TickClock()
    for second in range(5):
        clock.observe(3_000_000_000 + second * 1000, T0 + second * NS_PER_S)
    for second in itertools.count(5):
        clock.observe((second - 5) * 1000, T0 + second * NS_PER_S)
        if clock.jumps:
            break
        assert second < 15
    now_ns = T0 + second * NS_PER_S
    assert clock.utc_ns((second - 5) * 1000, near_ns=now_ns) == now_ns
