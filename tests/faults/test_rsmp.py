"""An RSMP site that misbehaves, strangers at its port, and the signal lane behind: over real TCP."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import socket
import time
from collections.abc import AsyncIterator, Callable

import pytest

from edge.core.signals import GroupKind, SignalSnapshot
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.signals.lane import LaneLimits, SignalLane
from edge.signals.phases import GroupRule
from hw.signal import rsmp
from hw.signal.rsmp_controller import MAX_CONNECTIONS, RsmpController
from hw.signal.rsmp_session import RsmpSettings
from hw.signal.rsmp_status import RsmpGroup, RsmpIntersection
from hw.sim.rsmp_site import COMPONENT, RsmpSite, SiteFaults
from tests.faults.signal_path import crossing
from tests.waiting import until

SETTINGS = RsmpSettings(
    RsmpIntersection("site", (RsmpGroup(1), RsmpGroup(2))),
    watchdog_period_ns=100 * NS_PER_MS,
    ack_timeout_ns=400 * NS_PER_MS,
    handshake_timeout_ns=400 * NS_PER_MS,
)


class Node:
    """Supervisor, lane, and what came out of them."""

    def __init__(self, settings: RsmpSettings, site_id: str | None, senders: frozenset[str] | None) -> None:
        self.controller = RsmpController("127.0.0.1", 0, settings=settings, site_id=site_id, senders=senders)
        rules = {(GroupKind.GROUP, number): GroupRule(number) for number in (1, 2)}
        limits = LaneLimits(liveness_ns=NS_PER_S)
        self.lane = SignalLane(crossing(), groups=rules, limits=limits)
        self.newest: SignalSnapshot | None = None

    def count(self, name: str) -> int:
        return self.controller.counters.get(name, 0)

    @property
    def shown(self) -> bool:
        return not self.lane.tick(time.time_ns()).withdrawn

    async def run(self) -> None:
        async with self.controller.snapshots() as snapshots:
            async for self.newest in snapshots:
                self.lane.update(self.newest, time.time_ns())


@contextlib.asynccontextmanager
async def running(
    *, settings: RsmpSettings = SETTINGS, site_id: str | None = None, senders: frozenset[str] | None = None
) -> AsyncIterator[Node]:
    node = Node(settings, site_id, senders)
    task = asyncio.create_task(node.run())
    try:
        await until(lambda: node.controller.address is not None or task.done())
        yield node
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@contextlib.asynccontextmanager
async def connected(node: Node, **options: object) -> AsyncIterator[RsmpSite]:
    """A site that shows green for group 1."""
    assert node.controller.address is not None
    site = RsmpSite(node.controller.address, watchdog_s=0.1, **options)  # type: ignore[arg-type]
    site.show("3B")
    task = asyncio.create_task(site.run())
    try:
        yield site
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await task


async def test_a_site_whose_lamps_stay_is_shown_for_as_long_as_it_lives() -> None:
    async with running() as node, connected(node):
        await until(lambda: node.shown)
        stamp = node.newest.stamp
        await until(lambda: node.newest.alive_ns > stamp.capture_ns + 2 * NS_PER_S)
        assert node.shown
        assert node.newest.stamp == stamp


async def test_half_open_connection_withdraws_and_the_next_one_shows_again() -> None:
    async with running() as node:
        async with connected(node) as dead:
            await until(lambda: node.shown)
            dead.faults.silent = True
            await until(lambda: not node.shown)
            await until(lambda: node.count("ack_timeouts"))
        async with connected(node):
            await until(lambda: node.shown)


async def test_a_site_that_acknowledges_nothing_is_let_go() -> None:
    async with running() as node, connected(node) as site:
        await until(lambda: node.shown)
        site.faults.no_acks = True
        await until(lambda: node.count("ack_timeouts"))
        await until(lambda: node.count("lost"))
        assert node.controller.last_end == "the site does not acknowledge"


@pytest.mark.parametrize(
    ("faults", "reason"),
    [
        (SiteFaults(core="3.1.2"), "RSMP 3.1.2: supported are 3.2.0 3.2.1 3.2.2"),
        (SiteFaults(sxl="1.1"), "SXL 1.1: expected 1.2.1"),
    ],
)
async def test_wrong_version_is_told_to_the_site(faults: SiteFaults, reason: str) -> None:
    async with running() as node, connected(node, faults=faults) as site:
        await until(lambda: node.count("lost"))
        assert site.counters["refused"] == 1
        assert site.log[-1][1]["rea"] == reason
        assert node.controller.last_end == reason


@pytest.mark.parametrize("step_s", [-3600, 3600])
async def test_lamps_are_right_after_the_site_has_set_its_clock(step_s: int) -> None:
    async with running() as node, connected(node) as site:
        await until(lambda: node.shown)
        site.faults.clock_ns = step_s * NS_PER_S
        site.show("B3")
        await until(lambda: node.newest.groups[1].lamp.name == "GREEN")
        assert node.count("doubts") > 0
        await until(lambda: node.shown)


async def test_octets_one_by_one_are_a_conversation_all_the_same() -> None:
    async with running() as node, connected(node, faults=SiteFaults(chunk=1)):
        await until(lambda: node.shown)
        assert node.count("bad_json") == 0


async def test_a_new_connection_of_the_site_replaces_the_old_one() -> None:
    async with running() as node, connected(node) as old:
        await until(lambda: node.shown)
        async with connected(node) as new:
            await until(lambda: node.count("replaced"))
            new.show("B3")
            await until(lambda: node.newest.groups[1].lamp.name == "GREEN")
            old.show("33")
            await until(lambda: node.count("lost"))
            assert node.newest.groups[0].lamp.name == "RED"
            assert node.count("replaced") == 1


async def test_another_site_is_refused_and_the_first_goes_on() -> None:
    async with running() as node, connected(node):
        await until(lambda: node.shown)
        async with connected(node, site_id="OTHER+1") as other:
            await until(lambda: other.counters["refused"])
            assert other.log[-1][1]["rea"] == "site id OTHER+1: expected SIM+1"
        assert node.shown
        assert node.count("replaced") == 0


async def test_only_the_configured_site_may_come() -> None:
    async with running(site_id="KK+AG1") as node:
        async with connected(node) as stranger:
            await until(lambda: stranger.counters["refused"])
        async with connected(node, site_id="KK+AG1"):
            await until(lambda: node.shown)


async def test_only_configured_addresses_may_connect() -> None:
    async with running(senders=frozenset({"192.0.2.1"})) as node, connected(node):
        await until(lambda: node.count("foreign"))
        assert node.count("received") == 0


async def test_a_site_that_comes_again_is_shown_again() -> None:
    async with running() as node:
        for times in (1, 2, 3):
            async with connected(node) as site:
                await until(lambda: site.subscribed.is_set() and node.shown)
                site.disconnect()
                await until(lambda times=times: node.count("lost") >= times)


async def test_strangers_that_say_nothing_give_way() -> None:
    async with running(settings=dataclasses.replace(SETTINGS, handshake_timeout_ns=60 * NS_PER_S)) as node:
        strangers = [
            await asyncio.open_connection(*node.controller.address) for _ in range(MAX_CONNECTIONS + 4)
        ]
        async with connected(node):
            await until(lambda: node.shown)
            assert node.count("crowded_out") == 5
        for _reader, writer in strangers:
            writer.close()


async def test_a_stranger_that_says_nothing_is_let_go() -> None:
    async with running() as node:
        reader, writer = await asyncio.open_connection(*node.controller.address)
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        assert node.controller.last_end == "no handshake: no version yet"
        writer.close()


def update(letters: str, seconds: float) -> bytes:
    entry = {"sCI": "S0001", "n": "signalgroupstatus", "s": letters, "q": "recent"}
    told = rsmp.timestamp(time.time_ns() + round(seconds * NS_PER_S))
    message = {"mType": "rSMsg", "type": "StatusUpdate", "mId": rsmp.new_id(), "cId": COMPONENT}
    return rsmp.encode_message({**message, "sTs": told, "sS": [entry]})


@pytest.mark.parametrize(
    ("octets", "counter"),
    [
        (lambda: b"\xc3\x28\f", "bad_utf8"),
        (lambda: b'{"mType":\f', "bad_json"),
        (lambda: b'{"mType":"rSMsg"}\f', "bad_content"),
        (lambda: b"[" * 50_000 + b"\f", "bad_json"),
        (lambda: b"x" * (rsmp.MESSAGE_LIMIT + 2) + b"\f", "bad_length"),
        (lambda: update("B3", -120.0), "history"),
        (lambda: update("B3", +120.0), "history"),
        (lambda: update("??", 0.0), "bad_content"),
    ],
)
async def test_bad_messages_are_counted_and_change_nothing_that_is_shown(
    octets: Callable[[], bytes], counter: str
) -> None:
    async with running() as node, connected(node) as site:
        await until(lambda: node.shown)
        site.send_raw(octets())
        await until(lambda: node.count(counter))
        site.show("3B")
        await until(lambda: node.shown and node.newest.groups and node.newest.groups[0].lamp.name == "GREEN")
        assert node.count("lost") == 0


async def test_a_site_that_never_reads_is_cut() -> None:
    """It asks for answers and reads none: what waits for it is bounded."""
    settings = dataclasses.replace(SETTINGS, handshake_timeout_ns=60 * NS_PER_S, ack_timeout_ns=60 * NS_PER_S)
    async with running(settings=settings) as node:
        loop = asyncio.get_running_loop()
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.setblocking(False)
            await loop.sock_connect(deaf, node.controller.address)
            await loop.sock_sendall(
                deaf, rsmp.encode_message(rsmp.version(core=("3.2.2",), sxl="1.2.1", site_ids=("SIM+1",)))
            )
            ours = rsmp.parse_message((await loop.sock_recv(deaf, 65536)).split(b"\f")[1])
            await loop.sock_sendall(deaf, rsmp.encode_message(rsmp.acknowledge(ours)))
            with contextlib.suppress(OSError):
                while not node.count("slow_peers"):
                    beats = b"".join(rsmp.encode_message(rsmp.watchdog(time.time_ns())) for _ in range(200))
                    await asyncio.wait_for(loop.sock_sendall(deaf, beats), 10)
        await until(lambda: node.count("lost"))
        assert node.controller.last_end == "the other side does not read"
