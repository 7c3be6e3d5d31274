"""The per-sender rate limit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.sources.limiter import SenderLimiter


def passed(limiter: SenderLimiter, sender: str, times_ms: list[int]) -> int:
    return sum(limiter.allow(sender, ms * NS_PER_MS) for ms in times_ms)


def test_sender_at_its_rate_is_never_limited() -> None:
    limiter = SenderLimiter(rate_hz=10, burst=1)
    assert passed(limiter, "a", list(range(0, 10_000, 100))) == 100


def test_loud_sender_is_cut_to_its_rate_after_its_burst() -> None:
    limiter = SenderLimiter(rate_hz=10, burst=5)
    assert passed(limiter, "a", list(range(0, 1_000, 1))) == 5 + 9


def test_loud_sender_does_not_cost_another_its_messages() -> None:
    limiter = SenderLimiter(rate_hz=10, burst=1)
    passed(limiter, "loud", [0] * 1_000)
    assert limiter.allow("quiet", 0)


def test_all_senders_together_have_a_limit() -> None:
    limiter = SenderLimiter(rate_hz=10, burst=1, total_hz=40)
    assert sum(limiter.allow(f"spoof{number}", 0) for number in range(1_000)) == 10


def test_table_is_bounded_and_keeps_the_senders_heard_last() -> None:
    limiter = SenderLimiter(rate_hz=1, burst=1, senders=3)
    for sender in ("a", "b", "c", "a", "d"):
        limiter.allow(sender, 0)
    assert len(limiter) == 3
    assert not limiter.allow("a", 0)
    assert limiter.allow("b", 0)


def test_clock_that_runs_backwards_gives_no_tokens() -> None:
    limiter = SenderLimiter(rate_hz=10, burst=1)
    assert limiter.allow("a", NS_PER_S)
    assert not limiter.allow("a", 0)


@pytest.mark.parametrize("wrong", [{"rate_hz": 0.0}, {"burst": 0}, {"total_hz": -1.0}, {"senders": 0}])
def test_settings_are_checked(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        SenderLimiter(**wrong)


@given(st.lists(st.integers(0, 5_000), max_size=200), st.integers(1, 50), st.integers(1, 20))
def test_no_sender_exceeds_burst_and_rate(times_ms: list[int], rate_hz: int, burst: int) -> None:
    limiter = SenderLimiter(rate_hz=rate_hz, burst=burst)
    times_ms = sorted(times_ms)
    span_s = (times_ms[-1] - times_ms[0]) / 1000 if times_ms else 0.0
    assert passed(limiter, "a", times_ms) <= burst + span_s * rate_hz + 1e-6
