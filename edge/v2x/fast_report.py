"""From the bytes of a BSM or CAM to a core report in one step, for the thousands of them that a link hears.

The generated flat decoder gives the numbers; units are turned by constants made once. What is rare (emergency vehicles,
positions with only a confidence radius, other messages, broken ones) goes to the dialect's own decoder, which is the
reference: both give the same report wherever both give one, and a test holds them to it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from edge.core.geodesy import LocalFrame
from edge.core.kinds import ObjectClass
from edge.core.stamp import NS_PER_MS, Stamp, TimeSource
from edge.core.v2x import V2xReport
from edge.v2x.codec import GENERATED_ERRORS
from edge.v2x.motion import (
    ACCELERATION_STEP_MPS2,
    ACCELERATION_UNAVAILABLE,
    AXIS_SATURATED,
    AXIS_STEP_M,
    DEGREES_PER_UNIT,
    EVENT_NAMES,
    HEADING_STEP_DEG,
    HEADING_UNAVAILABLE,
    LATITUDE_UNAVAILABLE,
    LONGITUDE_UNAVAILABLE,
    MINUTE_MS,
    ORIENTATION_STEP_DEG,
    ORIENTATION_UNAVAILABLE,
    SPEED_STEP_MPS,
    SPEED_UNAVAILABLE,
    class_of_code,
    event_names,
)

Decode = Callable[[bytes, int], V2xReport]
"""Payload and UTC ns of arrival to a report; raises `CodecError`."""
Flat = Callable[[bytes], tuple[Any, ...]]

_CLASSES = tuple(class_of_code(code) for code in range(256))
TURN_UNITS = 3600000000
HALF_TURN_UNITS = 1800000000
_RAD_PER_HEADING = math.radians(HEADING_STEP_DEG)
_RAD_PER_ORIENTATION = math.radians(ORIENTATION_STEP_DEG)


@functools.lru_cache(maxsize=1024)
def _events(flags: int | tuple[bytes, int]) -> tuple[str, ...]:
    """Names of event flags: 13 of them as a number, or more of a later edition."""
    if isinstance(flags, int):
        return event_names((flags << 3).to_bytes(2, "big"), len(EVENT_NAMES))
    return event_names(*flags)


def local_steps(frame: LocalFrame) -> tuple[float, float, float, float]:
    """Origin of a frame in steps of 1e-7 degrees, latitude first, and the metres east and north of one step."""
    east_m, north_m = frame.to_local(frame.latitude_deg + 1.0, frame.longitude_deg + 1.0)
    return (
        frame.latitude_deg / DEGREES_PER_UNIT,
        frame.longitude_deg / DEGREES_PER_UNIT,
        east_m * DEGREES_PER_UNIT,
        north_m * DEGREES_PER_UNIT,
    )


def bsm_decoder(flat: Flat, slow: Decode, *, frame: LocalFrame, link: str, dialect: str) -> Decode:
    """The decoder of one link for BSMs.

    Args:
        flat: from a payload to id, secMark, lat, long, semiMajor, semiMinor, orientation, speed, heading,
            accelSet.long, width, length, class, event flags, and two fields that send the message to `slow`: the first
            whenever it is there, the second where the class or the ellipse is unknown.
        slow: the dialect's decoder.
        frame: local frame of the site.
        link, dialect: as in the report.
    """
    origin_latitude, origin_longitude, east_m, north_m = local_steps(frame)
    minute_ns, half_minute_ns = MINUTE_MS * NS_PER_MS, MINUTE_MS * NS_PER_MS // 2
    new, sensor, unknown, pi, quarter, turn = (
        tuple.__new__,
        TimeSource.SENSOR,
        ObjectClass.UNKNOWN,
        math.pi,
        math.pi / 2,
        math.tau,
    )

    def decode(payload: bytes, arrival_ns: int) -> V2xReport:
        try:
            (
                number,
                mark,
                latitude,
                longitude,
                major,
                minor,
                orientation,
                speed,
                heading,
                acceleration,
                width,
                length,
                code,
                flags,
                special,
                other,
            ) = flat(payload)
        except GENERATED_ERRORS:
            return slow(payload, arrival_ns)
        if (
            special is not None
            or mark >= MINUTE_MS
            or latitude == LATITUDE_UNAVAILABLE
            or longitude == LONGITUDE_UNAVAILABLE
        ):
            return slow(payload, arrival_ns)
        axes, axes_yaw = None, 0.0
        if major is not None and major < AXIS_SATURATED and minor < AXIS_SATURATED:
            if orientation == ORIENTATION_UNAVAILABLE:
                major = minor = max(major, minor)
            else:
                axes_yaw = quarter - orientation * _RAD_PER_ORIENTATION
                if axes_yaw < -pi:
                    axes_yaw += turn
            axes = (
                (major * AXIS_STEP_M, minor * AXIS_STEP_M)
                if major >= minor
                else (minor * AXIS_STEP_M, major * AXIS_STEP_M)
            )
        if other is not None and (axes is None or code is None):
            return slow(payload, arrival_ns)
        ahead_ns = mark * NS_PER_MS - arrival_ns % minute_ns
        if ahead_ns > half_minute_ns:
            ahead_ns -= minute_ns
        elif ahead_ns < -half_minute_ns:
            ahead_ns += minute_ns
        yaw = None
        if heading != HEADING_UNAVAILABLE:
            yaw = quarter - heading * _RAD_PER_HEADING
            if yaw < -pi:
                yaw += turn
        return new(
            V2xReport,
            (
                link,
                dialect,
                number.hex(),
                new(Stamp, (arrival_ns + ahead_ns, sensor, NS_PER_MS)),
                arrival_ns,
                ((longitude - origin_longitude + HALF_TURN_UNITS) % TURN_UNITS - HALF_TURN_UNITS) * east_m,
                (latitude - origin_latitude) * north_m,
                axes,
                axes_yaw,
                None if speed == SPEED_UNAVAILABLE else speed * SPEED_STEP_MPS,
                yaw,
                None if acceleration == ACCELERATION_UNAVAILABLE else acceleration * ACCELERATION_STEP_MPS2,
                length / 100.0 if length else None,
                width / 100.0 if width else None,
                unknown if code is None else _CLASSES[code],
                _events(flags) if flags else (),
                None,
            ),
        )

    return decode
