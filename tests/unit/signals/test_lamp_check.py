"""When lamps and controller disagree: late, flashing, dark and unreadable heads are no disagreement."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edge.core.lamps import LampReading, LampReadings
from edge.core.signals import LampState, MovementState
from edge.core.stamp import NS_PER_MS, NS_PER_S, Stamp, TimeSource
from edge.signals.lamp_check import LampCheck

RED, GREEN = MovementState.STOP_AND_REMAIN, MovementState.PROTECTED_MOVEMENT_ALLOWED
CLEARING, NONE = MovementState.PROTECTED_CLEARANCE, MovementState.UNAVAILABLE
START_NS = 1_700_000_000 * NS_PER_S
STEP_NS = 100 * NS_PER_MS


class Junction:
    """A controller and a camera that both speak ten times a second."""

    def __init__(self, *, walkers: bool = False) -> None:
        self.check = LampCheck([4], walkers=[4] if walkers else [])
        self.now_ns = START_NS

    def run(
        self,
        seconds: float,
        told: MovementState,
        seen: LampState | Callable[[int], LampState],
        *,
        late_ms: int = 0,
    ) -> None:
        """Both say so for a while; the controller's word may come late, with its right stamp or not at all."""
        for step in range(round(seconds * 10)):
            self.now_ns += STEP_NS
            lamp = seen if isinstance(seen, LampState) else seen(step)
            self.check.told([(4, told), (9, RED)], at_ns=self.now_ns - late_ms * NS_PER_MS)
            self.see(lamp)

    def see(self, lamp: LampState, group: int = 4) -> None:
        stamp = Stamp(self.now_ns, TimeSource.RTCP)
        self.check.seen(LampReadings("north", stamp, (LampReading(group, lamp),)))

    @property
    def found(self) -> list[int]:
        return sorted(self.check.disagreements)


@pytest.mark.parametrize(
    ("told", "seen"),
    [
        (RED, LampState.RED),
        (GREEN, LampState.GREEN),
        (GREEN, LampState.FLASHING_GREEN),
        (MovementState.PERMISSIVE_MOVEMENT_ALLOWED, LampState.GREEN),
        (CLEARING, LampState.YELLOW),
        (MovementState.PRE_MOVEMENT, LampState.RED_YELLOW),
        (MovementState.CAUTION_CONFLICTING_TRAFFIC, LampState.FLASHING_YELLOW),
        (MovementState.STOP_THEN_PROCEED, LampState.FLASHING_RED),
        (MovementState.DARK, LampState.DARK),
    ],
    ids=lambda value: value.name.lower(),
)
def test_the_usual_pairs_agree(told: MovementState, seen: LampState) -> None:
    junction = Junction()
    junction.run(5.0, told, seen)
    assert junction.found == []
    assert junction.check.counters["differed"] == 0


@pytest.mark.parametrize(
    ("told", "seen"),
    [
        (RED, LampState.GREEN),
        (GREEN, LampState.RED),
        (GREEN, LampState.YELLOW),
        (CLEARING, LampState.RED),
        (CLEARING, LampState.GREEN),
        (RED, LampState.RED_YELLOW),
        (MovementState.DARK, LampState.GREEN),
    ],
    ids=lambda value: value.name.lower(),
)
def test_another_colour_for_more_than_a_second_is_a_disagreement(
    told: MovementState, seen: LampState
) -> None:
    junction = Junction()
    junction.run(1.0, told, seen)
    assert junction.found == []
    junction.run(0.3, told, seen)
    assert junction.found == [4]
    found = junction.check.disagreements[4]
    assert (found.told, found.seen, found.since_ns) == (told, seen, START_NS + STEP_NS)
    assert junction.check.counters["disagreements"] == 1


@pytest.mark.parametrize("lag_ms", [0, 300, 900])
def test_a_change_that_one_of_them_sees_late_is_none(lag_ms: int) -> None:
    junction = Junction()
    for told, seen in ((RED, LampState.RED), (GREEN, LampState.GREEN), (CLEARING, LampState.YELLOW)):
        before = {RED: LampState.YELLOW, GREEN: LampState.RED, CLEARING: LampState.GREEN}[told]
        junction.run(lag_ms / 1000, told, before)
        junction.run(4.0, told, seen)
    assert junction.found == []


