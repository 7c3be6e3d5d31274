"""Speed advice: what is advised, driven as advised, meets the promise of the controller."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.signals import GroupState, MovementState
from edge.core.stamp import NS_PER_S
from edge.situation.advice import (
    HEADWAY_S,
    MARGIN_S,
    PRE_MOVEMENT_S,
    SLOWEST_MPS,
    AdviceKind,
    Approach,
    advise,
)

NOW_NS = 1_790_000_000 * NS_PER_S
GREEN, RED = MovementState.PROTECTED_MOVEMENT_ALLOWED, MovementState.STOP_AND_REMAIN
PRE_MOVEMENT, FLASHING = MovementState.PRE_MOVEMENT, MovementState.CAUTION_CONFLICTING_TRAFFIC
APPROACHES = st.builds(
    Approach, st.floats(0.0, 500.0), st.floats(0.0, 30.0), st.floats(0.5, 30.0), st.integers(0, 12)
)
SECONDS = st.floats(0.0, 80.0)


def at(seconds: float) -> int:
    return NOW_NS + round(seconds * NS_PER_S)


@given(approach=APPROACHES, min_s=SECONDS)
def test_whoever_keeps_a_speed_advised_at_green_arrives_before_it_may_end(
    approach: Approach, min_s: float
) -> None:
    found = advise(approach, GroupState(1, GREEN, min_end_ns=at(min_s)), now_ns=NOW_NS)
    assert found.kind in (AdviceKind.KEEP, AdviceKind.SLOW_DOWN, AdviceKind.STOP)
    if found.kind is not AdviceKind.STOP:
        assert found.speed_mps is not None
        low, high = found.speed_mps
        assert (found.kind is AdviceKind.SLOW_DOWN) == (high < approach.speed_mps)
        assert 0.0 < low <= high <= approach.limit_mps
        assert approach.distance_m / low <= min_s - MARGIN_S + 1e-6 or approach.distance_m == 0.0
        assert approach.queue * HEADWAY_S <= min_s - MARGIN_S, "who stands ahead has left before"


@pytest.mark.parametrize(
    ("following", "more_s"),
    [(GREEN, 0.0), (PRE_MOVEMENT, PRE_MOVEMENT_S), (None, PRE_MOVEMENT_S)],
    ids=["green", "red and amber", "untold"],
)
@given(approach=APPROACHES, max_s=SECONDS)
def test_whoever_keeps_a_speed_advised_at_red_arrives_after_green_has_begun(
    following: MovementState | None, more_s: float, approach: Approach, max_s: float
) -> None:
    group = GroupState(1, RED, max_end_ns=at(max_s), next_state=following)
    found = advise(approach, group, now_ns=NOW_NS)
    free_s = max_s + more_s + MARGIN_S + approach.queue * HEADWAY_S
    if found.speed_mps is None:
        assert found.kind is AdviceKind.STOP
        assert approach.distance_m / free_s < SLOWEST_MPS
        return
    high = found.speed_mps[1]
    assert high <= approach.limit_mps
    assert approach.distance_m / high >= free_s - 1e-6
    assert (found.kind is AdviceKind.SLOW_DOWN) == (high < approach.speed_mps)


@pytest.mark.parametrize(
    ("group", "words"),
    [
        (GroupState(1, GREEN), "nobody knows when the green ends"),
        (GroupState(1, GREEN, likely_end_ns=at(30), confidence=0.4), "nobody knows when the green ends"),
        (GroupState(1, RED), "nobody knows when the green begins"),
        (GroupState(1, RED, max_end_ns=at(20), next_state=FLASHING), "nobody knows when the green begins"),
        (GroupState(1, RED, min_end_ns=at(20), next_state=GREEN), "nobody knows when the green begins"),
        (GroupState(1, RED, max_end_ns=at(-0.1), next_state=GREEN), "nobody knows when the green begins"),
        (
            GroupState(1, RED, max_end_ns=at(-1), likely_end_ns=at(5), confidence=0.9, next_state=GREEN),
            "nobody knows when the green begins",
        ),
        (GroupState(1, RED, likely_end_ns=at(200), confidence=0.9, next_state=GREEN), "nobody knows"),
        (GroupState(1, MovementState.PROTECTED_CLEARANCE, min_end_ns=at(3)), "protected_clearance"),
        (GroupState(1, MovementState.UNAVAILABLE), "unavailable"),
    ],
)
def test_what_nobody_knows_is_not_advised(group: GroupState, words: str) -> None:
    found = advise(Approach(80.0, 10.0, 13.9), group, now_ns=NOW_NS)
    assert (found.kind, found.speed_mps) == (AdviceKind.NONE, None)
    assert words in found.reason


def test_a_confident_guess_is_used_where_there_is_no_promise() -> None:
    group = GroupState(1, RED, likely_end_ns=at(9), confidence=0.8, next_state=GREEN)
    found = advise(Approach(100.0, 14.0, 14.0), group, now_ns=NOW_NS)
    assert (found.kind, found.speed_mps) == (AdviceKind.SLOW_DOWN, (SLOWEST_MPS, 10.0))


def test_a_guess_that_has_passed_makes_no_promise_shorter() -> None:
    group = GroupState(1, RED, max_end_ns=at(9), likely_end_ns=at(-1), confidence=0.8, next_state=GREEN)
    found = advise(Approach(100.0, 14.0, 14.0), group, now_ns=NOW_NS)
    assert (found.kind, found.speed_mps) == (AdviceKind.SLOW_DOWN, (SLOWEST_MPS, 10.0))


@pytest.mark.parametrize(
    "group",
    [GroupState(1, GREEN, min_end_ns=at(60)), GroupState(1, RED, max_end_ns=at(1), next_state=GREEN)],
    ids=["green", "red"],
)
def test_who_is_faster_than_the_limit_is_not_told_to_keep_the_speed(group: GroupState) -> None:
    found = advise(Approach(200.0, 20.0, 13.9), group, now_ns=NOW_NS)
    assert (found.kind, found.speed_mps) == (AdviceKind.SLOW_DOWN, (SLOWEST_MPS, 13.9))


def test_red_that_ends_before_one_arrives_asks_for_nothing() -> None:
    group = GroupState(1, RED, max_end_ns=at(3), next_state=PRE_MOVEMENT)
    found = advise(Approach(200.0, 10.0, 13.9), group, now_ns=NOW_NS)
    assert (found.kind, found.speed_mps) == (AdviceKind.KEEP, (SLOWEST_MPS, 13.9))
