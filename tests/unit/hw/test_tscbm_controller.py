"""The TSCBM reader's sequence and clock checks, and the driver on a real socket."""

from __future__ import annotations

import asyncio
import socket
from datetime import timedelta, timezone

import pytest

from edge.core.errors import DeviceError
from edge.core.signals import SignalSnapshot
from edge.core.stamp import NS_PER_MS, NS_PER_S, TimeSource
from hw.signal.tscbm import TscbmBlock, TscbmMasks, TscbmMessage, encode_tscbm
from hw.signal.tscbm_controller import ControllerClock, TscbmController, TscbmReader
from tests.waiting import until

DAY0_NS = 19_000 * 86_400 * NS_PER_S
NOON_MS = 12 * 3600 * 1000


def datagram(tenth: int, *, sequence: int | None = None, reds: int = 2) -> bytes:
    """The message of `tenth` tenths of a second after noon."""
    clock_ms = (NOON_MS + 100 * tenth) % 86_400_000
    message = TscbmMessage(
        blocks=tuple(TscbmBlock(number) for number in range(1, 17)),
        masks=TscbmMasks(phase_reds=reds),
        status=0,
        action_plan=3,
        version=2,
        discontinuity=0,
        sequence=(tenth if sequence is None else sequence) % 256,
        second_of_day=clock_ms // 1000,
        millisecond=clock_ms % 1000,
    )
    return encode_tscbm(message)


def arrival(tenth: int, *, late_ms: int = 5) -> int:
    return DAY0_NS + (NOON_MS + 100 * tenth + late_ms) * NS_PER_MS


def feed(reader: TscbmReader, tenth: int, **changes: int) -> SignalSnapshot | None:
    return reader.accept(datagram(tenth, **changes), arrival_ns=arrival(tenth))


def test_regular_broadcast_is_stamped_by_the_controller_and_alive_at_arrival() -> None:
    reader = TscbmReader("c")
    snapshots = [feed(reader, tenth) for tenth in range(600)]
    last = snapshots[-1]
    assert last is not None
    assert None not in snapshots
    assert (last.stamp.capture_ns, last.stamp.source) == (arrival(599) - 5 * NS_PER_MS, TimeSource.SENSOR)
    assert (last.stamp.error_ns, last.alive_ns, last.plan) == (5 * NS_PER_MS, arrival(599), 3)
    assert +reader.counters == {}


def test_lost_messages_are_counted_over_the_wrap_of_the_sequence() -> None:
    reader = TscbmReader("c")
    for tenth in (254, 255, 256, 260):
        feed(reader, tenth)
    assert reader.counters["sequence_gaps"] == 3


def test_frozen_sender_gives_no_sign_of_life() -> None:
    reader = TscbmReader("c")
    feed(reader, 1)
    assert reader.accept(datagram(1), arrival_ns=arrival(9)) is None
    changed = reader.accept(datagram(9, sequence=1, reds=4), arrival_ns=arrival(9))
    assert changed is not None
    assert changed.alive_ns == arrival(1)
    assert reader.counters["repeated"] == 2


@pytest.mark.parametrize("off_ms", [0, 5_000, -7_200_000])
def test_messages_that_a_network_kept_back_are_not_taken_for_fresh(off_ms: int) -> None:
    reader = TscbmReader("c")
    for tenth in range(30):
        reader.accept(datagram(tenth), arrival_ns=arrival(tenth, late_ms=off_ms))
    for tenth in range(30, 50):  # all at once, when the last one was sent
        snapshot = reader.accept(datagram(tenth), arrival_ns=arrival(50, late_ms=off_ms))
        assert snapshot is not None
        for told_ns in (snapshot.stamp.capture_ns, snapshot.alive_ns):
            assert told_ns - arrival(tenth, late_ms=off_ms) <= 200 * NS_PER_MS
    fresh = reader.accept(datagram(51), arrival_ns=arrival(51, late_ms=off_ms))
    assert fresh is not None
    assert fresh.alive_ns == arrival(51, late_ms=off_ms)
    assert reader.counters["late"] == 18


