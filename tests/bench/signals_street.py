"""Simulated controllers, and snmpd, each in front of a live node; signal group 1 turns green or not when told to."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from edge.core.errors import DeviceError
from edge.core.signals import GroupKind
from hw.signal.gb20999_controller import Gb20999Controller
from hw.signal.gb20999_link import Way
from hw.signal.gb20999_questions import Habits
from hw.signal.ntcip1202 import objects
from hw.signal.ntcip1202.controller import Ntcip1202Controller, PollSettings
from hw.signal.ntcip1202.objects import cell
from hw.signal.rsmp_controller import RsmpController
from hw.signal.rsmp_session import RsmpSettings
from hw.signal.rsmp_status import RsmpIntersection
from hw.signal.tlcfi_controller import TlcfiController
from hw.signal.tscbm import TscbmMessage, decode_tscbm
from hw.signal.tscbm_controller import TscbmController
from hw.sim.gb20999_controller import Gb20999Fake
from hw.sim.gb20999_device import Gb20999Device
from hw.sim.rsmp_site import RsmpSite, plan_status
from hw.sim.signal_plan import CYCLE_DS, GROUPS, LEFT_GREEN_DS
from hw.sim.tlcfi_server import TlcfiServer
from hw.snmp import ber
from hw.snmp.client import Agent, SnmpClient
from hw.snmp.message import NO_ERROR, SET, VarBind
from tests.bench import signals_gb20999, signals_rsmp, signals_tlcfi
from tests.bench.signals_node import Subscriber, live_node
from tests.ntcip_street import street
from tests.snmpd import NEMA, start_snmpd
from tests.tscbm_sender import TscbmSender
from tests.waiting import until

POLL_S = 0.1
SLOT_S = 0.1
NEMA_GROUPS = tuple((GroupKind(kind), number) for kind, number in GROUPS)
PLAIN_GROUPS = tuple((GroupKind.GROUP, number) for number in range(1, len(GROUPS) + 1))
_TENTH_NS = 100_000_000
_POLLING = PollSettings(period_s=POLL_S, timeout_s=POLL_S)
_LOOPBACK = ("127.0.0.1", 0)


@dataclass(frozen=True, slots=True)
class Scene:
    """A controller and the node behind it.

    Attributes:
        subscriber: hears the node.
        change: makes signal group 1 green, or not; returns the steady time of that.
        counters: of the driver.
        due_by_clock: steady time at which each message of a controller that keeps 10 Hz was due, by its own clock in
            ms of the day.
    """

    subscriber: Subscriber
    change: Callable[[bool], Awaitable[float]]
    counters: dict[str, int]
    due_by_clock: dict[int, float]


@contextlib.asynccontextmanager
async def tscbm() -> AsyncIterator[Scene]:
    """Datagrams at 10 Hz, and one more at once when the lamps change."""
    driver, green = TscbmController(*_LOOPBACK, name="bench"), [True]
    due_by_clock: dict[int, float] = {}
    groups = NEMA_GROUPS[:8]
    async with live_node(driver, groups=groups, liveness_ms=300) as node:
        await until(lambda: driver.address is not None)
        assert driver.address is not None
        sender = TscbmSender(driver.address)

        def send(due_s: float) -> None:
            message = decode_tscbm(sender.send(greens=int(green[0]), reds=0xFF ^ int(green[0])))
            due_by_clock[_clock_ms(message)] = due_s

        async def change(to: bool) -> float:
            green[0], now_s = to, time.monotonic()
            send(now_s)
            return now_s

        async with _beside(_every_slot(send)):
            yield Scene(node, change, driver.counters, due_by_clock)
    sender.close()


@contextlib.asynccontextmanager
async def ntcip() -> AsyncIterator[Scene]:
    """A simulated agent, polled every 100 ms; its plan jumps to the next green or yellow of the lefts."""
    async with street() as controller:
        driver, green = (
            Ntcip1202Controller(Agent(*controller.address), name="bench", settings=_POLLING),
            [True],
        )

        async def change(to: bool) -> float:
            jump_ds = CYCLE_DS - LEFT_GREEN_DS if to else LEFT_GREEN_DS
            controller.now_ns += jump_ds * _TENTH_NS if to is not green[0] else 0
            green[0] = to
            controller.agent.controller.advance(controller.now_ns)
            return time.monotonic()

        async with live_node(driver, groups=NEMA_GROUPS, liveness_ms=300) as node:
            yield Scene(node, change, driver.counters, {})


@contextlib.asynccontextmanager
async def snmpd() -> AsyncIterator[Scene]:
    """Debian's snmpd with the objects of a controller, polled every 100 ms; the lamps are set over SNMP."""
    with tempfile.TemporaryDirectory(prefix="edge-snmpd-") as directory:
        daemon = await asyncio.to_thread(start_snmpd, Path(directory), NEMA)
        try:
            agent = Agent("127.0.0.1", daemon.port, write_community=b"private")
            driver = Ntcip1202Controller(agent, name="bench", settings=_POLLING)
            operator = SnmpClient(agent, device="operator", counters=Counter())

            async def change(to: bool) -> float:
                lamps = ((objects.REDS, 0xFF ^ int(to)), (objects.GREENS, int(to)))
                values = [VarBind(cell(column, 1), ber.INTEGER, octet) for column, octet in lamps]
                at_s = time.monotonic()
                reply = await operator.ask(agent.set_request(SET, values), timeout_s=1.0)
                if reply is None or reply.error_status != NO_ERROR:
                    raise DeviceError("snmpd", "the lamps cannot be set")
                return at_s

            groups = NEMA_GROUPS[:8]
            async with operator.connected(), live_node(driver, groups=groups, liveness_ms=300) as node:
                yield Scene(node, change, driver.counters, {})
        finally:
            daemon.stop()


