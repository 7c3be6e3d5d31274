"""Units, ranges and unavailable codes of the vehicle elements that SAE J2735 and T/CSAE 53 share.

SAE J2735-2020 clause 7 data elements; T/CSAE 53-2020 clause 5.2.4 took them over unchanged.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame, heading_to_yaw_rad, yaw_to_heading_deg
from edge.core.kinds import ObjectClass
from edge.core.stamp import NS_PER_MS, Stamp, TimeSource
from edge.core.v2x import V2xReport

DEGREES_PER_UNIT = 1e-7
LATITUDE_UNAVAILABLE = 900000001
LONGITUDE_UNAVAILABLE = 1800000001
ELEVATION_UNAVAILABLE = -4096
SPEED_STEP_MPS = 0.02
SPEED_UNAVAILABLE = 8191
HEADING_STEP_DEG = 0.0125
HEADING_UNAVAILABLE = 28800
ACCELERATION_STEP_MPS2 = 0.01
ACCELERATION_UNAVAILABLE = 2001
AXIS_STEP_M = 0.05
AXIS_SATURATED = 254
AXIS_UNAVAILABLE = 255
ORIENTATION_STEP_DEG = 360.0 / 65535.0
ORIENTATION_UNAVAILABLE = 65535
SECOND_MARK_UNAVAILABLE = 65535
MINUTE_MS = 60_000
ARRIVAL_ERROR_NS = 200 * NS_PER_MS
"""Bound on the age of a report that carries no time: two periods of the BSM (SAE J2945/1, 10 Hz)."""

EVENT_NAMES = (
    "hazard_lights",
    "stop_line_violation",
    "abs_activated",
    "traction_control_loss",
    "stability_control_activated",
    "hazardous_materials",
    "reserved_1",
    "hard_braking",
    "lights_changed",
    "wipers_changed",
    "flat_tire",
    "disabled_vehicle",
    "air_bag_deployment",
)
"""VehicleEventFlags by bit; bit 0 is the most significant (J2735 clause 7.228, T/CSAE 53 DE_VehicleEventFlags)."""

_CLASS_TO_CODE = {
    ObjectClass.CAR: 10,
    ObjectClass.TRUCK: 25,
    ObjectClass.MOTORCYCLE: 40,
    ObjectClass.BUS: 50,
    ObjectClass.PEDESTRIAN: 82,
    ObjectClass.BICYCLE: 85,
    ObjectClass.UNKNOWN: 0,
}
_CODE_RANGES = (
    (10, 11, ObjectClass.CAR),
    (20, 21, ObjectClass.CAR),
    (25, 35, ObjectClass.TRUCK),
    (40, 48, ObjectClass.MOTORCYCLE),
    (50, 58, ObjectClass.BUS),
    (62, 62, ObjectClass.CAR),
    (63, 63, ObjectClass.TRUCK),
    (66, 66, ObjectClass.CAR),
    (67, 67, ObjectClass.TRUCK),
    (82, 84, ObjectClass.PEDESTRIAN),
    (85, 85, ObjectClass.BICYCLE),
    (86, 86, ObjectClass.PEDESTRIAN),
)
"""BasicVehicleClass: light trucks, vans and light emergency vehicles are of a car's size and are called so."""


@dataclass(frozen=True, slots=True)
class Ellipse:
    """One-sigma position ellipse in metres and radians counter-clockwise from east."""

    axes_m: tuple[float, float] | None
    yaw_rad: float = 0.0


class Kinematics(TypedDict):
    """Keyword arguments of `V2xReport`; None where the message says unavailable."""

    speed_mps: float | None
    yaw_rad: float | None
    acceleration_mps2: float | None
    length_m: float | None
    width_m: float | None


def class_of_code(code: int) -> ObjectClass:
    """BasicVehicleClass to our class."""
    return next((kind for low, high, kind in _CODE_RANGES if low <= code <= high), ObjectClass.UNKNOWN)


def code_of_class(kind: ObjectClass) -> int:
    """Our class to BasicVehicleClass."""
    return _CLASS_TO_CODE[kind]


