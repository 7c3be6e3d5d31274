"""The collector keeps out of bursts, and still takes cycles."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from edge.flow.collector import YOUNG, settle


class Knot:
    """Refers to itself, so that counting references does not free it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def generations() -> Iterator[list[int]]:
    """The generation of every collection since settling."""
    walked: list[int] = []

    def count(phase: str, facts: dict[str, int]) -> None:
        if phase == "start":
            walked.append(facts["generation"])

    thresholds = gc.get_threshold()
    settle()
    gc.callbacks.append(count)
    yield walked
    gc.callbacks.remove(count)
    gc.set_threshold(*thresholds)
    gc.unfreeze()


def test_a_burst_of_objects_that_go_by_themselves_is_not_walked(generations: list[int]) -> None:
    for _ in range(10):
        burst = [[number] for number in range(YOUNG // 2)]
        del burst
    assert generations == []


def test_cycles_are_taken_in_the_end(generations: list[int]) -> None:
    knot = weakref.ref(Knot())
    assert knot() is not None
    kept = [[number] for number in range(2 * YOUNG)]
    assert generations
    assert knot() is None
    assert len(kept) == 2 * YOUNG
