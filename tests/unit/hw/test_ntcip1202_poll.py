"""Requests of a poll, and what their answers mean."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.signals import GroupKind, IntersectionStatus, LampState
from edge.core.stamp import NS_PER_S
from hw.signal.ntcip1202 import objects
from hw.signal.ntcip1202.objects import Command, cell, control_cell, scalar
from hw.signal.ntcip1202.poll import (
    FlashLamps,
    Layout,
    MaskReader,
    PollPlan,
    groups_of,
    layout_of,
    plan_poll,
    polled,
    smaller,
    values_of,
)
from hw.snmp import ber
from hw.snmp.client import Agent, Reply
from hw.snmp.message import NO_SUCH_INSTANCE, VarBind

AGENT = Agent("", 0)


def pdus(plan: PollPlan) -> int:
    return len(plan.lamps) + 1


@pytest.mark.parametrize("layout", [Layout(8), Layout(16, 16), Layout(32, 32)])
def test_a_poll_takes_two_pdus(layout: Layout) -> None:
    plan = plan_poll(layout, AGENT)
    assert pdus(plan) == 2
    assert max(request.size for request in (*plan.lamps, plan.extras)) <= 1300


def test_absent_objects_are_not_asked_for() -> None:
    absent = frozenset({objects.SHORT_ALARM, cell(objects.OVERLAP_REDS, 1), cell(objects.PED_CALLS, 1)})
    plan = plan_poll(Layout(8, 8), AGENT, absent=absent)
    asked = {varbind.oid for request in (*plan.lamps, plan.extras) for varbind in request.varbinds}
    assert asked == set(polled(Layout(8, 8))) - absent


def test_shorter_requests_never_divide_eight_phases() -> None:
    plan = plan_poll(Layout(32, 32), AGENT)
    for _ in range(12):
        plan = smaller(plan, AGENT, absent=frozenset())
    columns = [[v.oid for v in request.varbinds] for request in plan.lamps]
    for number in range(1, 5):
        whole = {cell(f"1.4.1.{column}", number) for column in range(2, 8)}
        assert sum(whole <= set(names) for names in columns) == 1
    assert sorted(name for names in columns for name in names) == sorted(
        v.oid for v in plan_poll(Layout(32, 32), AGENT).lamps[0].varbinds
    )


@pytest.mark.parametrize(
    ("stated", "layout"),
    [
        ({objects.MAX_PHASES: 8, objects.MAX_PHASE_GROUPS: 1}, Layout(8, 0)),
        ({objects.MAX_PHASES: 16}, Layout(16, 0)),
        ({objects.MAX_PHASES: 40, objects.MAX_PHASE_GROUPS: 5, objects.MAX_OVERLAPS: 255}, Layout(32, 32)),
        ({objects.MAX_PHASES: 16, objects.MAX_PHASE_GROUPS: 1, objects.MAX_OVERLAPS: -3}, Layout(8, 0)),
        ({}, None),
        ({objects.MAX_PHASES: 0}, None),
    ],
)
def test_layout_follows_the_stated_counts_within_bounds(
    stated: dict[bytes, int], layout: Layout | None
) -> None:
    assert layout_of(stated) == layout


def read(values: dict[bytes, int]) -> dict[tuple[GroupKind, int], LampState]:
    layout = Layout(8, 8)
    reader = MaskReader(layout)
    groups = groups_of(layout, reader.phases(values), reader.overlaps(values), reader.calls(values))
    return {(group.kind, group.number): group.lamp for group in groups}


def octets(**named: int) -> dict[bytes, int]:
    """Every column of group 1 zero, but for those named."""
    columns = ("REDS", "YELLOWS", "GREENS", "DONT_WALKS", "PED_CLEARS", "WALKS", "VEH_CALLS", "PED_CALLS")
    names = (*columns, "OVERLAP_REDS", "OVERLAP_YELLOWS", "OVERLAP_GREENS")
    return {cell(getattr(objects, name), 1): named.get(name, 0) for name in names}


def test_lowest_bit_is_lowest_number() -> None:
    lamps = read(
        octets(REDS=0b11011100, YELLOWS=0b1, GREENS=0b100010, DONT_WALKS=0xFD, WALKS=2, OVERLAP_GREENS=4)
    )
    assert lamps[GroupKind.VEHICLE, 1] is LampState.YELLOW
    assert lamps[GroupKind.VEHICLE, 2] is lamps[GroupKind.VEHICLE, 6] is LampState.GREEN
    assert lamps[GroupKind.VEHICLE, 8] is LampState.RED
    assert lamps[GroupKind.PEDESTRIAN, 2] is LampState.GREEN
    assert lamps[GroupKind.OVERLAP, 3] is LampState.GREEN
    assert lamps[GroupKind.OVERLAP, 1] is LampState.DARK


@given(st.integers(0, 255))
def test_octets_with_a_sign_mean_the_same(octet: int) -> None:
    signed = octet - 256 if octet > 127 else octet
    assert read(octets(REDS=octet)) == read(octets(REDS=signed))


@pytest.mark.parametrize("odd", [256, -129, 2**31])
def test_what_is_no_octet_leaves_its_lamps_unknown(odd: int) -> None:
    lamps = read(octets(GREENS=odd))
    assert lamps[GroupKind.VEHICLE, 1] is LampState.UNKNOWN
    assert lamps[GroupKind.PEDESTRIAN, 1] is not LampState.UNKNOWN


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (objects.YELLOWS, GroupKind.VEHICLE),
        (objects.WALKS, GroupKind.PEDESTRIAN),
        (objects.OVERLAP_REDS, GroupKind.OVERLAP),
    ],
)
def test_a_missing_column_leaves_only_its_kind_unknown(column: str, kind: GroupKind) -> None:
    values = octets(REDS=0xFF, DONT_WALKS=0xFF, OVERLAP_GREENS=0xFF)
    del values[cell(column, 1)]
    unknown = {found for (found, _), lamp in read(values).items() if lamp is LampState.UNKNOWN}
    assert unknown == {kind}


def test_calls_stand_beside_their_lamps() -> None:
    values = octets(VEH_CALLS=0b100, PED_CALLS=0b1)
    reader, layout = MaskReader(Layout(8)), Layout(8)
    groups = groups_of(layout, reader.phases(values), reader.overlaps(values), reader.calls(values))
    called = {(group.kind, group.number) for group in groups if group.call}
    assert called == {(GroupKind.VEHICLE, 3), (GroupKind.PEDESTRIAN, 1)}


def test_wrong_types_are_counted_once_and_missing_objects_are_not() -> None:
    counters: Counter[str] = Counter()
    text = [VarBind(b"\x2b\x01", ber.OCTETS, b"7"), VarBind(b"\x2b\x02", ber.OCTETS, b"7")]
    sound = [VarBind(b"\x2b\x03", ber.INTEGER, 7), VarBind(b"\x2b\x04", NO_SUCH_INSTANCE)]
    assert values_of([Reply(0, 0, tuple(text + sound), 0, 0)], counters) == {b"\x2b\x03": 7}
    assert counters["bad_type"] == 1


@pytest.mark.parametrize(
    ("flash", "alarm_2", "short", "expected"),
    [
        (2, 0, 0, IntersectionStatus.NONE),
        (None, None, None, IntersectionStatus.NONE),
        (1, 0, 0, IntersectionStatus.FAILURE_FLASH),
        (3, 0, 0, IntersectionStatus.PROGRAMMED_FLASH),
        (4, 0, 0, IntersectionStatus.FAILURE_FLASH),
        (5, 0, 0, IntersectionStatus.FAILURE_FLASH),
        (6, 0, 0, IntersectionStatus.FAILURE_FLASH),
        (7, 0, 0, IntersectionStatus.PROGRAMMED_FLASH),
        (8, 0, 0, IntersectionStatus.PROGRAMMED_FLASH | IntersectionStatus.PREEMPT),
        (2, 0x10, 0, IntersectionStatus.STOP_TIME),
        (2, 0xEF, 0, IntersectionStatus.NONE),
        (2, 0, 0x01, IntersectionStatus.PREEMPT),
        (2, 0, 0x02, IntersectionStatus.FAILURE_FLASH),
        (2, 0, 0x80, IntersectionStatus.STOP_TIME),
        (2, 0, 0x7C, IntersectionStatus.NONE),
    ],
)
def test_status_bits_one_by_one(
    flash: int | None, alarm_2: int | None, short: int | None, expected: IntersectionStatus
) -> None:
    assert objects.status_flags(flash, alarm_2, short) == (expected, True)


def test_a_flash_status_of_no_standard_is_in_doubt() -> None:
    assert objects.status_flags(9, None, None) == (IntersectionStatus.FAILURE_FLASH, False)


class Blinking:
    """Lamps of one group of eight through the flash filter, poll by poll."""

    def __init__(self) -> None:
        self.flash, self.now_ns = FlashLamps(), NS_PER_S * 1000

    def see(
        self, status: IntersectionStatus = IntersectionStatus.NONE, **named: int
    ) -> dict[tuple[GroupKind, int], LampState]:
        """A tenth of a second later."""
        self.now_ns += NS_PER_S // 10
        layout, values = Layout(8, 8), octets(**named)
        reader = MaskReader(layout)
        groups = groups_of(layout, reader.phases(values), reader.overlaps(values), (0, 0))
        found = self.flash.apply(groups, status, at_ns=self.now_ns)
        return {(group.kind, group.number): group.lamp for group in found}


def test_flashing_lamps_stay_what_they_were_when_lit() -> None:
    street, programmed = Blinking(), IntersectionStatus.PROGRAMMED_FLASH
    for named in ({"REDS": 0b10, "YELLOWS": 0b1, "DONT_WALKS": 1}, {}, {"REDS": 0b10, "YELLOWS": 0b1}):
        lamps = street.see(programmed, **named)
        assert lamps[GroupKind.VEHICLE, 1] is LampState.FLASHING_YELLOW
        assert lamps[GroupKind.VEHICLE, 2] is LampState.FLASHING_RED
        assert lamps[GroupKind.VEHICLE, 3] is LampState.DARK
        assert lamps[GroupKind.PEDESTRIAN, 1] is LampState.DARK
    assert street.see(IntersectionStatus.FAILURE_FLASH, REDS=2)[GroupKind.VEHICLE, 2] is LampState.RED
    assert street.see(programmed)[GroupKind.VEHICLE, 2] is LampState.DARK


def test_lamps_that_stay_dark_in_flash_are_dark_after_a_second() -> None:
    street, programmed = Blinking(), IntersectionStatus.PROGRAMMED_FLASH
    street.see(programmed, REDS=2)
    seen = [street.see(programmed)[GroupKind.VEHICLE, 2] for _ in range(12)]
    assert seen == [LampState.FLASHING_RED] * 10 + [LampState.DARK] * 2


def test_a_flashing_yellow_arrow_is_known_from_its_first_dark_poll() -> None:
    street, arrow = Blinking(), (GroupKind.OVERLAP, 1)
    shown = [street.see(OVERLAP_YELLOWS=tenth // 5 % 2)[arrow] for tenth in range(5, 30)]
    assert shown == [LampState.YELLOW] * 5 + [LampState.FLASHING_YELLOW] * 20
    assert street.see(OVERLAP_REDS=1)[arrow] is LampState.RED


def test_a_steady_yellow_and_a_lamp_that_fails_are_not_taken_for_flashing() -> None:
    street, phase = Blinking(), (GroupKind.VEHICLE, 1)
    assert [street.see(YELLOWS=1)[phase] for _ in range(30)] == [LampState.YELLOW] * 30
    assert street.see(REDS=1)[phase] is LampState.RED
    assert street.see()[phase] is LampState.DARK
    assert street.see(YELLOWS=1)[phase] is LampState.YELLOW


@pytest.mark.data
def test_identifiers_are_those_of_the_public_listing(data_dir: Path) -> None:
    """Numbers of a listing made from the standard's MIB."""
    with (data_dir / "ntcip1202v02_oids.csv").open() as file:
        listed = {row["name"]: row["oid"] for row in csv.DictReader(file)}
    columns = {
        "phaseStatusGroupReds": objects.REDS,
        "phaseStatusGroupYellows": objects.YELLOWS,
        "phaseStatusGroupGreens": objects.GREENS,
        "phaseStatusGroupDontWalks": objects.DONT_WALKS,
        "phaseStatusGroupPedClears": objects.PED_CLEARS,
        "phaseStatusGroupWalks": objects.WALKS,
        "phaseStatusGroupVehCalls": objects.VEH_CALLS,
        "phaseStatusGroupPedCalls": objects.PED_CALLS,
        "overlapStatusGroupReds": objects.OVERLAP_REDS,
        "overlapStatusGroupYellows": objects.OVERLAP_YELLOWS,
        "overlapStatusGroupGreens": objects.OVERLAP_GREENS,
        "phaseWalk": objects.WALK,
        "phasePedestrianClear": objects.PED_CLEAR,
        "phaseMinimumGreen": objects.MIN_GREEN,
        "phaseYellowChange": objects.YELLOW,
        "phaseRedClear": objects.RED_CLEAR,
        "phaseRing": objects.RING,
        "patternCycleTime": objects.PATTERN_CYCLE,
    }
    for name, column in columns.items():
        assert ber.dotted(cell(column, 1)) == f"{listed[name]}.1", name
    scalars = {
        "maxPhases": objects.MAX_PHASES,
        "maxPhaseGroups": objects.MAX_PHASE_GROUPS,
        "maxOverlaps": objects.MAX_OVERLAPS,
        "maxOverlapStatusGroups": objects.MAX_OVERLAP_GROUPS,
        "unitBackupTime": objects.UNIT_BACKUP_TIME,
        "unitControlStatus": objects.UNIT_CONTROL_STATUS,
        "unitFlashStatus": objects.UNIT_FLASH_STATUS,
        "unitAlarmStatus2": objects.UNIT_ALARM_2,
        "shortAlarmStatus": objects.SHORT_ALARM,
        "coordPatternStatus": objects.COORD_PATTERN,
        "localFreeStatus": objects.LOCAL_FREE,
        "coordCycleStatus": objects.COORD_CYCLE,
    }
    for name, known in scalars.items():
        assert ber.dotted(known) == f"{listed[name]}.0", name
    commands = {
        "PhaseOmit": Command.PHASE_OMIT,
        "PedOmit": Command.PED_OMIT,
        "Hold": Command.HOLD,
        "ForceOff": Command.FORCE_OFF,
        "VehCall": Command.VEHICLE_CALL,
        "PedCall": Command.PEDESTRIAN_CALL,
    }
    for name, command in commands.items():
        assert ber.dotted(control_cell(command, 1)) == listed[f"phaseControlGroup{name}"] + ".1"
    assert listed["asc3ViiMessageEnable"] + ".0" == objects.SPAT_PUSH
    assert scalar("1.1") == objects.MAX_PHASES
