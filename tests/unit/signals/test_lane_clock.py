"""What a clock that is not synchronised leaves of the signals: times from now, and a gate of its own for them."""

from __future__ import annotations

from edge.core.stamp import NS_PER_MS
from edge.signals.gate import Gate
from edge.signals.lane import LaneLimits
from tests.unit.signals.test_lane import ALL_RED, T0, TENTH, assert_withdrawn, lane, shown_lane, snapshot


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
