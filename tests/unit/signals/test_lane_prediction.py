"""Learned ends in the signal lane: between the promises, never instead of them, never in the way."""

from __future__ import annotations

import logging

import pytest

from edge.core.signals import GroupKind, IntersectionStatus, LampState, MovementState, SignalState
from edge.core.stamp import NS_PER_S
from edge.signals.lane import SignalLane
from edge.signals.prediction import Forecast, Predictor
from tests.unit.signals.test_lane import EAST_WEST, T0, TENTH, lane, snapshot, states

GREEN_S, YELLOW_S, CYCLE_S = 15, 4, 40
NO_TURN = {**EAST_WEST, (GroupKind.PEDESTRIAN, 2): LampState.RED, (GroupKind.PEDESTRIAN, 4): LampState.RED}


def lamps_at(second: float) -> dict[tuple[GroupKind, int], LampState]:
    """Groups 2 and 6 are green for 15 s, yellow for 4 s and red for the rest of 40 s."""
    at = second % CYCLE_S
    lamp = LampState.RED
    if at < GREEN_S + YELLOW_S:
        lamp = LampState.GREEN if at < GREEN_S else LampState.YELLOW
    return {**NO_TURN, (GroupKind.VEHICLE, 2): lamp, (GroupKind.VEHICLE, 6): lamp}


def run(signal_lane: SignalLane, until_s: float, **promises: float | None) -> SignalState:
    """Show every tenth from the start on; ends are promised only as `promises` says, and only in the last second."""
    none: dict[str, float | None] = {"least_s": None, "latest_s": None}
    for tenth in range(round(until_s * 10) + 1):
        now_ns = T0 + tenth * TENTH
        last = tenth == round(until_s * 10)
        told = {**none, **(promises if last else {})}
        state = signal_lane.update(
            snapshot(now_ns, lamps_at(tenth / 10), least_s=told["least_s"], latest_s=told["latest_s"]), now_ns
        )
    return state


def group_2(state: SignalState):  # type: ignore[no-untyped-def]
    return next(group for group in state.groups if group.signal_group == 2)


def test_a_likely_end_is_learned_where_the_controller_tells_none() -> None:
    found = group_2(run(lane(predictor=Predictor()), 12 * CYCLE_S + 5))
    assert found.min_end_ns is None
    assert found.max_end_ns is None
    assert abs(found.likely_end_ns - (T0 + (12 * CYCLE_S + GREEN_S) * NS_PER_S)) < 2 * TENTH
    assert found.confidence > 0.9


def test_what_follows_red_is_learned() -> None:
    learned = group_2(run(lane(predictor=Predictor()), 12 * CYCLE_S + 30))
    assert learned.state is MovementState.STOP_AND_REMAIN
    assert learned.next_state is MovementState.PROTECTED_MOVEMENT_ALLOWED
    assert group_2(run(lane(), 12 * CYCLE_S + 30)).next_state is None


def test_promises_bound_the_learned_end_and_stay_as_they_are() -> None:
    at_s = 12 * CYCLE_S + 5
    found = group_2(run(lane(predictor=Predictor()), at_s, least_s=at_s + 2, latest_s=at_s + 8))
    assert found.min_end_ns == T0 + (at_s + 2) * NS_PER_S
    assert found.max_end_ns == T0 + (at_s + 8) * NS_PER_S
    assert found.likely_end_ns == found.max_end_ns
    assert found.confidence is None


def test_ticks_say_what_was_learned_too() -> None:
    signal_lane = lane(predictor=Predictor())
    run(signal_lane, 12 * CYCLE_S + 5)
    state = signal_lane.tick(T0 + (12 * CYCLE_S + 5) * NS_PER_S + 2 * TENTH)
    assert group_2(state).likely_end_ns is not None


def test_a_withdrawn_intersection_has_no_learned_ends() -> None:
    signal_lane = lane(predictor=Predictor())
    run(signal_lane, 12 * CYCLE_S + 5)
    state = signal_lane.tick(T0 + (12 * CYCLE_S + 8) * NS_PER_S)
    assert state.withdrawn
    assert group_2(state).likely_end_ns is None


def test_no_end_is_learned_or_said_under_manual_control() -> None:
    signal_lane = lane(predictor=Predictor())
    run(signal_lane, 12 * CYCLE_S + 5)
    now_ns = T0 + (12 * CYCLE_S + 5) * NS_PER_S + TENTH
    held = snapshot(
        now_ns,
        lamps_at(5),
        status=IntersectionStatus.MANUAL_CONTROL,
        least_s=None,
        latest_s=None,
    )
    assert group_2(signal_lane.update(held, now_ns)).likely_end_ns is None


class Broken(Predictor):
    """Fails when it is asked."""

    def predict(self, key: tuple[GroupKind, int], *, now_ns: int) -> Forecast | None:
        raise ZeroDivisionError(f"asked for {key} at {now_ns}")


def test_a_bug_in_prediction_costs_the_learned_ends_and_not_the_lights(
    caplog: pytest.LogCaptureFixture,
) -> None:
    signal_lane = lane(predictor=Broken())
    with caplog.at_level(logging.ERROR):
        state = run(signal_lane, 2.0)
    assert not state.withdrawn
    assert states(state)[2] is MovementState.PROTECTED_MOVEMENT_ALLOWED
    assert signal_lane.counters["prediction_faults"] == 1
    assert signal_lane.predictor is None
    assert "prediction failed" in caplog.text
