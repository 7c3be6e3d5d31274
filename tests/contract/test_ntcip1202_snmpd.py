"""The NTCIP 1202 driver against an SNMP agent that others wrote: Debian's snmpd with fixed values."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter
from collections.abc import Iterator

import pytest

from edge.core.signals import GroupKind, IntersectionStatus, LampState
from hw.signal.ntcip1202 import objects
from hw.signal.ntcip1202.control import ControlGrant
from hw.signal.ntcip1202.controller import Ntcip1202Controller
from hw.signal.ntcip1202.objects import Command, cell, control_cell
from hw.signal.ntcip1202.push import NtcipPushController
from hw.signal.tscbm_controller import TscbmController
from hw.snmp import ber
from hw.snmp.client import Agent, SnmpClient
from hw.snmp.message import GET, GET_NEXT, NO_ERROR, NO_SUCH_INSTANCE, NO_SUCH_NAME, SET, V1, V2C, VarBind
from tests.ntcip_street import FAST, wait_for
from tests.snmpd import HOST, NEMA, Snmpd, start_snmpd
from tests.waiting import until

SWITCH = ber.oid(objects.SPAT_PUSH)


@pytest.fixture(scope="module")
def snmpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    daemon = start_snmpd(tmp_path_factory.mktemp("snmpd"), NEMA)
    yield daemon
    daemon.stop()


def agent(snmpd: Snmpd, version: int = V1) -> Agent:
    return Agent(HOST, snmpd.port, write_community=b"private", version=version)


async def ask(
    snmpd: Snmpd, kind: int, *varbinds: VarBind, version: int = V1
) -> tuple[int, tuple[VarBind, ...]]:
    whom = agent(snmpd, version)
    client = SnmpClient(whom, device="snmpd", counters=Counter())
    request = whom.set_request(kind, varbinds) if kind == SET else whom.request(kind, varbinds)
    async with client.connected():
        reply = await client.ask(request, timeout_s=2, attempts=3)
    assert reply is not None
    return reply.error_status, reply.varbinds


@pytest.mark.parametrize("version", [V1, V2C])
async def test_lamps_calls_and_coordination(snmpd: Snmpd, version: int) -> None:
    controller = Ntcip1202Controller(agent(snmpd, version), name="controller", settings=FAST)
    async with asyncio.timeout(20), controller.snapshots() as snapshots:
        snapshot = await wait_for(snapshots, lambda found: found.cycle_position_s is not None)
    lit = {(g.kind, g.number): g.lamp for g in snapshot.groups}
    assert {
        n for (kind, n), lamp in lit.items() if kind is GroupKind.VEHICLE and lamp is LampState.GREEN
    } == {2, 6}
    assert lit[GroupKind.VEHICLE, 16] is LampState.RED
    assert lit[GroupKind.PEDESTRIAN, 2] is LampState.GREEN
    assert {(g.kind, g.number) for g in snapshot.groups if g.call} == {
        (GroupKind.VEHICLE, 3),
        (GroupKind.VEHICLE, 7),
        (GroupKind.PEDESTRIAN, 4),
    }
    assert (snapshot.plan, snapshot.cycle_position_s) == (7, 70.0)
    assert snapshot.status is IntersectionStatus.NONE
    assert controller.counters["poll_errors"] == controller.counters["bad_pdu"] == 0


async def test_a_missing_object_is_an_error_of_v1_and_a_value_of_v2c(snmpd: Snmpd) -> None:
    strange = VarBind(cell(objects.REDS, 9))
    wanted = (VarBind(objects.MAX_PHASES), strange)
    assert (await ask(snmpd, GET, *wanted))[0] == NO_SUCH_NAME
    status, varbinds = await ask(snmpd, GET, *wanted, version=V2C)
    assert status == NO_ERROR
    assert varbinds[0].value == 16
    assert varbinds[1].tag in (NO_SUCH_INSTANCE, NO_SUCH_INSTANCE - 1)


async def test_getnext_steps_on(snmpd: Snmpd) -> None:
    status, (found,) = await ask(snmpd, GET_NEXT, VarBind(ber.oid("1.3.6.1.2.1.1.2")))
    assert status == NO_ERROR
    assert ber.arcs_of(found.oid) > ber.arcs_of(ber.oid("1.3.6.1.2.1.1.2"))


async def test_a_set_needs_its_community(snmpd: Snmpd) -> None:
    reader = dataclasses.replace(agent(snmpd), write_community=None)
    client = SnmpClient(reader, device="snmpd", counters=Counter())
    request = reader.set_request(SET, [VarBind(control_cell(Command.PEDESTRIAN_CALL, 1), ber.INTEGER, 1)])
    async with client.connected():
        reply = await client.ask(request, timeout_s=0.5)
    assert reply is None or reply.error_status != NO_ERROR


async def test_phase_control_is_set_and_taken_back(snmpd: Snmpd) -> None:
    grant = ControlGrant(frozenset({Command.HOLD}), frozenset({2}))
    settings = dataclasses.replace(FAST, period_s=0.1)
    controller = Ntcip1202Controller(agent(snmpd), name="controller", settings=settings, grant=grant)
    hold, two = VarBind(control_cell(Command.HOLD, 1)), frozenset({2})
    async with asyncio.timeout(20), controller.snapshots() as snapshots:
        await anext(snapshots)
        control = controller.control
        assert control is not None
        await until(lambda: control.ask(Command.HOLD, two, source="test", for_s=2.0) is None)
        await until(lambda: controller.counters["control_writes"] >= 1)
        while (await ask(snmpd, GET, hold))[1][0].value != 0b10:
            await anext(snapshots)
    assert (await ask(snmpd, GET, hold))[1][0].value == 0


async def test_the_push_is_switched_on_and_back(snmpd: Snmpd) -> None:
    tscbm = TscbmController("127.0.0.1", 0, name="controller")
    controller = NtcipPushController(agent(snmpd), tscbm, name="controller")
    async with asyncio.timeout(20), controller.snapshots():
        await until(lambda: controller.counters["push_writes"] == 1)
        while (await ask(snmpd, GET, VarBind(SWITCH)))[1][0].value != objects.PUSH_LONG:
            pass
    assert (await ask(snmpd, GET, VarBind(SWITCH)))[1][0].value == objects.PUSH_OFF
