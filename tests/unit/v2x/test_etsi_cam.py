"""ETSI CAM and VAM to and from reports."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame
from edge.core.kinds import ObjectClass
from edge.core.v2x import V2xReport
from edge.v2x.codec import message_codec
from edge.v2x.etsi_cam import decode_cam, encode_cam
from edge.v2x.etsi_elements import SIGMAS_OF_ELLIPSE
from edge.v2x.etsi_vam import decode_vam, encode_vam
from edge.v2x.frame import OtherMessageError
from tests.unit.v2x.samples import FRAME, NOW_NS, report

PRAGUE = LocalFrame(50.04, 14.405)


def read(payload: bytes, **changes: Any) -> V2xReport:
    return decode_cam(
        payload, **({"frame": FRAME, "link": "rsu", "arrival_ns": NOW_NS + 50_000_000} | changes)
    )


def changed(payload: bytes, change: Any) -> bytes:
    """The CAM with its value changed in place."""
    value = message_codec("etsi/CAM").decode(payload)
    change(value["cam"]["camParameters"])
    return message_codec("etsi/CAM").encode(value)


def vehicle_of(parameters: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = parameters["highFrequencyContainer"][1]
    return found


def test_a_cam_carries_a_whole_report() -> None:
    sent = report(events=("hazard_lights", "hard_braking", "emergency_response", "siren", "light_bar"))
    found = read(encode_cam(sent, frame=FRAME))
    assert (found.temporary_id, found.object_class, found.events) == (
        sent.temporary_id,
        sent.object_class,
        sent.events,
    )
    assert found.stamp.capture_ns == NOW_NS
    assert (found.x_m, found.y_m) == pytest.approx((sent.x_m, sent.y_m), abs=0.03)
    assert (found.length_m, found.width_m) == (pytest.approx(8.5), pytest.approx(2.5))
    assert found.speed_mps == pytest.approx(9.9)
    assert found.acceleration_mps2 == pytest.approx(-1.2)
    assert found.yaw_rad == pytest.approx(2.1, abs=0.001)
    assert found.ellipse_m == (pytest.approx(1.0, abs=0.01), pytest.approx(0.5, abs=0.01))
    assert found.ellipse_yaw_rad == pytest.approx(0.3, abs=0.001)


@pytest.mark.parametrize(
    ("yaw_rad", "front"), [(0.0, (9.0, 0.0)), (math.pi / 2, (0.0, 9.0)), (-math.pi / 2, (0.0, -9.0))]
)
def test_a_cam_of_a_bus_of_18_m_has_its_front(yaw_rad: float, front: tuple[float, float]) -> None:
    sent = report(x_m=0.0, y_m=0.0, yaw_rad=yaw_rad, length_m=18.0, object_class=ObjectClass.BUS)
    payload = encode_cam(sent, frame=FRAME)
    reference = message_codec("etsi/CAM").decode(payload)["cam"]["camParameters"]["basicContainer"][
        "referencePosition"
    ]
    there = FRAME.to_local(reference["latitude"] * 1e-7, reference["longitude"] * 1e-7)
    assert there == pytest.approx(front, abs=0.02)
    found = read(payload)
    assert (found.x_m, found.y_m) == pytest.approx((0.0, 0.0), abs=0.03)


def test_a_bus_that_reverses_has_its_centre_ahead_of_where_it_comes_from() -> None:
    payload = encode_cam(report(x_m=0.0, y_m=0.0, yaw_rad=0.0, length_m=18.0), frame=FRAME)

    def reverse(parameters: dict[str, Any]) -> None:
        vehicle_of(parameters)["driveDirection"] = "backward"

    found = read(changed(payload, reverse))
    assert (found.x_m, found.y_m) == pytest.approx((18.0, 0.0), abs=0.05)


def test_an_unsaid_length_is_that_of_the_class_and_stays_unsaid() -> None:
    sent = report(x_m=0.0, y_m=0.0, yaw_rad=0.0, length_m=4.5, object_class=ObjectClass.CAR)

    def forget(parameters: dict[str, Any]) -> None:
        vehicle_of(parameters)["vehicleLength"]["vehicleLengthValue"] = 1023

    found = read(changed(encode_cam(sent, frame=FRAME), forget))
    assert found.length_m is None
    assert found.x_m == pytest.approx(0.0, abs=0.02)


def test_without_a_heading_the_front_is_the_place_and_the_ellipse_grows() -> None:
    sent = report(x_m=0.0, y_m=0.0, yaw_rad=0.0, length_m=6.0, ellipse_m=(4.0, 4.0))

    def forget(parameters: dict[str, Any]) -> None:
        vehicle_of(parameters)["heading"]["headingValue"] = 3601

    found = read(changed(encode_cam(sent, frame=FRAME), forget))
    assert found.yaw_rad is None
    assert found.x_m == pytest.approx(3.0, abs=0.02)
    assert found.ellipse_m == (pytest.approx(5.0, abs=0.01), pytest.approx(5.0, abs=0.01))


def test_a_report_without_a_heading_is_no_cam() -> None:
    with pytest.raises(CodecError, match="heading"):
        encode_cam(report(yaw_rad=None), frame=FRAME)


def test_unavailable_codes_are_unknown() -> None:
    sent = report(speed_mps=None, acceleration_mps2=None, width_m=None, ellipse_m=None, events=())
    found = read(encode_cam(sent, frame=FRAME))
    assert (found.speed_mps, found.acceleration_mps2, found.width_m, found.ellipse_m) == (None,) * 4
    assert found.events == ()


def test_what_is_beyond_the_last_step_is_unknown() -> None:
    sent = report(speed_mps=500.0, length_m=150.0, width_m=9.0, ellipse_m=(90.0, 80.0))
    found = read(encode_cam(sent, frame=FRAME))
    assert (found.speed_mps, found.length_m, found.width_m, found.ellipse_m) == (None,) * 4


def test_the_ellipse_is_of_95_percent_on_the_air() -> None:
    payload = encode_cam(report(ellipse_m=(1.0, 0.5)), frame=FRAME)
    basic = message_codec("etsi/CAM").decode(payload)["cam"]["camParameters"]["basicContainer"]
    ellipse = basic["referencePosition"]["positionConfidenceEllipse"]
    assert ellipse["semiMajorAxisLength"] == round(100 * SIGMAS_OF_ELLIPSE)


def test_a_minor_axis_that_is_longer_turns_the_ellipse() -> None:
    def swap(parameters: dict[str, Any]) -> None:
        ellipse = parameters["basicContainer"]["referencePosition"]["positionConfidenceEllipse"]
        ellipse |= {
            "semiMajorAxisLength": 100,
            "semiMinorAxisLength": 200,
            "semiMajorAxisOrientation": 900,
        }

    found = read(changed(encode_cam(report(), frame=FRAME), swap))
    assert found.ellipse_m == (pytest.approx(2 / SIGMAS_OF_ELLIPSE), pytest.approx(1 / SIGMAS_OF_ELLIPSE))
    assert abs(found.ellipse_yaw_rad) == pytest.approx(math.pi / 2)


def test_a_roadside_unit_is_no_road_user() -> None:
    def as_unit(parameters: dict[str, Any]) -> None:
        parameters["basicContainer"]["stationType"] = 15
        parameters["highFrequencyContainer"] = ("rsuContainerHighFrequency", {})

    with pytest.raises(OtherMessageError, match="roadside"):
        read(changed(encode_cam(report(), frame=FRAME), as_unit))


def test_other_messages_and_other_versions() -> None:
    payload = encode_cam(report(), frame=FRAME)
    with pytest.raises(OtherMessageError, match="ETSI DENM"):
        read(payload[:1] + b"\x01" + payload[2:])
    with pytest.raises(OtherMessageError, match="message 77"):
        read(payload[:1] + bytes([77]) + payload[2:])
    with pytest.raises(CodecError, match="protocol version 1") as caught:
        read(b"\x01" + payload[1:])
    assert not isinstance(caught.value, OtherMessageError)
    with pytest.raises(CodecError, match="truncated"):
        read(payload[:5])


def test_no_position_is_no_report() -> None:
    def lose(parameters: dict[str, Any]) -> None:
        parameters["basicContainer"]["referencePosition"]["latitude"] = 900000001

    with pytest.raises(CodecError, match="no position"):
        read(changed(encode_cam(report(), frame=FRAME), lose))


@pytest.mark.parametrize("bad", ["zz", "0a1b2c", "0a1b2c3d4e"])
def test_a_station_id_has_four_octets(bad: str) -> None:
    with pytest.raises(CodecError, match="temporary id"):
        encode_cam(report(temporary_id=bad), frame=FRAME)


@given(
    x_m=st.floats(-500, 500),
    y_m=st.floats(-500, 500),
    yaw_rad=st.floats(-math.pi, math.pi),
    length_m=st.floats(0.1, 102.0),
    age_ms=st.integers(-32_000, 32_000),
)
def test_centre_and_time_come_back(
    x_m: float, y_m: float, yaw_rad: float, length_m: float, age_ms: int
) -> None:
    """Half a step of heading moves the centre of the longest vehicle by 51 m times 0.05 degrees; length by 5 cm / 2."""
    sent = report(x_m=x_m, y_m=y_m, yaw_rad=yaw_rad, length_m=length_m)
    found = read(encode_cam(sent, frame=FRAME), arrival_ns=NOW_NS + age_ms * 1_000_000)
    assert found.stamp.capture_ns == NOW_NS
    assert math.dist((found.x_m, found.y_m), (x_m, y_m)) < 0.045 + 0.026 + 0.012


@pytest.mark.data
def test_recorded_cams(data_dir: Path) -> None:
    """Cars in Prague: the centre lies half of the 4.7 m that they say behind the position that they send."""
    entries = json.loads((data_dir / "v2x" / "csae_etsi.json").read_text(encoding="utf-8"))
    cams = [entry for entry in entries if entry["type"] == "CAM"]
    assert len(cams) == 3
    for entry in cams:
        found = decode_cam(bytes.fromhex(entry["hex"]), frame=PRAGUE, link="obu", arrival_ns=NOW_NS)
        cam = entry["decoded"]["cam"]
        basic = cam["camParameters"]["basicContainer"]["referencePosition"]
        vehicle = cam["camParameters"]["highFrequencyContainer"]["basicVehicleContainerHighFrequency"]
        front = PRAGUE.to_local(basic["latitude"] * 1e-7, basic["longitude"] * 1e-7)
        assert found.yaw_rad is not None
        assert math.degrees(found.yaw_rad) == pytest.approx(90 - vehicle["heading"]["headingValue"] / 10)
        ahead = (found.x_m + 2.35 * math.cos(found.yaw_rad), found.y_m + 2.35 * math.sin(found.yaw_rad))
        assert ahead == pytest.approx(front, abs=1e-6)
        assert found.speed_mps == pytest.approx(vehicle["speed"]["speedValue"] / 100)
        assert (found.object_class, found.length_m, found.width_m) == (
            ObjectClass.CAR,
            pytest.approx(4.7),
            pytest.approx(1.9),
        )
        assert found.temporary_id == f"{2602961571:08x}"


@pytest.mark.parametrize("kind", [ObjectClass.PEDESTRIAN, ObjectClass.BICYCLE, ObjectClass.MOTORCYCLE])
def test_a_vam_carries_a_person(kind: ObjectClass) -> None:
    sent = report(object_class=kind, speed_mps=1.4)
    found = decode_vam(encode_vam(sent, frame=FRAME), frame=FRAME, link="rsu", arrival_ns=NOW_NS + 1)
    assert (found.object_class, found.temporary_id, found.stamp.capture_ns) == (
        kind,
        sent.temporary_id,
        NOW_NS,
    )
    assert (found.x_m, found.y_m) == pytest.approx((sent.x_m, sent.y_m), abs=0.02)
    assert (found.speed_mps, found.yaw_rad) == (pytest.approx(1.4), pytest.approx(2.1, abs=0.001))
    assert found.acceleration_mps2 == pytest.approx(-1.2)


def test_a_vam_says_what_is_unknown() -> None:
    sent = report(
        object_class=ObjectClass.PEDESTRIAN,
        yaw_rad=None,
        speed_mps=None,
        acceleration_mps2=None,
        ellipse_m=None,
    )
    found = decode_vam(encode_vam(sent, frame=FRAME), frame=FRAME, link="rsu", arrival_ns=NOW_NS)
    assert (found.yaw_rad, found.speed_mps, found.acceleration_mps2, found.ellipse_m) == (None,) * 4


def test_a_vam_is_of_protocol_version_3() -> None:
    payload = encode_vam(report(object_class=ObjectClass.BICYCLE), frame=FRAME)
    assert payload[:2] == b"\x03\x10"
    with pytest.raises(CodecError, match="protocol version 2 has other fields than 3"):
        decode_vam(b"\x02" + payload[1:], frame=FRAME, link="rsu", arrival_ns=NOW_NS)


def test_a_lorry_sends_no_vam() -> None:
    with pytest.raises(CodecError, match="truck does not send"):
        encode_vam(report(), frame=FRAME)


def test_a_vam_without_a_profile_goes_by_its_station_type() -> None:
    value = message_codec("etsi/VAM").decode(
        encode_vam(report(object_class=ObjectClass.BICYCLE), frame=FRAME)
    )
    del value["vam"]["vamParameters"]["vruLowFrequencyContainer"]
    found = decode_vam(message_codec("etsi/VAM").encode(value), frame=FRAME, link="rsu", arrival_ns=NOW_NS)
    assert found.object_class is ObjectClass.BICYCLE
    value["vam"]["vamParameters"]["vruLowFrequencyContainer"] = {"profileAndSubprofile": ("animal", 0)}
    found = decode_vam(message_codec("etsi/VAM").encode(value), frame=FRAME, link="rsu", arrival_ns=NOW_NS)
    assert found.object_class is ObjectClass.BICYCLE
