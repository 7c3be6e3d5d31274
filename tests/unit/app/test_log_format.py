"""Lines of the log carry the time where nobody else adds it."""

from __future__ import annotations

import pytest

from edge.app.log_format import log_format


@pytest.mark.parametrize(("journal", "timed"), [(None, True), ("8:1234", False)])
def test_time_is_written_where_no_journal_adds_it(
    monkeypatch: pytest.MonkeyPatch, journal: str | None, timed: bool
) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    if journal is not None:
        monkeypatch.setenv("JOURNAL_STREAM", journal)
    assert ("asctime" in log_format()) is timed
