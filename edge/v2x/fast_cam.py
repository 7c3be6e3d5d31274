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
from edge.v2x.fast_report import HALF_TURN_UNITS, TURN_UNITS, Decode, Flat, local_steps
from edge.v2x.motion import LATITUDE_UNAVAILABLE, LONGITUDE_UNAVAILABLE

_HEADER = bytes((PROTOCOL_VERSION, CAM))
_CLASSES = tuple(class_of_station(number) for number in range(256))
_AXIS_M = AXIS_STEP_M / SIGMAS_OF_ELLIPSE
_BACKWARD = 1
_SETTLED_NS = SETTLED_NS + 2 * GENERATION_DELTA_MS * NS_PER_MS
"""From here on neither an arrival nor what it may report lies before the last leap second."""
_ALL_MODULO = GENERATION_DELTA_MS - 1
_EVENTS: dict[tuple[bool, bool], tuple[str, ...]] = {
    (False, False): (),
    (True, False): ("hazard_lights",),
    (False, True): ("hard_braking",),
    (True, True): ("hazard_lights", "hard_braking"),
}


def _turns() -> tuple[tuple[float, float, float], ...]:
    """Yaw, and half of the unit vector along it, for every heading."""
    found = []
    for angle in range(ANGLE_UNAVAILABLE):
        yaw = math.radians(90.0 - angle * ANGLE_STEP_DEG)
        sine, cosine = math.sin(yaw), math.cos(yaw)
        found.append((math.atan2(sine, cosine), cosine / 2.0, sine / 2.0))
    return tuple(found)


def cam_decoder(flat: Flat, slow: Decode, *, frame: LocalFrame, link: str) -> Decode:
    """The decoder of one link for CAMs.

    Args:
        flat: from a payload to the fields that `set.toml` names; the last is not None where `slow` has to read it.
        slow: the dialect's decoder.
        frame: local frame of the site.
        link: as in the report.
    """
    origin_latitude, origin_longitude, east_m, north_m = local_steps(frame)
    new, sensor, turns, lengths_m = tuple.__new__, TimeSource.SENSOR, _turns(), LENGTHS_M

    def decode(payload: bytes, arrival_ns: int) -> V2xReport:
        if payload[:2] != _HEADER or arrival_ns < _SETTLED_NS:
            return slow(payload, arrival_ns)
        try:
            (
                station,
                delta,
                station_type,
                latitude,
                longitude,
                major,
                minor,
                orientation,
                heading,
                speed,
                direction,
                length,
                width,
                acceleration,
                control,
                lights,
                special,
            ) = flat(payload)
        except GENERATED_ERRORS:
            return slow(payload, arrival_ns)
        if (
            special is not None
            or heading is None
            or heading == ANGLE_UNAVAILABLE
            or latitude == LATITUDE_UNAVAILABLE
            or longitude == LONGITUDE_UNAVAILABLE
            or station_type == ROADSIDE_UNIT
        ):
            return slow(payload, arrival_ns)
        axes, axes_yaw = None, 0.0
        if major < AXIS_SATURATED and minor < AXIS_SATURATED:
            axes = (major * _AXIS_M, minor * _AXIS_M)
            if orientation == ANGLE_UNAVAILABLE or major < minor:
                return slow(payload, arrival_ns)
            axes_yaw = turns[orientation][0]
        arrival_ms = arrival_ns // NS_PER_MS
        ahead_ms = (delta - arrival_ms - SETTLED_MS) & _ALL_MODULO
        if ahead_ms > GENERATION_DELTA_MS // 2:
            ahead_ms -= GENERATION_DELTA_MS
        kind = _CLASSES[station_type]
        length_m = length * LENGTH_STEP_M if length < LENGTH_SATURATED else None
        behind_m = lengths_m[kind] if length_m is None else length_m
        if direction == _BACKWARD:
            behind_m = -behind_m
        yaw, half_x, half_y = turns[heading]
        return new(
            V2xReport,
            (
                link,
                DIALECT,
                f"{station:08x}",
                new(Stamp, ((arrival_ms + ahead_ms) * NS_PER_MS, sensor, NS_PER_MS)),
                arrival_ns,
                ((longitude - origin_longitude + HALF_TURN_UNITS) % TURN_UNITS - HALF_TURN_UNITS) * east_m
                - behind_m * half_x,
                (latitude - origin_latitude) * north_m - behind_m * half_y,
                axes,
                axes_yaw,
                None if speed >= SPEED_SATURATED else speed * SPEED_STEP_MPS,
                yaw,
                None if acceleration == ACCELERATION_UNAVAILABLE else acceleration * ACCELERATION_STEP_MPS2,
                length_m,
                width * LENGTH_STEP_M if width < WIDTH_SATURATED else None,
                kind,
                ()
                if not lights and not control
                else _EVENTS[
                    (lights or 0) & HAZARD_LIGHTS == HAZARD_LIGHTS,
                    bool((control or 0) & EMERGENCY_BRAKE),
                ],
                None,
            ),
        )

    return decode
