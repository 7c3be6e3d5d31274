"""SPATEM: a signal state goes out and comes back, with the body that SAE J2735 has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.core.signals import GroupState, IntersectionStatus, MovementState
from edge.core.stamp import NS_PER_S
from edge.v2x import j2735
from edge.v2x.codec import message_codec
from edge.v2x.etsi_mapem import encode_mapem
from edge.v2x.etsi_spatem import decode_spatem, decode_spatems, encode_spatem
from edge.v2x.frame import OtherMessageError, split_j2735
from edge.v2x.marks import time_of_mark
from tests.unit.v2x.originals import original
from tests.unit.v2x.samples import GREEN, NOW_NS, RED, crossing, recorded_j2735, signal_state

STATION = 0x00001234
TENTH_NS = NS_PER_S // 10
ENDS = st.none() | st.integers(0, 35_000).map(lambda tenths: NOW_NS + tenths * TENTH_NS)
GROUPS = st.lists(
    st.builds(
        GroupState,
        signal_group=st.integers(1, 255),
        state=st.sampled_from([s for s in MovementState if s is not MovementState.FLASHING_GREEN]),
        min_end_ns=ENDS,
        max_end_ns=ENDS,
        likely_end_ns=ENDS,
        confidence=st.none() | st.floats(0.0, 1.0),
    ),
    min_size=1,
    max_size=12,
)


def sent(*groups: GroupState, station_id: int = STATION) -> bytes:
    return encode_spatem(signal_state(*groups), station_id=station_id, now_ns=NOW_NS, name="North", region=7)


def test_units_worked_out_by_hand() -> None:
    """2 March 2023 16:43:54.4: minute 60 x 1440 + 1003, 54400 ms, tenth 26344 of the hour; UTC, not TAI."""
    value = message_codec("etsi/SPATEM").decode(sent(replace(GREEN, min_end_ns=NOW_NS + 5 * NS_PER_S)))
    assert value["header"] == {"protocolVersion": 2, "messageId": 4, "stationId": STATION}
    [intersection] = value["spat"]["intersections"]
    assert intersection["id"] == {"region": 7, "id": 1001}
    assert (intersection["moy"], intersection["timeStamp"]) == (87_403, 54_400)
    event = intersection["states"][0]["state-time-speed"][0]
    assert event["timing"]["minEndTime"] == 26_344 + 50


def test_an_unknown_minimum_is_36001() -> None:
    group = replace(GREEN, min_end_ns=None)
    value = message_codec("etsi/SPATEM").decode(sent(group))
    timing = value["spat"]["intersections"][0]["states"][0]["state-time-speed"][0]["timing"]
    assert timing["minEndTime"] == 36_001
    assert decode_spatem(sent(group)).groups[0].min_end is None


@given(groups=GROUPS, station_id=st.integers(0, 2**32 - 1))
def test_states_and_ends_come_back(groups: list[GroupState], station_id: int) -> None:
    payload = sent(*groups, station_id=station_id)
    view = decode_spatem(payload)
    assert int.from_bytes(payload[2:6], "big") == station_id
    assert (view.intersection, view.region, view.revision, view.name) == (1001, 7, 5, "North")
    assert (view.minute_of_year, view.millisecond, view.timing) == (87_403, 54_400, "utc")
    for shown, group in zip(view.groups, groups, strict=True):
        assert (shown.signal_group, shown.state) == (group.signal_group, group.state)
        for mark, end_ns in (
            (shown.min_end, group.min_end_ns),
            (shown.max_end, group.max_end_ns),
            (shown.likely_end, group.likely_end_ns),
        ):
            assert (None if mark is None else time_of_mark(mark, near_ns=NOW_NS)) == end_ns


@given(groups=GROUPS)
def test_the_standards_own_module_reads_what_is_sent(groups: list[GroupState]) -> None:
    spatem, payload = original("etsi/SPATEM"), sent(*groups)
    spatem.from_uper(payload)
    body = spatem.get_val()["spat"]["intersections"][0]
    assert [movement["signalGroup"] for movement in body["states"]] == [g.signal_group for g in groups]
    assert (body["moy"], body["timeStamp"], body["name"]) == (87_403, 54_400, "North")
    assert spatem.to_uper() == payload


@given(groups=GROUPS)
def test_the_body_is_that_of_j2735(groups: list[GroupState]) -> None:
    frame = j2735.encode_spat(signal_state(*groups), now_ns=NOW_NS, name="North", region=7)
    assert sent(*groups) == b"\x02\x04\x00\x00\x12\x34" + split_j2735(frame)[1]


def test_a_withdrawn_state_shows_nothing() -> None:
    state = signal_state(GREEN, RED, status=IntersectionStatus.NO_VALID_SPAT)
    view = decode_spatem(encode_spatem(state, station_id=STATION, now_ns=NOW_NS))
    assert not view.valid
    assert {group.state for group in view.groups} == {MovementState.UNAVAILABLE}
    assert all(group.min_end is None and group.likely_end is None for group in view.groups)


def test_messages_of_several_intersections() -> None:
    codec = message_codec("etsi/SPATEM")
    value = codec.decode(sent(GREEN))
    value["spat"]["intersections"] *= 2
    payload = codec.encode(value)
    assert decode_spatems(payload) == (decode_spatem(sent(GREEN)),) * 2
    with pytest.raises(CodecError, match="2 intersections"):
        decode_spatem(payload)


@pytest.mark.parametrize("station_id", [-1, 2**32])
def test_station_ids_of_other_than_32_bits_are_refused(station_id: int) -> None:
    with pytest.raises(CodecError, match="station id"):
        sent(GREEN, station_id=station_id)


def test_other_messages_and_versions() -> None:
    mapem = encode_mapem(crossing(), station_id=STATION, message_count=0, now_ns=NOW_NS)
    with pytest.raises(OtherMessageError, match="MAPEM"):
        decode_spatem(mapem)
    for version in (0, 1, 3):
        with pytest.raises(CodecError, match="protocol version"):
            decode_spatem(bytes([version]) + sent(GREEN)[1:])


def test_cuts_and_surplus_are_refused() -> None:
    payload = sent(GREEN, RED)
    for length in range(len(payload)):
        with pytest.raises(CodecError):
            decode_spatems(payload[:length])
    with pytest.raises(CodecError):
        decode_spatems(payload + b"\x00")


@given(body=st.binary(max_size=200), changes=st.lists(st.tuples(st.integers(6, 10**6), st.integers(1, 255))))
def test_noise_gives_a_view_or_a_codec_error(body: bytes, changes: list[tuple[int, int]]) -> None:
    octets = bytearray(sent(GREEN, RED))
    for where, mask in changes:
        octets[where % len(octets)] ^= mask
    for payload in (body, b"\x02\x04" + body, bytes(octets)):
        try:
            views = decode_spatems(payload)
        except CodecError:
            continue
        assert views


@pytest.mark.data
def test_recorded_bodies_say_the_same_as_in_j2735(data_dir: Path) -> None:
    count = 0
    for frame, _ in recorded_j2735(data_dir, "SPAT"):
        payload = b"\x02\x04\x00\x00\x12\x34" + split_j2735(frame)[1]
        assert decode_spatems(payload) == j2735.decode_spats(frame)
        count += 1
    assert count == 16
