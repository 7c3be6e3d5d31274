"""Priority while signals or controller are in doubt: everything is taken back, nothing is claimed."""

from __future__ import annotations

from typing import Any

import pytest

from edge.core.priority import PhaseCommand, RequestState
from edge.core.signals import IntersectionStatus, MovementState
from edge.core.stamp import NS_PER_S
from tests.unit.signals.priority_street import GREEN, TIMES, Street

HOLD = PhaseCommand.HOLD


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"reasons": ("controller is silent",)}, "withdrawn: controller is silent"),
        ({"dated": False}, "clock is not synchronised"),
        ({"status": IntersectionStatus.PREEMPT}, "the controller is in preemption"),
        ({"status": IntersectionStatus.PROGRAMMED_FLASH}, "in flash"),
        (
            {"status": IntersectionStatus.MANUAL_CONTROL | IntersectionStatus.STOP_TIME},
            "manual control, in stop",
        ),
        ({"lamps": {4: MovementState.CAUTION_CONFLICTING_TRAFFIC}}, "shows nothing that leads to a green"),
    ],
    ids=["withdrawn", "no clock", "preempt", "flash", "manual", "group flashes"],
)
def test_signals_in_doubt_take_everything_back_at_once(change: dict[str, Any], words: str) -> None:
    street = Street(lamps={4: GREEN})
    street.ask("bus")
    assert street.answer().state is RequestState.GRANTED
    for name, value in change.items():
        setattr(street, name, value)
    answer = street.answer()
    assert (answer.state, street.told) == (RequestState.REJECTED, {})
    assert words in answer.reason


def test_a_state_that_fails_to_come_takes_everything_back() -> None:
    street = Street(lamps={4: GREEN})
    street.ask("bus")
    old = street.state()
    for state, later_s in ((old, 0.6), (old, -2.0), (None, 0.0)):
        street.ask("bus")
        plan = street.arbiter.step(
            state, now_ns=street.now_ns + round(later_s * NS_PER_S), stands=lambda _command, _phase: True
        )
        assert plan.commands == {}


def test_granted_is_only_what_the_controller_confirms() -> None:
    street = Street(lamps={4: GREEN}, confirmed=set())
    street.ask("bus", in_s=8.0)
    assert street.answer().state is RequestState.PROCESSING
    assert street.told == {HOLD: frozenset({4})}
    street.confirmed = {(HOLD, 4)}
    assert street.answer().state is RequestState.GRANTED
    street.confirmed = set()
    street.pass_s(TIMES.patience_s - 0.2, asking=("bus",))
    assert street.answer().state is RequestState.GRANTED, "a lost write is repeated"
    street.pass_s(0.5, asking=("bus",))
    assert (street.answer().state, street.told) == (RequestState.REJECTED, {})
    assert "did not confirm" in street.answer().reason
    assert street.arbiter.counters["unconfirmed"] == 1


def test_a_controller_that_refuses_is_not_asked_again_at_once() -> None:
    street = Street(lamps={4: GREEN})
    street.ask("bus", in_s=8.0)
    street.step()
    street.arbiter.refuse("its unitBackupTime is 0 s", now_ns=street.now_ns)
    assert (street.answer().reason, street.told) == (
        "the controller takes no commands: its unitBackupTime is 0 s",
        {},
    )
    street.pass_s(TIMES.patience_s + 0.1, asking=("bus",))
    assert street.arbiter.counters["refused"] == 1
    assert street.answer().state is RequestState.RESERVICE_LOCKED
