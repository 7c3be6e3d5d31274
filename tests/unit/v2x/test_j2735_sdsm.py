"""SDSM: perceived objects go out and come back."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame
from edge.core.kinds import ObjectClass
from edge.core.perceived import PerceivedObject, PerceivedObjects, Sensing
from edge.core.stamp import NS_PER_MS
from edge.v2x import j2735
from edge.v2x.codec import message_codec
from edge.v2x.frame import J2735_SDSM, OtherMessageError, unwrap_j2735, wrap_j2735
from tests.unit.v2x.samples import FRAME, NOW_NS, recorded_j2735, report

CODEC = message_codec("j2735/SensorDataSharingMessage")
ARRIVAL_NS = NOW_NS + 30 * NS_PER_MS

TRUCK = PerceivedObject(
    object_id=12,
    measured_ns=NOW_NS - 80 * NS_PER_MS,
    object_class=ObjectClass.TRUCK,
    x_m=30.0,
    y_m=-12.0,
    sensing=Sensing.CAMERA,
    ellipse_m=(0.4, 0.3),
    speed_mps=9.0,
    yaw_rad=math.pi / 2.0,
    acceleration_mps2=-1.5,
    speed_sigma_mps=0.5,
    yaw_sigma_rad=math.radians(2.0),
    length_m=8.5,
    width_m=2.5,
    height_m=3.2,
    class_confidence=0.87,
)


def perceived(*objects: PerceivedObject, **changes: Any) -> PerceivedObjects:
    values: dict[str, Any] = {
        "station": "00000101",
        "stamp_ns": NOW_NS,
        "x_m": 5.0,
        "y_m": -2.0,
        "objects": objects,
    }
    return PerceivedObjects(**(values | changes))


def encode(sent: PerceivedObjects) -> tuple[bytes, ...]:
    return j2735.encode_sdsm(sent, frame=FRAME, message_count=127)


def decode(payload: bytes) -> PerceivedObjects:
    return j2735.decode_sdsm(payload, frame=FRAME, arrival_ns=ARRIVAL_NS)


def value_of(payload: bytes) -> dict[str, Any]:
    found: dict[str, Any] = CODEC.decode(unwrap_j2735(payload, message_id=J2735_SDSM, what="SDSM"))
    return found


def changed(common: dict[str, Any] | None = None, details: Any = None, **changes: Any) -> bytes:
    """The truck with elements of the message or of the object changed."""
    [payload] = encode(perceived(TRUCK))
    value = value_of(payload) | changes
    [entry] = value["objects"]
    entry["detObjCommon"] |= common or {}
    if details is not None:
        entry["detObjOptData"] = details
    return wrap_j2735(J2735_SDSM, CODEC.encode(value))


def test_units_worked_out_by_hand() -> None:
    """The truck is 10 m south and 25 m east of the reference, measured 80 ms before the message.

    In decimetres to the north and east: -100 and 250. 95 % of 0.4 m is 0.98 m: a1m; of 0.5 m/s 0.98: prec1ms; of 2
    degrees 3.9: prec05deg. 9 m/s is 450 of 0.02; north is heading 0; 3.2 m is 64 of 5 cm.
    """
    [payload] = encode(perceived(TRUCK))
    value = value_of(payload)
    assert (value["msgCnt"], value["sourceID"], value["equipmentType"]) == (127, b"\x00\x00\x01\x01", "rsu")
    assert value["sDSMTimeStamp"] == {
        "year": 2023,
        "month": 3,
        "day": 2,
        "hour": 16,
        "minute": 43,
        "second": 54400,
        "offset": 0,
    }
    [entry] = value["objects"]
    assert entry["detObjCommon"] == {
        "objType": "vehicle",
        "objTypeCfd": 87,
        "objectID": 12,
        "measurementTime": 80,
        "timeConfidence": "unavailable",
        "pos": {"offsetX": -100, "offsetY": 250},
        "posConfidence": {"pos": "a1m", "elevation": "unavailable"},
        "speed": 450,
        "speedConfidence": "prec1ms",
        "heading": 0,
        "headingConf": "prec05deg",
        "accel4way": {"long": -150, "lat": 2001, "vert": -127, "yaw": 0},
    }
    assert entry["detObjOptData"] == (
        "detVeh",
        {"size": {"width": 250, "length": 850}, "height": 64, "vehicleClass": 25},
    )


SIZES = st.none() | st.floats(0.05, 10.0)
OBJECTS = st.builds(
    PerceivedObject,
    object_id=st.integers(0, 65535),
    measured_ns=st.integers(-1500, 1500).map(lambda ms: NOW_NS + ms * NS_PER_MS),
    object_class=st.sampled_from(ObjectClass),
    x_m=st.floats(-3000.0, 3000.0),
    y_m=st.floats(-3000.0, 3000.0),
    sensing=st.just(Sensing.CAMERA | Sensing.V2X),
    ellipse_m=st.none() | st.just((1.0, 0.5)),
    speed_mps=st.none() | st.floats(0.0, 163.0),
    yaw_rad=st.none() | st.floats(-math.pi, math.pi),
    acceleration_mps2=st.none() | st.floats(-20.0, 20.0),
    speed_sigma_mps=st.none() | st.floats(0.0, 50.0),
    yaw_sigma_rad=st.none() | st.floats(0.0, 0.08),
    length_m=SIZES,
    width_m=SIZES,
    height_m=st.none() | st.floats(0.05, 6.0),
    class_confidence=st.none() | st.floats(0.01, 1.0),
)


def same(found: float | None, sent: float | None, step: float) -> bool:
    if found is None or sent is None:
        return found is sent
    return abs(found - sent) <= step / 2.0 + 1e-6


@given(sent=OBJECTS)
def test_an_object_comes_back(sent: PerceivedObject) -> None:
    [payload] = encode(perceived(sent))
    found = decode(payload)
    assert (found.station, found.stamp_ns) == ("00000101", NOW_NS)
    assert math.dist((found.x_m, found.y_m), (5.0, -2.0)) < 0.02
    [heard] = found.objects
    assert (heard.object_id, heard.measured_ns) == (sent.object_id, sent.measured_ns)
    assert heard.object_class is sent.object_class
    assert max(abs(heard.x_m - sent.x_m), abs(heard.y_m - sent.y_m)) < 0.071
    assert same(heard.speed_mps, sent.speed_mps, 0.02)
    assert same(heard.acceleration_mps2, sent.acceleration_mps2, 0.01)
    assert same(heard.class_confidence, sent.class_confidence, 0.01)
    assert (heard.yaw_rad is None) == (sent.yaw_rad is None)
    if heard.yaw_rad is not None and sent.yaw_rad is not None:
        assert math.cos(heard.yaw_rad - sent.yaw_rad) > math.cos(math.radians(0.0064))
    assert heard.sensing is Sensing.NONE


@given(sent=OBJECTS)
def test_no_confidence_is_made_better(sent: PerceivedObject) -> None:
    [payload] = encode(perceived(sent))
    [heard] = decode(payload).objects
    if heard.ellipse_m is not None:
        assert sent.ellipse_m is not None
        assert min(heard.ellipse_m) >= max(sent.ellipse_m) - 1e-9
    for found, given_sigma in (
        (heard.speed_sigma_mps, sent.speed_sigma_mps),
        (heard.yaw_sigma_rad, sent.yaw_sigma_rad),
    ):
        if found is not None:
            assert given_sigma is not None
            assert found >= given_sigma - 1e-9


@given(sent=OBJECTS)
def test_sizes(sent: PerceivedObject) -> None:
    """Of a vehicle each dimension; of an obstacle all or nothing, in decimetres; of a person none."""
    [payload] = encode(perceived(sent))
    [heard] = decode(payload).objects
    if sent.object_class in (ObjectClass.PEDESTRIAN, ObjectClass.BICYCLE):
        assert (heard.length_m, heard.width_m, heard.height_m) == (None, None, None)
    elif sent.object_class is not ObjectClass.UNKNOWN:
        assert same(heard.length_m, sent.length_m, 0.01)
        assert same(heard.width_m, sent.width_m, 0.01)
        assert same(heard.height_m, sent.height_m, 0.05)
    elif sent.length_m is None or sent.width_m is None:
        assert (heard.length_m, heard.width_m, heard.height_m) == (None, None, None)
    else:
        for found, said in (
            (heard.length_m, sent.length_m),
            (heard.width_m, sent.width_m),
            (heard.height_m, sent.height_m),
        ):
            assert same(found or 0.0, said or 0.0, 0.1)


@given(objects=st.lists(OBJECTS, min_size=1, max_size=120), copies=st.sampled_from([1, 5]))
def test_no_frame_is_too_long_and_nothing_is_lost(objects: list[PerceivedObject], copies: int) -> None:
    frames = encode(perceived(*objects * copies))
    assert max(map(len, frames)) <= 1400
    heard = [entry for frame in frames for entry in value_of(frame)["objects"]]
    assert [entry["detObjCommon"]["objectID"] for entry in heard] == [o.object_id for o in objects * copies]
    assert [value_of(frame)["msgCnt"] for frame in frames] == [
        (127 + index) % 128 for index in range(len(frames))
    ]


def test_frames_are_filled() -> None:
    frames = encode(perceived(*[TRUCK] * 200))
    assert all(len(frame) > 1340 for frame in frames[:-1])


def test_only_what_can_be_told_truly_goes_out() -> None:
    kept = [
        replace(TRUCK, sensing=Sensing.CAMERA | Sensing.V2X),
        replace(TRUCK, x_m=5.0 + 3276.7),
        replace(TRUCK, measured_ns=NOW_NS + 1500 * NS_PER_MS),
    ]
    left_out = [
        replace(TRUCK, sensing=Sensing.V2X),
        replace(TRUCK, x_m=5.0 + 3276.9),
        replace(TRUCK, measured_ns=NOW_NS - 1501 * NS_PER_MS),
    ]
    [payload] = encode(perceived(*kept, *left_out))
    assert len(decode(payload).objects) == 3
    assert encode(perceived(*left_out)) == ()
    assert encode(perceived()) == ()


def test_unknown_is_none() -> None:
    bare = PerceivedObject(1, NOW_NS, ObjectClass.UNKNOWN, 1.0, 2.0)
    [payload] = encode(perceived(bare))
    [found] = decode(payload).objects
    assert found == replace(bare, x_m=found.x_m, y_m=found.y_m)
    assert found.class_confidence is None
    [zero] = decode(changed({"objTypeCfd": 0})).objects
    assert zero.class_confidence is None


def test_reference_accuracy() -> None:
    """3 cm are 1 of 5 cm; unknown is 255."""
    [known] = j2735.encode_sdsm(perceived(TRUCK), frame=FRAME, message_count=0, reference_sigma_m=0.03)
    assert value_of(known)["refPosXYConf"] == {"semiMajor": 1, "semiMinor": 1, "orientation": 65535}
    assert value_of(encode(perceived(TRUCK))[0])["refPosXYConf"]["semiMajor"] == 255


@pytest.mark.parametrize(
    ("kind", "details", "expected"),
    [
        ("vehicle", ("detVeh", {}), ObjectClass.CAR),
        ("vehicle", ("detVeh", {"vehicleClass": 52}), ObjectClass.BUS),
        ("vehicle", ("detVRU", {"basicType": "aPEDESTRIAN"}), ObjectClass.CAR),
        ("vru", ("detVRU", {}), ObjectClass.PEDESTRIAN),
        ("vru", ("detVRU", {"propulsion": ("motor", "bicycle")}), ObjectClass.BICYCLE),
        ("animal", ("detVRU", {"basicType": "anANIMAL"}), ObjectClass.UNKNOWN),
        ("unknown", ("detVeh", {"vehicleClass": 52}), ObjectClass.UNKNOWN),
        (0, ("detVeh", {"vehicleClass": 52}), ObjectClass.UNKNOWN),
    ],
    ids=str,
)
def test_classes(kind: str | int, details: Any, expected: ObjectClass) -> None:
    [found] = decode(changed({"objType": kind}, details)).objects
    assert found.object_class is expected


@pytest.mark.parametrize(
    ("stamp", "expected_ns"),
    [
        ({"year": 2023}, ARRIVAL_NS),
        ({"second": 54400}, NOW_NS),
        ({"year": 2023, "month": 3, "day": 2, "hour": 31, "minute": 43, "second": 54400}, NOW_NS),
        (
            {"year": 2023, "month": 3, "day": 2, "hour": 9, "minute": 43, "second": 54400, "offset": -420},
            NOW_NS,
        ),
        ({"year": 2023, "month": 3, "day": 2, "hour": 16, "minute": 43, "second": 65535}, ARRIVAL_NS),
        (
            {"year": 2022, "month": 3, "day": 2, "hour": 16, "minute": 43, "second": 54400},
            NOW_NS - 365 * 86_400 * 10**9,
        ),
    ],
    ids=str,
)
def test_times(stamp: dict[str, int], expected_ns: int) -> None:
    """A stamp may say less than all, and be that of another time zone."""
    assert decode(changed(sDSMTimeStamp=stamp)).stamp_ns == expected_ns


@pytest.mark.parametrize(
    "stamp",
    [
        {"year": 2023, "month": 2, "day": 30, "hour": 1, "minute": 1, "second": 1},
        {"year": 2023, "month": 2, "day": 3, "hour": 24, "minute": 1, "second": 1},
        {"second": 61000},
    ],
    ids=str,
)
def test_dates_that_do_not_exist_are_refused(stamp: dict[str, int]) -> None:
    payload = changed(sDSMTimeStamp=stamp)
    with pytest.raises(CodecError):
        decode(payload)


def test_broken_messages_are_refused() -> None:
    [payload] = encode(perceived(TRUCK))
    for length in range(len(payload)):
        with pytest.raises(CodecError):
            decode(payload[:length])
    nowhere = changed(refPos={"lat": 900000001, "long": 1800000001})
    with pytest.raises(CodecError, match="no position"):
        decode(nowhere)
    with pytest.raises(OtherMessageError):
        decode(j2735.encode_bsm(report(), frame=FRAME, message_count=0))


@pytest.mark.parametrize(
    "sent",
    [
        perceived(TRUCK, station="0101"),
        perceived(TRUCK, station="roadside"),
        perceived(replace(TRUCK, x_m=math.nan)),
        perceived(replace(TRUCK, speed_mps=math.inf)),
        perceived(replace(TRUCK, object_id=65536)),
    ],
    ids=["short", "text", "nan", "inf", "id"],
)
def test_what_cannot_be_sent_is_refused(sent: PerceivedObjects) -> None:
    with pytest.raises(CodecError):
        encode(sent)


@pytest.mark.data
def test_recorded_messages(data_dir: Path) -> None:
    """Two of V2X-Hub: 400 m north and 72 m west, 1.1 s after the message, 42 m/s, heading 200 degrees."""
    found = []
    for payload, theirs in recorded_j2735(data_dir, "SDSM"):
        frame = LocalFrame(theirs["refPos"]["lat"] / 1e7, theirs["refPos"]["long"] / 1e7)
        heard = j2735.decode_sdsm(payload, frame=frame, arrival_ns=NOW_NS)
        assert heard.station == theirs["sourceID"].lower(), json.dumps(theirs)
        assert len(heard.objects) == len(theirs["objects"])
        found += [o for o in heard.objects if o.object_id == 12200]
        for entry in heard.objects:
            if entry.object_id == 12200:
                assert entry.measured_ns - heard.stamp_ns == 1100 * NS_PER_MS
    assert len(found) == 2
    for entry in found:
        assert (entry.x_m, entry.y_m) == pytest.approx((-72.0, 400.0), abs=0.02)
        assert entry.speed_mps == pytest.approx(42.0)
        assert entry.yaw_rad == pytest.approx(math.radians(-110.0))
        assert entry.class_confidence == 0.65
        assert entry.acceleration_mps2 == 2.0
    assert {entry.length_m for entry in found} == {None, 30.0}
