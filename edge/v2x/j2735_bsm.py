"""SAE J2735-2020 BasicSafetyMessage (clause 5.2) to and from a report.

The position of a BSM is the centre of the vehicle. Of Part II only the event flags (VehicleSafetyExtensions) and the
vehicle class (SupplementalVehicleExtensions) are read; the rest is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame
from edge.core.kinds import ObjectClass
from edge.core.v2x import V2xReport
from edge.v2x.codec import message_codec
from edge.v2x.frame import J2735_BSM, unwrap_j2735, wrap_j2735
from edge.v2x.motion import (
    ELEVATION_UNAVAILABLE,
    EVENT_NAMES,
    accuracy_of,
    class_of_code,
    code_of_class,
    ellipse_of,
    event_bits,
    event_names,
    kinematics_of,
    motion_fields,
    position_of,
    position_to_local,
    second_mark_of,
    stamp_of_second_mark,
    temporary_id,
)

DIALECT = "j2735-2020"
_MESSAGE = "j2735/BasicSafetyMessage"
_SAFETY_EXTENSIONS = 0
_SUPPLEMENTAL_EXTENSIONS = 2
_EVENT_COUNT = len(EVENT_NAMES)


def decode_bsm(payload: bytes, *, frame: LocalFrame, link: str, arrival_ns: int) -> V2xReport:
    """A MessageFrame with a BSM to a report.

    Raises:
        OtherMessageError: a sound frame of another message.
        CodecError: anything else that is not one whole BSM with a position.
    """
    message = message_codec(_MESSAGE).decode(unwrap_j2735(payload, message_id=J2735_BSM, what="BSM"))
    core: Mapping[str, Any] = message["coreData"]
    x_m, y_m = position_to_local(core["lat"], core["long"], frame=frame)
    ellipse = ellipse_of(core["accuracy"])
    parts = {part["partII-Id"]: part["partII-Value"] for part in message.get("partII", ())}
    return V2xReport(
        link=link,
        dialect=DIALECT,
        temporary_id=core["id"].hex(),
        stamp=stamp_of_second_mark(core["secMark"], arrival_ns=arrival_ns),
        arrival_ns=arrival_ns,
        x_m=x_m,
        y_m=y_m,
        ellipse_m=ellipse.axes_m,
        ellipse_yaw_rad=ellipse.yaw_rad,
        object_class=_class_in(parts.get(_SUPPLEMENTAL_EXTENSIONS)),
        events=_events_in(parts.get(_SAFETY_EXTENSIONS)),
        **kinematics_of(core),
    )


def encode_bsm(report: V2xReport, *, frame: LocalFrame, message_count: int) -> bytes:
    """A report to a MessageFrame with a BSM; `temporary_id` has four octets, `message_count` is modulo 128."""
    latitude, longitude = position_of(report.x_m, report.y_m, frame=frame)
    unavailable = "unavailable"
    core = motion_fields(report) | {
        "msgCnt": message_count % 128,
        "id": temporary_id(report, octets=4),
        "secMark": second_mark_of(report.stamp.capture_ns),
        "lat": latitude,
        "long": longitude,
        "elev": ELEVATION_UNAVAILABLE,
        "accuracy": accuracy_of(report),
        "angle": 127,
        "brakes": {
            "wheelBrakes": (b"\x80", 5),
            "traction": unavailable,
            "abs": unavailable,
            "scs": unavailable,
            "brakeBoost": unavailable,
            "auxBrakes": unavailable,
        },
    }
    message: dict[str, Any] = {"coreData": core}
    parts = _parts_of(report)
    if parts:
        message["partII"] = parts
    return wrap_j2735(J2735_BSM, message_codec(_MESSAGE).encode(message))


def _parts_of(report: V2xReport) -> list[dict[str, Any]]:
    """Part II entries for what core data cannot say."""
    parts: list[dict[str, Any]] = []
    if report.events:
        # Extension bit 0, presence 1000, size extension bit 0, 13 flags, 5 bits of padding.
        bits = (0b010000 << _EVENT_COUNT | event_bits(report.events)) << 5
        parts.append({"partII-Id": _SAFETY_EXTENSIONS, "partII-Value": bits.to_bytes(3, "big")})
    if report.object_class is not ObjectClass.UNKNOWN:
        # Extension bit 0, presence of the first of ten, 8 bits of class, 5 bits of padding.
        bits = (1 << 17 | code_of_class(report.object_class)) << 5
        parts.append({"partII-Id": _SUPPLEMENTAL_EXTENSIONS, "partII-Value": bits.to_bytes(3, "big")})
    return parts


def _events_in(octets: bytes | None) -> tuple[str, ...]:
    """Event flags at the head of VehicleSafetyExtensions: one extension bit, four presence bits, 13 flags or more."""
    if octets is None:
        return ()
    if not octets:
        raise CodecError("BSM", "an empty VehicleSafetyExtensions")
    if not octets[0] & 0x40:
        return ()
    bits, left = int.from_bytes(octets, "big"), len(octets) * 8 - 6
    count = _EVENT_COUNT
    if octets[0] & 0x04:
        left -= 8
        count = bits >> max(left, 0) & 0xFF
    if left < count or count >= 0x80:
        raise CodecError("BSM", "event flags are truncated")
    flags = bits >> (left - count) & ((1 << count) - 1)
    return event_names((flags << -count % 8).to_bytes((count + 7) // 8, "big"), count)


def _class_in(octets: bytes | None) -> ObjectClass:
    """BasicVehicleClass at the head of SupplementalVehicleExtensions: extension bit, ten presence bits, 8 bits."""
    if octets is None:
        return ObjectClass.UNKNOWN
    if len(octets) < 2:
        raise CodecError("BSM", "SupplementalVehicleExtensions are truncated")
    if not octets[0] & 0x40:
        return ObjectClass.UNKNOWN
    if len(octets) < 3:
        raise CodecError("BSM", "SupplementalVehicleExtensions are truncated")
    return class_of_code(int.from_bytes(octets[:3], "big") >> 5 & 0xFF)
