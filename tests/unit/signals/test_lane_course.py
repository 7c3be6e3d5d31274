"""What the signal lane does with a course of colours that cannot be: withdrawn, or timing dropped."""

from __future__ import annotations

import dataclasses

import pytest

from edge.core.signals import IntersectionStatus, LampState, MovementState, SignalState
from edge.core.stamp import NS_PER_S
from edge.signals.group_map import GroupKey
from edge.signals.lane import LaneLimits, SignalLane
from tests.unit.signals.test_lane import ALL_RED, EAST_WEST, KEYS, RULES, T0, TENTH, lane, snapshot

GROUP_2 = KEYS[1]
THROUGH = [key for key in KEYS[:8] if key[1] in {2, 6}]
YELLOW = {**ALL_RED, **dict.fromkeys(THROUGH, LampState.YELLOW)}
GREEN = {**ALL_RED, **dict.fromkeys(THROUGH, LampState.GREEN)}


class Played:
    """Snapshots ten a second, lamps for their seconds."""

    def __init__(self, used: SignalLane) -> None:
        self.lane, self.now_ns = used, T0

    def show(self, lamps: dict, seconds: float, **fields: object) -> SignalState:  # type: ignore[type-arg]
        for _ in range(round(seconds * 10)):
            taken = snapshot(self.now_ns, lamps, least_s=None, latest_s=None)
            state = self.lane.update(dataclasses.replace(taken, **fields), self.now_ns)  # type: ignore[arg-type]
            self.now_ns += TENTH
        return state


def ready() -> Played:
    """A lane that has seen one whole green."""
    played = Played(lane())
    for lamps, seconds in ((ALL_RED, 2), (GREEN, 5), (YELLOW, 3), (ALL_RED, 2)):
        assert not played.show(lamps, seconds).withdrawn
    return played


def test_a_green_without_clearance_withdraws_and_recovers() -> None:
    played = ready()
    played.show(GREEN, 5)
    state = played.show(ALL_RED, 0.1)
    assert state.withdrawn
    assert state.reasons == (
        "signal group 2: green went to red without clearance",
        "signal group 6: green went to red without clearance",
    )
    assert {group.state for group in state.groups} == {MovementState.UNAVAILABLE}
    assert played.lane.counters["clearance_missing"] == 2
    assert not played.show(ALL_RED, 0.4).withdrawn


def test_a_yellow_that_does_not_end_stays_withdrawn() -> None:
    played = ready()
    played.show(GREEN, 5)
    assert not played.show(YELLOW, 6.9).withdrawn
    assert played.show(YELLOW, 5).withdrawn
    assert not played.show(ALL_RED, 1).withdrawn


def test_a_green_beside_a_conflicting_yellow_withdraws() -> None:
    played = ready()
    played.show(GREEN, 5)
    crossing = {**YELLOW, KEYS[3]: LampState.GREEN}
    state = played.show(crossing, 0.1)
    assert state.withdrawn
    assert any("before the other has cleared" in reason for reason in state.reasons)


def test_a_restarted_controller_is_not_judged_by_what_it_showed_before() -> None:
    played = ready()
    played.show(GREEN, 5)
    played.now_ns += 2 * NS_PER_S
    assert not played.show(ALL_RED, 1).withdrawn
    assert not played.lane.counters["clearance_missing"]


def test_a_set_clock_is_not_a_short_yellow() -> None:
    played = ready()
    played.show(GREEN, 5)
    played.show(YELLOW, 1)
    played.lane.start_anew()
    played.now_ns += NS_PER_S
    assert not played.show(ALL_RED, 1).withdrawn


def test_flash_is_no_impossible_change() -> None:
    played = ready()
    played.show(GREEN, 5)
    flash = dict.fromkeys(KEYS, LampState.FLASHING_RED)
    state = played.show(flash, 2, status=IntersectionStatus.FAILURE_FLASH)
    assert not state.withdrawn
    assert not played.show(ALL_RED, 2).withdrawn


def test_an_endless_red_with_a_demand_loses_its_timing_only() -> None:
    played = ready()
    end_ns = T0 + 3000 * NS_PER_S
    state = None
    for second in range(320):
        taken = snapshot(played.now_ns, ALL_RED, least_s=None, latest_s=3000)
        groups = tuple(dataclasses.replace(group, call=group.number == 2) for group in taken.groups)
        state = played.lane.update(dataclasses.replace(taken, groups=groups), played.now_ns)
        played.now_ns += NS_PER_S
        if second == 200:
            assert {group.max_end_ns for group in state.groups} == {end_ns}
    assert state is not None
    assert not state.withdrawn
    ends = {group.signal_group: group.max_end_ns for group in state.groups}
    assert ends[2] is None
    assert ends[4] == end_ns
    assert any("with a demand" in reason for reason in state.reasons)


def test_an_end_beyond_the_hour_drops_the_timing() -> None:
    used = lane()
    for step in range(4):
        now = T0 + step * TENTH
        state = used.update(snapshot(now, EAST_WEST, least_s=4000, latest_s=5000), now)
    assert not state.withdrawn
    assert {group.min_end_ns for group in state.groups} == {None}
    assert used.counters["end_beyond_hour"]


def test_a_head_without_yellow_is_not_withdrawn() -> None:
    played = ready()
    left = {**ALL_RED, KEYS[0]: LampState.GREEN}
    for lamps in (left, ALL_RED, left, ALL_RED, left, ALL_RED):
        assert not played.show(lamps, 4).withdrawn
    assert played.lane.counters["clearance_unseen"] == 3


def test_a_site_may_choose_to_be_told_only() -> None:
    played = ready()
    told = Played(lane(limits=LaneLimits(course_withdraws=False)))
    for lamps, seconds in ((ALL_RED, 2), (GREEN, 5), (YELLOW, 3), (ALL_RED, 2), (GREEN, 5)):
        told.show(lamps, seconds)
        played.show(lamps, seconds)
    state = told.show(ALL_RED, 0.1)
    assert not state.withdrawn
    assert state.reasons[0] == "signal group 2: green went to red without clearance"
    assert played.show(ALL_RED, 0.1).withdrawn


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        (GREEN, "conflicting greens: signal groups 2 and 4"),
        (YELLOW, "signal groups 2 and 4: one is green before the other has cleared"),
    ],
    ids=["green", "yellow"],
)
def test_straight_greens_that_cross_withdraw_where_all_greens_yield(
    before: dict[GroupKey, LampState], reason: str
) -> None:
    rules = {key: dataclasses.replace(rule, protected=False) for key, rule in RULES.items()}
    played = Played(lane(groups=rules))
    assert not played.show(GREEN, 2).withdrawn
    state = played.show({**before, KEYS[3]: LampState.GREEN}, 0.1)
    assert state.withdrawn
    assert reason in state.reasons
