"""SREM and SSEM: requests for priority and the answers go out and come back."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.core.priority import (
    Access,
    PriorityRequest,
    PriorityStatus,
    RequesterRole,
    RequestKind,
    RequestState,
)
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.v2x import j2735
from edge.v2x.codec import message_codec
from edge.v2x.etsi_srem import decode_srem, encode_srem
from edge.v2x.etsi_ssem import decode_ssem, encode_ssem
from edge.v2x.frame import OtherMessageError, split_j2735
from tests.unit.v2x.originals import original
from tests.unit.v2x.samples import FRAME, NOW_NS, recorded_j2735

ARRIVAL_NS = NOW_NS + 40 * NS_PER_MS
STATION = 0x00001234
TRAM = PriorityRequest(
    requester="0000001234",
    request=7,
    sequence=3,
    kind=RequestKind.REQUEST,
    intersection=1001,
    region=7,
    entry=Access(lane=5),
    leave=Access(connection=2),
    role=RequesterRole.PUBLIC_TRANSPORT,
    sent_ns=NOW_NS,
    arrival_ns=NOW_NS + 12 * NS_PER_S,
    duration_ms=4000,
    x_m=-80.0,
    y_m=3.0,
    speed_mps=12.0,
    yaw_rad=0.0,
)
GRANTED = PriorityStatus(
    requester=TRAM.requester,
    request=TRAM.request,
    sequence=TRAM.sequence,
    role=TRAM.role,
    intersection=TRAM.intersection,
    region=TRAM.region,
    state=RequestState.GRANTED,
    entry=TRAM.entry,
    leave=TRAM.leave,
    arrival_ns=TRAM.arrival_ns,
    duration_ms=TRAM.duration_ms,
)

ACCESSES = st.one_of(
    st.integers(0, 255).map(lambda n: Access(lane=n)),
    st.integers(0, 15).map(lambda n: Access(approach=n)),
    st.integers(0, 255).map(lambda n: Access(connection=n)),
)
COMMON: dict[str, st.SearchStrategy[Any]] = {
    "requester": st.binary(min_size=4, max_size=4).map(bytes.hex)
    | st.integers(0, 2**32 - 1).map(lambda n: f"{n:010x}"),
    "request": st.integers(0, 255),
    "sequence": st.integers(0, 127),
    "role": st.sampled_from(RequesterRole),
    "intersection": st.integers(0, 65535),
    "region": st.none() | st.integers(0, 65535),
    "entry": ACCESSES,
    "leave": st.none() | ACCESSES,
    "arrival_ns": st.none() | st.integers(0, 3_600_000).map(lambda ms: NOW_NS + ms * NS_PER_MS),
    "duration_ms": st.none() | st.integers(0, 65534),
}
STATIONS = st.integers(0, 2**32 - 1)


def srem(*requests: PriorityRequest, station_id: int = STATION) -> bytes:
    return encode_srem(requests, station_id=station_id, frame=FRAME)


def ssem(*statuses: PriorityStatus, station_id: int = STATION) -> bytes:
    return encode_ssem(statuses, station_id=station_id, message_count=129, now_ns=NOW_NS)


read_srem = partial(decode_srem, frame=FRAME, arrival_ns=ARRIVAL_NS)
read_ssem = partial(decode_ssem, arrival_ns=ARRIVAL_NS)


def accepted_by_the_standard(key: str, payload: bytes) -> dict[str, Any]:
    """What the standard's own module reads; it has to write the same octets again."""
    judge = original(key)
    judge.from_uper(payload)
    value: dict[str, Any] = judge.get_val()
    assert judge.to_uper() == payload
    return value


def test_a_request_worked_out_by_hand() -> None:
    """2 March 2023 16:43:54.4 is day 61 of the year: minute 60 x 1440 + 1003 = 87403, and 54400 ms, in UTC."""
    value = message_codec("etsi/SREM").decode(srem(TRAM))
    assert value["header"] == {"protocolVersion": 2, "messageId": 9, "stationId": STATION}
    body = value["srm"]
    assert (body["timeStamp"], body["second"], body["sequenceNumber"]) == (87403, 54400, 3)
    [package] = body["requests"]
    assert (package["minute"], package["second"], package["duration"]) == (87404, 6400, 4000)
    assert package["request"]["inBoundLane"] == ("lane", 5)
    assert body["requestor"]["id"] == ("stationID", 0x1234)
    assert body["requestor"]["type"]["role"] == "publicTransport"
    assert body["requestor"]["position"]["heading"] == 7200


