"""The signal lane and the clock: not synchronised, lost, set; times from now, and a gate of its own for them."""

from __future__ import annotations

import pytest

from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.signals.gate import Gate
from edge.signals.lane import LaneLimits
from tests.unit.signals.test_lane import ALL_RED, T0, TENTH, assert_withdrawn, lane, shown_lane, snapshot


@pytest.mark.parametrize(
    ("error_ns", "withdrawn"),
    [(None, True), (51 * NS_PER_MS, True), (50 * NS_PER_MS, False), (0, False)],
)
def test_clock_beyond_its_bound_withdraws_where_it_is_required(error_ns: int | None, withdrawn: bool) -> None:
    strict = lane(limits=LaneLimits(clock_bound_ns=50 * NS_PER_MS))
    strict.set_clock_error(error_ns)
    for tenth in range(3):
        state = strict.update(snapshot(T0 + tenth * TENTH), T0 + tenth * TENTH)
    assert state.withdrawn is withdrawn
    assert ("clock is not synchronised within its bound" in state.reasons) is withdrawn


def test_lost_clock_withdraws_at_the_next_tick_and_needs_a_run_of_good_snapshots() -> None:
    strict = lane(limits=LaneLimits(clock_bound_ns=50 * NS_PER_MS))
    strict.set_clock_error(0)
    for tenth in range(3):
        strict.update(snapshot(T0 + tenth * TENTH), T0 + tenth * TENTH)
    strict.set_clock_error(None)
    assert strict.tick(T0 + 3 * TENTH).withdrawn
    strict.set_clock_error(0)
    found = [strict.update(snapshot(T0 + t * TENTH), T0 + t * TENTH).withdrawn for t in (4, 5, 6)]
    assert found == [True, True, False]


def test_clock_that_ran_backwards_withdraws() -> None:
    state = shown_lane().tick(T0 - NS_PER_S)
    assert_withdrawn(state)
    assert state.reasons == ("clock ran backwards",)


def test_hour_long_step_of_the_clock_costs_no_more_than_the_recovery() -> None:
    ready = shown_lane()
    hour_ns = 3_600 * NS_PER_S
    found = [
        ready.update(snapshot(T0 - hour_ns + t * TENTH, latest_s=None), T0 - hour_ns + t * TENTH)
        for t in range(5)
    ]
    assert not found[-1].withdrawn
    assert found[-1].alive_ns == T0 - hour_ns + 4 * TENTH


def test_lane_that_starts_anew_is_withdrawn_until_three_good_snapshots() -> None:
    ready = shown_lane()
    ready.start_anew()
    assert_withdrawn(ready.tick(T0 + 1))
    found = [ready.update(snapshot(T0 + t * TENTH), T0 + t * TENTH).withdrawn for t in (1, 2, 3)]
    assert found == [True, True, False]
    assert ready.counters["withdrawals"] == 1


def test_unsynchronised_clock_leaves_the_relative_form_and_nothing_else() -> None:
    strict = lane(limits=LaneLimits(clock_bound_ns=50 * NS_PER_MS))
    for tenth in range(3):
        state = strict.update(snapshot(T0 + tenth * TENTH), T0 + tenth * TENTH)
    assert_withdrawn(state)
    assert state.reasons == ("clock is not synchronised within its bound",)
    assert state.relative is not None
    free = shown_lane().tick(T0 + 2 * TENTH)
    assert state.relative.groups == free.groups
    assert not state.relative.withdrawn
    strict.set_doubt("a lamp shows another colour")
    assert strict.tick(T0 + 3 * TENTH).relative is None


def test_change_of_the_relative_form_changes_the_revision() -> None:
    strict = lane(limits=LaneLimits(clock_bound_ns=50 * NS_PER_MS))
    for tenth in range(3):
        before = strict.update(snapshot(T0 + tenth * TENTH), T0 + tenth * TENTH)
    after = strict.update(snapshot(T0 + 3 * TENTH, ALL_RED), T0 + 3 * TENTH)
    assert after.relative is not None
    assert after.revision == after.relative.revision == (before.revision + 1) % 128


def test_synchronised_clock_needs_no_relative_form() -> None:
    assert shown_lane().tick(T0).relative is None


def test_clock_that_comes_back_needs_a_run_of_good_snapshots_and_the_relative_form_does_not() -> None:
    strict = lane(limits=LaneLimits(clock_bound_ns=50 * NS_PER_MS))
    for tenth in range(3):
        strict.update(snapshot(T0 + tenth * TENTH), T0 + tenth * TENTH)
    strict.set_clock_error(0)
    found = [strict.update(snapshot(T0 + t * TENTH), T0 + t * TENTH) for t in (3, 4, 5)]
    assert [state.withdrawn for state in found] == [True, True, False]
    assert all(state.withdrawn == (state.relative is not None) for state in found)


def test_clock_that_was_set_forgets_the_relative_form_too() -> None:
    strict = lane(limits=LaneLimits(clock_bound_ns=50 * NS_PER_MS))
    for tenth in range(3):
        strict.update(snapshot(T0 + tenth * TENTH), T0 + tenth * TENTH)
    strict.start_anew()
    assert strict.tick(T0 + 3 * TENTH).relative is None
    assert strict.update(snapshot(T0 + 3 * TENTH), T0 + 3 * TENTH).relative is None


def test_gate_opens_after_its_run_and_shuts_at_once() -> None:
    gate = Gate(2)
    gate.count(good=True, at_ns=0)
    assert gate.pass_through([]) == ["1 of 2 good snapshots since the last fault"]
    gate.count(good=True, at_ns=0)
    assert gate.pass_through([]) == []
    assert gate.pass_through(["silent"]) == ["silent"]
    assert not gate.open
    assert gate.pass_through([]) == ["0 of 2 good snapshots since the last fault"]
    gate.count(good=False, at_ns=0)
    assert gate.pass_through([]) == ["0 of 2 good snapshots since the last fault"]
