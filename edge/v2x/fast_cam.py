"""From the bytes of a CAM to a core report in one step, for the thousands of them that a link hears.

As `edge.v2x.fast_report`: what is rare goes to the dialect's own decoder, and both give the same report.
"""

from __future__ import annotations

import math

from edge.core.geodesy import LocalFrame
from edge.core.stamp import NS_PER_MS, Stamp, TimeSource
from edge.core.v2x import V2xReport
from edge.v2x.codec import GENERATED_ERRORS
from edge.v2x.etsi_cam import EMERGENCY_BRAKE, HAZARD_LIGHTS, LENGTH_SATURATED, LENGTHS_M, WIDTH_SATURATED
from edge.v2x.etsi_elements import (
    ACCELERATION_STEP_MPS2,
    ACCELERATION_UNAVAILABLE,
    ANGLE_STEP_DEG,
    ANGLE_UNAVAILABLE,
    AXIS_SATURATED,
    AXIS_STEP_M,
    CAM,
    DIALECT,
    LENGTH_STEP_M,
    PROTOCOL_VERSION,
    ROADSIDE_UNIT,
    SIGMAS_OF_ELLIPSE,
    SPEED_SATURATED,
    SPEED_STEP_MPS,
    class_of_station,
)
from edge.v2x.etsi_time import GENERATION_DELTA_MS, SETTLED_MS, SETTLED_NS
from edge.v2x.fast_report import (
    HALF_TURN_UNITS,
    LOWEST_LATITUDE,
    TURN_UNITS,
    Decode,
    Flat,
    Heard,
    local_steps,
)
from edge.v2x.motion import LATITUDE_UNAVAILABLE, LONGITUDE_UNAVAILABLE

_HEADER = bytes((PROTOCOL_VERSION, CAM))
_CLASSES = tuple(class_of_station(number) for number in range(256))
_AXIS_M = AXIS_STEP_M / SIGMAS_OF_ELLIPSE
_WAYS = (1.0, -1.0, 1.0)
"""Whether the centre lies behind the front, seen along the movement: forward, backward, unavailable."""
_SETTLED_NS = SETTLED_NS + 2 * GENERATION_DELTA_MS * NS_PER_MS
"""From here on neither an arrival nor what it may report lies before the last leap second."""
_ALL_MODULO = GENERATION_DELTA_MS - 1
_HALF_MODULO = GENERATION_DELTA_MS // 2
_NO_LATITUDE = LATITUDE_UNAVAILABLE - LOWEST_LATITUDE
_LOWEST_LONGITUDE = -1800000000
_NO_LONGITUDE = LONGITUDE_UNAVAILABLE - _LOWEST_LONGITUDE
_LENGTHS_M = (*(code * LENGTH_STEP_M for code in range(1, LENGTH_SATURATED)), None, None)
_WIDTHS_M = (*(code * LENGTH_STEP_M for code in range(1, WIDTH_SATURATED)), None, None)
_ACCELERATIONS_MPS2 = (
    *(code * ACCELERATION_STEP_MPS2 for code in range(-160, ACCELERATION_UNAVAILABLE)),
    None,
)
"""By the code of each element, from the lowest of its range."""
_EVENTS_OF_CONTROL = tuple(("hard_braking",) if bits & EMERGENCY_BRAKE else () for bits in range(128))


def _turns() -> tuple[tuple[float, float, float], ...]:
    """Yaw, and half of the unit vector along it, for every heading."""
    found = []
    for angle in range(ANGLE_UNAVAILABLE):
        yaw = math.radians(90.0 - angle * ANGLE_STEP_DEG)
        sine, cosine = math.sin(yaw), math.cos(yaw)
        found.append((math.atan2(sine, cosine), cosine / 2.0, sine / 2.0))
    return tuple(found)


# fmt: off
def cam_decoder(flat: Flat, slow: Decode, *, frame: LocalFrame, link: str) -> Decode:
    """The decoder of one link for CAMs.

    Args:
        flat: from a payload to the fields that `set.toml` names; the last is not None where `slow` has to read it.
        slow: the dialect's decoder.
        frame: local frame of the site.
        link: as in the report.
    """
    origin_latitude, origin_longitude, east_m, north_m = local_steps(frame)
    origin_latitude -= LOWEST_LATITUDE
    origin_longitude -= _LOWEST_LONGITUDE
    new, sensor, turns = tuple.__new__, TimeSource.SENSOR, _turns()

    def decode(payload: bytes, arrival_ns: int) -> Heard:
        if payload[:2] != _HEADER or arrival_ns < _SETTLED_NS:
            return slow(payload, arrival_ns)
        try:
            (delta, station_type, latitude, longitude, major, minor, orientation, heading, speed, direction, length,
             width, acceleration, control, lights, special) = flat(payload)
            yaw, half_x, half_y = turns[heading]
            kind, length_m, width_m = _CLASSES[station_type], _LENGTHS_M[length], _WIDTHS_M[width]
            behind_m = (LENGTHS_M[kind] if length_m is None else length_m) * _WAYS[direction]
            acceleration_mps2 = _ACCELERATIONS_MPS2[acceleration]
            axes, axes_yaw = None, 0.0
            if major < AXIS_SATURATED and minor < AXIS_SATURATED:
                axes, axes_yaw = (major * _AXIS_M, minor * _AXIS_M), turns[orientation][0]
        except GENERATED_ERRORS:  # broken, or without a heading or a direction of its ellipse
            return slow(payload, arrival_ns)
        if (special is not None or latitude >= _NO_LATITUDE or longitude >= _NO_LONGITUDE
                or station_type == ROADSIDE_UNIT or (major < minor and axes is not None)):
            return slow(payload, arrival_ns)
        arrival_ms = arrival_ns // NS_PER_MS
        ahead_ms = (delta - arrival_ms - SETTLED_MS) & _ALL_MODULO
        if ahead_ms > _HALF_MODULO:
            ahead_ms -= GENERATION_DELTA_MS
        east = longitude - origin_longitude
        if not -HALF_TURN_UNITS <= east <= HALF_TURN_UNITS:
            east -= math.copysign(TURN_UNITS, east)
        events = () if control is None else _EVENTS_OF_CONTROL[control]
        if lights is not None and lights & HAZARD_LIGHTS == HAZARD_LIGHTS:
            events = ("hazard_lights", *events)
        return new(V2xReport, (
            link, DIALECT, payload[2:6].hex(), new(Stamp, ((arrival_ms + ahead_ms) * NS_PER_MS, sensor, NS_PER_MS)),
            arrival_ns, east * east_m - behind_m * half_x, (latitude - origin_latitude) * north_m - behind_m * half_y,
            axes, axes_yaw, None if speed >= SPEED_SATURATED else speed * SPEED_STEP_MPS, yaw, acceleration_mps2,
            length_m, width_m, kind, events, None,
        ))

    return decode