def event_names(bits: bytes, count: int) -> tuple[str, ...]:
    """Names of the set flags among the first `count` bits; bits of later editions are left out."""
    return tuple(
        name
        for index, name in enumerate(EVENT_NAMES)
        if index < count and bits[index // 8] & (0x80 >> index % 8)
    )


def event_bits(events: tuple[str, ...]) -> int:
    """The 13 flags as an integer, bit 0 of the standard the most significant."""
    value = 0
    for name in events:
        if name not in EVENT_NAMES:
            raise CodecError("BSM", f"no event flag is called {name!r}")
        value |= 1 << (len(EVENT_NAMES) - 1 - EVENT_NAMES.index(name))
    return value


def stamp_of_second_mark(second_mark: int, *, arrival_ns: int, what: str = "BSM") -> Stamp:
    """Milliseconds of the UTC minute to the nearest such instant around the arrival; 60 s are a leap second."""
    if second_mark == SECOND_MARK_UNAVAILABLE:
        return Stamp(arrival_ns, TimeSource.ARRIVAL, ARRIVAL_ERROR_NS)
    if second_mark >= MINUTE_MS + 1000:
        raise CodecError(what, f"second mark {second_mark} is reserved")
    arrival_ms = arrival_ns // NS_PER_MS
    ahead_ms = (second_mark - arrival_ms) % MINUTE_MS
    if ahead_ms > MINUTE_MS // 2:
        ahead_ms -= MINUTE_MS
    return Stamp((arrival_ms + ahead_ms) * NS_PER_MS, TimeSource.SENSOR, NS_PER_MS)


def second_mark_of(capture_ns: int) -> int:
    """UTC ns to milliseconds of the minute."""
    return capture_ns // NS_PER_MS % MINUTE_MS


def steps(what: str, value: float, step: float, low: int, high: int) -> int:
    """A quantity in steps, saturated to the range of the element; not a number is an error."""
    if not math.isfinite(value):
        raise CodecError("encode", f"{what} is {value}")
    return min(max(round(value / step), low), high)


def position_to_local(
    latitude: int, longitude: int, *, frame: LocalFrame, what: str = "BSM"
) -> tuple[float, float]:
    """1e-7 degrees to ENU metres."""
    if latitude == LATITUDE_UNAVAILABLE or longitude == LONGITUDE_UNAVAILABLE:
        raise CodecError(what, "it says no position")
    return frame.to_local(latitude * DEGREES_PER_UNIT, longitude * DEGREES_PER_UNIT)


def position_of(x_m: float, y_m: float, *, frame: LocalFrame) -> tuple[int, int]:
    """ENU metres to latitude and longitude in 1e-7 degrees."""
    if not (math.isfinite(x_m) and math.isfinite(y_m)):
        raise CodecError("encode", f"no position: {x_m}, {y_m}")
    latitude, longitude = frame.to_geodetic(x_m, y_m)
    return round(latitude / DEGREES_PER_UNIT), max(round(longitude / DEGREES_PER_UNIT), -1799999999)


def ellipse_of(accuracy: Mapping[str, int]) -> Ellipse:
    """PositionalAccuracy to an ellipse; saturated axes are unknown, an unknown orientation makes a circle."""
    major, minor = accuracy["semiMajor"], accuracy["semiMinor"]
    if max(major, minor) >= AXIS_SATURATED:
        return Ellipse(None)
    major, minor = max(major, minor), min(major, minor)
    if accuracy["orientation"] == ORIENTATION_UNAVAILABLE:
        return Ellipse((major * AXIS_STEP_M, major * AXIS_STEP_M))
    yaw_rad = heading_to_yaw_rad(accuracy["orientation"] * ORIENTATION_STEP_DEG)
    return Ellipse((major * AXIS_STEP_M, minor * AXIS_STEP_M), yaw_rad)


def accuracy_of(report: V2xReport) -> dict[str, int]:
    """A report's ellipse as PositionalAccuracy."""
    if report.ellipse_m is None:
        return {
            "semiMajor": AXIS_UNAVAILABLE,
            "semiMinor": AXIS_UNAVAILABLE,
            "orientation": ORIENTATION_UNAVAILABLE,
        }
    major, minor = (steps("ellipse", axis, AXIS_STEP_M, 0, AXIS_SATURATED) for axis in report.ellipse_m)
    if not math.isfinite(report.ellipse_yaw_rad):
        raise CodecError("encode", f"the ellipse lies at {report.ellipse_yaw_rad}")
    heading = yaw_to_heading_deg(report.ellipse_yaw_rad)
    return {
        "semiMajor": major,
        "semiMinor": minor,
        "orientation": round(heading / ORIENTATION_STEP_DEG) % ORIENTATION_UNAVAILABLE,
    }


def kinematics_of(core: Mapping[str, Any]) -> Kinematics:
    """Speed, yaw, acceleration and size that a BSM says."""
    speed, heading, acceleration = core["speed"], core["heading"], core["accelSet"]["long"]
    width, length = core["size"]["width"], core["size"]["length"]
    return {
        "speed_mps": None if speed == SPEED_UNAVAILABLE else speed * SPEED_STEP_MPS,
        "yaw_rad": None if heading == HEADING_UNAVAILABLE else heading_to_yaw_rad(heading * HEADING_STEP_DEG),
        "acceleration_mps2": (
            None if acceleration == ACCELERATION_UNAVAILABLE else acceleration * ACCELERATION_STEP_MPS2
        ),
        "length_m": length / 100.0 if length else None,
        "width_m": width / 100.0 if width else None,
    }


def motion_fields(report: V2xReport) -> dict[str, Any]:
    """The elements that both message sets name and order alike: speed, heading, acceleration, size."""
    speed, yaw, acceleration = report.speed_mps, report.yaw_rad, report.acceleration_mps2
    return {
        "transmission": "unavailable",
        "speed": SPEED_UNAVAILABLE if speed is None else steps("speed", speed, SPEED_STEP_MPS, 0, 8190),
        "heading": HEADING_UNAVAILABLE if yaw is None else heading_of(yaw),
        "accelSet": {
            "long": (
                ACCELERATION_UNAVAILABLE
                if acceleration is None
                else steps("acceleration", acceleration, ACCELERATION_STEP_MPS2, -2000, 2000)
            ),
            "lat": ACCELERATION_UNAVAILABLE,
            "vert": -127,
            "yaw": 0,
        },
        "size": {
            "width": 0 if report.width_m is None else steps("width", report.width_m, 0.01, 1, 1023),
            "length": 0 if report.length_m is None else steps("length", report.length_m, 0.01, 1, 4095),
        },
    }


def temporary_id(report: V2xReport, *, octets: int) -> bytes:
    """The pseudonym as the message's fixed number of octets."""
    try:
        value = bytes.fromhex(report.temporary_id)
    except ValueError as error:
        raise CodecError("BSM", f"temporary id {report.temporary_id!r} is not hexadecimal") from error
    if len(value) != octets:
        raise CodecError("BSM", f"temporary id has {len(value)} octets, not {octets}")
    return value


def heading_of(yaw_rad: float) -> int:
    """Yaw to Heading in steps of 0.0125 degrees clockwise from north."""
    if not math.isfinite(yaw_rad):
        raise CodecError("encode", f"yaw is {yaw_rad}")
    return round(yaw_to_heading_deg(yaw_rad) / HEADING_STEP_DEG) % HEADING_UNAVAILABLE
