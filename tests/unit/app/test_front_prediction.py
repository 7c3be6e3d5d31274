"""The file of what was learned: kept across restarts, never in the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.app.front_prediction import PredictionStore
from edge.flow.board import HealthBoard
from edge.signals.prediction import Predictor
from tests.unit.signals.test_prediction import KEY, run_cycles


def store(folder: Path, predictor: Predictor) -> PredictionStore:
    return PredictionStore(folder, "controller", predictor, board=HealthBoard(now_ns=lambda: 0))


async def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    predictor = Predictor()
    run_cycles(predictor, [20.0] * 6, until=80.0)
    kept = store(tmp_path, predictor)
    await kept.save()
    assert predictor.counters["saved"] == 1
    assert [path.name for path in kept.path.parent.iterdir()] == ["controller.npz"]
    later = Predictor()
    store(tmp_path, later).load()
    assert later.groups.keys() == {KEY}
    assert not later.counters["file_broken"]


def test_no_file_is_no_fault(tmp_path: Path) -> None:
    predictor = Predictor()
    store(tmp_path, predictor).load()
    assert not predictor.counters


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"\0" * 1000])
async def test_a_broken_file_is_counted_ignored_and_replaced(tmp_path: Path, content: bytes) -> None:
    predictor = Predictor()
    kept = store(tmp_path, predictor)
    kept.path.parent.mkdir(parents=True)
    kept.path.write_bytes(content)
    kept.load()
    assert predictor.counters["file_broken"] == 1
    run_cycles(predictor, [20.0] * 4, until=80.0)
    await kept.save()
    later = Predictor()
    store(tmp_path, later).load()
    assert later.groups


async def test_a_state_directory_that_cannot_be_written_is_counted(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    predictor = Predictor()
    await store(blocked, predictor).save()
    assert predictor.counters["save_failed"] == 1
