"""Kernels are compiled once, and then a call with other types is an error."""

from __future__ import annotations

import pytest

from edge.fusion.warm import warm


@pytest.fixture(scope="session", autouse=True)
def warm_kernels() -> float:
    return warm()
