"""SAE J3224-2022 SensorDataSharingMessage to and from perceived objects.

Positions are offsets from the reference position in decimetres to the north (X), east (Y) and down (Z); the offset of
an object's time is positive where it was measured before the message's time; confidences are those of 95 %. The
position of an object is taken as the centre of its box. The message does not say by what an object was perceived, so
what was only heard is not sent in it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame, heading_to_yaw_rad
from edge.core.kinds import ObjectClass
from edge.core.perceived import PerceivedObject, PerceivedObjects, Sensing
from edge.core.stamp import NS_PER_MS
from edge.v2x.codec import message_codec
from edge.v2x.csae_elements import (
    circle_of,
    motion_confidence,
    motion_sigmas,
    position_3d,
    position_confidence,
)
from edge.v2x.finite import check_finite
from edge.v2x.frame import J2735_SDSM, unwrap_j2735, wrap_j2735
from edge.v2x.j2735_psm import TYPE_OF_CLASS, class_of_person
from edge.v2x.j2735_times import date_time_fields, instant_of_date_time
from edge.v2x.motion import (
    ACCELERATION_STEP_MPS2,
    ACCELERATION_UNAVAILABLE,
    AXIS_SATURATED,
    AXIS_STEP_M,
    AXIS_UNAVAILABLE,
    HEADING_STEP_DEG,
    HEADING_UNAVAILABLE,
    ORIENTATION_UNAVAILABLE,
    SPEED_STEP_MPS,
    SPEED_UNAVAILABLE,
    class_of_code,
    code_of_class,
    heading_of,
    position_to_local,
    steps,
)

MAX_BYTES = 1400
"""Longest MessageFrame that one radio packet carries (IEEE 1609.3)."""
MAX_OBJECTS = 255

_MESSAGE = "j2735/SensorDataSharingMessage"
_HEAD_BITS = 8 * 40
"""Bound on what stands before the objects."""
_OFFSET_STEP_M = 0.1
_FARTHEST = 32_767
_MAX_TIME_OFFSET_MS = 1500
_CONFIDENCE_UNAVAILABLE = 101
_HEIGHT_STEP_M = 0.05
_HEIGHT_UNAVAILABLE = 127
_OBSTACLE_STEP_M = 0.1
_PEOPLE = (ObjectClass.PEDESTRIAN, ObjectClass.BICYCLE)


def encode_sdsm(
    perceived: PerceivedObjects,
    *,
    frame: LocalFrame,
    message_count: int,
    reference_sigma_m: float | None = None,
) -> tuple[bytes, ...]:
    """Perceived objects to as many MessageFrames with an SDSM of a roadside unit as it takes.

    Left out is what the message cannot tell truly: road users that were only heard, that are 3.2 km or more away, or
    whose time is 1.5 s or more from the message's; with nothing left, there is no message.

    Args:
        perceived: `station` has four octets.
        frame: local frame of the site.
        message_count: of the first frame; each further one counts on, modulo 128.
        reference_sigma_m: how well the reference position is known; None: unknown.
    """
    check_finite(perceived, what="SDSM")
    objects = [_object(o, perceived) for o in perceived.objects if _can_be_told(o, perceived)]
    value = _header(perceived, frame=frame, reference_sigma_m=reference_sigma_m)
    frames = []
    for index, group in enumerate(_groups(objects, value)):
        counted = value | {"msgCnt": (message_count + index) % 128, "objects": group}
        frames.append(wrap_j2735(J2735_SDSM, message_codec(_MESSAGE).encode(counted)))
    return tuple(frames)


def decode_sdsm(payload: bytes, *, frame: LocalFrame, arrival_ns: int) -> PerceivedObjects:
    """A MessageFrame with an SDSM to perceived objects.

    Raises:
        OtherMessageError: a sound frame of another message.
        CodecError: anything else that is not one whole SDSM with a position.
    """
    message = message_codec(_MESSAGE).decode(unwrap_j2735(payload, message_id=J2735_SDSM, what="SDSM"))
    x_m, y_m = position_to_local(message["refPos"]["lat"], message["refPos"]["long"], frame=frame)
    stamp_ns = instant_of_date_time(message["sDSMTimeStamp"], arrival_ns=arrival_ns)
    objects = (_perceived(entry, x_m=x_m, y_m=y_m, stamp_ns=stamp_ns) for entry in message["objects"])
    return PerceivedObjects(message["sourceID"].hex(), stamp_ns, x_m, y_m, tuple(objects))


def _header(
    perceived: PerceivedObjects, *, frame: LocalFrame, reference_sigma_m: float | None
) -> dict[str, Any]:
    try:
        station = bytes.fromhex(perceived.station)
    except ValueError as error:
        raise CodecError("SDSM", f"station {perceived.station!r} is not hexadecimal") from error
    axis = AXIS_UNAVAILABLE
    if reference_sigma_m is not None:
        axis = steps("reference", reference_sigma_m, AXIS_STEP_M, 0, AXIS_SATURATED)
    return {
        "sourceID": station,
        "equipmentType": "rsu",
        "sDSMTimeStamp": date_time_fields(perceived.stamp_ns),
        "refPos": position_3d(perceived.x_m, perceived.y_m, frame=frame),
        "refPosXYConf": {"semiMajor": axis, "semiMinor": axis, "orientation": ORIENTATION_UNAVAILABLE},
    }


def _can_be_told(found: PerceivedObject, perceived: PerceivedObjects) -> bool:
    if found.sensing == Sensing.V2X:
        return False
    away_m = max(abs(found.x_m - perceived.x_m), abs(found.y_m - perceived.y_m))
    if not math.isfinite(away_m):
        raise CodecError("SDSM", f"object {found.object_id} has no position")
    late_ms = abs(perceived.stamp_ns - found.measured_ns) / NS_PER_MS
    return away_m <= _FARTHEST * _OFFSET_STEP_M and late_ms <= _MAX_TIME_OFFSET_MS


def _groups(objects: Sequence[dict[str, Any]], header: Mapping[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Objects that go into one frame together."""
    bits: dict[tuple[Any, ...], int] = {}
    group: list[dict[str, Any]] = []
    used = _HEAD_BITS
    for entry in objects:
        shape = _shape(entry)
        if shape not in bits:
            bits[shape] = _bits_of(entry, header)
        if group and (len(group) == MAX_OBJECTS or used + bits[shape] > 8 * MAX_BYTES):
            yield group
            group, used = [], _HEAD_BITS
        group.append(entry)
        used += bits[shape]
    if group:
        yield group


