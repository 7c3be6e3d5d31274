"""The system clock, and how far the kernel believes that it may be off (adjtimex(2))."""

from __future__ import annotations

import asyncio
import ctypes
import functools
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from edge.core.errors import DeviceError
from edge.core.stamp import NS_PER_S

NS_PER_US = 1_000
STA_UNSYNC = 0x0040  # <linux/timex.h>
TIME_ERROR = 5  # <linux/timex.h>: returned while the clock is not synchronised
LONGEST_NAP_S = 1.0
"""A step of the clock is noticed within this time."""


def ahead_of_monotonic_ns() -> int:
    """How far UTC is ahead of the clock that nobody can set; it jumps when the clock is set, or the box has slept."""
    readings = (_one_reading() for _ in range(5))
    return min(readings)[1]  # the one that was interrupted least


def _one_reading() -> tuple[int, int]:
    before_ns, now_ns, after_ns = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
    return after_ns - before_ns, now_ns - (before_ns + after_ns) // 2


class SystemClock:
    """`Clock` of the machine, UTC."""

    def now_ns(self) -> int:
        """UTC nanoseconds."""
        return time.time_ns()

    async def sleep_until(self, when_ns: int) -> None:
        """Return at or soon after `when_ns`, also when the clock is stepped meanwhile."""
        while (left_ns := when_ns - time.time_ns()) > 0:  # noqa: ASYNC110 - waits for time itself
            await asyncio.sleep(min(left_ns / NS_PER_S, LONGEST_NAP_S))


@dataclass(frozen=True, slots=True)
class ClockState:
    """What the kernel knows about its clock.

    Attributes:
        synchronised: some daemon disciplines it (chrony, ntpd, ptp4l with phc2sys).
        max_error_ns: bound on its error; grows by itself while nothing disciplines it.
    """

    synchronised: bool
    max_error_ns: int

    @property
    def error_ns(self) -> int | None:
        """Error bound; None when the clock is not synchronised."""
        return self.max_error_ns if self.synchronised else None


class _Timeval(ctypes.Structure):
    _fields_ = (("tv_sec", ctypes.c_long), ("tv_usec", ctypes.c_long))


class Timex(ctypes.Structure):
    """struct timex of <sys/timex.h>."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("time", _Timeval),
        ("tick", ctypes.c_long),
        ("ppsfreq", ctypes.c_long),
        ("jitter", ctypes.c_long),
        ("shift", ctypes.c_int),
        ("stabil", ctypes.c_long),
        ("jitcnt", ctypes.c_long),
        ("calcnt", ctypes.c_long),
        ("errcnt", ctypes.c_long),
        ("stbcnt", ctypes.c_long),
        ("tai", ctypes.c_int),
        ("reserved", ctypes.c_int * 11),
    )


@functools.cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _adjtimex(timex: Timex) -> int:
    library = _library()
    if not hasattr(library, "adjtimex"):
        raise DeviceError(
            "clock", "this system has no adjtimex", remedy="set require_synchronised_clock = false"
        )
    state = int(library.adjtimex(ctypes.byref(timex)))
    if state < 0:
        raise DeviceError("clock", f"adjtimex: {os.strerror(ctypes.get_errno())}")
    return state


def read_kernel_clock(*, adjtimex: Callable[[Timex], int] = _adjtimex) -> ClockState:
    """Ask the kernel; needs no privilege, because it changes nothing (modes = 0).

    Raises:
        DeviceError: the system call is absent or refused.
    """
    timex = Timex()
    state = adjtimex(timex)
    synchronised = state != TIME_ERROR and not timex.status & STA_UNSYNC
    return ClockState(synchronised, int(timex.maxerror) * NS_PER_US)
