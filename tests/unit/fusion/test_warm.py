"""Kernels load from the cache, and give the same results without the compiler."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge.fusion.compiled import forbid_compiling, kernel

ROOT = Path(__file__).resolve().parents[3]
SCENE = """
from tests.unit.fusion.worlds import CameraModel, RoadUser, World, straight
world = World([RoadUser(straight(-20, 0, 8, 0), temporary_id="a1"), RoadUser(straight(4, 9, 0, -3))],
              [CameraModel("cam", 0, -20)], radio=True)
world.run(1.5)
last = world.published[-1]
print(len(last), *(f"{value:.9f}" for value in last.state.ravel()))
"""


def run(*, plain: bool) -> str:
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1" if plain else "0"}
    done = subprocess.run(
        [sys.executable, "-c", SCENE],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    return done.stdout


def test_plain_python_gives_the_same_tracks() -> None:
    compiled = run(plain=False)
    assert compiled.startswith("2 ")
    assert [float(v) for v in run(plain=True).split()] == pytest.approx(
        [float(v) for v in compiled.split()], abs=1e-6
    )


def test_unforeseen_types_are_an_error_once_compiling_is_forbidden() -> None:
    @kernel
    def double(value: float) -> float:
        return value * 2.0

    assert double(1.5) == 3.0
    forbid_compiling(double)
    assert double(2.5) == 5.0
    if os.environ.get("NUMBA_DISABLE_JIT") != "1":
        with pytest.raises(TypeError):
            double(1.5 + 1j)  # type: ignore[arg-type]


def test_plain_function_has_nothing_to_forbid() -> None:
    forbid_compiling(len)
