"""What the fault tests share: kernels that are compiled once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

COMPILE_TIMEOUT_S = 170


@pytest.fixture(scope="session")
def kernels(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warmed state directory for every node: the first run compiles the kernels, later ones keep what still fits."""
    cache = pytestconfig.cache
    state = tmp_path_factory.mktemp("kernels") if cache is None else cache.mkdir("kernels")
    command = [sys.executable, "-m", "edge.app", "warm", "--state", str(state)]
    subprocess.run(command, check=True, capture_output=True, timeout=COMPILE_TIMEOUT_S)
    return state
