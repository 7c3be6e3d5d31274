"""Ends of lamp groups from the countdown of a stage: the derivation, case by case."""

from __future__ import annotations

import pytest

from edge.core.signals import LampState
from hw.signal.gb20999_picture import intergreens_s
from hw.signal.gb20999_stages import UNKNOWN, GroupEnd, Phase, PlanStage, Running, Stage, Tables, group_end

GREEN, RED, YELLOW = LampState.GREEN, LampState.RED, LampState.YELLOW
FLASHING_GREEN, RED_YELLOW = LampState.FLASHING_GREEN, LampState.RED_YELLOW
CHINESE = ((FLASHING_GREEN, 3), (YELLOW, 3))
"""Flashing green, then yellow."""


def exactly(seconds: float) -> GroupEnd:
    return GroupEnd(seconds, seconds, seconds)


def phase(*lamps: int, loss=CHINESE, gain=(), intergreens=None) -> Phase:  # type: ignore[no-untyped-def]
    return Phase(frozenset(lamps), loss, gain, {} if intergreens is None else intergreens)


def stage(*phases: int, late=None, early=None) -> Stage:  # type: ignore[no-untyped-def]
    return Stage(frozenset(phases), late or {}, early or {})


def tables(*, phases=None, stages=None, chain=((1, 20), (2, 30), (3, 25))) -> Tables:  # type: ignore[no-untyped-def]
    """Three stages: phases 1 and 2, phases 2 and 3, phase 4; phase n drives lamp group n."""
    own = {number: phase(number) for number in (1, 2, 3, 4)} | (phases or {})
    return Tables(
        own,
        {1: stage(1, 2), 2: stage(2, 3), 3: stage(4)} | (stages or {}),
        tuple(PlanStage(*entry) for entry in chain),
    )


RUNNING = Running(1, elapsed_s=5, remaining_s=15)
ENDING = Running(1, transition=True, elapsed_s=17, remaining_s=3)


def test_green_that_ends_with_the_stage_ends_before_its_loss_colours() -> None:
    assert group_end(1, GREEN, RUNNING, tables()) == exactly(-6)


def test_each_loss_colour_ends_where_the_next_begins() -> None:
    assert group_end(1, FLASHING_GREEN, ENDING, tables()) == exactly(-3)
    assert group_end(1, YELLOW, ENDING, tables()) == exactly(0)


def test_steady_green_among_the_loss_colours_belongs_to_green() -> None:
    own = phase(1, loss=((GREEN, 2), *CHINESE))
    assert group_end(1, GREEN, RUNNING, tables(phases={1: own})) == exactly(-6)


def test_all_red_is_what_the_intergreen_exceeds_yellow_by() -> None:
    own = phase(1, intergreens={3: 5.0, 4: 9.0})
    assert group_end(1, GREEN, RUNNING, tables(phases={1: own})) == exactly(-8)
    assert group_end(1, YELLOW, ENDING, tables(phases={1: own})) == exactly(-2)


def test_untold_intergreens_leave_the_least_end_open_by_the_longest_all_red() -> None:
    own = Phase(frozenset((1,)), CHINESE)
    assert group_end(1, GREEN, RUNNING, tables(phases={1: own})) == GroupEnd(-16, -6, -11)


def test_early_end_of_a_phase_is_before_that_of_its_stage() -> None:
    stages = {1: stage(1, 2, early={1: 4})}
    assert group_end(1, GREEN, RUNNING, tables(stages=stages)) == exactly(-10)


def test_green_that_the_next_stage_keeps_lasts_to_the_end_of_that() -> None:
    assert group_end(2, GREEN, RUNNING, tables()) == GroupEnd(0, None, 30 - 6)


def test_group_of_two_phases_is_kept_where_the_other_phase_takes_over() -> None:
    own = {1: phase(1, 5), 3: phase(3, 5)}
    assert group_end(5, GREEN, RUNNING, tables(phases=own)) == GroupEnd(0, None, 30 - 6)


def test_red_ends_with_the_stage_before_its_own() -> None:
    assert group_end(3, RED, RUNNING, tables()) == exactly(0)
    assert group_end(3, RED, ENDING, tables()) == exactly(0)


