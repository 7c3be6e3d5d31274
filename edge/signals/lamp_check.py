"""Compares what cameras read off the signal heads with what the controller said at the time of the picture.

Both are late by different times, so that a reading agrees with any state that was told within a tolerance round its
capture time. A disagreement counts when nothing agreed for longer than a second; a head that is dark or cannot be read
says nothing about the controller, and is named as what it is.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from edge.core.lamps import LampReadings
from edge.core.signals import LampState, MovementState
from edge.core.stamp import NS_PER_MS, NS_PER_S

_GREEN = frozenset({LampState.GREEN, LampState.FLASHING_GREEN})
_RED = frozenset({LampState.RED})
_CLEARING = frozenset(
    {LampState.YELLOW, LampState.FLASHING_YELLOW, LampState.FLASHING_RED, LampState.FLASHING_GREEN}
)
AGREES = {
    MovementState.DARK: frozenset({LampState.DARK}),
    MovementState.STOP_THEN_PROCEED: frozenset({LampState.FLASHING_RED, LampState.RED}),
    MovementState.STOP_AND_REMAIN: _RED,
    MovementState.PRE_MOVEMENT: frozenset({LampState.RED_YELLOW, LampState.RED, LampState.YELLOW}),
    MovementState.PERMISSIVE_MOVEMENT_ALLOWED: _GREEN,
    MovementState.PROTECTED_MOVEMENT_ALLOWED: _GREEN,
    MovementState.FLASHING_GREEN: _GREEN,
    MovementState.PERMISSIVE_CLEARANCE: _CLEARING,
    MovementState.PROTECTED_CLEARANCE: _CLEARING,
    MovementState.CAUTION_CONFLICTING_TRAFFIC: frozenset({LampState.FLASHING_YELLOW, LampState.YELLOW}),
}
"""Lamps that fit a state; a flash is seen as steady until it has been dark."""
_WALKERS_CLEARING = _CLEARING | _RED | {LampState.GREEN}
"""A flashing hand or walking figure, for a head without amber."""

TOLD = 64
"""Changes of a group that are remembered."""
LATEST_STAMP_NS = 2 * NS_PER_S
"""By how much a stamp may be too late; a clock that goes back further was set."""


@dataclass(frozen=True, slots=True)
class LampLimits:
    """Bounds of the lamp check.

    Attributes:
        tolerance_ns: by how much the times of picture and controller may differ.
        disagree_ns: nothing agreed for longer: an event.
        agree_ns: a disagreement ends when everything has agreed for so long.
        unread_ns: a head that is dark or unreadable for longer is named.
        forget_ns: a disagreement that nobody has seen for so long is over.
    """

    tolerance_ns: int = 350 * NS_PER_MS
    disagree_ns: int = NS_PER_S
    agree_ns: int = 3 * NS_PER_S
    unread_ns: int = 30 * NS_PER_S
    forget_ns: int = 30 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A group whose lamps show something else than the controller says.

    Attributes:
        signal_group: of the MAP.
        seen, told: newest pair that differed.
        since_ns: UTC ns of the first picture that differed.
    """

    signal_group: int
    seen: LampState
    told: MovementState
    since_ns: int


@dataclass(slots=True)
class _Group:
    """What is known of one signal group.

    Attributes:
        told: times and states that the controller told, newest last.
        heard_ns: newest time at which it told anything.
        walkers: its head has no amber.
        differs_ns, differing: first picture of the running series that differed, and how many.
        agrees_ns: first picture since when everything agrees; None: nothing, or not everything, does.
        judged_ns: newest picture that agreed or differed.
        unread_ns, unread_as: since when the head cannot be read, and how it looks.
    """

    told: deque[tuple[int, MovementState]] = field(default_factory=lambda: deque(maxlen=TOLD))
    heard_ns: int = 0
    walkers: bool = False
    differs_ns: int | None = None
    differing: int = 0
    agrees_ns: int | None = None
    judged_ns: int = 0
    unread_ns: int | None = None
    unread_as: LampState = LampState.UNKNOWN


def _retold(group: _Group, at_ns: int) -> deque[tuple[int, MovementState]]:
    """What was told before a word with an earlier stamp: stamped too late, or by a clock that was set since.

    A message that was long on its way is stamped at arrival, and the next one by the controller's clock.
    """
    if group.heard_ns - at_ns > LATEST_STAMP_NS:
        return deque(maxlen=TOLD)
    return deque(((min(start, at_ns), state) for start, state in group.told), maxlen=TOLD)


