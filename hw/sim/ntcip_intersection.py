"""A simulated NEMA controller behind its NTCIP 1202 objects: the plan of `signal_plan`, and what commands do to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from edge.core.signals import LampState
from edge.core.stamp import NS_PER_MS, NS_PER_S
from hw.signal.ntcip1202.objects import Command
from hw.sim.signal_plan import (
    ALL_RED_DS,
    CYCLE_DS,
    GROUPS,
    STEPS,
    THROUGH_GREEN_DS,
    WALK_DS,
    YELLOW_DS,
    Group,
)

PHASES = tuple(number for kind, number in GROUPS if kind == "vehicle")
WALKERS = tuple(number for kind, number in GROUPS if kind == "pedestrian")
RINGS = {phase: 1 if phase <= 4 else 2 for phase in PHASES}
MIN_GREEN_S, MAX_GREEN_S = 5, 25
WALK_S, PED_CLEAR_S = WALK_DS // 10, (THROUGH_GREEN_DS - WALK_DS) // 10
YELLOW_TENTHS, RED_CLEAR_TENTHS = YELLOW_DS, ALL_RED_DS
OVERLAPS = {1: 2, 2: 4}
"""Overlap and the phase whose lamp it shows."""
_TENTH_NS = 100 * NS_PER_MS


@dataclass(slots=True)
class SimulatedController:
    """One controller, moved on by `advance`.

    A held green does not end; a force-off ends a green after its minimum and its pedestrians; an omitted phase stays
    red when its turn comes; calls are shown. What is commanded ends when nobody writes for `backup_s`.

    Attributes:
        commands: per command the phases as a mask.
        backup_s: unitBackupTime; 0: commands last for ever.
        flash, alarm_2, short_alarm, control_status: raw unit status.
        pattern: coordPatternStatus.
        free: localFreeStatus.
        index: present step of the plan.
        elapsed_ns: time since it began.
    """

    commands: dict[Command, int] = field(default_factory=lambda: dict.fromkeys(Command, 0))
    backup_s: int = 10
    flash: int = 2
    alarm_2: int = 0
    short_alarm: int = 0
    control_status: int = 6
    pattern: int = 1
    free: int = 2
    index: int = 0
    elapsed_ns: int = 0
    _now_ns: int | None = None
    _commanded_ns: int = 0
    _green_ns: int = 0
    _omitted: frozenset[Group] = frozenset()

    def advance(self, now_ns: int) -> None:
        """Let the time pass until `now_ns` (any clock that does not run backwards)."""
        if self._now_ns is None:
            self._now_ns = now_ns
        left_ns = max(0, now_ns - self._now_ns)
        self._now_ns = now_ns
        if self.backup_s and now_ns - self._commanded_ns > self.backup_s * NS_PER_S:
            self.commands = dict.fromkeys(Command, 0)
        while left_ns > 0:
            if self._forced():
                self._end_green()
            if self._rest_ns() == 0 and not self._next_step():
                return
            passed_ns = min(left_ns, self._rest_ns(), _TENTH_NS)
            left_ns -= passed_ns
            self.elapsed_ns += passed_ns
            self._green_ns = self._green_ns + passed_ns if self._greens() else 0
        if self._rest_ns() == 0:
            self._next_step()

    def command(self, command: Command, mask: int, now_ns: int) -> None:
        """A control object was written."""
        self.advance(now_ns)
        self.commands[command] = mask
        self._commanded_ns = now_ns

    def lamp(self, group: Group) -> LampState:
        """What a group shows now."""
        return LampState.RED if group in self._omitted else STEPS[self.index].lamp(group)

    def mask(self, kind: str, lamp: LampState) -> int:
        """Numbers whose lamp shows this, as a mask."""
        numbers = PHASES if kind == "vehicle" else WALKERS
        return _mask(number for number in numbers if self.lamp((kind, number)) is lamp)

    def overlap_mask(self, lamp: LampState) -> int:
        """Overlaps whose lamp shows this, as a mask."""
        return _mask(number for number, phase in OVERLAPS.items() if self.lamp(("vehicle", phase)) is lamp)

    @property
    def vehicle_calls(self) -> int:
        """Every phase that is not green has a call: the plan serves them all."""
        return _mask(PHASES) & ~self.mask("vehicle", LampState.GREEN) | self.commands[Command.VEHICLE_CALL]

    @property
    def pedestrian_calls(self) -> int:
        return self.commands[Command.PEDESTRIAN_CALL]

    @property
    def cycle_ds(self) -> float:
        """Position in the cycle, tenths of a second."""
        before = sum(step.duration_ds for step in STEPS[: self.index])
        return before + self.elapsed_ns / _TENTH_NS

    @property
    def cycle_left_s(self) -> int:
        """coordCycleStatus."""
        return round((CYCLE_DS - self.cycle_ds) / 10)

    def _greens(self) -> int:
        return self.mask("vehicle", LampState.GREEN)

    def _rest_ns(self) -> int:
        return STEPS[self.index].duration_ds * _TENTH_NS - self.elapsed_ns

    def _next_step(self) -> bool:
        """Go on with the plan; False while a command keeps the present step."""
        if self._held():
            return False
        self._enter(self.index + 1)
        return True

    def _held(self) -> bool:
        """The step would end the green of a held phase."""
        after = STEPS[(self.index + 1) % len(STEPS)]
        ending = [phase for phase in PHASES if after.lamp(("vehicle", phase)) is not LampState.GREEN]
        return bool(self._greens() & _mask(ending) & self.commands[Command.HOLD])

    def _forced(self) -> bool:
        walking = self.mask("pedestrian", LampState.GREEN) | self.mask("pedestrian", LampState.FLASHING_RED)
        forced = self._greens() & self.commands[Command.FORCE_OFF]
        return bool(forced) and not walking and self._green_ns >= MIN_GREEN_S * NS_PER_S

    def _end_green(self) -> None:
        greens = self._greens()
        ahead = self.index + 1
        while any(
            STEPS[ahead % len(STEPS)].lamp(("vehicle", p)) is LampState.GREEN for p in _numbers(greens)
        ):
            ahead += 1
        self.commands[Command.FORCE_OFF] &= ~greens
        self._enter(ahead)

    def _enter(self, index: int) -> None:
        greens = self._greens()
        self.index, self.elapsed_ns = index % len(STEPS), 0
        begins = [p for p in PHASES if STEPS[self.index].lamp(("vehicle", p)) is LampState.GREEN]
        if begins and not greens:
            omitted = {("vehicle", p) for p in _numbers(self.commands[Command.PHASE_OMIT])}
            walkers = self.commands[Command.PHASE_OMIT] | self.commands[Command.PED_OMIT]
            self._omitted = frozenset(omitted | {("pedestrian", p) for p in _numbers(walkers)})


def _mask(numbers: Iterable[int]) -> int:
    mask = 0
    for number in numbers:
        mask |= 1 << (number - 1)
    return mask


def _numbers(mask: int) -> list[int]:
    return [number for number in PHASES if mask >> (number - 1) & 1]
