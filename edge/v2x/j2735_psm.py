"""SAE J2735-2020 PersonalSafetyMessage (clause 5.8) to and from a report.

The position is that of the person. What the message says beyond a report (cluster, activity, assistance, attachments)
is decoded and passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame, heading_to_yaw_rad
from edge.core.kinds import ObjectClass
from edge.core.v2x import V2xReport
from edge.v2x.codec import message_codec
from edge.v2x.frame import J2735_PSM, unwrap_j2735, wrap_j2735
from edge.v2x.j2735_bsm import DIALECT
from edge.v2x.motion import (
    ACCELERATION_STEP_MPS2,
    ACCELERATION_UNAVAILABLE,
    HEADING_STEP_DEG,
    HEADING_UNAVAILABLE,
    SPEED_STEP_MPS,
    SPEED_UNAVAILABLE,
    accuracy_of,
    ellipse_of,
    motion_fields,
    position_of,
    position_to_local,
    second_mark_of,
    stamp_of_second_mark,
    temporary_id,
)

_MESSAGE = "j2735/PersonalSafetyMessage"

CROSSING_EVENTS = ("crossing_request", "crossing")
"""Events of a report that a PSM carries: wants to cross, is crossing."""

_CLASS_OF_TYPE = {
    "aPEDESTRIAN": ObjectClass.PEDESTRIAN,
    "aPEDALCYCLIST": ObjectClass.BICYCLE,
    "aPUBLICSAFETYWORKER": ObjectClass.PEDESTRIAN,
}
"""PersonalDeviceUserType; an animal is of no class of ours."""

_CLASS_OF_PROPULSION = {
    ("human", "onFoot"): ObjectClass.PEDESTRIAN,
    ("human", "skateboard"): ObjectClass.PEDESTRIAN,
    ("human", "pushOrKickScooter"): ObjectClass.PEDESTRIAN,
    ("human", "wheelchair"): ObjectClass.PEDESTRIAN,
    ("motor", "wheelChair"): ObjectClass.PEDESTRIAN,
    ("motor", "selfBalancingDevice"): ObjectClass.PEDESTRIAN,
    ("motor", "bicycle"): ObjectClass.BICYCLE,
    ("motor", "scooter"): ObjectClass.BICYCLE,
}
"""PropelledInformation, where the user's type is not said; a motor scooter here is one that is stood upon."""

TYPE_OF_CLASS = {
    ObjectClass.PEDESTRIAN: "aPEDESTRIAN",
    ObjectClass.BICYCLE: "aPEDALCYCLIST",
    ObjectClass.UNKNOWN: "unavailable",
}
"""PersonalDeviceUserType."""


def decode_psm(payload: bytes, *, frame: LocalFrame, link: str, arrival_ns: int) -> V2xReport:
    """A MessageFrame with a PSM to a report.

    Raises:
        OtherMessageError: a sound frame of another message.
        CodecError: anything else that is not one whole PSM with a position.
    """
    message = message_codec(_MESSAGE).decode(unwrap_j2735(payload, message_id=J2735_PSM, what="PSM"))
    x_m, y_m = position_to_local(message["position"]["lat"], message["position"]["long"], frame=frame)
    ellipse = ellipse_of(message["accuracy"])
    speed, heading = message["speed"], message["heading"]
    acceleration = message.get("accelSet", {}).get("long", ACCELERATION_UNAVAILABLE)
    known = acceleration != ACCELERATION_UNAVAILABLE
    return V2xReport(
        link=link,
        dialect=DIALECT,
        temporary_id=message["id"].hex(),
        stamp=stamp_of_second_mark(message["secMark"], arrival_ns=arrival_ns),
        arrival_ns=arrival_ns,
        x_m=x_m,
        y_m=y_m,
        ellipse_m=ellipse.axes_m,
        ellipse_yaw_rad=ellipse.yaw_rad,
        speed_mps=None if speed == SPEED_UNAVAILABLE else speed * SPEED_STEP_MPS,
        yaw_rad=None if heading == HEADING_UNAVAILABLE else heading_to_yaw_rad(heading * HEADING_STEP_DEG),
        acceleration_mps2=acceleration * ACCELERATION_STEP_MPS2 if known else None,
        object_class=class_of_person(message),
        events=_events_in(message),
    )


def encode_psm(report: V2xReport, *, frame: LocalFrame, message_count: int) -> bytes:
    """A report of a pedestrian or cyclist to a MessageFrame with a PSM; `temporary_id` has four octets.

    Of the events only those of `CROSSING_EVENTS` can be said; a size cannot.
    """
    if report.object_class not in TYPE_OF_CLASS:
        raise CodecError("PSM", f"a {report.object_class.name.lower()} does not send it")
    latitude, longitude = position_of(report.x_m, report.y_m, frame=frame)
    fields = motion_fields(report)
    message: dict[str, Any] = {
        "basicType": TYPE_OF_CLASS[report.object_class],
        "secMark": second_mark_of(report.stamp.capture_ns),
        "msgCnt": message_count % 128,
        "id": temporary_id(report, octets=4),
        "position": {"lat": latitude, "long": longitude},
        "accuracy": accuracy_of(report),
        "speed": fields["speed"],
        "heading": fields["heading"],
    }
    if report.acceleration_mps2 is not None:
        message["accelSet"] = fields["accelSet"]
    for name, event in zip(("crossRequest", "crossState"), CROSSING_EVENTS, strict=True):
        if event in report.events:
            message[name] = True
    return wrap_j2735(J2735_PSM, message_codec(_MESSAGE).encode(message))


def class_of_person(message: Mapping[str, Any]) -> ObjectClass:
    """The class that basicType and propulsion tell, of a PSM or of a person in an SDSM."""
    kind = message.get("basicType", "unavailable")
    if kind == "unavailable":
        return _CLASS_OF_PROPULSION.get(message.get("propulsion", ()), ObjectClass.UNKNOWN)
    return _CLASS_OF_TYPE.get(kind, ObjectClass.UNKNOWN)


def _events_in(message: Mapping[str, Any]) -> tuple[str, ...]:
    found = (message.get("crossRequest", False), message.get("crossState", False))
    return tuple(name for name, is_set in zip(CROSSING_EVENTS, found, strict=True) if is_set)