class LampCheck:
    """Pure: times are arguments. Counters: readings that agreed, differed, were unread (dark or unreadable) and
    unmatched (the controller said nothing then), and disagreements.

    Args:
        groups: signal groups with a head in view.
        walkers: those of them whose heads have no amber.
        limits: see `LampLimits`.
    """

    LEAST_PICTURES = 3

    def __init__(
        self, groups: Iterable[int], *, walkers: Iterable[int] = (), limits: LampLimits | None = None
    ) -> None:
        self._limits = limits or LampLimits()
        self._groups = {number: _Group() for number in groups}
        for number in walkers:
            self._groups[number].walkers = True
        self.counters: Counter[str] = Counter(agreed=0, differed=0, unread=0, unmatched=0, disagreements=0)
        self.disagreements: dict[int, Disagreement] = {}

    def told(self, states: Iterable[tuple[int, MovementState]], *, at_ns: int) -> None:
        """Take what the controller says; `at_ns` is when the lamps were so."""
        for number, state in states:
            group = self._groups.get(number)
            if group is None:
                continue
            if at_ns < group.heard_ns:
                group.told = _retold(group, at_ns)
            group.heard_ns = at_ns
            if not group.told or group.told[-1][1] is not state:
                group.told.append((at_ns, state))

    def seen(self, readings: LampReadings) -> None:
        """Take what a camera read."""
        for reading in readings.readings:
            group = self._groups.get(reading.signal_group)
            if group is not None:
                self._judge(reading.signal_group, group, reading.lamp, readings.stamp.capture_ns)

    def unread(self, now_ns: int) -> dict[int, LampState]:
        """Heads that have been dark (DARK) or unreadable (UNKNOWN) for long."""
        return {
            number: group.unread_as
            for number, group in self._groups.items()
            if group.unread_ns is not None and now_ns - group.unread_ns > self._limits.unread_ns
        }

    def expire(self, now_ns: int) -> None:
        """Let go of disagreements that no picture has borne out for long."""
        for number in list(self.disagreements):
            if abs(now_ns - self._groups[number].judged_ns) > self._limits.forget_ns:
                self._end(number, self._groups[number])

    def _judge(self, number: int, group: _Group, lamp: LampState, at_ns: int) -> None:
        possible = self._possible(group, at_ns)
        if not possible:
            self.counters["unmatched"] += 1
            return
        if any(lamp in self._fitting(group, state) for state in possible):
            self._agree(number, group, at_ns)
        elif lamp in {LampState.UNKNOWN, LampState.DARK}:
            self._miss(group, lamp, at_ns)
        else:
            self._differ(number, group, Disagreement(number, lamp, possible[-1], at_ns))

    def _possible(self, group: _Group, at_ns: int) -> list[MovementState]:
        """States that were told about this time, oldest first; empty: it is not known what the controller said."""
        slack_ns = self._limits.tolerance_ns
        if not group.told or not group.told[0][0] - slack_ns <= at_ns <= group.heard_ns + slack_ns:
            return []
        ends = [*(start for start, _ in list(group.told)[1:]), group.heard_ns + slack_ns]
        found = [
            state
            for (start, state), end in zip(group.told, ends, strict=True)
            if start <= at_ns + slack_ns and end >= at_ns - slack_ns
        ]
        return [] if MovementState.UNAVAILABLE in found else found

    @staticmethod
    def _fitting(group: _Group, state: MovementState) -> frozenset[LampState]:
        clearing = {MovementState.PERMISSIVE_CLEARANCE, MovementState.PROTECTED_CLEARANCE}
        return _WALKERS_CLEARING if group.walkers and state in clearing else AGREES[state]

    def _agree(self, number: int, group: _Group, at_ns: int) -> None:
        self.counters["agreed"] += 1
        group.judged_ns, group.unread_ns = at_ns, None
        group.differs_ns, group.differing = None, 0
        if group.agrees_ns is None or at_ns < group.agrees_ns:
            group.agrees_ns = at_ns
        if number in self.disagreements and at_ns - group.agrees_ns >= self._limits.agree_ns:
            self._end(number, group)

    def _miss(self, group: _Group, lamp: LampState, at_ns: int) -> None:
        self.counters["unread"] += 1
        group.unread_as = lamp
        if group.unread_ns is None or at_ns < group.unread_ns:
            group.unread_ns = at_ns

    def _differ(self, number: int, group: _Group, found: Disagreement) -> None:
        self.counters["differed"] += 1
        at_ns = found.since_ns
        paused = not 0 <= at_ns - group.judged_ns <= self._limits.disagree_ns
        group.judged_ns, group.unread_ns, group.agrees_ns = at_ns, None, None
        if group.differs_ns is None or paused:
            group.differs_ns, group.differing = at_ns, 0
        group.differing += 1
        long = at_ns - group.differs_ns > self._limits.disagree_ns and group.differing >= self.LEAST_PICTURES
        known = self.disagreements.get(number)
        if known is not None or long:
            self.counters["disagreements"] += known is None
            since_ns = group.differs_ns if known is None else known.since_ns
            self.disagreements[number] = Disagreement(number, found.seen, found.told, since_ns)

    def _end(self, number: int, group: _Group) -> None:
        del self.disagreements[number]
        group.differs_ns, group.differing, group.agrees_ns = None, 0, None