@contextlib.asynccontextmanager
async def gb20999(poll_s: float = 0.0) -> AsyncIterator[Scene]:
    """Over UDP; it reports by itself, or is asked every `poll_s`."""
    green_ds, yellow_ds = signals_gb20999.GREEN_DS, signals_gb20999.YELLOW_DS
    position_ds = [green_ds]
    fake = Gb20999Fake(Gb20999Device(lambda: position_ds[0]), "udp")

    async def change(to: bool) -> float:
        position_ds[0] = green_ds if to else yellow_ds
        at_s = time.monotonic()
        if not poll_s:
            fake.report()
        return at_s

    async with fake.running() as address:
        way = Way("udp", address, _LOOPBACK)
        driver = Gb20999Controller(way, name="bench", habits=Habits(poll_s=poll_s))
        groups = [(kind, number) for number, (kind, _phase) in enumerate(NEMA_GROUPS, start=1)]
        async with live_node(driver, groups=groups, liveness_ms=2500) as node:
            yield Scene(node, change, driver.counters, {})


@contextlib.asynccontextmanager
async def rsmp() -> AsyncIterator[Scene]:
    """A site that tells lamps and times of twelve groups."""
    lights = RsmpIntersection("bench", signals_rsmp.GROUPS)
    driver = RsmpController(*_LOOPBACK, settings=RsmpSettings(lights))
    async with live_node(driver, groups=PLAIN_GROUPS, liveness_ms=2000) as node:
        await until(lambda: driver.address is not None)
        assert driver.address is not None
        site = RsmpSite(driver.address)

        async def change(to: bool) -> float:
            at_s = time.monotonic()
            site.show(signals_rsmp.LETTERS[not to], times=plan_status(time.time_ns())[1])
            return at_s

        async with _beside(site.run()):
            yield Scene(node, change, driver.counters, {})


@contextlib.asynccontextmanager
async def tlcfi() -> AsyncIterator[Scene]:
    """A TLC that tells states and predictions of twelve groups."""
    tlc = TlcfiServer()

    async def change(to: bool) -> float:
        states = tlc.plan_states(time.time_ns())
        states["01"]["state"] = 6 if to else 3
        at_s = time.monotonic()
        tlc.show(states)
        return at_s

    async with tlc.serving():
        assert tlc.address is not None
        driver = TlcfiController(*tlc.address, settings=signals_tlcfi.SETTINGS)
        async with live_node(driver, groups=PLAIN_GROUPS, liveness_ms=2000) as node:
            yield Scene(node, change, driver.counters, {})


def _clock_ms(message: TscbmMessage) -> int:
    """The controller's clock, ms of the day."""
    return message.second_of_day * 1000 + message.millisecond


@contextlib.asynccontextmanager
async def _beside(work: Awaitable[None]) -> AsyncIterator[None]:
    """Run work while inside."""
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))


async def _every_slot(send: Callable[[float], None]) -> None:
    due_s = time.monotonic()
    while True:
        send(due_s)
        due_s += SLOT_S
        await asyncio.sleep(due_s - time.monotonic())
