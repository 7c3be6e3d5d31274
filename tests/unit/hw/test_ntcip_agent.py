"""The simulated agent: SNMP as a real one has it, and a plan that obeys."""

from __future__ import annotations

import dataclasses
import socket
import subprocess
import sys

import pytest

from edge.core.signals import LampState
from hw.signal.ntcip1202 import objects
from hw.signal.ntcip1202.objects import Command, cell, control_cell
from hw.sim.ntcip_agent import NtcipAgent
from hw.sim.ntcip_intersection import SimulatedController
from hw.sim.signal_plan import CYCLE_DS, CYCLE_S, GROUPS, STEPS, step_at
from hw.snmp import ber, message
from hw.snmp.client import Agent
from hw.snmp.message import GET, GET_NEXT, SET, V1, V2C, Message, VarBind, decode_message, encode_message

SECOND = 1_000_000_000
HOLD_1 = control_cell(Command.HOLD, 1)


def ask(agent: NtcipAgent, kind: int, *varbinds: VarBind, version: int = V1) -> Message:
    answer = agent.answer(encode_message(Message(version, b"public", kind, 7, 0, 0, varbinds)))
    assert answer is not None
    return decode_message(answer)


def test_the_plan_is_the_plan_of_the_crossing() -> None:
    controller = SimulatedController()
    for tenth in range(2 * CYCLE_DS):
        controller.advance(tenth * SECOND // 10 + 1)
        index, _ = step_at(tenth % CYCLE_DS)
        assert {g: controller.lamp(g) for g in GROUPS} == {g: STEPS[index].lamp(g) for g in GROUPS}, tenth


def at(seconds: float) -> SimulatedController:
    controller = SimulatedController(backup_s=0)
    for tenth in range(round(seconds * 10) + 1):
        controller.advance(tenth * SECOND // 10)
    return controller


def passed(controller: SimulatedController, start_s: float, seconds: float) -> None:
    for tenth in range(1, round(seconds * 10) + 1):
        controller.advance(round(start_s * SECOND) + tenth * SECOND // 10)


def test_a_held_green_waits_and_goes_on_when_released() -> None:
    controller = at(20.0)
    controller.command(Command.HOLD, 0b10, 20 * SECOND)
    passed(controller, 20.0, 100.0)
    assert controller.lamp(("vehicle", 2)) is LampState.GREEN
    controller.command(Command.HOLD, 0, 120 * SECOND)
    passed(controller, 120.0, 0.1)
    assert controller.lamp(("vehicle", 2)) is LampState.YELLOW


def test_a_force_off_waits_for_minimum_green_and_walkers() -> None:
    controller = at(2.0)
    controller.command(Command.FORCE_OFF, 0b1, 2 * SECOND)
    passed(controller, 2.0, 2.9)
    assert controller.lamp(("vehicle", 1)) is LampState.GREEN
    passed(controller, 4.9, 0.3)
    assert controller.lamp(("vehicle", 1)) is LampState.YELLOW
    assert controller.commands[Command.FORCE_OFF] == 0
    walking = at(20.0)
    walking.command(Command.FORCE_OFF, 0b10, 20 * SECOND)
    passed(walking, 20.0, 10.0)
    assert walking.lamp(("vehicle", 2)) is LampState.GREEN


def test_omitted_phases_and_walkers_stay_red() -> None:
    controller = at(2.0)
    controller.command(Command.PHASE_OMIT, 0b10, 2 * SECOND)
    controller.command(Command.PED_OMIT, 0b100000, 2 * SECOND)
    passed(controller, 2.0, 13.0)
    assert controller.lamp(("vehicle", 2)) is LampState.RED
    assert controller.lamp(("vehicle", 6)) is LampState.GREEN
    assert controller.lamp(("pedestrian", 6)) is LampState.RED


def test_commands_end_with_the_backup_time() -> None:
    controller = at(1.0)
    controller.backup_s = 10
    controller.command(Command.HOLD, 0xFF, 1 * SECOND)
    controller.advance(11 * SECOND)
    assert controller.commands[Command.HOLD] == 0xFF
    controller.advance(11 * SECOND + 1)
    assert controller.commands[Command.HOLD] == 0


@pytest.mark.parametrize(
    ("varbind", "version", "status"),
    [
        (VarBind(cell(objects.REDS, 1), ber.INTEGER, 0), V1, message.READ_ONLY),
        (VarBind(cell(objects.REDS, 1), ber.INTEGER, 0), V2C, message.NOT_WRITABLE),
        (VarBind(ber.oid("1.3.6.1.9"), ber.INTEGER, 0), V1, message.NO_SUCH_NAME),
        (VarBind(HOLD_1, ber.INTEGER, 256), V1, message.BAD_VALUE),
        (VarBind(HOLD_1, ber.OCTETS, b"1"), V2C, message.WRONG_TYPE),
    ],
)
def test_sets_that_cannot_be_are_refused_whole(varbind: VarBind, version: int, status: int) -> None:
    agent = NtcipAgent()
    answer = ask(agent, SET, VarBind(HOLD_1, ber.INTEGER, 1), varbind, version=version)
    assert (answer.error_status, answer.error_index) == (status, 2)
    assert agent.controller.commands[Command.HOLD] == 0


def test_missing_objects_fail_a_v1_request_and_one_value_of_v2c() -> None:
    agent, strange = NtcipAgent(), VarBind(ber.oid("1.3.6.1.9"))
    wanted = (VarBind(objects.MAX_PHASES), strange)
    assert ask(agent, GET, *wanted).error_index == 2
    values = ask(agent, GET, *wanted, version=V2C).varbinds
    assert [(v.tag, v.value) for v in values] == [(ber.INTEGER, 16), (message.NO_SUCH_INSTANCE, None)]


def test_a_walk_meets_every_object_once_in_order() -> None:
    agent, name, seen = NtcipAgent(), ber.oid("1.3"), []
    while True:
        (found,) = ask(agent, GET_NEXT, VarBind(name), version=V2C).varbinds
        if found.tag == message.END_OF_MIB_VIEW:
            break
        name = found.oid
        seen.append(ber.arcs_of(name))
    assert seen == sorted(set(seen))
    assert len(seen) > 130


def test_what_is_too_big_is_said() -> None:
    agent = NtcipAgent()
    agent.faults.most_octets = 60
    assert ask(agent, GET, VarBind(objects.MAX_PHASES)).error_status == message.NO_ERROR
    columns = [VarBind(cell(objects.REDS, 1))] * 4
    assert ask(agent, GET, *columns).error_status in (message.TOO_BIG,) or len(columns) < 4


def test_strangers_and_noise_get_no_answer() -> None:
    agent = NtcipAgent(write_community=b"secret")
    request = Message(V1, b"wrong", GET, 1, 0, 0, (VarBind(objects.MAX_PHASES),))
    assert agent.answer(encode_message(request)) is None
    write = dataclasses.replace(request, kind=SET, community=b"public")
    assert agent.answer(encode_message(write)) is None
    assert agent.answer(b"noise") is None
    assert agent.counters == {"foreign": 2, "bad": 1}


def test_the_command_serves_a_port() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "hw.sim.ntcip_agent", "--port", "0"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline().rsplit(":", maxsplit=1)[1])
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(10)
                request = Agent("", 0).request(GET, [VarBind(objects.COORD_CYCLE)])
                client.sendto(request.octets(1 << 24), ("127.0.0.1", port))
                left_s = decode_message(client.recv(1000)).varbinds[0].value
            assert isinstance(left_s, int)
            assert 0 <= left_s <= CYCLE_S
        finally:
            process.kill()
