"""The signal desk: what a snapshot, a tick, the clock and the end of the node do to the published state."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable

import pytest

from edge.app.front_signals import COMPONENT, TICK_NS, SignalDesk
from edge.core.errors import DeviceError
from edge.core.health import HealthState
from edge.core.signals import GroupKind, IntersectionStatus, MovementState
from edge.core.stamp import NS_PER_MS
from edge.flow.board import HealthBoard
from edge.signals.lane import LaneLimits, SignalLane
from tests.unit.signals.test_lane import ALL_RED, EAST_WEST, T0, lane, snapshot
from tests.waiting import until


class HandClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.ns = T0

    def __call__(self) -> int:
        return self.ns


class Desk:
    """A desk with everything around it."""

    def __init__(self, signal_lane: SignalLane | None = None) -> None:
        self.clock, self.ahead_ns = HandClock(), 0
        self.error_ns: int | None = 1_000_000
        self.board = HealthBoard(now_ns=self.clock)
        self.desk = SignalDesk(
            signal_lane or lane(),
            board=self.board,
            clock_error_ns=lambda: self.error_ns,
            now_ns=self.clock,
            ahead_ns=lambda: self.ahead_ns,
        )

    def set_clock(self, step_ns: int) -> None:
        """Somebody sets the clock."""
        self.clock.ns += step_ns
        self.ahead_ns += step_ns

    def show(self) -> None:
        """Take snapshots until the lane trusts them."""
        for _ in range(3):
            self.clock.ns += TICK_NS
            self.desk.take(snapshot(self.clock.ns))

    @property
    def kinds(self) -> list[str]:
        """Kinds of the events so far."""
        return [event.kind for event in self.board.events]


@contextlib.asynccontextmanager
async def running(work: Awaitable[None]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def test_snapshot_is_published_at_once() -> None:
    around = Desk()
    assert around.board.state(COMPONENT) is HealthState.STARTING
    around.show()
    state = around.desk.state.value
    assert state is not None
    assert not state.withdrawn
    assert state.published_ns == around.clock.ns
    assert around.board.state(COMPONENT) is HealthState.OK
    assert around.kinds == ["signals_shown"]


def test_first_state_is_withdrawn_and_is_not_published() -> None:
    around = Desk()
    assert around.desk.first().withdrawn
    assert around.desk.state.value is None


async def test_tick_repeats_only_what_no_snapshot_renewed() -> None:
    around = Desk()
    around.show()
    version = around.desk.state.version
    async with running(around.desk.run_ticks()):
        await until(lambda: around.desk.last_tick_ns == around.clock.ns)
        assert around.desk.state.version == version
        around.clock.ns += TICK_NS
        await until(lambda: around.desk.state.version > version)
    state = around.desk.state.value
    assert state is not None
    assert state.published_ns == around.clock.ns
    assert not state.withdrawn


async def test_silence_withdraws_with_one_event_and_ticks_go_on() -> None:
    around = Desk()
    around.show()
    async with running(around.desk.run_ticks()):
        around.clock.ns += LaneLimits().liveness_ns + TICK_NS
        await until(lambda: around.desk.state.value and around.desk.state.value.withdrawn)
        version = around.desk.state.version
        around.clock.ns += TICK_NS
        await until(lambda: around.desk.state.version > version)
    assert around.kinds == ["signals_shown", "signals_withdrawn"]
    assert around.board.state(COMPONENT) is HealthState.DOWN


async def test_system_that_does_not_tell_of_its_clock_is_not_synchronised_and_ends_nothing() -> None:
    around = Desk(lane(limits=LaneLimits(clock_bound_ns=50_000_000)))

    def refused() -> int | None:
        raise DeviceError("clock", "adjtimex: Operation not permitted")

    desk = SignalDesk(
        around.desk._lane, board=around.board, clock_error_ns=refused, now_ns=around.clock, ahead_ns=lambda: 0
    )
    async with running(desk.run_clock()):
        await until(lambda: around.board.state("clock") is HealthState.DOWN)
    state = desk.first()
    assert "clock is not synchronised within its bound" in state.reasons


async def test_node_that_stops_withdraws_the_relative_times_too() -> None:
    around = Desk(lane(limits=LaneLimits(clock_bound_ns=50_000_000)))
    around.show()
    shown = around.desk.state.value
    assert shown is not None
    assert shown.relative is not None
    around.desk.withdraw("the node is stopping")
    stopped = around.desk.state.value
    assert stopped is not None
    assert stopped.withdrawn
    assert stopped.relative is None


async def test_clock_that_is_set_takes_its_error_bound_along_at_once() -> None:
    around = Desk(lane(limits=LaneLimits(clock_bound_ns=50_000_000)))
    around.desk._lane.set_clock_error(around.error_ns)
    around.show()
    around.error_ns = None  # what the clock watch says from then on
    around.set_clock(3_000_000_000)
    around.show()
    state = around.desk.state.value
    assert state is not None
    assert state.reasons == ("clock is not synchronised within its bound",)


@pytest.mark.parametrize("step_ms", [-3_600_000, -290, -50, 50, 290])
async def test_controller_that_falls_silent_while_the_clock_is_set_is_withdrawn_all_the_same(
    step_ms: int,
) -> None:
    around = Desk()
    around.show()
    around.set_clock(step_ms * NS_PER_MS)
    async with running(around.desk.run_ticks()):
        await until(lambda: around.desk.state.value and around.desk.state.value.withdrawn)
    state = around.desk.state.value
    assert state is not None
    assert state.published_ns == around.clock.ns
    assert "clock_set" in around.kinds


@pytest.mark.parametrize("step_ms", [-3_600_000, -290, 290, 3_600_000])
def test_after_the_clock_was_set_three_snapshots_show_the_signals_again(step_ms: int) -> None:
    around = Desk()
    around.show()
    around.set_clock(step_ms * NS_PER_MS)
    around.show()
    assert around.kinds == ["signals_shown", "clock_set", "signals_withdrawn", "signals_shown"]


def test_clock_that_is_steered_and_not_set_withdraws_nothing() -> None:
    around = Desk()
    around.show()
    for _ in range(50):
        around.set_clock(1 * NS_PER_MS)
        around.clock.ns += TICK_NS
        around.desk.take(snapshot(around.clock.ns))
    assert around.kinds == ["signals_shown"]


async def test_clock_that_is_not_synchronised_withdraws() -> None:
    around = Desk(lane(limits=LaneLimits(clock_bound_ns=50_000_000)))
    around.error_ns = 51_000_000
    async with running(around.desk.run_clock()):
        await asyncio.sleep(0)
        around.show()
        state = around.desk.state.value
        assert state is not None
        assert state.withdrawn


def test_stopping_node_withdraws_every_group_and_takes_no_snapshot_any_more() -> None:
    around = Desk()
    around.show()
    shown = around.desk.state.value
    assert shown is not None
    around.desk.withdraw("the node is stopping")
    around.desk.take(snapshot(around.clock.ns, ALL_RED))
    state = around.desk.state.value
    assert state is not None
    assert {group.state for group in state.groups} == {MovementState.UNAVAILABLE}
    assert [group.signal_group for group in state.groups] == [group.signal_group for group in shown.groups]
    assert all(group.min_end_ns is group.max_end_ns is group.likely_end_ns is None for group in state.groups)
    assert IntersectionStatus.NO_VALID_SPAT in state.status
    assert state.reasons == ("the node is stopping",)
    assert state.revision == (shown.revision + 1) % 128


async def test_stopping_node_repeats_the_withdrawal() -> None:
    around = Desk()
    around.show()
    around.desk.withdraw("the node is stopping")
    version = around.desk.state.version
    async with running(around.desk.run_ticks()):
        around.clock.ns += TICK_NS
        await until(lambda: around.desk.state.version >= version + 2)
    state = around.desk.state.value
    assert state is not None
    assert state.withdrawn
    assert state.published_ns == around.clock.ns
    assert state.valid_until_ns > around.clock.ns


def test_nothing_is_withdrawn_before_anything_was_published() -> None:
    around = Desk()
    around.desk.withdraw("the node is stopping")
    assert around.desk.state.value is None


def test_conflicting_greens_withdraw_with_the_same_snapshot() -> None:
    around = Desk()
    around.show()
    both = {**EAST_WEST, (GroupKind.VEHICLE, 4): EAST_WEST[GroupKind.VEHICLE, 2]}
    around.clock.ns += TICK_NS
    around.desk.take(snapshot(around.clock.ns, both))
    state = around.desk.state.value
    assert state is not None
    assert state.withdrawn
    assert around.kinds[-1] == "signals_withdrawn"
