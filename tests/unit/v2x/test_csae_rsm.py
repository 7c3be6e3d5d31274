"""RSM of T/CSAE 53 and SSM of T/CSAE 157: what is perceived goes out and comes back."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.core.kinds import ObjectClass
from edge.core.perceived import PerceivedObject, PerceivedObjects, Sensing
from edge.core.stamp import NS_PER_MS
from edge.v2x import csae
from edge.v2x.codec import message_codec
from edge.v2x.frame import CSAE_SSM, OtherMessageError, unwrap_csae_day2, wrap_csae_day2
from edge.v2x.motion import DEGREES_PER_UNIT
from tests.unit.v2x.samples import FRAME, NOW_NS

ARRIVAL_NS = NOW_NS + 40 * NS_PER_MS
STATION = "0011223344556677"
VARIANTS: list[csae.Variant] = ["a", "b"]
KINDS = ["rsm", "ssm"]


def item(**changes: Any) -> PerceivedObject:
    values: dict[str, Any] = {
        "object_id": 7,
        "measured_ns": NOW_NS,
        "object_class": ObjectClass.BUS,
        "x_m": 12.5,
        "y_m": -40.25,
        "sensing": Sensing.CAMERA,
        "ellipse_m": (0.3, 0.2),
        "speed_mps": 9.9,
        "yaw_rad": 0.0,
        "length_m": 18.0,
        "width_m": 2.55,
        "height_m": 3.1,
    }
    return PerceivedObject(**(values | changes))


def objects(*items: PerceivedObject, **changes: Any) -> PerceivedObjects:
    values: dict[str, Any] = {
        "station": STATION,
        "stamp_ns": NOW_NS,
        "x_m": 0.0,
        "y_m": 0.0,
        "objects": items,
    }
    return PerceivedObjects(**(values | changes))


def encode(
    kind: str, sent: PerceivedObjects, *, variant: csae.Variant = "a", count: int = 0
) -> tuple[bytes, ...]:
    function = csae.encode_rsm if kind == "rsm" else csae.encode_ssm
    return function(sent, frame=FRAME, message_count=count, variant=variant)


def decode(kind: str, payload: bytes, *, variant: csae.Variant = "a") -> PerceivedObjects:
    function = csae.decode_rsm if kind == "rsm" else csae.decode_ssm
    return function(payload, frame=FRAME, arrival_ns=ARRIVAL_NS, variant=variant)


def rsm_body(payload: bytes) -> dict[str, Any]:
    value: dict[str, Any] = message_codec("csae-a/RoadsideSafetyMessage").decode(payload)
    return value


def test_units_of_a_participant() -> None:
    """9.9 m/s are 495 steps of 0.02; east is 90 degrees, 7200 steps; 3.1 m are 62 steps of 5 cm.

    A sigma of 0.3 m has a 95 % radius of 0.73 m, which 1 m holds; 0.2 m/s and 1 degree have half widths of 0.39 m/s and
    1.96 degrees, which 1 m/s and 5 degrees hold. The 54.4th second of the minute are 54,400 ms.
    """
    sent = item(speed_sigma_mps=0.2, yaw_sigma_rad=math.radians(1.0), acceleration_mps2=-1.5)
    (payload,) = encode("rsm", objects(sent), count=130)
    value = rsm_body(payload)
    assert (value["msgCnt"], value["id"].hex()) == (2, STATION)
    assert value["refPos"] == {"lat": 312_304_000, "long": 1_214_737_000, "elevation": 40}
    (found,) = value["participants"]
    form, offset = found.pop("pos")["offsetLL"]
    assert form == "position-LL2"
    assert offset["lat"] * DEGREES_PER_UNIT * 111_000.0 == pytest.approx(-40.25, abs=0.2)
    assert found == {
        "ptcType": "motor",
        "ptcId": 7,
        "source": "video",
        "secMark": 54_400,
        "posConfidence": {"pos": "a1m"},
        "speed": 495,
        "heading": 7_200,
        "motionCfd": {"speedCfd": "prec1ms", "headingCfd": "prec05deg"},
        "accelSet": {"long": -150, "lat": 2001, "vert": -127, "yaw": 0},
        "size": {"width": 255, "length": 1800, "height": 62},
        "vehicleClass": {"classification": 50},
    }


def test_what_is_not_known_is_said_to_be_unknown() -> None:
    bare = PerceivedObject(3, NOW_NS, ObjectClass.UNKNOWN, 1.0, 2.0)
    (found,) = rsm_body(encode("rsm", objects(bare))[0])["participants"]
    assert (found["ptcType"], found["source"], found["posConfidence"]) == (
        "unknown",
        "unknown",
        {"pos": "unavailable"},
    )
    assert (found["speed"], found["heading"], found["size"]) == (8191, 28_800, {"width": 0, "length": 0})
    assert found.keys().isdisjoint({"motionCfd", "accelSet", "vehicleClass", "id"})
    for kind in KINDS:
        (back,) = decode(kind, encode(kind, objects(bare))[0]).objects
        assert replace(back, x_m=1.0, y_m=2.0) == bare


@pytest.mark.parametrize(
    ("sensing", "source", "back"),
    [
        (Sensing.NONE, "unknown", Sensing.NONE),
        (Sensing.CAMERA, "video", Sensing.CAMERA),
        (Sensing.RADAR, "microwaveRadar", Sensing.RADAR),
        (Sensing.LIDAR, "lidar", Sensing.LIDAR),
        (Sensing.LOOP, "loop", Sensing.LOOP),
        (Sensing.V2X, "v2x", Sensing.V2X),
        (Sensing.CAMERA | Sensing.V2X, "integrated", Sensing.NONE),
        (Sensing.CAMERA | Sensing.RADAR, "integrated", Sensing.NONE),
    ],
)
def test_the_source_says_who_sensed_it(sensing: Sensing, source: str, back: Sensing) -> None:
    (payload,) = encode("rsm", objects(item(sensing=sensing)))
    assert rsm_body(payload)["participants"][0]["source"] == source
    assert decode("rsm", payload).objects[0].sensing is back


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("object_class", ObjectClass)
def test_classes_come_back(kind: str, variant: csae.Variant, object_class: ObjectClass) -> None:
    (payload,) = encode(kind, objects(item(object_class=object_class)), variant=variant)
    assert decode(kind, payload, variant=variant).objects[0].object_class is object_class


def test_confidences_are_half_widths_of_95_per_cent() -> None:
    """1 m has a sigma of 1 / 2.4477 in the plane, 1 m/s one of 1 / 1.96, 5 degrees one of 5 / 1.96."""
    sent = item(speed_sigma_mps=0.2, yaw_sigma_rad=math.radians(1.0))
    (found,) = decode("rsm", encode("rsm", objects(sent))[0]).objects
    assert found.ellipse_m == pytest.approx((0.40855, 0.40855), abs=1e-5)
    assert found.speed_sigma_mps == pytest.approx(0.5102, abs=1e-4)
    assert found.yaw_sigma_rad == pytest.approx(math.radians(2.551), abs=1e-5)
    wide = item(ellipse_m=(300.0, 1.0), speed_sigma_mps=60.0, yaw_sigma_rad=1.0)
    (found,) = decode("rsm", encode("rsm", objects(wide))[0]).objects
    assert (found.ellipse_m, found.speed_sigma_mps, found.yaw_sigma_rad) == (None, None, None)


def test_a_pseudonym_goes_along_where_it_is_one_of_this_set() -> None:
    own, other = item(temporary_id="00112233445566aa"), item(temporary_id="0a1b2c3d")
    (payload,) = encode("rsm", objects(own, other))
    assert [entry.temporary_id for entry in decode("rsm", payload).objects] == ["00112233445566aa", ""]


def optional(low: float, high: float) -> st.SearchStrategy[float | None]:
    return st.none() | st.floats(min_value=low, max_value=high)


ITEMS = st.builds(
    PerceivedObject,
    object_id=st.integers(min_value=1, max_value=65_535),
    measured_ns=st.integers(min_value=0, max_value=20_000).map(lambda ms: NOW_NS - ms * NS_PER_MS),
    object_class=st.sampled_from(ObjectClass),
    x_m=st.floats(min_value=-400.0, max_value=400.0),
    y_m=st.floats(min_value=-400.0, max_value=400.0),
    sensing=st.sampled_from([Sensing.CAMERA, Sensing.RADAR, Sensing.V2X]),
    speed_mps=optional(0.0, 160.0),
    yaw_rad=optional(-math.pi, math.pi),
    acceleration_mps2=optional(-20.0, 20.0),
    length_m=optional(0.01, 40.0),
    width_m=optional(0.01, 10.0),
    height_m=optional(0.05, 6.0),
)


def close(found: float | None, sent: float | None, step: float) -> bool:
    if found is None or sent is None:
        return found is sent
    return abs(found - sent) <= step / 2 + 1e-9


def assert_close(found: PerceivedObject, sent: PerceivedObject) -> None:
    assert math.dist((found.x_m, found.y_m), (sent.x_m, sent.y_m)) < 0.02
    assert close(found.speed_mps, sent.speed_mps, 0.02)
    assert close(found.acceleration_mps2, sent.acceleration_mps2, 0.01)
    assert close(found.length_m, sent.length_m, 0.01)
    assert close(found.width_m, sent.width_m, 0.01)
    assert close(found.height_m, sent.height_m, 0.05)
    if sent.yaw_rad is None:
        assert found.yaw_rad is None
    else:
        assert found.yaw_rad is not None
        assert math.cos(found.yaw_rad - sent.yaw_rad) > math.cos(math.radians(0.0064))
    same = ("object_id", "measured_ns", "object_class", "sensing", "temporary_id")
    assert all(getattr(found, name) == getattr(sent, name) for name in same)


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=30)
@given(items=st.lists(ITEMS, max_size=40), variant=st.sampled_from(VARIANTS))
def test_objects_come_back_within_the_steps_of_the_message(
    kind: str, items: list[PerceivedObject], variant: csae.Variant
) -> None:
    sent = objects(*items, x_m=3.0, y_m=-4.0)
    found = [decode(kind, payload, variant=variant) for payload in encode(kind, sent, variant=variant)]
    assert [part.station for part in found] == [STATION] * len(found)
    back = [entry for part in found for entry in part.objects]
    assert len(back) == len(items)
    for one, other in zip(back, items, strict=True):
        assert_close(one, other)
    assert all(math.dist((part.x_m, part.y_m), (3.0, -4.0)) < 0.02 for part in found)


def test_an_rsm_holds_sixteen_participants() -> None:
    sent = objects(*(item(object_id=number) for number in range(1, 36)))
    payloads = encode("rsm", sent, count=127)
    values = [rsm_body(payload) for payload in payloads]
    assert [len(value["participants"]) for value in values] == [16, 16, 3]
    assert [value["msgCnt"] for value in values] == [127, 0, 1]
    assert encode("rsm", objects()) == ()


def test_the_station_itself_takes_a_place_where_a_profile_asks_for_it() -> None:
    sent = objects(*(item(object_id=number) for number in range(1, 17)))
    payloads = csae.encode_rsm(sent, frame=FRAME, message_count=0, variant="a", with_station=True)
    values = [rsm_body(payload)["participants"] for payload in payloads]
    assert [len(value) for value in values] == [16, 2]
    for value in values:
        assert (value[0]["ptcType"], value[0]["ptcId"], value[0]["source"]) == ("rsu", 0, "selfinfo")
    assert sum(len(decode("rsm", payload).objects) for payload in payloads) == 16
    (alone,) = csae.encode_rsm(objects(), frame=FRAME, message_count=0, variant="a", with_station=True)
    found = decode("rsm", alone)
    assert (found.objects, found.stamp_ns) == ((), NOW_NS)


def test_the_time_of_an_rsm_is_the_latest_of_its_participants() -> None:
    sent = objects(
        item(measured_ns=NOW_NS - 90 * NS_PER_MS), item(object_id=8, measured_ns=NOW_NS - 30 * NS_PER_MS)
    )
    assert decode("rsm", encode("rsm", sent)[0]).stamp_ns == NOW_NS - 30 * NS_PER_MS


def test_an_ssm_holds_64_objects_as_far_as_the_octets_allow() -> None:
    small = [item(object_id=n, height_m=None, object_class=ObjectClass.UNKNOWN) for n in range(1, 130)]
    assert [len(decode("ssm", payload).objects) for payload in encode("ssm", objects(*small))] == [64, 64, 1]
    full = [replace(one, height_m=1.5, acceleration_mps2=1.0, temporary_id=STATION) for one in small]
    payloads = encode("ssm", objects(*full))
    assert all(1300 < len(payload) <= 1400 for payload in payloads[:-1])
    ids = [entry.object_id for payload in payloads for entry in decode("ssm", payload).objects]
    assert ids == list(range(1, 130))
    assert encode("ssm", objects()) == ()
    with pytest.raises(CodecError, match="needs 2"):
        csae.encode_ssm(objects(item()), frame=FRAME, message_count=0, variant="a", max_bytes=40)


def test_what_an_ssm_adds() -> None:
    (payload,) = encode("ssm", objects(item(class_confidence=0.876, age_ms=2900)))
    body = unwrap_csae_day2(payload, message_id=CSAE_SSM, what="SSM")
    value = message_codec("csae-a/SensorSharingMsg").decode(body)
    assert (value["equipmentType"], value["secMark"]) == ("rsu", 54_400)
    found = value["participants"][0]
    assert (found["detectedPTCType"], found["typeConfidence"], found["tracking"]) == ("bus", 175, 2)
    (back,) = decode("ssm", payload).objects
    assert (back.class_confidence, back.age_ms) == (0.875, 2000)


def test_an_ssm_without_participants_has_no_objects() -> None:
    (payload,) = encode("ssm", objects(item()))
    codec = message_codec("csae-a/SensorSharingMsg")
    value = codec.decode(unwrap_csae_day2(payload, message_id=CSAE_SSM, what="SSM"))
    del value["participants"]
    found = decode("ssm", wrap_csae_day2(CSAE_SSM, codec.encode(value)))
    assert (found.objects, found.stamp_ns) == ((), NOW_NS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "changes",
    [
        {"object_id": 0},
        {"object_id": 65_536},
        {"x_m": math.nan},
        {"speed_mps": math.inf},
        {"yaw_rad": math.nan},
        {"length_m": math.nan},
        {"temporary_id": "xyz"},
    ],
    ids=str,
)
def test_what_cannot_be_sent(kind: str, changes: dict[str, Any]) -> None:
    with pytest.raises(CodecError):
        encode(kind, objects(item(**changes)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_station_of_another_set_is_refused(kind: str) -> None:
    with pytest.raises(CodecError, match="octets"):
        encode(kind, objects(item(), station="0a1b2c3d"))


@pytest.mark.parametrize("kind", KINDS)
def test_other_messages_truncations_and_surplus_are_refused(kind: str) -> None:
    (payload,) = encode(kind, objects(item()))
    for length in range(len(payload)):
        with pytest.raises(CodecError):
            decode(kind, payload[:length])
    with pytest.raises(CodecError):
        decode(kind, payload + b"\x00")
    (other,) = encode("ssm" if kind == "rsm" else "rsm", objects(item()))
    with pytest.raises(OtherMessageError):
        decode(kind, other)


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_that_says_no_place_is_left_out(kind: str) -> None:
    nowhere = {"offsetLL": ("position-LatLon", {"lon": 1_800_000_001, "lat": 900_000_001})}
    (payload,) = encode(kind, objects(item(), item(object_id=8)))
    if kind == "rsm":
        value = rsm_body(payload)
        value["participants"][0]["pos"] = nowhere
        payload = message_codec("csae-a/RoadsideSafetyMessage").encode(value)
    else:
        codec = message_codec("csae-a/SensorSharingMsg")
        value = codec.decode(unwrap_csae_day2(payload, message_id=CSAE_SSM, what="SSM"))
        value["participants"][0]["ptc"]["pos"] = nowhere
        payload = wrap_csae_day2(CSAE_SSM, codec.encode(value))
    assert [entry.object_id for entry in decode(kind, payload).objects] == [8]


def test_a_station_that_says_no_place_is_refused() -> None:
    value = rsm_body(encode("rsm", objects(item()))[0])
    value["refPos"] = {"lat": 900_000_001, "long": 1_800_000_001}
    with pytest.raises(CodecError, match="RSM: it says no position"):
        decode("rsm", message_codec("csae-a/RoadsideSafetyMessage").encode(value))
