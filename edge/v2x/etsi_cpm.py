"""Perceived objects to ETSI CPMs of a roadside unit (TS 103 324 V2.1.1, clause 7 and annex A).

What does not fit one message goes out in up to eight, which share reference time and position. What was only heard is
not sent as perceived.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame
from edge.core.kinds import ObjectClass
from edge.core.perceived import PerceivedObject, PerceivedObjects, Sensing
from edge.core.stamp import NS_PER_MS
from edge.v2x.codec import message_codec
from edge.v2x.etsi_elements import (
    ACCELERATION_STEP_MPS2,
    ANGLE_STEP_DEG,
    ANGLE_UNAVAILABLE,
    CONFIDENCE_UNAVAILABLE,
    CPM,
    LENGTH_STEP_M,
    SIGMAS_OF_LINE,
    SPEED_SATURATED,
    SPEED_STEP_MPS,
    header_fields,
    place_of,
    reference_fields,
    station_of_class,
)
from edge.v2x.etsi_perceived import (
    BEST_QUALITY,
    CONFIDENCE_LAST,
    CORRELATION_LAST,
    FARTHEST,
    LATEST_MS,
    LEVEL_UNAVAILABLE,
    OFFSET_CONFIDENCE_LAST,
    OFFSET_STEP_M,
    PROFILES,
    SENSORS,
    SIZE_SATURATED,
    covariance_of,
)
from edge.v2x.etsi_time import timestamp_its_of, utc_ns_of_timestamp_its
from edge.v2x.finite import check_finite
from edge.v2x.motion import steps
from edge.v2x.uper import MAX_MESSAGE_BYTES

MAX_BYTES = 1100
"""Octets of one CPM that leave room for GeoNetworking and the signature in one radio packet."""
MAX_MESSAGES = 8
"""MessageSegmentationInfo counts no farther."""
MAX_OBJECTS = 255

_MESSAGE = "etsi/CollectivePerceptionMessage"
_LEAST_BYTES = 12
"""An object has more octets than this, whatever is left out."""
_RSU, _SENSORS, _OBJECTS = 2, 3, 5
"""CpmContainerId."""
_ACCELERATION_SATURATED, _ACCELERATION_CONFIDENCE_UNAVAILABLE = 160, 102
_SIZE_CONFIDENCE_UNAVAILABLE = 32
_AGE_SATURATED_MS = 1500


@dataclass(frozen=True, slots=True)
class _Base:
    """What objects are told against: ENU metres and UTC ns as they are on the wire; and how much is told."""

    x_m: float
    y_m: float
    stamp_ns: int
    with_sensors: bool
    with_correlation: bool


@dataclass(frozen=True, slots=True)
class _Head:
    """What all messages of one picture share.

    Attributes:
        header: ItsPduHeader.
        management: CpmManagementContainer without its segmentation.
        containers: all but that of the objects.
        known: how many road users are perceived in all.
    """

    header: dict[str, int]
    management: dict[str, Any]
    containers: list[dict[str, Any]]
    known: int

    def encode(self, objects: Sequence[dict[str, Any]], *, number: int = 1, of: int = 1) -> bytes:
        """One message of several, or the only one."""
        management = self.management
        if of > 1:
            management = management | {"segmentationInfo": {"totalMsgNo": of, "thisMsgNo": number}}
        perceived = {"numberOfPerceivedObjects": self.known, "perceivedObjects": list(objects)}
        containers = [*self.containers, {"containerId": _OBJECTS, "containerData": perceived}]
        payload = {"managementContainer": management, "cpmContainers": containers}
        return message_codec(_MESSAGE).encode({"header": self.header, "payload": payload})


def encode_cpm(
    perceived: PerceivedObjects,
    *,
    frame: LocalFrame,
    station_id: int | None = None,
    reference_sigma_m: float | None = None,
    max_bytes: int = MAX_BYTES,
    with_sensors: bool = True,
    with_correlation: bool = True,
) -> tuple[bytes, ...]:
    """Perceived objects to as many CPMs of a roadside unit as it takes, at most eight.

    Left out is what the message cannot tell truly: road users that were only heard, that are 1.3 km or more away, or
    whose time is more than 2.046 s from the message's; and the farthest, where eight messages are not enough. Receivers
    see it by numberOfPerceivedObjects, which counts all that were perceived (255: or more). With nothing left, there is
    no message.

    Args:
        perceived: the reference position is that of the unit.
        frame: local frame of the site.
        station_id: of 32 bits; None: the hexadecimal number in `perceived.station`.
        reference_sigma_m: how well the reference position is known; None: unknown.
        max_bytes: of one message; never more than `MAX_MESSAGE_BYTES`.
        with_sensors: say of each object by what it was perceived.
        with_correlation: say of tilted ellipses how they lie; else their extent east and north alone.
    """
    check_finite(perceived, what="CPM")
    sensed = [item for item in perceived.objects if item.sensing != Sensing.V2X]
    station = _station_of(perceived) if station_id is None else station_id
    reference = _reference(perceived, frame=frame, sigma_m=reference_sigma_m)
    reference_time = timestamp_its_of(perceived.stamp_ns)
    base = _Base(
        *place_of(reference, frame=frame, what="CPM"),
        utc_ns_of_timestamp_its(reference_time, what="CPM"),
        with_sensors,
        with_correlation,
    )
    told = [item for item in sensed if _can_be_told(item, base)]
    if not told:
        return ()
    head = _Head(
        header_fields(CPM, station_id=station),
        {"referenceTime": reference_time, "referencePosition": reference},
        _containers(told, with_sensors=with_sensors),
        min(len(sensed), MAX_OBJECTS),
    )
    objects = [_object(item, base) for item in told]
    return _messages(objects, head=head, max_bytes=min(max_bytes, MAX_MESSAGE_BYTES))


def _station_of(perceived: PerceivedObjects) -> int:
    try:
        return int(perceived.station, 16)
    except ValueError as error:
        raise CodecError("CPM", f"station {perceived.station!r} is not hexadecimal") from error


def _reference(perceived: PerceivedObjects, *, frame: LocalFrame, sigma_m: float | None) -> dict[str, Any]:
    """ReferencePosition, whose ellipse has other names than the later ReferencePositionWithConfidence."""
    circle_m = None if sigma_m is None else (sigma_m, sigma_m)
    fields = reference_fields(perceived.x_m, perceived.y_m, frame=frame, ellipse_m=circle_m)
    ellipse = fields["positionConfidenceEllipse"]
    return fields | {
        "positionConfidenceEllipse": {
            "semiMajorConfidence": ellipse["semiMajorAxisLength"],
            "semiMinorConfidence": ellipse["semiMinorAxisLength"],
            "semiMajorOrientation": ellipse["semiMajorAxisOrientation"],
        }
    }


def _containers(items: Sequence[PerceivedObject], *, with_sensors: bool) -> list[dict[str, Any]]:
    """OriginatingRsuContainer, and the kinds of sensors that perceived something, without the regions they watch."""
    containers: list[dict[str, Any]] = [{"containerId": _RSU, "containerData": {}}]
    used = Sensing.NONE
    for item in items:
        used |= item.sensing
    if with_sensors and used:
        sensors = [
            {"sensorId": number, "sensorType": form, "shadowingApplies": False}
            for kind, (number, form) in SENSORS.items()
            if kind in used
        ]
        containers.append({"containerId": _SENSORS, "containerData": sensors})
    return containers


def _whole(objects: list[dict[str, Any]], head: _Head) -> bytes:
    """One message; empty where the codec refuses, as it does a message that no radio carries.

    What is wrong with a value is raised when it is encoded in a part.
    """
    try:
        return head.encode(objects)
    except CodecError:
        return b""


def _messages(objects: list[dict[str, Any]], *, head: _Head, max_bytes: int) -> tuple[bytes, ...]:
    """One message where it suffices; else several, of the nearest objects alone where eight do not suffice."""
    if len(objects) <= min(max_bytes // _LEAST_BYTES, MAX_OBJECTS):
        whole = _whole(objects, head)
        if whole and len(whole) <= max_bytes:
            return (whole,)
    shapes = [_shape(entry) for entry in objects]
    examples = dict(zip(shapes, objects, strict=True))
    bits = {shape: _bits_of(entry, head) for shape, entry in examples.items()}
    room = 8 * (max_bytes - len(head.encode([], of=MAX_MESSAGES)) - 1)
    if max(bits.values()) > room:
        raise CodecError("CPM", f"{max_bytes} bytes do not hold one object")
    groups = _filled(objects, [bits[shape] for shape in shapes], room)
    if len(groups) > MAX_MESSAGES:
        objects = sorted(objects, key=_away)
        groups = _filled(objects, [bits[_shape(entry)] for entry in objects], room)
    groups = groups[:MAX_MESSAGES]
    return tuple(
        head.encode(group, number=number, of=len(groups)) for number, group in enumerate(groups, start=1)
    )


def _filled(objects: Sequence[dict[str, Any]], bits: Sequence[int], room: int) -> list[list[dict[str, Any]]]:
    groups: list[list[dict[str, Any]]] = [[]]
    used = 0
    for entry, size in zip(objects, bits, strict=True):
        if used + size > room or len(groups[-1]) == MAX_OBJECTS:
            groups.append([])
            used = 0
        groups[-1].append(entry)
        used += size
    return groups


def _away(entry: dict[str, Any]) -> float:
    position = entry["position"]
    return math.hypot(position["xCoordinate"]["value"], position["yCoordinate"]["value"])


def _shape(entry: dict[str, Any]) -> tuple[Any, ...]:
    """Which elements are there: objects of one shape have the same number of bits."""
    [classified] = entry.get("classification", [{"objectClass": ("", 0)}])
    return tuple(entry), classified["objectClass"][0], len(entry.get("sensorIdList", ()))


def _bits_of(entry: dict[str, Any], head: _Head) -> int:
    """Bits of one object: with eight more a message is longer by as many octets, once its length takes two."""
    ten, eighteen = (len(head.encode([entry] * count)) for count in (10, 18))
    return eighteen - ten


def _can_be_told(item: PerceivedObject, base: _Base) -> bool:
    """Whether offset and time of an object fit. Raises `CodecError` where it has no position."""
    away_m = max(abs(item.x_m - base.x_m), abs(item.y_m - base.y_m))
    if not math.isfinite(away_m):
        raise CodecError("CPM", f"object {item.object_id} has no position")
    late_ms = abs(item.measured_ns - base.stamp_ns) / NS_PER_MS
    return away_m <= FARTHEST * OFFSET_STEP_M and late_ms <= LATEST_MS


def _object(item: PerceivedObject, base: _Base) -> dict[str, Any]:
    """PerceivedObject; what is not known is left out."""
    fields: dict[str, Any] = {
        "objectId": item.object_id,
        "measurementDeltaTime": round((item.measured_ns - base.stamp_ns) / NS_PER_MS),
    }
    fields |= _position(item, base)
    if item.speed_mps is not None:
        fields["velocity"] = ("polarVelocity", _velocity(item, item.speed_mps))
    if item.acceleration_mps2 is not None and item.yaw_rad is not None:
        accelerated = _acceleration(item.acceleration_mps2, item.yaw_rad)
        fields["acceleration"] = ("polarAcceleration", accelerated)
    if any(known is not None for known in (item.yaw_rad, item.length_m, item.width_m)):
        fields["angles"] = {"zAngle": _angle(item.yaw_rad, item.yaw_sigma_rad)}
    for axis, size_m in (("Z", item.height_m), ("Y", item.width_m), ("X", item.length_m)):
        if size_m is not None:
            value = steps("size", size_m, LENGTH_STEP_M, 1, SIZE_SATURATED)
            fields[f"objectDimension{axis}"] = {"value": value, "confidence": _SIZE_CONFIDENCE_UNAVAILABLE}
    if item.age_ms is not None:
        fields["objectAge"] = min(max(item.age_ms, 0), _AGE_SATURATED_MS)
    if item.existence is not None:
        fields["objectPerceptionQuality"] = _quality(item.existence)
    if base.with_sensors and item.sensing:
        fields["sensorIdList"] = [number for kind, (number, _) in SENSORS.items() if kind in item.sensing]
    if item.object_class is not ObjectClass.UNKNOWN:
        fields["classification"] = [_classified(item.object_class, item.class_confidence)]
    return fields


def _position(item: PerceivedObject, base: _Base) -> dict[str, Any]:
    """The position, and the correlation of x and y where the ellipse is tilted."""
    if not math.isfinite(item.ellipse_yaw_rad):
        raise CodecError("encode", f"the ellipse lies at {item.ellipse_yaw_rad}")
    xx, yy, xy = covariance_of(item.ellipse_m, item.ellipse_yaw_rad)
    known = item.ellipse_m is not None
    position = {}
    for axis, at_m, from_m, variance in (("x", item.x_m, base.x_m, xx), ("y", item.y_m, base.y_m, yy)):
        sigma_m = math.sqrt(variance) if known else None
        position[f"{axis}Coordinate"] = {
            "value": round((at_m - from_m) / OFFSET_STEP_M),
            "confidence": _confidence(sigma_m, OFFSET_STEP_M, OFFSET_CONFIDENCE_LAST),
        }
    # Cut, not rounded: the minor axis is never told shorter than it is.
    cell = int(CORRELATION_LAST * xy / math.sqrt(xx * yy)) if xx * yy > 0.0 else 0
    if not (cell and base.with_correlation):
        return {"position": position}
    matrix = {"componentsIncludedIntheMatrix": (b"\xc0\x00", 13), "matrix": [[cell]]}
    return {"position": position, "lowerTriangularCorrelationMatrices": [matrix]}


def _velocity(item: PerceivedObject, speed_mps: float) -> dict[str, Any]:
    return {
        "velocityMagnitude": {
            "speedValue": steps("speed", speed_mps, SPEED_STEP_MPS, 0, SPEED_SATURATED),
            "speedConfidence": _confidence(item.speed_sigma_mps, SPEED_STEP_MPS, CONFIDENCE_LAST),
        },
        "velocityDirection": _angle(item.yaw_rad, item.yaw_sigma_rad),
    }


def _acceleration(ahead_mps2: float, yaw_rad: float) -> dict[str, Any]:
    """Braking is an acceleration backwards."""
    value = steps("acceleration", abs(ahead_mps2), ACCELERATION_STEP_MPS2, 0, _ACCELERATION_SATURATED)
    direction = _angle(yaw_rad + math.pi if ahead_mps2 < 0.0 else yaw_rad, None)
    magnitude = {
        "accelerationMagnitudeValue": value,
        "accelerationConfidence": _ACCELERATION_CONFIDENCE_UNAVAILABLE,
    }
    return {"accelerationMagnitude": magnitude, "accelerationDirection": direction}


def _angle(yaw_rad: float | None, sigma_rad: float | None) -> dict[str, int]:
    """CartesianAngle; that of something unknown has no confidence."""
    if yaw_rad is None:
        return {"value": ANGLE_UNAVAILABLE, "confidence": CONFIDENCE_UNAVAILABLE}
    if not math.isfinite(yaw_rad):
        raise CodecError("encode", f"yaw is {yaw_rad}")
    sigma_deg = None if sigma_rad is None else math.degrees(sigma_rad)
    return {
        "value": round(math.degrees(yaw_rad) / ANGLE_STEP_DEG) % 3600,
        "confidence": _confidence(sigma_deg, ANGLE_STEP_DEG, CONFIDENCE_LAST),
    }


def _confidence(sigma: float | None, step: float, last: int) -> int:
    """One sigma as the code of a 95 % half width that holds it, out of range (last + 1), or unavailable (last + 2)."""
    if sigma is None:
        return last + 2
    if not math.isfinite(sigma):
        raise CodecError("encode", f"a confidence is {sigma}")
    return max(math.ceil(min(sigma * SIGMAS_OF_LINE / step - 1e-6, last + 1)), 1)


def _quality(existence: float) -> int:
    if not math.isfinite(existence):
        raise CodecError("encode", f"existence is {existence}")
    return math.floor(min(max(existence, 0.0), 1.0) * BEST_QUALITY + 1e-6)


def _classified(kind: ObjectClass, confidence: float | None) -> dict[str, Any]:
    """ObjectClassWithConfidence; motorcycles are no vehicles here but vulnerable road users."""
    profile = PROFILES.get(kind)
    level = LEVEL_UNAVAILABLE if confidence is None else steps("confidence", confidence, 0.01, 1, 100)
    if profile is None:
        return {"objectClass": ("vehicleSubClass", station_of_class(kind)), "confidence": level}
    return {"objectClass": ("vruSubClass", (profile, 0)), "confidence": level}
