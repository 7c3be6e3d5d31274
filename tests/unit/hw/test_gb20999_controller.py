"""The GB/T 20999 driver: lamps, kinds and derived ends, against the truth of the simulated plan."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.signals import GroupKind, IntersectionStatus, LampState
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.signals.lane import LaneLimits, SignalLane
from edge.signals.phases import GroupRule
from hw.signal import gb20999_objects as objects
from hw.signal.gb20999 import Address
from hw.signal.gb20999_codes import Lamp, Mode
from hw.signal.gb20999_controller import Gb20999Reader
from hw.signal.gb20999_countdown import StageClock, StageReading
from hw.sim.signal_plan import CYCLE_DS, group_states
from tests.unit.hw.gb20999_bench import POLL_NS, T0_NS, Bench, by_number, true_ends
from tests.unit.signals.corner import CROSSWALK_GROUPS, VEHICLE_GROUPS, corner


@settings(max_examples=20)
@given(st.integers(0, CYCLE_DS - 1), st.integers(0, 2**16))
def test_promises_hold_and_are_tight_over_the_whole_plan(start_ds: int, seed: int) -> None:
    bench = Bench(start_ds=float(start_ds), seed=seed)
    bench.settled()
    promised = 0
    for _ in range(60):
        snapshot = bench.turn()
        if snapshot is None:
            continue
        captured_ns = snapshot.stamp.capture_ns
        cycle_ds = (start_ds + (captured_ns - T0_NS) / (100 * NS_PER_MS)) % CYCLE_DS
        slack_ns = snapshot.stamp.error_ns + 100 * NS_PER_MS  # of the reading, and of the truth's tenths
        if _near_change(cycle_ds):
            continue
        truth = true_ends(cycle_ds, captured_ns)
        for number, group in by_number(snapshot).items():
            if group.min_end_ns is not None:
                assert group.min_end_ns <= truth[number] + slack_ns
            if group.max_end_ns is not None:
                assert group.max_end_ns >= truth[number] - slack_ns
                assert group.min_end_ns is not None
                assert group.max_end_ns - group.min_end_ns <= 1.1 * NS_PER_S
                promised += 1
            if group.likely_end_ns is not None:
                assert abs(group.likely_end_ns - truth[number]) <= 0.6 * NS_PER_S + slack_ns
    assert promised > 100


def _near_change(cycle_ds: float) -> bool:
    """Whether a lamp changes within two tenths."""
    return any(
        int(str(state["min_ds"])) <= 2 for at in (cycle_ds, cycle_ds - 2) for state in group_states(at)
    )


def test_every_group_has_its_kind_colour_and_an_end_once_all_is_told() -> None:
    snapshot = Bench(start_ds=20.0).settled()
    kinds = [GroupKind.VEHICLE] * 8 + [GroupKind.PEDESTRIAN] * 4
    assert [group.kind for group in snapshot.groups] == kinds
    assert all(group.likely_end_ns is not None for group in snapshot.groups)
    assert (snapshot.plan, snapshot.status) == (1, IntersectionStatus.FIXED_TIME)
    assert snapshot.cycle_position_s is not None


def test_second_between_two_counts_tells_the_end_to_a_poll_period() -> None:
    bench = Bench()
    bench.settled()
    snapshot = bench.turn()
    assert snapshot is not None
    green = by_number(snapshot)[1]
    assert green.min_end_ns is not None
    assert green.max_end_ns is not None
    assert green.max_end_ns - green.min_end_ns <= 1.3 * POLL_NS


@pytest.mark.parametrize("mode", [Mode.LOCAL_ACTUATED, Mode.LOCAL_ADAPTIVE, Mode.CENTRE_OPTIMISED])
def test_actuated_controller_promises_nothing(mode: Mode) -> None:
    bench = Bench()
    bench.device.mode = mode
    snapshot = bench.settled()
    assert snapshot.status == IntersectionStatus.TRAFFIC_DEPENDENT
    assert all(group.min_end_ns is None and group.max_end_ns is None for group in snapshot.groups)
    assert all(group.likely_end_ns is not None for group in snapshot.groups)


@pytest.mark.parametrize(
    ("mode", "status"),
    [
        (Mode.LOCAL_MANUAL, IntersectionStatus.MANUAL_CONTROL),
        (Mode.FLASH, IntersectionStatus.PROGRAMMED_FLASH),
        (Mode.ALL_OFF, IntersectionStatus.OFF),
        (Mode.ALL_RED, IntersectionStatus.NONE),
    ],
)
def test_mode_without_a_countdown_has_no_ends(mode: Mode, status: IntersectionStatus) -> None:
    bench = Bench()
    bench.device.mode = mode
    snapshot = bench.settled()
    assert snapshot.status == status
    assert all(group.likely_end_ns is None and group.max_end_ns is None for group in snapshot.groups)


def test_unknown_mode_promises_nothing() -> None:
    bench = Bench()
    bench.device.lacks = {objects.RUN_MODE}
    snapshot = bench.settled()
    assert snapshot.status == IntersectionStatus.NONE
    assert all(group.max_end_ns is None for group in snapshot.groups)


@pytest.mark.parametrize(
    ("request_name", "flag"),
    [("priority", IntersectionStatus.PRIORITY), ("emergency", IntersectionStatus.PREEMPT)],
)
def test_running_request_takes_the_promises_within_a_heartbeat_and_gives_them_back(
    request_name: str, flag: IntersectionStatus
) -> None:
    bench = Bench()
    assert by_number(bench.settled())[1].max_end_ns is not None
    for runs in (True, False):
        setattr(bench.device, request_name, runs)
        turns = [bench.turn() for _ in range(6)]
        snapshot = [turn for turn in turns if turn is not None][-1]
        assert bool(snapshot.status & flag) is runs
        assert all(group.max_end_ns is None for group in snapshot.groups) is runs


def test_controller_without_requests_is_not_asked_for_them_again_and_again() -> None:
    bench = Bench()
    bench.device.lacks = {objects.PRIORITY_RUNS, objects.EMERGENCY_RUNS}
    snapshot = [bench.settled() for _ in range(3)][-1]
    assert by_number(snapshot)[1].likely_end_ns is not None
    assert bench.reader.counters["refused"] == 2


def test_countdown_that_leaves_the_plan_is_no_promise() -> None:
    bench = Bench()
    bench.settled()
    remaining = Address(*objects.STAGE_REMAINING, bench.device.stage)
    bench.device.overrides[remaining] = (40).to_bytes(2, "big")
    snapshot = bench.turn()
    assert snapshot is not None
    assert all(group.max_end_ns is None and group.min_end_ns is None for group in snapshot.groups)
    assert by_number(snapshot)[1].likely_end_ns is not None


@pytest.mark.parametrize(
    ("code", "lamp"),
    [
        (Lamp.OFF, LampState.DARK),
        (Lamp.RED_FAST_FLASH, LampState.FLASHING_RED),
        (Lamp.GREEN_FLASH, LampState.FLASHING_GREEN),
        (Lamp.GREEN_FAST_FLASH, LampState.FLASHING_GREEN),
        (Lamp.YELLOW_FLASH, LampState.FLASHING_YELLOW),
        (Lamp.RED_YELLOW, LampState.RED_YELLOW),
        (0x77, LampState.UNKNOWN),
    ],
)
def test_every_lamp_of_the_standard(code: int, lamp: LampState) -> None:
    bench = Bench()
    bench.device.overrides[Address(*objects.LAMP_STATE, 3)] = bytes((code,))
    assert by_number(bench.settled())[3].lamp is lamp


@pytest.mark.parametrize(
    ("code", "kind"),
    [(2, GroupKind.VEHICLE), (4, GroupKind.GROUP), (6, GroupKind.VEHICLE), (99, GroupKind.GROUP)],
)
def test_types_of_lamp_groups_are_kinds(code: int, kind: GroupKind) -> None:
    bench = Bench()
    bench.device.overrides[Address(*objects.LAMP_TYPE, 3)] = bytes((code,))
    assert by_number(bench.settled())[3].kind is kind


def test_kinds_of_the_site_stand_in_where_the_controller_does_not_tell_them() -> None:
    bench = Bench()
    bench.device.lacks = {objects.LAMP_TYPE}
    bench.reader = Gb20999Reader("c", kinds={3: GroupKind.PEDESTRIAN})
    groups = by_number(bench.settled())
    assert (groups[3].kind, groups[4].kind) == (GroupKind.PEDESTRIAN, GroupKind.GROUP)


def reading(
    remaining: int, at_s: float, *, elapsed: int | None = None, planned: int | None = None
) -> StageReading:
    at_ns = round(at_s * NS_PER_S)
    return StageReading(1, remaining, elapsed, planned, at_ns, at_ns + 10 * NS_PER_MS)


def test_rounding_down_is_seen_where_the_counts_are_a_second_short_of_the_plan() -> None:
    end = StageClock(Counter()).read(reading(4, 5.5, elapsed=5, planned=10))
    assert end is not None
    assert (end.earliest_ns, end.latest_ns) == (round(9.5 * NS_PER_S), round(10.51 * NS_PER_S))
    assert end.as_planned


def test_unknown_rounding_leaves_two_seconds() -> None:
    end = StageClock(Counter()).read(reading(4, 5.0))
    assert end is not None
    assert (end.earliest_ns, end.latest_ns) == (8 * NS_PER_S, round(10.01 * NS_PER_S))
    assert not end.as_planned


def test_jump_of_the_countdown_begins_anew() -> None:
    counters: Counter[str] = Counter()
    clock = StageClock(counters)
    clock.read(reading(9, 0.0))
    end = clock.read(reading(3, 1.0))
    assert counters["countdown_jumped"] == 1
    assert end is not None
    assert end.earliest_ns == 3 * NS_PER_S


# Over real sockets


def test_signal_lane_finds_no_broken_promise_in_two_cycles() -> None:
    bench, intersection = Bench(start_ds=300.0, seed=5), corner()
    walkers = dict(zip((9, 10), CROSSWALK_GROUPS, strict=True))
    rules = {(GroupKind.VEHICLE, n): GroupRule(n) for n in VEHICLE_GROUPS}
    rules |= {(GroupKind.PEDESTRIAN, n): GroupRule(group, protected=False) for n, group in walkers.items()}
    lane = SignalLane(
        intersection, groups=rules, limits=LaneLimits(liveness_ns=700 * NS_PER_MS), conflicts=()
    )
    timed = shown = 0
    for _ in range(2 * CYCLE_DS // 2 + 30):
        snapshot = bench.turn()
        if snapshot is None:
            continue
        state = lane.update(snapshot, bench.ns)
        shown += not state.withdrawn
        timed += sum(group.max_end_ns is not None for group in state.groups)
    broken = ("promises_broken", "ended_early", "overstayed", "timing_contradicts", "timing_past")
    assert {name: lane.counters[name] for name in broken} == dict.fromkeys(broken, 0)
    assert shown > 700
    assert timed > 3000
