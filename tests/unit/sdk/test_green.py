"""What may be said about the next green, per state."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sdk.errors import SignalsUnavailableError
from edge.sdk.green import next_green
from edge.sdk.updates import SignalGroup, SignalsUpdate

NOW_NS = 1_000_000_000_000
TIMES = st.none() | st.integers(NOW_NS, NOW_NS + 10**12)


def signals(group: SignalGroup) -> SignalsUpdate:
    return SignalsUpdate(1, 1, NOW_NS, NOW_NS, NOW_NS + 1, 5, 1, 3, (group,), (), withdrawn=False, reasons=())


@pytest.mark.parametrize(
    ("state", "following", "expected"),
    [
        ("stop_and_remain", "protected_movement_allowed", (1, 2, 3)),
        ("stop_and_remain", "pre_movement", (1, 2, None)),
        ("stop_and_remain", None, (1, 2, None)),
        ("stop_and_remain", "dark", (1, None, None)),
        ("pre_movement", None, (1, 2, 3)),
        ("protected_clearance", "stop_and_remain", (1, None, None)),
        ("caution_conflicting_traffic", None, (1, None, None)),
        ("permissive_movement_allowed", None, (1, 2, 3)),
    ],
    ids=str,
)
def test_only_what_is_known_is_said(
    state: str, following: str | None, expected: tuple[int | None, int | None, int | None]
) -> None:
    group = SignalGroup(2, state, NOW_NS + 1, NOW_NS + 3, NOW_NS + 2, 0.5, following)
    found = next_green(signals(group), 2, now_ns=NOW_NS)
    times = (found.earliest_ns, found.likely_ns, found.latest_ns)
    assert times == tuple(None if e is None else NOW_NS + e for e in expected)


@given(
    st.sampled_from(["stop_and_remain", "pre_movement", "flashing_green", "protected_clearance", "dark"]),
    TIMES,
    TIMES,
    TIMES,
)
def test_it_is_a_sentence_or_an_error(
    state: str, earliest: int | None, latest: int | None, likely: int | None
) -> None:
    group = SignalGroup(2, state, earliest, latest, likely, None, None)
    if state == "dark":
        with pytest.raises(SignalsUnavailableError, match="dark"):
            next_green(signals(group), 2, now_ns=NOW_NS)
        return
    text = str(next_green(signals(group), 2, now_ns=NOW_NS))
    assert text.startswith("signal group 2 ")
    assert "None" not in text


def test_expired_signals_give_no_green() -> None:
    group = SignalGroup(2, "stop_and_remain", None, None, None, None, None)
    with pytest.raises(SignalsUnavailableError, match=r"expired 2\.0 s ago"):
        next_green(signals(group), 2, now_ns=NOW_NS + 2_000_000_001)
