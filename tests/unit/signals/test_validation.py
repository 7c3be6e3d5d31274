"""The validator of message streams: sound ones are clean, each fault has its name and gravity."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.signals import GroupState, IntersectionStatus, MovementState
from edge.core.stamp import NS_PER_S
from edge.signals.validation import SignalMessage, Validator
from edge.signals.validation_kinds import KINDS, Finding, Severity
from tests.unit.signals.corner import CROSSWALK_GROUPS, VEHICLE_GROUPS
from tests.unit.signals.messages import (
    CYCLE,
    FLASHING,
    GREEN,
    GROUPS,
    PERMISSIVE,
    PLACE,
    PRE,
    RED,
    T0,
    YELLOW,
    S,
    Shown,
    kinds,
    message,
    play,
)


def test_a_sound_stream_is_clean() -> None:
    assert play(CYCLE * 4) == []


@pytest.mark.parametrize(
    ("course", "kind"),
    [
        ([(5, {2: GREEN}), (1, {2: GREEN, 4: GREEN})], "conflicting_greens"),
        ([(5, {4: GREEN}), (1, {4: GREEN, 22: PERMISSIVE})], "conflicting_greens"),
        ([(5, {4: GREEN}), (1, {4: YELLOW, 2: GREEN})], "conflicting_clearance"),
        ([(5, {2: GREEN}), (2, {})], "clearance_missing"),
        ([(5, {2: GREEN, 22: PERMISSIVE}), (5, {2: GREEN})], "clearance_missing"),
        ([(5, {}), (2, {2: YELLOW})], "impossible_change"),
        ([(5, {2: GREEN}), (3, {2: YELLOW}), (1, {2: GREEN})], "impossible_change"),
        ([(5, {2: GREEN}), (3, {2: PRE})], "impossible_change"),
        ([(5, {}), (1, {2: PRE}), (1, {})], "impossible_change"),
        ([(5, {2: GREEN}), (1, {2: FLASHING}), (1, {2: GREEN})], "impossible_change"),
        ([(5, {2: GREEN}), (2, {2: YELLOW}), (1, {})], "yellow_short"),
        ([(5, {2: GREEN}), (8, {2: YELLOW})], "yellow_long"),
        ([(5, {}), (0.5, {2: GREEN}), (3, {2: YELLOW})], "green_short"),
        ([(5, {2: GREEN}), (3, {2: YELLOW}), (0.3, {}), (3, {2: GREEN})], "red_short"),
        ([(5, {}), (6, {2: PRE})], "pre_movement_long"),
        ([(5, {2: GREEN}), (16, {2: FLASHING})], "flashing_green_long"),
        ([(5, {2: GREEN}), (1, {2: S.DARK})], "group_dark"),
    ],
)
def test_what_no_light_can_do(course: list[tuple[float, Shown]], kind: str) -> None:
    assert kinds(play([*CYCLE, (2, {}), *course])) == {kind}


@pytest.mark.parametrize(
    "course",
    [
        pytest.param(
            [(5, {}), (1, {2: PRE}), (9, {2: GREEN}), (3, {2: YELLOW}), (2, {})], id="red and yellow"
        ),
        pytest.param(
            [(5, {}), (9, {2: GREEN}), (3, {2: FLASHING}), (3, {2: YELLOW}), (2, {})], id="flashing green"
        ),
        pytest.param(
            [(5, {1: GREEN}), (3, {1: YELLOW}), (6, {1: PERMISSIVE})], id="protected, then permissive"
        ),
        pytest.param([(5, {2: S.DARK, 22: S.DARK})], id="dark from the beginning"),
    ],
)
def test_what_lights_do_in_some_countries(course: list[tuple[float, Shown]]) -> None:
    assert play(course) == []


def test_crosswalks_without_clearance_are_not_expected_to_clear() -> None:
    assert play([(5, {}), (9, {2: GREEN, 22: PERMISSIVE}), (5, {2: GREEN})]) == []


def test_once_a_yellow_was_seen_every_green_is_expected_to_clear() -> None:
    course = [(5, {2: GREEN}), (5, {})]
    assert play(course) == []
    assert kinds(play([*CYCLE[4:], (2, {}), *course])) == {"clearance_missing"}
    assert kinds(play(course, Validator(PLACE, yellow_seen=True))) == {"clearance_missing"}
    assert kinds(play(course, Validator(yellow_seen=True))) == {"clearance_missing"}


def test_a_light_whose_green_ends_with_flashing_needs_no_yellow() -> None:
    course = [(5, {2: GREEN}), (3, {2: FLASHING}), (5, {})]
    assert play([*CYCLE[4:], (2, {}), *course, *course, *course]) == []


def test_preemption_may_cut_walkers_but_not_the_yellow() -> None:
    validator = Validator(PLACE)
    play(CYCLE, validator)
    cut = [message(31 + k / 10, {2: GREEN, 22: PERMISSIVE}) for k in range(30)]
    cut += [message(34 + k / 10, {2: GREEN}, status=IntersectionStatus.PREEMPT) for k in range(10)]
    assert [f for one in cut for f in validator.check(one)] == []
    assert kinds(validator.check(message(35, {}, status=IntersectionStatus.PREEMPT))) == {"clearance_missing"}


def test_flash_comes_and_goes_without_clearance() -> None:
    flash = dict.fromkeys(VEHICLE_GROUPS, S.CAUTION_CONFLICTING_TRAFFIC) | dict.fromkeys(
        CROSSWALK_GROUPS, S.DARK
    )
    validator, found = Validator(PLACE), []
    for k in range(900):
        flashing = 300 <= k < 600
        shown = flash if flashing else {2: GREEN}
        status = IntersectionStatus.PROGRAMMED_FLASH if flashing else IntersectionStatus.NONE
        found += validator.check(message(k / 10, shown, status=status))
    assert found == []


def test_a_change_over_a_silence_is_not_judged() -> None:
    validator = Validator(PLACE)
    play(CYCLE, validator)
    for k in range(20):
        validator.check(message(40 + k / 10, {2: GREEN}))
    assert kinds(validator.check(message(46, {}))) == {"gap"}


def test_stop_time_may_hold_a_yellow() -> None:
    found = play([(5, {2: GREEN}), (20, {2: YELLOW})], status=IntersectionStatus.STOP_TIME)
    assert found == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"intersection": 4242}, {"map_intersection"}),
        ({"region": 7}, {"map_intersection"}),
        ({"map_revision": 99}, {"map_revision"}),
        ({"groups": ()}, {"no_groups", "group_missing"}),
        ({"groups": (GroupState(2, RED),)}, {"group_missing"}),
        ({"groups": tuple(GroupState(n, RED) for n in (*GROUPS, 99))}, {"group_unknown"}),
        ({"groups": tuple(GroupState(n, RED) for n in (*GROUPS, 2))}, {"group_twice"}),
        ({"status": IntersectionStatus.NO_VALID_SPAT}, {"status_contradicts"}),
        ({"status": IntersectionStatus.OFF}, {"status_contradicts"}),
        ({"missing": ("id.region",)}, {"minimum_data"}),
    ],
)
def test_messages_that_do_not_fit_the_map(fields: dict[str, object], expected: set[str]) -> None:
    assert kinds(Validator(PLACE).check(message(0, **fields))) == expected  # type: ignore[arg-type]


def test_long_red_with_a_demand() -> None:
    validator, found = Validator(PLACE), []
    for k in range(320):
        found += validator.check(message(k, calls=frozenset({2})))
    late = [finding for finding in found if finding.kind == "long_red"]
    assert late
    assert late[0].at_ns - T0 > 300 * NS_PER_S
    assert late[0].groups == (2,)


def test_straight_greens_that_cross_conflict_even_where_both_are_called_permissive() -> None:
    found = play([(3, {2: PERMISSIVE, 4: PERMISSIVE, 1: PERMISSIVE})])
    assert {finding.groups for finding in found if finding.kind == "conflicting_greens"} == {(2, 4)}
    clears = [(3, {2: PERMISSIVE}), (1, {2: S.PERMISSIVE_CLEARANCE, 4: PERMISSIVE})]
    assert kinds(play(clears)) == {"conflicting_clearance"}


def test_without_a_map_only_what_needs_none_is_checked() -> None:
    found = play([*CYCLE, (5, {2: GREEN}), (1, {2: GREEN, 4: GREEN}), (1, {})], Validator())
    assert kinds(found) == {"clearance_missing"}


def test_a_protected_green_whose_turn_crosses_another_is_remarked() -> None:
    lanes = tuple(
        dataclasses.replace(
            lane,
            connections=tuple(
                dataclasses.replace(c, signal_group=2) if c.signal_group == 5 else c for c in lane.connections
            ),
        )
        for lane in PLACE.lanes
    )
    shared = dataclasses.replace(PLACE, lanes=lanes)
    without = tuple(group for group in message(0, {2: GREEN, 6: GREEN}).groups if group.signal_group != 5)
    found = Validator(shared).check(message(0, groups=without))
    assert [(f.kind, f.groups, f.severity) for f in found] == [
        ("protected_crossing", (2, 6), Severity.REMARK)
    ]
    assert Validator(PLACE).check(message(0, {2: GREEN, 6: GREEN})) == []


def test_every_kind_says_how_grave_it_is() -> None:
    for kind, severity in KINDS.items():
        assert Finding(kind, "").severity is severity


_TIMES = st.none() | st.integers(-(10**10), 10**13).map(lambda off: T0 + off)
_GROUP = st.builds(
    GroupState,
    st.integers(0, 255),
    st.sampled_from(MovementState),
    _TIMES,
    _TIMES,
    _TIMES,
    st.none() | st.floats(),
)
_MESSAGE = st.builds(
    SignalMessage,
    st.sampled_from([PLACE.intersection, 1]),
    st.none() | st.integers(0, 9),
    st.lists(_GROUP, max_size=12).map(tuple),
    st.integers(0, 8191).map(IntersectionStatus),
    _TIMES,
    _TIMES,
    st.none() | st.integers(0, 127),
    st.none() | st.integers(0, 127),
    st.none() | st.integers(0, 127),
    st.booleans(),
    st.booleans(),
)


@given(st.lists(_MESSAGE, max_size=12), st.booleans())
def test_no_message_is_a_bug(messages: list[SignalMessage], mapped: bool) -> None:
    validator = Validator(PLACE if mapped else None)
    found = [finding for one in messages for finding in validator.check(one)]
    assert validator.counters["messages"] == len(messages)
    assert sum(validator.counters.values()) == len(messages) + len(found)


@settings(max_examples=12)
@given(st.permutations(range(1, 4)), st.integers(3, 12), st.integers(3, 6), st.integers(1, 5))
def test_any_sound_plan_is_clean(order: list[int], green_s: int, yellow_s: int, red_s: int) -> None:
    stages = {1: (2, 6), 2: (4, 8), 3: (1, 5)}
    course: list[tuple[float, Shown]] = []
    for stage in [*order, *order]:
        served = stages[stage]
        course += [
            (green_s, dict.fromkeys(served, GREEN)),
            (yellow_s, dict.fromkeys(served, YELLOW)),
            (red_s, {}),
        ]
    assert play(course) == []
