"""A priority desk over the lights of a small corner, alone or behind a server with TLS."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from edge.access.roles import Identity, Peer, Role
from edge.app.front_priority import PriorityDesk
from edge.core.priority import PhaseCommand, RequestState
from edge.core.signals import GroupState, MovementState, SignalState
from edge.flow.board import HealthBoard
from edge.flow.channel import Latest
from edge.publish.hub import Hub
from edge.publish.priority import PriorityStreams
from edge.sdk import Credentials, EdgeClient, PriorityRequest
from edge.sdk.priority import request_message
from edge.sdk.retry import Retry
from edge.signals.priority_rules import Level, PriorityRules, Reach
from tests.certificates import Authority, Guarded
from tests.unit.publish.feed import corner, signal_state

GREEN = MovementState.PROTECTED_MOVEMENT_ALLOWED
REACH = Reach({2: 2, 5: 5}, {}, frozenset(PhaseCommand), frozenset({2, 5}))
RULES = PriorityRules("", {Level.PUBLIC_TRANSPORT: ("bus-*",)}, REACH, frozenset({(2, 5)}))
BUS = Peer("h", frozenset({Role.VEHICLE}), (Identity(Role.VEHICLE, "bus-17"),), fingerprint="ab")


class Commander:
    """Confirms what it is told, until it is told to refuse."""

    def __init__(self) -> None:
        self.wishes: dict[str, tuple[PhaseCommand, frozenset[int]]] = {}
        self.refusal: str | None = None
        self.confirms = True

    def ask(self, command: PhaseCommand, phases: frozenset[int], *, source: str, for_s: float) -> str | None:
        assert 0.0 < for_s <= 2.0
        if self.refusal is None:
            self.wishes[source] = command, phases
        return self.refusal

    def release(self, source: str) -> None:
        self.wishes.pop(source, None)

    def stands(self, command: PhaseCommand, phase: int) -> bool:
        return self.confirms and any(
            command is known and phase in phases for known, phases in self.wishes.values()
        )


class Corner:
    """A desk over the lights of a corner, with hands on its clock."""

    def __init__(self, rules: PriorityRules = RULES, *, meant: bool = True) -> None:
        self.now_ns = time.time_ns()
        self.board = HealthBoard(now_ns=lambda: self.now_ns)
        self.signals: Latest[SignalState] = Latest()
        self.commander = Commander()
        self.desk = PriorityDesk(
            corner(),
            rules,
            signals=self.signals,
            board=self.board,
            meant=meant,
            now_ns=lambda: self.now_ns,
        )
        self.desk.control = self.commander

    def show(self, *reasons: str) -> None:
        """Group 2 is green, or the signals are withdrawn."""
        groups = () if reasons else (GroupState(2, GREEN), GroupState(5, MovementState.STOP_AND_REMAIN))
        self.signals.set(signal_state(*groups, now_ns=self.now_ns, reasons=reasons))

    def ask(self, key: str = "bus", peer: Peer = BUS, **change: object) -> None:
        self.desk.take(key, wire(self.now_ns, **change), peer)

    def step(self, key: str = "bus") -> RequestState | None:
        self.show()
        self.desk.step()
        return self.desk.state(key)


def wire(now_ns: int, **change: object) -> bytes:
    message = request_message(
        PriorityRequest("17", "public_transport", 3, now_ns + 4_000_000_000, outbound_lane=7)
    )
    message.stamp_ns = now_ns
    for name, value in change.items():
        setattr(message, name, value)
    return message.SerializeToString()


class Serving:
    """The corner behind a server; the desk steps by itself."""

    def __init__(self, tmp_path: Path) -> None:
        self.corner = Corner()
        self.desk = PriorityDesk(corner(), RULES, signals=self.corner.signals, board=self.corner.board)
        self.desk.control = self.corner.commander
        authority = Authority(tmp_path / "pki")
        self.authority, self.address = authority, ""
        self.running: asyncio.Task[None] | None = None
        self.bus = Credentials.from_folder(authority.issue("bus-17", Role.VEHICLE))
        self.node = Guarded(authority, Hub(), audit=tmp_path / "audit.jsonl", priority=self.desk)
        assert self.node.priority is not None
        self.streams: PriorityStreams = self.node.priority

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[EdgeClient]:
        """A bus at the running node, whose group 2 is green."""
        lights = GroupState(2, GREEN), GroupState(5, MovementState.STOP_AND_REMAIN)
        self.corner.signals.set(signal_state(*lights, now_ns=time.time_ns(), life_s=60.0))
        self.running = task = asyncio.create_task(self.desk.run())
        try:
            async with (
                asyncio.timeout(30),
                self.node.serving() as address,
                EdgeClient(address, credentials=self.bus, retry=Retry(0.01, 0.02)) as client,
            ):
                self.address = address
                yield client
        finally:
            task.cancel()
            await asyncio.wait((task,))

    def other(self, name: str) -> EdgeClient:
        """Another vehicle at the running node."""
        folder = self.authority.issue(name, Role.VEHICLE)
        return EdgeClient(self.address, credentials=Credentials.from_folder(folder))


def asked(in_s: float = 4.0, **change: Any) -> PriorityRequest:
    request = PriorityRequest(
        "17", "public_transport", 3, time.time_ns() + round(in_s * 1e9), outbound_lane=7
    )
    return dataclasses.replace(request, **change)
