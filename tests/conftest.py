"""Fixtures shared by all suites."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The recorded data beside the checkout; skips where it is absent."""
    found = Path(os.environ.get("EDGE_DATA", ROOT.parent / "shared" / "data"))
    if not found.is_dir():
        pytest.skip(f"recorded data not found at {found}; set EDGE_DATA to run this test")
    return found
