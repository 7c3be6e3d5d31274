"""Heat, a full disk, a hanging disk and a failing supply: the right state with the right words, within two seconds."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from edge.app.demo_site import DemoPorts, write_site
from edge.app.front_board import DISK, FLASH, HEAT, POWER, THROTTLE, BoardDesk, BoardProbe, PowerDesk
from edge.config import SiteConfig, load_site
from edge.core.errors import DeviceError
from edge.core.health import HealthState
from edge.flow.board import HealthBoard
from hw.board.power_gpio import GpioPowerLine
from hw.board.storage import Disk
from hw.sim.power import FakePowerLine
from tests.board_tree import BoardTree
from tests.waiting import until

GB = 10**9


@pytest.fixture
def tree(tmp_path: Path) -> BoardTree:
    found = BoardTree(tmp_path / "root")
    found.zone(0, 55_000, critical=110_000)
    found.policy(1_800_000, 1_800_000)
    found.card("0x01 0x01")
    return found


@pytest.fixture
def site(tmp_path: Path, tree: BoardTree) -> SiteConfig:
    found = load_site(write_site(tmp_path, DemoPorts(*range(20_001, 20_010))))
    return found.model_copy(
        update={"board": found.board.model_copy(update={"root": tree.root}), "camera": ()}
    )


class Around:
    """The desk of a fake board at its real period, and its health."""

    def __init__(self, site: SiteConfig) -> None:
        self.disk: Disk | None = Disk(Path("/var/lib/edge"), 50 * GB, 100 * GB)
        self.board = HealthBoard(now_ns=lambda: 1)
        self.desk = BoardDesk(BoardProbe(site, disk=lambda _path: self.disk), board=self.board)

    def message(self, component: str) -> str:
        return next(h.message for h in self.board.snapshot() if h.component == component)

    async def becomes(self, component: str, state: HealthState) -> None:
        await until(lambda: self.board.state(component) is state, timeout_s=2.0)


@contextlib.asynccontextmanager
async def running(run: Callable[[], object]) -> AsyncIterator[asyncio.Task[None]]:
    task: asyncio.Task[None] = asyncio.ensure_future(run())  # type: ignore[arg-type]
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, DeviceError):
            await task


async def test_95_degrees_and_the_way_back(site: SiteConfig, tree: BoardTree) -> None:
    around = Around(site)
    async with running(around.desk.run):
        await around.becomes(HEAT, HealthState.OK)
        tree.zone(0, 95_000)
        await around.becomes(HEAT, HealthState.DOWN)
        assert "cpu-thermal 95 degrees C, limit 95: too hot, about to switch off" in around.message(HEAT)
        tree.zone(0, 60_000)
        await around.becomes(HEAT, HealthState.OK)
    assert [(event.component, event.kind) for event in around.board.events] == [(HEAT, "too_hot")]


async def test_sensor_that_breaks_is_told_and_one_that_never_was_is_not(
    site: SiteConfig, tree: BoardTree
) -> None:
    around = Around(site)
    async with running(around.desk.run):
        await around.becomes(HEAT, HealthState.OK)
        temperature = tree.root / "sys/class/thermal/thermal_zone0/temp"
        temperature.unlink()
        temperature.symlink_to("/proc/self/mem")  # reading it is an I/O error
        await around.becomes(HEAT, HealthState.DEGRADED)
    assert "no temperature is told any more" in around.message(HEAT)
    assert BoardProbe(site).quick()[HEAT].state is HealthState.OK


async def test_full_disk_and_worn_throttled_board(site: SiteConfig, tree: BoardTree) -> None:
    tree.policy(600_000, 1_800_000)
    tree.card("0x09 0x01")
    around = Around(site)
    async with running(around.desk.run):
        await around.becomes(DISK, HealthState.OK)
        around.disk = Disk(Path("/var/lib/edge"), GB, 100 * GB)
        await around.becomes(DISK, HealthState.DOWN)
    assert "disk full, /var/lib/edge: 1.0 % free, 1000 MB: delete old records" in around.message(DISK)
    assert "capped at 600 of 1800 MHz" in around.message(THROTTLE)
    assert "mmc0:0001: up to 90 % of its life used: replace it" in around.message(FLASH)
    assert {event.kind for event in around.board.events} == {"disk_full", "throttled", "flash_worn"}


async def test_disk_that_hangs_is_told_and_holds_one_thread_only(site: SiteConfig) -> None:
    release, threads = threading.Event(), []

    def hangs(_path: Path) -> Disk | None:
        threads.append(threading.current_thread())
        release.wait(30)
        return None

    board = HealthBoard(now_ns=lambda: 1)
    desk = BoardDesk(BoardProbe(site, disk=hangs), board=board, patience_s=0.05)
    try:
        for _ in range(3):
            with pytest.raises(DeviceError, match="look for a dying disk"):
                await desk.run()
        assert len(threads) == 1
    finally:
        release.set()


async def test_mains_that_fails_withdraws_and_flushes_until_it_is_back() -> None:
    line, board, told, flushed = FakePowerLine(), HealthBoard(now_ns=lambda: 1), [], []
    desk = PowerDesk(line, board=board, doubt=told.append, flush=lambda: flushed.append(True))
    async with running(desk.run):
        await until(lambda: board.state(POWER) is HealthState.OK)
        line.set(True)
        await until(lambda: flushed)
        assert board.state(POWER) is HealthState.DOWN
        assert told == ["the mains is gone, the box runs on its store"]
        line.set(False)
        await until(lambda: board.state(POWER) is HealthState.OK)
    assert told[-1] == ""
    assert [event.kind for event in board.events] == ["power_failed", "power_back"]


async def test_power_line_without_its_package_or_chip_is_told() -> None:
    class NoChip:
        """gpiod where the chip is absent."""

        def __getattr__(self, _name: str) -> NoChip:
            return self

        def __call__(self, *_args: object, **_kwargs: object) -> NoChip:
            return self

        def request_lines(self, *_args: object, **_kwargs: object) -> object:
            raise FileNotFoundError(2, "No such file or directory")

    with pytest.raises(DeviceError, match=r"mend board\.power_fail"):
        await anext(GpioPowerLine("/dev/gpiochip9", 4, gpiod=NoChip()).changes())
