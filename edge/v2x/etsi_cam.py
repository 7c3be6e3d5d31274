"""ETSI CAM (EN 302 637-2 V1.4.1, TS 103 900 V2.3.1) to and from a report.

The position of a CAM is the middle of the vehicle's front on the ground (EN 302 637-2 annex B.19); a report has its
centre, half a length behind. Where the length is not said, that of the class is taken for this; where the heading is
not said, the place stays the front and its ellipse grows by half a length. Release 1 and 2 have the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame
from edge.core.kinds import TYPICAL_SIZE_M
from edge.core.v2x import V2xReport
from edge.v2x.codec import message_codec
from edge.v2x.etsi_elements import (
    CAM,
    CONFIDENCE_UNAVAILABLE,
    DIALECT,
    LENGTH_STEP_M,
    ROADSIDE_UNIT,
    acceleration_of,
    acceleration_steps,
    angle_of,
    check_header,
    class_of_station,
    ellipse_of,
    header_fields,
    id_of_station,
    place_of,
    reference_fields,
    speed_fields,
    speed_of,
    station_of_class,
    station_of_id,
    yaw_of,
)
from edge.v2x.etsi_time import generation_delta_of, stamp_of_generation_delta
from edge.v2x.frame import OtherMessageError
from edge.v2x.motion import steps

_MESSAGE = "etsi/CAM"
LENGTH_SATURATED, WIDTH_SATURATED = 1022, 61
"""From these codes on nothing is known but that it is longer, wider, or not said."""
LENGTHS_M = tuple(float(size[0]) for size in TYPICAL_SIZE_M)
"""By class: what is taken for the way from the front to the centre where a CAM does not say its length."""

EMERGENCY_BRAKE = 0x10
"""Of the seven bits of AccelerationControl, as a number: emergencyBrakeEngaged."""
HAZARD_LIGHTS = 0x30
"""Of the eight bits of ExteriorLights: left and right turn signal at once."""
LIGHT_BAR, SIREN = 0x80, 0x40
"""LightBarSirenInUse in the first octet."""
_ON_DUTY = ("emergencyContainer", "rescueContainer")
_NO_FIELD: Mapping[str, Any] = {}


def decode_cam(payload: bytes, *, frame: LocalFrame, link: str, arrival_ns: int) -> V2xReport:
    """A CAM of a vehicle to a report.

    Raises:
        OtherMessageError: a sound PDU of another message, or the CAM of a roadside unit.
        CodecError: anything else that is not one whole CAM with a position.
    """
    check_header(payload, message_id=CAM)
    return report_of(message_codec(_MESSAGE).decode(payload), frame=frame, link=link, arrival_ns=arrival_ns)


def report_of(message: Mapping[str, Any], *, frame: LocalFrame, link: str, arrival_ns: int) -> V2xReport:
    """The value of a CAM as a report. Raises as `decode_cam`."""
    cam = message["cam"]
    parameters = cam["camParameters"]
    basic, (container, vehicle) = parameters["basicContainer"], parameters["highFrequencyContainer"]
    if container != "basicVehicleContainerHighFrequency" or basic["stationType"] == ROADSIDE_UNIT:
        raise OtherMessageError("CAM", "the ETSI CAM of a roadside unit")
    reference = basic["referencePosition"]
    ellipse = reference["positionConfidenceEllipse"]
    axes_m, axes_yaw_rad = ellipse_of(
        ellipse["semiMajorAxisLength"], ellipse["semiMinorAxisLength"], ellipse["semiMajorAxisOrientation"]
    )
    kind = class_of_station(basic["stationType"])
    length = vehicle["vehicleLength"]["vehicleLengthValue"]
    width = vehicle["vehicleWidth"]
    length_m = length * LENGTH_STEP_M if length < LENGTH_SATURATED else None
    yaw_rad = yaw_of(vehicle["heading"]["headingValue"])
    x_m, y_m = place_of(reference, frame=frame, what="CAM")
    back_m = (LENGTHS_M[kind] if length_m is None else length_m) / 2.0
    if yaw_rad is None:
        axes_m = axes_m and (math.hypot(axes_m[0], back_m), math.hypot(axes_m[1], back_m))
    else:
        behind_m = -back_m if vehicle["driveDirection"] == "backward" else back_m
        x_m, y_m = x_m - behind_m * math.cos(yaw_rad), y_m - behind_m * math.sin(yaw_rad)
    return V2xReport(
        link=link,
        dialect=DIALECT,
        temporary_id=id_of_station(message["header"]["stationId"]),
        stamp=stamp_of_generation_delta(cam["generationDeltaTime"], arrival_ns=arrival_ns),
        arrival_ns=arrival_ns,
        x_m=x_m,
        y_m=y_m,
        ellipse_m=axes_m,
        ellipse_yaw_rad=axes_yaw_rad,
        speed_mps=speed_of(vehicle["speed"]["speedValue"]),
        yaw_rad=yaw_rad,
        acceleration_mps2=acceleration_of(vehicle["longitudinalAcceleration"]["value"]),
        length_m=length_m,
        width_m=width * LENGTH_STEP_M if width < WIDTH_SATURATED else None,
        object_class=kind,
        events=_events_in(parameters, vehicle),
    )


def encode_cam(report: V2xReport, *, frame: LocalFrame) -> bytes:
    """A vehicle's report to a CAM; `temporary_id` has four octets, and the heading has to be known.

    The vehicle is taken to drive forwards. Raises `CodecError` where a CAM cannot say what the report says.
    """
    if report.yaw_rad is None or not math.isfinite(report.yaw_rad):
        raise CodecError("CAM", "without a heading the front of a vehicle has no place")
    length_m = LENGTHS_M[report.object_class] if report.length_m is None else report.length_m
    x_m = report.x_m + length_m / 2.0 * math.cos(report.yaw_rad)
    y_m = report.y_m + length_m / 2.0 * math.sin(report.yaw_rad)
    place = reference_fields(
        x_m, y_m, frame=frame, ellipse_m=report.ellipse_m, ellipse_yaw_rad=report.ellipse_yaw_rad
    )
    parameters: dict[str, Any] = {
        "basicContainer": {
            "stationType": station_of_class(report.object_class),
            "referencePosition": place,
        },
        "highFrequencyContainer": ("basicVehicleContainerHighFrequency", _vehicle_fields(report)),
    }
    if "hazard_lights" in report.events:
        parameters["lowFrequencyContainer"] = ("basicVehicleContainerLowFrequency", _lights(HAZARD_LIGHTS))
    duty = [name in report.events for name in ("emergency_response", "light_bar", "siren")]
    if any(duty):
        in_use = bytes([LIGHT_BAR * duty[1] | SIREN * duty[2]])
        parameters["specialVehicleContainer"] = ("emergencyContainer", {"lightBarSirenInUse": (in_use, 2)})
    message = {
        "header": header_fields(CAM, station_id=station_of_id(report.temporary_id, what="CAM")),
        "cam": {
            "generationDeltaTime": generation_delta_of(report.stamp.capture_ns),
            "camParameters": parameters,
        },
    }
    return message_codec(_MESSAGE).encode(message)


def _vehicle_fields(report: V2xReport) -> dict[str, Any]:
    """BasicVehicleContainerHighFrequency; what a report does not know is unavailable."""
    assert report.yaw_rad is not None
    length, width = report.length_m, report.width_m
    braking = "hard_braking" in report.events
    fields: dict[str, Any] = {
        "heading": {"headingValue": angle_of(report.yaw_rad), "headingConfidence": CONFIDENCE_UNAVAILABLE},
        "speed": speed_fields(report.speed_mps),
        "driveDirection": "forward",
        "vehicleLength": {
            "vehicleLengthValue": 1023 if length is None else steps("length", length, LENGTH_STEP_M, 1, 1022),
            "vehicleLengthConfidenceIndication": "unavailable",
        },
        "vehicleWidth": 62 if width is None else steps("width", width, LENGTH_STEP_M, 1, 61),
        "longitudinalAcceleration": {
            "value": acceleration_steps(report.acceleration_mps2),
            "confidence": 102,
        },
        "curvature": {"curvatureValue": 1023, "curvatureConfidence": "unavailable"},
        "curvatureCalculationMode": "unavailable",
        "yawRate": {"yawRateValue": 32767, "yawRateConfidence": "unavailable"},
    }
    if braking:
        fields["accelerationControl"] = (bytes([EMERGENCY_BRAKE << 1]), 7)
    return fields


def _lights(lights: int) -> dict[str, Any]:
    return {"vehicleRole": "default", "exteriorLights": (bytes([lights]), 8), "pathHistory": []}


def _events_in(parameters: Mapping[str, Any], vehicle: Mapping[str, Any]) -> tuple[str, ...]:
    """Hazard lights, hard braking, and what an emergency vehicle uses."""
    found = []
    _, low = parameters.get("lowFrequencyContainer", ("", _NO_FIELD))
    if isinstance(low, Mapping) and low and low["exteriorLights"][0][0] & HAZARD_LIGHTS == HAZARD_LIGHTS:
        found.append("hazard_lights")
    if vehicle.get("accelerationControl", (b"\0", 7))[0][0] >> 1 & EMERGENCY_BRAKE:
        found.append("hard_braking")
    special, details = parameters.get("specialVehicleContainer", ("", _NO_FIELD))
    if special in _ON_DUTY:
        in_use = details["lightBarSirenInUse"][0][0]
        names = ("emergency_response", "siren", "light_bar")
        flags = (in_use & (LIGHT_BAR | SIREN), in_use & SIREN, in_use & LIGHT_BAR)
        found += [name for name, flag in zip(names, flags, strict=True) if flag]
    return tuple(found)
