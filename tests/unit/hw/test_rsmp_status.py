"""What the statuses of a site mean together: times of green and red, plan, modes."""

from __future__ import annotations

import dataclasses

import pytest

from edge.core.signals import ControllerGroup, GroupKind, IntersectionStatus, LampState
from edge.core.stamp import NS_PER_MS, NS_PER_S
from hw.signal import rsmp
from hw.signal.rsmp_session import RsmpSettings
from tests.unit.hw.rsmp_script import GROUP_1, INTERSECTION, MAIN, Script

Status = IntersectionStatus
GREEN_S, RED_S = 25, 12


def told(
    letters: str,
    *,
    kind: GroupKind = GroupKind.GROUP,
    yellow_ns: int | None = 3 * NS_PER_S,
    red_yellow_ns: int | None = NS_PER_S,
) -> tuple[ControllerGroup, int]:
    """Group 1 when the next green is in 25 s and the next red in 12 s, 2 s either way; and the time."""
    groups = tuple(dataclasses.replace(group, kind=kind) for group in INTERSECTION.groups)
    lights = dataclasses.replace(
        INTERSECTION, groups=groups, yellow_ns=yellow_ns, red_yellow_ns=red_yellow_ns
    )
    script = Script(RsmpSettings(lights, component=MAIN))
    script.establish()
    script.lamps(letters)
    values: dict[tuple[str, str], object] = {}
    for colour, in_s in (("G", GREEN_S), ("R", RED_S)):
        for word, more_s in (("min", -2), ("likely", 0), ("max", 2)):
            end = script.now_ns + (in_s + more_s) * NS_PER_S
            values["S0025", f"{word}To{colour}Estimate"] = rsmp.timestamp(end)
        values["S0025", f"To{colour}Confidence"] = "80"
    script.tell(values, component=GROUP_1)
    return script.snapshots[-1].groups[0], script.now_ns


def ends(group: ControllerGroup, now_ns: int) -> tuple[float | None, ...]:
    return tuple(
        None if end is None else (end - now_ns) / NS_PER_S
        for end in (group.min_end_ns, group.likely_end_ns, group.max_end_ns)
    )


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("FB", (22.0, 24.0, 26.0)),  # red ends when red and yellow begins, a second before green
        ("0B", (23.0, 25.0, 27.0)),
        ("3B", (7.0, 9.0, 11.0)),  # green ends when yellow begins, three seconds before red
        ("9B", (7.0, None, 14.0)),  # whether yellow follows depends on who the group is for
        ("NB", (10.0, 12.0, 14.0)),
        ("cB", (None, None, None)),
        ("aB", (None, None, None)),
    ],
)
def test_ends_are_those_of_what_is_lit(letters: str, expected: tuple[float | None, ...]) -> None:
    group, now_ns = told(letters)
    assert ends(group, now_ns) == expected
    assert group.confidence == (None if expected[1] is None else 0.8)


@pytest.mark.parametrize(
    ("kind", "letters", "expected"),
    [
        (GroupKind.VEHICLE, "9B", (7.0, 9.0, 11.0)),
        (GroupKind.PEDESTRIAN, "9B", (10.0, 12.0, 14.0)),
        (GroupKind.PEDESTRIAN, "3B", (None, None, 14.0)),  # how long the green will flash is not told
        (GroupKind.PEDESTRIAN, "FB", (23.0, 25.0, 27.0)),
    ],
)
def test_people_have_no_yellow(kind: GroupKind, letters: str, expected: tuple[float | None, ...]) -> None:
    group, now_ns = told(letters, kind=kind)
    assert ends(group, now_ns) == expected


def test_green_that_has_flashed_before_will_flash_again() -> None:
    script = Script()
    script.establish()
    for letters in ("9B", "NB", "BB"):
        script.lamps(letters)
    values = {
        ("S0025", f"{word}ToREstimate"): rsmp.timestamp(script.now_ns + 9 * NS_PER_S)
        for word in ("min", "max")
    }
    script.tell(values, component=GROUP_1)
    green = script.lamps("3B").groups[0]
    assert green.min_end_ns is None
    assert green.max_end_ns is not None


