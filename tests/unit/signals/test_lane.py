"""The signal lane: validated states, withdrawal, recovery."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.errors import ConfigError
from edge.core.signals import (
    ControllerGroup,
    GroupKind,
    IntersectionStatus,
    LampState,
    MovementState,
    SignalSnapshot,
    SignalState,
)
from edge.core.stamp import NS_PER_MS, NS_PER_S, Stamp, TimeSource
from edge.signals.lane import LaneLimits, SignalLane
from edge.signals.phases import GroupRule
from tests.unit.signals.corner import CROSSWALK_GROUPS, VEHICLE_GROUPS, corner

T0 = 1_700_000_000 * NS_PER_S
TENTH = 100 * NS_PER_MS
RULES = {(GroupKind.VEHICLE, number): GroupRule(number) for number in VEHICLE_GROUPS} | {
    (GroupKind.PEDESTRIAN, number - 20): GroupRule(number, protected=False) for number in CROSSWALK_GROUPS
}
KEYS = tuple(RULES)
Lamps = dict[tuple[GroupKind, int], LampState]
ALL_RED: Lamps = dict.fromkeys(KEYS, LampState.RED)
EAST_WEST: Lamps = {
    **ALL_RED,
    (GroupKind.VEHICLE, 2): LampState.GREEN,
    (GroupKind.VEHICLE, 6): LampState.GREEN,
    (GroupKind.PEDESTRIAN, 2): LampState.GREEN,
}


def snapshot(
    now_ns: int,
    lamps: Lamps = EAST_WEST,
    *,
    status: IntersectionStatus = IntersectionStatus.NONE,
    least_s: float | None = 5,
    latest_s: float | None = 9,
) -> SignalSnapshot:
    least = None if least_s is None else T0 + round(least_s * NS_PER_S)
    latest = None if latest_s is None else T0 + round(latest_s * NS_PER_S)
    groups = tuple(ControllerGroup(*key, lamp, least, latest) for key, lamp in lamps.items())
    return SignalSnapshot("c", Stamp(now_ns, TimeSource.SENSOR), now_ns, groups, status)


def lane(**changes: object) -> SignalLane:
    arguments: dict[str, object] = {"groups": RULES, **changes}
    return SignalLane(corner(), **arguments)  # type: ignore[arg-type]


def shown_lane(**changes: object) -> SignalLane:
    """A lane that has shown the intersection with its snapshot of T0."""
    ready = lane(**changes)
    for tenth in range(-2, 1):
        state = ready.update(snapshot(T0 + tenth * TENTH), T0 + tenth * TENTH)
    assert not state.withdrawn
    return ready


def states(state: SignalState) -> dict[int, MovementState]:
    return {group.signal_group: group.state for group in state.groups}


def assert_withdrawn(state: SignalState) -> None:
    assert state.status == IntersectionStatus.NO_VALID_SPAT
    assert state.reasons
    assert [group.signal_group for group in state.groups] == [*VEHICLE_GROUPS, *CROSSWALK_GROUPS]
    for group in state.groups:
        assert group.state is MovementState.UNAVAILABLE
        timing = (group.min_end_ns, group.max_end_ns, group.likely_end_ns, group.confidence, group.next_state)
        assert timing == (None,) * 5


def test_before_the_first_snapshot_the_intersection_is_withdrawn() -> None:
    state = lane().tick(T0)
    assert_withdrawn(state)
    assert state.reasons == ("no snapshot yet",)
    assert (state.stamp.capture_ns, state.alive_ns, state.published_ns) == (0, 0, T0)


def test_third_good_snapshot_shows_the_intersection() -> None:
    fresh = lane()
    found = [fresh.update(snapshot(T0 + tenth * TENTH), T0 + tenth * TENTH) for tenth in range(3)]
    assert [state.withdrawn for state in found] == [True, True, False]
    green = MovementState.PROTECTED_MOVEMENT_ALLOWED
    assert {n: s for n, s in states(found[2]).items() if s is not MovementState.STOP_AND_REMAIN} == {
        2: green,
        6: green,
        22: MovementState.PERMISSIVE_MOVEMENT_ALLOWED,
    }
    assert found[2].reasons == ()
    assert (found[2].intersection, found[2].map_revision) == (1201, 5)


def test_timing_and_next_state_of_a_green() -> None:
    state = shown_lane().tick(T0)
    green = next(group for group in state.groups if group.signal_group == 2)
    assert (green.min_end_ns, green.max_end_ns) == (T0 + 5 * NS_PER_S, T0 + 9 * NS_PER_S)
    assert (green.likely_end_ns, green.next_state) == (None, MovementState.PROTECTED_CLEARANCE)


def test_repeat_keeps_the_stamps_of_the_snapshot() -> None:
    state = shown_lane().tick(T0 + 250 * NS_PER_MS)
    assert (state.stamp.capture_ns, state.alive_ns) == (T0, T0)
    assert (state.published_ns, state.valid_until_ns) == (T0 + 250 * NS_PER_MS, T0 + 400 * NS_PER_MS)
    assert not state.withdrawn


def test_silent_controller_is_withdrawn_after_its_liveness_and_returns_after_three_snapshots() -> None:
    ready = shown_lane()
    assert not ready.tick(T0 + 300 * NS_PER_MS).withdrawn
    dead = ready.tick(T0 + 301 * NS_PER_MS)
    assert_withdrawn(dead)
    assert dead.reasons == ("controller is silent",)
    assert dead.stamp.capture_ns == T0
    back = [ready.update(snapshot(T0 + t * TENTH), T0 + t * TENTH) for t in (10, 11, 12)]
    assert [state.withdrawn for state in back] == [True, True, False]
    assert (ready.counters["withdrawals"], ready.counters["recoveries"]) == (1, 2)


def test_sender_without_new_signs_of_life_dies_and_does_not_recover() -> None:
    ready = shown_lane()
    frozen = [
        ready.update(dataclasses.replace(snapshot(T0 + t * TENTH), alive_ns=T0), T0 + t * TENTH)
        for t in range(1, 8)
    ]
    assert [state.withdrawn for state in frozen] == [False] * 3 + [True] * 4


def _without(key: tuple[GroupKind, int]) -> Lamps:
    return {k: lamp for k, lamp in EAST_WEST.items() if k != key}


def _green(*numbers: int) -> Lamps:
    return {**ALL_RED, **{(GroupKind.VEHICLE, number): LampState.GREEN for number in numbers}}


@pytest.mark.parametrize(
    ("lamps", "reason"),
    [
        pytest.param(_green(2, 4), "conflicting greens: signal groups 2 and 4", id="crossing"),
        pytest.param(_green(1, 2), "conflicting greens: signal groups 1 and 2", id="protected left"),
        pytest.param(
            {**_green(4), (GroupKind.PEDESTRIAN, 2): LampState.GREEN},
            "conflicting greens: signal groups 4 and 22",
            id="walkers before through traffic",
        ),
        pytest.param(
            {**_green(2), (GroupKind.VEHICLE, 4): LampState.FLASHING_GREEN},
            "conflicting greens: signal groups 2 and 4",
            id="flashing green is green",
        ),
        pytest.param(_without((GroupKind.VEHICLE, 6)), "controller group vehicle 6 missing", id="missing"),
        pytest.param(
            {**EAST_WEST, (GroupKind.VEHICLE, 3): LampState.UNKNOWN},
            "controller group vehicle 3 unknown",
            id="lamp unknown",
        ),
    ],
)
def test_doubtful_colours_withdraw_at_once(lamps: Lamps, reason: str) -> None:
    ready = shown_lane()
    state = ready.update(snapshot(T0 + TENTH, lamps), T0 + TENTH)
    assert_withdrawn(state)
    assert reason in state.reasons
    assert_withdrawn(ready.tick(T0 + 2 * TENTH))


def test_group_that_is_reported_twice_and_differently_withdraws() -> None:
    found = snapshot(T0 + TENTH)
    other = dataclasses.replace(found.groups[1], lamp=LampState.RED)
    twice = dataclasses.replace(found, groups=(*found.groups, other))
    state = shown_lane().update(twice, T0 + TENTH)
    assert_withdrawn(state)
    assert state.reasons == ("controller group vehicle 2 reported twice",)
    same = dataclasses.replace(found, groups=(*found.groups, found.groups[1]))
    assert not shown_lane().update(same, T0 + TENTH).withdrawn


def test_permissive_left_beside_opposing_through_is_shown() -> None:
    rules = {**RULES, (GroupKind.VEHICLE, 1): GroupRule(1, protected=False)}
    ready = lane(groups=rules)
    for tenth in range(3):
        state = ready.update(snapshot(T0 + tenth * TENTH, _green(1, 2)), T0 + tenth * TENTH)
    assert not state.withdrawn
    assert states(state)[1] is MovementState.PERMISSIVE_MOVEMENT_ALLOWED


def test_pairs_of_the_site_replace_those_of_the_map() -> None:
    ready = shown_lane(conflicts=[(8, 3)])
    assert not ready.update(snapshot(T0 + TENTH, _green(2, 4)), T0 + TENTH).withdrawn
    assert ready.update(snapshot(T0 + 2 * TENTH, _green(3, 8)), T0 + 2 * TENTH).withdrawn


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        pytest.param(
            {k: r for k, r in RULES.items() if r.signal_group != 7},
            "signal group 7 of the MAP has no controller group",
            id="map only",
        ),
        pytest.param(
            {**RULES, (GroupKind.OVERLAP, 1): GroupRule(99)},
            "signal group 99 is not on the MAP",
            id="controller only",
        ),
    ],
)
def test_mapping_that_does_not_fit_the_map_stays_withdrawn(
    rules: dict[tuple[GroupKind, int], GroupRule], reason: str
) -> None:
    wrong = lane(groups=rules)
    lamps = {**EAST_WEST, (GroupKind.OVERLAP, 1): LampState.RED}
    for tenth in range(5):
        state = wrong.update(snapshot(T0 + tenth * TENTH, lamps), T0 + tenth * TENTH)
    assert_withdrawn(state)
    assert reason in state.reasons


def test_two_controller_groups_cannot_claim_one_signal_group() -> None:
    with pytest.raises(ConfigError, match="signal group 2 belongs to vehicle 2 and to overlap 2"):
        lane(groups={**RULES, (GroupKind.OVERLAP, 2): GroupRule(2)})


@pytest.mark.parametrize("since_ms", [0, 100, 250, 300])
def test_colours_expire_with_the_life_of_the_controller_for_those_who_hear_no_more(since_ms: int) -> None:
    ready, limits = shown_lane(), LaneLimits()
    state = ready.tick(T0 + since_ms * NS_PER_MS)
    assert not state.withdrawn
    assert state.valid_until_ns <= T0 + limits.liveness_ns + limits.cycle_ns


def test_snapshot_that_cannot_be_read_does_not_make_older_lamps_look_alive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ready = shown_lane()

    def broken(*_arguments: object, **_more: object) -> MovementState:
        raise ZeroDivisionError

    monkeypatch.setattr("edge.signals.lane.movement", broken)
    for tenth in range(1, 5):
        with pytest.raises(ZeroDivisionError):
            ready.update(snapshot(T0 + tenth * TENTH, ALL_RED), T0 + tenth * TENTH)
    assert_withdrawn(ready.tick(T0 + 4 * TENTH))


def test_snapshot_from_the_future_withdraws() -> None:
    early = dataclasses.replace(snapshot(T0 + TENTH), stamp=Stamp(T0 + NS_PER_S, TimeSource.SENSOR))
    assert "snapshot is stamped in the future" in shown_lane().update(early, T0 + TENTH).reasons


def test_snapshot_that_was_overtaken_is_ignored() -> None:
    ready = shown_lane()
    state = ready.update(snapshot(T0 - TENTH, ALL_RED), T0 + 1)
    assert states(state)[2] is MovementState.PROTECTED_MOVEMENT_ALLOWED
    assert ready.counters["out_of_order"] == 1


@pytest.mark.parametrize(
    ("least_s", "latest_s", "reason"),
    [
        pytest.param(4, 9, "least end ran backwards", id="backwards"),
        pytest.param(5, 12, "latest end was put off", id="put off"),
        pytest.param(9, 5, "least end is after the latest end", id="contradiction"),
        pytest.param(None, -60, "latest end is in the past", id="past"),
    ],
)
def test_fault_of_timing_keeps_the_colour(least_s: float | None, latest_s: float, reason: str) -> None:
    bad = snapshot(T0 + TENTH, least_s=least_s, latest_s=latest_s)
    state = shown_lane().update(bad, T0 + TENTH)
    assert not state.withdrawn
    assert states(state)[2] is MovementState.PROTECTED_MOVEMENT_ALLOWED
    assert f"signal group 2: {reason}" in state.reasons
    assert all(g.min_end_ns is None and g.max_end_ns is None for g in state.groups)


@pytest.mark.parametrize("status", [IntersectionStatus.STOP_TIME, IntersectionStatus.MANUAL_CONTROL])
def test_frozen_countdown_is_not_published(status: IntersectionStatus) -> None:
    state = shown_lane().update(snapshot(T0 + TENTH, status=status), T0 + TENTH)
    assert (state.withdrawn, state.status) == (False, status)
    assert all(group.max_end_ns is None for group in state.groups)
    assert any("countdown is frozen" in reason for reason in state.reasons)


def test_failure_flash_is_valid_and_shows_flashing_states() -> None:
    flashing: Lamps = dict.fromkeys(KEYS, LampState.FLASHING_RED)
    flashing |= {(GroupKind.VEHICLE, 2): LampState.FLASHING_YELLOW, (GroupKind.VEHICLE, 6): LampState.GREEN}
    status = IntersectionStatus.FAILURE_FLASH
    state = shown_lane().update(snapshot(T0 + TENTH, flashing, status=status), T0 + TENTH)
    assert (state.withdrawn, state.status) == (False, status)
    found = states(state)
    assert found[2] is MovementState.CAUTION_CONFLICTING_TRAFFIC
    assert found[4] is MovementState.STOP_THEN_PROCEED
    assert found[6] is MovementState.UNAVAILABLE


def test_group_that_was_never_lit_is_unavailable_and_later_dark() -> None:
    ready = lane()
    unlit: Lamps = {**EAST_WEST, (GroupKind.VEHICLE, 3): LampState.DARK}
    for tenth in range(3):
        state = ready.update(snapshot(T0 + tenth * TENTH, unlit), T0 + tenth * TENTH)
    assert states(state)[3] is MovementState.UNAVAILABLE
    assert state.reasons == ("controller group vehicle 3 was never lit",)
    ready.update(snapshot(T0 + 3 * TENTH), T0 + 3 * TENTH)
    state = ready.update(snapshot(T0 + 4 * TENTH, unlit), T0 + 4 * TENTH)
    assert states(state)[3] is MovementState.DARK


def test_lit_groups_that_nobody_maps_are_counted() -> None:
    ready = lane()
    extra: Lamps = {(GroupKind.OVERLAP, 1): LampState.RED, (GroupKind.OVERLAP, 2): LampState.DARK}
    ready.update(snapshot(T0, EAST_WEST | extra), T0)
    assert ready.counters["unmapped"] == 1


def test_revision_changes_with_the_lamps_and_the_status_and_not_with_the_countdown() -> None:
    ready = shown_lane()
    base = ready.tick(T0).revision
    steps: list[Callable[[int], SignalSnapshot]] = [
        lambda now: snapshot(now, latest_s=8.8),
        lambda now: snapshot(now, ALL_RED),
        lambda now: snapshot(now, ALL_RED),
        lambda now: snapshot(now, ALL_RED, status=IntersectionStatus.PREEMPT),
        lambda now: snapshot(now, EAST_WEST),
    ]
    found = [ready.update(make(T0 + i * TENTH), T0 + i * TENTH).revision for i, make in enumerate(steps, 1)]
    assert [revision - base for revision in found] == [0, 1, 1, 2, 3]


def test_revision_wraps_at_128() -> None:
    ready = shown_lane()
    found = set()
    for step in range(1, 140):
        status = IntersectionStatus.PREEMPT if step % 2 else IntersectionStatus.NONE
        now = T0 + step * TENTH
        found.add(ready.update(snapshot(now, EAST_WEST, status=status), now).revision)
    assert found == set(range(128))


_LAMP = st.sampled_from(LampState)
_STATUS = st.sampled_from([0, 1, 2, 4, 8, 16, 4096]).map(IntersectionStatus)
_SECONDS = st.none() | st.floats(-5, 20)
_STEP = st.tuples(
    st.lists(_LAMP, min_size=len(KEYS), max_size=len(KEYS)), _STATUS, _SECONDS, _SECONDS, st.integers(0, 500)
)


@settings(max_examples=150, deadline=None)
@given(st.lists(_STEP, min_size=1, max_size=12))
def test_whatever_comes_a_withdrawn_state_has_no_timing_and_a_shown_one_no_conflict(
    steps: list[tuple[list[LampState], IntersectionStatus, float | None, float | None, int]],
) -> None:
    random_lane, now_ns = lane(), T0
    for lamps, status, least_s, latest_s, wait_ms in steps:
        now_ns += wait_ms * NS_PER_MS
        found = snapshot(
            now_ns, dict(zip(KEYS, lamps, strict=True)), status=status, least_s=least_s, latest_s=latest_s
        )
        random_lane.update(found, now_ns)
        state = random_lane.tick(now_ns)
        if state.withdrawn:
            assert_withdrawn(state)
            continue
        green = {g.signal_group for g in state.groups if g.state.name.endswith(("ALLOWED", "GREEN"))}
        assert not any(one in green and other in green for one, other in random_lane.conflicts)
        ends = [end for g in state.groups for end in (g.min_end_ns, g.max_end_ns, g.likely_end_ns)]
        assert all(end is None or end >= now_ns for end in ends)
