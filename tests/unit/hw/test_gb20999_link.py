"""The GB/T 20999 driver over real sockets: both transports, faults, strangers."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator

import pytest

from edge.core.errors import DeviceError
from edge.core.signals import IntersectionStatus, LampState, SignalSnapshot
from hw.signal.gb20999 import Frame, FrameType
from hw.signal.gb20999_controller import Gb20999Controller
from hw.signal.gb20999_link import Transport, Way
from hw.signal.gb20999_questions import Habits
from hw.sim.gb20999_controller import Gb20999Fake
from hw.sim.gb20999_device import Gb20999Device
from tests.unit.hw.gb20999_bench import by_number
from tests.waiting import until

TRANSPORTS: tuple[Transport, ...] = ("udp", "tcp")


class Rig:
    """A fake and a driver on loopback; the position in the cycle is set by the test."""

    def __init__(self, transport: Transport, *, habits: Habits | None = None) -> None:
        self.at_ds = 20.0
        self.device = Gb20999Device(lambda: self.at_ds)
        self.fake = Gb20999Fake(self.device, "udp" if transport == "udp" else "tcp")
        self._transport, self._habits = transport, habits or Habits(poll_s=0.02)

    def driver(self) -> Gb20999Controller:
        way = Way(self._transport, self.fake.address, ("127.0.0.1", 0))
        return Gb20999Controller(way, name="c", habits=self._habits)


async def next_with(snapshots: AsyncIterator[SignalSnapshot], number: int, lamp: LampState) -> SignalSnapshot:
    """The first snapshot in which a group shows a lamp."""
    async with asyncio.timeout(5):
        async for snapshot in snapshots:
            if by_number(snapshot)[number].lamp is lamp:
                return snapshot
    raise AssertionError


async def drain(snapshots: AsyncIterator[SignalSnapshot], *, within_s: float) -> None:
    """Read on until something breaks."""
    async with asyncio.timeout(within_s):
        async for _ in snapshots:
            pass


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("version", [0x0100, 0x0102])
async def test_change_of_a_lamp_is_seen(transport: Transport, version: int) -> None:
    rig = Rig(transport, habits=Habits(poll_s=0.02, header=Frame(FrameType.QUERY, version=version)))
    async with rig.fake.running(), rig.driver().snapshots() as snapshots:
        await next_with(snapshots, 1, LampState.GREEN)
        rig.at_ds = 90.0
        assert (await next_with(snapshots, 1, LampState.YELLOW)).plan == 1


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_report_is_a_snapshot_at_once_without_being_asked(transport: Transport) -> None:
    rig = Rig(transport, habits=Habits(poll_s=0.0))
    async with rig.fake.running(), rig.driver().snapshots() as snapshots:
        await next_with(snapshots, 1, LampState.GREEN)
        rig.at_ds = 90.0
        rig.fake.report()
        await next_with(snapshots, 1, LampState.YELLOW)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(
    ("fault", "counter"), [("wrong_crc", "bad_crc"), ("wrong_version", "bad_version"), ("silent", "timeouts")]
)
async def test_fault_is_counted_and_over_when_it_is_over(
    transport: Transport, fault: str, counter: str
) -> None:
    rig = Rig(transport)
    async with rig.fake.running():
        driver = rig.driver()
        async with driver.snapshots() as snapshots:
            await next_with(snapshots, 1, LampState.GREEN)
            setattr(rig.fake.faults, fault, True)
            waiting = asyncio.create_task(next_with(snapshots, 1, LampState.YELLOW))
            rig.at_ds = 90.0
            await until(lambda: driver.counters.get(counter, 0) > 0)
            assert not waiting.done()
            setattr(rig.fake.faults, fault, False)
            await waiting


async def test_controller_that_refuses_everything_says_nothing_and_is_asked_on() -> None:
    rig = Rig("udp")
    rig.fake.faults.refuses = True
    async with rig.fake.running():
        driver = rig.driver()
        async with driver.snapshots() as snapshots:
            waiting = asyncio.create_task(next_with(snapshots, 1, LampState.GREEN))
            await until(lambda: driver.counters.get("refused", 0) > 0)
            rig.fake.faults.refuses = False
            await waiting


async def test_stream_in_single_octets_with_garbage_between_the_frames() -> None:
    rig = Rig("tcp")
    rig.fake.faults.partial, rig.fake.faults.garbage = True, b"\x00garbage\x7d"
    async with rig.fake.running():
        driver = rig.driver()
        async with driver.snapshots() as snapshots:
            await next_with(snapshots, 1, LampState.GREEN)
    assert driver.counters["bad_content"] > 0


async def test_stream_with_wrong_escapes_recovers() -> None:
    rig = Rig("tcp")
    async with rig.fake.running():
        driver = rig.driver()
        async with driver.snapshots() as snapshots:
            rig.fake.faults.wrong_escapes = True
            waiting = asyncio.create_task(next_with(snapshots, 1, LampState.GREEN))
            await until(lambda: sum(n for name, n in driver.counters.items() if name.startswith("bad")) > 3)
            rig.fake.faults.wrong_escapes = False
            await waiting


async def test_lost_heartbeats_of_a_reporting_controller_are_its_silence() -> None:
    rig = Rig("udp", habits=Habits(poll_s=0.0, heartbeat_s=0.02))
    async with rig.fake.running(), rig.driver().snapshots() as snapshots:
        first = await next_with(snapshots, 1, LampState.GREEN)
        alive = await anext(snapshots)
        while alive.alive_ns == first.alive_ns:
            alive = await anext(snapshots)
        assert alive.stamp == first.stamp or alive.stamp.capture_ns >= first.stamp.capture_ns
        rig.fake.faults.silent = True
        with pytest.raises(TimeoutError):
            await drain(snapshots, within_s=0.3)


async def test_controller_that_connects_to_the_node() -> None:
    driver = Gb20999Controller(
        Way("tcp-server", ("127.0.0.1", 0), ("127.0.0.1", 0)), name="c", habits=Habits(poll_s=0.02)
    )
    async with driver.snapshots() as snapshots:
        fake = Gb20999Fake(Gb20999Device(lambda: 20.0), "tcp-client", centre=driver.address)
        async with fake.running():
            await next_with(snapshots, 1, LampState.GREEN)
        with pytest.raises(DeviceError, match="connection was lost"):
            await drain(snapshots, within_s=5)


async def test_shipped_controller_runs_as_a_program() -> None:
    program = (sys.executable, "-m", "hw.sim.gb20999_controller", "--listen", "127.0.0.1:0", "--mode", "22")
    process = await asyncio.create_subprocess_exec(*program, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        host, _, port = (
            (await asyncio.wait_for(process.stdout.readline(), 60)).decode().strip().rpartition(":")
        )
        driver = Gb20999Controller(Way("udp", (host, int(port)), ("127.0.0.1", 0)), name="c")
        async with asyncio.timeout(10), driver.snapshots() as snapshots:
            assert (await anext(snapshots)).status == IntersectionStatus.TRAFFIC_DEPENDENT
    finally:
        process.kill()
        await process.wait()


async def test_stranger_may_not_connect_as_the_controller() -> None:
    driver = Gb20999Controller(Way("tcp-server", ("192.0.2.1", 0), ("127.0.0.1", 0)), name="c")
    async with driver.snapshots():
        assert driver.address is not None
        fake = Gb20999Fake(Gb20999Device(lambda: 20.0), "tcp-client", centre=driver.address)
        async with fake.running():
            await until(lambda: driver.counters.get("foreign") == 1)


async def test_nobody_at_the_address_is_a_device_error() -> None:
    way = Way("tcp", ("127.0.0.1", 1))
    with pytest.raises(DeviceError, match="cannot connect to"):
        async with Gb20999Controller(way, name="c").snapshots():
            pass
