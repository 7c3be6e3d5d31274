"""The clock watch: one state for the lane and for health, and a clock that is set is noticed at once."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from edge.app.front_clock import COMPONENT, ClockReaders, ClockWatch
from edge.config.box import ClockConfig
from edge.core.clock import ClockMode, ClockReading
from edge.core.errors import DeviceError
from edge.core.health import HealthState
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.flow.board import HealthBoard
from hw.clock.system import ClockState
from tests.waiting import until


class Box:
    """A clock watch with a clock, a kernel and daemons that the test moves."""

    def __init__(self, *, required: bool = True, **config: object) -> None:
        self.ahead_ns, self.monotonic_ns = 0, 0
        self.kernel_state: ClockState | DeviceError = ClockState(True, NS_PER_MS)
        self.chrony: ClockReading | None = None
        self.asked = 0
        self.board = HealthBoard(now_ns=lambda: self.monotonic_ns + self.ahead_ns)
        settings = ClockConfig.model_validate(config)
        readers = ClockReaders(settings, kernel=self._kernel, chrony=self._ask, ptp=self._none)
        self.watch = ClockWatch(
            settings,
            board=self.board,
            required=required,
            readers=readers,
            ahead_ns=lambda: self.ahead_ns,
            monotonic_ns=lambda: self.monotonic_ns,
        )

    def _kernel(self) -> ClockState:
        if isinstance(self.kernel_state, DeviceError):
            raise self.kernel_state
        return self.kernel_state

    async def _ask(self) -> ClockReading | None:
        self.asked += 1
        return self.chrony

    async def _none(self) -> ClockReading | None:
        return None

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.board.events]


@contextlib.asynccontextmanager
async def running(watch: ClockWatch):  # type: ignore[no-untyped-def]
    task = asyncio.create_task(watch.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_synchronised_kernel_is_enough() -> None:
    box = Box()
    assert box.watch.error_ns() == NS_PER_MS
    assert box.board.state(COMPONENT) is HealthState.OK


@pytest.mark.parametrize("required", [True, False])
async def test_clock_that_somebody_sets_by_3_s_is_unsynchronised_at_the_next_question(required: bool) -> None:
    box = Box(required=required)
    box.watch.error_ns()
    box.ahead_ns += 3 * NS_PER_S
    box.kernel_state = ClockState(False, 16 * NS_PER_S)  # what settimeofday(2) leaves
    assert box.watch.error_ns() is None
    assert box.watch.health.mode is ClockMode.UNSYNCHRONISED
    assert "the clock was set by +3.000 s" in box.watch.health.text
    assert box.board.state(COMPONENT) is (HealthState.DOWN if required else HealthState.DEGRADED)
    assert box.kinds == ["clock_unsynchronised"]
    assert box.board.counters(COMPONENT)["steps"] == 1


async def test_daemons_word_of_before_the_step_is_dropped_and_they_are_asked_at_once() -> None:
    box = Box(source="chrony")
    box.chrony = ClockReading("chrony", True, NS_PER_MS, 20 * NS_PER_S)
    async with running(box.watch):
        await until(lambda: box.watch.health.mode is ClockMode.SYNCHRONISED)
        asked = box.asked
        box.ahead_ns += 3 * NS_PER_S
        box.chrony = ClockReading("chrony", True, NS_PER_MS, 23 * NS_PER_S)
        assert box.watch.error_ns() is None
        await until(lambda: box.asked > asked)  # not half a minute later
        assert box.watch.error_ns() is None
        box.chrony = ClockReading("chrony", True, NS_PER_MS, 0)
        box.ahead_ns += 1 * NS_PER_S  # and again, to have it asked
        box.watch.error_ns()
        await until(lambda: box.watch.health.mode is ClockMode.SYNCHRONISED)


async def test_lost_reference_is_holdover_and_then_unsynchronised() -> None:
    box = Box(holdover_s=100, drift_ppm=10)
    box.watch.error_ns()
    box.kernel_state = ClockState(False, 16 * NS_PER_S)
    box.monotonic_ns += 100 * NS_PER_S
    assert box.watch.error_ns() == 2 * NS_PER_MS
    assert box.board.state(COMPONENT) is HealthState.DEGRADED
    box.monotonic_ns += NS_PER_S
    assert box.watch.error_ns() is None
    assert box.kinds == ["clock_holdover", "clock_unsynchronised"]


async def test_daemon_that_is_wanted_and_not_installed_is_named() -> None:
    box = Box(source="chrony")
    async with running(box.watch):
        await until(lambda: "chrony is not installed" in box.watch.health.text)
    assert box.watch.error_ns() is None


async def test_kernel_that_refuses_is_told() -> None:
    box = Box()
    box.kernel_state = DeviceError("clock", "adjtimex: Operation not permitted")
    assert box.watch.error_ns() == NS_PER_MS  # holdover
    assert "adjtimex: Operation not permitted" in box.watch.health.text
