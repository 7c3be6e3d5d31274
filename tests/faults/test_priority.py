"""Signal priority end to end: what a vehicle asks is written over SNMP, moves lamps, and is taken back."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest

from edge.access.roles import Role
from edge.core.health import HealthState
from edge.core.signals import LampState
from edge.sdk import PriorityCall, RefusedError
from edge.sdk.priority import request_message
from edge.signals.priority_rules import PriorityTimes
from hw.signal.ntcip1202.objects import Command, control_cell
from hw.sim import ntcip_intersection
from hw.sim.ntcip_intersection import SimulatedController
from tests.certificates import secure_channel
from tests.faults.priority_street import Crossing, bus
from tests.waiting import until

THROUGH_S = 25.0
"""Into the plan: groups 2 and 6 are green, with 8 s to go."""
LEFT_TURNS_S = 76.0
"""The plan begins anew, with the greens of the left turns 1 and 5."""
METHOD = "/edge.v1.IntersectionService/RequestPriority"


async def test_a_green_is_held_for_a_bus_and_ends_when_it_has_gone(tmp_path: Path) -> None:
    crossing = Crossing(tmp_path)
    crossing.street.pass_s(THROUGH_S)
    async with crossing.running(), asyncio.timeout(30), crossing.client("bus-17") as client:
        async with client.request_priority(bus()) as call:
            status = await call.wait_for("granted", timeout_s=10)
            assert status.signal is not None
            assert (status.signal.signal_group, status.signal.is_green) == (2, True)
            assert crossing.told(Command.HOLD) == {2}
            crossing.street.pass_s(60.0)
            assert lamp(crossing, 2) is LampState.GREEN, "held far beyond its plan"
        await until(lambda: crossing.told(Command.HOLD) == set())
        crossing.street.pass_s(1.0)
        assert lamp(crossing, 2) is LampState.YELLOW
        outcomes = [row["outcome"] for row in await audited(crossing)]
        assert outcomes == ["allowed", "granted", "ended"]
        kinds = [event.kind for event in crossing.board.events if event.component == "priority"]
        assert kinds == ["priority_granted", "priority_ended"]
        assert "bus-17" not in str(crossing.board.events), "events leave the node: no names"


async def test_a_red_turns_green_sooner_for_a_bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ntcip_intersection, "MIN_GREEN_S", 1)
    crossing = Crossing(tmp_path)
    crossing.street.pass_s(LEFT_TURNS_S - 1.0)
    async with crossing.running(), asyncio.timeout(30), crossing.client("bus-17") as client:
        crossing.street.pass_s(3.0)  # the left turns become green, and are for two seconds already
        began_ns = crossing.street.now_ns - 2_000_000_000
        async with client.request_priority(bus(in_s=8.0)) as call:
            await call.wait_for("granted", timeout_s=10)
            assert crossing.told(Command.VEHICLE_CALL) == {2}
            await until(lambda: crossing.told(Command.FORCE_OFF) == {1}, timeout_s=5)
            crossing.street.pass_s(0.2)
            assert lamp(crossing, 1) is LampState.YELLOW
            await until(lambda: crossing.told(Command.FORCE_OFF) == set())
            took_s = time_to_green(crossing, 2, began_ns)
            await until(lambda: crossing.told(Command.HOLD) == {2})
            await until(lambda: crossing.told(Command.VEHICLE_CALL) == set())
    assert took_s < 8.0
    assert undisturbed_s(2) == pytest.approx(13.0, abs=0.2)
    assert crossing.told(Command.HOLD) == set()


@pytest.mark.parametrize("walking_s", [15.0, 25.0], ids=["walk", "clearance"])
async def test_people_who_walk_are_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, walking_s: float
) -> None:
    monkeypatch.setattr(ntcip_intersection, "MIN_GREEN_S", 1)
    crossing = Crossing(tmp_path)
    crossing.street.pass_s(12.0)
    async with crossing.running(), asyncio.timeout(30), crossing.client("bus-17") as client:
        crossing.street.pass_s(walking_s - 12.0)
        request = bus(32, in_s=10.0, leave=43)
        async with client.request_priority(request) as call:
            await call.wait_for("granted", timeout_s=10)
            await until(lambda: crossing.told(Command.FORCE_OFF) == {2}, timeout_s=5)
            assert lamp(crossing, 6) is LampState.GREEN, "people walk beside phase 6: it is never forced off"
            assert crossing.told(Command.VEHICLE_CALL) == {4}


async def test_a_stream_that_is_cut_takes_the_hold_back(tmp_path: Path) -> None:
    crossing = Crossing(tmp_path)
    crossing.street.pass_s(THROUGH_S)
    async with crossing.running(), asyncio.timeout(30):
        client = crossing.client("bus-17")
        await client.__aenter__()
        async with client.request_priority(bus()) as call:
            await call.wait_for("granted", timeout_s=10)
            await client._connection.close()
            await until(lambda: crossing.told(Command.HOLD) == set())
        await client.__aexit__(None, None, None)
        assert crossing.guarded.priority is not None
        await until(lambda: crossing.guarded.priority and crossing.guarded.priority.counters["streams"] == 0)


async def test_a_stream_that_stays_open_and_silent_loses_its_hold_with_its_lease(tmp_path: Path) -> None:
    crossing = Crossing(tmp_path, times=PriorityTimes(lease_s=0.4))
    crossing.street.pass_s(THROUGH_S)
    async with crossing.running(), asyncio.timeout(30):
        folder = crossing.authority.issue("bus-17", Role.VEHICLE)
        async with secure_channel(crossing.address, folder) as channel:
            call = channel.stream_stream(METHOD)()
            await call.write(wire_request())
            await until(lambda: crossing.told(Command.HOLD) == {2})
            await until(lambda: crossing.told(Command.HOLD) == set())
            assert crossing.board.counters("priority")["silent"] == 1
            call.cancel()


@pytest.mark.parametrize(
    ("name", "role", "words"),
    [
        ("bus-17", "emergency", "not allowed to ask as emergency"),
        ("car-5", "public_transport", "not allowed to ask as public_transport"),
        ("car-5", "ambulance", "not allowed to ask as ambulance"),
        ("fire-1", "freight", "not allowed to ask as freight"),
    ],
)
async def test_a_certificate_gets_nothing_in_a_role_that_is_not_its_own(
    tmp_path: Path, name: str, role: str, words: str
) -> None:
    crossing = Crossing(tmp_path)
    crossing.street.pass_s(THROUGH_S)
    async with (
        crossing.running(),
        asyncio.timeout(30),
        crossing.client(name) as client,
        client.request_priority(bus(role=role)) as call,
    ):
        status = await call.wait_for("rejected", "granted", timeout_s=10)
    assert status.state == "rejected"
    assert words in status.reason
    assert crossing.writes == 0


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.VEHICLE])
async def test_only_vehicles_may_ask_at_all(tmp_path: Path, role: Role) -> None:
    crossing = Crossing(tmp_path)
    async with (
        crossing.running(),
        asyncio.timeout(30),
        crossing.client("bus-17", role) as client,
        client.request_priority(bus()) as call,
    ):
        with pytest.raises(RefusedError, match="is not for"):
            await call.wait_for("granted", timeout_s=10)
    assert crossing.guarded.counters["refused_role"] == 1


async def test_a_certificate_that_is_revoked_takes_its_hold_with_it(tmp_path: Path) -> None:
    crossing = Crossing(tmp_path)
    crossing.street.pass_s(THROUGH_S)
    async with (
        crossing.running(),
        asyncio.timeout(30),
        crossing.client("bus-17") as client,
        client.request_priority(bus(in_s=10.0)) as call,
    ):
        await call.wait_for("granted", timeout_s=10)
        crossing.authority.revoke("bus-17")
        await until(lambda: crossing.told(Command.HOLD) == set())
        with pytest.raises(RefusedError, match="revoked"):
            await rejected(call, "never told: the call itself ends", granted=True)
        assert call.status.state == "unknown"


async def test_an_agent_that_refuses_to_be_written_to_grants_nothing(tmp_path: Path) -> None:
    crossing = Crossing(tmp_path)
    crossing.street.agent.faults.absent = {control_cell(Command.HOLD, 1)}
    crossing.street.pass_s(THROUGH_S)
    async with (
        crossing.running(),
        asyncio.timeout(30),
        crossing.client("bus-17") as client,
        client.request_priority(bus(in_s=8.0)) as call,
    ):
        status = await call.wait_for("rejected", "granted", timeout_s=15)
        assert (status.state, status.reason) == (
            "rejected",
            "the controller did not confirm what it was told",
        )
        assert crossing.board.counters("priority")["granted"] == 0


async def test_withdrawn_signals_take_the_hold_back_at_once(tmp_path: Path) -> None:
    crossing = Crossing(tmp_path)
    crossing.street.pass_s(THROUGH_S)
    async with (
        crossing.running(),
        asyncio.timeout(30),
        crossing.client("bus-17") as client,
        client.request_priority(bus()) as call,
    ):
        await call.wait_for("granted", timeout_s=10)
        crossing.signals.doubt("camera sees red")
        status = await call.wait_for("rejected", timeout_s=10)
        assert "withdrawn: camera sees red" in status.reason
        assert status.signal is None
        await until(lambda: crossing.told(Command.HOLD) == set())
        assert crossing.board.counters("priority")["withdrawn"] == 1


async def test_a_fire_engine_takes_over_and_the_bus_watches(tmp_path: Path) -> None:
    crossing = Crossing(tmp_path)
    crossing.street.pass_s(THROUGH_S)
    async with (
        crossing.running(),
        asyncio.timeout(30),
        crossing.client("bus-17") as client,
        crossing.client("fire-1") as engine,
        client.request_priority(bus()) as call,
    ):
        await call.wait_for("granted", timeout_s=10)
        async with engine.request_priority(bus(32, role="fire", leave=43)) as urgent:
            await urgent.wait_for("granted", timeout_s=10)
            await call.wait_for("watch_other_traffic", timeout_s=10)
            await until(lambda: crossing.told(Command.HOLD) == set())
            assert crossing.told(Command.VEHICLE_CALL) == {4}


async def test_a_controller_that_would_keep_commands_too_long_is_told_nothing(tmp_path: Path) -> None:
    crossing = Crossing(tmp_path)
    crossing.street.agent.controller.backup_s = 0
    crossing.street.pass_s(THROUGH_S)
    async with (
        crossing.running(),
        asyncio.timeout(30),
        crossing.client("bus-17") as client,
        client.request_priority(bus()) as call,
    ):
        await rejected(call, "unitBackupTime is 0 s")
    assert crossing.writes == 0
    assert crossing.board.state("priority") is HealthState.DEGRADED


async def test_a_node_that_ends_takes_everything_back(tmp_path: Path) -> None:
    crossing = Crossing(tmp_path)
    crossing.street.pass_s(THROUGH_S)
    async with asyncio.timeout(30):
        async with (
            crossing.running(),
            crossing.client("bus-17") as client,
            client.request_priority(bus()) as call,
        ):
            await call.wait_for("granted", timeout_s=10)
            crossing.signals.withdraw("the node is stopping")
            await until(lambda: crossing.told(Command.HOLD) == set())


async def rejected(call: PriorityCall, words: str, *, granted: bool = False) -> None:
    """Wait for a rejection for this reason; on a busy machine lamps may go unseen for a moment, which is another."""
    async for status in call.changes():
        assert granted or not status.is_granted
        if status.state == "rejected" and words in status.reason:
            return


def lamp(crossing: Crossing, phase: int) -> LampState:
    return crossing.street.agent.controller.lamp(("vehicle", phase))


def time_to_green(crossing: Crossing, phase: int, since_ns: int) -> float:
    """Seconds of the controller until a phase is green; moves its clock."""
    while lamp(crossing, phase) is not LampState.GREEN:
        crossing.street.pass_s(0.1)
    return (crossing.street.now_ns - since_ns) / 1e9


def undisturbed_s(phase: int) -> float:
    """The same of a controller that nobody commands."""
    controller, tenths = SimulatedController(), 0
    while controller.lamp(("vehicle", phase)) is not LampState.GREEN:
        controller.advance(tenths * 100_000_000)
        tenths += 1
    return tenths / 10


def wire_request() -> bytes:
    """One message as the client sends it."""
    message = request_message(bus())
    message.stamp_ns = time.time_ns()
    return message.SerializeToString()


async def audited(crossing: Crossing) -> list[dict[str, str]]:
    """The rows of the audit log about requests for priority."""

    def rows() -> list[dict[str, str]]:
        path = crossing.guarded.audit
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [row for row in map(json.loads, lines) if row["method"] == METHOD]

    await until(lambda: len(rows()) >= 3)
    return rows()
