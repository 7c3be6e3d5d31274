"""PSM of T/CSAE 157: a person's report goes out and comes back."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.core.kinds import ObjectClass
from edge.core.stamp import NS_PER_MS, Stamp, TimeSource
from edge.core.v2x import RadioFrame, V2xReport
from edge.v2x import csae
from edge.v2x.codec import message_codec
from edge.v2x.decoder import ReportDecoder
from edge.v2x.frame import CSAE_PSM, OtherMessageError, unwrap_csae_day2, wrap_csae_day2
from tests.unit.v2x.samples import FRAME, NOW_NS, report

ARRIVAL_NS = NOW_NS + 50 * NS_PER_MS
VARIANTS: list[csae.Variant] = ["a", "b"]
IDENTITY = "0a1b2c3d0a1b2c3d"


def person(**changes: Any) -> V2xReport:
    values: dict[str, Any] = {
        "temporary_id": IDENTITY,
        "object_class": ObjectClass.PEDESTRIAN,
        "speed_mps": 1.4,
        "yaw_rad": math.pi,
        "acceleration_mps2": None,
        "length_m": 0.5,
        "width_m": 0.6,
        "events": (),
    }
    return report(**(values | changes))


def encode(sent: V2xReport, variant: csae.Variant = "a") -> bytes:
    return csae.encode_psm(sent, frame=FRAME, message_count=130, variant=variant)


def decode(payload: bytes, variant: csae.Variant = "a") -> V2xReport:
    return csae.decode_psm(payload, frame=FRAME, link="rsu", arrival_ns=ARRIVAL_NS, variant=variant)


def body(payload: bytes) -> dict[str, Any]:
    octets = unwrap_csae_day2(payload, message_id=CSAE_PSM, what="PSM")
    value: dict[str, Any] = message_codec("csae-a/PersonalSafetyMessage").decode(octets)
    return value


def changed(**changes: Any) -> bytes:
    value = body(encode(person())) | changes
    return wrap_csae_day2(CSAE_PSM, message_codec("csae-a/PersonalSafetyMessage").encode(value))


def test_units_of_a_person() -> None:
    """1.4 m/s are 70 steps of 0.02; west is 270 degrees, 21,600 steps; 0.6 m across have a radius of 3 dm.

    The ellipse lies along 0.3 rad, which is 72.8113 degrees from north: 13,254.7 of 360 / 65535.
    """
    value = body(encode(person()))
    assert (value["msgCnt"], value["id"].hex(), value["secMark"]) == (2, IDENTITY, 54_400)
    assert (value["speed"], value["heading"], value["overallRadius"]) == (70, 21_600, 3)
    assert value["posAccuracy"] == {"semiMajor": 20, "semiMinor": 10, "orientation": 13_255}
    assert value["non-motorData"] == {"basicType": "aPEDESTRIAN"}
    assert "accelSet" not in value


def optional(low: float, high: float) -> st.SearchStrategy[float | None]:
    return st.none() | st.floats(min_value=low, max_value=high)


PERSONS = st.builds(
    person,
    temporary_id=st.binary(min_size=8, max_size=8).map(bytes.hex),
    stamp=st.integers(min_value=NOW_NS - 20 * 10**9, max_value=NOW_NS).map(
        lambda t: Stamp(t - t % NS_PER_MS, TimeSource.SENSOR, NS_PER_MS)
    ),
    x_m=st.floats(min_value=-1000.0, max_value=1000.0),
    y_m=st.floats(min_value=-1000.0, max_value=1000.0),
    ellipse_m=st.none() | st.just((3.0, 1.25)),
    speed_mps=optional(0.0, 20.0),
    yaw_rad=optional(-math.pi, math.pi),
    acceleration_mps2=optional(-20.0, 20.0),
    length_m=optional(0.2, 3.0),
    width_m=st.none(),
    object_class=st.sampled_from([ObjectClass.PEDESTRIAN, ObjectClass.BICYCLE, ObjectClass.UNKNOWN]),
    events=st.sampled_from([(), ("crossing_request",), ("crossing",)]),
)


def close(found: float | None, sent: float | None, step: float) -> bool:
    if found is None or sent is None:
        return found is sent
    return abs(found - sent) <= step / 2 + 1e-9


@pytest.mark.parametrize("variant", VARIANTS)
@settings(deadline=None, max_examples=50)
@given(sent=PERSONS)
def test_a_person_comes_back_within_the_steps_of_the_message(sent: V2xReport, variant: csae.Variant) -> None:
    found = decode(encode(sent, variant), variant)
    assert math.dist((found.x_m, found.y_m), (sent.x_m, sent.y_m)) < 0.01
    assert close(found.speed_mps, sent.speed_mps, 0.02)
    assert close(found.acceleration_mps2, sent.acceleration_mps2, 0.01)
    assert close(found.length_m, sent.length_m, 0.2)
    assert found.width_m == found.length_m
    assert (found.yaw_rad is None) == (sent.yaw_rad is None)
    if found.yaw_rad is not None and sent.yaw_rad is not None:
        assert math.cos(found.yaw_rad - sent.yaw_rad) > math.cos(math.radians(0.0064))
    assert found.ellipse_m == (None if sent.ellipse_m is None else pytest.approx(sent.ellipse_m))
    assert (found.stamp, found.events, found.object_class) == (sent.stamp, sent.events, sent.object_class)
    assert (found.temporary_id, found.dialect) == (sent.temporary_id, f"csae-157-{variant}")
    assert (found.link, found.arrival_ns, found.verified) == ("rsu", ARRIVAL_NS, None)


def test_a_road_worker_is_a_pedestrian() -> None:
    payload = encode(person(events=("road_worker",)))
    assert body(payload)["non-motorData"]["basicType"] == "aROADWORKER"
    found = decode(payload)
    assert (found.object_class, found.events) == (ObjectClass.PEDESTRIAN, ("road_worker",))


@pytest.mark.parametrize(
    ("value", "kind"),
    [("anANIMAL", ObjectClass.UNKNOWN), ("unavailable", ObjectClass.UNKNOWN), (0, ObjectClass.UNKNOWN)],
)
def test_others_than_people(value: str | int, kind: ObjectClass) -> None:
    assert decode(changed(**{"non-motorData": {"basicType": value}})).object_class is kind


def test_a_person_without_a_size() -> None:
    assert body(encode(person(length_m=None, width_m=None)))["overallRadius"] == 0
    assert decode(changed(overallRadius=0)).length_m is None


@pytest.mark.parametrize(
    "changes",
    [
        {"object_class": ObjectClass.CAR},
        {"object_class": ObjectClass.MOTORCYCLE},
        {"temporary_id": "0a1b2c3d"},
        {"temporary_id": "not hexadecimal."},
        {"x_m": math.nan},
        {"speed_mps": math.nan},
        {"length_m": math.inf},
        {"events": ("hard_braking",)},
    ],
    ids=str,
)
def test_what_cannot_be_sent(changes: dict[str, Any]) -> None:
    with pytest.raises(CodecError):
        encode(person(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"pos": {"lat": 900_000_001, "long": 1_800_000_001}},
        {"secMark": 62_000},
    ],
    ids=str,
)
def test_what_cannot_be_read(changes: dict[str, Any]) -> None:
    with pytest.raises(CodecError):
        decode(changed(**changes))


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_link_of_this_set_hears_persons(variant: csae.Variant) -> None:
    decoder = ReportDecoder(FRAME, dialect=f"csae-{variant}", framing="plain")
    found = decoder.decode(RadioFrame("rsu", ARRIVAL_NS, "192.0.2.1", encode(person(), variant)))
    assert found == decode(encode(person(), variant), variant)
    with pytest.raises(OtherMessageError, match="RSC"):
        decoder.decode(RadioFrame("rsu", ARRIVAL_NS, "192.0.2.1", wrap_csae_day2(11, b"\x00")))


def test_other_messages_truncations_and_surplus_are_refused() -> None:
    payload = encode(person())
    for length in range(len(payload)):
        with pytest.raises(CodecError):
            decode(payload[:length])
    with pytest.raises(CodecError):
        decode(payload + b"\x00")
    with pytest.raises(OtherMessageError, match="RSC"):
        decode(wrap_csae_day2(11, b"\x00"))
