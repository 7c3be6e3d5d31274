"""PSM: a pedestrian's report goes out and comes back."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame
from edge.core.kinds import ObjectClass
from edge.core.stamp import NS_PER_MS, Stamp, TimeSource
from edge.core.v2x import V2xReport
from edge.v2x import j2735
from edge.v2x.codec import message_codec
from edge.v2x.frame import J2735_PSM, OtherMessageError, unwrap_j2735, wrap_j2735
from tests.unit.v2x.samples import FRAME, NOW_NS, recorded_j2735, report

CODEC = message_codec("j2735/PersonalSafetyMessage")


def walker(**changes: Any) -> V2xReport:
    values: dict[str, Any] = {
        "object_class": ObjectClass.PEDESTRIAN,
        "length_m": None,
        "width_m": None,
        "speed_mps": 1.4,
        "events": ("crossing_request",),
    }
    return report(**(values | changes))


def encode(sent: V2xReport) -> bytes:
    return j2735.encode_psm(sent, frame=FRAME, message_count=130)


def decode(payload: bytes) -> V2xReport:
    return j2735.decode_psm(payload, frame=FRAME, link="rsu", arrival_ns=NOW_NS + 50 * NS_PER_MS)


def message(sent: V2xReport) -> dict[str, Any]:
    found: dict[str, Any] = CODEC.decode(unwrap_j2735(encode(sent), message_id=J2735_PSM, what="PSM"))
    return found


def changed(**changes: Any) -> bytes:
    return wrap_j2735(J2735_PSM, CODEC.encode(message(walker(events=())) | changes))


def test_units_worked_out_by_hand() -> None:
    """1.4 m/s is 70 of 0.02 m/s; west is 270 degrees, 21600 of 0.0125; -1.2 m/s2 is -120 of 0.01."""
    found = message(walker(yaw_rad=math.pi))
    assert (found["speed"], found["heading"], found["secMark"], found["msgCnt"]) == (70, 21600, 54400, 2)
    assert found["accelSet"] == {"long": -120, "lat": 2001, "vert": -127, "yaw": 0}
    assert found["accuracy"]["semiMajor"] == 20
    assert (found["basicType"], found["crossRequest"]) == ("aPEDESTRIAN", True)
    assert "crossState" not in found


@given(
    speed=st.none() | st.floats(min_value=0.0, max_value=160.0),
    yaw=st.none() | st.floats(min_value=-math.pi, max_value=math.pi),
    place=st.tuples(*[st.floats(min_value=-2000.0, max_value=2000.0)] * 2),
    kind=st.sampled_from([ObjectClass.PEDESTRIAN, ObjectClass.BICYCLE, ObjectClass.UNKNOWN]),
    events=st.sampled_from([(), ("crossing_request",), ("crossing",), ("crossing_request", "crossing")]),
)
def test_a_report_comes_back(
    speed: float | None,
    yaw: float | None,
    place: tuple[float, float],
    kind: ObjectClass,
    events: tuple[str, ...],
) -> None:
    sent = walker(speed_mps=speed, yaw_rad=yaw, x_m=place[0], y_m=place[1], object_class=kind, events=events)
    found = decode(encode(sent))
    assert math.dist((found.x_m, found.y_m), place) < 0.02
    assert found.speed_mps == (None if speed is None else pytest.approx(speed, abs=0.0101))
    assert (found.yaw_rad is None) == (yaw is None)
    if yaw is not None and found.yaw_rad is not None:
        assert math.cos(found.yaw_rad - yaw) > math.cos(math.radians(0.0064))
    assert (found.object_class, found.events, found.temporary_id) == (kind, events, "0a1b2c3d")
    assert found.stamp == Stamp(NOW_NS, TimeSource.SENSOR, NS_PER_MS)
    assert (found.length_m, found.width_m, found.dialect) == (None, None, "j2735-2020")


def test_unknown_is_none() -> None:
    payload = changed(speed=8191, heading=28800, secMark=65535)
    found = decode(payload)
    assert (found.speed_mps, found.yaw_rad) == (None, None)
    assert found.stamp.source is TimeSource.ARRIVAL
    assert decode(encode(walker(acceleration_mps2=None))).acceleration_mps2 is None
    assert decode(encode(walker(ellipse_m=None))).ellipse_m is None


def test_out_of_range_is_saturated() -> None:
    assert message(walker(speed_mps=500.0))["speed"] == 8190
    assert message(walker(acceleration_mps2=-50.0))["accelSet"]["long"] == -2000


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"basicType": "aPUBLICSAFETYWORKER"}, ObjectClass.PEDESTRIAN),
        ({"basicType": "anANIMAL"}, ObjectClass.UNKNOWN),
        ({"basicType": 0}, ObjectClass.UNKNOWN),
        ({"basicType": "unavailable", "propulsion": ("motor", "bicycle")}, ObjectClass.BICYCLE),
        ({"basicType": "unavailable", "propulsion": ("human", "wheelchair")}, ObjectClass.PEDESTRIAN),
        ({"basicType": "unavailable", "propulsion": ("animal", "animalMounted")}, ObjectClass.UNKNOWN),
        ({"basicType": "unavailable", "propulsion": (0, b"\x00")}, ObjectClass.UNKNOWN),
        ({"basicType": "unavailable"}, ObjectClass.UNKNOWN),
    ],
    ids=str,
)
def test_who_it_is(changes: dict[str, Any], kind: ObjectClass) -> None:
    assert decode(changed(**changes)).object_class is kind


def test_a_car_sends_no_psm() -> None:
    with pytest.raises(CodecError, match="car does not send"):
        encode(walker(object_class=ObjectClass.CAR))


@pytest.mark.parametrize(
    "sent",
    [{"speed_mps": math.nan}, {"x_m": math.inf}, {"temporary_id": "0a1b"}, {"temporary_id": "person"}],
    ids=str,
)
def test_what_cannot_be_sent_is_refused(sent: dict[str, Any]) -> None:
    with pytest.raises(CodecError):
        encode(walker(**sent))


def test_broken_messages_are_refused() -> None:
    payload = encode(walker())
    for length in range(len(payload)):
        with pytest.raises(CodecError):
            decode(payload[:length])
    with pytest.raises(CodecError, match="no position"):
        decode(changed(position={"lat": 900000001, "long": 1800000001}))
    with pytest.raises(CodecError, match="reserved"):
        decode(changed(secMark=61000))
    with pytest.raises(OtherMessageError):
        decode(j2735.encode_bsm(report(), frame=FRAME, message_count=0))


@pytest.mark.data
def test_a_recorded_psm(data_dir: Path) -> None:
    """New Jersey, standing, heading 8898 of 0.0125 degrees, accuracy 20 of 5 cm."""
    [(payload, _)] = recorded_j2735(data_dir, "PSM")
    frame = LocalFrame(40.2397377, -74.2761437)
    found = j2735.decode_psm(payload, frame=frame, link="rsu", arrival_ns=NOW_NS)
    assert math.hypot(found.x_m, found.y_m) < 0.02
    assert (found.speed_mps, found.temporary_id) == (0.0, "24779d7e")
    assert found.ellipse_m == pytest.approx((1.0, 1.0))
    assert found.yaw_rad == pytest.approx(math.radians(90.0 - 111.225))
    assert found.object_class is ObjectClass.PEDESTRIAN