@pytest.mark.parametrize(("jump_ms", "waits"), [(-3_600_000, 0), (700, 0), (2_500, 30)])
def test_clock_that_was_set_is_not_taken_for_lateness_for_long(jump_ms: int, waits: int) -> None:
    """Set back by the controller (its up-time shows it), or ours set on (nothing shows it at first)."""
    reader = TscbmReader("c")
    for tenth in range(30):
        feed(reader, tenth)
    late = 0
    for tenth in range(30, 80):
        ours_ms = jump_ms if waits else 0
        message = datagram(tenth) if waits else datagram(tenth + jump_ms // 100, sequence=tenth)
        snapshot = reader.accept(message, arrival_ns=arrival(tenth, late_ms=5 + ours_ms))
        assert snapshot is not None
        late += snapshot.alive_ns < arrival(tenth, late_ms=5 + ours_ms)
    assert late == waits


def test_overtaken_datagram_is_dropped_but_a_restarted_controller_is_not() -> None:
    reader = TscbmReader("c")
    feed(reader, 10)
    assert reader.accept(datagram(9), arrival_ns=arrival(10)) is None
    restarted = feed(reader, 60, sequence=200)
    assert restarted is not None
    assert reader.counters["out_of_order"] == 1


def test_datagram_that_was_overtaken_at_midnight_is_dropped() -> None:
    reader = TscbmReader("c")
    midnight = 432_000
    assert feed(reader, midnight - 2, sequence=1) is not None
    assert feed(reader, midnight, sequence=3) is not None
    late = datagram(midnight - 1, sequence=2)
    assert reader.accept(late, arrival_ns=arrival(midnight)) is None
    assert feed(reader, midnight + 1, sequence=4) is not None
    assert reader.counters["out_of_order"] == 1


@pytest.mark.parametrize(
    ("payload", "counter"),
    [
        (b"", "bad_length"),
        (bytes(100), "bad_length"),
        (bytes(241), "bad_content"),
        (bytes(245), "bad_content"),
    ],
)
def test_bad_datagrams_are_counted(payload: bytes, counter: str) -> None:
    reader = TscbmReader("c")
    assert reader.accept(payload, arrival_ns=DAY0_NS) is None
    assert reader.counters == {counter: 1}


@pytest.mark.parametrize(
    ("clock", "late_ms", "source", "rejected"),
    [
        pytest.param(ControllerClock(), 150, TimeSource.SENSOR, 0, id="within the bound"),
        pytest.param(ControllerClock(), 250, TimeSource.ARRIVAL, 1, id="slow clock"),
        pytest.param(ControllerClock(), -250, TimeSource.ARRIVAL, 1, id="fast clock"),
        pytest.param(ControllerClock(trusted=False), 5, TimeSource.ARRIVAL, 0, id="not trusted"),
    ],
)
def test_wrong_controller_clock_stamps_at_arrival(
    clock: ControllerClock, late_ms: int, source: TimeSource, rejected: int
) -> None:
    reader = TscbmReader("c", clock=clock)
    arrival_ns = arrival(0, late_ms=late_ms)
    snapshot = reader.accept(datagram(0), arrival_ns=arrival_ns)
    assert snapshot is not None
    assert snapshot.stamp.source is source
    assert reader.counters["clock_rejected"] == rejected
    if source is TimeSource.ARRIVAL:
        assert (snapshot.stamp.capture_ns, snapshot.stamp.error_ns) == (arrival_ns, 100 * NS_PER_MS)


def test_controller_on_local_time_is_read_in_its_zone() -> None:
    reader = TscbmReader("c", clock=ControllerClock(zone=timezone(timedelta(hours=8))))
    arrival_ns = arrival(0) - 8 * 3600 * NS_PER_S
    snapshot = reader.accept(datagram(0), arrival_ns=arrival_ns)
    assert snapshot is not None
    assert snapshot.stamp.capture_ns == arrival_ns - 5 * NS_PER_MS
    assert snapshot.stamp.source is TimeSource.SENSOR


async def test_driver_yields_snapshots_and_counts_bad_datagrams() -> None:
    controller = TscbmController("127.0.0.1", 0, name="c", now_ns=lambda: arrival(1))
    async with controller.snapshots() as snapshots:
        assert controller.address is not None
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for payload in (b"x", datagram(0), datagram(1)):
                sender.sendto(payload, controller.address)
        async with asyncio.timeout(5):
            found = [await anext(snapshots), await anext(snapshots)]
    assert [s.stamp.capture_ns for s in found] == [arrival(0, late_ms=0), arrival(1, late_ms=0)]
    assert controller.counters == {"received": 3, "bad_length": 1, "sequence_gaps": 0}


async def test_flood_keeps_the_newest() -> None:
    controller = TscbmController("127.0.0.1", 0, name="c", capacity=2, now_ns=lambda: arrival(50))
    async with controller.snapshots() as snapshots:
        assert controller.address is not None
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for tenth in range(50):
                sender.sendto(datagram(tenth), controller.address)
        await until(lambda: controller.counters.get("received") == 50)
        async with asyncio.timeout(5):
            newest = [await anext(snapshots), await anext(snapshots)][-1]
    assert newest.stamp.capture_ns == arrival(49, late_ms=0)
    assert controller.counters["dropped"] == 48


async def test_foreign_sender_is_counted_and_ignored() -> None:
    controller = TscbmController("127.0.0.1", 0, name="c", senders=frozenset({"192.0.2.1"}))
    async with controller.snapshots() as snapshots:
        assert controller.address is not None
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(datagram(0), controller.address)
        await until(lambda: controller.counters.get("foreign"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await anext(snapshots)
    assert controller.counters == {"foreign": 1}


async def test_port_in_use_is_a_device_error() -> None:
    first = TscbmController("127.0.0.1", 0, name="first")
    async with first.snapshots():
        assert first.address is not None
        second = TscbmController(*first.address, name="second")
        with pytest.raises(DeviceError, match=r"second: cannot listen on 127\.0\.0\.1"):
            async with second.snapshots():
                pass