def test_an_answer_worked_out_by_hand() -> None:
    value = message_codec("etsi/SSEM").decode(ssem(GRANTED))
    assert value["header"] == {"protocolVersion": 2, "messageId": 10, "stationId": STATION}
    body = value["ssm"]
    assert (body["timeStamp"], body["second"], body["sequenceNumber"]) == (87403, 54400, 1)
    [status] = body["status"]
    assert (status["sequenceNumber"], status["id"]) == (1, {"region": 7, "id": 1001})
    [package] = status["sigStatus"]
    assert package["requester"] == {
        "id": ("stationID", 0x1234),
        "request": 7,
        "sequenceNumber": 3,
        "role": "publicTransport",
    }
    assert (package["status"], package["outboundOn"]) == ("granted", ("connection", 2))


@given(
    values=st.fixed_dictionaries(COMMON),
    kind=st.sampled_from(RequestKind),
    place=st.none() | st.tuples(*[st.floats(-2000.0, 2000.0)] * 2),
    motion=st.tuples(st.none() | st.floats(0.0, 163.0), st.none() | st.floats(-math.pi, math.pi)),
    station_id=STATIONS,
)
def test_a_request_comes_back(
    values: dict[str, Any],
    kind: RequestKind,
    place: tuple[float, float] | None,
    motion: tuple[float | None, float | None],
    station_id: int,
) -> None:
    x_m, y_m = (None, None) if place is None else place
    speed_mps, yaw_rad = (None, None) if place is None else motion
    sent = PriorityRequest(
        **values, kind=kind, sent_ns=NOW_NS, x_m=x_m, y_m=y_m, speed_mps=speed_mps, yaw_rad=yaw_rad
    )
    payload = srem(sent, station_id=station_id)
    [found] = read_srem(payload)
    assert accepted_by_the_standard("etsi/SREM", payload)
    assert int.from_bytes(payload[2:6], "big") == station_id
    assert replace(found, x_m=x_m, y_m=y_m, speed_mps=speed_mps, yaw_rad=yaw_rad) == sent
    assert found.x_m == pytest.approx(x_m, abs=0.02)
    assert found.y_m == pytest.approx(y_m, abs=0.02)
    assert found.speed_mps == pytest.approx(speed_mps, abs=0.0101)
    assert (found.yaw_rad is None) == (yaw_rad is None)
    if found.yaw_rad is not None and yaw_rad is not None:
        assert math.cos(found.yaw_rad - yaw_rad) > math.cos(math.radians(0.0064))


@given(values=st.fixed_dictionaries(COMMON), state=st.sampled_from(RequestState), station_id=STATIONS)
def test_an_answer_comes_back(values: dict[str, Any], state: RequestState, station_id: int) -> None:
    sent = PriorityStatus(**values, state=state)
    payload = ssem(sent, station_id=station_id)
    assert read_ssem(payload) == (sent,)
    assert accepted_by_the_standard("etsi/SSEM", payload)
    assert int.from_bytes(payload[2:6], "big") == station_id


def test_the_standards_own_module_reads_the_place() -> None:
    requestor = accepted_by_the_standard("etsi/SREM", srem(replace(TRAM, x_m=0.0, y_m=0.0)))["srm"][
        "requestor"
    ]
    place = requestor["position"]["position"]
    assert (place["lat"], place["long"]) == (312_304_000, 1_214_737_000)
    assert requestor["type"]["role"] == "publicTransport"


def test_both_names_of_public_transport_are_read() -> None:
    codec = message_codec("etsi/SREM")
    value = codec.decode(srem(TRAM))
    value["srm"]["requestor"]["type"]["role"] = "transit"
    assert read_srem(codec.encode(value)) == read_srem(srem(TRAM))


def test_several_requests_and_answers() -> None:
    both = [TRAM, replace(TRAM, intersection=1002, kind=RequestKind.CANCEL)]
    assert [request.intersection for request in read_srem(srem(*both))] == [1001, 1002]
    other = replace(GRANTED, requester="0a1b2c3d", intersection=1002, role=RequesterRole.FIRE)
    second = replace(GRANTED, request=8, state=RequestState.PROCESSING)
    assert read_ssem(ssem(GRANTED, other, second)) == (GRANTED, second, other)


