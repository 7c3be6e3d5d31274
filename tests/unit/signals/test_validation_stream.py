"""The validator on the messages themselves: clock, rate, order, counts."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from edge.core.stamp import NS_PER_MS
from edge.signals.validation import Validator
from edge.signals.validation_kinds import Finding
from tests.unit.signals.messages import (
    CYCLE,
    GREEN,
    PERMISSIVE,
    PLACE,
    T0,
    kinds,
    message,
    play,
)


def stream(times: Iterable[tuple[float, float]], **fields: object) -> list[Finding]:
    """Messages that came and were made at these seconds."""
    validator, found = Validator(PLACE), []
    for came_s, made_s in times:
        made_ns = T0 + round(made_s * 1000) * NS_PER_MS
        found += validator.check(message(came_s, made_ns=made_ns, **fields))
    return found


@pytest.mark.parametrize(
    ("times", "kind"),
    [
        ([(k / 10, k / 10 + 3) for k in range(10)], "clock_off"),
        ([(k / 10, k / 10 - 3) for k in range(10)], "clock_off"),
        ([(k / 10, k / 10 - (5 if k == 9 else 0)) for k in range(10)], "clock_backwards"),
        ([(k / 10, k / 10 + (2 if k == 9 else 0)) for k in range(10)], "clock_jump"),
        ([(k / 2, k / 2) for k in range(40)], "rate_low"),
        ([(k / 20, k / 20) for k in range(300)], "rate_high"),
        ([(0, 0), (3, 3)], "gap"),
        ([(0.0, 0.0), (0.02, 0.0)], "duplicate"),
        ([(0.0, 0.0), (0.2, 0.2), (0.21, 0.1)], "out_of_order"),
    ],
)
def test_messages_at_wrong_times(times: list[tuple[float, float]], kind: str) -> None:
    assert kind in kinds(stream(times))
    assert kinds(stream(times)) <= {kind, "jitter"}


def test_a_clock_that_stands_still() -> None:
    assert "clock_frozen" in kinds(stream([(k / 10, 0.0) for k in range(10)]))


def test_one_late_message_is_not_a_wrong_clock() -> None:
    assert stream([(k / 10 + (0.3 if k == 5 else 0), k / 10) for k in range(5, 60)]) == []


def test_no_time_at_all_matters_for_hour_marks_only() -> None:
    assert kinds(Validator(PLACE).check(message(0, made_ns=None))) == {"clock_missing"}
    assert Validator(PLACE).check(message(0, made_ns=None, absolute=False)) == []


def test_message_counts() -> None:
    def counted(counts: Iterable[int]) -> set[str]:
        validator, found = Validator(PLACE), []
        for k, count in enumerate(counts):
            shown = {2: GREEN if k % 2 else PERMISSIVE}
            found += validator.check(message(k / 10, shown, count=count))
        return kinds(found)

    assert counted([125, 126, 127, 0, 1]) == set()
    assert counted([1, 2, 4, 5]) == set(), "a radio may lose one"
    assert counted([1, 2, 2]) == {"sequence"}
    assert counted([1, 2, 60]) == {"sequence"}
    assert counted([5, 5, 5, 5]) == set(), "a sender that does not count is not judged"


def test_a_revision_that_never_changes() -> None:
    assert kinds(play([*CYCLE, *CYCLE], revision=3)) == {"revision_stuck"}
