"""The state of the clock, judged from what its readers say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.clock import ClockJudge, ClockLimits, ClockMode, ClockReading
from edge.core.stamp import NS_PER_MS, NS_PER_S

LIMITS = ClockLimits(holdover_ns=1_000 * NS_PER_S, drift_ppm=20.0)
LOST = ClockReading("chrony", False, 0, None, "has no reference")
DAY_NS = 86_400 * NS_PER_S


def good(error_ms: float = 1.0, *, source: str = "kernel", age_s: float | None = None) -> ClockReading:
    age_ns = None if age_s is None else round(age_s * NS_PER_S)
    return ClockReading(source, True, round(error_ms * NS_PER_MS), age_ns)


@pytest.mark.parametrize(
    ("error_ms", "mode"),
    [(0, ClockMode.SYNCHRONISED), (49.9, ClockMode.SYNCHRONISED), (50, ClockMode.UNSYNCHRONISED)],
)
def test_synchronised_is_a_bound_below_50_ms(error_ms: float, mode: ClockMode) -> None:
    found = ClockJudge().judge([good(error_ms)], monotonic_ns=DAY_NS)
    assert found.mode is mode
    assert found.error_ns == (round(error_ms * NS_PER_MS) if mode is ClockMode.SYNCHRONISED else None)


def test_first_reader_that_vouches_is_the_one_that_counts() -> None:
    found = ClockJudge().judge([LOST, good(3, source="ptp"), good(1)], monotonic_ns=DAY_NS)
    assert (found.source, found.error_ns) == ("ptp", 3 * NS_PER_MS)


def test_holdover_grows_with_its_age_and_ends_with_its_budget() -> None:
    judge = ClockJudge(LIMITS)
    judge.judge([good(1)], monotonic_ns=DAY_NS)
    held = judge.judge([LOST], monotonic_ns=DAY_NS + 1_000 * NS_PER_S)
    assert held.mode is ClockMode.HOLDOVER
    assert held.age_ns == 1_000 * NS_PER_S
    assert held.error_ns == 21 * NS_PER_MS  # 20 ppm for 1000 s, on top of 1 ms
    over = judge.judge([LOST], monotonic_ns=DAY_NS + 1_001 * NS_PER_S)
    assert (over.mode, over.error_ns) == (ClockMode.UNSYNCHRONISED, None)
    assert "has no reference" in over.text
    assert judge.judge([good(1)], monotonic_ns=DAY_NS + 1_002 * NS_PER_S).mode is ClockMode.SYNCHRONISED


def test_holdover_ends_when_its_bound_reaches_the_limit_whatever_the_budget() -> None:
    judge = ClockJudge(ClockLimits(holdover_ns=DAY_NS, drift_ppm=100.0))
    judge.judge([good(10)], monotonic_ns=0)
    assert judge.judge([LOST], monotonic_ns=399 * NS_PER_S).mode is ClockMode.HOLDOVER
    assert judge.judge([LOST], monotonic_ns=400 * NS_PER_S).mode is ClockMode.UNSYNCHRONISED


def test_clock_that_never_was_synchronised_has_no_holdover() -> None:
    found = ClockJudge().judge([LOST], monotonic_ns=DAY_NS)
    assert (found.mode, found.age_ns) == (ClockMode.UNSYNCHRONISED, None)
    assert "nobody tells" in ClockJudge().judge([], monotonic_ns=DAY_NS).text


@pytest.mark.parametrize("step_s", [-3, 3])
def test_step_ends_synchronisation_and_holdover_until_a_reference_was_asked_again(step_s: int) -> None:
    judge = ClockJudge()
    judge.judge([good(1, source="chrony", age_s=20)], monotonic_ns=DAY_NS)
    judge.stepped(step_s * NS_PER_S, monotonic_ns=DAY_NS)
    # chrony compared 20 s before the step; seen by the clock that was set, that is 23 s or 17 s ago.
    stale = judge.judge([good(1, source="chrony", age_s=20 + step_s)], monotonic_ns=DAY_NS)
    assert stale.mode is ClockMode.UNSYNCHRONISED
    assert f"the clock was set by {step_s:+.3f} s" in stale.text
    later = judge.judge([good(1, source="chrony", age_s=10 + step_s)], monotonic_ns=DAY_NS + NS_PER_S)
    assert later.mode is ClockMode.UNSYNCHRONISED
    fresh = judge.judge([good(1, source="chrony", age_s=1)], monotonic_ns=DAY_NS + 5 * NS_PER_S)
    assert fresh.mode is ClockMode.SYNCHRONISED


def test_update_in_the_future_vouches_for_nothing_after_a_step_back() -> None:
    judge = ClockJudge()
    judge.stepped(-3 * NS_PER_S, monotonic_ns=DAY_NS)
    future = good(1, source="chrony", age_s=-1)
    assert judge.judge([future], monotonic_ns=DAY_NS).mode is ClockMode.UNSYNCHRONISED


def test_daemon_that_steps_the_clock_itself_stays_believed() -> None:
    judge = ClockJudge()
    judge.stepped(3 * NS_PER_S, monotonic_ns=DAY_NS)
    assert (
        judge.judge([good(1, source="chrony", age_s=0.4)], monotonic_ns=DAY_NS).mode is ClockMode.SYNCHRONISED
    )
    judge.stepped(3 * NS_PER_S, monotonic_ns=DAY_NS)
    assert judge.judge([good(1)], monotonic_ns=DAY_NS).source == "kernel"  # its mark survived the step


@given(
    error_ms=st.floats(0, 49, allow_nan=False),
    gaps_s=st.lists(st.integers(0, 400), min_size=1, max_size=12),
)
def test_bound_never_shrinks_while_no_reader_vouches(error_ms: float, gaps_s: list[int]) -> None:
    judge, now_ns = ClockJudge(LIMITS), 0
    bound = judge.judge([good(error_ms)], monotonic_ns=now_ns).error_ns
    for gap_s in gaps_s:
        now_ns += gap_s * NS_PER_S
        found = judge.judge([LOST], monotonic_ns=now_ns)
        if found.error_ns is None:
            assert found.mode is ClockMode.UNSYNCHRONISED
            bound = None
            continue
        assert bound is not None, "holdover came back without a reference"
        assert bound <= found.error_ns < LIMITS.synchronised_below_ns
        bound = found.error_ns
