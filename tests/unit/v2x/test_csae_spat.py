"""SPAT of T/CSAE 53."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.core.signals import GroupState, IntersectionStatus, MovementState
from edge.v2x import csae
from edge.v2x.codec import message_codec
from edge.v2x.frame import OtherMessageError
from edge.v2x.spat import Timing
from tests.unit.v2x.samples import FRAME, GREEN, NOW_NS, RED, report, signal_state

TENTH_NS = 100_000_000
TENTHS = st.none() | st.integers(min_value=0, max_value=35_000)


@settings(deadline=None)
@given(
    st.lists(st.tuples(TENTHS, TENTHS, TENTHS), min_size=1, max_size=16), st.sampled_from(["counting", "utc"])
)
def test_ends_come_back(ends: list[tuple[int | None, int | None, int | None]], timing: Timing) -> None:
    groups = [
        GroupState(
            number,
            MovementState.STOP_AND_REMAIN,
            *(None if tenths is None else NOW_NS + tenths * TENTH_NS for tenths in triple),
        )
        for number, triple in enumerate(ends, start=1)
    ]
    view = csae.decode_spat(csae.encode_spat(signal_state(*groups), now_ns=NOW_NS, timing=timing))
    start = 26_344 if timing == "utc" else 0
    for shown, triple in zip(view.groups, ends, strict=True):
        expected = tuple(None if tenths is None else (start + tenths) % 36_000 for tenths in triple)
        assert (shown.min_end, shown.max_end, shown.likely_end) == expected


@pytest.mark.parametrize(
    ("state", "light", "back"),
    [
        (MovementState.UNAVAILABLE, "unavailable", MovementState.UNAVAILABLE),
        (MovementState.DARK, "dark", MovementState.DARK),
        (MovementState.STOP_THEN_PROCEED, "flashing-red", MovementState.STOP_THEN_PROCEED),
        (MovementState.STOP_AND_REMAIN, "red", MovementState.STOP_AND_REMAIN),
        (MovementState.PRE_MOVEMENT, "red", MovementState.STOP_AND_REMAIN),
        (
            MovementState.PERMISSIVE_MOVEMENT_ALLOWED,
            "permissive-green",
            MovementState.PERMISSIVE_MOVEMENT_ALLOWED,
        ),
        (
            MovementState.PROTECTED_MOVEMENT_ALLOWED,
            "protected-green",
            MovementState.PROTECTED_MOVEMENT_ALLOWED,
        ),
        (MovementState.PERMISSIVE_CLEARANCE, "yellow", MovementState.PROTECTED_CLEARANCE),
        (MovementState.PROTECTED_CLEARANCE, "yellow", MovementState.PROTECTED_CLEARANCE),
        (
            MovementState.CAUTION_CONFLICTING_TRAFFIC,
            "flashing-yellow",
            MovementState.CAUTION_CONFLICTING_TRAFFIC,
        ),
        (MovementState.FLASHING_GREEN, "flashing-green", MovementState.FLASHING_GREEN),
    ],
    ids=str,
)
def test_nine_lights(state: MovementState, light: str, back: MovementState) -> None:
    payload = csae.encode_spat(signal_state(GroupState(1, state)), now_ns=NOW_NS)
    phase = message_codec("csae-a/SPAT").decode(payload)["intersections"][0]["phases"][0]
    assert phase == {"id": 1, "phaseStates": [{"light": light}]}
    assert csae.decode_spat(payload).groups[0].state is back


def test_the_frame_around_the_phases() -> None:
    payload = csae.encode_spat(
        signal_state(GREEN, RED), now_ns=NOW_NS, name="North", region=7, message_count=130
    )
    view = csae.decode_spat(payload)
    assert (view.intersection, view.region, view.revision, view.name) == (1001, 7, 2, "North")
    assert (view.minute_of_year, view.millisecond, view.timing) == (87_403, 54_400, "counting")
    assert view.groups[0].confidence == pytest.approx(0.9)


def test_counting_has_started_and_counts_from_now() -> None:
    payload = csae.encode_spat(signal_state(GREEN), now_ns=NOW_NS, timing="counting")
    state = message_codec("csae-a/SPAT").decode(payload)["intersections"][0]["phases"][0]["phaseStates"][0]
    assert state["timing"] == (
        "counting",
        {"startTime": 0, "minEndTime": 50, "maxEndTime": 300, "likelyEndTime": 120, "timeConfidence": 180},
    )


def test_an_unknown_likely_end_is_36001() -> None:
    group = replace(GREEN, likely_end_ns=None)
    for timing, name, field in (
        ("counting", "counting", "likelyEndTime"),
        ("utc", "utcTiming", "likelyEndUTCTime"),
    ):
        payload = csae.encode_spat(signal_state(group), now_ns=NOW_NS, timing=timing)  # type: ignore[arg-type]
        state = message_codec("csae-a/SPAT").decode(payload)["intersections"][0]["phases"][0]["phaseStates"][
            0
        ]
        assert state["timing"][0] == name
        assert state["timing"][1][field] == 36_001
        assert "timeConfidence" not in state["timing"][1]
        assert csae.decode_spat(payload).groups[0].likely_end is None


def test_withdrawn_on_the_wire() -> None:
    state = signal_state(GREEN, RED, status=IntersectionStatus.NO_VALID_SPAT)
    view = csae.decode_spat(csae.encode_spat(state, now_ns=NOW_NS))
    assert not view.valid
    assert {group.state for group in view.groups} == {MovementState.UNAVAILABLE}
    assert all(g.min_end is None and g.max_end is None and g.likely_end is None for g in view.groups)


def test_seventeen_groups_do_not_fit() -> None:
    groups = [replace(RED, signal_group=number) for number in range(1, 18)]
    assert csae.encode_spat(signal_state(*groups[:16]), now_ns=NOW_NS)
    with pytest.raises(CodecError, match="17 signal groups"):
        csae.encode_spat(signal_state(*groups), now_ns=NOW_NS)


def test_mixed_timing_is_refused() -> None:
    codec = message_codec("csae-a/SPAT")
    one = codec.decode(csae.encode_spat(signal_state(GREEN), now_ns=NOW_NS, timing="counting"))
    other = codec.decode(csae.encode_spat(signal_state(GREEN), now_ns=NOW_NS, timing="utc"))
    one["intersections"][0]["phases"] += other["intersections"][0]["phases"]
    with pytest.raises(CodecError, match="mixes"):
        csae.decode_spat(codec.encode(one))


def test_several_intersections_are_refused() -> None:
    codec = message_codec("csae-a/SPAT")
    message = codec.decode(csae.encode_spat(signal_state(GREEN), now_ns=NOW_NS))
    message["intersections"] *= 2
    with pytest.raises(CodecError, match="2 intersections"):
        csae.decode_spat(codec.encode(message))


def test_a_bsm_is_another_message() -> None:
    sent = report(temporary_id="0a1b2c3d0a1b2c3d")
    with pytest.raises(OtherMessageError):
        csae.decode_spat(csae.encode_bsm(sent, frame=FRAME, message_count=0))


def states_of(*shown: dict[str, Any]) -> bytes:
    """A SPAT whose only phase lists the given states."""
    codec = message_codec("csae-a/SPAT")
    message = codec.decode(csae.encode_spat(signal_state(GREEN), now_ns=NOW_NS))
    message["intersections"][0]["phases"][0]["phaseStates"] = list(shown)
    return codec.encode(message)


def test_the_state_that_shows_is_the_one_that_has_started() -> None:
    """A state to come counts the time until its start (YD/T 3709-2020 clause 5.2.3, DF_TimeCountingDown)."""
    coming = {"light": "yellow", "timing": ("counting", {"startTime": 120, "likelyEndTime": 150})}
    now = {"light": "protected-green", "timing": ("counting", {"startTime": 0, "likelyEndTime": 120})}
    for order in ((coming, now), (now, coming)):
        (group,) = csae.decode_spat(states_of(*order)).groups
        assert (group.state, group.likely_end) == (MovementState.PROTECTED_MOVEMENT_ALLOWED, 120)


def test_without_counts_the_first_state_shows() -> None:
    (group,) = csae.decode_spat(states_of({"light": "red"}, {"light": "yellow"})).groups
    assert (group.state, group.likely_end) == (MovementState.STOP_AND_REMAIN, None)


def test_timing_of_a_later_edition_is_no_timing() -> None:
    view = csae.decode_spat(states_of({"light": "red", "timing": (0, b"\x12\x34")}))
    assert (view.timing, view.groups[0].likely_end) == ("counting", None)


def test_every_intersection_of_a_message_is_read() -> None:
    """The time of the message stands for that of an intersection that does not say its own."""
    codec = message_codec("csae-a/SPAT")
    message = codec.decode(csae.encode_spat(signal_state(GREEN), now_ns=NOW_NS))
    (first,) = message["intersections"]
    message["intersections"] = [first, first | {"intersectionId": {"id": 9}, "moy": 5, "timeStamp": 65_535}]
    payload = codec.encode(message)
    one, other = csae.decode_spats(payload)
    assert (one.intersection, one.minute_of_year, one.millisecond) == (1001, 87_403, 54_400)
    assert (other.intersection, other.minute_of_year, other.millisecond) == (9, 5, None)
    with pytest.raises(CodecError, match="2 intersections"):
        csae.decode_spat(payload)


@pytest.mark.parametrize(
    ("timing", "kind", "start", "likely"),
    [
        ("counting", "counting", "startTime", 123),
        ("utc", "utcTiming", "startUTCTime", (26_344 + 123) % 36_000),
    ],
)
def test_what_follows_starts_at_the_likely_end(timing: Timing, kind: str, start: str, likely: int) -> None:
    group = GroupState(
        2,
        MovementState.PROTECTED_MOVEMENT_ALLOWED,
        likely_end_ns=NOW_NS + 123 * TENTH_NS,
        confidence=0.5,
        next_state=MovementState.PROTECTED_CLEARANCE,
    )
    octets = csae.encode_spat(signal_state(group), now_ns=NOW_NS, timing=timing)
    (phase,) = message_codec("csae-a/SPAT").decode(octets)["intersections"][0]["phases"]
    now, coming = phase["phaseStates"]
    assert (now["light"], coming["light"]) == ("protected-green", "yellow")
    assert coming["timing"][0] == kind
    assert coming["timing"][1][start] == likely
    (view,) = csae.decode_spat(octets).groups
    assert (view.state, view.likely_end) == (MovementState.PROTECTED_MOVEMENT_ALLOWED, likely)


@pytest.mark.parametrize(
    "group",
    [
        pytest.param(
            replace(GREEN, next_state=MovementState.PROTECTED_CLEARANCE, likely_end_ns=None), id="no end"
        ),
        pytest.param(replace(GREEN, next_state=None, likely_end_ns=NOW_NS + 50 * TENTH_NS), id="not known"),
        pytest.param(
            GroupState(
                1,
                MovementState.STOP_AND_REMAIN,
                likely_end_ns=NOW_NS + 50 * TENTH_NS,
                next_state=MovementState.PRE_MOVEMENT,
            ),
            id="the same light",
        ),
        pytest.param(
            replace(GREEN, next_state=MovementState.PROTECTED_CLEARANCE, likely_end_ns=NOW_NS), id="now"
        ),
    ],
)
def test_nothing_follows_where_it_cannot_be_said(group: GroupState) -> None:
    octets = csae.encode_spat(signal_state(group), now_ns=NOW_NS)
    (phase,) = message_codec("csae-a/SPAT").decode(octets)["intersections"][0]["phases"]
    assert len(phase["phaseStates"]) == 1
