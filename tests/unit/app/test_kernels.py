"""Compiled kernels are kept per stage, and made once."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from edge.app import kernels
from edge.app.kernels import ensure_kernels, mark_path


def test_stages_have_marks_of_their_own(tmp_path: Path) -> None:
    fusion, perception = mark_path(tmp_path, "fusion"), mark_path(tmp_path, "perception")
    assert fusion != perception
    assert fusion.parent == perception.parent == tmp_path / "kernels"


def test_perception_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "kernels"))
    ensure_kernels(tmp_path, "perception")
    assert mark_path(tmp_path, "perception").exists()
    assert not mark_path(tmp_path, "fusion").exists()
    assert list((tmp_path / "kernels").rglob("*.nbi"))

    def run(*_arguments: object, **_options: object) -> None:
        raise AssertionError("compiled again")

    monkeypatch.setattr(kernels.subprocess, "run", run)
    ensure_kernels(tmp_path, "perception")


def test_processes_that_need_a_stage_at_once_compile_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "kernels"))
    runs: list[object] = []
    second_waits = threading.Event()
    lock = kernels._try_lock

    def try_lock(descriptor: int) -> bool:
        held = lock(descriptor)
        if not held:
            second_waits.set()
        return held

    def run(command: list[str], **_options: object) -> None:
        runs.append(command)
        assert second_waits.wait(timeout=60.0)
        mark_path(tmp_path, "perception").touch()

    monkeypatch.setattr(kernels, "_try_lock", try_lock)
    monkeypatch.setattr(kernels.subprocess, "run", run)
    starts = [threading.Thread(target=ensure_kernels, args=(tmp_path, "perception")) for _ in range(2)]
    for start in starts:
        start.start()
    for start in starts:
        start.join(timeout=60.0)
    assert len(runs) == 1
