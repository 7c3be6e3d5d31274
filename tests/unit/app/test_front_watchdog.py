"""The watchdog starves for what a restart of the front cures, and for nothing else."""

from __future__ import annotations

from edge.app.front_watchdog import SLOW_LIMIT_S, Vigil


def test_who_is_overdue_is_named_and_forgiven() -> None:
    now_s = 1_000.0
    vigil = Vigil(monotonic_s=lambda: now_s)
    vigil.expect("signals", limit_s=2.0)
    vigil.show("signals")
    now_s += 2.0
    assert vigil.stalled() == []
    now_s += 0.1
    assert vigil.stalled() == ["signals for 2.1 s"]
    vigil.show("signals")
    assert vigil.stalled() == []


def test_start_of_the_vigil_counts_as_life() -> None:
    now_s = 1_000.0
    vigil = Vigil(monotonic_s=lambda: now_s)
    vigil.expect("publishing", limit_s=2.0, last_s=lambda: 0.0)
    assert vigil.stalled() == []
    now_s += 3.0
    assert vigil.stalled() == ["publishing for 3.0 s"]


def test_fusion_that_rests_between_restarts_starves_nothing_and_one_that_nobody_watches_does() -> None:
    now_s, attended_s = 1_000.0, 1_000.0
    vigil = Vigil(monotonic_s=lambda: now_s)
    vigil.expect("fusion", limit_s=SLOW_LIMIT_S, last_s=lambda: attended_s)
    now_s += 66.0  # the longest rest of the restart budget, and its end
    assert vigil.stalled() == []
    now_s += 60.0
    assert vigil.stalled() == ["fusion for 126.0 s"]


def test_nothing_expected_starves_nothing() -> None:
    assert Vigil().stalled() == []
