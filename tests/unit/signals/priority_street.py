"""The corner with an arbiter, lamps that a test sets, and a controller that confirms what it is told."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from edge.core.priority import Access, PhaseCommand, PriorityRequest, RequesterRole, RequestKind
from edge.core.signals import GroupState, IntersectionStatus, MovementState, SignalState
from edge.core.stamp import NS_PER_S, Stamp, TimeSource
from edge.core.v2x import VERIFIED_BY_TLS
from edge.signals.conflicts import derive_conflicts
from edge.signals.priority import Answer, Arbiter, Plan
from edge.signals.priority_rules import Level, PriorityRules, PriorityTimes, Reach
from tests.unit.signals.corner import CROSSWALK_GROUPS, VEHICLE_GROUPS, corner

START_NS = 1_800_000_000 * NS_PER_S
GREEN, RED = MovementState.PROTECTED_MOVEMENT_ALLOWED, MovementState.STOP_AND_REMAIN
YELLOW = MovementState.PROTECTED_CLEARANCE
LANES = {2: 12, 6: 22, 4: 32, 8: 42, 5: 11, 1: 21, 7: 31, 3: 41}
"""Signal group to the inbound lane that it rules."""
CONFLICTS = derive_conflicts(corner(), protected=dict.fromkeys((*VEHICLE_GROUPS, *CROSSWALK_GROUPS), True))
ALLOWED = {
    Level.EMERGENCY: ("fire-1", "ambulance-*"),
    Level.PUBLIC_TRANSPORT: ("bus-*",),
    Level.FREIGHT: ("truck-9",),
}
TIMES = PriorityTimes()
REACH = Reach(
    phases={group: group for group in VEHICLE_GROUPS},
    walkers={4: (22,), 2: (24,)},
    commands=frozenset(PhaseCommand),
    commandable=frozenset(VEHICLE_GROUPS),
)
RULES = PriorityRules("", ALLOWED, REACH, CONFLICTS, TIMES)
BUS = RequesterRole.PUBLIC_TRANSPORT
NAMES = {
    RequesterRole.PUBLIC_TRANSPORT: "bus-17",
    RequesterRole.FREIGHT: "truck-9",
    RequesterRole.EMERGENCY: "ambulance-3",
    RequesterRole.FIRE: "fire-1",
}


@dataclass
class Street:
    """See the module's docstring.

    Attributes:
        lamps: signal groups that are not red.
        least_s: minimum greens that the state tells, seconds from now.
        confirmed: commands and phases that the controller has confirmed; None: all.
        told: the commands of the last step.
    """

    rules: PriorityRules = RULES
    lamps: dict[int, MovementState] = field(default_factory=dict)
    least_s: dict[int, float] = field(default_factory=dict)
    status: IntersectionStatus = IntersectionStatus.NONE
    reasons: tuple[str, ...] = ()
    dated: bool = True
    confirmed: set[tuple[PhaseCommand, int]] | None = None
    now_ns: int = START_NS
    told: Mapping[PhaseCommand, frozenset[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.arbiter = Arbiter(corner(), self.rules)

    def state(self) -> SignalState:
        """What the node says of the lights."""
        withdrawn = bool(self.reasons)
        groups = tuple(
            GroupState(
                group,
                MovementState.UNAVAILABLE if withdrawn else self.lamps.get(group, RED),
                min_end_ns=self._least_ns(group),
            )
            for group in (*VEHICLE_GROUPS, *CROSSWALK_GROUPS)
        )
        return SignalState(
            intersection=1201,
            revision=1,
            map_revision=5,
            stamp=Stamp(self.now_ns, TimeSource.SENSOR),
            alive_ns=self.now_ns,
            published_ns=self.now_ns,
            valid_until_ns=self.now_ns + NS_PER_S // 2,
            groups=groups,
            status=IntersectionStatus.NO_VALID_SPAT if withdrawn else self.status,
            reasons=self.reasons,
            dated=self.dated,
        )

    def _least_ns(self, group: int) -> int | None:
        left_s = self.least_s.get(group)
        return None if left_s is None else self.now_ns + round(left_s * NS_PER_S)

    def request(
        self,
        group: int = 4,
        *,
        in_s: float | None = 5.0,
        role: RequesterRole = BUS,
        **change: object,
    ) -> PriorityRequest:
        """A vehicle on the lane of a signal group."""
        request = PriorityRequest(
            requester="0a0b0c0d",
            request=1,
            sequence=0,
            kind=RequestKind.REQUEST,
            intersection=1201,
            region=None,
            entry=Access(lane=LANES[group]),
            role=role,
            sent_ns=self.now_ns,
            arrival_ns=None if in_s is None else self.now_ns + round(in_s * NS_PER_S),
            duration_ms=2000,
            verified=VERIFIED_BY_TLS,
        )
        return dataclasses.replace(request, **change)  # type: ignore[arg-type]

    def ask(
        self,
        key: str,
        group: int = 4,
        *,
        in_s: float | None = 5.0,
        role: RequesterRole = BUS,
        **change: object,
    ) -> None:
        """A vehicle of the role, with a certificate that may ask in it, asks."""
        request = self.request(group, in_s=in_s, role=role, **change)
        assert self.arbiter.take(key, request, names=[NAMES.get(role, "car-5")], now_ns=self.now_ns)

    def step(self) -> Plan:
        """One step at the present time."""
        plan = self.arbiter.step(self.state(), now_ns=self.now_ns, stands=self._stands)
        self.told = plan.commands
        return plan

    def answer(self, key: str = "bus") -> Answer:
        """What one hears now."""
        return self.step().answers[key]

    def pass_s(self, seconds: float, *, asking: tuple[str, ...] = ()) -> None:
        """Let time pass in steps of a tenth of a second; `asking` repeat their request as it was."""
        for _ in range(round(seconds * 10)):
            self.now_ns += NS_PER_S // 10
            for key in asking:
                entry = self.arbiter._entries.get(key)
                if entry is not None:
                    entry.heard_ns = self.now_ns
            self.step()

    def _stands(self, command: PhaseCommand, phase: int) -> bool:
        return self.confirmed is None or (command, phase) in self.confirmed
