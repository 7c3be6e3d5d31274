"""The clock watch: asks chrony, PTP and the kernel, and keeps one state of the clock for the lane and for health."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from edge.config.box import ClockConfig
from edge.core.clock import STEP_NS, ClockHealth, ClockJudge, ClockLimits, ClockMode, ClockReading
from edge.core.errors import CodecError, DeviceError
from edge.core.health import HealthState
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.flow.board import HealthBoard
from hw.clock.chrony import read_chrony
from hw.clock.ptp import read_ptp
from hw.clock.system import ClockState, ahead_of_monotonic_ns, read_kernel_clock

COMPONENT = "clock"
PERIOD_S = 1.0
DAEMON_PERIOD_S = 30.0
"""Asking a daemon starts a program; the kernel costs microseconds."""
_STATES = {
    ClockMode.SYNCHRONISED: HealthState.OK,
    ClockMode.HOLDOVER: HealthState.DEGRADED,
    ClockMode.UNSYNCHRONISED: HealthState.DOWN,
}

Ask = Callable[[], Awaitable[ClockReading | None]]


class ClockReaders:
    """The readers that the site wants, best authority first."""

    def __init__(
        self,
        config: ClockConfig,
        *,
        kernel: Callable[[], ClockState] = read_kernel_clock,
        chrony: Ask | None = None,
        ptp: Ask | None = None,
    ) -> None:
        self._config, self._read_kernel = config, kernel
        self._chrony = chrony or read_chrony
        self._ptp = ptp or self._ask_ptp
        self._daemons: list[ClockReading] = []

    def forget(self) -> None:
        """The clock was set: what the daemons said before is void."""
        self._daemons = []

    def kernel(self) -> ClockReading | None:
        """What the kernel says now; None where the site does not ask it."""
        if self._config.source not in {"auto", "kernel"}:
            return None
        try:
            state = self._read_kernel()
        except DeviceError as error:
            return ClockReading("kernel", False, 0, None, error.problem)
        text = "" if state.synchronised else "no time daemon has set its mark"
        return ClockReading("kernel", state.synchronised, state.max_error_ns, None, text)

    def readings(self) -> list[ClockReading]:
        """The daemons' last words and the kernel's present one."""
        kernel = self.kernel()
        return [*self._daemons, *([kernel] if kernel else [])]

    async def ask_daemons(self) -> None:
        """Ask chrony and ptp4l, those that the site wants and that are installed."""
        wanted = self._config.source
        asked = {"chrony": self._chrony, "ptp": self._ptp}
        found = [await _answer(name, ask) for name, ask in asked.items() if wanted in {"auto", name}]
        absent = f"{wanted} is not installed"
        if wanted in asked and found == [None]:
            found = [ClockReading(wanted, False, 0, None, absent)]
        self._daemons = [reading for reading in found if reading is not None and not self._unused(reading)]

    def _unused(self, reading: ClockReading) -> bool:
        """Whether it is the refusal of a ptp4l that nobody asked for: linuxptp is installed, and not in use."""
        return self._config.source == "auto" and reading.source == "ptp" and reading.refused

    async def _ask_ptp(self) -> ClockReading | None:
        config = self._config
        return await read_ptp(self._read_kernel(), socket_path=config.ptp_socket, domain=config.ptp_domain)


async def _answer(name: str, ask: Ask) -> ClockReading | None:
    try:
        return await ask()
    except (DeviceError, CodecError) as error:
        return ClockReading(name, False, 0, None, error.problem, refused=True)


class ClockWatch:
    """Keeps the state of the clock, and notices when it is set.

    Counters: steps.

    Args:
        required: signals are withdrawn while it is unsynchronised, so that is down; else it is only degraded.
        ahead_ns: how far UTC is ahead of the clock that nobody can set.
        monotonic_ns: that clock.
    """

    def __init__(
        self,
        config: ClockConfig,
        *,
        board: HealthBoard,
        required: bool = True,
        readers: ClockReaders | None = None,
        ahead_ns: Callable[[], int] = ahead_of_monotonic_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        limits = ClockLimits(
            synchronised_below_ns=config.synchronised_below_ms * NS_PER_MS,
            holdover_ns=config.holdover_s * NS_PER_S,
            drift_ppm=config.drift_ppm,
        )
        self._judge, self._board, self._readers = ClockJudge(limits), board, readers or ClockReaders(config)
        self._ahead_ns, self._monotonic_ns, self._required = ahead_ns, monotonic_ns, required
        self._was_ahead_ns = ahead_ns()
        self._stepped = asyncio.Event()
        self.health: ClockHealth = self._judged()

    def error_ns(self) -> int | None:
        """Bound on the error of the clock now; None unsynchronised. Costs no more than one question to the kernel."""
        self._look_for_step()
        self._tell(self._judged())
        return self.health.error_ns

    async def run(self) -> None:
        """Ask for ever: the daemons every 30 s and at once when the clock was set, the kernel every second."""
        while True:
            await self._readers.ask_daemons()
            self._stepped.clear()
            for _ in range(round(DAEMON_PERIOD_S / PERIOD_S)):
                self.error_ns()
                if await self._was_set(PERIOD_S):
                    break

    async def _was_set(self, timeout_s: float) -> bool:
        try:
            await asyncio.wait_for(self._stepped.wait(), timeout_s)
        except TimeoutError:
            return False
        return True

    def _judged(self) -> ClockHealth:
        return self._judge.judge(self._readers.readings(), monotonic_ns=self._monotonic_ns())

    def _look_for_step(self) -> None:
        ahead_ns = self._ahead_ns()
        step_ns, self._was_ahead_ns = ahead_ns - self._was_ahead_ns, ahead_ns
        if abs(step_ns) <= STEP_NS:
            return
        self._readers.forget()
        self._judge.stepped(step_ns, monotonic_ns=self._monotonic_ns())
        self._board.counters(COMPONENT)["steps"] += 1
        self._stepped.set()

    def _tell(self, health: ClockHealth) -> None:
        """Tell health, and an event when the state changed."""
        first = self._board.state(COMPONENT) is None and health.mode is not ClockMode.SYNCHRONISED
        if first or health.mode is not self.health.mode:
            self._board.event(COMPONENT, f"clock_{health.mode.value}", health.text)
        self.health = health
        message = "" if health.mode is ClockMode.SYNCHRONISED else f"{health.mode.value}: {health.text}"
        state = _STATES[health.mode] if self._required else min(_STATES[health.mode], HealthState.DEGRADED)
        self._board.set(COMPONENT, state, message)
