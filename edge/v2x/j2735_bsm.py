"""SAE J2735-2020 BasicSafetyMessage (clause 5.2) to and from a report.

The position of a BSM is the centre of the vehicle. Of Part II the event flags, the siren and light bar of an emergency
vehicle and the vehicle's class are read; the rest is decoded and passed over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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
_SAFETY, _SPECIAL, _SUPPLEMENTAL = 0, 1, 2
"""partII-Id."""

EMERGENCY_EVENTS = ("emergency_response", "siren", "light_bar")
"""Events of a report that SpecialVehicleExtensions carry: on an emergency run, siren and light bar in use."""

_EMERGENCY_RESPONSES = ("emergency", "pursuit")
_CLASS_OF_ROLE = {
    "truck": ObjectClass.TRUCK,
    "publicTransport": ObjectClass.BUS,
    "transit": ObjectClass.BUS,
    "motorcycle": ObjectClass.MOTORCYCLE,
    "cyclist": ObjectClass.BICYCLE,
    "pedestrian": ObjectClass.PEDESTRIAN,
}
"""BasicVehicleRole, where no class is sent; roles that vehicles of any size have are left out."""


def decode_bsm(payload: bytes, *, frame: LocalFrame, link: str, arrival_ns: int) -> V2xReport:
    """A MessageFrame with a BSM to a report.

    Raises:
        OtherMessageError: a sound frame of another message.
        CodecError: anything else that is not one whole BSM with a position.
    """
    message = message_codec(_MESSAGE).decode(unwrap_j2735(payload, message_id=J2735_BSM, what="BSM"))
    return report_of(message, frame=frame, link=link, arrival_ns=arrival_ns)


def report_of(message: Mapping[str, Any], *, frame: LocalFrame, link: str, arrival_ns: int) -> V2xReport:
    """The value of a BasicSafetyMessage as a report. Raises `CodecError` where it says no position."""
    core: Mapping[str, Any] = message["coreData"]
    x_m, y_m = position_to_local(core["lat"], core["long"], frame=frame)
    ellipse = ellipse_of(core["accuracy"])
    parts = _known_parts(message.get("partII", ()))
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
        object_class=_class_in(parts.get(_SUPPLEMENTAL, {})),
        events=event_names(*parts.get(_SAFETY, {}).get("events", (b"", 0)))
        + _emergency_events(parts.get(_SPECIAL, {}).get("vehicleAlerts", {})),
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


def _known_parts(parts: Sequence[Mapping[str, Any]]) -> dict[int, dict[str, Any]]:
    """Part II by id, the later of two fields; of another id, or with more than this edition has, it stays octets."""
    found: dict[int, dict[str, Any]] = {}
    for part in parts:
        if not isinstance(part["partII-Value"], bytes):
            found.setdefault(part["partII-Id"], {}).update(part["partII-Value"])
    return found


def _parts_of(report: V2xReport) -> list[dict[str, Any]]:
    """Part II entries for what core data cannot say."""
    parts: list[dict[str, Any]] = []
    events = tuple(name for name in report.events if name not in EMERGENCY_EVENTS)
    if events:
        flags = event_bits(events) << -len(EVENT_NAMES) % 8
        parts.append(_part(_SAFETY, {"events": (flags.to_bytes(2, "big"), len(EVENT_NAMES))}))
    if len(events) < len(report.events):
        parts.append(_part(_SPECIAL, {"vehicleAlerts": _emergency_details(report.events)}))
    if report.object_class is not ObjectClass.UNKNOWN:
        parts.append(_part(_SUPPLEMENTAL, {"classification": code_of_class(report.object_class)}))
    return parts


def _part(number: int, value: dict[str, Any]) -> dict[str, Any]:
    return {"partII-Id": number, "partII-Value": value}


def _emergency_details(events: tuple[str, ...]) -> dict[str, Any]:
    """What is known of an emergency vehicle; what it does not say is not in use."""
    response, siren, light_bar = (name in events for name in EMERGENCY_EVENTS)
    return {
        "notUsed": 0,
        "sirenUse": "inUse" if siren else "notInUse",
        "lightsUse": "inUse" if light_bar else "notInUse",
        "multi": "unavailable",
        "responseType": "emergency" if response else "nonEmergency",
    }


def _emergency_events(details: Mapping[str, Any]) -> tuple[str, ...]:
    found = (
        details.get("responseType") in _EMERGENCY_RESPONSES,
        details.get("sirenUse") == "inUse",
        details.get("lightsUse") == "inUse",
    )
    return tuple(name for name, is_set in zip(EMERGENCY_EVENTS, found, strict=True) if is_set)


def _class_in(extensions: Mapping[str, Any]) -> ObjectClass:
    """The class of SupplementalVehicleExtensions; where none is sent, what its details tell."""
    details: Mapping[str, Any] = extensions.get("classDetails", {})
    if "classification" in extensions:
        return class_of_code(extensions["classification"])
    found = class_of_code(details.get("keyType", 0))
    return _CLASS_OF_ROLE.get(details.get("role", ""), found) if found is ObjectClass.UNKNOWN else found
