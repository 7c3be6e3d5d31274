"""The fixed-time plan for controllers that only number their signal groups: what each shows, and what comes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edge.core.signals import LampState
from edge.core.stamp import NS_PER_MS
from hw.sim.signal_plan import CYCLE_DS, GROUPS, STEPS, Group, step_at

TENTH_NS = 100 * NS_PER_MS
NUMBERS = {group: number for number, group in enumerate(GROUPS, start=1)}
"""Vehicle phases 1 to 8 are groups 1 to 8; pedestrian phases 2, 4, 6, 8 are groups 9 to 12."""


@dataclass(frozen=True, slots=True)
class Phase:
    """What a group shows up to a time.

    Attributes:
        lamp: what it shows.
        end_ns: UTC ns at which something else begins.
    """

    lamp: LampState
    end_ns: int


def cycle_position_ds(now_ns: int) -> float:
    """Position in the cycle, tenths of a second; cycles begin at the epoch."""
    return now_ns % (CYCLE_DS * TENTH_NS) / TENTH_NS


def phases(group: Group, now_ns: int) -> Iterator[Phase]:
    """The present phase of a group and those of the cycle after it."""
    index, left_ds = step_at(cycle_position_ds(now_ns))
    end_ns = now_ns + round(left_ds * TENTH_NS)
    lamp = STEPS[index].lamp(group)
    for ahead in range(1, 2 * len(STEPS)):
        step = STEPS[(index + ahead) % len(STEPS)]
        if step.lamp(group) is not lamp:
            yield Phase(lamp, end_ns)
            lamp = step.lamp(group)
        end_ns += step.duration_ds * TENTH_NS


def lights(now_ns: int) -> dict[int, tuple[Phase, ...]]:
    """Present and coming phases of every group by its number."""
    return {NUMBERS[group]: tuple(phases(group, now_ns))[:4] for group in GROUPS}


def next_change_ns(now_ns: int) -> int:
    """When any lamp changes next, UTC ns."""
    return now_ns + round(step_at(cycle_position_ds(now_ns))[1] * TENTH_NS)
