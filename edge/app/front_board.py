"""The board desk: heat, throttling, storage and accelerators once a second to health, and the power-fail line."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from edge.config import SiteConfig
from edge.config.box import BoardConfig, PowerFailConfig
from edge.core.errors import DeviceError
from edge.core.health import HealthState
from edge.core.providers import CPU
from edge.flow.board import HealthBoard
from edge.ports import PowerLine
from hw.board.heat import HeatReader, ThrottleReader
from hw.board.judge import (
    BoardLimits,
    Verdict,
    judge_accelerator,
    judge_disk,
    judge_heat,
    judge_throttle,
    judge_wear,
)
from hw.board.power_gpio import GpioPowerLine
from hw.board.storage import Disk, read_disk, read_wear
from hw.compute.presence import provider_hardware

COMPONENT = "board"
PERIOD_S = 1.0
SLOW_EVERY = 600
"""Wear and accelerators change slowly: every tenth minute."""
READ_TIMEOUT_S = 5.0
HEAT, THROTTLE, DISK, FLASH = "board.heat", "board.speed", "board.disk", "board.flash"
KINDS = {HEAT: "too_hot", THROTTLE: "throttled", DISK: "disk_full", FLASH: "flash_worn"}
SILENT_HEAT = "no temperature is told any more: look at the journal of the kernel"
POWER = "board.power"
POWER_WORDS = "the mains is gone, the box runs on its store"

ReadDisk = Callable[[Path], Disk | None]


def board_limits(config: BoardConfig) -> BoardLimits:
    """The limits of the site file."""
    return BoardLimits(
        hot_c=config.hot_c,
        critical_c=config.critical_c,
        disk_low_percent=config.disk_low_percent,
        disk_full_percent=config.disk_full_percent,
        wear_percent=config.wear_percent,
    )


def wanted_providers(site: SiteConfig) -> list[str]:
    """Providers but the processor that the cameras want, in their order, each once."""
    wanted = dict.fromkeys(p for camera in site.camera if camera.detects for p in camera.providers)
    return [provider for provider in wanted if provider != CPU]


class BoardProbe:
    """Reads and judges the whole board. May block on a bad disk: not for the event loop."""

    def __init__(self, site: SiteConfig, *, disk: ReadDisk = read_disk) -> None:
        self._limits, self._root = board_limits(site.board), site.board.root
        self._place, self._read_disk, self._providers = site.state_directory, disk, wanted_providers(site)
        self._heat, self._throttle = HeatReader(self._root), ThrottleReader(self._root)
        self._was_hot, self._told_heat = HealthState.OK, False

    def quick(self) -> dict[str, Verdict]:
        """What may change within a second."""
        zones = self._heat.read()
        heat = judge_heat(zones, self._limits, before=self._was_hot)
        if self._told_heat and not zones:
            heat = Verdict(HealthState.DEGRADED, SILENT_HEAT)
        self._was_hot, self._told_heat = heat.state, self._told_heat or bool(zones)
        disk = judge_disk(self._read_disk(self._place), self._limits)
        return {HEAT: heat, THROTTLE: judge_throttle(self._throttle.read()), DISK: disk}

    def slow(self) -> dict[str, Verdict]:
        """What takes months, or a screwdriver."""
        found = {FLASH: judge_wear(read_wear(self._root), self._limits)}
        for provider in self._providers:
            there = provider_hardware(provider, self._root)
            found[f"board.{provider}"] = judge_accelerator(provider, there)
        return found


class BoardDesk:
    """Takes the probe's verdicts to health and events."""

    def __init__(
        self,
        probe: BoardProbe,
        *,
        board: HealthBoard,
        period_s: float = PERIOD_S,
        patience_s: float = READ_TIMEOUT_S,
    ) -> None:
        self._probe, self._board, self._period_s, self._patience_s = probe, board, period_s, patience_s
        self._reading: asyncio.Future[dict[str, Verdict]] | None = None

    async def run(self) -> None:
        """Look for ever. Raises `DeviceError` when a reading hangs."""
        turn = 0
        while True:
            verdicts = await self._read(self._probe.quick)
            if turn % SLOW_EVERY == 0:
                verdicts |= await self._read(self._probe.slow)
            self.tell(verdicts)
            self._board.set(COMPONENT, HealthState.OK)
            turn += 1
            await asyncio.sleep(self._period_s)

    async def _read(self, read: Callable[[], dict[str, Verdict]]) -> dict[str, Verdict]:
        """In a thread; while one hangs, no second one is started."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.get_running_loop().run_in_executor(None, read)
        try:
            return await asyncio.wait_for(asyncio.shield(self._reading), self._patience_s)
        except TimeoutError as error:
            problem = f"a reading takes more than {self._patience_s:g} s"
            raise DeviceError(COMPONENT, problem, remedy="look for a dying disk in the journal") from error

    def tell(self, verdicts: dict[str, Verdict]) -> None:
        """Tell health, and an event when a part gets worse."""
        for component, verdict in verdicts.items():
            before = self._board.state(component) or HealthState.OK
            if verdict.state > before:
                self._board.event(component, KINDS.get(component, "no_hardware"), verdict.text)
            self._board.set(component, verdict.state, "" if verdict.state is HealthState.OK else verdict.text)


class PowerDesk:
    """Withdraws the signals and flushes what is written while the mains is gone.

    Args:
        doubt: told why the signals must not be shown, empty when they may again.
        flush: writes all buffers to the disk.
    """

    def __init__(
        self,
        line: PowerLine,
        *,
        board: HealthBoard,
        doubt: Callable[[str], None] | None,
        flush: Callable[[], None] = os.sync,
    ) -> None:
        self._line, self._board, self._doubt, self._flush = line, board, doubt, flush
        self._failed = False

    async def run(self) -> None:
        """Follow the line until it is lost. Raises `DeviceError`."""
        async for failed in self._line.changes():
            await self._take(failed)

    async def _take(self, failed: bool) -> None:
        if self._doubt is not None and failed != self._failed:
            self._doubt(POWER_WORDS if failed else "")
        if failed != self._failed:
            text = POWER_WORDS if failed else "the mains is back"
            self._board.event(POWER, "power_failed" if failed else "power_back", text)
        self._failed = failed
        self._board.set(POWER, HealthState.DOWN if failed else HealthState.OK, POWER_WORDS if failed else "")
        if failed:
            await asyncio.to_thread(self._flush)


def power_line(config: PowerFailConfig) -> GpioPowerLine:
    """The driver of the line."""
    return GpioPowerLine(config.chip, config.line, active_low=config.active_low)
