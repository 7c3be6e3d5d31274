"""Learned ends of signal states: what is found, what is never said, and what bounds it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.signals import ControllerGroup, GroupKind, IntersectionStatus, LampState
from edge.core.stamp import NS_PER_S
from edge.signals.prediction import GROUPS, Forecast, Predictor
from edge.signals.prediction_cycle import CycleClock
from edge.signals.prediction_memory import SPELLS, OpenSpell, SpellMemory
from edge.signals.timing import Ends, with_forecast

T0 = 1_700_000_000
KEY = (GroupKind.VEHICLE, 2)
OTHER = (GroupKind.VEHICLE, 4)
CYCLE_S = 90


def ns(seconds: float) -> int:
    return round((T0 + seconds) * NS_PER_S)


def group(key: tuple[GroupKind, int], lamp: LampState, *, call: bool = False) -> ControllerGroup:
    return ControllerGroup(key[0], key[1], lamp, call=call)


def lamp_at(second: float, start: float, end: float) -> LampState:
    """Green from `start` to `end`, four seconds of yellow, else red."""
    if start <= second < end:
        return LampState.GREEN
    return LampState.YELLOW if end <= second < end + 4 else LampState.RED


def run_cycles(
    predictor: Predictor, starts: list[float], *, end: float = 60.0, reported: bool = True, until: float = 0.0
) -> float:
    """Show cycles whose greens begin at `starts` and end at second `end`; then the last one up to `until`.

    Returns the second at which the last cycle began.
    """
    for number, start in enumerate(starts):
        last = number == len(starts) - 1
        for tenth in range(int((until if last else CYCLE_S) * 10)):
            second = tenth / 10
            at = number * CYCLE_S + second
            predictor.observe(
                (group(KEY, lamp_at(second, start, end)),),
                now_ns=ns(at),
                position_s=second if reported else None,
            )
    return (len(starts) - 1) * CYCLE_S


@pytest.mark.parametrize("reported", [True, False], ids=["cycle told", "cycle found"])
def test_an_end_at_a_fixed_cycle_second_is_found_whenever_the_green_began(reported: bool) -> None:
    predictor = Predictor()
    starts = [5.0, 25.0, 12.0, 30.0, 8.0, 21.0, 17.0, 28.0, 10.0, 25.0, 19.0, 6.0, 29.0, 14.0, 40.0]
    begun = run_cycles(predictor, starts, reported=reported, until=50.0)
    found = predictor.predict(KEY, now_ns=ns(begun + 49.95))
    assert found is not None
    assert abs(found.likely_end_ns - ns(begun + 60.0)) < 0.2 * NS_PER_S
    assert found.early_end_ns <= found.likely_end_ns <= found.late_end_ns
    assert found.confidence > 0.5
    assert found.next_lamp is LampState.YELLOW


def test_yellow_and_red_are_learned_as_well() -> None:
    predictor = Predictor()
    begun = run_cycles(predictor, [20.0] * 12, until=62.0)
    yellow = predictor.predict(KEY, now_ns=ns(begun + 62.0))
    assert yellow is not None
    assert abs(yellow.likely_end_ns - ns(begun + 64.0)) < 0.2 * NS_PER_S
    assert yellow.next_lamp is LampState.RED
    again = Predictor()
    begun = run_cycles(again, [20.0] * 13, until=10.0)
    red = again.predict(KEY, now_ns=ns(begun + 10.0))
    assert red is not None
    assert abs(red.likely_end_ns - ns(begun + 20.0)) < 0.2 * NS_PER_S
    assert red.next_lamp is LampState.GREEN


def test_a_call_elsewhere_tells_a_short_green_from_a_long_one() -> None:
    predictor = Predictor()
    at = 0.0

    def green(length_s: int, *, called: bool, stop_s: int | None = None) -> None:
        nonlocal at
        for second in range(length_s if stop_s is None else stop_s):
            shown = (group(KEY, LampState.GREEN), group(OTHER, LampState.RED, call=called and second >= 3))
            predictor.observe(shown, now_ns=ns(at))
            at += 1.0
        if stop_s is None:
            for _ in range(20):
                predictor.observe((group(KEY, LampState.RED), group(OTHER, LampState.RED)), now_ns=ns(at))
                at += 1.0

    for number in range(40):
        called = number % 3 == 0
        green(20 if called else 50, called=called)
    for called, length_s in ((True, 20), (False, 50)):
        start = at
        green(length_s, called=called, stop_s=8)
        found = predictor.predict(KEY, now_ns=ns(at))
        assert found is not None
        assert abs(found.likely_end_ns - ns(start + length_s)) < 2 * NS_PER_S
        predictor.observe((group(KEY, LampState.UNKNOWN),), now_ns=ns(at))
        predictor.observe((group(KEY, LampState.RED),), now_ns=ns(at + 1))
        predictor.observe((group(OTHER, LampState.RED),), now_ns=ns(at + 2))
        at += 3.0


def test_nothing_is_said_before_enough_was_seen() -> None:
    predictor = Predictor()
    begun = run_cycles(predictor, [20.0, 20.0], until=30.0)
    assert predictor.predict(KEY, now_ns=ns(begun + 30.0)) is None
    assert predictor.predict(OTHER, now_ns=ns(begun + 30.0)) is None


def test_silence_ends_what_can_be_learned_from() -> None:
    predictor = Predictor(gap_s=2.5)
    begun = run_cycles(predictor, [20.0] * 6, until=30.0)
    learned = predictor.counters["spells_learned"]
    predictor.observe((group(KEY, LampState.GREEN),), now_ns=ns(begun + 50.0))
    assert predictor.predict(KEY, now_ns=ns(begun + 50.0)) is None
    predictor.observe((group(KEY, LampState.YELLOW),), now_ns=ns(begun + 51.0))
    assert predictor.counters["spells_learned"] == learned
    assert predictor.counters["spells_cut"] >= 1


@pytest.mark.parametrize(
    "status",
    [
        IntersectionStatus.FAILURE_FLASH,
        IntersectionStatus.PROGRAMMED_FLASH,
        IntersectionStatus.MANUAL_CONTROL,
        IntersectionStatus.STOP_TIME,
    ],
)
def test_no_end_is_said_while_states_last_as_long_as_a_person_or_a_fault_wants(
    status: IntersectionStatus,
) -> None:
    predictor = Predictor()
    begun = run_cycles(predictor, [20.0] * 8, until=30.0)
    assert predictor.predict(KEY, now_ns=ns(begun + 30.0)) is not None
    predictor.observe((group(KEY, LampState.GREEN),), now_ns=ns(begun + 30.1), status=status)
    assert predictor.predict(KEY, now_ns=ns(begun + 30.2)) is None


def test_an_observation_from_the_past_is_counted_and_changes_nothing() -> None:
    predictor = Predictor()
    begun = run_cycles(predictor, [20.0] * 8, until=30.0)
    before = predictor.predict(KEY, now_ns=ns(begun + 30.0))
    predictor.observe((group(KEY, LampState.RED),), now_ns=ns(begun + 28.0))
    assert predictor.counters["observations_late"] == 1
    assert predictor.predict(KEY, now_ns=ns(begun + 30.0)) == before


def test_after_the_clock_was_set_back_ends_are_learned_and_said_again() -> None:
    predictor = Predictor()
    begun = run_cycles(predictor, [20.0] * 8, until=30.0)
    predictor.observe((group(KEY, LampState.GREEN),), now_ns=ns(begun - 3600.0))
    assert predictor.predict(KEY, now_ns=ns(begun - 3600.0)) is None
    learned = predictor.counters["spells_learned"]
    for tenth in range(1200):
        second = tenth / 10
        shown = lamp_at(second % CYCLE_S, 20.0, 60.0)
        predictor.observe((group(KEY, shown),), now_ns=ns(begun - 3600.0 + 0.1 + second))
    assert predictor.counters["spells_learned"] > learned
    found = predictor.predict(KEY, now_ns=ns(begun - 3600.0 + 120.1))
    assert found is not None
    assert abs(found.likely_end_ns - ns(begun - 3600.0 + 150.1)) < 0.5 * NS_PER_S


def test_memory_is_bounded() -> None:
    memory = SpellMemory()
    for number in range(3 * SPELLS):
        spell = OpenSpell(number * 100.0, number % 7, [])
        memory.add(spell, end_s=number * 100.0 + 4000.0, position_s=1.0, plan=number % 4)
    assert memory.count == SPELLS
    assert len(memory.end_s) == len(memory.plan) == SPELLS
    predictor = Predictor()
    groups = [group((GroupKind.GROUP, number), LampState.RED) for number in range(1, 2 * GROUPS)]
    predictor.observe(groups, now_ns=ns(0))
    assert len(predictor.groups) == GROUPS
    assert predictor.counters["groups_refused"] == GROUPS - 1


def test_a_plan_is_not_forgotten_for_another() -> None:
    memory = SpellMemory()
    for number in range(2 * SPELLS):
        spell = OpenSpell(number * 100.0, 0, [])
        memory.add(spell, end_s=number * 100.0 + 30.0, position_s=1.0, plan=1 if number < 10 else 2)
    assert (memory.plan == 1).sum() == 10


def test_the_cycle_length_is_the_interval_of_reported_zeros() -> None:
    clock = CycleClock()
    for second in range(400):
        clock.reported(second % 110 + 0.0, now_s=1000.0 + second)
    assert clock.reported_s == 110.0
    assert clock.position_s(1399.0) == pytest.approx(399 % 110)
    clock.reported(None, now_s=1400.0)
    assert clock.zero_s is None


def test_greens_without_a_rhythm_have_none() -> None:
    clock = CycleClock()
    at = 0.0
    for number in range(30):
        at += 35.0 + 7.3 * (number * number % 23)
        clock.green_ended(KEY, now_s=at)
    assert clock.rhythm_s is None


def _times() -> st.SearchStrategy[int | None]:
    return st.none() | st.integers(0, 200).map(ns)


@given(least=_times(), latest=_times(), likely=st.integers(-50, 300), now=st.integers(0, 100))
def test_what_is_learned_never_touches_a_promise(
    least: int | None, latest: int | None, likely: int, now: int
) -> None:
    if least is not None and latest is not None and least > latest:
        least, latest = latest, least
    if latest is not None and latest < ns(now):
        latest = None
    forecast = Forecast(ns(likely), ns(likely - 5), ns(likely + 5), 0.7, None)
    found = with_forecast(Ends(least, latest), forecast, now_ns=ns(now))
    assert (found.min_end_ns, found.max_end_ns) == (least, latest)
    assert found.likely_end_ns is not None
    assert latest is None or found.likely_end_ns <= latest
    assert latest is not None or found.likely_end_ns >= max(least or 0, ns(now))
    assert found.confidence in (0.7, None)


def test_the_controllers_own_likely_end_wins() -> None:
    told = Ends(ns(5), ns(50), ns(20), None)
    forecast = Forecast(ns(30), ns(25), ns(35), 0.9, None)
    assert with_forecast(told, forecast, now_ns=ns(0)) == told
    assert with_forecast(told, None, now_ns=ns(0)) == told
    none = dataclasses.replace(told, likely_end_ns=None)
    assert with_forecast(none, forecast, now_ns=ns(0)).likely_end_ns == ns(30)


@given(
    lamps=st.lists(
        st.tuples(st.sampled_from(LampState), st.booleans(), st.floats(-1.0, 400.0), st.integers(-1, 3)),
        max_size=60,
    )
)
def test_any_sequence_of_lamps_is_taken(lamps: list[tuple[LampState, bool, float, int]]) -> None:
    predictor = Predictor(gap_s=300.0)
    at = 0.0
    for lamp, call, step, plan in lamps:
        at += step
        shown = (group(KEY, lamp, call=call), group(OTHER, LampState.RED, call=not call))
        predictor.observe(shown, now_ns=ns(at), plan=plan, position_s=abs(step))
        for found in _forecasts(predictor, at):
            assert ns(at) <= found.early_end_ns <= found.likely_end_ns <= found.late_end_ns
            assert 0.0 <= found.confidence <= 1.0


def _forecasts(predictor: Predictor, at: float) -> Iterator[Forecast]:
    for key in (KEY, OTHER):
        found = predictor.predict(key, now_ns=ns(at))
        if found is not None:
            yield found
