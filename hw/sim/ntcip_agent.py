"""A simulated NEMA controller that speaks SNMPv1 and v2c: `python -m hw.sim.ntcip_agent --port 1161`.

It answers GET, GETNEXT and SET for the objects of NTCIP 1202 v02 that a roadside node needs, steps the plan of
`hw.sim.signal_plan`, obeys phase control, and pushes TSCBM where it is told to once its SPaT switch is on.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from edge.core.errors import CodecError
from edge.core.signals import LampState
from edge.core.stamp import NS_PER_MS
from hw.signal.ntcip1202 import objects
from hw.signal.ntcip1202.objects import PER_GROUP, Command, cell
from hw.sim import ntcip_intersection as plan
from hw.sim.ntcip_intersection import SimulatedController
from hw.sim.poses import WorldState, empty_rows
from hw.sim.signal_plan import CYCLE_S, group_states
from hw.sim.tscbm_sender import TscbmSender
from hw.snmp import ber, message
from hw.snmp.message import Message, VarBind, decode_message, encode_message

PUSH_S = 0.1
MAX_PHASES, GROUPS = 16, (1, 2)
Time = Callable[[], int]


class MibObject(NamedTuple):
    """One object: how it is read, and how it is written (None: read-only)."""

    read: Callable[[], int]
    write: Callable[[int], None] | None = None
    tag: int = ber.INTEGER


@dataclass(slots=True)
class AgentFaults:
    """Faults that a test switches on.

    Attributes:
        silent: answer nothing.
        garbage: so many of the next answers are no SNMP.
        wrong_types: integers go out as text.
        signed: octets above 127 go out as negative numbers.
        duplicate: every answer goes out twice.
        delay_s: answers wait that long.
        most_octets: longer answers become tooBig.
        absent: objects that are not there.
    """

    silent: bool = False
    garbage: int = 0
    wrong_types: bool = False
    signed: bool = False
    duplicate: bool = False
    delay_s: float = 0.0
    most_octets: int = 1400
    absent: set[bytes] = field(default_factory=set)


class NtcipAgent:
    """The agent on a UDP port. Counters: requests, refused, foreign (community), bad, sent, writes, pushed.

    Args:
        community, write_community: what it wants to hear; a write community of None is the same.
        push_to: where TSCBM goes while its switch is on.
        now_ns: UTC ns; tests give a clock of their own.
    """

    def __init__(
        self,
        *,
        community: bytes = b"public",
        write_community: bytes | None = None,
        push_to: tuple[str, int] | None = None,
        now_ns: Time = time.time_ns,
    ) -> None:
        self.faults, self.counters = AgentFaults(), Counter[str]()
        self.controller = SimulatedController()
        self.push = objects.PUSH_OFF
        self._community, self._write_community = community, write_community or community
        self._now_ns, self._start_ns = now_ns, now_ns()
        self._mib = _mib(self)
        self._order = sorted(self._mib, key=ber.arcs_of)
        self._socket: socket.socket | None = None
        self._sender = None if push_to is None else TscbmSender(push_to)
        self._timer: asyncio.TimerHandle | None = None
        self.address: tuple[str, int] | None = None

    def open(self, host: str = "127.0.0.1", port: int = 0) -> tuple[str, int]:
        """Serve from the running event loop until `close`; returns the address."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind((host, port))
        asyncio.get_running_loop().add_reader(self._socket, self._read)
        name = self._socket.getsockname()
        self.address = (name[0], name[1])
        self._tick()
        return self.address

    def close(self) -> None:
        """Leave the port; safe to call twice."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
        if self._timer is not None:
            self._timer.cancel()
        if self._sender is not None:
            self._sender.close()

    def restart(self) -> None:
        """What a power cut does: up-time, commands, the switch and the plan begin anew."""
        self._start_ns, self.push = self._now_ns(), objects.PUSH_OFF
        self.controller = SimulatedController()

    def up_time(self) -> int:
        """Hundredths of a second since the last restart."""
        return (self._now_ns() - self._start_ns) // (10 * NS_PER_MS) & 0xFFFFFFFF

    def command(self, command: Command, group: int, octet: int) -> None:
        """A control object is written."""
        shift = PER_GROUP * (group - 1)
        others = self.controller.commands[command] & ~(0xFF << shift)
        self.controller.command(command, others | octet << shift, self._now_ns())

    def set_push(self, value: int) -> None:
        """The SPaT switch is written."""
        self.push = value

    def answer(self, datagram: bytes) -> bytes | None:
        """The answer to one datagram; None: there is none."""
        try:
            request = decode_message(datagram)
        except CodecError:
            self.counters["bad"] += 1
            return None
        community = self._write_community if request.kind == message.SET else self._community
        if request.community != community or request.kind == message.RESPONSE:
            self.counters["foreign"] += 1
            return None
        self.counters["requests"] += 1
        self.controller.advance(self._now_ns())
        reply = self._reply(request)
        octets = encode_message(reply)
        if len(octets) > self.faults.most_octets:
            octets = encode_message(_failed(request, message.TOO_BIG, 0))
        return octets

    def _read(self) -> None:
        while self._socket is not None:
            try:
                datagram, sender = self._socket.recvfrom(65535)
            except OSError:
                return
            self.take(datagram, sender)

    def take(self, datagram: bytes, sender: tuple[str, int]) -> None:
        """Answer one datagram, with all faults."""
        octets = None if self.faults.silent else self.answer(datagram)
        if octets is None:
            return
        if self.faults.garbage:
            self.faults.garbage -= 1
            octets = b"\x30\x03bad"
        for _ in range(1 + self.faults.duplicate):
            self._send_after(self.faults.delay_s, octets, sender)

    def _send_after(self, delay_s: float, octets: bytes, sender: tuple[str, int]) -> None:
        if delay_s:
            asyncio.get_running_loop().call_later(delay_s, self._send, octets, sender)
        else:
            self._send(octets, sender)

    def _send(self, octets: bytes, sender: tuple[str, int]) -> None:
        if self._socket is not None:
            self._socket.sendto(octets, sender)
            self.counters["sent"] += 1

    def _reply(self, request: Message) -> Message:
        if request.kind == message.SET:
            return self._set(request)
        found = []
        for index, varbind in enumerate(request.varbinds, start=1):
            name = self._next(varbind.oid) if request.kind == message.GET_NEXT else varbind.oid
            known = None if name is None or name in self.faults.absent else self._mib.get(name)
            if known is None and request.version == message.V1:
                return self._refuse(request, message.NO_SUCH_NAME, index)
            if known is None or name is None:
                end = request.kind == message.GET_NEXT
                tag = message.END_OF_MIB_VIEW if end else message.NO_SUCH_INSTANCE
                found.append(VarBind(varbind.oid, tag))
                continue
            found.append(self._value(name, known))
        return _response(request, tuple(found))

    def _value(self, name: bytes, known: MibObject) -> VarBind:
        value = known.read()
        if self.faults.wrong_types and known.tag == ber.INTEGER:
            return VarBind(name, ber.OCTETS, str(value).encode())
        if self.faults.signed and 127 < value < 256:
            value -= 256
        return VarBind(name, known.tag, value)

    def _set(self, request: Message) -> Message:
        """All or nothing, as SNMP has it."""
        v1 = request.version == message.V1
        for index, (name, tag, value) in enumerate(request.varbinds, start=1):
            known = None if name in self.faults.absent else self._mib.get(name)
            if known is None:
                return self._refuse(request, message.NO_SUCH_NAME if v1 else message.NOT_WRITABLE, index)
            if known.write is None:
                return self._refuse(request, message.READ_ONLY if v1 else message.NOT_WRITABLE, index)
            if tag != ber.INTEGER or not isinstance(value, int) or not 0 <= value <= 255:
                return self._refuse(request, message.BAD_VALUE if v1 else message.WRONG_TYPE, index)
        for name, _tag, value in request.varbinds:
            write = self._mib[name].write
            assert write is not None
            assert isinstance(value, int)
            write(value)
            self.counters["writes"] += 1
        return _response(request, request.varbinds)

    def _refuse(self, request: Message, status: int, index: int) -> Message:
        self.counters["refused"] += 1
        return _failed(request, status, index)

    def _next(self, name: bytes) -> bytes | None:
        arcs = ber.arcs_of(name)
        return next((known for known in self._order if ber.arcs_of(known) > arcs), None)

    def _tick(self) -> None:
        """Push TSCBM while the switch is on."""
        self._timer = asyncio.get_running_loop().call_later(PUSH_S, self._tick)
        if self._sender is None or not self.push or self.faults.silent:
            return
        now_ns = self._now_ns()
        self.controller.advance(now_ns)
        self._sender.offer(
            WorldState(now_ns, (), empty_rows(0), groups=group_states(self.controller.cycle_ds))
        )
        self.counters["pushed"] = self._sender.counters["sent"]


def _response(request: Message, varbinds: tuple[VarBind, ...]) -> Message:
    community, request_id = request.community, request.request_id
    return Message(request.version, community, message.RESPONSE, request_id, 0, 0, varbinds)


def _failed(request: Message, status: int, index: int) -> Message:
    community, request_id = request.community, request.request_id
    varbinds = tuple(VarBind(varbind.oid) for varbind in request.varbinds)
    return Message(request.version, community, message.RESPONSE, request_id, status, index, varbinds)


def _mib(agent: NtcipAgent) -> dict[bytes, MibObject]:
    """Every object of the agent."""

    def constant(value: int) -> MibObject:
        return MibObject(lambda: value)

    def unit(name: str) -> MibObject:
        return MibObject(lambda: int(getattr(agent.controller, name)))

    mib = {
        objects.SYSTEM_UP_TIME: MibObject(agent.up_time, tag=message.TIME_TICKS),
        objects.MAX_PHASES: constant(MAX_PHASES),
        objects.MAX_PHASE_GROUPS: constant(len(GROUPS)),
        objects.MAX_OVERLAPS: constant(len(plan.OVERLAPS)),
        objects.MAX_OVERLAP_GROUPS: constant(1),
        objects.UNIT_BACKUP_TIME: unit("backup_s"),
        objects.UNIT_CONTROL_STATUS: unit("control_status"),
        objects.UNIT_FLASH_STATUS: unit("flash"),
        objects.UNIT_ALARM_2: unit("alarm_2"),
        objects.SHORT_ALARM: unit("short_alarm"),
        objects.COORD_PATTERN: unit("pattern"),
        objects.LOCAL_FREE: unit("free"),
        objects.COORD_CYCLE: unit("cycle_left_s"),
        cell(objects.PATTERN_CYCLE, 1): constant(round(CYCLE_S)),
        ber.oid(objects.SPAT_PUSH): MibObject(lambda: agent.push, agent.set_push),
    }
    for group in GROUPS:
        mib |= _group(agent, group)
    for phase in range(1, MAX_PHASES + 1):
        mib |= _phase(phase)
    overlaps = ((objects.OVERLAP_REDS, LampState.RED), (objects.OVERLAP_YELLOWS, LampState.YELLOW))
    for column, lamp in (*overlaps, (objects.OVERLAP_GREENS, LampState.GREEN)):
        mib[cell(column, 1)] = MibObject(lambda lamp=lamp: agent.controller.overlap_mask(lamp))  # type: ignore[misc]
    return mib


def _group(agent: NtcipAgent, group: int) -> dict[bytes, MibObject]:
    """Status and control of eight phases."""
    shift = PER_GROUP * (group - 1)
    lamps = {
        objects.REDS: ("vehicle", LampState.RED),
        objects.YELLOWS: ("vehicle", LampState.YELLOW),
        objects.GREENS: ("vehicle", LampState.GREEN),
        objects.DONT_WALKS: ("pedestrian", LampState.RED),
        objects.PED_CLEARS: ("pedestrian", LampState.FLASHING_RED),
        objects.WALKS: ("pedestrian", LampState.GREEN),
    }

    def octet(mask: int) -> int:
        return mask >> shift & 0xFF

    found = {
        cell(column, group): MibObject(lambda shown=shown: octet(agent.controller.mask(*shown)))  # type: ignore[misc]
        for column, shown in lamps.items()
    }
    found[cell(objects.VEH_CALLS, group)] = MibObject(lambda: octet(agent.controller.vehicle_calls))
    found[cell(objects.PED_CALLS, group)] = MibObject(lambda: octet(agent.controller.pedestrian_calls))
    for command in Command:
        found[objects.control_cell(command, group)] = MibObject(
            lambda command=command: octet(agent.controller.commands[command]),  # type: ignore[misc]
            lambda value, command=command: agent.command(command, group, value),  # type: ignore[misc]
        )
    return found


def _phase(phase: int) -> dict[bytes, MibObject]:
    """The row of a phase in the phase table; all zero for a phase that is not used."""
    walks, used = phase in plan.WALKERS, phase in plan.PHASES
    row = {
        objects.WALK: plan.WALK_S if walks else 0,
        objects.PED_CLEAR: plan.PED_CLEAR_S if walks else 0,
        objects.MIN_GREEN: plan.MIN_GREEN_S if used else 0,
        objects.YELLOW: plan.YELLOW_TENTHS if used else 0,
        objects.RED_CLEAR: plan.RED_CLEAR_TENTHS if used else 0,
        objects.RING: plan.RINGS.get(phase, 0),
    }
    return {cell(column, phase): MibObject(lambda value=value: value) for column, value in row.items()}  # type: ignore[misc]


async def _serve(options: argparse.Namespace) -> None:
    host, _, port = options.push_to.rpartition(":")
    target = (host, int(port)) if port else None
    agent = NtcipAgent(community=options.community.encode(), push_to=target)
    address = agent.open(options.host, options.port)
    print(f"NTCIP 1202 agent on {address[0]}:{address[1]}", flush=True)
    try:
        await asyncio.sleep(options.seconds)
    finally:
        agent.close()


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1161)
    parser.add_argument("--community", default="public")
    parser.add_argument("--push-to", default="", help="HOST:PORT for TSCBM once its switch is on")
    parser.add_argument("--seconds", type=float, default=float("inf"))
    try:
        asyncio.run(_serve(parser.parse_args()))
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
