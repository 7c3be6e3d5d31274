"""Units, unavailable codes and enumerations of the ETSI common data dictionary that several messages share.

ETSI TS 102 894-2 V2.4.1. Confidences are those of 95 %; core values have one sigma: an ellipse is divided by 2.45 (two
dimensions), a line by 1.96 (one).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame, heading_to_yaw_rad, yaw_to_heading_deg
from edge.core.kinds import ObjectClass
from edge.v2x.frame import OtherMessageError
from edge.v2x.motion import position_of, position_to_local, steps

DIALECT = "etsi-r2"
PROTOCOL_VERSION = 2

VAM_PROTOCOL_VERSION = 3
"""TS 103 300-3 V2.2.1 and later; V2.1.1 has other fields."""

DENM, CAM, SPATEM, MAPEM, SREM, SSEM, CPM, VAM = 1, 2, 4, 5, 9, 10, 14, 16
"""DE_MessageId."""

_HEADER_BYTES = 6
_NAMES = {
    DENM: "DENM",
    CAM: "CAM",
    SPATEM: "SPATEM",
    MAPEM: "MAPEM",
    SREM: "SREM",
    SSEM: "SSEM",
    CPM: "CPM",
    VAM: "VAM",
}

SIGMAS_OF_ELLIPSE = math.sqrt(-2.0 * math.log(0.05))
"""One-sigma axes in the 95 % ellipse of a normal distribution in the plane."""
SIGMAS_OF_LINE = 1.96
AXIS_STEP_M = 0.01
AXIS_SATURATED, AXIS_UNAVAILABLE = 4094, 4095
ANGLE_STEP_DEG = 0.1
ANGLE_UNAVAILABLE = 3601
SPEED_STEP_MPS = 0.01
SPEED_SATURATED, SPEED_UNAVAILABLE = 16382, 16383
ACCELERATION_STEP_MPS2 = 0.1
ACCELERATION_UNAVAILABLE = 161
LENGTH_STEP_M = 0.1
ALTITUDE_UNAVAILABLE = 800001
CONFIDENCE_UNAVAILABLE = 127
"""Of headings, speeds and angles; 126 is out of range."""

_CLASS_OF_STATION = {
    1: ObjectClass.PEDESTRIAN,
    2: ObjectClass.BICYCLE,
    3: ObjectClass.MOTORCYCLE,
    4: ObjectClass.MOTORCYCLE,
    5: ObjectClass.CAR,
    6: ObjectClass.BUS,
    7: ObjectClass.CAR,
    8: ObjectClass.TRUCK,
    12: ObjectClass.BICYCLE,
}
"""DE_TrafficParticipantType (release 1: DE_StationType). Light lorries are of a car's size and are called so."""
_STATION_OF_CLASS = {
    ObjectClass.UNKNOWN: 0,
    ObjectClass.PEDESTRIAN: 1,
    ObjectClass.BICYCLE: 2,
    ObjectClass.MOTORCYCLE: 4,
    ObjectClass.CAR: 5,
    ObjectClass.BUS: 6,
    ObjectClass.TRUCK: 8,
}
ROADSIDE_UNIT = 15


def check_header(payload: bytes, *, message_id: int) -> None:
    """Refuse all but the one message expected.

    Raises:
        OtherMessageError: a header of another message.
        CodecError: truncated, or of protocol version 1, which has other fields, or of a later one.
    """
    what = _NAMES[message_id]
    if len(payload) < _HEADER_BYTES:
        raise CodecError(what, "truncated", offset=len(payload))
    if payload[1] != message_id:
        raise OtherMessageError(what, f"ETSI {_NAMES.get(payload[1], f'message {payload[1]}')}")
    version = _version_of(message_id)
    if payload[0] != version:
        raise CodecError(what, f"protocol version {payload[0]} has other fields than {version}", offset=0)


def header_fields(message_id: int, *, station_id: int) -> dict[str, int]:
    """ItsPduHeader of a message of ours."""
    if not 0 <= station_id <= 0xFFFFFFFF:
        raise CodecError(_NAMES[message_id], f"station id {station_id} is not of 32 bits")
    return {"protocolVersion": _version_of(message_id), "messageId": message_id, "stationId": station_id}


def _version_of(message_id: int) -> int:
    return VAM_PROTOCOL_VERSION if message_id == VAM else PROTOCOL_VERSION


def class_of_station(station_type: int) -> ObjectClass:
    """TrafficParticipantType to our class."""
    return _CLASS_OF_STATION.get(station_type, ObjectClass.UNKNOWN)


def station_of_class(kind: ObjectClass) -> int:
    """Our class to TrafficParticipantType."""
    return _STATION_OF_CLASS[kind]