def test_a_late_word_of_the_controller_is_judged_by_its_stamp() -> None:
    junction = Junction()
    for told, seen in ((RED, LampState.RED), (GREEN, LampState.GREEN)) * 3:
        junction.run(3.0, told, seen, late_ms=300)
    assert junction.found == []


def test_a_stamp_that_goes_back_takes_nothing_from_the_tolerance() -> None:
    """Under load some words are stamped at arrival, and the next ones by the controller's clock."""
    junction = Junction()
    shown = LampState.RED
    for told, seen in ((RED, LampState.RED), (GREEN, LampState.GREEN)) * 3:
        for step in range(30):
            shown = seen if step >= 3 else shown
            junction.run(0.1, told, shown, late_ms=(0, 200)[step % 2])
    assert junction.check.counters["differed"] == 0
    assert junction.check.counters["agreed"] == 6 * 30


def test_flashing_green_figure_fits_a_clearance_for_walkers_only() -> None:
    walkers, drivers = Junction(walkers=True), Junction()
    walkers.run(4.0, CLEARING, LampState.GREEN)
    drivers.run(4.0, CLEARING, LampState.GREEN)
    assert (walkers.found, drivers.found) == ([], [4])


def test_dark_and_unreadable_heads_are_named_as_such() -> None:
    for lamp in (LampState.DARK, LampState.UNKNOWN):
        junction = Junction()
        junction.run(29.0, GREEN, lamp)
        assert junction.check.unread(junction.now_ns) == {}
        junction.run(3.0, GREEN, lamp)
        assert (junction.found, junction.check.unread(junction.now_ns)) == ([], {4: lamp})
        junction.run(0.1, GREEN, LampState.GREEN)
        assert junction.check.unread(junction.now_ns) == {}


def test_single_wrong_readings_do_not_add_up() -> None:
    junction = Junction()
    junction.run(20.0, RED, lambda step: LampState.GREEN if step % 20 == 0 else LampState.UNKNOWN)
    assert junction.found == []
    junction.run(20.0, RED, lambda step: LampState.GREEN if step % 5 else LampState.RED)
    assert junction.found == []


def test_a_disagreement_lasts_until_both_have_agreed_for_a_while() -> None:
    junction = Junction()
    junction.run(2.0, GREEN, LampState.RED)
    junction.run(2.0, RED, LampState.RED)
    assert junction.found == [4]
    junction.run(1.0, GREEN, LampState.RED)
    junction.run(2.9, RED, LampState.RED)
    assert junction.found == [4]
    junction.run(0.5, RED, LampState.RED)
    assert junction.found == []


def test_a_second_camera_that_agrees_speaks_for_the_controller() -> None:
    junction = Junction()
    for _ in range(30):
        junction.run(0.1, GREEN, LampState.RED)
        junction.see(LampState.GREEN)
    assert junction.found == []


def test_nothing_is_compared_with_what_the_controller_did_not_say() -> None:
    silent, unavailable = Junction(), Junction()
    silent.run(1.0, RED, LampState.RED)
    for _ in range(50):
        silent.now_ns += STEP_NS
        silent.see(LampState.GREEN)
    unavailable.run(5.0, NONE, LampState.GREEN)
    for junction in (silent, unavailable):
        assert junction.found == []
        assert junction.check.counters["unmatched"] >= 46


def test_a_disagreement_that_nobody_sees_any_more_is_forgotten() -> None:
    junction = Junction()
    junction.run(2.0, GREEN, LampState.RED)
    junction.check.expire(junction.now_ns + 29 * NS_PER_S)
    assert junction.found == [4]
    junction.check.expire(junction.now_ns + 31 * NS_PER_S)
    assert junction.found == []


def test_a_clock_that_is_set_back_starts_anew() -> None:
    junction = Junction()
    junction.run(5.0, RED, LampState.RED)
    junction.now_ns -= 3600 * NS_PER_S
    junction.run(0.8, GREEN, LampState.GREEN)
    junction.run(5.0, RED, LampState.RED)
    assert junction.found == []


def test_unknown_groups_are_left_alone() -> None:
    junction = Junction()
    junction.run(0.5, RED, LampState.RED)
    junction.see(LampState.GREEN, group=77)
    assert junction.check.counters["differed"] == 0