def _shape(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    """Which elements are there: objects of one shape have the same number of bits."""
    kind, details = entry.get("detObjOptData", ("", {}))
    return tuple(entry["detObjCommon"]), kind, tuple(details), tuple(details.get("obstSize", ()))


def _bits_of(entry: dict[str, Any], header: Mapping[str, Any]) -> int:
    """Bits of one object, at most one too many: nine are longer than one by as many octets."""
    one, nine = (
        len(message_codec(_MESSAGE).encode({**header, "msgCnt": 0, "objects": [entry] * count}))
        for count in (1, 9)
    )
    return nine - one + 1


def _object(found: PerceivedObject, perceived: PerceivedObjects) -> dict[str, Any]:
    speed, yaw = found.speed_mps, found.yaw_rad
    sure = motion_confidence(found.speed_sigma_mps, found.yaw_sigma_rad)
    common: dict[str, Any] = {
        "objType": _type_of(found.object_class),
        "objTypeCfd": _percent(found.class_confidence),
        "objectID": found.object_id,
        "measurementTime": round((perceived.stamp_ns - found.measured_ns) / NS_PER_MS),
        "timeConfidence": "unavailable",
        "pos": {
            "offsetX": round((found.y_m - perceived.y_m) / _OFFSET_STEP_M),
            "offsetY": round((found.x_m - perceived.x_m) / _OFFSET_STEP_M),
        },
        "posConfidence": position_confidence(found.ellipse_m) | {"elevation": "unavailable"},
        "speed": SPEED_UNAVAILABLE if speed is None else steps("speed", speed, SPEED_STEP_MPS, 0, 8190),
        "speedConfidence": sure.get("speedCfd", "unavailable"),
        "heading": HEADING_UNAVAILABLE if yaw is None else heading_of(yaw),
        "headingConf": sure.get("headingCfd", "unavailable"),
    }
    if found.acceleration_mps2 is not None:
        ahead = steps("acceleration", found.acceleration_mps2, ACCELERATION_STEP_MPS2, -2000, 2000)
        common["accel4way"] = {"long": ahead, "lat": ACCELERATION_UNAVAILABLE, "vert": -127, "yaw": 0}
    details = _details(found)
    return {"detObjCommon": common} | ({} if details is None else {"detObjOptData": details})


def _type_of(kind: ObjectClass) -> str:
    if kind is ObjectClass.UNKNOWN:
        return "unknown"
    return "vru" if kind in _PEOPLE else "vehicle"


def _details(found: PerceivedObject) -> tuple[str, dict[str, Any]] | None:
    """DetectedObjectOptionalData; None where there is nothing to add. The size of a person cannot be said."""
    if found.object_class in _PEOPLE:
        return "detVRU", {"basicType": TYPE_OF_CLASS[found.object_class]}
    if found.object_class is ObjectClass.UNKNOWN:
        return _obstacle(found)
    details: dict[str, Any] = {}
    if found.length_m is not None or found.width_m is not None:
        details["size"] = {
            "width": 0 if found.width_m is None else steps("width", found.width_m, 0.01, 1, 1023),
            "length": 0 if found.length_m is None else steps("length", found.length_m, 0.01, 1, 4095),
        }
    if found.height_m is not None:
        details["height"] = steps("height", found.height_m, _HEIGHT_STEP_M, 0, _HEIGHT_UNAVAILABLE - 1)
    details["vehicleClass"] = code_of_class(found.object_class)
    return "detVeh", details


def _obstacle(found: PerceivedObject) -> tuple[str, dict[str, Any]] | None:
    if found.length_m is None or found.width_m is None:
        return None
    size = {
        "width": steps("width", found.width_m, _OBSTACLE_STEP_M, 0, 1023),
        "length": steps("length", found.length_m, _OBSTACLE_STEP_M, 0, 1023),
    }
    if found.height_m is not None:
        size["height"] = steps("height", found.height_m, _OBSTACLE_STEP_M, 0, 1023)
    unsure = {"widthConfidence": "unavailable", "lengthConfidence": "unavailable"}
    return "detObst", {"obstSize": size, "obstSizeConfidence": unsure}


def _percent(confidence: float | None) -> int:
    """ClassificationConfidence; zero means unknown, so what is known is 1 at least."""
    return _CONFIDENCE_UNAVAILABLE if confidence is None else steps("confidence", confidence, 0.01, 1, 100)


def _perceived(entry: Mapping[str, Any], *, x_m: float, y_m: float, stamp_ns: int) -> PerceivedObject:
    common = entry["detObjCommon"]
    kind, details = entry.get("detObjOptData", ("", {}))
    speed, heading = common["speed"], common["heading"]
    acceleration = common.get("accel4way", {}).get("long", ACCELERATION_UNAVAILABLE)
    known = acceleration != ACCELERATION_UNAVAILABLE
    speed_sigma_mps, yaw_sigma_rad = motion_sigmas(
        {"speedCfd": common["speedConfidence"], "headingCfd": common["headingConf"]}
    )
    length_m, width_m, height_m = _size_in(kind, details)
    return PerceivedObject(
        object_id=common["objectID"],
        measured_ns=stamp_ns - common["measurementTime"] * NS_PER_MS,
        object_class=_class_in(common["objType"], kind, details),
        x_m=x_m + common["pos"]["offsetY"] * _OFFSET_STEP_M,
        y_m=y_m + common["pos"]["offsetX"] * _OFFSET_STEP_M,
        ellipse_m=circle_of(common["posConfidence"]).axes_m,
        speed_mps=None if speed == SPEED_UNAVAILABLE else speed * SPEED_STEP_MPS,
        yaw_rad=None if heading == HEADING_UNAVAILABLE else heading_to_yaw_rad(heading * HEADING_STEP_DEG),
        acceleration_mps2=acceleration * ACCELERATION_STEP_MPS2 if known else None,
        speed_sigma_mps=speed_sigma_mps,
        yaw_sigma_rad=yaw_sigma_rad,
        length_m=length_m,
        width_m=width_m,
        height_m=height_m,
        class_confidence=_confidence_in(common["objTypeCfd"]),
    )


def _class_in(kind: str | int, form: str, details: Mapping[str, Any]) -> ObjectClass:
    """A vehicle that says no more is called a car, a person that says no more a pedestrian."""
    if kind == "vehicle":
        found = class_of_code(details.get("vehicleClass", 0)) if form == "detVeh" else ObjectClass.UNKNOWN
        return ObjectClass.CAR if found is ObjectClass.UNKNOWN else found
    if kind == "vru":
        found = class_of_person(details) if form == "detVRU" else ObjectClass.UNKNOWN
        return ObjectClass.PEDESTRIAN if found is ObjectClass.UNKNOWN else found
    return ObjectClass.UNKNOWN


def _size_in(form: str, details: Mapping[str, Any]) -> tuple[float | None, float | None, float | None]:
    """Length, width and height in metres; zero means unknown."""
    if form == "detObst":
        size = details["obstSize"]
        length, width, height = (
            size.get(name, 0) * _OBSTACLE_STEP_M for name in ("length", "width", "height")
        )
    else:
        size = details.get("size", {"length": 0, "width": 0})
        raised = details.get("height", _HEIGHT_UNAVAILABLE)
        length, width = size["length"] / 100.0, size["width"] / 100.0
        height = 0.0 if raised == _HEIGHT_UNAVAILABLE else raised * _HEIGHT_STEP_M
    return length or None, width or None, height or None


def _confidence_in(percent: int) -> float | None:
    return None if percent in (0, _CONFIDENCE_UNAVAILABLE) else percent / 100.0