def test_what_cannot_be_sent() -> None:
    with pytest.raises(CodecError, match="no request"):
        srem()
    with pytest.raises(CodecError, match="no status"):
        ssem()
    with pytest.raises(CodecError, match="several vehicles"):
        srem(TRAM, replace(TRAM, requester="ffffffff"))
    with pytest.raises(CodecError, match="cannot be encoded"):
        ssem(*[GRANTED] * 33)
    for station_id in (-1, 2**32):
        with pytest.raises(CodecError, match="station id"):
            srem(TRAM, station_id=station_id)
        with pytest.raises(CodecError, match="station id"):
            ssem(GRANTED, station_id=station_id)


def test_other_messages_and_versions() -> None:
    with pytest.raises(OtherMessageError, match="SSEM"):
        read_srem(ssem(GRANTED))
    with pytest.raises(OtherMessageError, match="SREM"):
        read_ssem(srem(TRAM))
    for payload, read in ((srem(TRAM), read_srem), (ssem(GRANTED), read_ssem)):
        with pytest.raises(CodecError, match="protocol version"):
            read(b"\x01" + payload[1:])


@pytest.mark.parametrize(
    ("payload", "read"), [(srem(TRAM), read_srem), (ssem(GRANTED), read_ssem)], ids=["SREM", "SSEM"]
)
def test_cuts_and_surplus_are_refused(payload: bytes, read: Callable[[bytes], Any]) -> None:
    assert read(payload)
    for length in range(len(payload)):
        with pytest.raises(CodecError):
            read(payload[:length])
    with pytest.raises(CodecError):
        read(payload + b"\x00")


@given(body=st.binary(max_size=200), changes=st.lists(st.tuples(st.integers(6, 10**6), st.integers(1, 255))))
def test_noise_gives_a_value_or_a_codec_error(body: bytes, changes: list[tuple[int, int]]) -> None:
    for sent, read in ((srem(TRAM), read_srem), (ssem(GRANTED), read_ssem)):
        octets = bytearray(sent)
        for where, mask in changes:
            octets[where % len(octets)] ^= mask
        for payload in (body, sent[:2] + body, bytes(octets)):
            try:
                found = read(payload)
            except CodecError:
                continue
            assert isinstance(found, tuple)


@pytest.mark.data
def test_recorded_requests_say_the_same_as_in_j2735(data_dir: Path) -> None:
    """By value in all of them, where both have the same longitude."""
    recorded = [frame for frame, _ in recorded_j2735(data_dir, "SRM")]
    assert len(recorded) == 3
    for frame in recorded:
        body = message_codec("j2735/SignalRequestMessage").decode(split_j2735(frame)[1])
        header = {"protocolVersion": 2, "messageId": 9, "stationId": STATION}
        payload = message_codec("etsi/SREM").encode({"header": header, "srm": body})
        assert accepted_by_the_standard("etsi/SREM", payload)
        assert read_srem(payload) == j2735.decode_srm(frame, frame=FRAME, arrival_ns=ARRIVAL_NS)


@pytest.mark.data
def test_the_octets_of_recorded_requests(data_dir: Path) -> None:
    """They put the longitude one step further west, and where there is an ISO 3833 type, it has one bit less."""
    refused = 0
    for frame, _ in recorded_j2735(data_dir, "SRM"):
        octets = split_j2735(frame)[1]
        body = message_codec("j2735/SignalRequestMessage").decode(octets)
        payload = b"\x02\x09\x00\x00\x12\x34" + octets
        if "iso3883" in body["requestor"]["type"]:
            with pytest.raises(CodecError, match="does not decode"):
                read_srem(payload)
            refused += 1
            continue
        body["requestor"]["position"]["position"]["long"] -= 1
        assert message_codec("etsi/SREM").decode(payload)["srm"] == body
        assert accepted_by_the_standard("etsi/SREM", payload)
    assert refused == 1


@pytest.mark.data
def test_recorded_answers_say_the_same_as_in_j2735(data_dir: Path) -> None:
    count = 0
    for frame, _ in recorded_j2735(data_dir, "SSM"):
        payload = b"\x02\x0a\x00\x00\x12\x34" + split_j2735(frame)[1]
        assert read_ssem(payload) == j2735.decode_ssm(frame, arrival_ns=ARRIVAL_NS)
        count += 1
    assert count == 5
