"""The course of the colours: changes that cannot be, states that are too short or too long, conflicting clearances.

Used by the signal lane before every broadcast and by the validator of recorded messages.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from edge.core.signals import GREEN_STATES, IntersectionStatus, MovementState
from edge.core.stamp import NS_PER_S
from edge.signals.conflicts import Pair
from edge.signals.validation_kinds import ColourBounds, Finding

_S = MovementState
STEADY_GREEN = frozenset({_S.PERMISSIVE_MOVEMENT_ALLOWED, _S.PROTECTED_MOVEMENT_ALLOWED})
CLEARANCE = frozenset({_S.PERMISSIVE_CLEARANCE, _S.PROTECTED_CLEARANCE})
_COURSE = {
    **dict.fromkeys(STEADY_GREEN, "green"),
    _S.FLASHING_GREEN: "flashing green",
    **dict.fromkeys(CLEARANCE, "yellow"),
    _S.STOP_AND_REMAIN: "red",
    _S.PRE_MOVEMENT: "red and yellow",
}
"""States of a light that runs its course; all others (off, flashing) may come from and lead to anything."""
_FOLLOWS = {
    "green": {"green", "flashing green", "yellow"},
    "flashing green": {"yellow"},
    "yellow": {"yellow", "red"},
    "red": {"green", "red and yellow"},
    "red and yellow": {"green"},
}


def may_follow(before: MovementState, after: MovementState) -> bool:
    """Whether a light that runs its course may go from one state to the other; a green may end without yellow."""
    one, other = _COURSE.get(before), _COURSE.get(after)
    if one is None or other is None or before is after:
        return False
    return other in _FOLLOWS[one] or (other == "red" and one in {"green", "flashing green"})


_FLASH = (
    IntersectionStatus.FAILURE_FLASH
    | IntersectionStatus.PROGRAMMED_FLASH
    | IntersectionStatus.FAILURE_MODE
    | IntersectionStatus.OFF
    | IntersectionStatus.STANDBY
)
_HELD = IntersectionStatus.STOP_TIME | IntersectionStatus.MANUAL_CONTROL
_UNTIMED = _FLASH | _HELD
"""Under these a state may last for ever."""
_MODES = _UNTIMED | IntersectionStatus.PREEMPT
_LEARNED_REDS = 5


@dataclass(slots=True)
class _Course:
    """What is known of one group.

    Attributes:
        state: now.
        since_ns: when it began; None: before anything was heard, or while nothing was.
        cleared, yellowed: it has shown a clearance, a yellow one, between green and red.
        protected: its last green was a protected one.
        called_ns: since when a demand has stood during this red; None: none.
        longest_red_ns, reds: of the reds seen whole.
    """

    state: MovementState
    since_ns: int | None = None
    cleared: bool = False
    yellowed: bool = False
    protected: bool = False
    called_ns: int | None = None
    longest_red_ns: int = 0
    reds: int = 0


class ColourCheck:
    """Pure: times are arguments. One per intersection.

    Args:
        walkers: signal groups of crosswalks; None: not known which they are.
        conflicts: pairs that must not be green together where both have the right of way,
        always: and whoever yields.
        bounds: see `ColourBounds`.
        all_clear: every vehicle green is expected to clear once a yellow was seen; else only those of groups that have
            cleared themselves, for some heads have no yellow.
        yellow_seen: the site is known to have yellow.
    """

    def __init__(
        self,
        *,
        walkers: Collection[int] | None = None,
        conflicts: Iterable[Pair] = (),
        always: Iterable[Pair] = (),
        bounds: ColourBounds | None = None,
        all_clear: bool = False,
        yellow_seen: bool = False,
    ) -> None:
        self._all_clear, self._yellow_seen = all_clear, yellow_seen
        self._walkers = None if walkers is None else frozenset(walkers)
        self._always, self._bounds = frozenset(always), bounds or ColourBounds()
        self._conflicts = tuple(sorted(frozenset(conflicts) | self._always))
        self._courses: dict[int, _Course] = {}
        self._seen_ns: int | None = None
        self._status = IntersectionStatus.NONE

    def forget(self) -> None:
        """Start anew: the time of what was seen cannot be compared with what comes. What was learned stays."""
        self._seen_ns = None

    def check(
        self,
        groups: Iterable[tuple[int, MovementState]],
        *,
        at_ns: int,
        status: IntersectionStatus = IntersectionStatus.NONE,
        calls: Collection[int] = (),
    ) -> list[Finding]:
        """Take the colours of one instant and say what is wrong with them.

        Args:
            groups: signal group and state.
            at_ns: when the lamps were so; not after what was taken before.
            calls: groups with a registered demand.
        """
        found: list[Finding] = []
        step_ns = None if self._seen_ns is None else at_ns - self._seen_ns
        judged = step_ns is not None and 0 <= step_ns <= self._bounds.judged_gap_ns
        modes = (status | self._status) & _MODES
        for number, state in groups:
            course = self._courses.get(number)
            if course is None:
                course = self._courses[number] = _Course(state)
            if not judged:
                course.state, course.since_ns, course.called_ns = state, None, None
            elif state is not course.state:
                self._change(number, course, state, at_ns, step_ns or 0, modes, found)
            if modes & _UNTIMED:
                course.since_ns = None
            elif course.since_ns is not None:
                self._last(number, course, at_ns, found)
            if course.state in STEADY_GREEN:
                course.protected = course.state is _S.PROTECTED_MOVEMENT_ALLOWED
            self._wait(number, course, number in calls and not modes, at_ns, found)
        if self._bounds.clearing_conflicts and self._conflicts:
            found += self._conflicting_clearances(at_ns)
        self._seen_ns, self._status = at_ns, status
        return found

    def again(self, at_ns: int) -> None:
        """The same colours as before were seen again."""
        self._seen_ns = at_ns

    def _change(
        self,
        number: int,
        course: _Course,
        state: MovementState,
        at_ns: int,
        step_ns: int,
        modes: IntersectionStatus,
        found: list[Finding],
    ) -> None:
        before, after = _COURSE.get(course.state), _COURSE.get(state)
        if before is not None and after is not None and not modes & _FLASH:
            self._judge(number, course, (before, after), state, step_ns, modes, at_ns, found)
            if course.since_ns is not None and before != after:
                self._lasted(number, course, before, at_ns, modes, found)
        course.yellowed |= before == "yellow" and after == "red"
        course.cleared |= before in {"yellow", "flashing green"} and after == "red"
        if before != after or before is None:
            course.since_ns = at_ns if before is not None else None
        course.state = state

    def _judge(
        self,
        number: int,
        course: _Course,
        step: tuple[str, str],
        state: MovementState,
        step_ns: int,
        modes: IntersectionStatus,
        at_ns: int,
        found: list[Finding],
    ) -> None:
        before, after = step
        if after in _FOLLOWS[before]:
            return
        walks = self._walks(number)
        if after == "red" and before in {"green", "flashing green"}:
            self._uncleared(number, course, before, excused=walks and bool(modes), at_ns=at_ns, found=found)
            return
        if before == "yellow" and step_ns > self._bounds.judged_red_ns:
            return  # a red between may have been missed
        if (
            before == "yellow"
            and course.state is _S.PROTECTED_CLEARANCE
            and state is _S.PERMISSIVE_MOVEMENT_ALLOWED
        ):
            return  # a protected turn that goes on as a permissive one
        if before == "red and yellow" and modes:
            return
        sentence = f"signal group {number}: {before} went to {after}"
        found.append(Finding("impossible_change", sentence, (number,), at_ns))

    def _uncleared(
        self,
        number: int,
        course: _Course,
        before: str,
        *,
        excused: bool,
        at_ns: int,
        found: list[Finding],
    ) -> None:
        """A green that went to red: wrong for a group that has cleared before; a lamp without yellow never does."""
        yellow = self._yellow_seen or any(other.yellowed for other in self._courses.values())
        drives = course.protected if self._walkers is None else not self._walks(number)
        known = course.yellowed if before == "flashing green" else course.cleared
        known |= self._all_clear and yellow and drives and before == "green"
        if known and not excused:
            sentence = f"signal group {number}: {before} went to red without clearance"
            found.append(Finding("clearance_missing", sentence, (number,), at_ns))
            return
        if before == "green" and not course.cleared and drives and yellow:
            sentence = f"signal group {number}: never seen to clear, unlike others"
            found.append(Finding("clearance_unseen", sentence, (number,), at_ns))

    def _lasted(
        self,
        number: int,
        course: _Course,
        before: str,
        at_ns: int,
        modes: IntersectionStatus,
        found: list[Finding],
    ) -> None:
        """Judge a state that has ended by how long it took."""
        assert course.since_ns is not None
        lasted_ns, bounds = at_ns - course.since_ns, self._bounds
        least: dict[str, tuple[str, int]] = {
            "yellow": ("yellow_short", 0 if self._walks(number) else bounds.yellow_least_ns),
            "green": ("green_short", 0 if modes else bounds.green_least_ns),
            "red": ("red_short", bounds.red_least_ns),
        }
        if before == "red" and lasted_ns >= bounds.red_least_ns:
            course.reds += 1
            course.longest_red_ns = max(course.longest_red_ns, lasted_ns)
        kind, least_ns = least.get(before, ("", 0))
        if lasted_ns < least_ns:
            found.append(Finding(kind, _took(number, before, "only ", lasted_ns), (number,), at_ns))

    def _last(self, number: int, course: _Course, at_ns: int, found: list[Finding]) -> None:
        """Judge the present state by how long it has lasted."""
        name, bounds = _COURSE.get(course.state), self._bounds
        if name not in {"yellow", "flashing green", "red and yellow"}:
            return
        most = {
            "yellow": ("yellow_long", bounds.yellow_most_ns),
            "flashing green": ("flashing_green_long", bounds.flashing_green_most_ns),
            "red and yellow": ("pre_movement_long", bounds.pre_movement_most_ns),
        }
        kind, most_ns = most[name]
        if self._walkers is None or number in self._walkers:
            most_ns = bounds.walkers_clearing_most_ns
        assert course.since_ns is not None
        if at_ns - course.since_ns > most_ns:
            lasted_ns = at_ns - course.since_ns
            found.append(Finding(kind, _took(number, name, "", lasted_ns), (number,), at_ns))

    def _wait(self, number: int, course: _Course, called: bool, at_ns: int, found: list[Finding]) -> None:
        """A red with a demand all the time that takes far longer than any before."""
        if not called or course.state is not _S.STOP_AND_REMAIN:
            course.called_ns = None
            return
        if course.called_ns is None:
            course.called_ns = at_ns
        bound_ns = self._bounds.long_red_ns
        if course.reds >= _LEARNED_REDS:
            bound_ns = max(bound_ns, int(course.longest_red_ns * self._bounds.long_red_ratio))
        waited_ns = at_ns - course.called_ns
        if waited_ns > bound_ns:
            sentence = f"signal group {number}: red for {waited_ns / NS_PER_S:.0f} s with a demand"
            found.append(Finding("long_red", sentence, (number,), at_ns))

    @property
    def green(self) -> frozenset[int]:
        """Groups that are green, whoever yields."""
        return frozenset(number for number, course in self._courses.items() if course.state in GREEN_STATES)

    @property
    def rightful(self) -> frozenset[int]:
        """Groups that are green and yield to nobody: protected ones, and walkers."""
        return frozenset(
            number
            for number, course in self._courses.items()
            if course.state in GREEN_STATES and (course.protected or self._walks(number))
        )

    def _conflicting_clearances(self, at_ns: int) -> Iterable[Finding]:
        clearing = {
            number
            for number, course in self._courses.items()
            if course.state in CLEARANCE and not self._walks(number)
        }
        if not clearing:
            return
        protected = {number for number in clearing if self._courses[number].protected}
        all_green, rightful = self.green, self.rightful
        for one, other in self._conflicts:
            always = (one, other) in self._always
            owed, green = (clearing, all_green) if always else (protected, rightful)
            if (one in owed and other in green) or (other in owed and one in green):
                sentence = f"signal groups {one} and {other}: one is green before the other has cleared"
                yield Finding("conflicting_clearance", sentence, (one, other), at_ns)

    def _walks(self, number: int) -> bool:
        return self._walkers is not None and number in self._walkers


def green_conflicts(conflicts: Iterable[Pair], green: Collection[int], *, at_ns: int = 0) -> list[Finding]:
    """Pairs that are green together and must not be."""
    found = sorted(pair for pair in conflicts if pair[0] in green and pair[1] in green)
    return [
        Finding(
            "conflicting_greens", f"conflicting greens: signal groups {one} and {other}", (one, other), at_ns
        )
        for one, other in found
    ]


def _took(number: int, name: str, only: str, lasted_ns: int) -> str:
    return f"signal group {number}: {name} for {only}{lasted_ns / NS_PER_S:.1f} s"
