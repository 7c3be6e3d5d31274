"""What the lane makes of the controller's promises, of its confidence and of what it says comes next."""

from __future__ import annotations

import dataclasses
import math

import pytest

from edge.core.signals import (
    GroupKind,
    GroupState,
    LampState,
    MovementState,
    SignalSnapshot,
    SignalState,
)
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.signals.phases import GroupRule
from tests.unit.signals.test_lane import (
    ALL_RED,
    EAST_WEST,
    KEYS,
    RULES,
    T0,
    TENTH,
    lane,
    shown_lane,
    snapshot,
)

SECOND = (GroupKind.VEHICLE, 2)


def told(found: SignalSnapshot, **changes: object) -> SignalSnapshot:
    """The snapshot with other words about phase 2."""
    groups = tuple(
        dataclasses.replace(group, **changes) if (group.kind, group.number) == SECOND else group  # type: ignore[arg-type]
        for group in found.groups
    )
    return dataclasses.replace(found, groups=groups)


def second(state: SignalState) -> GroupState:
    return next(group for group in state.groups if group.signal_group == 2)


@pytest.mark.parametrize("timed", [False, True])
def test_green_that_ends_before_its_least_end_is_counted_whatever_comes_next(timed: bool) -> None:
    ready = shown_lane()
    lamps = {**EAST_WEST, SECOND: LampState.YELLOW}
    ends = {"least_s": 4, "latest_s": 4} if timed else {"least_s": None, "latest_s": None}
    ready.update(snapshot(T0 + 2 * NS_PER_S, lamps, **ends), T0 + 2 * NS_PER_S)  # type: ignore[arg-type]
    assert ready.counters["ended_early"] == 1


def test_end_that_is_no_longer_told_is_still_promised() -> None:
    ready = shown_lane()
    untimed = told(snapshot(T0 + TENTH), min_end_ns=None, max_end_ns=None)
    assert second(ready.update(untimed, T0 + TENTH)).min_end_ns is None
    later = told(snapshot(T0 + 2 * TENTH), min_end_ns=T0 + NS_PER_S)
    state = ready.update(later, T0 + 2 * TENTH)
    assert second(state).min_end_ns is None
    assert "signal group 2: least end ran backwards" in state.reasons


@pytest.mark.parametrize(("confidence", "said"), [(0.73, 0.73), (math.nan, None), (7.0, None), (None, None)])
def test_likely_end_keeps_the_confidence_of_the_controller(
    confidence: float | None, said: float | None
) -> None:
    ready = shown_lane()
    likely_ns = T0 + 7 * NS_PER_S
    given = told(snapshot(T0 + TENTH), likely_end_ns=likely_ns, confidence=confidence)
    found = second(ready.update(given, T0 + TENTH))
    assert (found.likely_end_ns, found.confidence) == (likely_ns, said)


@pytest.mark.parametrize(
    ("lamp", "coming", "said"),
    [
        pytest.param(LampState.GREEN, None, MovementState.PROTECTED_CLEARANCE, id="not told"),
        pytest.param(
            LampState.GREEN, LampState.UNKNOWN, MovementState.PROTECTED_CLEARANCE, id="told to be unknown"
        ),
        pytest.param(LampState.GREEN, LampState.FLASHING_GREEN, MovementState.FLASHING_GREEN, id="flashes"),
        pytest.param(LampState.GREEN, LampState.RED, MovementState.STOP_AND_REMAIN, id="without yellow"),
        pytest.param(LampState.GREEN, LampState.GREEN, None, id="another green"),
        pytest.param(LampState.GREEN, LampState.RED_YELLOW, None, id="impossible"),
        pytest.param(LampState.RED, LampState.RED_YELLOW, MovementState.PRE_MOVEMENT, id="red and yellow"),
        pytest.param(LampState.RED, LampState.GREEN, MovementState.PROTECTED_MOVEMENT_ALLOWED, id="green"),
        pytest.param(LampState.RED, LampState.YELLOW, None, id="yellow after red"),
        pytest.param(LampState.RED, LampState.DARK, None, id="off"),
    ],
)
def test_next_state_is_what_the_controller_tells(
    lamp: LampState, coming: LampState | None, said: MovementState | None
) -> None:
    ready = lane()
    for tenth in range(3):
        given = told(snapshot(T0 + tenth * TENTH, {**ALL_RED, SECOND: lamp}), next_lamp=coming)
        state = ready.update(given, T0 + tenth * TENTH)
    assert second(state).next_state is said


def test_next_lamp_does_not_count_where_the_timing_is_in_doubt() -> None:
    ready = shown_lane()
    given = told(snapshot(T0 + TENTH), min_end_ns=T0 + NS_PER_S, next_lamp=LampState.FLASHING_GREEN)
    assert second(ready.update(given, T0 + TENTH)).next_state is MovementState.PROTECTED_CLEARANCE


def test_next_green_of_a_group_that_yields_is_permissive() -> None:
    rules = {**RULES, SECOND: GroupRule(2, protected=False)}
    ready = lane(groups=rules)
    for tenth in range(3):
        given = told(
            snapshot(T0 + tenth * TENTH, dict.fromkeys(KEYS, LampState.RED)), next_lamp=LampState.GREEN
        )
        state = ready.update(given, T0 + tenth * TENTH)
    assert second(state).next_state is MovementState.PERMISSIVE_MOVEMENT_ALLOWED


def test_snapshots_that_were_held_back_and_come_together_do_not_show_the_intersection() -> None:
    ready = shown_lane()
    assert ready.tick(T0 + 5 * TENTH).withdrawn
    burst_ns = [T0 + 6 * TENTH + k * NS_PER_MS for k in range(5)]
    assert all(ready.update(snapshot(at_ns), at_ns).withdrawn for at_ns in burst_ns)
    spread_ns = [T0 + 7 * TENTH, T0 + 8 * TENTH]
    assert [ready.update(snapshot(at_ns), at_ns).withdrawn for at_ns in spread_ns] == [True, False]


def test_old_snapshots_that_come_together_do_not_show_the_intersection() -> None:
    ready = shown_lane()
    now_ns = T0 + 20 * TENTH
    assert ready.tick(now_ns).withdrawn
    stamps_ns = [T0 + tenth * TENTH for tenth in (12, 13, 14, 15)]
    assert all(ready.update(snapshot(at_ns), now_ns).withdrawn for at_ns in stamps_ns)
