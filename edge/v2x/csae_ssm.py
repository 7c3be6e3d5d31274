"""T/CSAE 157-2020 SensorSharingMsg (day 2) to and from perceived objects.

Obstacles and traffic events that an SSM may also carry are no road users and are left out here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from edge.core.geodesy import LocalFrame
from edge.core.kinds import ObjectClass
from edge.core.perceived import PerceivedObject, PerceivedObjects
from edge.v2x.codec import message_codec
from edge.v2x.csae_elements import (
    Origin,
    Variant,
    chunks_of,
    has_place,
    octets_of_id,
    origin_of,
    percent_of,
    position_3d,
    time_of,
)
from edge.v2x.csae_participant import STATION, participant, perceived
from edge.v2x.finite import check_finite
from edge.v2x.frame import CSAE_SSM, unwrap_csae_day2, wrap_csae_day2
from edge.v2x.motion import position_to_local, second_mark_of

MAX_OBJECTS = 64
"""Objects in one frame; the schema would allow 512, but no radio carries so many octets."""

MAX_BYTES = 1400
"""Octets of one frame (IEEE 1609.3 WSM maximum)."""

_FRAME_BYTES = 7
"""MessageFrame and MessageFrameExt around a body of up to 16,383 octets."""

Equipment = Literal["unknown", "rsu", "obu", "vru"]

_TYPES = {
    ObjectClass.CAR: "car",
    ObjectClass.TRUCK: "truck",
    ObjectClass.BUS: "bus",
    ObjectClass.BICYCLE: "cyclist",
    ObjectClass.MOTORCYCLE: "motorcyclist",
    ObjectClass.PEDESTRIAN: "pedestrian",
}
_CLASSES = {name: kind for kind, name in _TYPES.items()} | {"van": ObjectClass.CAR}


def encode_ssm(
    objects: PerceivedObjects,
    *,
    frame: LocalFrame,
    message_count: int,
    variant: Variant,
    equipment: Equipment = "rsu",
    max_bytes: int = MAX_BYTES,
) -> tuple[bytes, ...]:
    """Objects to as many MessageFrames as they need; none for no objects.

    Args:
        objects: ids are 1 to 65535; `station` has eight octets; the reference position is that of the sensors.
        frame: local frame of the site.
        message_count: msgCnt of the first frame; the others count on, modulo 128.
        variant: edition of the ASN.1.
        equipment: what the sender is.
        max_bytes: of a frame.
    """
    check_finite(objects, what="SSM")
    reference = position_3d(objects.x_m, objects.y_m, frame=frame)
    origin = origin_of(reference)
    values = [_detected(item, origin=origin, frame=frame) for item in objects.objects]
    head: dict[str, Any] = {
        "id": octets_of_id(objects.station, what="SSM"),
        "equipmentType": equipment,
        "secMark": second_mark_of(objects.stamp_ns),
        "sensorPos": reference,
    }
    codec = message_codec(f"csae-{variant}/SensorSharingMsg")
    empty = len(codec.encode(head | {"msgCnt": 0}))
    sizes = [len(codec.encode(head | {"msgCnt": 0, "participants": [value]})) - empty for value in values]
    chunks = chunks_of(sizes, room=max_bytes - _FRAME_BYTES - empty, most=MAX_OBJECTS, what="SSM")
    bodies = (
        head | {"msgCnt": (message_count + index) % 128, "participants": values[start:end]}
        for index, (start, end) in enumerate(chunks)
    )
    return tuple(wrap_csae_day2(CSAE_SSM, codec.encode(body)) for body in bodies)


def decode_ssm(payload: bytes, *, frame: LocalFrame, arrival_ns: int, variant: Variant) -> PerceivedObjects:
    """A MessageFrame with an SSM to the objects of this one frame; one that says no place is left out.

    Raises:
        OtherMessageError: a sound frame of another message.
        CodecError: anything else that is not one whole SSM with positions.
    """
    body = unwrap_csae_day2(payload, message_id=CSAE_SSM, what="SSM")
    message: Mapping[str, Any] = message_codec(f"csae-{variant}/SensorSharingMsg").decode(body)
    origin = origin_of(message["sensorPos"])
    x_m, y_m = position_to_local(*origin, frame=frame, what="SSM")
    return PerceivedObjects(
        station=message["id"].hex(),
        stamp_ns=time_of(message["secMark"], near_ns=arrival_ns, what="SSM"),
        x_m=x_m,
        y_m=y_m,
        objects=tuple(
            _object(value, origin=origin, frame=frame, near_ns=arrival_ns)
            for value in message.get("participants", ())
            if value["ptc"]["ptcType"] != STATION and has_place(value["ptc"]["pos"])
        ),
    )


def _detected(item: PerceivedObject, *, origin: Origin, frame: LocalFrame) -> dict[str, Any]:
    value: dict[str, Any] = {
        "ptc": participant(item, origin=origin, frame=frame, what="SSM"),
        "detectedPTCType": _TYPES.get(item.object_class, "unknown"),
    }
    certain = percent_of(item.class_confidence)
    if certain is not None:
        value["typeConfidence"] = certain
    if item.age_ms is not None and item.age_ms >= 1000:
        value["tracking"] = min(item.age_ms // 1000, 65_535)
    return value


def _object(value: Mapping[str, Any], *, origin: Origin, frame: LocalFrame, near_ns: int) -> PerceivedObject:
    """A participant with what SSM adds: a finer class, its confidence, and for how many seconds it was tracked."""
    base = perceived(value["ptc"], origin=origin, frame=frame, near_ns=near_ns, what="SSM")
    seconds = value.get("tracking")
    certain = value.get("typeConfidence")
    return replace(
        base,
        object_class=_CLASSES.get(value.get("detectedPTCType", ""), base.object_class),
        class_confidence=None if certain is None else certain / 200.0,
        age_ms=None if seconds is None else seconds * 1000,
    )
