"""The antenna is carried off, or gpsd goes away: health and events say so, and the node goes on."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

from edge.app.front_gnss import COMPONENT, GnssDesk
from edge.config.box import GnssConfig
from edge.core.health import HealthState
from edge.flow.board import HealthBoard
from edge.flow.supervise import Backoff, supervise
from hw.sim.gpsd import FakeGpsd
from tests.waiting import until

HOME = (39.9042, 116.4074)


@contextlib.asynccontextmanager
async def desk_of(gpsd: FakeGpsd) -> AsyncIterator[HealthBoard]:
    board = HealthBoard(now_ns=time.time_ns)
    desk = GnssDesk(GnssConfig(gpsd=f"127.0.0.1:{gpsd.port}", antenna=HOME), board=board)
    backoff = Backoff(first_s=0.01, limit_s=0.02)
    task = asyncio.create_task(supervise(COMPONENT, desk.run, board=board, backoff=backoff))
    try:
        yield board
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def message(board: HealthBoard) -> str:
    return next(health.message for health in board.snapshot() if health.component == COMPONENT)


async def test_antenna_moved_by_100_m_raises_the_alarm_within_two_seconds_at_one_fix_a_second() -> None:
    async with (
        FakeGpsd(latitude_deg=HOME[0], longitude_deg=HOME[1], period_s=1.0) as gpsd,
        desk_of(gpsd) as board,
    ):
        await until(lambda: board.state(COMPONENT) is HealthState.OK)
        gpsd.move(north_m=100)
        await until(lambda: board.state(COMPONENT) is HealthState.DOWN, timeout_s=2.0)
        assert "100 m from where it was surveyed, limit 10 m" in message(board)
        assert [event.kind for event in board.events] == ["gnss_moved"]


async def test_alarm_ends_when_the_antenna_is_back() -> None:
    async with (
        FakeGpsd(latitude_deg=HOME[0], longitude_deg=HOME[1], period_s=0.01) as gpsd,
        desk_of(gpsd) as board,
    ):
        gpsd.move(east_m=100)
        await until(lambda: board.state(COMPONENT) is HealthState.DOWN)
        gpsd.move()
        await until(lambda: board.state(COMPONENT) is HealthState.OK)
        assert [event.kind for event in board.events] == ["gnss_moved", "gnss_back"]


async def test_lost_fix_and_lost_gpsd_are_told_and_followed_again() -> None:
    async with (
        FakeGpsd(latitude_deg=HOME[0], longitude_deg=HOME[1], period_s=0.01) as gpsd,
        desk_of(gpsd) as board,
    ):
        await until(lambda: board.state(COMPONENT) is HealthState.OK)
        gpsd.mode = 1
        await until(lambda: board.state(COMPONENT) is HealthState.DEGRADED)
        assert "no fix" in message(board)
        gpsd.mode = 3
        clients = gpsd.clients
        gpsd.drop()
        await until(lambda: gpsd.clients > clients and board.state(COMPONENT) is HealthState.OK)


async def test_clock_that_is_not_gnss_time_is_told_and_the_moved_antenna_goes_before() -> None:
    async with (
        FakeGpsd(latitude_deg=HOME[0], longitude_deg=HOME[1], period_s=0.01) as gpsd,
        desk_of(gpsd) as board,
    ):
        await until(lambda: board.state(COMPONENT) is HealthState.OK)
        gpsd.clock_ahead_s = -3.0
        await until(lambda: board.state(COMPONENT) is HealthState.DEGRADED)
        assert "this machine's clock is 3.0 s ahead of GNSS time: is the time server right?" in message(board)
        gpsd.move(north_m=100)
        await until(lambda: board.state(COMPONENT) is HealthState.DOWN)
        gpsd.move()
        gpsd.clock_ahead_s = -1024 * 7 * 86_400.0
        await until(lambda: "date is 7168 days behind this machine's: update its firmware" in message(board))
        gpsd.clock_ahead_s = 0.0
        await until(lambda: board.state(COMPONENT) is HealthState.OK)
    kinds = [event.kind for event in board.events]
    assert kinds == ["gnss_time_apart", "gnss_moved", "gnss_back", "gnss_time_agrees"]
