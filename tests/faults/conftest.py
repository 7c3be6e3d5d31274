"""What the fault tests share: kernels that are compiled once."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def kernels(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory for every node: the first run compiles the kernels, later ones load what still fits."""
    cache = pytestconfig.cache
    return tmp_path_factory.mktemp("kernels") if cache is None else cache.mkdir("kernels")
