"""SRM and SSM: requests for priority and the answers go out and come back."""

from __future__ import annotations

import math
from dataclasses import replace
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
from edge.v2x.frame import J2735_SRM, J2735_SSM, OtherMessageError, unwrap_j2735, wrap_j2735
from tests.unit.v2x.samples import FRAME, NOW_NS, recorded_j2735

ARRIVAL_NS = NOW_NS + 40 * NS_PER_MS

BUS = PriorityRequest(
    requester="0a1b2c3d",
    request=7,
    sequence=3,
    kind=RequestKind.REQUEST,
    intersection=1001,
    region=7,
    entry=Access(lane=5),
    leave=Access(approach=2),
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
    requester="0a1b2c3d",
    request=7,
    sequence=3,
    role=RequesterRole.PUBLIC_TRANSPORT,
    intersection=1001,
    region=7,
    state=RequestState.GRANTED,
    entry=Access(lane=5),
    leave=Access(approach=2),
    arrival_ns=NOW_NS + 12 * NS_PER_S,
    duration_ms=4000,
)

ACCESSES = st.one_of(
    st.integers(0, 255).map(lambda n: Access(lane=n)),
    st.integers(0, 15).map(lambda n: Access(approach=n)),
    st.integers(0, 255).map(lambda n: Access(connection=n)),
)
ARRIVALS = st.none() | st.integers(0, 3_600_000).map(lambda ms: NOW_NS + ms * NS_PER_MS)
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
    "arrival_ns": ARRIVALS,
    "duration_ms": st.none() | st.integers(0, 65534),
}


def decode_srm(payload: bytes) -> tuple[PriorityRequest, ...]:
    return j2735.decode_srm(payload, frame=FRAME, arrival_ns=ARRIVAL_NS)


def srm(**changes: Any) -> dict[str, Any]:
    body = unwrap_j2735(j2735.encode_srm([BUS], frame=FRAME), message_id=J2735_SRM, what="SRM")
    value: dict[str, Any] = message_codec("j2735/SignalRequestMessage").decode(body)
    return value | changes


def sent_srm(value: dict[str, Any]) -> bytes:
    return wrap_j2735(J2735_SRM, message_codec("j2735/SignalRequestMessage").encode(value))


def ssm(**changes: Any) -> dict[str, Any]:
    payload = j2735.encode_ssm([GRANTED], message_count=129, now_ns=NOW_NS)
    value: dict[str, Any] = message_codec("j2735/SignalStatusMessage").decode(
        unwrap_j2735(payload, message_id=J2735_SSM, what="SSM")
    )
    return value | changes


def test_units_worked_out_by_hand() -> None:
    """2 March 2023 16:43:54.4 is day 61 of the year: minute 60 x 1440 + 1003 = 87403, and 54400 ms."""
    value = srm()
    assert (value["timeStamp"], value["second"], value["sequenceNumber"]) == (87403, 54400, 3)
    [package] = value["requests"]
    assert (package["minute"], package["second"], package["duration"]) == (87404, 6400, 4000)
    assert package["request"]["requestType"] == "priorityRequest"
    assert package["request"]["id"] == {"region": 7, "id": 1001}
    assert package["request"]["inBoundLane"] == ("lane", 5)
    position = value["requestor"]["position"]
    assert (position["heading"], position["speed"]["speed"]) == (7200, 600)
    assert value["requestor"]["id"] == ("entityID", bytes.fromhex("0a1b2c3d"))
    assert value["requestor"]["type"]["role"] == "transit"


@given(
    values=st.fixed_dictionaries(COMMON),
    kind=st.sampled_from(RequestKind),
    place=st.none() | st.tuples(*[st.floats(-2000.0, 2000.0)] * 2),
    motion=st.tuples(st.none() | st.floats(0.0, 163.0), st.none() | st.floats(-math.pi, math.pi)),
)
def test_a_request_comes_back(
    values: dict[str, Any],
    kind: RequestKind,
    place: tuple[float, float] | None,
    motion: tuple[float | None, float | None],
) -> None:
    x_m, y_m = (None, None) if place is None else place
    sent = PriorityRequest(
        **values, kind=kind, sent_ns=NOW_NS, x_m=x_m, y_m=y_m, speed_mps=motion[0], yaw_rad=motion[1]
    )
    [found] = decode_srm(j2735.encode_srm([sent], frame=FRAME))
    same = replace(found, x_m=sent.x_m, y_m=sent.y_m, speed_mps=sent.speed_mps, yaw_rad=sent.yaw_rad)
    assert same == sent
    if place is None:
        assert (found.x_m, found.y_m, found.speed_mps, found.yaw_rad) == (None, None, None, None)
        return
    assert found.x_m is not None
    assert found.y_m is not None
    assert math.dist((found.x_m, found.y_m), place) < 0.02
    assert found.speed_mps == (None if motion[0] is None else pytest.approx(motion[0], abs=0.0101))
    assert (found.yaw_rad is None) == (motion[1] is None)
    if found.yaw_rad is not None and motion[1] is not None:
        assert math.cos(found.yaw_rad - motion[1]) > math.cos(math.radians(0.0064))


