"""The fixed-time plan of the simulated crossing: eight vehicle phases in two rings, four pedestrian phases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from edge.core.signals import LampState

Group = tuple[str, int]
"""Kind (`vehicle` or `pedestrian`) and phase number."""

LEFT_GREEN_DS, THROUGH_GREEN_DS, YELLOW_DS, ALL_RED_DS, WALK_DS = 80, 200, 30, 20, 70
GROUPS: tuple[Group, ...] = (
    *(("vehicle", phase) for phase in range(1, 9)),
    *(("pedestrian", phase) for phase in (2, 4, 6, 8)),
)


@dataclass(frozen=True, slots=True)
class PlanStep:
    """A time during which no lamp changes.

    Attributes:
        duration_ds: tenths of a second.
        lamps: groups that are not red.
    """

    duration_ds: int
    lamps: Mapping[Group, LampState]

    def lamp(self, group: Group) -> LampState:
        """What the group shows."""
        return self.lamps.get(group, LampState.RED)


def _barrier(lefts: tuple[int, int], throughs: tuple[int, int]) -> tuple[PlanStep, ...]:
    """One side of the barrier: protected lefts, then through traffic with the pedestrians beside it."""
    turn = [("vehicle", phase) for phase in lefts]
    ahead = [("vehicle", phase) for phase in throughs]
    walk = [("pedestrian", phase) for phase in throughs]
    green = dict.fromkeys(ahead, LampState.GREEN)
    clearing = dict.fromkeys(walk, LampState.FLASHING_RED)
    return (
        PlanStep(LEFT_GREEN_DS, dict.fromkeys(turn, LampState.GREEN)),
        PlanStep(YELLOW_DS, dict.fromkeys(turn, LampState.YELLOW)),
        PlanStep(ALL_RED_DS, {}),
        PlanStep(WALK_DS, green | dict.fromkeys(walk, LampState.GREEN)),
        PlanStep(THROUGH_GREEN_DS - WALK_DS, green | clearing),
        PlanStep(YELLOW_DS, dict.fromkeys(ahead, LampState.YELLOW)),
        PlanStep(ALL_RED_DS, {}),
    )


STEPS: tuple[PlanStep, ...] = _barrier((1, 5), (2, 6)) + _barrier((3, 7), (4, 8))
CYCLE_DS = sum(step.duration_ds for step in STEPS)
CYCLE_S = CYCLE_DS / 10.0


def step_at(cycle_ds: float) -> tuple[int, float]:
    """Index of the step and tenths of a second left in it, at a position in the cycle."""
    left = cycle_ds % CYCLE_DS
    for index, step in enumerate(STEPS):
        if left < step.duration_ds:
            return index, step.duration_ds - left
        left -= step.duration_ds
    return 0, float(STEPS[0].duration_ds)  # a remainder that rounded up to a whole cycle


@cache
def _more_ds(index: int, group: Group) -> int:
    """Tenths of a second after step `index` until the lamp of the group changes."""
    lamp, more = STEPS[index].lamp(group), 0
    for ahead in range(1, len(STEPS)):
        step = STEPS[(index + ahead) % len(STEPS)]
        if step.lamp(group) is not lamp:
            break
        more += step.duration_ds
    return more


def group_states(cycle_ds: float) -> tuple[dict[str, object], ...]:
    """The `groups` of a `WorldState`: lamp and tenths of a second until it changes, both bounds exact."""
    index, left_ds = step_at(cycle_ds)
    states = []
    for group in GROUPS:
        remaining = max(1, round(left_ds + _more_ds(index, group)))
        lamp = STEPS[index].lamp(group).name
        states.append(
            {"kind": group[0], "number": group[1], "lamp": lamp, "min_ds": remaining, "max_ds": remaining}
        )
    return tuple(states)


def link_letters(index: int, controller: Sequence[Mapping[str, Any]], count: int, yielding: set[int]) -> str:
    """Lamps of all links in SUMO's letters during one step; links in `yielding` show `g` for green.

    A clearing pedestrian lamp is `r`: who is on the crossing walks on, nobody starts.
    """
    letters = ["r"] * count
    for entry in controller:
        lamp = STEPS[index].lamp((entry["kind"], entry["number"]))
        letter = {LampState.GREEN: "G", LampState.YELLOW: "y"}.get(lamp, "r")
        for link in entry["links"]:
            letters[link] = "g" if letter == "G" and link in yielding else letter
    return "".join(letters)
