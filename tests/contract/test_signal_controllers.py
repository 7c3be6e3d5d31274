"""Every signal controller driver keeps the promises of the `SignalController` port."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import itertools
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge.core.errors import DeviceError
from edge.core.signals import (
    ControllerGroup,
    GroupKind,
    GroupState,
    LampState,
    MovementState,
    SignalSnapshot,
    SignalState,
)
from edge.core.stamp import NS_PER_MS, NS_PER_S, Stamp, TimeSource
from edge.ports import SignalController
from edge.v2x import j2735
from edge.v2x.framing import build_immediate_forward, immediate_forward
from hw.signal.gb20999 import encode_frame
from hw.signal.gb20999_controller import Gb20999Controller
from hw.signal.gb20999_link import Way
from hw.signal.gb20999_questions import Habits
from hw.signal.replay import Playing, ReplayController
from hw.signal.snapshot_file import snapshot_line
from hw.signal.spat_text import SpatTextController
from hw.signal.tscbm_controller import TscbmController
from hw.sim.gb20999_device import Gb20999Device
from tests.tscbm_sender import TscbmSender
from tests.waiting import until


@dataclass(frozen=True)
class Peer:
    """What plays the controller's part.

    Attributes:
        good: sends one message that the driver must understand.
        bad: sends one that it must count.
    """

    good: Callable[[], object]
    bad: Callable[[], object]


@dataclass(frozen=True)
class Driver:
    """How the suite makes a driver and its peer.

    Attributes:
        reads_at_own_pace: nothing is pushed at it: what it has not read waits outside.
    """

    make: Callable[[], SignalController]
    make_rival: Callable[[SignalController], SignalController]
    peer: Callable[[SignalController], contextlib.AbstractContextManager[Peer]]
    reads_at_own_pace: bool = False


def _tscbm() -> TscbmController:
    return TscbmController("127.0.0.1", 0, name="tscbm")


def _tscbm_rival(first: SignalController) -> SignalController:
    assert isinstance(first, TscbmController)
    assert first.address is not None
    return TscbmController(*first.address, name="rival")


@contextlib.contextmanager
def _tscbm_peer(controller: SignalController) -> Iterator[Peer]:
    assert isinstance(controller, TscbmController)
    assert controller.address is not None
    sender = TscbmSender(controller.address)
    try:
        yield Peer(good=sender.send, bad=lambda: sender.send_raw(b"not a message"))
    finally:
        sender.close()


_LOOPBACK = ("127.0.0.1", 0)
_BESIDE = 20.0
"""Position in the simulated plan, tenths of a second: some group is green."""


def _gb20999_udp() -> Gb20999Controller:
    return Gb20999Controller(Way("udp", _LOOPBACK, _LOOPBACK), name="gb20999", habits=Habits(poll_s=0.0))


def _gb20999_tcp() -> Gb20999Controller:
    return Gb20999Controller(
        Way("tcp-server", _LOOPBACK, _LOOPBACK), name="gb20999", habits=Habits(poll_s=0.0)
    )


def _gb20999_rival(first: SignalController) -> SignalController:
    assert isinstance(first, Gb20999Controller)
    assert first.address is not None
    return Gb20999Controller(Way("tcp-server", _LOOPBACK, first.address), name="rival")


def _gb20999_udp_rival(first: SignalController) -> SignalController:
    assert isinstance(first, Gb20999Controller)
    assert first.address is not None
    return Gb20999Controller(Way("udp", _LOOPBACK, first.address), name="rival")


@contextlib.contextmanager
def _gb20999_peer(controller: SignalController, *, stream: bool) -> Iterator[Peer]:
    """A controller that reports by itself."""
    assert isinstance(controller, Gb20999Controller)
    assert controller.address is not None
    device = Gb20999Device(lambda: _BESIDE)
    kind = socket.SOCK_STREAM if stream else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as out:
        out.bind(_LOOPBACK)
        out.connect(controller.address)
        good, bad = (
            encode_frame(device.report(), escaped=stream),
            encode_frame(device.report(), escaped=stream),
        )
        yield Peer(
            good=lambda: out.send(good), bad=lambda: out.send(bad[:-2] + bytes((bad[-2] ^ 1,)) + bad[-1:])
        )


def _gb20999_udp_peer(controller: SignalController) -> contextlib.AbstractContextManager[Peer]:
    return _gb20999_peer(controller, stream=False)


def _gb20999_tcp_peer(controller: SignalController) -> contextlib.AbstractContextManager[Peer]:
    return _gb20999_peer(controller, stream=True)


def _spat() -> SpatTextController:
    return SpatTextController("127.0.0.1", 0, name="spat")


def _spat_rival(first: SignalController) -> SignalController:
    assert isinstance(first, SpatTextController)
    assert first.address is not None
    return SpatTextController(*first.address, name="rival")


_spat_times = itertools.count(1)


@contextlib.contextmanager
def _spat_peer(controller: SignalController) -> Iterator[Peer]:
    assert isinstance(controller, SpatTextController)
    assert controller.address is not None
    target = controller.address
    green = GroupState(2, MovementState.PROTECTED_MOVEMENT_ALLOWED)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:

        def good() -> None:
            now_ns = time.time_ns() + next(_spat_times) * NS_PER_MS  # no two in one millisecond
            state = SignalState(1, 0, 0, Stamp(now_ns, TimeSource.SENSOR), now_ns, now_ns, now_ns, (green,))
            spat = j2735.encode_spat(state, now_ns=now_ns)
            text = build_immediate_forward(immediate_forward(spat, kind="SPAT", signature=False))
            out.sendto(text, target)

        yield Peer(good=good, bad=lambda: out.sendto(b"Payload=0013", target))


_directory = tempfile.TemporaryDirectory(prefix="edge-replay-")
atexit.register(_directory.cleanup)
_recordings = itertools.count()


class _Recorded(ReplayController):
    """A recording that is still written; the suite needs to know where."""

    def __init__(self) -> None:
        self.file = Path(_directory.name) / str(next(_recordings))
        self.file.touch()
        super().__init__(self.file, name="replay", playing=Playing(at_end="wait", pace="fast"))


def _replay_rival(first: SignalController) -> SignalController:
    assert isinstance(first, _Recorded)
    return ReplayController(first.file.with_name("absent"), name="rival")


@contextlib.contextmanager
def _replay_peer(controller: SignalController) -> Iterator[Peer]:
    assert isinstance(controller, _Recorded)
    group = ControllerGroup(GroupKind.VEHICLE, 1, LampState.GREEN)
    recorded = SignalSnapshot("c", Stamp(NS_PER_S, TimeSource.SENSOR), NS_PER_S, (group,))
    line = snapshot_line(recorded)
    with controller.file.open("a", encoding="utf-8", buffering=1) as out:
        yield Peer(good=lambda: out.write(line + "\n"), bad=lambda: out.write("no snapshot\n"))


DRIVERS = {
    "tscbm": Driver(_tscbm, _tscbm_rival, _tscbm_peer),
    "gb20999 udp": Driver(_gb20999_udp, _gb20999_udp_rival, _gb20999_udp_peer),
    "gb20999 tcp": Driver(_gb20999_tcp, _gb20999_rival, _gb20999_tcp_peer),
    "spat": Driver(_spat, _spat_rival, _spat_peer),
    "replay": Driver(_Recorded, _replay_rival, _replay_peer, reads_at_own_pace=True),
}
drivers = pytest.mark.parametrize("driver", DRIVERS.values(), ids=DRIVERS)


async def first_snapshot(controller: SignalController, driver: Driver) -> SignalSnapshot:
    async with asyncio.timeout(5), controller.snapshots() as snapshots:
        with driver.peer(controller) as peer:
            peer.good()
            return await anext(snapshots)


@drivers
async def test_snapshot_is_stamped_alive_and_lit(driver: Driver) -> None:
    before_ns = time.time_ns()
    snapshot = await first_snapshot(driver.make(), driver)
    after_ns = time.time_ns()
    assert before_ns <= snapshot.alive_ns <= after_ns
    assert before_ns - NS_PER_S <= snapshot.stamp.capture_ns <= after_ns + NS_PER_S
    assert snapshot.stamp.error_ns >= 0
    assert any(group.lamp is LampState.GREEN for group in snapshot.groups)
    keys = [(group.kind, group.number) for group in snapshot.groups]
    assert len(set(keys)) == len(keys)


@drivers
async def test_driver_can_be_opened_again(driver: Driver) -> None:
    controller = driver.make()
    first = await first_snapshot(controller, driver)
    second = await first_snapshot(controller, driver)
    assert second.alive_ns > first.alive_ns


@drivers
async def test_bad_input_is_counted_and_the_next_good_message_passes(driver: Driver) -> None:
    controller = driver.make()
    async with asyncio.timeout(5), controller.snapshots() as snapshots:
        with driver.peer(controller) as peer:
            peer.bad()
            peer.good()
            assert (await anext(snapshots)).groups
    assert isinstance(controller.counters, Counter)
    assert sum(count for name, count in controller.counters.items() if name.startswith("bad")) == 1


@drivers
async def test_silence_yields_nothing_and_the_wait_can_be_cancelled(driver: Driver) -> None:
    controller = driver.make()
    async with controller.snapshots() as snapshots:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await anext(snapshots)
        with driver.peer(controller) as peer:
            peer.good()
            async with asyncio.timeout(5):
                assert await anext(snapshots)


@drivers
async def test_slow_reader_does_not_grow_the_queue(driver: Driver) -> None:
    controller = driver.make()
    async with controller.snapshots(), asyncio.timeout(5):
        with driver.peer(controller) as peer:
            for _ in range(50):
                peer.good()
            if driver.reads_at_own_pace:
                assert not controller.counters.get("received")
                return
            await until(lambda: controller.counters.get("received") == 50)
    assert controller.counters["dropped"] > 0


@drivers
async def test_device_that_cannot_be_opened_is_a_device_error(driver: Driver) -> None:
    first = driver.make()
    async with first.snapshots():
        with pytest.raises(DeviceError):
            async with driver.make_rival(first).snapshots():
                pass
