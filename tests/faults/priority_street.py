"""A node's priority from certificate to lamps: gRPC behind TLS, arbiter, phase control, and a controller over SNMP.

The controller's clock stands still unless a test moves it, so its plan waits for the node; the node runs on real time.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

from edge.access.roles import Role
from edge.app.controller_parts import phase_commander
from edge.app.front_priority import PriorityDesk
from edge.app.front_signals import SignalDesk
from edge.core.priority import PhaseCommand
from edge.core.signals import GroupKind
from edge.flow.board import HealthBoard
from edge.publish.hub import Hub
from edge.sdk import Credentials, EdgeClient, PriorityRequest
from edge.signals.lane import LaneLimits, SignalLane
from edge.signals.phases import GroupRule
from edge.signals.priority_rules import Level, PriorityRules, PriorityTimes, Reach
from edge.sources.signals import pump_controller
from hw.signal.ntcip1202.control import ControlGrant
from hw.signal.ntcip1202.controller import Ntcip1202Controller, PollSettings
from hw.signal.ntcip1202.objects import Command
from hw.snmp.client import Agent
from tests.certificates import Authority, Guarded
from tests.ntcip_street import Street
from tests.unit.signals.corner import VEHICLE_GROUPS, corner
from tests.waiting import until

SETTINGS = PollSettings(period_s=0.2, timeout_s=0.4, calm_s=0.01, status_lag_s=0.0)
"""Slow polls: half a second without lamps is blindness, and a machine with other work may take a while."""
LIMITS = LaneLimits(liveness_ns=800_000_000, course_withdraws=False)
"""The course of the colours is the test's own: it moves the controller's clock in leaps."""
WALKERS = {6: 22, 8: 24}
"""Pedestrian phase to the crosswalk's signal group."""
ALLOWED = {Level.EMERGENCY: ("fire-1",), Level.PUBLIC_TRANSPORT: ("bus-*",)}
REACH = Reach(
    phases={group: group for group in VEHICLE_GROUPS},
    walkers={phase: (group,) for phase, group in WALKERS.items()},
    commands=frozenset(PhaseCommand),
    commandable=frozenset(VEHICLE_GROUPS),
)
GRANT = ControlGrant(
    frozenset({Command.HOLD, Command.FORCE_OFF, Command.VEHICLE_CALL}),
    frozenset(VEHICLE_GROUPS),
    interval_s=0.05,
)


class Crossing:
    """See the module's docstring.

    Attributes:
        street: the controller and its clock.
        signals, desk: the node's parts.
        guarded: its server.
    """

    def __init__(self, directory: Path, *, times: PriorityTimes | None = None) -> None:
        self.street = Street()
        self.authority = Authority(directory / "pki")
        self.board = HealthBoard(now_ns=time.time_ns)
        rules = {(GroupKind.VEHICLE, number): GroupRule(number) for number in VEHICLE_GROUPS}
        rules |= {(GroupKind.PEDESTRIAN, phase): GroupRule(group) for phase, group in WALKERS.items()}
        lane = SignalLane(corner(), groups=rules, limits=LIMITS)
        self.signals = SignalDesk(lane, board=self.board, clock_error_ns=lambda: 0)
        arbitration = PriorityRules("", ALLOWED, REACH, lane.conflicts, times or PriorityTimes())
        self.desk = PriorityDesk(corner(), arbitration, signals=self.signals.state, board=self.board)
        self.controller = Ntcip1202Controller(
            Agent(*self.street.address), name="controller", settings=SETTINGS, grant=GRANT
        )
        self.desk.control = phase_commander(self.controller)
        self.guarded = Guarded(self.authority, Hub(), audit=directory / "audit.jsonl", priority=self.desk)
        self.address = ""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Crossing]:
        """All parts run, and the signals are shown."""
        runs = [self._pump(), self.signals.run_ticks(), self.desk.run()]
        try:
            async with self.guarded.serving() as self.address:
                tasks = [asyncio.ensure_future(run) for run in runs]
                try:
                    await until(lambda: self.signals.state.value and not self.signals.state.value.withdrawn)
                    self.street.agent.controller.backup_s = 0  # the test's leaps in time are no silence
                    yield self
                finally:
                    for task in tasks:
                        task.cancel()
                    await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            self.street.agent.close()

    def client(self, name: str, *roles: Role) -> EdgeClient:
        """A vehicle with a certificate of the name."""
        folder = self.authority.folder / name
        if not folder.exists():
            self.authority.issue(name, *(roles or (Role.VEHICLE,)))
        return EdgeClient(self.address, credentials=Credentials.from_folder(folder))

    def told(self, command: Command) -> set[int]:
        """The phases for which a command stands at the controller."""
        mask = self.street.agent.controller.commands[command]
        return {phase for phase in VEHICLE_GROUPS if mask >> (phase - 1) & 1}

    @property
    def writes(self) -> int:
        """Objects that were written to the controller."""
        return self.street.agent.counters["writes"]

    async def _pump(self) -> None:
        await pump_controller(
            self.controller, self.signals.take, component="controller", board=self.board, silent_after_s=0.5
        )


def bus(
    lane: int = 12, *, in_s: float = 6.0, role: str = "public_transport", leave: int = 23
) -> PriorityRequest:
    """A request for the through way from the west, signal group 2."""
    arrival_ns = time.time_ns() + round(in_s * 1e9)
    return PriorityRequest("17", role, lane, arrival_ns, outbound_lane=leave, duration_s=2.0)
