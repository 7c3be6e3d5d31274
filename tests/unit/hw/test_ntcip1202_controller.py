"""The polling driver against the simulated agent."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from typing import Any

import pytest

from edge.core.signals import GroupKind, IntersectionStatus, LampState, SignalSnapshot
from edge.core.stamp import NS_PER_S
from hw.signal.ntcip1202 import objects
from hw.signal.ntcip1202.controller import Ntcip1202Controller
from hw.signal.ntcip1202.objects import cell
from hw.sim.signal_plan import CYCLE_S, GROUPS
from hw.snmp.client import Agent
from hw.snmp.message import V1, V2C
from tests.ntcip_street import FAST, Street, group, street, wait_for
from tests.waiting import until

CAR = GroupKind.VEHICLE
PATIENT: dict[str, Any] = {"period_s": 0.2}
"""Polls so slow that a busy machine does not make them miss a change."""


def driver(found: Street, **changes: Any) -> Ntcip1202Controller:
    version = changes.pop("version", V1)
    settings = dataclasses.replace(FAST, **changes)
    return Ntcip1202Controller(Agent(*found.address, version=version), name="controller", settings=settings)


def shows(kind: GroupKind, number: int, lamp: LampState) -> Any:
    return lambda snapshot: group(snapshot, kind, number).lamp is lamp


@pytest.mark.parametrize("version", [V1, V2C])
async def test_lamps_through_a_whole_cycle_are_those_of_the_plan(version: int) -> None:
    async with street() as s, asyncio.timeout(60), driver(s, version=version).snapshots() as snapshots:
        for _ in range(round(CYCLE_S)):
            s.pass_s(1.0)
            expected = {
                (GroupKind(kind), number): s.agent.controller.lamp((kind, number)) for kind, number in GROUPS
            }

            def matches(snapshot: SignalSnapshot, expected: dict[Any, LampState] = expected) -> bool:
                return all(group(snapshot, *key).lamp is lamp for key, lamp in expected.items())

            await wait_for(snapshots, matches)


async def test_a_snapshot_says_plan_position_calls_and_overlaps() -> None:
    async with street() as s, asyncio.timeout(10), driver(s).snapshots() as snapshots:
        s.pass_s(15.0)
        snapshot = await wait_for(snapshots, lambda found: found.cycle_position_s is not None)
        assert snapshot.plan == 1
        assert snapshot.cycle_position_s == pytest.approx(15.0, abs=0.5)
        assert group(snapshot, CAR, 2).lamp is LampState.GREEN
        assert not group(snapshot, CAR, 2).call
        assert group(snapshot, CAR, 4).call
        assert group(snapshot, GroupKind.OVERLAP, 1).lamp is LampState.GREEN
        assert snapshot.status is IntersectionStatus.NONE
        assert snapshot.stamp.error_ns >= FAST.status_lag_s * NS_PER_S


async def test_free_operation_has_no_cycle_position() -> None:
    async with street() as s, asyncio.timeout(10), driver(s).snapshots() as snapshots:
        await wait_for(snapshots, lambda found: found.cycle_position_s is not None)
        s.agent.controller.pattern = objects.FREE
        snapshot = await wait_for(snapshots, lambda found: found.plan == objects.FREE)
        assert snapshot.cycle_position_s is None
        s.agent.controller.pattern, s.agent.controller.free = 1, 4
        snapshot = await wait_for(snapshots, lambda found: found.plan == 1)
        assert snapshot.cycle_position_s is None


async def test_yellow_is_promised_from_the_observed_change() -> None:
    async with street() as s, asyncio.timeout(10), driver(s, **PATIENT).snapshots() as snapshots:
        await wait_for(
            snapshots, lambda found: group(found, CAR, 2).min_end_ns is not None
        )  # tables are there
        before = await anext(snapshots)
        s.pass_s(8.05)
        yellow = await wait_for(snapshots, shows(CAR, 1, LampState.YELLOW))
        ends = group(yellow, CAR, 1)
        assert ends.min_end_ns is not None
        assert ends.max_end_ns is not None
        start_ns = before.stamp.capture_ns - before.stamp.error_ns
        assert start_ns <= ends.min_end_ns - 3 * NS_PER_S <= yellow.stamp.capture_ns
        assert ends.max_end_ns - 3 * NS_PER_S >= yellow.stamp.capture_ns
        assert group(yellow, CAR, 2).max_end_ns is None


@pytest.mark.parametrize(
    ("name", "value", "flag"),
    [
        ("flash", 3, IntersectionStatus.PROGRAMMED_FLASH),
        ("flash", 6, IntersectionStatus.FAILURE_FLASH),
        ("short_alarm", 1, IntersectionStatus.PREEMPT),
        ("alarm_2", 0x10, IntersectionStatus.STOP_TIME),
    ],
)
async def test_status_ends_all_promises(name: str, value: int, flag: IntersectionStatus) -> None:
    async with street() as s, asyncio.timeout(10), driver(s).snapshots() as snapshots:
        await wait_for(snapshots, lambda found: group(found, CAR, 2).min_end_ns is not None)
        setattr(s.agent.controller, name, value)
        snapshot = await wait_for(snapshots, lambda found: found.status is flag)
        assert all(g.min_end_ns is None and g.max_end_ns is None for g in snapshot.groups)


async def test_octets_with_a_sign_and_double_answers_change_nothing() -> None:
    async with street() as s, asyncio.timeout(10):
        controller = driver(s)
        s.agent.faults.signed = s.agent.faults.duplicate = True
        async with controller.snapshots() as snapshots:
            snapshot = await anext(snapshots)
            assert group(snapshot, CAR, 1).lamp is LampState.GREEN
            assert group(snapshot, CAR, 8).lamp is LampState.RED
            await until(lambda: controller.counters["duplicates"] > 0)


async def test_wrong_types_leave_lamps_unknown_and_pass() -> None:
    async with street() as s, asyncio.timeout(10):
        controller = driver(s)
        async with controller.snapshots() as snapshots:
            await anext(snapshots)
            s.agent.faults.wrong_types = True
            await wait_for(snapshots, shows(CAR, 1, LampState.UNKNOWN))
            assert controller.counters["bad_type"] > 0
            s.agent.faults.wrong_types = False
            await wait_for(snapshots, shows(CAR, 1, LampState.GREEN))


@pytest.mark.parametrize("version", [V1, V2C])
async def test_a_controller_without_some_objects_is_polled_without_them(version: int) -> None:
    async with street() as s, asyncio.timeout(10):
        overlaps = (objects.OVERLAP_REDS, objects.OVERLAP_YELLOWS, objects.OVERLAP_GREENS)
        unit = {objects.SHORT_ALARM, objects.UNIT_CONTROL_STATUS, objects.SYSTEM_UP_TIME}
        s.agent.faults.absent = unit | {cell(column, 1) for column in overlaps}
        controller = driver(s, version=version)
        async with controller.snapshots() as snapshots:
            snapshot = await anext(snapshots)
            assert group(snapshot, CAR, 1).lamp is LampState.GREEN
            assert group(snapshot, GroupKind.OVERLAP, 1).lamp is LampState.UNKNOWN
        assert controller.counters["poll_errors"] == 0


async def test_an_object_that_vanishes_is_found_out_and_left_out() -> None:
    async with street() as s, asyncio.timeout(10):
        controller = driver(s)
        async with controller.snapshots() as snapshots:
            await anext(snapshots)
            s.agent.faults.absent = {objects.UNIT_ALARM_2}
            await until(lambda: controller.counters["poll_errors"] > 0)
            s.pass_s(8.05)
            await wait_for(snapshots, shows(CAR, 1, LampState.YELLOW))


async def test_short_answers_are_asked_for_when_long_ones_are_too_big() -> None:
    async with street() as s, asyncio.timeout(10):
        controller = driver(s)
        async with controller.snapshots() as snapshots:
            await anext(snapshots)
            s.agent.faults.most_octets = 300
            await until(lambda: controller.counters["too_big"] > 0)
            s.pass_s(8.05)
            snapshot = await wait_for(snapshots, shows(CAR, 1, LampState.YELLOW))
            assert group(snapshot, GroupKind.OVERLAP, 1).lamp is LampState.RED


async def test_a_restarted_agent_makes_every_start_unknown() -> None:
    async with street() as s, asyncio.timeout(20):
        controller = driver(s, **PATIENT)
        async with controller.snapshots() as snapshots:
            s.pass_s(CYCLE_S + 9.0)
            await wait_for(snapshots, lambda found: group(found, CAR, 2).min_end_ns is not None)
            s.pass_s(5.0)
            green = await wait_for(snapshots, shows(CAR, 2, LampState.GREEN))
            assert group(green, CAR, 2).min_end_ns is not None
            s.agent.restart()
            s.pass_s(14.0)
            await until(lambda: controller.counters["agent_restarts"] == 1)
            restarted_ns = time.time_ns()
            green = await wait_for(snapshots, lambda found: found.alive_ns > restarted_ns)
            assert group(green, CAR, 2).lamp is LampState.GREEN
            assert group(green, CAR, 2).min_end_ns is None


async def test_a_poll_costs_two_requests() -> None:
    async with street() as s, asyncio.timeout(20):
        controller = driver(s, survey_s=3600.0)
        counters = controller.counters

        async def cost_of_20() -> int:
            """Requests during 20 polls; the tables are read beside the first ones."""
            asked, polls = counters["requests"], counters["received"]
            await wait_for(snapshots, lambda _: counters["received"] == polls + 20)
            return counters["requests"] - asked

        async with controller.snapshots() as snapshots:
            await anext(snapshots)
            while await cost_of_20() != 40:
                pass


async def test_nothing_is_ever_written_without_a_grant() -> None:
    async with street() as s, asyncio.timeout(10):
        controller = driver(s)
        async with controller.snapshots() as snapshots:
            for _ in range(20):
                await anext(snapshots)
        assert controller.control is None
        assert s.agent.counters["writes"] == 0


async def test_a_controller_that_states_no_phases_is_counted() -> None:
    async with street() as s, asyncio.timeout(10):
        s.agent.faults.absent = {objects.MAX_PHASES}
        controller = driver(s)
        async with controller.snapshots() as snapshots:
            await until(lambda: controller.counters["bad_layout"] > 0)
            s.agent.faults.absent = set()
            assert (await anext(snapshots)).groups
