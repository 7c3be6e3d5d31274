"""SPaT switched on over SNMP and read as TSCBM."""

from __future__ import annotations

import asyncio

import pytest

from edge.core.signals import GroupKind, LampState
from hw.signal.ntcip1202 import objects
from hw.signal.ntcip1202.push import NtcipPushController
from hw.signal.tscbm_controller import ControllerClock, TscbmController
from hw.snmp import ber
from hw.snmp.client import Agent
from tests.ntcip_street import Street, free_port, group, street
from tests.waiting import until


def driver(found: Street, port: int, **options: float) -> NtcipPushController:
    clock = ControllerClock(trusted=False)
    tscbm = TscbmController("127.0.0.1", port, name="controller", clock=clock)
    return NtcipPushController(Agent(*found.address), tscbm, name="controller", **options)  # type: ignore[arg-type]


async def test_the_switch_is_set_the_lamps_come_and_the_switch_is_set_back() -> None:
    port = free_port()
    async with street(push_to=("127.0.0.1", port)) as s, asyncio.timeout(10):
        s.agent.push = objects.PUSH_SHORT
        async with driver(s, port).snapshots() as snapshots:
            await until(lambda: s.agent.push == objects.PUSH_LONG)
            s.pass_s(0.1)
            snapshot = await anext(snapshots)
            assert group(snapshot, GroupKind.VEHICLE, 1).lamp is LampState.GREEN
            assert group(snapshot, GroupKind.VEHICLE, 1).max_end_ns is not None
        assert s.agent.push == objects.PUSH_SHORT
        assert s.agent.counters["writes"] == 2


async def test_a_restarted_controller_is_switched_on_again() -> None:
    port = free_port()
    async with street() as s, asyncio.timeout(10), driver(s, port, silence_s=0.05).snapshots():
        await until(lambda: s.agent.push == objects.PUSH_LONG)
        s.agent.restart()
        assert s.agent.push == objects.PUSH_OFF
        await until(lambda: s.agent.push == objects.PUSH_LONG)


async def test_a_switch_that_stands_right_is_not_written() -> None:
    port = free_port()
    async with street() as s, asyncio.timeout(10):
        s.agent.push = objects.PUSH_LONG
        controller = driver(s, port, silence_s=0.02)
        async with controller.snapshots():
            await until(lambda: s.agent.counters["requests"] >= 3)
        assert s.agent.counters["writes"] == 0


@pytest.mark.parametrize("absent", [True, False])
async def test_a_controller_without_the_switch_or_silent_is_asked_again_and_counted(absent: bool) -> None:
    port = free_port()
    async with street() as s, asyncio.timeout(10):
        s.agent.faults.absent = {ber.oid(objects.SPAT_PUSH)} if absent else set()
        s.agent.faults.silent = not absent
        controller = driver(s, port, silence_s=0.02)
        counted = "push_refused" if absent else "timeouts"
        async with controller.snapshots():
            await until(lambda: controller.counters[counted] >= 2)
            s.agent.faults.absent, s.agent.faults.silent = set(), False
            await until(lambda: s.agent.push == objects.PUSH_LONG)
