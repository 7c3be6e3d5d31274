"""ParticipantData, which RSM and SSM share, to and from a perceived object (YD/T 3709-2020 clause 5.2.3).

The position is the centre of the road user. Its measuring time is in milliseconds of the UTC minute. Participant 0 is
the roadside unit itself, so no object may have that number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame, heading_to_yaw_rad
from edge.core.kinds import ObjectClass
from edge.core.perceived import PerceivedObject, PerceivedObjects, Sensing
from edge.v2x.csae_elements import (
    HEIGHT_STEP_M,
    ID_OCTETS,
    Origin,
    circle_of,
    motion_confidence,
    motion_sigmas,
    offset_from,
    place_of,
    position_confidence,
    time_of,
)
from edge.v2x.motion import (
    ACCELERATION_STEP_MPS2,
    ACCELERATION_UNAVAILABLE,
    HEADING_STEP_DEG,
    HEADING_UNAVAILABLE,
    SPEED_STEP_MPS,
    SPEED_UNAVAILABLE,
    class_of_code,
    code_of_class,
    heading_of,
    second_mark_of,
    steps,
)

STATION = "rsu"
"""ParticipantType of the roadside unit itself."""

_TYPE_OF_CLASS = {
    ObjectClass.CAR: "motor",
    ObjectClass.TRUCK: "motor",
    ObjectClass.BUS: "motor",
    ObjectClass.MOTORCYCLE: "motor",
    ObjectClass.BICYCLE: "non-motor",
    ObjectClass.PEDESTRIAN: "pedestrian",
    ObjectClass.UNKNOWN: "unknown",
}

_CLASS_OF_TYPE = {
    "motor": ObjectClass.CAR,
    "non-motor": ObjectClass.BICYCLE,
    "pedestrian": ObjectClass.PEDESTRIAN,
}
"""A motor vehicle of no said class is taken for a car."""

_SOURCE_OF_SENSING = {
    Sensing.NONE: "unknown",
    Sensing.V2X: "v2x",
    Sensing.CAMERA: "video",
    Sensing.RADAR: "microwaveRadar",
    Sensing.LOOP: "loop",
    Sensing.LIDAR: "lidar",
}

_SENSING_OF_SOURCE = {name: sensing for sensing, name in _SOURCE_OF_SENSING.items()} | {
    "selfinfo": Sensing.V2X
}
"""What is integrated does not say of what, so nothing is known of it: least of all that it was not only heard."""


def participant(item: PerceivedObject, *, origin: Origin, frame: LocalFrame, what: str) -> dict[str, Any]:
    """An object as ParticipantData; a pseudonym is sent where it has the octets of T/CSAE."""
    if not 0 < item.object_id <= 65_535:
        raise CodecError(what, f"object id {item.object_id} is not in 1 to 65535")
    speed, yaw = item.speed_mps, item.yaw_rad
    value: dict[str, Any] = {
        "ptcType": _TYPE_OF_CLASS[item.object_class],
        "ptcId": item.object_id,
        "source": _SOURCE_OF_SENSING.get(item.sensing, "integrated"),
        "secMark": second_mark_of(item.measured_ns),
        "pos": offset_from(origin, item.x_m, item.y_m, frame=frame),
        "posConfidence": position_confidence(item.ellipse_m),
        "speed": SPEED_UNAVAILABLE if speed is None else steps("speed", speed, SPEED_STEP_MPS, 0, 8190),
        "heading": HEADING_UNAVAILABLE if yaw is None else heading_of(yaw),
        "size": _size(item),
    }
    confidence = motion_confidence(item.speed_sigma_mps, item.yaw_sigma_rad)
    if confidence:
        value["motionCfd"] = confidence
    if item.acceleration_mps2 is not None:
        value["accelSet"] = acceleration_set(item.acceleration_mps2)
    if item.object_class is not ObjectClass.UNKNOWN:
        value["vehicleClass"] = {"classification": code_of_class(item.object_class)}
    pseudonym = _pseudonym(item.temporary_id, what=what)
    return value | ({"id": pseudonym} if len(pseudonym) == ID_OCTETS else {})


def station_participant(objects: PerceivedObjects) -> dict[str, Any]:
    """The roadside unit itself, at the reference position."""
    return {
        "ptcType": STATION,
        "ptcId": 0,
        "source": "selfinfo",
        "secMark": second_mark_of(objects.stamp_ns),
        "pos": {"offsetLL": ("position-LL1", {"lon": 0, "lat": 0})},
        "posConfidence": {"pos": "unavailable"},
        "speed": 0,
        "heading": HEADING_UNAVAILABLE,
        "size": {"width": 0, "length": 0},
    }


def perceived(
    value: Mapping[str, Any], *, origin: Origin, frame: LocalFrame, near_ns: int, what: str
) -> PerceivedObject:
    """ParticipantData, heard at `near_ns`, to an object."""
    x_m, y_m = place_of(value["pos"], origin, frame=frame, what=what)
    speed_sigma_mps, yaw_sigma_rad = motion_sigmas(value.get("motionCfd", {}))
    speed, heading, size = value["speed"], value["heading"], value["size"]
    acceleration = value.get("accelSet", {}).get("long", ACCELERATION_UNAVAILABLE)
    return PerceivedObject(
        object_id=value["ptcId"],
        measured_ns=time_of(value["secMark"], near_ns=near_ns, what=what),
        object_class=_class_of(value),
        x_m=x_m,
        y_m=y_m,
        sensing=_SENSING_OF_SOURCE.get(value["source"], Sensing.NONE),
        ellipse_m=circle_of(value["posConfidence"]).axes_m,
        speed_mps=None if speed == SPEED_UNAVAILABLE else speed * SPEED_STEP_MPS,
        yaw_rad=None if heading == HEADING_UNAVAILABLE else heading_to_yaw_rad(heading * HEADING_STEP_DEG),
        acceleration_mps2=(
            None if acceleration == ACCELERATION_UNAVAILABLE else acceleration * ACCELERATION_STEP_MPS2
        ),
        speed_sigma_mps=speed_sigma_mps,
        yaw_sigma_rad=yaw_sigma_rad,
        length_m=size["length"] / 100.0 if size["length"] else None,
        width_m=size["width"] / 100.0 if size["width"] else None,
        height_m=size["height"] * HEIGHT_STEP_M if size.get("height") else None,
        temporary_id=value.get("id", b"").hex(),
    )


def acceleration_set(acceleration_mps2: float) -> dict[str, int]:
    """AccelerationSet4Way of which only the longitudinal one is known."""
    long = steps("acceleration", acceleration_mps2, ACCELERATION_STEP_MPS2, -2000, 2000)
    return {"long": long, "lat": ACCELERATION_UNAVAILABLE, "vert": -127, "yaw": 0}


def _size(item: PerceivedObject) -> dict[str, int]:
    value = {
        "width": 0 if item.width_m is None else steps("width", item.width_m, 0.01, 1, 1023),
        "length": 0 if item.length_m is None else steps("length", item.length_m, 0.01, 1, 4095),
    }
    if item.height_m is not None:
        value["height"] = steps("height", item.height_m, HEIGHT_STEP_M, 1, 127)
    return value


def _class_of(value: Mapping[str, Any]) -> ObjectClass:
    """The class said, or that of the participant type."""
    said = class_of_code(value.get("vehicleClass", {}).get("classification", 0))
    if said is not ObjectClass.UNKNOWN:
        return said
    return _CLASS_OF_TYPE.get(value["ptcType"], ObjectClass.UNKNOWN)


def _pseudonym(name: str, *, what: str) -> bytes:
    try:
        return bytes.fromhex(name)
    except ValueError as error:
        raise CodecError(what, f"temporary id {name!r} is not hexadecimal") from error
