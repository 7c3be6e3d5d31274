"""Compiled kernels are kept per stage, and made once."""

from __future__ import annotations

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
