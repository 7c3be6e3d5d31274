"""The validator on ends: promises, ends that cannot be, what voids them."""

from __future__ import annotations

import dataclasses

import pytest

from edge.core.signals import IntersectionStatus, MovementState
from edge.core.stamp import NS_PER_S
from edge.signals.validation import Bounds, SignalMessage, Validator
from edge.signals.validation_kinds import EndBounds, Severity
from tests.unit.signals.messages import (
    CYCLE,
    GREEN,
    PLACE,
    RED,
    T0,
    YELLOW,
    kinds,
    message,
    play,
)


def timed(at_s: float, state: MovementState, **ends: object) -> SignalMessage:
    """Group 2 with ends in seconds from `T0`."""
    scaled = {k: T0 + round(v * NS_PER_S) if isinstance(v, (int, float)) else v for k, v in ends.items()}
    plain = message(at_s, {2: state})
    groups = tuple(
        dataclasses.replace(group, **scaled) if group.signal_group == 2 else group  # type: ignore[arg-type]
        for group in plain.groups
    )
    return dataclasses.replace(plain, groups=groups)


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [
        ({"min_end_ns": 20}, {"min_end_ns": 18}, "promise_broken"),
        ({"max_end_ns": 20}, {"max_end_ns": 22}, "promise_broken"),
        ({}, {"min_end_ns": 20, "max_end_ns": 15}, "ends_contradict"),
        ({}, {"max_end_ns": -3}, "end_past"),
        ({}, {"min_end_ns": 4000}, "end_beyond_hour"),
        ({}, {"min_end_ns": 20, "likely_end_ns": 10}, "likely_outside"),
        ({}, {"max_end_ns": 20, "likely_end_ns": 30}, "likely_outside"),
    ],
)
def test_ends_that_cannot_be(first: dict[str, object], second: dict[str, object], kind: str) -> None:
    validator = Validator(PLACE)
    assert validator.check(timed(0, GREEN, **first)) == []
    found = validator.check(timed(0.1, GREEN, **second))
    assert kinds(found) == {kind}
    assert found[0].severity is Severity.TIMING
    assert found[0].groups == (2,)


def test_an_end_that_passes_and_stays_is_named_once() -> None:
    validator = Validator(PLACE)
    found = list(validator.check(timed(0, RED, max_end_ns=2)))
    for k in range(1, 40):
        found += validator.check(timed(k / 10, RED))
    assert [finding.kind for finding in found] == ["end_overstayed"]


def test_a_green_that_ends_too_early_is_named() -> None:
    validator = Validator(PLACE)
    play(CYCLE, validator)
    validator.check(timed(40, GREEN, min_end_ns=60))
    validator.check(timed(41, GREEN, min_end_ns=60))
    assert kinds(validator.check(timed(42, YELLOW))) == {"ended_early"}


def test_preemption_voids_promises() -> None:
    validator = Validator(PLACE)
    validator.check(timed(0, GREEN, min_end_ns=20))
    later = dataclasses.replace(timed(0.1, GREEN, min_end_ns=5), status=IntersectionStatus.PREEMPT)
    assert validator.check(later) == []


def test_ends_that_belong_to_no_time_are_compared_with_each_other_only() -> None:
    validator = Validator(PLACE)
    first = dataclasses.replace(timed(0, GREEN, min_end_ns=-500, max_end_ns=-500), anchored=False)
    assert validator.check(first) == []
    second = dataclasses.replace(timed(0.1, GREEN, min_end_ns=-502, max_end_ns=-502), anchored=False)
    assert kinds(validator.check(second)) == {"promise_broken"}


def test_ends_may_move_by_the_tolerance() -> None:
    bounds = Bounds(ends=EndBounds(promise_tolerance_ns=NS_PER_S))
    validator = Validator(PLACE, bounds=bounds)
    found = [
        f
        for k, end in enumerate((20, 19, 20, 21, 20))
        for f in validator.check(timed(k / 10, RED, min_end_ns=end))
    ]
    assert found == []


def test_yellow_that_would_last_half_an_hour_shows_a_wrong_zone() -> None:
    validator = Validator(PLACE)
    play(CYCLE, validator)
    for k in range(20):
        validator.check(timed(40 + k / 10, GREEN))
    assert kinds(validator.check(timed(42, YELLOW, min_end_ns=1845))) == {"clearance_end_far"}


def test_a_likely_end_that_is_long_past_is_named() -> None:
    validator = Validator(PLACE)
    assert validator.check(timed(0, RED, likely_end_ns=-0.5)) == []
    found = validator.check(timed(0.1, RED, likely_end_ns=-20))
    assert [(one.kind, one.groups) for one in found] == [("likely_outside", (2,))]
    assert "past" in found[0].sentence
    loose = dataclasses.replace(timed(0.2, RED, likely_end_ns=-20), anchored=False)
    assert Validator(PLACE).check(loose) == []
