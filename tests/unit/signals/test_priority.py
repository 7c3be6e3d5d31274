"""Arbitration: who is served, with what, for how long, and when everything is taken back."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from edge.core.priority import Access, PhaseCommand, RequesterRole, RequestKind, RequestState
from edge.core.signals import MovementState
from edge.core.stamp import NS_PER_S
from edge.signals.priority_rules import PriorityRules, Reach
from tests.unit.signals.priority_street import (
    ALLOWED,
    BUS,
    CONFLICTS,
    GREEN,
    LANES,
    REACH,
    RULES,
    TIMES,
    YELLOW,
    Street,
)

HOLD, FORCE_OFF, CALL = PhaseCommand.HOLD, PhaseCommand.FORCE_OFF, PhaseCommand.VEHICLE_CALL
FIRE, FREIGHT = RequesterRole.FIRE, RequesterRole.FREIGHT
CROSS = {2: GREEN, 6: GREEN}
"""Greens in the way of groups 4 and 8."""


def test_a_green_is_held_until_the_bus_has_passed_and_no_longer() -> None:
    street = Street(lamps={4: GREEN})
    street.ask("bus", in_s=5.0)
    assert street.answer().state is RequestState.GRANTED
    assert street.told == {HOLD: frozenset({4})}
    street.pass_s(9.5, asking=("bus",))
    assert street.told == {HOLD: frozenset({4})}, "it may be late"
    street.pass_s(1.0, asking=("bus",))
    assert (street.told, street.answer().state) == ({}, RequestState.REJECTED)


def test_a_red_is_called_and_greens_in_its_way_end_after_their_minimum() -> None:
    street = Street(lamps=dict(CROSS), least_s={2: 0.5, 6: 0.5})
    street.ask("bus")
    street.step()
    street.least_s = {}
    assert street.answer().state is RequestState.GRANTED
    assert street.told == {CALL: frozenset({4})}
    street.pass_s(0.6)
    assert street.told == {CALL: frozenset({4}), FORCE_OFF: frozenset({2, 6})}
    street.lamps = {2: YELLOW, 6: YELLOW}
    street.step()
    assert street.told == {CALL: frozenset({4})}
    street.lamps = {4: GREEN}
    street.step()
    assert street.told == {HOLD: frozenset({4})}


def test_a_green_whose_minimum_was_never_told_is_left_to_the_controller() -> None:
    street = Street(lamps=dict(CROSS))
    street.ask("bus")
    street.pass_s(2.0)
    assert street.told == {CALL: frozenset({4})}


@pytest.mark.parametrize(
    "walker",
    [MovementState.PROTECTED_MOVEMENT_ALLOWED, MovementState.PROTECTED_CLEARANCE, MovementState.DARK],
)
def test_no_green_is_ended_while_people_walk_beside_it(walker: MovementState) -> None:
    street = Street(lamps=CROSS | {24: walker}, least_s={2: 0.1, 6: 0.1})
    street.step()
    street.least_s = {}
    street.ask("bus")
    street.pass_s(0.5)
    assert street.told[FORCE_OFF] == {6}, "people walk beside phase 2"
    street.lamps = dict(CROSS)
    street.step()
    assert street.told[FORCE_OFF] == {2, 6}


def test_a_site_may_grant_holds_and_calls_without_force_offs() -> None:
    reach = dataclasses.replace(REACH, commands=frozenset({HOLD, CALL}))
    street = Street(dataclasses.replace(RULES, reach=reach), lamps=dict(CROSS), least_s={2: 0.1, 6: 0.1})
    street.step()
    street.least_s = {}
    street.ask("bus")
    street.pass_s(0.5)
    assert street.told == {CALL: frozenset({4})}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"role": RequesterRole.OTHER}, "role other is given no priority"),
        ({"role": RequesterRole.CYCLIST}, "role cyclist is given no priority"),
        ({"role": RequesterRole.POLICE}, "not allowed to ask as police"),
        ({"verified": None}, "nobody has verified who asks"),
        ({"intersection": 9}, "this is intersection 1201, not 9"),
        ({"entry": Access(lane=99)}, "no lane of the MAP"),
        ({"entry": Access(lane=13)}, "no lane of the MAP"),
        ({"entry": Access(lane=50)}, "no lane of the MAP"),
        ({"entry": Access(approach=1)}, "no lane of the MAP"),
        ({"leave": Access(lane=33)}, "has no way from lane 32"),
    ],
    ids=[
        "plain",
        "cyclist",
        "not police",
        "unverified",
        "elsewhere",
        "no lane",
        "outbound",
        "crosswalk",
        "approach",
        "no way",
    ],
)
def test_what_may_not_be_granted_is_rejected_with_its_reason(change: dict[str, Any], words: str) -> None:
    street = Street(lamps={4: GREEN})
    street.ask("bus", **change)
    answer = street.answer()
    assert answer.state is RequestState.REJECTED
    assert words in answer.reason
    assert street.told == {}


@pytest.mark.parametrize(
    ("name", "role", "granted"),
    [
        ("bus-17", BUS, True),
        ("bus-17", RequesterRole.EMERGENCY, False),
        ("bus", BUS, False),
        ("my-bus-17", BUS, False),
        ("truck-9", FREIGHT, True),
        ("truck-90", FREIGHT, False),
        ("ambulance-3", RequesterRole.AMBULANCE, True),
        ("ambulance-3", BUS, False),
        ("fire-1", RequesterRole.EMERGENCY, True),
    ],
)
def test_a_certificate_may_ask_at_its_own_level_only(name: str, role: RequesterRole, granted: bool) -> None:
    street = Street(lamps={4: GREEN})
    street.arbiter.take("v", street.request(4, role=role), names=[name], now_ns=street.now_ns)
    assert (street.answer("v").state is RequestState.GRANTED) is granted


def test_a_signal_group_without_a_phase_that_may_be_commanded_is_rejected() -> None:
    for reach, words in (
        (Reach({2: 2}, {}, REACH.commands, REACH.commandable), "driven by no vehicle phase"),
        (
            dataclasses.replace(REACH, commandable=frozenset({2})),
            "phase 4 is not among controller.control.phases",
        ),
        (dataclasses.replace(REACH, commands=frozenset({FORCE_OFF})), "hold, vehicle_call is not among"),
    ):
        street = Street(dataclasses.replace(RULES, reach=reach), lamps={4: GREEN})
        street.ask("bus")
        assert words in street.answer().reason


def test_a_site_without_priority_answers_why() -> None:
    street = Street(PriorityRules("this site gives no priority"), lamps={4: GREEN})
    street.ask("bus")
    assert (street.answer().state, street.told) == (RequestState.REJECTED, {})


def test_who_is_early_is_heard_and_served_when_it_is_near() -> None:
    street = Street(lamps=dict(CROSS))
    street.ask("bus", in_s=20.0)
    assert (street.answer().state, street.told) == (RequestState.REQUESTED, {})
    street.pass_s(5.1, asking=("bus",))
    assert street.told == {CALL: frozenset({4})}


def test_a_green_is_not_held_for_who_comes_after_its_longest_hold() -> None:
    street = Street(lamps={4: GREEN})
    street.ask("bus", in_s=14.0)
    assert (street.answer().state, street.told) == (RequestState.REQUESTED, {}), "it needs 16 s, 15 are held"
    street.pass_s(1.1, asking=("bus",))
    assert street.told == {HOLD: frozenset({4})}


def test_without_a_time_of_arrival_nobody_is_served() -> None:
    street = Street(lamps={4: GREEN})
    street.ask("bus", in_s=None)
    assert (street.answer().state, street.told) == (RequestState.REQUESTED, {})


def test_emergency_takes_over_from_a_bus_and_the_bus_watches() -> None:
    street = Street(lamps=dict(CROSS))
    street.ask("bus", 2)
    assert street.answer().state is RequestState.GRANTED
    street.ask("fire", 4, role=FIRE)
    plan = street.step()
    assert plan.answers["bus"].state is RequestState.WATCH_OTHER_TRAFFIC
    assert plan.answers["fire"].state is RequestState.GRANTED
    assert street.told == {CALL: frozenset({4})}
    assert street.arbiter.counters["preempted"] == 1


def test_among_equals_who_is_served_stays_and_the_others_queue() -> None:
    street = Street(lamps={4: GREEN})
    street.ask("bus", 4, in_s=8.0)
    street.step()
    street.ask("sooner", 2, in_s=1.0)
    plan = street.step()
    assert plan.answers["bus"].state is RequestState.GRANTED
    assert plan.answers["sooner"].state is RequestState.PROCESSING


def test_public_transport_goes_before_freight() -> None:
    street = Street(lamps={4: GREEN})
    street.ask("truck", 4, role=FREIGHT, in_s=3.0)
    street.ask("bus", 2, in_s=5.0)
    plan = street.step()
    assert plan.answers["truck"].state is RequestState.WATCH_OTHER_TRAFFIC
    assert plan.answers["bus"].state is RequestState.GRANTED


def test_ways_that_do_not_conflict_are_served_together() -> None:
    street = Street(lamps={4: GREEN, 8: GREEN})
    street.ask("bus", 4)
    street.ask("other", 8)
    states = {key: answer.state for key, answer in street.step().answers.items()}
    assert states == {"bus": RequestState.GRANTED, "other": RequestState.GRANTED}
    assert street.told == {HOLD: frozenset({4, 8})}


def test_after_a_service_nobody_below_emergency_is_served_for_a_while() -> None:
    street = Street(lamps={4: GREEN})
    street.ask("bus")
    street.step()
    street.arbiter.drop("bus", now_ns=street.now_ns)
    street.ask("next")
    assert (street.answer("next").state, street.told) == (RequestState.RESERVICE_LOCKED, {})
    street.ask("fire", role=FIRE)
    assert street.answer("fire").state is RequestState.GRANTED
    street.arbiter.drop("fire", now_ns=street.now_ns)
    street.pass_s(TIMES.lockout_s + 0.1)
    street.ask("next")
    assert street.answer("next").state is RequestState.GRANTED


def test_a_bus_that_never_comes_loses_its_green_and_is_told_so() -> None:
    street = Street(lamps={4: GREEN})
    for _ in range(200):
        street.ask("bus", in_s=1.0)
        street.pass_s(0.1)
    assert street.answer().state is RequestState.MAX_PRESENCE
    assert street.told == {}
    assert street.arbiter.counters["max_presence"] == 1


def test_a_red_is_not_worked_on_for_ever() -> None:
    street = Street(lamps=dict(CROSS))
    for _ in range(round(TIMES.most_presence_s * 10) + 5):
        street.ask("bus", in_s=1.0)
        street.pass_s(0.1)
    assert (street.answer().state, street.told) == (RequestState.MAX_PRESENCE, {})


def test_a_chain_of_buses_does_not_hold_one_green_longer_than_one_may() -> None:
    street, held_s = Street(lamps={4: GREEN}), 0.0
    for tenth in range(600):
        for number in range(tenth // 30 + 1):
            street.ask(f"bus{number}", in_s=1.0)
        street.pass_s(0.1)
        held_s += 0.1 * (HOLD in street.told)
    assert TIMES.most_hold_s - 1.0 < held_s <= TIMES.most_hold_s + 0.2


def test_a_chain_of_buses_does_not_keep_the_others_red_for_ever() -> None:
    street, told_s = Street(lamps=dict(CROSS)), 0.0
    for tenth in range(1200):
        for number in range(tenth // 30 + 1):
            street.ask(f"bus{number}", in_s=1.0)
        street.pass_s(0.1)
        told_s += 0.1 * bool(street.told)
    assert told_s <= TIMES.ahead_s + TIMES.most_presence_s + 1.0


def test_silence_and_cancellation_end_a_service() -> None:
    street = Street(lamps={4: GREEN})
    street.ask("bus", in_s=10.0)
    street.pass_s(TIMES.lease_s - 0.1)
    assert street.told == {HOLD: frozenset({4})}
    street.pass_s(0.3)
    assert (street.told, street.arbiter.idle) == ({}, True)
    street.ask("fire", role=FIRE)
    street.step()
    street.ask("fire", role=FIRE, kind=RequestKind.CANCEL)
    street.step()
    assert (street.told, street.arbiter.idle) == ({}, True)


def test_an_update_moves_the_arrival_and_another_number_is_another_request() -> None:
    street = Street(lamps={4: GREEN})
    street.ask("bus", in_s=4.0)
    street.step()
    street.pass_s(2.0)
    street.ask("bus", in_s=9.0, kind=RequestKind.UPDATE)
    street.pass_s(2.0, asking=("bus",))
    assert street.answer().state is RequestState.GRANTED
    street.ask("bus", in_s=4.0, request=2)
    assert street.answer().state is RequestState.RESERVICE_LOCKED


def test_a_request_for_another_way_begins_anew() -> None:
    street = Street(lamps={4: GREEN})
    street.ask("fire", 4, role=FIRE)
    street.step()
    street.ask("fire", 2, role=FIRE)
    street.step()
    assert street.told == {CALL: frozenset({2})}


def test_a_bus_that_changes_its_way_is_not_served_twice() -> None:
    street = Street(lamps={4: GREEN})
    street.ask("bus", 4)
    street.step()
    street.ask("bus", 2)
    assert (street.answer().state, street.told) == (RequestState.RESERVICE_LOCKED, {})


def test_who_is_overtaken_locks_nobody_out() -> None:
    street = Street(lamps=dict(CROSS))
    street.ask("bus", 2)
    street.step()
    street.ask("fire", 4, role=FIRE)
    street.step()
    street.ask("other", 8)
    assert street.answer("other").state is RequestState.GRANTED


def test_a_clock_that_is_set_back_locks_nobody_out_for_longer() -> None:
    street = Street(lamps={4: GREEN})
    street.ask("bus")
    street.step()
    street.arbiter.drop("bus", now_ns=street.now_ns)
    street.step()
    street.now_ns -= 3600 * NS_PER_S
    street.ask("bus")
    assert street.answer().state is RequestState.GRANTED


def test_only_so_many_requests_are_kept() -> None:
    street = Street()
    for number in range(256):
        street.ask(str(number))
    assert not street.arbiter.take("more", street.request(), names=["bus-1"], now_ns=street.now_ns)


def test_the_lanes_of_this_file_are_those_of_the_corner() -> None:
    assert len(CONFLICTS) > 10
    assert all(pattern for patterns in ALLOWED.values() for pattern in patterns)
    assert set(LANES) == set(REACH.phases)
