"""Nothing with a number that is none is ever sent."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import pytest

from edge.core.errors import CodecError
from edge.core.kinds import ObjectClass
from edge.core.perceived import PerceivedObject, PerceivedObjects, Sensing
from edge.core.priority import Access, PriorityRequest, RequesterRole, RequestKind
from edge.core.road_events import EventKind, RoadEvent
from edge.core.stamp import NS_PER_S
from edge.core.v2x import V2xReport
from edge.v2x import csae, etsi, j2735
from tests.unit.v2x.samples import FRAME, NOW_NS, report

LONG_ID = "0011223344556677"
CAR, PERSON = ObjectClass.CAR, ObjectClass.PEDESTRIAN
MOVING = ("x_m", "y_m", "speed_mps", "yaw_rad", "acceleration_mps2", "ellipse_yaw_rad")
SIZED = (*MOVING, "length_m", "width_m")
Encode = Callable[[V2xReport], bytes]
ENCODERS: dict[str, tuple[Encode, V2xReport, tuple[str, ...]]] = {
    "J2735 BSM": (
        lambda r: j2735.encode_bsm(r, frame=FRAME, message_count=1),
        report(object_class=CAR),
        SIZED,
    ),
    "J2735 PSM": (
        lambda r: j2735.encode_psm(r, frame=FRAME, message_count=1),
        report(object_class=PERSON),
        MOVING,
    ),
    "T/CSAE BSM": (
        lambda r: csae.encode_bsm(r, frame=FRAME, message_count=1),
        report(object_class=CAR, temporary_id=LONG_ID),
        SIZED,
    ),
    "T/CSAE PSM": (
        lambda r: csae.encode_psm(r, frame=FRAME, message_count=1, variant="a"),
        report(object_class=PERSON, temporary_id=LONG_ID, events=()),
        MOVING,
    ),
    "ETSI CAM": (lambda r: etsi.encode_cam(r, frame=FRAME), report(object_class=CAR), SIZED),
    "ETSI VAM": (lambda r: etsi.encode_vam(r, frame=FRAME), report(object_class=PERSON), MOVING),
}
CASES = [(name, field) for name, (_encode, _report, fields) in ENCODERS.items() for field in fields]


@pytest.mark.parametrize(("name", "field"), CASES)
def test_no_number_is_sent_for_what_is_none(name: str, field: str) -> None:
    encode, sound, _fields = ENCODERS[name]
    assert encode(sound)
    for value in (math.nan, math.inf, -math.inf):
        with pytest.raises(CodecError):
            encode(sound._replace(**{field: value}))


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("axes", [(math.nan, 1.0), (1.0, math.inf)])
def test_no_ellipse_is_sent_for_what_is_none(name: str, axes: tuple[float, float]) -> None:
    encode, sound, _fields = ENCODERS[name]
    with pytest.raises(CodecError):
        encode(sound._replace(ellipse_m=axes))


OBJECT = PerceivedObject(
    object_id=7,
    measured_ns=NOW_NS,
    object_class=CAR,
    x_m=10.0,
    y_m=5.0,
    sensing=Sensing.CAMERA,
    ellipse_m=(1.0, 0.5),
    speed_mps=3.0,
    yaw_rad=1.0,
    acceleration_mps2=1.0,
    speed_sigma_mps=0.1,
    yaw_sigma_rad=0.1,
    length_m=4.0,
    width_m=2.0,
    height_m=1.5,
    class_confidence=0.9,
    existence=0.9,
)
EVENT = RoadEvent(
    event="queue-1",
    kind=EventKind.CONGESTION,
    x_m=10.0,
    y_m=5.0,
    detected_ns=NOW_NS,
    end_ns=NOW_NS + 60 * NS_PER_S,
    radius_m=50.0,
    path_m=((-40.0, 0.0), (10.0, 5.0)),
    confidence=0.8,
    speed_limit_mps=8.0,
)
REQUEST = PriorityRequest(
    requester="0a1b2c3d",
    request=1,
    sequence=1,
    kind=RequestKind.REQUEST,
    intersection=1001,
    region=7,
    entry=Access(lane=1),
    role=RequesterRole.AMBULANCE,
    sent_ns=NOW_NS,
    x_m=1.0,
    y_m=2.0,
    speed_mps=9.0,
    yaw_rad=0.5,
)


def perceived(station: str, item: Any) -> PerceivedObjects:
    return PerceivedObjects(station, NOW_NS, 0.0, 0.0, (item,))


def rsi(event: Any) -> tuple[bytes, ...]:
    encoder = csae.RsiEncoder(LONG_ID, frame=FRAME, variant="a")
    return encoder.encode([event], now_ns=NOW_NS)


MESSAGES: dict[str, tuple[Callable[[Any], object], Any]] = {
    "RSM": (
        lambda o: csae.encode_rsm(perceived(LONG_ID, o), frame=FRAME, message_count=1, variant="a"),
        OBJECT,
    ),
    "SSM": (
        lambda o: csae.encode_ssm(perceived(LONG_ID, o), frame=FRAME, message_count=1, variant="a"),
        OBJECT,
    ),
    "SDSM": (lambda o: j2735.encode_sdsm(perceived("00000001", o), frame=FRAME, message_count=1), OBJECT),
    "CPM": (lambda o: etsi.encode_cpm(perceived("00000001", o), frame=FRAME), OBJECT),
    "RSI": (rsi, EVENT),
    "TIM": (lambda e: j2735.encode_tim(e, frame=FRAME, station="rsu", now_ns=NOW_NS), EVENT),
    "DENM": (lambda e: etsi.DenmEncoder(FRAME, station_id=1).encode(e, now_ns=NOW_NS), EVENT),
    "SRM": (lambda r: j2735.encode_srm([r], frame=FRAME), REQUEST),
    "SREM": (lambda r: etsi.encode_srem([r], station_id=1, frame=FRAME), REQUEST),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_no_field_of_any_value_may_be_none_such(name: str) -> None:
    encode, sound = MESSAGES[name]
    assert encode(sound)
    floats = [f.name for f in dataclasses.fields(sound) if isinstance(getattr(sound, f.name), float)]
    assert len(floats) >= 4
    for field in floats:
        for value in (math.nan, math.inf, -math.inf, 1e300):
            with pytest.raises(CodecError, match=field):
                encode(dataclasses.replace(sound, **{field: value}))


def test_a_path_with_a_point_that_is_none_is_refused() -> None:
    for name in ("RSI", "TIM", "DENM"):
        with pytest.raises(CodecError, match="path_m is nan"):
            MESSAGES[name][0](dataclasses.replace(EVENT, path_m=((0.0, math.nan), (10.0, 5.0))))
