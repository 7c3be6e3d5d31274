"""SPAT of SAE J2735."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.core.signals import GroupState, IntersectionStatus, MovementState
from edge.core.stamp import NS_PER_S
from edge.v2x import j2735
from edge.v2x.codec import message_codec
from edge.v2x.frame import J2735_SPAT, OtherMessageError, unwrap_j2735, wrap_j2735
from edge.v2x.marks import time_of_mark
from tests.unit.v2x.samples import FRAME, GREEN, NOW_NS, RED, report, signal_state

TENTH_NS = 100_000_000


def ends() -> st.SearchStrategy[int | None]:
    return st.none() | st.integers(min_value=0, max_value=3_500 * 10).map(lambda t: NOW_NS + t * TENTH_NS)


GROUPS = st.lists(
    st.builds(
        GroupState,
        signal_group=st.integers(min_value=1, max_value=255),
        state=st.sampled_from([s for s in MovementState if s is not MovementState.FLASHING_GREEN]),
        min_end_ns=ends(),
        max_end_ns=ends(),
        likely_end_ns=ends(),
    ),
    min_size=1,
    max_size=8,
)


@settings(deadline=None)
@given(GROUPS)
def test_states_and_ends_come_back(groups: list[GroupState]) -> None:
    view = j2735.decode_spat(j2735.encode_spat(signal_state(*groups), now_ns=NOW_NS))
    for shown, sent in zip(view.groups, groups, strict=True):
        assert (shown.signal_group, shown.state) == (sent.signal_group, sent.state)
        for mark, end_ns in (
            (shown.min_end, sent.min_end_ns),
            (shown.max_end, sent.max_end_ns),
            (shown.likely_end, sent.likely_end_ns),
        ):
            assert (None if mark is None else time_of_mark(mark, near_ns=NOW_NS)) == end_ns


def test_the_frame_around_the_states() -> None:
    view = j2735.decode_spat(
        j2735.encode_spat(signal_state(GREEN, RED), now_ns=NOW_NS, name="North", region=7)
    )
    assert (view.intersection, view.region, view.revision, view.name) == (1001, 7, 5, "North")
    assert (view.minute_of_year, view.millisecond) == (87_403, 54_400)
    assert (view.timing, view.valid, view.status) == ("utc", True, IntersectionStatus.NONE)


def test_no_timing_is_sent_where_none_is_known() -> None:
    codec = message_codec("j2735/SPAT")
    payload = j2735.encode_spat(signal_state(RED), now_ns=NOW_NS)
    message = codec.decode(unwrap_j2735(payload, message_id=J2735_SPAT, what="SPAT"))
    event = message["intersections"][0]["states"][0]["state-time-speed"][0]
    assert event == {"eventState": "stop-And-Remain"}


def test_an_unknown_minimum_is_36001() -> None:
    likely = replace(GREEN, min_end_ns=None, max_end_ns=None, confidence=None)
    codec = message_codec("j2735/SPAT")
    payload = j2735.encode_spat(signal_state(likely), now_ns=NOW_NS)
    message = codec.decode(unwrap_j2735(payload, message_id=J2735_SPAT, what="SPAT"))
    timing = message["intersections"][0]["states"][0]["state-time-speed"][0]["timing"]
    assert timing == {"minEndTime": 36_001, "likelyTime": 26_344 + 120}
    assert j2735.decode_spat(payload).groups[0].min_end is None


@pytest.mark.parametrize(
    ("confidence", "said"),
    [(None, None), (0.1, None), (0.21, 0.21), (0.9, 0.88), (0.91, 0.91), (1.0, 1.0)],
)
def test_confidence_is_never_overstated(confidence: float | None, said: float | None) -> None:
    group = replace(GREEN, confidence=confidence)
    view = j2735.decode_spat(j2735.encode_spat(signal_state(group), now_ns=NOW_NS))
    assert view.groups[0].confidence == said


def test_withdrawn_on_the_wire() -> None:
    status = IntersectionStatus.NO_VALID_SPAT | IntersectionStatus.FAILURE_MODE
    view = j2735.decode_spat(j2735.encode_spat(signal_state(GREEN, RED, status=status), now_ns=NOW_NS))
    assert (view.valid, view.status) == (False, status)
    assert {group.state for group in view.groups} == {MovementState.UNAVAILABLE}
    assert all(g.min_end is None and g.max_end is None and g.likely_end is None for g in view.groups)


def test_flashing_green_is_the_weaker_green() -> None:
    group = GroupState(1, MovementState.FLASHING_GREEN)
    view = j2735.decode_spat(j2735.encode_spat(signal_state(group), now_ns=NOW_NS))
    assert view.groups[0].state is MovementState.PERMISSIVE_MOVEMENT_ALLOWED


def test_hour_wrap_on_the_wire() -> None:
    now_ns = NOW_NS - NOW_NS % (3600 * NS_PER_S) + 3599 * NS_PER_S
    group = GroupState(1, MovementState.STOP_AND_REMAIN, min_end_ns=now_ns + 2 * NS_PER_S)
    view = j2735.decode_spat(j2735.encode_spat(signal_state(group), now_ns=now_ns))
    assert view.groups[0].min_end == 10


def test_an_impossible_signal_group_is_refused() -> None:
    with pytest.raises(CodecError, match="cannot be encoded"):
        j2735.encode_spat(signal_state(replace(GREEN, signal_group=256)), now_ns=NOW_NS)


def test_extensions_and_regional_parts_are_passed_over() -> None:
    codec = message_codec("j2735/SPAT")
    payload = j2735.encode_spat(signal_state(GREEN), now_ns=NOW_NS)
    message = codec.decode(unwrap_j2735(payload, message_id=J2735_SPAT, what="SPAT"))
    message["regional"] = [{"regionId": 3, "regExtValue": b"abc"}]
    message["intersections"][0]["regional"] = [{"regionId": 1, "regExtValue": b"\x00"}]
    found = j2735.decode_spat(wrap_j2735(J2735_SPAT, codec.encode(message)))
    assert found == j2735.decode_spat(payload)


def test_messages_of_several_intersections() -> None:
    codec = message_codec("j2735/SPAT")
    payload = j2735.encode_spat(signal_state(GREEN), now_ns=NOW_NS)
    message = codec.decode(unwrap_j2735(payload, message_id=J2735_SPAT, what="SPAT"))
    double = wrap_j2735(J2735_SPAT, codec.encode({"intersections": message["intersections"] * 2}))
    assert len(j2735.decode_spats(double)) == 2
    with pytest.raises(CodecError, match="2 intersections"):
        j2735.decode_spat(double)


def test_a_bsm_is_another_message() -> None:
    with pytest.raises(OtherMessageError):
        j2735.decode_spat(j2735.encode_bsm(report(), frame=FRAME, message_count=0))


def events_of(group: GroupState) -> list[dict[str, object]]:
    """The movement events of a group on the wire."""
    octets = j2735.encode_spat(signal_state(group), now_ns=NOW_NS)
    message = message_codec("j2735/SPAT").decode(unwrap_j2735(octets, message_id=J2735_SPAT, what="SPAT"))
    return list(message["intersections"][0]["states"][0]["state-time-speed"])


def test_what_follows_starts_at_the_likely_end() -> None:
    likely_ns = NOW_NS + 123 * TENTH_NS
    group = replace(GREEN, likely_end_ns=likely_ns, next_state=MovementState.PROTECTED_CLEARANCE)
    now, coming = events_of(group)
    assert now["eventState"] == "protected-Movement-Allowed"
    assert coming["eventState"] == "protected-clearance"
    timing = coming["timing"]
    assert isinstance(timing, dict)
    assert timing["minEndTime"] == 36_001
    started_ns = time_of_mark(timing["startTime"], near_ns=NOW_NS)
    assert started_ns is not None
    assert abs(started_ns - likely_ns) <= TENTH_NS // 2
    view = j2735.decode_spat(j2735.encode_spat(signal_state(group), now_ns=NOW_NS))
    assert view.groups[0].state is MovementState.PROTECTED_MOVEMENT_ALLOWED


@pytest.mark.parametrize(
    "group",
    [
        replace(GREEN, likely_end_ns=None, next_state=MovementState.PROTECTED_CLEARANCE),
        replace(GREEN, likely_end_ns=NOW_NS + 4_000 * NS_PER_S, next_state=MovementState.PROTECTED_CLEARANCE),
        GroupState(
            1,
            MovementState.PERMISSIVE_MOVEMENT_ALLOWED,
            likely_end_ns=NOW_NS + NS_PER_S,
            next_state=MovementState.FLASHING_GREEN,
        ),
    ],
    ids=["no end", "an hour ahead", "looks the same"],
)
def test_nothing_follows_where_it_cannot_be_said(group: GroupState) -> None:
    assert len(events_of(group)) == 1