def test_red_of_a_later_stage_is_likely_by_the_plan_and_promised_not_before_this_ends() -> None:
    assert group_end(4, RED, RUNNING, tables()) == GroupEnd(0, None, 30)


def test_late_start_keeps_red_into_the_stage() -> None:
    stages = {2: stage(2, 3, late={3: 4})}
    assert group_end(3, RED, RUNNING, tables(stages=stages)) == exactly(4)
    running = Running(2, elapsed_s=2, remaining_s=28)
    assert group_end(3, RED, running, tables(stages=stages)) == UNKNOWN


def test_gain_colours_may_come_before_or_after_the_stage_begins() -> None:
    own = {3: phase(3, gain=((RED, 1), (RED_YELLOW, 2)))}
    assert group_end(3, RED, RUNNING, tables(phases=own)) == GroupEnd(-2, 1, -0.5)
    assert group_end(3, RED_YELLOW, ENDING, tables(phases=own)) == exactly(0)
    assert group_end(3, RED_YELLOW, RUNNING, tables(phases=own)) == UNKNOWN


def test_red_after_an_early_end_waits_for_the_next_round() -> None:
    stages = {1: stage(1, 2, early={1: 12})}
    running = Running(1, elapsed_s=10, remaining_s=10)
    assert group_end(1, RED, running, tables(stages=stages)) == GroupEnd(0, None, 55)


def test_red_in_its_own_stage_without_a_reason_is_unknown() -> None:
    assert group_end(1, RED, RUNNING, tables()) == UNKNOWN


def test_stage_on_demand_leaves_only_what_holds_either_way() -> None:
    chain = ((1, 20), (2, 30, True), (3, 25))
    assert group_end(1, GREEN, RUNNING, tables(chain=chain)) == exactly(-6)
    assert group_end(2, GREEN, RUNNING, tables(chain=chain)) == GroupEnd(-6, None, None)
    assert group_end(3, RED, RUNNING, tables(chain=chain)) == GroupEnd(0, None, None)


def test_stage_that_comes_twice_in_a_cycle_has_two_futures() -> None:
    chain = ((1, 20), (2, 30), (1, 20), (3, 25))
    assert group_end(3, RED, RUNNING, tables(chain=chain)) == GroupEnd(0, None, None)
    assert group_end(1, GREEN, RUNNING, tables(chain=chain)) == exactly(-6)


@pytest.mark.parametrize(
    ("group", "lamp", "running", "told"),
    [
        (1, GREEN, RUNNING, tables(chain=())),
        (1, GREEN, Running(9), tables()),
        (1, LampState.FLASHING_YELLOW, RUNNING, tables()),
        (1, LampState.UNKNOWN, RUNNING, tables()),
        (9, GREEN, RUNNING, tables()),
        (9, RED, RUNNING, tables()),
        (4, RED, RUNNING, tables(chain=((1, 20), (7, 30)))),
        (1, GREEN, RUNNING, tables(chain=((1, 20), (7, 30)))),
        (2, GREEN, RUNNING, tables(chain=((1, 20), (2, 30)), stages={2: stage(2)})),
    ],
    ids=[
        "no plan",
        "stage unknown",
        "lamp of no transition",
        "lamp unknown",
        "group of no phase",
        "red group of no phase",
        "next stage unknown to red",
        "next stage unknown to green",
        "always green",
    ],
)
def test_what_is_not_known_is_not_said(group: int, lamp: LampState, running: Running, told: Tables) -> None:
    assert group_end(group, lamp, running, told) == UNKNOWN


def test_transition_that_is_not_at_the_end_of_its_stage_makes_all_unknown() -> None:
    beginning = Running(1, transition=True, elapsed_s=1, remaining_s=19)
    assert group_end(1, GREEN, beginning, tables()) == UNKNOWN
    assert group_end(3, RED, beginning, tables()) == UNKNOWN


def test_intergreens_in_seconds_and_in_tenths_are_told_apart() -> None:
    assert intergreens_s((0, 5, 3)) == {2: 5.0, 3: 3.0}
    assert intergreens_s((0, 50, 30)) == {2: 5.0, 3: 3.0}
    assert intergreens_s(()) == {}
