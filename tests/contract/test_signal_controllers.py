"""Every signal controller driver keeps the promises of the `SignalController` port."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from edge.core.errors import DeviceError
from edge.core.signals import LampState, SignalSnapshot
from edge.core.stamp import NS_PER_S
from edge.ports import SignalController
from hw.signal.ntcip1202.controller import Ntcip1202Controller
from hw.signal.ntcip1202.push import NtcipPushController
from hw.signal.tscbm_controller import TscbmController
from hw.snmp.client import Agent
from tests.contract.signal_gb20999 import (
    gb20999_tcp,
    gb20999_tcp_peer,
    gb20999_tcp_rival,
    gb20999_udp,
    gb20999_udp_peer,
    gb20999_udp_rival,
)
from tests.contract.signal_peer import Peer
from tests.contract.signal_replay import Recorded, replay_peer, replay_rival
from tests.contract.signal_rsmp import make_rsmp, rsmp_peer, rsmp_rival
from tests.contract.signal_spat import make_spat, spat_peer, spat_rival
from tests.contract.signal_tlcfi import make_tlcfi, tlcfi_peer, tlcfi_rival
from tests.ntcip_street import GatedDriver, free_port, gated
from tests.tscbm_sender import TscbmSender
from tests.waiting import until


@dataclass(frozen=True)
class Driver:
    """How the suite makes a driver and its peer.

    Attributes:
        make: a driver.
        make_rival: one whose device cannot be opened while the first one is open.
        peer: plays the device of an open driver.
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


def _ntcip1202_rival(first: SignalController) -> Ntcip1202Controller:
    """A polled device has no port to lose: there is no way to the address."""
    del first
    return Ntcip1202Controller(Agent("255.255.255.255", 161), name="rival")


@contextlib.contextmanager
def _ntcip1202_peer(controller: SignalController) -> Iterator[Peer]:
    assert isinstance(controller, GatedDriver)
    with gated(controller.port) as agent:
        yield Peer(good=lambda: agent.let(sound=True), bad=lambda: agent.let(sound=False))


def _push() -> NtcipPushController:
    """Its agent is silent: datagrams that come all the same are read."""
    return NtcipPushController(Agent("127.0.0.1", free_port()), _tscbm(), name="push")


def _push_rival(first: SignalController) -> NtcipPushController:
    assert isinstance(first, NtcipPushController)
    return NtcipPushController(Agent("127.0.0.1", free_port()), _tscbm_rival(first.tscbm), name="rival")


def _push_peer(controller: SignalController) -> contextlib.AbstractContextManager[Peer]:
    assert isinstance(controller, NtcipPushController)
    return _tscbm_peer(controller.tscbm)


DRIVERS = {
    "tscbm": Driver(_tscbm, _tscbm_rival, _tscbm_peer),
    "ntcip1202": Driver(GatedDriver, _ntcip1202_rival, _ntcip1202_peer),
    "ntcip1202_push": Driver(_push, _push_rival, _push_peer),
    "rsmp": Driver(make_rsmp, rsmp_rival, rsmp_peer),
    "tlcfi": Driver(make_tlcfi, tlcfi_rival, tlcfi_peer),
    "gb20999 udp": Driver(gb20999_udp, gb20999_udp_rival, gb20999_udp_peer),
    "gb20999 tcp": Driver(gb20999_tcp, gb20999_tcp_rival, gb20999_tcp_peer),
    "spat": Driver(make_spat, spat_rival, spat_peer),
    "replay": Driver(Recorded, replay_rival, replay_peer, reads_at_own_pace=True),
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
            await until(lambda: controller.counters.get("received", 0) >= 50)
    assert controller.counters["dropped"] > 0


@drivers
async def test_device_that_cannot_be_opened_is_a_device_error(driver: Driver) -> None:
    first = driver.make()
    async with first.snapshots():
        with pytest.raises(DeviceError):
            async with driver.make_rival(first).snapshots():
                pass
