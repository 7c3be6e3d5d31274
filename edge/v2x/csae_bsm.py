"""T/CSAE 53-2020 BasicSafetyMessage (YD/T 3709-2020 clause 5.2.2.1) to and from a report.

The position is the centre of the vehicle. Variants `a` and `b` are the two editions of the ASN.1 in circulation; they
differ here only in the reference point of the path history.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.core.geodesy import LocalFrame
from edge.core.v2x import V2xReport
from edge.v2x.codec import message_codec
from edge.v2x.csae_elements import circle_of
from edge.v2x.frame import CSAE_BSM, check_csae
from edge.v2x.motion import (
    EVENT_NAMES,
    Ellipse,
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

_EMERGENCY_RESPONSES = ("emergency", "pursuit")
EMERGENCY_EVENTS = ("emergency_response", "siren", "light_bar")
"""Events of a report that the emergency extension carries: on an emergency run, siren and warning lights in use."""


def decode_bsm(
    payload: bytes, *, frame: LocalFrame, link: str, arrival_ns: int, variant: str = "a"
) -> V2xReport:
    """A MessageFrame with a BSM to a report.

    Raises:
        OtherMessageError: a sound frame of another message.
        CodecError: anything else that is not one whole BSM with a position.
    """
    check_csae(payload, message=CSAE_BSM, what="BSM")
    core = message_codec(f"csae-{variant}/BasicSafetyMessage").decode(payload)
    return report_of(core, frame=frame, link=link, arrival_ns=arrival_ns, variant=variant)


def report_of(
    core: Mapping[str, Any], *, frame: LocalFrame, link: str, arrival_ns: int, variant: str
) -> V2xReport:
    """The value of a BasicSafetyMessage as a report. Raises `CodecError` where it says no position."""
    x_m, y_m = position_to_local(core["pos"]["lat"], core["pos"]["long"], frame=frame)
    ellipse = _ellipse(core)
    return V2xReport(
        link=link,
        dialect=f"csae-53-{variant}",
        temporary_id=core["id"].hex(),
        stamp=stamp_of_second_mark(core["secMark"], arrival_ns=arrival_ns),
        arrival_ns=arrival_ns,
        x_m=x_m,
        y_m=y_m,
        ellipse_m=ellipse.axes_m,
        ellipse_yaw_rad=ellipse.yaw_rad,
        object_class=class_of_code(core["vehicleClass"]["classification"]),
        events=event_names(*core.get("safetyExt", {}).get("events", (b"", 0)))
        + _emergency_events(core.get("emergencyExt", {})),
        **kinematics_of(core),
    )


def encode_bsm(report: V2xReport, *, frame: LocalFrame, message_count: int, variant: str = "a") -> bytes:
    """A report to a MessageFrame with a BSM; `temporary_id` has eight octets, `message_count` is modulo 128."""
    latitude, longitude = position_of(report.x_m, report.y_m, frame=frame)
    message = motion_fields(report) | {
        "msgCnt": message_count % 128,
        "id": temporary_id(report, octets=8),
        "secMark": second_mark_of(report.stamp.capture_ns),
        "pos": {"lat": latitude, "long": longitude},
        "brakes": {},
        "vehicleClass": {"classification": code_of_class(report.object_class)},
    }
    if report.ellipse_m is not None:
        message["posAccuracy"] = accuracy_of(report)
    events = tuple(name for name in report.events if name not in EMERGENCY_EVENTS)
    if events:
        flags = event_bits(events) << 3
        message["safetyExt"] = {"events": (flags.to_bytes(2, "big"), len(EVENT_NAMES))}
    if len(events) < len(report.events):
        message["emergencyExt"] = _emergency_extension(report.events)
    return message_codec(f"csae-{variant}/BasicSafetyMessage").encode(message)


def _ellipse(core: Mapping[str, Any]) -> Ellipse:
    """The accuracy ellipse, or a circle from the confidence radius where only that is sent."""
    found = ellipse_of(core["posAccuracy"]) if "posAccuracy" in core else Ellipse(None)
    return found if found.axes_m is not None else circle_of(core.get("posConfidence", {}))


def _emergency_events(extension: Mapping[str, Any]) -> tuple[str, ...]:
    found = (
        extension.get("responseType") in _EMERGENCY_RESPONSES,
        extension.get("sirenUse") == "inUse",
        extension.get("lightsUse") == "inUse",
    )
    return tuple(name for name, is_set in zip(EMERGENCY_EVENTS, found, strict=True) if is_set)


def _emergency_extension(events: tuple[str, ...]) -> dict[str, str]:
    """What is known of an emergency vehicle; what it does not say is not in use."""
    response, siren, light_bar = (name in events for name in EMERGENCY_EVENTS)
    return {
        "responseType": "emergency" if response else "nonEmergency",
        "sirenUse": "inUse" if siren else "notInUse",
        "lightsUse": "inUse" if light_bar else "notInUse",
    }
