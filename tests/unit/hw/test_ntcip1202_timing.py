"""Promises from phase tables: only what holds whatever happened between two polls."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.signals import ControllerGroup, GroupKind, IntersectionStatus, LampState
from edge.core.stamp import NS_PER_MS, NS_PER_S
from hw.signal.ntcip1202.timing import Instant, PhaseTable, PromiseMaker
from hw.sim.ntcip_intersection import (
    MIN_GREEN_S,
    PED_CLEAR_S,
    PHASES,
    RED_CLEAR_TENTHS,
    RINGS,
    WALK_S,
    YELLOW_TENTHS,
    SimulatedController,
)
from hw.sim.signal_plan import CYCLE_S, GROUPS

TABLES = {
    1: PhaseTable(min_green_ds=50, yellow_ds=30, red_clear_ds=20, ring=1),
    2: PhaseTable(70, 130, 100, 40, 10, 1),
    6: PhaseTable(min_green_ds=80, yellow_ds=30, red_clear_ds=20, ring=2),
}
PLAN_TABLES = {
    phase: PhaseTable(
        walk_ds=WALK_S * 10,
        ped_clear_ds=PED_CLEAR_S * 10,
        min_green_ds=MIN_GREEN_S * 10,
        yellow_ds=YELLOW_TENTHS,
        red_clear_ds=RED_CLEAR_TENTHS,
        ring=RINGS[phase],
    )
    for phase in PHASES
}
PERIOD_NS, LAG_NS = 100 * NS_PER_MS, 100 * NS_PER_MS
NONE = IntersectionStatus.NONE
Lamps = dict[tuple[GroupKind, int], LampState]
CAR, WALKER = GroupKind.VEHICLE, GroupKind.PEDESTRIAN


class Street:
    """Feeds lamps poll by poll; times in seconds."""

    def __init__(self) -> None:
        self.counters: Counter[str] = Counter()
        self.maker = PromiseMaker(self.counters, gap_ns=PERIOD_NS * 5 // 2)
        self.maker.set_tables(TABLES)

    def poll(
        self, at_s: float, lamps: Lamps, status: IntersectionStatus = NONE
    ) -> dict[tuple[GroupKind, int], tuple[float | None, float | None]]:
        """Ends of every group, seconds."""
        at_ns = round(at_s * NS_PER_S)
        groups = [ControllerGroup(kind, number, lamp) for (kind, number), lamp in lamps.items()]
        instant = Instant(at_ns - LAG_NS, at_ns)
        found = self.maker.add(groups, instant, status)
        return {(g.kind, g.number): (_seconds(g.min_end_ns), _seconds(g.max_end_ns)) for g in found}

    def show(self, start_s: float, end_s: float, lamp: LampState, **more: object) -> None:
        """Phase 1 shows a lamp from a poll to another, both included."""
        tenth = round(start_s * 10)
        while tenth <= round(end_s * 10):
            self.poll(tenth / 10, {(CAR, 1): lamp})
            tenth += 1


def _seconds(at_ns: int | None) -> float | None:
    return None if at_ns is None else at_ns / NS_PER_S


def test_nothing_is_promised_of_a_lamp_whose_start_was_not_seen() -> None:
    street = Street()
    for tenth in range(5):
        assert street.poll(tenth / 10, {(CAR, 1): LampState.GREEN}) == {(CAR, 1): (None, None)}


def test_green_lasts_its_minimum_from_the_last_poll_that_did_not_show_it() -> None:
    street = Street()
    street.poll(10.0, {(CAR, 1): LampState.RED})
    promised = street.poll(10.1, {(CAR, 1): LampState.GREEN})
    assert promised[CAR, 1] == (pytest.approx(10.0 - 0.1 + 5.0), None)
    assert street.poll(10.2, {(CAR, 1): LampState.GREEN}) == promised


def test_yellow_ends_exactly_within_what_polls_leave_open() -> None:
    street = Street()
    street.poll(20.0, {(CAR, 1): LampState.GREEN})
    least, latest = street.poll(20.1, {(CAR, 1): LampState.YELLOW})[CAR, 1]
    assert (least, latest) == (pytest.approx(19.9 + 3.0), pytest.approx(20.1 + 3.0))


def test_red_clearance_is_promised_after_yellow_only() -> None:
    street = Street()
    street.poll(30.0, {(CAR, 1): LampState.YELLOW})
    assert street.poll(30.1, {(CAR, 1): LampState.RED})[CAR, 1] == (pytest.approx(29.9 + 2.0), None)
    fresh = Street()
    fresh.poll(30.0, {(CAR, 1): LampState.GREEN})
    assert fresh.poll(30.1, {(CAR, 1): LampState.RED})[CAR, 1] == (None, None)


def test_walk_and_clearance_last_at_least_their_times() -> None:
    street = Street()
    street.poll(0.0, {(WALKER, 2): LampState.RED})
    assert street.poll(0.1, {(WALKER, 2): LampState.GREEN})[WALKER, 2] == (pytest.approx(-0.1 + 7.0), None)
    street.maker.forget()
    street.poll(9.0, {(WALKER, 2): LampState.GREEN})
    clear = street.poll(9.1, {(WALKER, 2): LampState.FLASHING_RED})[WALKER, 2]
    assert clear == (pytest.approx(8.9 + 13.0), None)


def test_red_waits_for_the_other_phase_of_its_ring() -> None:
    street = Street()
    street.poll(0.0, {(CAR, 1): LampState.RED, (CAR, 2): LampState.RED, (CAR, 6): LampState.RED})
    lamps = {(CAR, 1): LampState.GREEN, (CAR, 2): LampState.RED, (CAR, 6): LampState.RED}
    ends = street.poll(0.1, lamps)
    assert ends[CAR, 2] == (pytest.approx(-0.1 + 5.0 + 3.0 + 2.0), None)
    assert ends[CAR, 6] == (None, None)  # another ring


def test_red_waits_for_a_green_of_unknown_start_too() -> None:
    street = Street()
    lamps = {(CAR, 1): LampState.GREEN, (CAR, 2): LampState.RED}
    first, later = street.poll(50.0, lamps), street.poll(50.2, lamps)
    assert first[CAR, 2] == (pytest.approx(49.9 + 5.0), None)
    assert later[CAR, 2] == (pytest.approx(50.1 + 5.0), None)


def test_a_promise_never_runs_backwards() -> None:
    street = Street()
    red = {(CAR, 1): LampState.GREEN, (CAR, 2): LampState.RED}
    street.poll(0.0, {(CAR, 1): LampState.RED, (CAR, 2): LampState.RED})
    ends = [street.poll(0.1 + tenth / 10, red)[CAR, 2][0] for tenth in range(80)]
    assert ends == sorted(ends, key=lambda end: end or 0.0)


@pytest.mark.parametrize(
    "status",
    [
        IntersectionStatus.STOP_TIME,
        IntersectionStatus.PREEMPT,
        IntersectionStatus.FAILURE_FLASH,
        IntersectionStatus.PROGRAMMED_FLASH,
    ],
)
def test_a_disturbed_lamp_promises_nothing_even_after_the_disturbance(status: IntersectionStatus) -> None:
    street = Street()
    green = {(CAR, 1): LampState.GREEN}
    street.poll(0.0, {(CAR, 1): LampState.RED})
    assert street.poll(0.1, green)[CAR, 1][0] is not None
    assert street.poll(0.2, green, status)[CAR, 1] == (None, None)
    assert street.poll(0.3, green)[CAR, 1] == (None, None)


@pytest.mark.parametrize("later_s", [0.3, -1.0])
def test_after_missed_polls_or_a_clock_that_jumped_back_starts_are_unknown(later_s: float) -> None:
    street = Street()
    street.poll(10.0, {(CAR, 1): LampState.RED})
    assert street.poll(10.0 + later_s, {(CAR, 1): LampState.GREEN})[CAR, 1] == (None, None)


def test_a_table_that_the_controller_does_not_keep_is_not_believed_again() -> None:
    street = Street()
    street.show(0.0, 0.1, LampState.RED)
    street.show(0.2, 2.0, LampState.GREEN)  # shorter than the five seconds of its table
    street.show(2.1, 5.0, LampState.YELLOW)
    assert street.counters["tables_broken"] == 1
    street.show(5.1, 10.0, LampState.RED)
    assert street.poll(10.1, {(CAR, 1): LampState.GREEN})[CAR, 1] == (None, None)
    changed = TABLES | {1: PhaseTable(min_green_ds=15, yellow_ds=30, red_clear_ds=20, ring=1)}
    street.maker.set_tables(changed)
    street.poll(10.2, {(CAR, 1): LampState.RED})
    assert street.poll(10.3, {(CAR, 1): LampState.GREEN})[CAR, 1][0] == pytest.approx(10.1 + 1.5)


def test_a_yellow_that_lasts_longer_than_its_table_breaks_it_too() -> None:
    street = Street()
    street.show(0.0, 0.1, LampState.GREEN)
    street.show(0.2, 4.2, LampState.YELLOW)
    street.show(4.3, 4.4, LampState.RED)
    assert street.counters["tables_broken"] == 1


@settings(max_examples=25)
@given(green_ms=st.integers(5_000, 20_000), start_ms=st.integers(0, 400), seed=st.integers(0, 2**32))
def test_no_promise_is_ever_broken_by_a_controller_that_keeps_its_tables(
    green_ms: int, start_ms: int, seed: int
) -> None:
    """Polls that come early or late, and status that is up to 100 ms old."""
    changes = [(start_ms + 300, LampState.GREEN), (start_ms + 300 + green_ms, LampState.YELLOW)]
    changes.append((changes[-1][0] + 3_000, LampState.RED))
    counters: Counter[str] = Counter()
    maker = PromiseMaker(counters, gap_ns=250 * NS_PER_MS)
    maker.set_tables(TABLES)
    promised, true_ms, chance = 0, 0, random.Random(seed)
    for number in range(250):
        now_ms = number * 100 + chance.randint(0, 100)
        true_ms = max(true_ms, now_ms - chance.randint(0, 100))
        lamp = next((lamp for at, lamp in reversed(changes) if at <= true_ms), LampState.RED)
        end_ms = next((at for at, _ in changes if at > true_ms), None)
        instant = Instant((now_ms - 100) * NS_PER_MS, now_ms * NS_PER_MS)
        (found,) = maker.add([ControllerGroup(CAR, 1, lamp)], instant, NONE)
        if end_ms is not None and found.min_end_ns is not None:
            promised += 1
            assert found.min_end_ns <= end_ms * NS_PER_MS
        if end_ms is not None and found.max_end_ns is not None:
            assert found.max_end_ns >= end_ms * NS_PER_MS
    assert promised > 50
    assert counters["tables_broken"] == 0


def test_every_promise_over_whole_cycles_of_two_rings_is_kept() -> None:
    """Greens, yellows, reds that wait for their ring, walkers: against the plan itself, polled unevenly."""
    chance, street, plan = random.Random(7), Street(), SimulatedController()
    street.maker.set_tables(PLAN_TABLES)
    keys = [(GroupKind(kind), number) for kind, number in GROUPS]
    given: dict[tuple[GroupKind, int], tuple[LampState, float, float]] = {}
    kinds: Counter[tuple[GroupKind, LampState]] = Counter()
    due_s = 0.0
    for hundredth in range(round(2 * CYCLE_S * 100)):
        at_s = 1000.0 + hundredth / 100
        plan.advance(round(at_s * NS_PER_S))
        lamps = {key: plan.lamp((key[0].value, key[1])) for key in keys}
        for key, (lamp, least_s, latest_s) in tuple(given.items()):
            if lamp is not lamps[key]:
                assert least_s <= at_s, (key, lamp)
                del given[key]
            assert at_s <= latest_s or lamp is not lamps[key], (key, lamp)
        if at_s < due_s:
            continue
        due_s = at_s + chance.uniform(0.05, 0.15)
        for key, (least, latest) in street.poll(at_s, lamps).items():
            kinds[key[0], lamps[key]] += least is not None
            _, least_s, latest_s = given.get(key, (lamps[key], 0.0, math.inf))
            given[key] = lamps[key], max(least_s, least or 0.0), min(latest_s, latest or math.inf)
    assert street.counters["tables_broken"] == 0
    for kind, lamp in (
        (CAR, LampState.GREEN),
        (CAR, LampState.YELLOW),
        (CAR, LampState.RED),
        (WALKER, LampState.GREEN),
        (WALKER, LampState.FLASHING_RED),
    ):
        assert kinds[kind, lamp] > 100, (kind, lamp)
