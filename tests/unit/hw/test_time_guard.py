"""The clock and GNSS time watch each other: slow serial lines are no fault, a wrong clock is."""

from __future__ import annotations

import pytest

from edge.core.stamp import NS_PER_S
from hw.gnss.time_guard import TimeGuard

T0 = 1_700_000_000 * NS_PER_S


def after(guard: TimeGuard, *apart_s: float) -> list[bool]:
    """Whether each fix changed the alarm."""
    return [
        guard.take(T0 + n * NS_PER_S, T0 + n * NS_PER_S + round(s * NS_PER_S)) for n, s in enumerate(apart_s)
    ]


@pytest.mark.parametrize("latency_s", [0.0, 0.1, 1.5, -0.2])
def test_latency_of_a_serial_line_is_no_fault(latency_s: float) -> None:
    guard = TimeGuard()
    assert not any(after(guard, *[latency_s] * 5))
    assert not guard.wrong


@pytest.mark.parametrize("apart_s", [3.0, -3.0, -1e8])
def test_three_fixes_raise_the_alarm_and_three_end_it(apart_s: float) -> None:
    guard = TimeGuard()
    assert after(guard, apart_s, apart_s, apart_s, 0.1, 0.1, 0.1) == [False, False, True, False, False, True]
    assert not guard.wrong


def test_one_odd_fix_and_one_without_time_are_nothing() -> None:
    guard = TimeGuard()
    assert not any(after(guard, 0.1, 60.0, 0.1, 0.1, 60.0, 0.1))
    assert not guard.take(0, T0)
    assert guard.apart_ns is not None
    assert guard.apart_ns < NS_PER_S
