"""Somebody sets the clock by three seconds: absolute times are withdrawn, counting ones go on, health has the words."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from edge.app.front_clock import COMPONENT, ClockReaders, ClockWatch
from edge.app.front_signals import TICK_NS, SignalDesk
from edge.config.box import ClockConfig
from edge.core.clock import ClockReading
from edge.core.health import HealthState
from edge.core.signals import SignalState
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.flow.board import HealthBoard
from edge.signals.lane import LaneLimits
from hw.clock.system import ClockState
from tests.unit.signals.test_lane import T0, lane, snapshot
from tests.waiting import until


class Box:
    """The clock watch and the signal desk of one box, on clocks that the test moves."""

    def __init__(self) -> None:
        self.monotonic_ns, self.ahead_ns = 0, T0
        self.kernel = ClockState(True, NS_PER_MS)
        self.board = HealthBoard(now_ns=self.now_ns)
        config = ClockConfig()
        readers = ClockReaders(config, kernel=lambda: self.kernel, chrony=_absent, ptp=_absent)
        self.clock = ClockWatch(
            config,
            board=self.board,
            readers=readers,
            ahead_ns=lambda: self.ahead_ns,
            monotonic_ns=lambda: self.monotonic_ns,
        )
        self.desk = SignalDesk(
            lane(limits=LaneLimits(clock_bound_ns=50 * NS_PER_MS)),
            board=self.board,
            clock_error_ns=self.clock.error_ns,
            now_ns=self.now_ns,
            ahead_ns=lambda: self.ahead_ns,
        )

    def now_ns(self) -> int:
        return self.monotonic_ns + self.ahead_ns

    @property
    def state(self) -> SignalState:
        found = self.desk.state.value
        assert found is not None
        return found

    def hear(self, snapshots: int) -> None:
        """The controller goes on, ten times a second."""
        for _ in range(snapshots):
            self.monotonic_ns += TICK_NS
            self.desk.take(snapshot(self.now_ns()))

    def message(self) -> str:
        return next(health.message for health in self.board.snapshot() if health.component == COMPONENT)


async def _absent() -> ClockReading | None:
    return None


@pytest.mark.parametrize("step_s", [-3, 3])
async def test_step_of_3_s_withdraws_absolute_times_until_the_time_daemon_vouches_again(step_s: int) -> None:
    box = Box()
    tasks = [asyncio.create_task(run()) for run in (box.desk.run_clock, box.desk.run_ticks)]
    try:
        await until(lambda: box.board.state(COMPONENT) is HealthState.OK)
        box.hear(3)
        assert not box.state.withdrawn
        box.ahead_ns += step_s * NS_PER_S
        box.kernel = ClockState(False, 16 * NS_PER_S)  # settimeofday(2) clears the daemon's mark
        await until(lambda: box.state.withdrawn, timeout_s=2.0)
        assert box.board.state(COMPONENT) is HealthState.DOWN
        assert f"unsynchronised: the clock was set by {step_s:+.3f} s" in box.message()
        box.hear(5)
        assert box.state.reasons == ("clock is not synchronised within its bound",)
        assert box.state.relative is not None  # what T/CSAE counting sends
        box.kernel = ClockState(True, NS_PER_MS)
        await until(lambda: box.board.state(COMPONENT) is HealthState.OK)
        box.hear(3)
        assert not box.state.withdrawn
    finally:
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
    kinds = [event.kind for event in box.board.events if event.component == COMPONENT]
    assert kinds == ["clock_unsynchronised", "clock_synchronised"]