@given(values=st.fixed_dictionaries(COMMON), state=st.sampled_from(RequestState))
def test_an_answer_comes_back(values: dict[str, Any], state: RequestState) -> None:
    sent = PriorityStatus(**values, state=state)
    payload = j2735.encode_ssm([sent], message_count=0, now_ns=NOW_NS)
    assert j2735.decode_ssm(payload, arrival_ns=ARRIVAL_NS) == (sent,)


def test_the_answer_names_the_request() -> None:
    value = ssm()
    assert (value["timeStamp"], value["second"], value["sequenceNumber"]) == (87403, 54400, 1)
    [status] = value["status"]
    assert (status["sequenceNumber"], status["id"]) == (1, {"region": 7, "id": 1001})
    assert status["sigStatus"][0]["requester"] == {
        "id": ("entityID", bytes.fromhex("0a1b2c3d")),
        "request": 7,
        "sequenceNumber": 3,
        "role": "transit",
    }


def test_answers_are_gathered_by_intersection() -> None:
    other = replace(GRANTED, requester="0000000259", intersection=1002, state=RequestState.REJECTED)
    second = replace(GRANTED, requester="0a1b2c3e", state=RequestState.PROCESSING)
    payload = j2735.encode_ssm([GRANTED, other, second], message_count=1, now_ns=NOW_NS)
    assert j2735.decode_ssm(payload, arrival_ns=ARRIVAL_NS) == (GRANTED, second, other)


def test_several_intersections_are_asked_at_once() -> None:
    both = [BUS, replace(BUS, intersection=1002, kind=RequestKind.CANCEL)]
    assert [r.intersection for r in decode_srm(j2735.encode_srm(both, frame=FRAME))] == [1001, 1002]
    with pytest.raises(CodecError, match="several vehicles"):
        j2735.encode_srm([BUS, replace(BUS, requester="ffffffff")], frame=FRAME)
    with pytest.raises(CodecError, match="no request"):
        j2735.encode_srm([], frame=FRAME)


def test_times_that_are_not_said() -> None:
    [package] = srm()["requests"]
    bare = srm(requests=[package | {"minute": 527040, "duration": 65535}, package | {"second": 65535}])
    bare.pop("timeStamp")
    bare.pop("sequenceNumber")
    first, second = decode_srm(sent_srm(bare))
    assert (first.sent_ns, first.sequence) == (NOW_NS, 0)
    assert (first.arrival_ns, first.duration_ms) == (None, None)
    assert (second.arrival_ns, second.duration_ms) == (None, 4000)
    [unset] = decode_srm(sent_srm(srm(second=65535)))
    assert unset.sent_ns == ARRIVAL_NS


def test_a_position_that_is_not_said() -> None:
    requestor = srm()["requestor"]
    place = {"position": {"lat": 900000001, "long": 1800000001}, "heading": 28800}
    [found] = decode_srm(sent_srm(srm(requestor=requestor | {"position": place})))
    assert (found.x_m, found.y_m, found.speed_mps, found.yaw_rad) == (None, None, None, None)
    requestor.pop("type")
    [found] = decode_srm(sent_srm(srm(requestor=requestor)))
    assert found.role is RequesterRole.OTHER


def test_requests_without_a_known_type_are_left_out() -> None:
    [package] = srm()["requests"]
    kinds = ["priorityRequestTypeReserved", 0, "priorityCancellation"]
    requests = [package | {"request": package["request"] | {"requestType": kind}} for kind in kinds]
    found = decode_srm(sent_srm(srm(requests=requests)))
    assert [r.kind for r in found] == [RequestKind.CANCEL]
    nothing = srm()
    nothing.pop("requests")
    assert decode_srm(sent_srm(nothing)) == ()


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("publicTransport", RequesterRole.PUBLIC_TRANSPORT),
        ("roadRescue", RequesterRole.EMERGENCY),
        ("basicVehicle", RequesterRole.OTHER),
        (0, RequesterRole.OTHER),
    ],
    ids=str,
)
def test_roles(name: str | int, role: RequesterRole) -> None:
    requestor = srm()["requestor"] | {"type": {"role": name}}
    assert decode_srm(sent_srm(srm(requestor=requestor)))[0].role is role


