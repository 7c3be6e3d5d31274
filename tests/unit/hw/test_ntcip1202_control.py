"""Phase control: only what is granted, only while it is wished, and taken back whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from edge.core.signals import GroupKind, LampState
from hw.signal.ntcip1202.control import ControlGrant, PhaseControl
from hw.signal.ntcip1202.controller import Ntcip1202Controller
from hw.signal.ntcip1202.objects import Command, control_cell
from hw.snmp.client import Agent, SnmpClient
from tests.ntcip_street import FAST, Street, group, street, wait_for
from tests.waiting import until

GRANT = ControlGrant(
    frozenset({Command.HOLD, Command.FORCE_OFF, Command.VEHICLE_CALL, Command.PHASE_OMIT}),
    frozenset({1, 2, 6, 9}),
    interval_s=0.0,
)


@dataclass
class Desk:
    """A running control with hands on its clock and its eyes."""

    street: Street
    control: PhaseControl
    counters: Counter[str]
    task: asyncio.Task[None]
    now_s: float = 1000.0
    sees: bool = True
    looks: int = 0

    def look(self) -> bool:
        """The control looks at the lamps once a tick."""
        self.looks += 1
        return self.sees

    async def ticks(self) -> None:
        """Return when the control has had the time to do what is due."""
        looks = self.looks
        await until(lambda: self.looks >= looks + 3)

    def held(self, command: Command = Command.HOLD) -> int:
        return self.street.agent.controller.commands[command]

    def hold(self, *phases: int, for_s: float = 2.0, source: str = "test") -> str | None:
        return self.control.ask(Command.HOLD, frozenset(phases), source=source, for_s=for_s)


@contextlib.asynccontextmanager
async def desk(*, grant: ControlGrant = GRANT, backup_s: int | None = 10) -> AsyncIterator[Desk]:
    async with street() as s:
        s.agent.controller.backup_s = 0
        counters: Counter[str] = Counter()
        client = SnmpClient(Agent(*s.address), device="controller", counters=counters)
        control = PhaseControl(
            client,
            grant,
            name="controller",
            counters=counters,
            sees_lamps=lambda: d.look(),  # noqa: PLW0108 - the desk comes later
            now_s=lambda: d.now_s,
        )
        control.allow(phases=16, backup_s=backup_s)
        async with client.connected():
            task = asyncio.create_task(control.run())
            d = Desk(s, control, counters, task)
            await asyncio.sleep(0)
            try:
                yield d
            finally:
                task.cancel()
                await asyncio.wait((task,))


async def test_a_wish_is_written_and_taken_back_when_nobody_repeats_it() -> None:
    async with desk() as d:
        assert d.hold(2, 6) is None
        await until(lambda: d.held() == 0b100010)
        d.now_s += 1.9
        assert d.hold(2) is None
        await until(lambda: d.held() == 0b10)
        d.now_s += 2.1
        await until(lambda: d.held() == 0)
        assert d.counters["control_lapsed"] == 1


async def test_phases_of_the_second_group_have_an_object_of_their_own() -> None:
    async with desk() as d:
        assert d.hold(2, 9) is None
        await until(lambda: d.held() == 0b1_0000_0010)


async def test_wishes_of_several_sources_are_joined_and_released_apart() -> None:
    async with desk() as d:
        d.hold(2, source="bus")
        d.hold(6, source="tram")
        await until(lambda: d.held() == 0b100010)
        d.control.release("bus")
        await until(lambda: d.held() == 0b100000)


async def test_a_lease_is_never_longer_than_granted() -> None:
    async with desk() as d:
        d.hold(2, for_s=3600.0)
        await until(d.held)
        d.now_s += GRANT.lease_s + 0.1
        await until(lambda: not d.held())


async def test_a_standing_command_is_repeated_within_the_backup_time() -> None:
    async with desk(backup_s=3) as d:
        d.hold(2)
        await until(lambda: d.counters["control_writes"] == 1)
        d.now_s += 0.9
        d.hold(2)
        await d.ticks()
        assert d.counters["control_writes"] == 1
        d.now_s += 0.2  # a third of the backup time has passed
        await until(lambda: d.counters["control_writes"] == 2)


async def test_a_force_off_is_written_once() -> None:
    """Written again after the green has ended, it would end the next green."""
    async with desk() as d:
        d.control.ask(Command.FORCE_OFF, frozenset({2}), source="test", for_s=2.0)
        await until(lambda: d.counters["control_writes"] == 1)
        d.street.agent.controller.commands[Command.FORCE_OFF] = 0  # as a controller does when the green ends
        for _ in range(4):
            d.now_s += 1.5
            d.control.ask(Command.FORCE_OFF, frozenset({2}), source="test", for_s=2.0)
            await d.ticks()
        assert d.counters["control_writes"] == 1


async def test_changes_are_rate_limited_and_taking_back_is_not() -> None:
    async with desk(grant=dataclasses.replace(GRANT, interval_s=0.5)) as d:
        d.hold(2)
        await until(lambda: d.held() == 0b10)
        d.hold(2, 6)
        await d.ticks()
        assert d.held() == 0b10
        d.control.release("test")
        await until(lambda: d.held() == 0)
        d.hold(2)
        await d.ticks()
        assert d.held() == 0
        d.now_s += 0.5
        d.hold(2)
        await until(lambda: d.held() == 0b10)


async def test_another_phase_is_waited_with_and_the_one_before_it_is_taken_back_now() -> None:
    async with desk(grant=dataclasses.replace(GRANT, interval_s=0.5)) as d:
        d.hold(2)
        await until(lambda: d.held() == 0b10)
        d.hold(6)
        await until(lambda: d.held() == 0)
        d.now_s += 0.5
        d.hold(6)
        await until(lambda: d.held() == 0b100000)


async def test_a_taking_back_that_is_lost_does_not_wait_for_the_interval() -> None:
    async with desk(grant=dataclasses.replace(GRANT, interval_s=60.0, lease_s=99.0)) as d:
        d.hold(2)
        await until(lambda: d.control.stands(Command.HOLD, 2))
        d.street.agent.faults.silent = True
        d.control.release("test")
        await until(lambda: d.counters["control_errors"] == 1)
        d.street.agent.faults.silent = False
        d.now_s += 0.5
        await until(lambda: d.held() == 0)


async def test_a_taking_back_that_the_agent_refuses_is_repeated_until_it_is_taken() -> None:
    async with desk() as d:
        d.hold(2)
        await until(lambda: d.control.stands(Command.HOLD, 2))
        d.street.agent.faults.absent = {control_cell(Command.HOLD, 1)}
        d.control.release("test")
        await until(lambda: d.counters["control_errors"] >= 4)
        d.street.agent.faults.absent = set()
        await until(lambda: d.held() == 0)


async def test_what_is_released_while_another_write_is_under_way_is_not_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with desk() as d:
        d.hold(2)
        await until(lambda: d.control.stands(Command.HOLD, 2))
        d.control.release("test")
        await until(lambda: not d.held())
        told = []
        monkeypatch.setattr(
            d.street.agent, "command", lambda command, _group, octet: told.append((command, octet))
        )
        await d.ticks()
        writes = d.counters["control_writes"]
        d.street.agent.faults.silent = True
        d.hold(2)
        d.control.ask(Command.FORCE_OFF, frozenset({6}), source="test", for_s=2.0)
        await until(lambda: d.counters["control_writes"] == writes + 1)
        d.control.release("test")
        d.street.agent.faults.silent = False
        await until(lambda: told)
        await d.ticks()
        assert told == [(Command.HOLD, 0)], "the hold may stand, the force-off was never sent"


async def test_what_a_killed_node_left_goes_before_the_first_command_and_not_without_one() -> None:
    async with desk() as d:
        for command in (Command.FORCE_OFF, Command.VEHICLE_CALL):
            d.street.agent.command(command, 1, 0b100010)
            d.street.agent.command(command, 2, 0b1)
        await d.ticks()
        assert (d.held(Command.FORCE_OFF), d.street.agent.counters["writes"]) == (0b1_0010_0010, 0)
        d.hold(2)
        await until(d.held)
        assert (d.held(), d.held(Command.FORCE_OFF), d.held(Command.VEHICLE_CALL)) == (0b10, 0, 0)
        assert d.counters["control_writes"] == 1
        d.street.agent.command(Command.FORCE_OFF, 1, 0b10)
        d.hold(2, 6)
        await until(lambda: d.held() == 0b100010)
        assert d.held(Command.FORCE_OFF) == 0b10, "once is enough"


async def test_nothing_is_commanded_beside_what_a_killed_node_left() -> None:
    async with desk() as d:
        d.street.agent.faults.silent = True
        d.hold(2)
        await until(lambda: d.counters["control_errors"] >= 2)
        assert d.counters["control_writes"] == 0
        d.street.agent.faults.silent = False
        await until(lambda: d.held() == 0b10)


async def test_an_object_that_is_not_there_keeps_no_command_from_the_others() -> None:
    async with desk() as d:
        d.street.agent.faults.absent = {control_cell(Command.FORCE_OFF, 1)}
        d.hold(2)
        await until(lambda: d.held() == 0b10)


async def test_blindness_takes_everything_back_and_refuses() -> None:
    async with desk() as d:
        d.hold(2)
        await until(d.held)
        d.sees = False
        await until(lambda: not d.held())
        assert "not seen" in (d.hold(2) or "")


async def test_the_end_takes_everything_back() -> None:
    async with desk() as d:
        d.hold(2, 9)
        d.control.ask(Command.VEHICLE_CALL, frozenset({1}), source="test", for_s=2.0)
        await until(lambda: d.held() and d.held(Command.VEHICLE_CALL))
        d.task.cancel()
        await until(d.task.done)
        assert not any(d.street.agent.controller.commands.values())
        assert "not seen" in (d.hold(2) or "")


async def test_the_end_takes_back_what_it_can_where_one_object_refuses() -> None:
    async with desk() as d:
        d.hold(2)
        d.control.ask(Command.VEHICLE_CALL, frozenset({1}), source="test", for_s=2.0)
        await until(lambda: d.control.stands(Command.HOLD, 2) and d.control.stands(Command.VEHICLE_CALL, 1))
        d.street.agent.faults.absent = {control_cell(Command.VEHICLE_CALL, 1)}
        d.task.cancel()
        await until(d.task.done)
        assert (d.held(), d.held(Command.VEHICLE_CALL)) == (0, 1)


async def test_a_clock_that_is_set_back_shows_no_lamps(monkeypatch: pytest.MonkeyPatch) -> None:
    now_ns = 1_800_000_000_000_000_000
    controller = Ntcip1202Controller(Agent("127.0.0.1", 1), name="controller", now_ns=lambda: now_ns)
    monkeypatch.setattr(controller, "_alive_ns", now_ns)
    assert controller._sees_lamps()
    now_ns -= 3_600_000_000_000
    assert not controller._sees_lamps()


async def test_a_lost_write_is_repeated_and_what_may_stand_is_taken_back() -> None:
    async with desk() as d:
        d.street.agent.faults.silent = True
        d.hold(2)
        await until(lambda: d.counters["control_errors"] >= 1)
        d.street.agent.faults.silent = False
        d.now_s += 0.3
        await until(lambda: d.held() == 0b10)


async def test_a_write_that_the_agent_refuses_is_not_hammered() -> None:
    async with desk() as d:
        d.street.agent.faults.absent = {control_cell(Command.HOLD, 1)}
        d.hold(2)
        await until(lambda: d.counters["control_errors"] == 1)
        await d.ticks()
        assert d.counters["control_writes"] == 1
        d.now_s += 1.0
        d.hold(2)
        await until(lambda: d.counters["control_writes"] == 2)


async def test_a_command_stands_once_the_agent_has_confirmed_it_and_until_it_is_taken_back() -> None:
    async with desk() as d:
        d.street.agent.faults.silent = True
        d.hold(2, 9)
        await until(lambda: d.counters["control_errors"] >= 1)
        assert not d.control.stands(Command.HOLD, 2)
        d.street.agent.faults.silent = False
        d.now_s += 0.3
        d.hold(2, 9)
        await until(lambda: d.control.stands(Command.HOLD, 2) and d.control.stands(Command.HOLD, 9))
        assert not d.control.stands(Command.HOLD, 1)
        assert not d.control.stands(Command.VEHICLE_CALL, 2)
        d.control.release("test")
        await until(lambda: not d.control.stands(Command.HOLD, 2))


async def test_a_command_that_the_agent_refuses_does_not_stand() -> None:
    async with desk() as d:
        d.street.agent.faults.absent = {control_cell(Command.HOLD, 1)}
        d.hold(2)
        await until(lambda: d.counters["control_errors"] == 1)
        await d.ticks()
        assert not d.control.stands(Command.HOLD, 2)


@pytest.mark.parametrize(
    ("command", "phases", "reason"),
    [
        (Command.PED_OMIT, {2}, "ped_omit is not among control.commands"),
        (Command.HOLD, {2, 3}, r"phases \[3\] are not among control.phases"),
        (Command.HOLD, set(), "no phase is named"),
    ],
)
async def test_what_is_not_granted_is_refused(command: Command, phases: set[int], reason: str) -> None:
    async with desk() as d:
        refusal = d.control.ask(command, frozenset(phases), source="test", for_s=1.0)
        with pytest.raises(AssertionError, match=reason):
            raise AssertionError(refusal)
        assert d.counters["control_refused"] == 1
        assert d.counters["control_writes"] == 0


@pytest.mark.parametrize("backup_s", [None, 0, 600])
async def test_without_a_short_backup_time_nothing_is_commanded(backup_s: int | None) -> None:
    async with desk(backup_s=backup_s) as d:
        assert "unitBackupTime" in (d.hold(2) or "")
        assert d.counters["control_writes"] == 0


async def test_phases_that_the_controller_does_not_have_are_refused() -> None:
    async with desk() as d:
        d.control.allow(phases=8, backup_s=10)
        assert d.hold(9) == "the controller has 8 phases"


async def test_through_the_driver_a_held_green_stays_and_falls_when_the_driver_closes() -> None:
    async with street() as s, asyncio.timeout(20):
        grant = ControlGrant(frozenset({Command.HOLD}), frozenset({2}))
        controller = Ntcip1202Controller(
            Agent(*s.address),
            name="controller",
            settings=dataclasses.replace(FAST, period_s=0.05),
            grant=grant,
        )
        assert controller.control is not None
        async with controller.snapshots() as snapshots:
            s.pass_s(20.0)
            await wait_for(
                snapshots, lambda found: group(found, GroupKind.VEHICLE, 2).lamp is LampState.GREEN
            )
            await until(
                lambda: (
                    controller.control
                    and controller.control.ask(Command.HOLD, frozenset({2}), source="test", for_s=2.0) is None
                )
            )
            await until(lambda: s.agent.controller.commands[Command.HOLD] == 0b10)
            s.agent.controller.backup_s = 0
            s.pass_s(60.0)
            held = await anext(snapshots)
            assert group(held, GroupKind.VEHICLE, 2).lamp is LampState.GREEN
        assert s.agent.controller.commands[Command.HOLD] == 0
        s.pass_s(1.0)
        assert s.agent.controller.lamp(("vehicle", 2)) is LampState.YELLOW
