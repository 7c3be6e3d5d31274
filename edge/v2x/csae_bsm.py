"""T/CSAE 53-2020 BasicSafetyMessage (clause 5.2.2.1) to and from a report.

The position is the centre of the vehicle. Variants `a` and `b` are the two editions of the ASN.1 in circulation; they
differ here only in the reference point of the path history.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.core.geodesy import LocalFrame
from edge.core.v2x import V2xReport
from edge.v2x.codec import message_codec
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

_POSITION_CONFIDENCE_M = {
    "a500m": 500.0,
    "a200m": 200.0,
    "a100m": 100.0,
    "a50m": 50.0,
    "a20m": 20.0,
    "a10m": 10.0,
    "a5m": 5.0,
    "a2m": 2.0,
    "a1m": 1.0,
    "a50cm": 0.5,
    "a20cm": 0.2,
    "a10cm": 0.1,
    "a5cm": 0.05,
    "a2cm": 0.02,
    "a1cm": 0.01,
}
"""DE_PositionConfidence: radius of 95 % confidence."""

_SIGMAS_OF_95_PERCENT = 2.4477
"""Radius of the circle that holds 95 % of a round two-dimensional normal distribution, in standard deviations."""


def decode_bsm(
    payload: bytes, *, frame: LocalFrame, link: str, arrival_ns: int, variant: str = "a"
) -> V2xReport:
    """A MessageFrame with a BSM to a report.

    Raises:
        OtherMessageError: a sound frame of another message.
        CodecError: anything else that is not one whole BSM with a position.
    """
    check_csae(payload, message=CSAE_BSM, what="BSM")
    core: Mapping[str, Any] = message_codec(f"csae-{variant}/BasicSafetyMessage").decode(payload)[1]
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
        events=event_names(*core.get("safetyExt", {}).get("events", (b"", 0))),
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
    if report.events:
        flags = event_bits(report.events) << 3
        message["safetyExt"] = {"events": (flags.to_bytes(2, "big"), len(EVENT_NAMES))}
    return message_codec(f"csae-{variant}/BasicSafetyMessage").encode(("bsmFrame", message))


def _ellipse(core: Mapping[str, Any]) -> Ellipse:
    """The accuracy ellipse, or a circle from the confidence radius where only that is sent."""
    found = ellipse_of(core["posAccuracy"]) if "posAccuracy" in core else Ellipse(None)
    radius_m = _POSITION_CONFIDENCE_M.get(core.get("posConfidence", {}).get("pos", "unavailable"))
    if found.axes_m is not None or radius_m is None:
        return found
    sigma_m = radius_m / _SIGMAS_OF_95_PERCENT
    return Ellipse((sigma_m, sigma_m))
