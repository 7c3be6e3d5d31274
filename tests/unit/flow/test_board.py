"""What the board takes from components: whatever is in a text, it can be sent on."""

from __future__ import annotations

import pytest

from edge.core.health import HealthState
from edge.flow.board import LONGEST_TEXT, HealthBoard
from edge.wire.update import health_update


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("half a pair \ud800 from JSON", "half a pair \\ud800 from JSON"),
        ("路口 1", "路口 1"),
        ("a" * 100_000, "a" * (LONGEST_TEXT - 3) + "..."),
    ],
    ids=["surrogate", "letters", "long"],
)
def test_texts_from_outside_can_be_sent_on(text: str, shown: str) -> None:
    board = HealthBoard(now_ns=lambda: 1)
    board.set("link", HealthState.DEGRADED, text)
    board.event("link", "refused", text)
    sent = health_update(board.snapshot(), board.events, epoch=1, now_ns=2).health
    assert next(part.message for part in sent.components if part.component == "link") == shown
    assert sent.events[0].text == shown
