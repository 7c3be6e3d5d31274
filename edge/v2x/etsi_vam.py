"""ETSI VAM (TS 103 300-3 V2.3.1) to and from a report.

The position is that of the person or, for riders, the middle of the vehicle. A cluster is reported as its leader.
Motion prediction and device state are decoded and passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame
from edge.core.kinds import ObjectClass
from edge.core.v2x import V2xReport
from edge.v2x.codec import message_codec
from edge.v2x.etsi_elements import (
    ANGLE_UNAVAILABLE,
    CONFIDENCE_UNAVAILABLE,
    DIALECT,
    VAM,
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

_MESSAGE = "etsi/VAM"
_CLASS_OF_PROFILE = {
    "pedestrian": ObjectClass.PEDESTRIAN,
    "bicyclistAndLightVruVehicle": ObjectClass.BICYCLE,
    "motorcyclist": ObjectClass.MOTORCYCLE,
}
"""VruProfileAndSubprofile; an animal is of no class of ours."""
_PROFILE_OF_CLASS = {kind: name for name, kind in _CLASS_OF_PROFILE.items()}


def decode_vam(payload: bytes, *, frame: LocalFrame, link: str, arrival_ns: int) -> V2xReport:
    """A VAM to a report.

    Raises:
        OtherMessageError: a sound PDU of another message.
        CodecError: anything else that is not one whole VAM with a position.
    """
    check_header(payload, message_id=VAM)
    message = message_codec(_MESSAGE).decode(payload)
    vam = message["vam"]
    parameters = vam["vamParameters"]
    basic, motion = parameters["basicContainer"], parameters["vruHighFrequencyContainer"]
    reference = basic["referencePosition"]
    ellipse = reference["positionConfidenceEllipse"]
    axes_m, axes_yaw_rad = ellipse_of(
        ellipse["semiMajorAxisLength"], ellipse["semiMinorAxisLength"], ellipse["semiMajorAxisOrientation"]
    )
    x_m, y_m = place_of(reference, frame=frame, what="VAM")
    return V2xReport(
        link=link,
        dialect=DIALECT,
        temporary_id=id_of_station(message["header"]["stationId"]),
        stamp=stamp_of_generation_delta(vam["generationDeltaTime"], arrival_ns=arrival_ns),
        arrival_ns=arrival_ns,
        x_m=x_m,
        y_m=y_m,
        ellipse_m=axes_m,
        ellipse_yaw_rad=axes_yaw_rad,
        speed_mps=speed_of(motion["speed"]["speedValue"]),
        yaw_rad=yaw_of(motion["heading"]["value"]),
        acceleration_mps2=acceleration_of(
            motion["longitudinalAcceleration"]["longitudinalAccelerationValue"]
        ),
        object_class=_class_in(basic["stationType"], parameters.get("vruLowFrequencyContainer", {})),
    )


def encode_vam(report: V2xReport, *, frame: LocalFrame) -> bytes:
    """A report of a pedestrian or rider to a VAM; `temporary_id` has four octets. A size and events cannot be said."""
    kind = report.object_class
    if kind not in _PROFILE_OF_CLASS:
        raise CodecError("VAM", f"a {kind.name.lower()} does not send it")
    acceleration = acceleration_steps(report.acceleration_mps2)
    place = reference_fields(
        report.x_m,
        report.y_m,
        frame=frame,
        ellipse_m=report.ellipse_m,
        ellipse_yaw_rad=report.ellipse_yaw_rad,
    )
    heading = ANGLE_UNAVAILABLE if report.yaw_rad is None else angle_of(report.yaw_rad)
    parameters = {
        "basicContainer": {"stationType": station_of_class(kind), "referencePosition": place},
        "vruHighFrequencyContainer": {
            "heading": {"value": heading, "confidence": CONFIDENCE_UNAVAILABLE},
            "speed": speed_fields(report.speed_mps),
            "longitudinalAcceleration": {
                "longitudinalAccelerationValue": acceleration,
                "longitudinalAccelerationConfidence": 102,
            },
        },
        "vruLowFrequencyContainer": {"profileAndSubprofile": (_PROFILE_OF_CLASS[kind], 0)},
    }
    message = {
        "header": header_fields(VAM, station_id=station_of_id(report.temporary_id, what="VAM")),
        "vam": {
            "generationDeltaTime": generation_delta_of(report.stamp.capture_ns),
            "vamParameters": parameters,
        },
    }
    return message_codec(_MESSAGE).encode(message)


def _class_in(station_type: int, low: Mapping[str, Any]) -> ObjectClass:
    """The class that the profile tells where it is sent, else that of the station type."""
    profile, _ = low.get("profileAndSubprofile", ("", 0))
    return _CLASS_OF_PROFILE.get(profile, class_of_station(station_type))