@pytest.mark.parametrize("letters", ["FB", "3B"])
def test_without_the_lengths_between_only_the_latest_end_is_promised(letters: str) -> None:
    group, now_ns = told(letters, yellow_ns=None, red_yellow_ns=None)
    latest = GREEN_S + 2 if letters == "FB" else RED_S + 2
    assert ends(group, now_ns) == (None, None, latest)
    assert group.confidence is None


def test_time_of_red_can_be_the_end_of_green() -> None:
    group, now_ns = told("3B", yellow_ns=0)
    assert ends(group, now_ns) == (10.0, 12.0, 14.0)
    yellow, _ = told("NB", yellow_ns=0)
    assert yellow.max_end_ns is None


def test_a_time_before_the_lamps_changed_belongs_to_an_earlier_phase() -> None:
    script = Script()
    script.establish()
    soon = rsmp.timestamp(script.now_ns + 5 * NS_PER_MS)
    script.tell({("S0025", "maxToREstimate"): soon}, component=GROUP_1)
    assert script.lamps("3B").groups[0].max_end_ns is None


def test_times_that_the_site_does_not_have_are_no_times() -> None:
    script = Script()
    script.establish()
    script.lamps("3B")
    script.tell({("S0025", "maxToREstimate"): None}, component=GROUP_1, quality="unknown")
    script.tell({("S0025", "maxToREstimate"): "soon"}, component=GROUP_1)
    assert script.snapshots[-1].groups[0].max_end_ns is None
    assert script.counters["bad_content"] == 1


def test_components_that_the_site_file_does_not_name_are_counted() -> None:
    script = Script()
    script.establish()
    script.tell({("S0025", "maxToREstimate"): "x"}, component="KK+AG1=001SG077")
    assert script.counters["unknown_components"] == 1


def test_plan_cycle_and_calls() -> None:
    script = Script()
    script.establish()
    script.tell({("S0001", "cyclecounter"): "37", ("S0014", "status"): "5"})
    snapshot = script.lamps("FB-3")
    assert (snapshot.plan, snapshot.cycle_position_s) == (5, 37.0)
    assert [(group.number, group.call) for group in snapshot.groups] == [(1, True), (2, False), (4, True)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({("S0020", "controlmode"): "control"}, Status.NONE),
        ({("S0007", "status"): "False"}, Status.OFF),
        ({("S0008", "status"): "True"}, Status.MANUAL_CONTROL),
        ({("S0009", "status"): "True"}, Status.FIXED_TIME),
        ({("S0011", "status"): "True"}, Status.PROGRAMMED_FLASH),
        (
            {("S0011", "status"): "True", ("S0020", "controlmode"): "failure"},
            Status.FAILURE_MODE | Status.FAILURE_FLASH,
        ),
        ({("S0013", "status"): "1"}, Status.OFF | Status.MANUAL_CONTROL),
        ({("S0013", "status"): "2"}, Status.PROGRAMMED_FLASH | Status.MANUAL_CONTROL),
        ({("S0020", "controlmode"): "startup"}, Status.STANDBY),
        ({("S0020", "controlmode"): "test"}, Status.MANUAL_CONTROL),
        ({("S0035", "emergencyroutes"): [{"id": "1"}]}, Status.PREEMPT),
        ({("S0035", "emergencyroutes"): []}, Status.NONE),
    ],
)
def test_modes_are_neutral_flags(values: dict[tuple[str, str], object], expected: IntersectionStatus) -> None:
    script = Script()
    script.establish()
    script.tell(values)
    assert script.lamps("3B").status == expected


def test_only_the_own_intersection_of_a_list_counts() -> None:
    lights = dataclasses.replace(INTERSECTION, intersection=2)
    for listed, flag in (("False,True", Status.PROGRAMMED_FLASH), ("True,False", Status.NONE)):
        script = Script(RsmpSettings(lights, component=MAIN))
        script.establish()
        script.tell({("S0011", "intersection"): "1,2", ("S0011", "status"): listed})
        assert script.lamps("3B").status == flag


def test_first_step_of_start_up_is_what_the_flash_says() -> None:
    script = Script()
    script.establish()
    assert script.lamps("ee").groups[0].lamp is LampState.UNKNOWN
    script.tell({("S0011", "status"): "True"})
    assert script.lamps("ee").groups[0].lamp is LampState.FLASHING_YELLOW
