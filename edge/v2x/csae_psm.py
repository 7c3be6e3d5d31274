"""T/CSAE 157-2020 PersonalSafetyMessage (day 2) to and from a report.

The position is the centre of the person, cyclist or group; the radius around it stands for length and width.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame, heading_to_yaw_rad
from edge.core.kinds import ObjectClass
from edge.core.v2x import V2xReport
from edge.v2x.codec import message_codec
from edge.v2x.csae_elements import Variant, octets_of_id, position_3d
from edge.v2x.csae_participant import acceleration_set
from edge.v2x.frame import CSAE_PSM, unwrap_csae_day2, wrap_csae_day2
from edge.v2x.motion import (
    ACCELERATION_STEP_MPS2,
    ACCELERATION_UNAVAILABLE,
    HEADING_STEP_DEG,
    HEADING_UNAVAILABLE,
    SPEED_STEP_MPS,
    SPEED_UNAVAILABLE,
    accuracy_of,
    ellipse_of,
    heading_of,
    position_to_local,
    second_mark_of,
    stamp_of_second_mark,
    steps,
)

PERSON_EVENTS = ("road_worker", "crossing_request", "crossing")
"""Events of a report that this message carries: at work on the road, asking to cross, crossing."""

_RADIUS_STEP_M = 0.1
_TYPE_OF_CLASS = {
    ObjectClass.PEDESTRIAN: "aPEDESTRIAN",
    ObjectClass.BICYCLE: "aPEDALCYCLIST",
    ObjectClass.UNKNOWN: "unavailable",
}
_CLASS_OF_TYPE = {
    "aPEDESTRIAN": ObjectClass.PEDESTRIAN,
    "aROADWORKER": ObjectClass.PEDESTRIAN,
    "aPEDALCYCLIST": ObjectClass.BICYCLE,
}
_CROSSINGS = {"request": "crossing_request", "crossing": "crossing"}


def encode_psm(report: V2xReport, *, frame: LocalFrame, message_count: int, variant: Variant) -> bytes:
    """A pedestrian's or cyclist's report to a MessageFrame; `temporary_id` has eight octets."""
    if report.object_class not in _TYPE_OF_CLASS:
        raise CodecError("PSM", f"a {report.object_class.name.lower()} sends a BSM")
    unknown = [name for name in report.events if name not in PERSON_EVENTS]
    if unknown:
        raise CodecError("PSM", f"no event is called {unknown[0]!r}")
    speed, yaw = report.speed_mps, report.yaw_rad
    message: dict[str, Any] = {
        "msgCnt": message_count % 128,
        "id": octets_of_id(report.temporary_id, what="PSM"),
        "secMark": second_mark_of(report.stamp.capture_ns),
        "pos": position_3d(report.x_m, report.y_m, frame=frame),
        "posAccuracy": accuracy_of(report),
        "speed": SPEED_UNAVAILABLE if speed is None else steps("speed", speed, SPEED_STEP_MPS, 0, 8190),
        "heading": HEADING_UNAVAILABLE if yaw is None else heading_of(yaw),
        "overallRadius": _radius(report),
        "non-motorData": _person(report),
    }
    if report.acceleration_mps2 is not None:
        message["accelSet"] = acceleration_set(report.acceleration_mps2)
    return wrap_csae_day2(CSAE_PSM, message_codec(f"csae-{variant}/PersonalSafetyMessage").encode(message))


def decode_psm(
    payload: bytes, *, frame: LocalFrame, link: str, arrival_ns: int, variant: Variant
) -> V2xReport:
    """A MessageFrame with a PSM to a report.

    Raises:
        OtherMessageError: a sound frame of another message.
        CodecError: anything else that is not one whole PSM with a position.
    """
    body = unwrap_csae_day2(payload, message_id=CSAE_PSM, what="PSM")
    message: Mapping[str, Any] = message_codec(f"csae-{variant}/PersonalSafetyMessage").decode(body)
    x_m, y_m = position_to_local(message["pos"]["lat"], message["pos"]["long"], frame=frame, what="PSM")
    ellipse = ellipse_of(message["posAccuracy"])
    person = message["non-motorData"]
    speed, heading = message["speed"], message["heading"]
    acceleration = message.get("accelSet", {}).get("long", ACCELERATION_UNAVAILABLE)
    size_m = message["overallRadius"] * _RADIUS_STEP_M * 2.0 or None
    return V2xReport(
        link=link,
        dialect=f"csae-157-{variant}",
        temporary_id=message["id"].hex(),
        stamp=stamp_of_second_mark(message["secMark"], arrival_ns=arrival_ns, what="PSM"),
        arrival_ns=arrival_ns,
        x_m=x_m,
        y_m=y_m,
        ellipse_m=ellipse.axes_m,
        ellipse_yaw_rad=ellipse.yaw_rad,
        speed_mps=None if speed == SPEED_UNAVAILABLE else speed * SPEED_STEP_MPS,
        yaw_rad=None if heading == HEADING_UNAVAILABLE else heading_to_yaw_rad(heading * HEADING_STEP_DEG),
        acceleration_mps2=(
            None if acceleration == ACCELERATION_UNAVAILABLE else acceleration * ACCELERATION_STEP_MPS2
        ),
        length_m=size_m,
        width_m=size_m,
        object_class=_CLASS_OF_TYPE.get(person["basicType"], ObjectClass.UNKNOWN),
        events=_events(person),
    )


def _radius(report: V2xReport) -> int:
    """Decimetres around the centre that hold the larger of length and width; 0: not known."""
    sizes = [size for size in (report.length_m, report.width_m) if size is not None]
    return steps("radius", max(sizes) / 2.0, _RADIUS_STEP_M, 1, 200) if sizes else 0


def _person(report: V2xReport) -> dict[str, Any]:
    worker = "road_worker" in report.events
    value: dict[str, Any] = {"basicType": "aROADWORKER" if worker else _TYPE_OF_CLASS[report.object_class]}
    crossing = [name for name, event in _CROSSINGS.items() if event in report.events]
    return value | ({"personalReq": {"crossing": crossing[-1]}} if crossing else {})


def _events(person: Mapping[str, Any]) -> tuple[str, ...]:
    crossing = _CROSSINGS.get(person.get("personalReq", {}).get("crossing", ""))
    worker = ("road_worker",) if person["basicType"] == "aROADWORKER" else ()
    return worker + (() if crossing is None else (crossing,))
