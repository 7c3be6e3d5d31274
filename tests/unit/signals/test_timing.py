"""Ends of phases against the present and against earlier promises."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.signals import ControllerGroup, GroupKind, LampState, MovementState
from edge.core.stamp import NS_PER_S
from edge.signals.timing import NO_ENDS, Ends, PromiseKeeper, ends_of, present_ends

T0 = 1_700_000_000 * NS_PER_S
GREEN, RED = MovementState.PROTECTED_MOVEMENT_ALLOWED, MovementState.STOP_AND_REMAIN


def at(seconds: float | None) -> int | None:
    return None if seconds is None else T0 + round(seconds * NS_PER_S)


def ends(least: float | None, latest: float | None, likely: float | None = None) -> Ends:
    return Ends(at(least), at(latest), at(likely))


def group(
    least: float | None, latest: float | None, likely: float | None, confidence: float | None = None
) -> ControllerGroup:
    ends_ns = (at(least), at(latest), at(likely))
    return ControllerGroup(GroupKind.VEHICLE, 1, LampState.GREEN, *ends_ns, confidence=confidence)


@pytest.mark.parametrize(
    ("reported", "likely", "confidence"),
    [
        pytest.param((5, 5, None), 5, 1.0, id="certain"),
        pytest.param((5, 5, 9), 5, 1.0, id="certain against the estimate"),
        pytest.param((5, 9, 7), 7, None, id="the controller's estimate"),
        pytest.param((5, 9, 4), None, None, id="estimate before the least end"),
        pytest.param((5, 9, 10), None, None, id="estimate after the latest end"),
        pytest.param((5, 9, None), None, None, id="nothing learned"),
        pytest.param((None, None, 7), 7, None, id="estimate alone"),
    ],
)
def test_likely_end(
    reported: tuple[float | None, float | None, float | None], likely: float | None, confidence: float | None
) -> None:
    found = ends_of(group(*reported))
    assert (found.likely_end_ns, found.confidence) == (at(likely), confidence)
    assert (found.min_end_ns, found.max_end_ns) == (at(reported[0]), at(reported[1]))


@pytest.mark.parametrize(
    ("reported", "told", "confidence"),
    [
        pytest.param((5, 9, 7), 0.6, 0.6, id="the controller's own"),
        pytest.param((5, 5, 5), 0.6, 1.0, id="certain"),
        pytest.param((5, 9, 4), 0.6, None, id="of an end that was dropped"),
        pytest.param((5, 9, None), 0.6, None, id="of no end"),
        pytest.param((5, 9, 7), math.nan, None, id="not a number"),
        pytest.param((5, 9, 7), 1.2, None, id="above one"),
        pytest.param((5, 9, 7), -0.1, None, id="below zero"),
    ],
)
def test_confidence_of_the_controller(
    reported: tuple[float | None, float | None, float | None], told: float, confidence: float | None
) -> None:
    assert ends_of(group(*reported, confidence=told)).confidence == confidence


@pytest.mark.parametrize(
    ("given_ends", "now_s", "left"),
    [
        pytest.param(ends(5, 9, 7), 4, ends(5, 9, 7), id="all ahead"),
        pytest.param(ends(5, 9, 7), 6, ends(None, 9, 7), id="least end passed"),
        pytest.param(ends(5, 9, 7), 8, ends(None, 9), id="likely end passed"),
        pytest.param(ends(5, 9, 7), 10, NO_ENDS, id="all passed"),
        pytest.param(NO_ENDS, 10, NO_ENDS, id="none"),
    ],
)
def test_only_ends_ahead_are_said(given_ends: Ends, now_s: float, left: Ends) -> None:
    now_ns = at(now_s)
    assert now_ns is not None
    assert present_ends(given_ends, now_ns=now_ns) == left


@pytest.mark.parametrize(
    ("first", "second", "fault", "counter"),
    [
        pytest.param(ends(5, 9), ends(5, 9), None, None, id="kept"),
        pytest.param(ends(5, 9), ends(6, 8), None, None, id="tightened"),
        pytest.param(ends(5, 9), ends(4.6, 9.4), None, None, id="within the tolerance"),
        pytest.param(
            ends(5, 9), ends(4, 9), "least end ran backwards", "promises_broken", id="least earlier"
        ),
        pytest.param(ends(5, 9), ends(5, 10), "latest end was put off", "promises_broken", id="latest later"),
        pytest.param(ends(5, None), ends(9, 8), "after the latest", "timing_contradicts", id="contradiction"),
        pytest.param(NO_ENDS, ends(None, -1), "in the past", "timing_past", id="past"),
        pytest.param(ends(5, 9), NO_ENDS, None, None, id="no longer timed"),
    ],
)
def test_broken_promise_is_named(first: Ends, second: Ends, fault: str | None, counter: str | None) -> None:
    keeper = PromiseKeeper()
    assert keeper.check(2, GREEN, first, now_ns=T0) is None
    found = keeper.check(2, GREEN, second, now_ns=T0)
    if fault is None:
        assert found is None
        return
    assert found is not None
    assert fault in found
    assert "signal group 2" in found
    assert keeper.counters == {counter: 1}


def test_creeping_latest_end_is_caught_when_it_leaves_the_tightest_promise() -> None:
    keeper = PromiseKeeper()
    found = [keeper.check(2, GREEN, ends(None, 5 + step / 10), now_ns=T0) for step in range(8)]
    assert [fault is None for fault in found] == [True] * 6 + [False] * 2


def test_new_state_makes_new_promises() -> None:
    keeper = PromiseKeeper()
    keeper.check(2, GREEN, ends(5, 6), now_ns=T0)
    assert keeper.check(2, RED, ends(1, 30), now_ns=T0 + 6 * NS_PER_S) is None
    assert not +keeper.counters


def test_phase_that_ends_before_its_least_end_is_counted() -> None:
    keeper = PromiseKeeper()
    keeper.check(2, GREEN, ends(5, 6), now_ns=T0)
    keeper.check(2, RED, NO_ENDS, now_ns=T0 + 2 * NS_PER_S)
    assert keeper.counters["ended_early"] == 1


def test_phase_that_outlasts_its_latest_end_may_promise_again() -> None:
    keeper = PromiseKeeper()
    keeper.check(2, GREEN, ends(None, 5), now_ns=T0)
    assert keeper.check(2, GREEN, ends(None, 20), now_ns=T0 + 8 * NS_PER_S) is None
    assert keeper.counters["overstayed"] == 1


def test_forgetting_starts_anew() -> None:
    keeper = PromiseKeeper()
    keeper.check(2, GREEN, ends(5, 6), now_ns=T0)
    keeper.forget()
    assert keeper.check(2, GREEN, ends(1, 30), now_ns=T0) is None


_END = st.none() | st.floats(-20, 20)


@given(_END, _END, _END, st.floats(-30, 30))
def test_present_ends_are_never_past(
    least: float | None, latest: float | None, likely: float | None, now_s: float
) -> None:
    now_ns = at(now_s)
    assert now_ns is not None
    found = present_ends(ends_of(group(least, latest, likely)), now_ns=now_ns)
    said = (found.min_end_ns, found.max_end_ns, found.likely_end_ns)
    assert all(end is None or end >= now_ns for end in said)
