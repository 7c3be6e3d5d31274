"""The signal desk: controller -> signal lane -> newest signal state, event-driven and repeated at 10 Hz."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable

from edge.core.errors import DeviceError
from edge.core.health import HealthState
from edge.core.signals import GroupState, IntersectionStatus, MovementState, SignalSnapshot, SignalState
from edge.core.stamp import NS_PER_MS
from edge.flow.board import HealthBoard
from edge.flow.channel import Latest
from edge.signals.conflicts import Pair
from edge.signals.lane import SignalLane
from hw.clock.system import ahead_of_monotonic_ns

TICK_NS = 100 * NS_PER_MS
CLOCK_PERIOD_S = 1.0
CLOCK_STEP_NS = 20 * NS_PER_MS
"""A clock that jumps further was set: what was stamped before cannot be compared with what comes."""
COMPONENT = "signals"


class SignalDesk:
    """Feeds the lane and publishes what it says. An exception here ends the process: lights are never guessed."""

    def __init__(
        self,
        lane: SignalLane,
        *,
        board: HealthBoard,
        clock_error_ns: Callable[[], int | None],
        now_ns: Callable[[], int] = time.time_ns,
        ahead_ns: Callable[[], int] = ahead_of_monotonic_ns,
    ) -> None:
        self._lane, self._board, self._now_ns = lane, board, now_ns
        self._ahead_ns, self._was_ahead_ns = ahead_ns, ahead_ns()
        self._clock_error_ns = clock_error_ns
        self.state: Latest[SignalState] = Latest()
        self.on_told: Callable[[SignalLane], None] | None = None
        self.last_tick_ns, self.last_tick_s = 0, 0.0
        self._stopped = False
        self._doubts: dict[str, str] = {}
        board.attach(COMPONENT, lane.counters)
        board.set(COMPONENT, HealthState.STARTING, "no snapshot yet")

    @property
    def conflicts(self) -> frozenset[Pair]:
        """Pairs of signal groups that must never be green together."""
        return self._lane.conflicts

    def first(self) -> SignalState:
        """The state before anything was heard: withdrawn."""
        return self._lane.tick(self._now_ns())

    def take(self, snapshot: SignalSnapshot) -> None:
        """A snapshot came: validate and publish at once."""
        if self._stopped:
            return
        self._watch_clock()
        self._publish(self._lane.update(snapshot, self._now_ns()))
        if self.on_told is not None:
            self.on_told(self._lane)

    async def run_ticks(self) -> None:
        """Repeat the state at 10 Hz when no snapshot did."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            self._watch_clock()
            now_ns = self._now_ns()
            self.last_tick_ns, self.last_tick_s = now_ns, time.monotonic()
            newest = self.state.value
            if self._stopped:
                self._repeat_withdrawn(now_ns)
            elif newest is None or not 0 <= now_ns - newest.published_ns < TICK_NS - 20 * NS_PER_MS:
                self._publish(self._lane.tick(now_ns))
            due = max(due + TICK_NS / 1e9, loop.time())
            await asyncio.sleep(due - loop.time())

    async def run_clock(self) -> None:
        """Tell the lane how far the clock may be off."""
        while True:
            self._lane.set_clock_error(self._clock_error())
            await asyncio.sleep(CLOCK_PERIOD_S)

    def _clock_error(self) -> int | None:
        """None also where the system does not tell: where a clock is required, the signals are withdrawn."""
        try:
            return self._clock_error_ns()
        except DeviceError as error:
            self._board.set("clock", HealthState.DOWN, str(error))
            return None

    def _watch_clock(self) -> None:
        """Withdraw when the clock was set: a controller that falls silent meanwhile must not look alive."""
        ahead_ns = self._ahead_ns()
        step_ns, self._was_ahead_ns = ahead_ns - self._was_ahead_ns, ahead_ns
        if abs(step_ns) > CLOCK_STEP_NS:
            self._lane.start_anew()
            self._lane.set_clock_error(self._clock_error())  # not what it was before
            self._board.event(COMPONENT, "clock_set", f"the clock was set by {step_ns / NS_PER_MS:.0f} ms")
            self._publish(self._lane.tick(self._now_ns()))

    def doubt(self, reason: str, *, by: str = "lamps") -> None:
        """Withdraw the signals while anyone has a reason; takes effect at once."""
        self._doubts[by] = reason
        self._lane.set_doubt("; ".join(text for text in self._doubts.values() if text))
        if not self._stopped and self.state.value is not None:
            self._publish(self._lane.tick(self._now_ns()))

    def withdraw(self, reason: str) -> None:
        """Publish a withdrawn state now, and nothing else from now on: the node is about to stop."""
        newest = self.state.value
        self._stopped = True
        if newest is None:
            return
        now_ns = self._now_ns()
        groups = tuple(GroupState(g.signal_group, MovementState.UNAVAILABLE) for g in newest.groups)
        self._publish(
            dataclasses.replace(
                newest,
                groups=groups,
                status=IntersectionStatus.NO_VALID_SPAT,
                reasons=(reason,),
                relative=None,
                published_ns=now_ns,
                valid_until_ns=now_ns + TICK_NS,
                revision=(newest.revision + 1) % 128,
            )
        )

    def _repeat_withdrawn(self, now_ns: int) -> None:
        newest = self.state.value
        if newest is not None:
            fresh = dataclasses.replace(newest, published_ns=now_ns, valid_until_ns=now_ns + TICK_NS)
            self._publish(fresh)

    def _publish(self, state: SignalState) -> None:
        previous = self.state.value
        self.state.set(state)
        if state.withdrawn:
            self._board.set(COMPONENT, HealthState.DOWN, "withdrawn: " + "; ".join(state.reasons))
        else:
            worst = HealthState.DEGRADED if state.reasons else HealthState.OK
            self._board.set(COMPONENT, worst, "; ".join(state.reasons))
        if previous is not None and previous.withdrawn != state.withdrawn:
            kind = "signals_withdrawn" if state.withdrawn else "signals_shown"
            self._board.event(COMPONENT, kind, "; ".join(state.reasons) or "signals are shown")
