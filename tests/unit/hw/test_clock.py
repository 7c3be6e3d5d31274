"""The system clock and the kernel's word on it."""

from __future__ import annotations

import asyncio
import ctypes
import time

import pytest

from hw.clock.system import STA_UNSYNC, TIME_ERROR, ClockState, SystemClock, Timex, read_kernel_clock


@pytest.mark.parametrize(
    ("returned", "status", "max_error_us", "state"),
    [
        pytest.param(0, 0, 1_500, ClockState(True, 1_500_000), id="synchronised"),
        pytest.param(1, 0x2001, 20, ClockState(True, 20_000), id="leap second announced, PLL, nanoseconds"),
        pytest.param(0, STA_UNSYNC, 16_000_000, ClockState(False, 16_000_000_000), id="not synchronised"),
        pytest.param(TIME_ERROR, 0, 10, ClockState(False, 10_000), id="error returned"),
    ],
)
def test_kernel_state_is_read_from_flag_and_return_value(
    returned: int, status: int, max_error_us: int, state: ClockState
) -> None:
    def adjtimex(timex: Timex) -> int:
        assert timex.modes == 0
        timex.status, timex.maxerror = status, max_error_us
        return returned

    found = read_kernel_clock(adjtimex=adjtimex)
    assert found == state
    assert found.error_ns == (state.max_error_ns if state.synchronised else None)


def test_real_kernel_answers_without_privilege() -> None:
    state = read_kernel_clock()
    assert state.max_error_ns >= 0
    assert state.max_error_ns <= 2**31 * 1_000


@pytest.mark.skipif(ctypes.sizeof(ctypes.c_long) != 8, reason="size known for 64-bit longs only")
def test_structure_has_the_size_of_the_kernels() -> None:
    assert ctypes.sizeof(Timex) == 208


async def test_sleep_until_returns_at_the_time_and_at_once_for_the_past() -> None:
    clock = SystemClock()
    when_ns = clock.now_ns() + 20_000_000
    await clock.sleep_until(when_ns)
    assert time.time_ns() >= when_ns
    async with asyncio.timeout(1):
        await clock.sleep_until(0)
