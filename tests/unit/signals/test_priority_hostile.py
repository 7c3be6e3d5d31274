"""What someone might try, and what may go wrong: no hold renews itself, no clock keeps a command, none is too long."""

from __future__ import annotations

import pytest

from edge.core.priority import PhaseCommand, RequesterRole, RequestState, Standing
from edge.core.signals import IntersectionStatus, MovementState
from edge.core.stamp import NS_PER_S
from tests.unit.signals.priority_street import GREEN, RULES, TIMES, Street

HOLD, CALL = PhaseCommand.HOLD, PhaseCommand.VEHICLE_CALL
FIRE = RequesterRole.FIRE


def held_s(street: Street, *, seconds: int, doubt_every: int, request_every: int = 50) -> float:
    """How long a green is held for fire engines without end; signals are in doubt at times."""
    total_s = 0.0
    for tenth in range(seconds * 10):
        street.ask("fire", in_s=1.0, role=FIRE, request=tenth // request_every % 256)
        street.reasons = ("controller is silent",) if tenth % doubt_every == doubt_every - 1 else ()
        street.pass_s(0.1)
        total_s += 0.1 * (HOLD in street.told)
    return total_s


@pytest.mark.parametrize("doubt_every", [10_000, 70, 40], ids=["never", "7 s", "4 s"])
def test_signals_in_doubt_for_a_moment_do_not_renew_a_hold(doubt_every: int) -> None:
    assert held_s(Street(lamps={4: GREEN}), seconds=60, doubt_every=doubt_every) <= TIMES.most_hold_s + 0.2


@pytest.mark.parametrize("request_every", [1, 2, 7])
def test_who_makes_a_new_request_with_each_message_holds_no_longer(request_every: int) -> None:
    street = Street(lamps={4: GREEN})
    total_s = held_s(street, seconds=60, doubt_every=10_000, request_every=request_every)
    whole_s = 3.0  # each is held for only where all that it needs is left
    assert TIMES.most_hold_s - whole_s <= total_s <= TIMES.most_hold_s + 0.2


def test_the_next_green_is_held_anew() -> None:
    street = Street(lamps={4: GREEN})
    held_s(street, seconds=30, doubt_every=10_000)
    street.lamps = {}
    street.pass_s(0.1)
    street.lamps = {4: GREEN}
    assert held_s(street, seconds=30, doubt_every=10_000) > TIMES.most_hold_s - 1.0


def test_a_group_that_is_not_seen_for_a_moment_does_not_renew_a_hold() -> None:
    street = Street(lamps={4: GREEN})
    held_s(street, seconds=20, doubt_every=10_000)
    street.lamps = {4: MovementState.UNAVAILABLE}
    street.pass_s(0.1)
    street.lamps = {4: GREEN}
    assert held_s(street, seconds=20, doubt_every=10_000) <= 0.2


def test_who_needs_longer_than_anybody_is_held_is_held_from_its_arrival() -> None:
    street, total_s = Street(lamps={4: GREEN}), 0.0
    street.ask("tram", in_s=5.0, duration_ms=40_000)
    assert (street.answer("tram").state, street.told) == (RequestState.REQUESTED, {})
    street.pass_s(4.9, asking=("tram",))
    assert street.told == {}
    street.pass_s(0.2, asking=("tram",))
    assert street.told == {HOLD: frozenset({4})}
    for _ in range(300):
        street.pass_s(0.1, asking=("tram",))
        total_s += 0.1 * (HOLD in street.told)
    assert TIMES.most_hold_s - 0.5 < total_s <= TIMES.most_hold_s + 0.2
    assert street.answer("tram").state is RequestState.MAX_PRESENCE


def test_a_green_that_nobody_holds_yet_is_not_granted() -> None:
    street = Street(lamps={2: GREEN, 6: GREEN})
    street.ask("bus", in_s=14.9, duration_ms=8000)
    assert street.answer().state is RequestState.GRANTED
    street.lamps = {4: GREEN}
    assert (street.answer().state, street.told) == (RequestState.PROCESSING, {})
    street.pass_s(8.0, asking=("bus",))
    assert (street.answer().state, street.told) == (RequestState.GRANTED, {HOLD: frozenset({4})})


@pytest.mark.parametrize("step_s", [3600.0, -3600.0, 10.0, -10.0])
@pytest.mark.parametrize("lamps", [{4: GREEN}, {2: GREEN, 6: GREEN}], ids=["held", "called"])
def test_a_clock_that_is_set_keeps_no_command(step_s: float, lamps: dict[int, MovementState]) -> None:
    street = Street(lamps=lamps)
    street.ask("fire", role=FIRE)
    street.step()
    assert street.told
    street.now_ns += round(step_s * NS_PER_S)
    street.step()
    assert (street.told, street.arbiter.idle) == ({}, True)


@pytest.mark.parametrize("back_s", [0.5, 2.5])
def test_a_clock_that_is_set_back_a_little_lets_nothing_stand_for_ever(back_s: float) -> None:
    street = Street(lamps={4: GREEN})
    street.ask("fire", in_s=8.0, role=FIRE)
    street.step()
    street.now_ns -= round(back_s * NS_PER_S)
    street.pass_s(TIMES.lease_s + back_s + 0.2)
    assert (street.told, street.arbiter.idle) == ({}, True)


def test_two_that_change_places_never_have_conflicting_commands() -> None:
    street = Street(lamps={4: GREEN})
    for turn in range(60):
        one, other = (4, 2) if turn % 2 else (2, 4)
        street.ask("one", one, role=FIRE, in_s=3.0)
        street.ask("other", other, role=FIRE, in_s=3.0)
        street.pass_s(0.1)
        ours = street.told.get(HOLD, frozenset()) | street.told.get(CALL, frozenset())
        assert len(ours) <= 1
        assert not ours & street.told.get(PhaseCommand.FORCE_OFF, frozenset())


def test_a_fire_engine_that_stands_in_its_lane_for_ever_lets_the_next_one_go() -> None:
    street = Street(lamps={2: GREEN, 6: GREEN})
    street.ask("parked", 4, role=FIRE, in_s=1.0)
    street.step()
    for _ in range(round(TIMES.most_presence_s * 10) + 5):
        street.ask("parked", 4, role=FIRE, in_s=1.0)
        street.ask("next", 2, role=FIRE, in_s=1.0)
        street.pass_s(0.1)
    answers = street.step().answers
    assert answers["parked"].state is RequestState.MAX_PRESENCE
    assert answers["next"].state is RequestState.GRANTED


def test_a_green_that_begins_to_flash_is_neither_held_nor_forced() -> None:
    street = Street(lamps={4: MovementState.FLASHING_GREEN, 2: MovementState.FLASHING_GREEN})
    street.ask("fire", role=FIRE)
    street.pass_s(1.0)
    assert street.told == {CALL: frozenset({4})}
    street.status = IntersectionStatus.FAILURE_FLASH
    street.step()
    assert street.told == {}


@pytest.mark.parametrize(
    ("names", "standing"),
    [
        ([], Standing.STRANGER),
        (["car-5"], Standing.STRANGER),
        (["bus-17"], Standing.KNOWN),
        (["car-5", "truck-9"], Standing.KNOWN),
        (["bus-17", "ambulance-3"], Standing.URGENT),
    ],
)
def test_what_one_may_ask_for_is_the_most_that_its_names_may(names: list[str], standing: Standing) -> None:
    assert RULES.standing(names) is standing
