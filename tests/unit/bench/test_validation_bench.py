"""A short form of `bench_validation`: every kind of fault once, and some sound minutes."""

from __future__ import annotations

import pytest

from edge.signals.validation import Validator
from tests.bench.bench_validation import STREAMS, lane_reasons, recall, snapshots
from tests.bench.validation_fault_table import FAULTS
from tests.bench.validation_stream import START_NS, disturbances, hear, place


def test_seeded_faults_are_found() -> None:
    share, planted, missed, nowhere = recall(1)
    assert planted >= 50
    assert not nowhere
    assert share >= 0.98, dict(missed)


@pytest.mark.parametrize("name", STREAMS)
def test_sound_minutes_raise_no_alarm(name: str) -> None:
    validator, status = Validator(place()), set()
    for heard in hear(snapshots(name, 3000, hours=1, seed=5), 5):
        assert validator.check(heard.message) == []
        assert lane_reasons(heard) == []
        status.add(heard.message.status)
    assert name == "plan" or len(status) > 1, "something disturbed it"


def test_the_faults_are_many_and_have_names_of_their_own() -> None:
    names = [fault.name for fault in FAULTS]
    assert len(set(names)) == len(names) >= 50
    assert disturbances(1, 1) == disturbances(1, 1)
    assert START_NS % 3_600_000_000_000 == 0
