"""Fixtures shared by all suites."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The recorded data beside the checkout; skips where it is absent."""
    found = Path(os.environ.get("EDGE_DATA", ROOT.parent / "shared" / "data"))
    if not found.is_dir():
        pytest.skip(f"recorded data not found at {found}; set EDGE_DATA to run this test")
    return found


def data_present() -> bool:
    """Whether the recorded data are beside the checkout."""
    return Path(os.environ.get("EDGE_DATA", ROOT.parent / "shared" / "data")).is_dir()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
    """A skip is a failure where what the test needs is (or should be) there.

    Tests marked `data` may skip only where the data are absent; with EDGE_NO_SKIP=1 (`make test`) nothing else
    may skip, because the make target has installed all that the tests need.
    """
    outcome = yield
    report = outcome.get_result()
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    needs_data = item.get_closest_marker("data") is not None
    allowed = not data_present() if needs_data else os.environ.get("EDGE_NO_SKIP") != "1"
    if not allowed:
        report.outcome = "failed"
        report.longrepr = f"skipped although what it needs is there: {report.longrepr}"
