"""From the bytes of a BSM or CAM to a core report in one step, for the thousands of them that a link hears.

The generated flat decoder gives the numbers; units are turned by constants made once. What is rare (emergency vehicles,
positions with only a confidence radius, other messages, broken ones) goes to the dialect's own decoder, which is the
reference: both give the same report wherever both give one, and a test holds them to it. The decoders are long
functions on purpose: a call more costs them two percent.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from edge.core.geodesy import LocalFrame
from edge.core.kinds import ObjectClass
from edge.core.perceived import PerceivedObjects
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

Heard = V2xReport | PerceivedObjects
"""What a frame says: of its sender, or of the road users that a station perceives."""
Decode = Callable[[bytes, int], Heard]
"""Payload and UTC ns of arrival to what is said; raises `CodecError`."""
Flat = Callable[[bytes], tuple[Any, ...]]

_CLASSES = tuple(class_of_code(code) for code in range(256))
HALF_TURN_UNITS = 1800000000.0
TURN_UNITS = 3600000000.0
"""Degrees of longitude in steps of 1e-7; as floats, for a float is compared with an int in twice the time."""
LOWEST_LATITUDE = -900000000
_LOWEST_LONGITUDE = -1799999999
_LOWEST_ACCELERATION = -2000
_NO_LATITUDE = LATITUDE_UNAVAILABLE - LOWEST_LATITUDE
_NO_LONGITUDE = LONGITUDE_UNAVAILABLE - _LOWEST_LONGITUDE
_CLASSES = tuple(class_of_code(code) for code in range(256))
_ACCELERATIONS_MPS2 = (
    *(step * ACCELERATION_STEP_MPS2 for step in range(_LOWEST_ACCELERATION, ACCELERATION_UNAVAILABLE)),
    None,
)
_HALF_MINUTE_MS = MINUTE_MS // 2
_LENGTHS_M = (None, *(code / 100.0 for code in range(1, 4096)))
_WIDTHS_M = _LENGTHS_M[:1024]
_RAD_PER_ORIENTATION = math.radians(ORIENTATION_STEP_DEG)


@functools.cache
def _yaws() -> tuple[float | None, ...]:
    """Yaw of every heading."""
    found = (math.radians(90.0 - code * HEADING_STEP_DEG) for code in range(HEADING_UNAVAILABLE))
    return (*(yaw + math.tau if yaw < -math.pi else yaw for yaw in found), None)


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


def _ellipse(major: int, minor: int, orientation: int) -> tuple[tuple[float, float], float]:
    """Axes in metres and the direction of the major one; an unknown orientation makes a circle."""
    axes = (major * AXIS_STEP_M, minor * AXIS_STEP_M)
    if major < minor:
        axes = axes[::-1]
    if orientation == ORIENTATION_UNAVAILABLE:
        return (axes[0], axes[0]), 0.0
    yaw = math.pi / 2 - orientation * _RAD_PER_ORIENTATION
    return axes, yaw + math.tau if yaw < -math.pi else yaw


def bsm_decoder(flat: Flat, slow: Decode, *, frame: LocalFrame, link: str, dialect: str) -> Decode:
    """The decoder of one link for BSMs.

    Args:
        flat: from a payload to the fields that `set.toml` names. Of the last two the first sends the message to
            `slow` whenever it is there, the second where the class or the ellipse is unknown. Latitude, longitude and
            acceleration count from the lowest of their ranges.
        slow: the dialect's decoder.
        frame: local frame of the site.
        link, dialect: as in the report.
    """
    origin_latitude, origin_longitude, east_m, north_m = local_steps(frame)
    origin_latitude -= LOWEST_LATITUDE
    origin_longitude -= _LOWEST_LONGITUDE
    new, sensor, unknown, yaws = tuple.__new__, TimeSource.SENSOR, ObjectClass.UNKNOWN, _yaws()

    def decode(payload: bytes, arrival_ns: int) -> Heard:
        try:
            # fmt: off
            (number, mark, latitude, longitude, major, minor, orientation, speed, heading, acceleration, width, length,
             code, flags, special, other) = flat(payload)
            # fmt: on
            yaw, acceleration_mps2 = yaws[heading], _ACCELERATIONS_MPS2[acceleration]
        except GENERATED_ERRORS:
            return slow(payload, arrival_ns)
        if special is not None or mark >= MINUTE_MS or latitude >= _NO_LATITUDE or longitude >= _NO_LONGITUDE:
            return slow(payload, arrival_ns)
        axes, axes_yaw = None, 0.0
        if major is not None and major < AXIS_SATURATED and minor < AXIS_SATURATED:
            axes, axes_yaw = _ellipse(major, minor, orientation)
        if other is not None and (axes is None or code is None):
            return slow(payload, arrival_ns)
        east = longitude - origin_longitude
        if not -HALF_TURN_UNITS <= east <= HALF_TURN_UNITS:
            east -= math.copysign(TURN_UNITS, east)
        arrival_ms = arrival_ns // NS_PER_MS
        ahead_ms = (mark - arrival_ms) % MINUTE_MS
        if ahead_ms > _HALF_MINUTE_MS:
            ahead_ms -= MINUTE_MS
        # fmt: off
        return new(V2xReport, (
            link, dialect, number.hex(), new(Stamp, ((arrival_ms + ahead_ms) * NS_PER_MS, sensor, NS_PER_MS)),
            arrival_ns, east * east_m, (latitude - origin_latitude) * north_m, axes, axes_yaw,
            None if speed == SPEED_UNAVAILABLE else speed * SPEED_STEP_MPS, yaw, acceleration_mps2,
            _LENGTHS_M[length], _WIDTHS_M[width], unknown if code is None else _CLASSES[code],
            _events(flags) if flags else (), None,
        ))
        # fmt: on

    return decode
