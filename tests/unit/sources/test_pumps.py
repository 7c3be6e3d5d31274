"""The pumps from ports into the node, with real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from edge.core.errors import DeviceError
from edge.core.health import HealthState
from edge.core.signals import SignalSnapshot
from edge.core.stamp import Stamp, TimeSource
from edge.core.v2x import RadioFrame
from edge.flow.board import HealthBoard
from edge.flow.channel import Bounded
from edge.sources.limiter import SenderLimiter
from edge.sources.radio import pump_radio
from edge.sources.signals import pump_controller
from hw.rsu.receivers import UdpReceiver
from tests.waiting import until


class ScriptedController:
    """Yields what is put into its queue; None means that the device is lost."""

    def __init__(self) -> None:
        self.counters: dict[str, int] = Counter()
        self.queue: asyncio.Queue[SignalSnapshot | None] = asyncio.Queue()

    @contextlib.asynccontextmanager
    async def snapshots(self) -> AsyncIterator[AsyncIterator[SignalSnapshot]]:
        yield self._iterate()

    async def _iterate(self) -> AsyncIterator[SignalSnapshot]:
        while (item := await self.queue.get()) is not None:
            self.counters["received"] += 1
            yield item
        raise DeviceError("controller", "gone")


def snapshot(at_ns: int) -> SignalSnapshot:
    return SignalSnapshot("c", Stamp(at_ns, TimeSource.SENSOR), at_ns, ())


@pytest.fixture
def board() -> HealthBoard:
    return HealthBoard(now_ns=time.time_ns)


async def test_snapshots_reach_the_lane_in_order(board: HealthBoard) -> None:
    controller, taken = ScriptedController(), []
    for at_ns in (1, 2, 3):
        controller.queue.put_nowait(snapshot(at_ns))
    controller.queue.put_nowait(None)
    with pytest.raises(DeviceError, match="gone"):
        await pump_controller(controller, taken.append, component="controller", board=board)
    assert [s.alive_ns for s in taken] == [1, 2, 3]
    assert board.counters("controller")["received"] == 3


async def test_silent_controller_is_down_on_the_board_and_comes_back(board: HealthBoard) -> None:
    controller, taken = ScriptedController(), []
    async with asyncio.TaskGroup() as tasks:
        pump = pump_controller(
            controller, taken.append, component="controller", board=board, silent_after_s=0.05
        )
        task = tasks.create_task(pump, name="pump")
        await until(lambda: board.state("controller") is HealthState.DOWN)
        controller.queue.put_nowait(snapshot(1))
        await until(lambda: taken)
        assert board.state("controller") is HealthState.OK
        await until(lambda: board.state("controller") is HealthState.DOWN)
        task.cancel()
    assert "silent for 0.05 s" in board.snapshot()[0].message


async def test_frames_pass_and_a_loud_sender_is_limited(board: HealthBoard) -> None:
    receiver = UdpReceiver("127.0.0.1", 0, link="rsu", now_ns=lambda: 1)
    channel: Bounded[RadioFrame] = Bounded(100)
    limiter = SenderLimiter(rate_hz=1, burst=3)
    async with asyncio.TaskGroup() as tasks:
        pump = pump_radio(receiver, channel.put, component="link.rsu", board=board, limiter=limiter)
        task = tasks.create_task(pump, name="pump")
        await until(lambda: receiver.address is not None)
        assert receiver.address is not None
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for number in range(8):
                sender.sendto(bytes([number]), receiver.address)
        counters = board.counters("link.rsu")
        await until(lambda: counters["passed"] + counters["limited"] == 8)
        task.cancel()
    assert [frame.payload for frame in channel.drain()] == [b"\x00", b"\x01", b"\x02"]
    assert (counters["limited"], counters["received"]) == (5, 8)


async def test_link_that_cannot_open_is_a_device_error(board: HealthBoard) -> None:
    first = UdpReceiver("127.0.0.1", 0, link="first")
    async with first.frames():
        assert first.address is not None
        second = UdpReceiver(*first.address, link="second")
        with pytest.raises(DeviceError, match="cannot listen"):
            await pump_radio(second, print, component="link.second", board=board, limiter=SenderLimiter())
