"""CPM: perceived objects go out in segments and come back."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.core.kinds import ObjectClass
from edge.core.perceived import PerceivedObject, PerceivedObjects, Sensing
from edge.core.stamp import NS_PER_MS
from edge.v2x.etsi_cpm import MAX_BYTES
from edge.v2x.etsi_cpm_decode import read_cpm
from edge.v2x.etsi_perceived import covariance_of
from edge.v2x.uper import MAX_MESSAGE_BYTES
from tests.unit.v2x.cpm_samples import CODEC, SIGMAS_OF_LINE, TRUCK, container, decode, encode, perceived
from tests.unit.v2x.samples import FRAME, NOW_NS


def test_units_worked_out_by_hand() -> None:
    """The truck is 25 m east and 10 m south of the reference, measured 80 ms before; its longer axis lies north.

    95 % of 0.3 m east are 58.8 cm: 59; of 0.4 m north 78.4: 79. Of 0.5 m/s 98 cm/s; of 2 degrees 3.92: 40 tenths. It
    brakes: 1.5 m/s2 to where it comes from, 280 degrees. 0.95 of 15 is 14.25: 14. The second is a leap second more than
    those of the epoch: 1677775434.4 - 1072915200 + 5.
    """
    [payload] = encode(perceived(TRUCK))
    value = CODEC.decode(payload)
    assert value["header"] == {"protocolVersion": 2, "messageId": 14, "stationId": 257}
    management = value["payload"]["managementContainer"]
    assert management["referenceTime"] == 604_860_239_400
    assert "segmentationInfo" not in management
    assert management["referencePosition"]["positionConfidenceEllipse"] == {
        "semiMajorConfidence": 4095,
        "semiMinorConfidence": 4095,
        "semiMajorOrientation": 3601,
    }
    assert [entry["containerId"] for entry in value["payload"]["cpmContainers"]] == [2, 3, 5]
    assert container(value, 2) == {}
    assert container(value, 3) == [
        {"sensorId": 1, "sensorType": 3, "shadowingApplies": False},
        {"sensorId": 2, "sensorType": 1, "shadowingApplies": False},
    ]
    assert container(value, 5)["numberOfPerceivedObjects"] == 1
    [entry] = container(value, 5)["perceivedObjects"]
    position = entry.pop("position")
    assert position["xCoordinate"]["value"] == pytest.approx(2500, abs=1)
    assert position["yCoordinate"]["value"] == pytest.approx(-1000, abs=1)
    assert (position["xCoordinate"]["confidence"], position["yCoordinate"]["confidence"]) == (59, 79)
    assert "zCoordinate" not in position
    angle = {"value": 1000, "confidence": 40}
    assert entry == {
        "objectId": 12,
        "measurementDeltaTime": -80,
        "velocity": (
            "polarVelocity",
            {"velocityMagnitude": {"speedValue": 900, "speedConfidence": 98}, "velocityDirection": angle},
        ),
        "acceleration": (
            "polarAcceleration",
            {
                "accelerationMagnitude": {"accelerationMagnitudeValue": 15, "accelerationConfidence": 102},
                "accelerationDirection": {"value": 2800, "confidence": 127},
            },
        ),
        "angles": {"zAngle": angle},
        "objectDimensionZ": {"value": 32, "confidence": 32},
        "objectDimensionY": {"value": 25, "confidence": 32},
        "objectDimensionX": {"value": 85, "confidence": 32},
        "objectAge": 700,
        "objectPerceptionQuality": 14,
        "sensorIdList": [1, 2],
        "classification": [{"objectClass": ("vehicleSubClass", 8), "confidence": 87}],
    }


SIZES = st.none() | st.floats(0.1, 25.4)
SIGMAS = st.floats(0.01, 8.0)
OBJECTS = st.builds(
    PerceivedObject,
    object_id=st.integers(0, 65535),
    measured_ns=st.integers(-2046, 2046).map(lambda ms: NOW_NS + ms * NS_PER_MS),
    object_class=st.sampled_from(ObjectClass),
    x_m=st.floats(-1300.0, 1300.0),
    y_m=st.floats(-1300.0, 1300.0),
    sensing=st.integers(0, 31).map(Sensing).filter(lambda sensing: sensing != Sensing.V2X),
    ellipse_m=st.none() | st.tuples(SIGMAS, SIGMAS).map(lambda axes: (max(axes), min(axes))),
    ellipse_yaw_rad=st.floats(-math.pi, math.pi),
    speed_mps=st.none() | st.floats(0.0, 163.0),
    yaw_rad=st.none() | st.floats(-math.pi, math.pi),
    acceleration_mps2=st.none() | st.floats(-15.9, 15.9),
    speed_sigma_mps=st.none() | st.floats(0.0, 2.0),
    yaw_sigma_rad=st.none() | st.floats(0.0, 0.3),
    length_m=SIZES,
    width_m=SIZES,
    height_m=SIZES,
    class_confidence=st.none() | st.floats(0.01, 1.0),
    existence=st.none() | st.floats(0.0, 1.0),
    age_ms=st.none() | st.integers(0, 5000),
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
    assert math.dist((found.x_m, found.y_m), (5.0, -2.0)) < 0.01
    [heard] = found.objects
    assert (heard.object_id, heard.measured_ns) == (sent.object_id, sent.measured_ns)
    assert (heard.object_class, heard.sensing) == (sent.object_class, sent.sensing)
    assert same(heard.x_m, sent.x_m, 0.01)
    assert same(heard.y_m, sent.y_m, 0.01)
    assert same(heard.speed_mps, sent.speed_mps, 0.01)
    for name in ("length_m", "width_m", "height_m"):
        assert same(getattr(heard, name), getattr(sent, name), 0.1)
    assert (heard.yaw_rad is None) == (sent.yaw_rad is None)
    if heard.yaw_rad is None or sent.yaw_rad is None:
        assert heard.acceleration_mps2 is None
    else:
        assert math.cos(heard.yaw_rad - sent.yaw_rad) > math.cos(math.radians(0.051))
        assert same(heard.acceleration_mps2, sent.acceleration_mps2, 0.1001)
    known = sent.object_class is not ObjectClass.UNKNOWN
    assert same(heard.class_confidence, sent.class_confidence if known else None, 0.01)
    assert heard.age_ms == (None if sent.age_ms is None else min(sent.age_ms, 1500))


@given(sent=OBJECTS)
def test_no_confidence_is_made_better(sent: PerceivedObject) -> None:
    [heard] = decode(encode(perceived(sent))[0]).objects
    if heard.existence is not None:
        assert sent.existence is not None
        assert sent.existence - 1 / 15 < heard.existence <= sent.existence + 1e-6
    for found, given_sigma, step in (
        (heard.speed_sigma_mps, sent.speed_sigma_mps, 0.01),
        (heard.yaw_sigma_rad, sent.yaw_sigma_rad, math.radians(0.1)),
    ):
        if found is not None:
            assert given_sigma is not None
            assert given_sigma - 1e-6 <= found <= given_sigma + step / SIGMAS_OF_LINE


def spread(axes_m: tuple[float, float], yaw_rad: float, towards_rad: float) -> float:
    """Variance in one direction."""
    xx, yy, xy = covariance_of(axes_m, yaw_rad)
    cosine, sine = math.cos(towards_rad), math.sin(towards_rad)
    return xx * cosine**2 + yy * sine**2 + 2.0 * xy * cosine * sine


@given(sent=OBJECTS)
def test_an_ellipse_comes_back_as_it_lies(sent: PerceivedObject) -> None:
    """Steps of a centimetre, and of a hundredth in the correlation: in no direction off by more than they allow."""
    [heard] = decode(encode(perceived(sent))[0]).objects
    assert (heard.ellipse_m is None) == (sent.ellipse_m is None)
    if heard.ellipse_m is None or sent.ellipse_m is None:
        return
    assert heard.ellipse_m[0] >= heard.ellipse_m[1] >= 0.0
    step_m = 0.01 / SIGMAS_OF_LINE
    for towards_rad in (0.0, math.pi / 2.0):
        found = math.sqrt(spread(heard.ellipse_m, heard.ellipse_yaw_rad, towards_rad))
        was = math.sqrt(spread(sent.ellipse_m, sent.ellipse_yaw_rad, towards_rad))
        assert was - 1e-6 <= found <= was + step_m + 1e-6
    for towards_rad in (math.pi / 4.0, -math.pi / 4.0):
        found = spread(heard.ellipse_m, heard.ellipse_yaw_rad, towards_rad)
        was = spread(sent.ellipse_m, sent.ellipse_yaw_rad, towards_rad)
        most_m = sent.ellipse_m[0] + step_m
        assert abs(found - was) <= 0.01 * most_m**2 + 4.0 * most_m * step_m
    assert heard.ellipse_m[1] >= sent.ellipse_m[1] - step_m


@pytest.mark.parametrize("yaw_rad", [0.7, -0.7, 2.4, math.pi / 4.0])
def test_a_long_ellipse_keeps_its_direction(yaw_rad: float) -> None:
    """Twice as long as wide, as of a far object that a camera sees from the side."""
    sent = replace(TRUCK, ellipse_m=(2.0, 1.0), ellipse_yaw_rad=yaw_rad)
    [payload] = encode(perceived(sent))
    [heard] = decode(payload).objects
    assert heard.ellipse_m == (pytest.approx(2.0, abs=0.02), pytest.approx(1.0, abs=0.02))
    assert abs(math.sin(heard.ellipse_yaw_rad - yaw_rad)) < 0.01
    [entry] = container(CODEC.decode(payload), 5)["perceivedObjects"]
    [matrix] = entry["lowerTriangularCorrelationMatrices"]
    assert matrix["componentsIncludedIntheMatrix"] == (b"\xc0\x00", 13)
    [[cell]] = matrix["matrix"]
    assert cell * math.sin(2.0 * yaw_rad) > 0.0


def test_correlation_by_hand() -> None:
    """At 45 degrees both variances are (4 + 1) / 2, and they share (4 - 1) / 2: 60 %."""
    sent = perceived(replace(TRUCK, ellipse_m=(2.0, 1.0), ellipse_yaw_rad=math.pi / 4.0))
    [entry] = container(CODEC.decode(encode(sent)[0]), 5)["perceivedObjects"]
    [matrix] = entry["lowerTriangularCorrelationMatrices"]
    assert matrix["matrix"][0][0] in (59, 60)
    assert entry["position"]["xCoordinate"]["confidence"] == math.ceil(100 * 1.96 * math.sqrt(2.5))
    [entry] = container(CODEC.decode(encode(sent, with_correlation=False)[0]), 5)["perceivedObjects"]
    assert "lowerTriangularCorrelationMatrices" not in entry


def test_what_no_single_message_holds_is_split() -> None:
    """85 objects are few enough to try one message, and too long for any."""
    sent = [replace(TRUCK, object_id=number, ellipse_yaw_rad=0.7) for number in range(85)]
    messages = encode(perceived(*sent))
    assert sum(map(len, messages)) > MAX_MESSAGE_BYTES
    assert max(map(len, messages)) <= MAX_BYTES
    read = [read_cpm(message, frame=FRAME) for message in messages]
    heard = [found.object_id for part in read for found in part.perceived.objects]
    assert heard == list(range(85))


@given(objects=st.lists(OBJECTS, min_size=1, max_size=60), copies=st.sampled_from([1, 3]))
def test_segments_hold_each_object_once(objects: list[PerceivedObject], copies: int) -> None:
    sent = [replace(found, object_id=number) for number, found in enumerate(objects * copies)]
    messages = encode(perceived(*sent))
    assert max(map(len, messages)) <= MAX_BYTES
    parts = [read_cpm(message, frame=FRAME) for message in messages]
    heard = [found.object_id for part in parts for found in part.perceived.objects]
    assert heard == list(range(len(sent)))
    assert [(part.number, part.of) for part in parts] == [
        (number, len(messages)) for number in range(1, len(messages) + 1)
    ]
    assert {part.known for part in parts} == {len(sent)}
    assert {part.perceived.stamp_ns for part in parts} == {NOW_NS}
    assert len({(part.perceived.station, part.perceived.x_m, part.perceived.y_m) for part in parts}) == 1


@pytest.mark.parametrize("max_bytes", [100, 300, 1400, 100_000])
def test_messages_are_filled_to_the_budget(max_bytes: int) -> None:
    messages = encode(perceived(*[TRUCK] * 500), max_bytes=max_bytes)
    assert len(messages) == 8
    most = min(max_bytes, MAX_MESSAGE_BYTES)
    assert all(most - 42 < len(message) <= most for message in messages)


def test_one_that_just_fits_is_one() -> None:
    sizes = [len(encode(perceived(*[TRUCK] * count), max_bytes=2048)[0]) for count in (1, 12, 13)]
    twelve = encode(perceived(*[TRUCK] * 12), max_bytes=sizes[1])
    assert [len(message) for message in twelve] == [sizes[1]]
    assert len(encode(perceived(*[TRUCK] * 13), max_bytes=sizes[2] - 1)) == 2
    with pytest.raises(CodecError, match="do not hold one object"):
        encode(perceived(TRUCK), max_bytes=sizes[0] - 1)


def test_the_farthest_are_left_out() -> None:
    """Eight messages of 200 octets do not hold a hundred; the farthest stay away, and the count says so."""
    order = list(range(100))
    random.Random(5).shuffle(order)
    sent = [replace(TRUCK, object_id=number, x_m=5.0 + number, y_m=-2.0) for number in order]
    parts = [read_cpm(message, frame=FRAME) for message in encode(perceived(*sent), max_bytes=200)]
    heard = [found.object_id for part in parts for found in part.perceived.objects]
    assert len(parts) == 8
    assert 16 <= len(heard) < 100
    assert heard == list(range(len(heard)))
    assert {part.known for part in parts} == {100}
    [message, *_] = encode(perceived(*[TRUCK] * 300))
    assert read_cpm(message, frame=FRAME).known == 255


def test_only_what_can_be_told_truly_goes_out() -> None:
    kept = [
        replace(TRUCK, sensing=Sensing.CAMERA | Sensing.V2X),
        replace(TRUCK, sensing=Sensing.NONE),
        replace(TRUCK, x_m=5.0 + 1310.6),
        replace(TRUCK, measured_ns=NOW_NS + 2046 * NS_PER_MS),
    ]
    left_out = [
        replace(TRUCK, sensing=Sensing.V2X),
        replace(TRUCK, x_m=5.0 + 1310.8),
        replace(TRUCK, measured_ns=NOW_NS - 2047 * NS_PER_MS),
    ]
    [payload] = encode(perceived(*kept, *left_out))
    part = read_cpm(payload, frame=FRAME)
    assert [found.sensing for found in part.perceived.objects[:2]] == [kept[0].sensing, Sensing.NONE]
    assert (len(part.perceived.objects), part.known) == (4, 6)
    assert encode(perceived(*left_out)) == ()
    assert encode(perceived()) == ()


def test_unknown_is_none() -> None:
    bare = PerceivedObject(1, NOW_NS, ObjectClass.UNKNOWN, 1.0, 2.0)
    [payload] = encode(perceived(bare))
    [found] = decode(payload).objects
    assert found == replace(bare, x_m=found.x_m, y_m=found.y_m)
    value = CODEC.decode(payload)
    [entry] = container(value, 5)["perceivedObjects"]
    assert set(entry) == {"objectId", "measurementDeltaTime", "position"}
    assert [part["containerId"] for part in value["payload"]["cpmContainers"]] == [2, 5]


def test_a_size_without_a_direction_says_that_there_is_none() -> None:
    """Without angles, the box would lie along the axes."""
    [payload] = encode(perceived(replace(TRUCK, yaw_rad=None)))
    [entry] = container(CODEC.decode(payload), 5)["perceivedObjects"]
    assert entry["angles"] == {"zAngle": {"value": 3601, "confidence": 127}}
    [found] = decode(payload).objects
    assert (found.yaw_rad, found.yaw_sigma_rad, found.length_m) == (None, None, 8.5)


def test_beyond_the_last_step() -> None:
    sent = replace(
        TRUCK, speed_mps=200.0, acceleration_mps2=-40.0, length_m=30.0, speed_sigma_mps=0.7, yaw_sigma_rad=1.0
    )
    [found] = decode(encode(perceived(sent))[0]).objects
    assert (found.speed_mps, found.speed_sigma_mps, found.length_m, found.yaw_sigma_rad) == (None,) * 4
    assert found.acceleration_mps2 == pytest.approx(-16.0)


@pytest.mark.parametrize(
    ("station", "station_id", "expected"),
    [("00000101", None, "00000101"), ("0000000000000001", None, "00000001"), ("rsu", 0xFFFFFFFF, "ffffffff")],
)
def test_stations(station: str, station_id: int | None, expected: str) -> None:
    [payload] = encode(perceived(TRUCK, station=station), station_id=station_id)
    assert decode(payload).station == expected


def test_without_sensors() -> None:
    [payload] = encode(perceived(TRUCK), with_sensors=False)
    assert [part["containerId"] for part in CODEC.decode(payload)["payload"]["cpmContainers"]] == [2, 5]
    assert decode(payload).objects[0].sensing is Sensing.NONE


@pytest.mark.parametrize(
    "sent",
    [
        perceived(TRUCK, station="roadside"),
        perceived(TRUCK, station="000000010000000000"),
        perceived(TRUCK, x_m=math.nan),
        *(
            perceived(replace(TRUCK, **{name: bad}))
            for name in (
                "x_m",
                "speed_mps",
                "yaw_rad",
                "acceleration_mps2",
                "speed_sigma_mps",
                "yaw_sigma_rad",
                "length_m",
                "ellipse_yaw_rad",
                "existence",
                "class_confidence",
            )
            for bad in (math.nan, math.inf)
        ),
        perceived(replace(TRUCK, ellipse_m=(math.inf, 1.0))),
        perceived(replace(TRUCK, object_id=65536)),
    ],
)
def test_what_cannot_be_sent_is_refused(sent: PerceivedObjects) -> None:
    with pytest.raises(CodecError):
        encode(sent)