def test_answers_that_say_less() -> None:
    [status] = ssm()["status"]
    [package] = status["sigStatus"]
    requester = package["requester"] | {"typeData": {"role": "fire"}}
    requester.pop("role")
    anonymous = {key: value for key, value in package.items() if key != "requester"}
    value = ssm(status=[status | {"sigStatus": [anonymous, package | {"requester": requester, "status": 3}]}])
    payload = wrap_j2735(J2735_SSM, message_codec("j2735/SignalStatusMessage").encode(value))
    [found] = j2735.decode_ssm(payload, arrival_ns=ARRIVAL_NS)
    assert (found.role, found.state) == (RequesterRole.FIRE, RequestState.UNKNOWN)


@pytest.mark.parametrize("requester", ["0a1b", "xyz", "010a1b2c3d", ""])
def test_ids_of_no_form_are_refused(requester: str) -> None:
    with pytest.raises(CodecError, match="requester"):
        j2735.encode_srm([replace(BUS, requester=requester)], frame=FRAME)
    with pytest.raises(CodecError, match="requester"):
        j2735.encode_ssm([replace(GRANTED, requester=requester)], message_count=0, now_ns=NOW_NS)


def test_durations_saturate() -> None:
    [found] = decode_srm(j2735.encode_srm([replace(BUS, duration_ms=10**9)], frame=FRAME))
    assert found.duration_ms == 65534


def test_broken_messages_are_refused() -> None:
    payload = j2735.encode_srm([BUS], frame=FRAME)
    for length in range(len(payload)):
        with pytest.raises(CodecError):
            decode_srm(payload[:length])
    answer = j2735.encode_ssm([GRANTED], message_count=0, now_ns=NOW_NS)
    for length in range(len(answer)):
        with pytest.raises(CodecError):
            j2735.decode_ssm(answer[:length], arrival_ns=ARRIVAL_NS)
    with pytest.raises(OtherMessageError):
        decode_srm(answer)
    with pytest.raises(OtherMessageError):
        j2735.decode_ssm(payload, arrival_ns=ARRIVAL_NS)
    with pytest.raises(CodecError, match="reserved"):
        decode_srm(sent_srm(srm(second=62000)))
    with pytest.raises(CodecError, match="no status"):
        j2735.encode_ssm([], message_count=0, now_ns=NOW_NS)
    with pytest.raises(CodecError):
        j2735.encode_ssm([GRANTED] * 33, message_count=0, now_ns=NOW_NS)


def test_an_access_point_of_a_later_edition_is_refused() -> None:
    [package] = srm()["requests"]
    asked = package["request"] | {"inBoundLane": (0, b"\x00")}
    with pytest.raises(CodecError, match="later edition"):
        decode_srm(sent_srm(srm(requests=[package | {"request": asked}])))


@pytest.mark.data
def test_recorded_requests_and_answers(data_dir: Path) -> None:
    """The JER of another decoder beside each frame says the same."""
    for payload, theirs in recorded_j2735(data_dir, "SRM"):
        asked = [
            package["request"]
            for package in theirs["requests"]
            if package["request"]["requestType"] != "priorityRequestTypeReserved"
        ]
        found = decode_srm(payload)
        assert [(r.intersection, r.request) for r in found] == [
            (a["id"]["id"], a["requestID"]) for a in asked
        ]
    for payload, theirs in recorded_j2735(data_dir, "SSM"):
        sent = [(s["id"]["id"], p) for s in theirs["status"] for p in s["sigStatus"]]
        answers = j2735.decode_ssm(payload, arrival_ns=ARRIVAL_NS)
        for answer, (intersection, package) in zip(answers, sent, strict=True):
            kind, number = next(iter(package["requester"]["id"].items()))
            identity = number.lower() if kind == "entityID" else f"{number:010x}"
            assert (answer.requester, answer.intersection) == (identity, intersection)
            assert answer.entry == Access(**package["inboundOn"])
            assert answer.state is RequestState(package["status"])
