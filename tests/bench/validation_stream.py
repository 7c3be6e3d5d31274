"""Simulated SPaT for the validation bench: controllers of `hw.sim` through the signal lane to neutral messages."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from edge.core.intersection import Intersection
from edge.core.signals import (
    ControllerGroup,
    GroupKind,
    IntersectionStatus,
    LampState,
    SignalSnapshot,
    SignalState,
)
from edge.core.stamp import NS_PER_MS, Stamp, TimeSource
from edge.signals.lane import SignalLane
from edge.signals.phases import GroupRule
from edge.signals.validation import SignalMessage
from hw.sim.actuated_plan import ActuatedController, Disturbance, Pattern
from hw.sim.signal_plan import group_states
from tests.unit.signals.corner import corner

TENTH_NS = 100 * NS_PER_MS
START_NS = 1_767_218_400_000_000_000
"""2025-12-31 22:00 UTC: a day from here crosses the year."""
RULES = {(GroupKind.VEHICLE, number): GroupRule(number) for number in range(1, 9)} | {
    (GroupKind.PEDESTRIAN, number): GroupRule(number + 20, protected=False) for number in (2, 4)
}
HOUR_DS = 36_000
_S = IntersectionStatus


@dataclass(frozen=True, slots=True)
class Heard:
    """What the lane published of one snapshot, and the same as a receiver gets it."""

    state: SignalState
    message: SignalMessage


def place() -> Intersection:
    """The MAP of the simulated crossing."""
    return corner()


def lane() -> SignalLane:
    """A fresh lane of it."""
    return SignalLane(place(), groups=RULES)


def disturbances(hours: int, seed: int) -> tuple[Disturbance, ...]:
    """Preemption, flash, failure flash and stop time, a few an hour."""
    dice = random.Random(seed)
    kinds = (_S.PREEMPT, _S.PREEMPT, _S.PROGRAMMED_FLASH, _S.STOP_TIME, _S.FAILURE_FLASH, _S.PREEMPT)
    times = sorted(dice.randrange(HOUR_DS * hours) for _ in range(4 * hours))
    return tuple(
        Disturbance(at_ds, dice.randrange(150, 900), kinds[index % len(kinds)], dice.choice((1, 3)))
        for index, at_ds in enumerate(times)
    )


def actuated(hours: int, seed: int) -> ActuatedController:
    """An actuated controller whose pattern changes: free, peak, coordinated by fixed times, night."""
    busy = Pattern(arrivals_per_s=0.5, most_ds=(150, 500, 150, 400))
    fixed = Pattern(least_ds=(100, 300, 100, 250), most_ds=(100, 300, 100, 250))
    night = Pattern(arrivals_per_s=0.004)
    plans = (Pattern(), busy, fixed, night)
    step_ds = max(HOUR_DS * hours // 12, 3000)
    patterns = tuple((index * step_ds, plans[index % len(plans)]) for index in range(12))
    return ActuatedController(patterns, disturbances(hours, seed), seed)


def european(hours: int, seed: int) -> ActuatedController:
    """The same with red and yellow and no flashing green."""
    return ActuatedController(
        ((0, Pattern(red_yellow_ds=10, all_red_ds=20)),), disturbances(hours, seed), seed
    )


def chinese(hours: int, seed: int) -> ActuatedController:
    """The same with flashing green."""
    pattern = Pattern(flashing_green_ds=30, yellow_ds=30, arrivals_per_s=0.3)
    return ActuatedController(((0, pattern),), disturbances(hours, seed), seed)


def snapshots_of(controller: ActuatedController, tenths: int, start_ns: int) -> Iterator[SignalSnapshot]:
    """Ten a second."""
    keys = [(GroupKind(kind), number) for kind, number in controller.groups]
    for _ in range(tenths):
        controller.step()
        now = controller.now()
        at_ns = start_ns + controller.time_ds * TENTH_NS
        groups = tuple(
            ControllerGroup(
                kind,
                number,
                shown.lamp,
                None if shown.least_ds is None else start_ns + shown.least_ds * TENTH_NS,
                None if shown.latest_ds is None else start_ns + shown.latest_ds * TENTH_NS,
                None,
                shown.call,
            )
            for (kind, number) in keys
            for shown in (now[kind.value, number],)
        )
        yield SignalSnapshot("c", Stamp(at_ns, TimeSource.SENSOR), at_ns, groups, controller.status)


def snapshots_of_plan(tenths: int, start_ns: int) -> Iterator[SignalSnapshot]:
    """The fixed-time plan of the demo."""
    for tenth in range(tenths):
        at_ns = start_ns + tenth * TENTH_NS
        groups = tuple(
            ControllerGroup(
                GroupKind(str(entry["kind"])),
                int(str(entry["number"])),
                LampState[str(entry["lamp"])],
                at_ns + int(str(entry["min_ds"])) * TENTH_NS,
                at_ns + int(str(entry["max_ds"])) * TENTH_NS,
            )
            for entry in group_states(tenth)
        )
        yield SignalSnapshot("c", Stamp(at_ns, TimeSource.SENSOR), at_ns, groups)


def hear(snapshots: Iterator[SignalSnapshot], seed: int, *, lossy: bool = True) -> Iterator[Heard]:
    """Each snapshot through the lane and over the air: latency, jitter, now and then a loss or a delay."""
    dice, shown, count, arrived_ns = random.Random(seed), lane(), 0, 0
    for snapshot in snapshots:
        now_ns = snapshot.stamp.capture_ns
        state = shown.update(snapshot, now_ns)
        count += 1
        if lossy and dice.random() < 0.002:
            continue
        delay_ms = dice.randrange(250, 400) if lossy and dice.random() < 0.0005 else dice.randrange(5, 40)
        arrived_ns = max(arrived_ns, now_ns + delay_ms * NS_PER_MS)
        yield Heard(state, message_of(state, arrived_ns, count))


def message_of(state: SignalState, arrived_ns: int, count: int) -> SignalMessage:
    """What a receiver makes of a published state."""
    return SignalMessage(
        state.intersection,
        None,
        state.groups,
        state.status,
        arrived_ns,
        state.published_ns // NS_PER_MS * NS_PER_MS,
        state.revision,
        count % 128,
        state.map_revision,
    )
