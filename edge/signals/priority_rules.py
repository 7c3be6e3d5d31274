"""Who may be given priority at an intersection, on which ways, and with which phases of its controller."""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from edge.core.intersection import Intersection, LaneKind
from edge.core.priority import PhaseCommand, PriorityRequest, RequesterRole, Standing
from edge.signals.conflicts import Pair, pair


class Level(enum.IntEnum):
    """Whose turn it is: a higher one goes before a lower one."""

    FREIGHT = 1
    PUBLIC_TRANSPORT = 2
    EMERGENCY = 3


LEVELS = {
    RequesterRole.EMERGENCY: Level.EMERGENCY,
    RequesterRole.FIRE: Level.EMERGENCY,
    RequesterRole.AMBULANCE: Level.EMERGENCY,
    RequesterRole.POLICE: Level.EMERGENCY,
    RequesterRole.PUBLIC_TRANSPORT: Level.PUBLIC_TRANSPORT,
    RequesterRole.FREIGHT: Level.FREIGHT,
}
ANY_TAIL = "*"
"""At the end of a name: whatever follows."""


@dataclass(frozen=True, slots=True)
class PriorityTimes:
    """Bounds of a service, s.

    Attributes:
        ahead_s: a red is worked on so long before the arrival, at most.
        most_hold_s: a green is held for so long, at most; in one service.
        most_presence_s: a service lasts so long, at most.
        lockout_s: after a service, nobody below emergency is served for so long.
        lease_s: a request that is not repeated for so long is cancelled.
        passing_s: how long a vehicle needs the green, where it does not say.
        late_s: how much later than said it may be.
        patience_s: within this time the controller must confirm what it is told,
        recover_s: and for so long it is not told again where it did not.
    """

    ahead_s: float = 15.0
    most_hold_s: float = 15.0
    most_presence_s: float = 60.0
    lockout_s: float = 60.0
    lease_s: float = 3.0
    passing_s: float = 3.0
    late_s: float = 3.0
    patience_s: float = 2.0
    recover_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Reach:
    """What can be done at the controller.

    Attributes:
        phases: signal group of the MAP to the vehicle phase that drives it.
        walkers: vehicle phase to the signal groups of the pedestrians that walk beside it.
        commands, commandable: what the site allows, and of which phases.
    """

    phases: Mapping[int, int]
    walkers: Mapping[int, Collection[int]]
    commands: frozenset[PhaseCommand]
    commandable: frozenset[int]

    def lacks(self, group: int) -> str:
        """Why a signal group cannot be given a green; empty: it can."""
        phase = self.phases.get(group)
        if phase is None:
            return f"signal group {group} is driven by no vehicle phase of the controller"
        if phase not in self.commandable:
            return f"phase {phase} is not among controller.control.phases"
        missing = {PhaseCommand.HOLD, PhaseCommand.VEHICLE_CALL} - self.commands
        names = ", ".join(sorted(command.value for command in missing))
        return f"{names} is not among controller.control.commands" if missing else ""


@dataclass(frozen=True, slots=True)
class PriorityRules:
    """What a site allows.

    Attributes:
        off: why nobody is served at all; empty: requests are judged.
        allowed: names of certificates that may ask at a level; one that ends in `*` stands for all that begin so.
        reach: see there.
        conflicts: pairs of signal groups that must not be green together.
        times: see there.
    """

    off: str
    allowed: Mapping[Level, tuple[str, ...]] = field(default_factory=dict)
    reach: Reach = field(default_factory=lambda: Reach({}, {}, frozenset(), frozenset()))
    conflicts: frozenset[Pair] = frozenset()
    times: PriorityTimes = field(default_factory=PriorityTimes)

    def conflict(self, one: int, other: int) -> bool:
        """Whether two signal groups must not be green together."""
        return pair(one, other) in self.conflicts

    def standing(self, names: Collection[str]) -> Standing:
        """What those who are called so may ask for at most."""
        levels = [level for level in self.allowed if self._allows(level, names)]
        if Level.EMERGENCY in levels:
            return Standing.URGENT
        return Standing.KNOWN if levels else Standing.STRANGER

    def _allows(self, level: Level, names: Collection[str]) -> bool:
        return any(_is_meant(name, meant) for name in names for meant in self.allowed.get(level, ()))

    def unauthorised(self, request: PriorityRequest, names: Collection[str]) -> str:
        """Why a requester may not ask in its role; empty: it may.

        Args:
            names: what a verified authority calls it.
        """
        level = LEVELS.get(request.role)
        if level is None:
            return f"the role {request.role.value} is given no priority"
        if request.verified is None or not names:
            return "nobody has verified who asks: a certificate of a vehicle is needed"
        if self._allows(level, names):
            return ""
        return f"this certificate is not allowed to ask as {request.role.value}"


def _is_meant(name: str, meant: str) -> bool:
    if meant.endswith(ANY_TAIL):
        return name.startswith(meant.removesuffix(ANY_TAIL))
    return name == meant


def group_of(request: PriorityRequest, intersection: Intersection) -> int | str:
    """The signal group that rules the way of a request; words where there is none or more than one."""
    if request.intersection != intersection.intersection:
        return f"this is intersection {intersection.intersection}, not {request.intersection}"
    if None not in (request.region, intersection.region) and request.region != intersection.region:
        return f"this is region {intersection.region}, not {request.region}"
    # Lanes only: the MAP's approaches and connections have no numbers here.
    entry = next((lane for lane in intersection.lanes if lane.lane == request.entry.lane), None)
    if entry is None or not entry.ingress or entry.kind in (LaneKind.CROSSWALK, LaneKind.SIDEWALK):
        return "the inbound lane is no lane of the MAP that leads to the intersection"
    ways = entry.connections
    if request.leave is not None:
        ways = tuple(way for way in ways if way.to_lane == request.leave.lane)
        if not ways:
            return f"the MAP has no way from lane {entry.lane} to the outbound lane"
    groups = {way.signal_group for way in ways}
    if None in groups or not groups:
        return f"no signal rules lane {entry.lane}"
    if len(groups) > 1:
        return f"lane {entry.lane} has several signal groups: say the outbound lane"
    return next(group for group in groups if group is not None)
