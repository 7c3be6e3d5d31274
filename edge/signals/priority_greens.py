"""Which greens may be ended for a vehicle with priority: only those whose minimum and whose pedestrians are over."""

from __future__ import annotations

from collections.abc import Mapping

from edge.core.signals import IntersectionStatus, MovementState, SignalState
from edge.core.stamp import NS_PER_S
from edge.signals.priority_rules import PriorityRules

Shown = Mapping[int, MovementState]
"""Signal group to what it shows."""

STEADY_GREENS = frozenset(
    {MovementState.PERMISSIVE_MOVEMENT_ALLOWED, MovementState.PROTECTED_MOVEMENT_ALLOWED}
)
"""A flashing green ends already: it can neither be held nor forced off."""
_IN_CYCLE = STEADY_GREENS | {
    MovementState.STOP_AND_REMAIN,
    MovementState.PRE_MOVEMENT,
    MovementState.PERMISSIVE_CLEARANCE,
    MovementState.PROTECTED_CLEARANCE,
    MovementState.FLASHING_GREEN,
}
_OTHERS_RULE = {
    IntersectionStatus.MANUAL_CONTROL: "under manual control",
    IntersectionStatus.STOP_TIME: "in stop time",
    IntersectionStatus.FAILURE_FLASH: "in failure flash",
    IntersectionStatus.PREEMPT: "in preemption",
    IntersectionStatus.STANDBY: "on standby",
    IntersectionStatus.FAILURE_MODE: "in failure mode",
    IntersectionStatus.OFF: "off",
    IntersectionStatus.NO_VALID_MAP: "not described by the MAP",
    IntersectionStatus.PROGRAMMED_FLASH: "in flash",
}


def why_unusable(state: SignalState | None, *, now_ns: int) -> str:
    """Why nothing may be commanded in a state of the signals; empty: it may."""
    if state is None:
        return "there are no signals"
    if state.withdrawn:
        return "the signals are withdrawn: " + ("; ".join(state.reasons) or "no reason is told")
    if not state.published_ns - NS_PER_S <= now_ns <= state.valid_until_ns:
        return "the signals are not of now"
    if not state.dated:
        return "the node's clock is not synchronised"
    ruled = [words for flag, words in _OTHERS_RULE.items() if state.status & flag]
    return f"the controller is {', '.join(ruled)}" if ruled else ""


class GreenWatch:
    """Remembers the minimum of each present green; a state tells it only until it is over."""

    def __init__(self, rules: PriorityRules) -> None:
        self._rules = rules
        self._least_ns: dict[int, int] = {}
        self.shown: dict[int, MovementState] = {}

    def watch(self, state: SignalState | None) -> None:
        """Take a state that may be used; None: there is none, and what was known is forgotten."""
        if state is None:
            self._least_ns.clear()
            self.shown = {}
            return
        self.shown = {group.signal_group: group.state for group in state.groups}
        for group in state.groups:
            number = group.signal_group
            if group.state not in STEADY_GREENS:
                self._least_ns.pop(number, None)
            elif group.min_end_ns is not None:
                self._least_ns[number] = max(group.min_end_ns, self._least_ns.get(number, 0))

    def is_green(self, group: int) -> bool:
        """Whether a signal group shows green."""
        return self.shown.get(group) in STEADY_GREENS

    def has_ended(self, group: int) -> bool:
        """Whether a signal group shows something else than green; signals in doubt do not tell."""
        known = self.shown.get(group, MovementState.UNAVAILABLE) is not MovementState.UNAVAILABLE
        return known and not self.is_green(group)

    def why_no_green(self, group: int) -> str:
        """Why a signal group will show no green that one can ask for; empty: it will."""
        shown = self.shown.get(group)
        return "" if shown in _IN_CYCLE else f"signal group {group} shows nothing that leads to a green"

    def forcible(self, group: int, *, now_ns: int) -> frozenset[int]:
        """Phases whose green is in the way of a signal group and may end now.

        A green whose minimum was never told is left to the controller, and so is one beside which anybody walks or
        whose pedestrians show anything but a steady red. Pedestrians that the site does not map are not seen: the
        controller itself does not force a phase off during walk and clearance (NEMA TS 2, 3.5.3).
        """
        reach = self._rules.reach
        found = set()
        for other, phase in reach.phases.items():
            if not self.is_green(other) or not self._rules.conflict(group, other):
                continue
            over = self._least_ns.get(other)
            if (
                phase in reach.commandable
                and over is not None
                and over <= now_ns
                and self._nobody_walks(phase)
            ):
                found.add(phase)
        return frozenset(found)

    def _nobody_walks(self, phase: int) -> bool:
        walkers = self._rules.reach.walkers.get(phase, ())
        return all(self.shown.get(walker) is MovementState.STOP_AND_REMAIN for walker in walkers)
