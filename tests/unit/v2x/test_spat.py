"""What the two SPAT messages share: status bits bit by bit, what may be sent, and the rounding of ends."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.core.signals import GroupState, IntersectionStatus, MovementState
from edge.core.stamp import NS_PER_S
from edge.v2x.marks import countdown_of
from edge.v2x.spat import ascii_name, ends_of, shown_groups, status_bits, status_of
from tests.unit.v2x.samples import GREEN, NOW_NS, RED, signal_state

WIRE = [flag for flag in IntersectionStatus if flag is not IntersectionStatus.PROGRAMMED_FLASH]


@pytest.mark.parametrize(
    ("flag", "octets"),
    [
        (IntersectionStatus.MANUAL_CONTROL, b"\x80\x00"),
        (IntersectionStatus.STOP_TIME, b"\x40\x00"),
        (IntersectionStatus.FAILURE_FLASH, b"\x20\x00"),
        (IntersectionStatus.PREEMPT, b"\x10\x00"),
        (IntersectionStatus.PRIORITY, b"\x08\x00"),
        (IntersectionStatus.FIXED_TIME, b"\x04\x00"),
        (IntersectionStatus.TRAFFIC_DEPENDENT, b"\x02\x00"),
        (IntersectionStatus.STANDBY, b"\x01\x00"),
        (IntersectionStatus.PROGRAMMED_FLASH, b"\x01\x00"),
        (IntersectionStatus.FAILURE_MODE, b"\x00\x80"),
        (IntersectionStatus.OFF, b"\x00\x40"),
        (IntersectionStatus.NO_VALID_MAP, b"\x00\x08"),
        (IntersectionStatus.NO_VALID_SPAT, b"\x00\x04"),
    ],
    ids=str,
)
def test_each_flag_has_its_bit(flag: IntersectionStatus, octets: bytes) -> None:
    assert status_bits(flag) == (octets, 16)


@settings(deadline=None)
@given(st.sets(st.sampled_from(WIRE)))
def test_flags_come_back(flags: set[IntersectionStatus]) -> None:
    status = IntersectionStatus(sum(flags))
    assert status_of(status_bits(status)) == status


def test_a_withdrawn_state_shows_no_colour_and_no_timing() -> None:
    dark = GroupState(6, MovementState.DARK, likely_end_ns=NOW_NS)
    state = signal_state(GREEN, RED, dark, status=IntersectionStatus.NO_VALID_SPAT)
    assert shown_groups(state) == (
        GroupState(2, MovementState.UNAVAILABLE),
        GroupState(4, MovementState.UNAVAILABLE),
        GroupState(6, MovementState.DARK),
    )


def test_a_state_without_groups_cannot_be_said() -> None:
    with pytest.raises(CodecError, match="no signal group"):
        shown_groups(signal_state())


def test_minimum_is_rounded_down_and_maximum_up() -> None:
    odd = GroupState(1, MovementState.STOP_AND_REMAIN, NOW_NS + 1_990_000_000, NOW_NS + 2_010_000_000)
    ends = ends_of(odd, now_ns=NOW_NS, convert=countdown_of)
    assert (ends.minimum, ends.maximum, ends.likely) == (19, 21, None)


def test_a_broken_promise_is_not_repeated() -> None:
    late = GroupState(1, MovementState.STOP_AND_REMAIN, max_end_ns=NOW_NS - NS_PER_S)
    assert not ends_of(late, now_ns=NOW_NS, convert=countdown_of).known


def test_names_are_cut_to_what_the_message_can_carry() -> None:
    assert ascii_name("Süd " + "x" * 80) == "Sd " + "x" * 60
    assert ascii_name("路口") == ""