def place_of(reference: Mapping[str, Any], *, frame: LocalFrame, what: str) -> tuple[float, float]:
    """Latitude and longitude of a reference position to ENU metres. Raises `CodecError` where there are none."""
    return position_to_local(reference["latitude"], reference["longitude"], frame=frame, what=what)


def ellipse_of(major: int, minor: int, orientation: int) -> tuple[tuple[float, float] | None, float]:
    """One-sigma axes in metres and the direction of the major one; an unknown orientation makes a circle."""
    if max(major, minor) >= AXIS_SATURATED:
        return None, 0.0
    longer, shorter = (
        axis * AXIS_STEP_M / SIGMAS_OF_ELLIPSE for axis in (max(major, minor), min(major, minor))
    )
    if orientation >= ANGLE_UNAVAILABLE:
        return (longer, longer), 0.0
    along = orientation if major >= minor else orientation + 900
    return (longer, shorter), heading_to_yaw_rad(along * ANGLE_STEP_DEG)


def ellipse_fields(ellipse_m: tuple[float, float] | None, yaw_rad: float) -> tuple[int, int, int]:
    """One-sigma ellipse to semi-major, semi-minor and orientation of 95 %."""
    if ellipse_m is None:
        return AXIS_UNAVAILABLE, AXIS_UNAVAILABLE, ANGLE_UNAVAILABLE
    major, minor = (
        steps("ellipse", axis * SIGMAS_OF_ELLIPSE, AXIS_STEP_M, 0, AXIS_SATURATED) for axis in ellipse_m
    )
    return major, minor, angle_of(yaw_rad)


def reference_fields(
    x_m: float,
    y_m: float,
    *,
    frame: LocalFrame,
    ellipse_m: tuple[float, float] | None = None,
    ellipse_yaw_rad: float = 0.0,
) -> dict[str, Any]:
    """ReferencePositionWithConfidence of a point on the ground; the altitude is not said."""
    latitude, longitude = position_of(x_m, y_m, frame=frame)
    major, minor, orientation = ellipse_fields(ellipse_m, ellipse_yaw_rad)
    return {
        "latitude": latitude,
        "longitude": longitude,
        "positionConfidenceEllipse": {
            "semiMajorAxisLength": major,
            "semiMinorAxisLength": minor,
            "semiMajorAxisOrientation": orientation,
        },
        "altitude": {"altitudeValue": ALTITUDE_UNAVAILABLE, "altitudeConfidence": "unavailable"},
    }


def angle_of(yaw_rad: float) -> int:
    """Yaw to 0.1 degree clockwise from north."""
    if not math.isfinite(yaw_rad):
        raise CodecError("encode", f"yaw is {yaw_rad}")
    return round(yaw_to_heading_deg(yaw_rad) / ANGLE_STEP_DEG) % 3600


def yaw_of(angle: int) -> float | None:
    """0.1 degree clockwise from north to yaw; None where unavailable."""
    return None if angle == ANGLE_UNAVAILABLE else heading_to_yaw_rad(angle * ANGLE_STEP_DEG)


def speed_of(value: int) -> float | None:
    """SpeedValue to m/s; None where unavailable or beyond 163.8 m/s."""
    return None if value >= SPEED_SATURATED else value * SPEED_STEP_MPS


def speed_fields(speed_mps: float | None) -> dict[str, int]:
    """Speed without a confidence."""
    value = (
        SPEED_UNAVAILABLE
        if speed_mps is None
        else steps("speed", speed_mps, SPEED_STEP_MPS, 0, SPEED_SATURATED)
    )
    return {"speedValue": value, "speedConfidence": CONFIDENCE_UNAVAILABLE}


def acceleration_of(value: int) -> float | None:
    """AccelerationValue to m/s2; the bounds mean that much or more."""
    return None if value == ACCELERATION_UNAVAILABLE else value * ACCELERATION_STEP_MPS2


def acceleration_steps(value_mps2: float | None) -> int:
    """m/s2 to AccelerationValue."""
    if value_mps2 is None:
        return ACCELERATION_UNAVAILABLE
    return steps("acceleration", value_mps2, ACCELERATION_STEP_MPS2, -160, 160)


def station_of_id(temporary_id: str, *, what: str) -> int:
    """A pseudonym of eight hexadecimal digits to a StationId."""
    try:
        octets = bytes.fromhex(temporary_id)
    except ValueError as error:
        raise CodecError(what, f"temporary id {temporary_id!r} is not hexadecimal") from error
    if len(octets) != 4:
        raise CodecError(what, f"temporary id has {len(octets)} octets, not 4")
    return int.from_bytes(octets, "big")


def id_of_station(station_id: int) -> str:
    """A StationId as the pseudonym of a report."""
    return f"{station_id:08x}"
