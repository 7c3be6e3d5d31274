"""ETSI CPMs of any station to perceived objects (TS 103 324 V2.1.1, clause 7 and annex A)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame
from edge.core.kinds import ObjectClass
from edge.core.perceived import PerceivedObject, PerceivedObjects, Sensing
from edge.core.stamp import NS_PER_MS
from edge.v2x.codec import message_codec
from edge.v2x.etsi_elements import (
    ANGLE_STEP_DEG,
    CPM,
    LENGTH_STEP_M,
    SIGMAS_OF_LINE,
    SPEED_STEP_MPS,
    acceleration_of,
    check_header,
    class_of_station,
    ellipse_of,
    id_of_station,
    place_of,
    speed_of,
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
    SIZE_SATURATED,
    Covariance,
    covariance_of,
)
from edge.v2x.etsi_time import utc_ns_of_timestamp_its

_MESSAGE = "etsi/CollectivePerceptionMessage"
_SENSORS, _OBJECTS = 3, 5
"""CpmContainerId."""
_ALMOST_ONE = 0.995
"""Correlation that is sent as 100 %, at least."""
_BACKWARDS_MPS = 0.5
"""From this speed on, a velocity against the box's direction is that of a vehicle that reverses, not noise."""
_COMPONENT_LOWEST, _COMPONENT_HIGHEST = -16_382, 16_381
"""Of VelocityComponentValue; what lies beyond is out of range or unavailable."""

_CLASS_OF_PROFILE = {name: kind for kind, name in PROFILES.items()}
_CLUSTERS = (ObjectClass.PEDESTRIAN, ObjectClass.BICYCLE, ObjectClass.MOTORCYCLE, ObjectClass.UNKNOWN)
"""By bit of VruClusterProfiles; the last is animals."""
_SENSING_OF_TYPE = {
    1: Sensing.RADAR,
    2: Sensing.LIDAR,
    3: Sensing.CAMERA,
    4: Sensing.CAMERA,
    5: Sensing.CAMERA,
    8: Sensing.LOOP,
    9: Sensing.CAMERA,
    13: Sensing.V2X,
}
"""An aggregation of the sender's own sensors (12) does not say of which."""


@dataclass(frozen=True, slots=True)
class CpmPart:
    """One CPM.

    Attributes:
        perceived: the objects of this message alone.
        number, of: its place among the messages that share reference time and station; 1 of 1 where it is alone.
        known: how many objects the sender perceives in all; 255: or more.
    """

    perceived: PerceivedObjects
    number: int
    of: int
    known: int


@dataclass(frozen=True, slots=True)
class _Motion:
    """None: not said."""

    speed_mps: float | None = None
    speed_sigma_mps: float | None = None
    yaw_rad: float | None = None
    yaw_sigma_rad: float | None = None


def decode_cpm(payload: bytes, *, frame: LocalFrame) -> PerceivedObjects:
    """The perceived objects of one CPM. Raises as `read_cpm`."""
    return read_cpm(payload, frame=frame).perceived


def read_cpm(payload: bytes, *, frame: LocalFrame) -> CpmPart:
    """One CPM, of several that may belong together, to perceived objects.

    Left out are objects without an id, and those whose place or time is out of range. How well the reference position
    is known, where it is said, adds to the ellipse of each object.

    Raises:
        OtherMessageError: a sound PDU of another message.
        CodecError: anything else that is not one whole CPM with a position.
    """
    check_header(payload, message_id=CPM)
    message = message_codec(_MESSAGE).decode(payload)
    management = message["payload"]["managementContainer"]
    reference = management["referencePosition"]
    origin = place_of(reference, frame=frame, what="CPM")
    reference_ns = utc_ns_of_timestamp_its(management["referenceTime"], what="CPM")
    ellipse = reference["positionConfidenceEllipse"]
    axes = ellipse_of(
        *(ellipse[f"semi{name}"] for name in ("MajorConfidence", "MinorConfidence", "MajorOrientation"))
    )
    spread = covariance_of(*axes)
    containers = message["payload"]["cpmContainers"]
    sensings = _sensings_of([entry for part in _of_kind(containers, _SENSORS) for entry in part])
    listed = _of_kind(containers, _OBJECTS)
    objects = (
        _perceived(entry, origin=origin, spread=spread, reference_ns=reference_ns, sensings=sensings)
        for part in listed
        for entry in part["perceivedObjects"]
    )
    station = id_of_station(message["header"]["stationId"])
    return CpmPart(
        PerceivedObjects(station, reference_ns, *origin, tuple(item for item in objects if item is not None)),
        *_segment_of(management),
        max((part["numberOfPerceivedObjects"] for part in listed), default=0),
    )


def _of_kind(containers: Sequence[Mapping[str, Any]], kind: int) -> list[Any]:
    """Contents of one kind. Raises `CodecError` where one is longer than its fields: the codec leaves it as octets."""
    found = [entry["containerData"] for entry in containers if entry["containerId"] == kind]
    if any(isinstance(content, bytes) for content in found):
        raise CodecError("CPM", f"octets follow the fields of container {kind}")
    return found


def _segment_of(management: Mapping[str, Any]) -> tuple[int, int]:
    segment = management.get("segmentationInfo", {"thisMsgNo": 1, "totalMsgNo": 1})
    number, of = segment["thisMsgNo"], segment["totalMsgNo"]
    if number > of:
        raise CodecError("CPM", f"message {number} of {of}")
    return number, of


def _sensings_of(sensors: Sequence[Mapping[str, Any]]) -> dict[int, Sensing]:
    """A SensorInformationContainer: what each sensorId is."""
    found: dict[int, Sensing] = {}
    for sensor in sensors:
        kind = _SENSING_OF_TYPE.get(sensor["sensorType"], Sensing.NONE)
        found[sensor["sensorId"]] = found.get(sensor["sensorId"], Sensing.NONE) | kind
    return found


def _perceived(
    value: Mapping[str, Any],
    *,
    origin: tuple[float, float],
    spread: Covariance,
    reference_ns: int,
    sensings: Mapping[int, Sensing],
) -> PerceivedObject | None:
    """A PerceivedObject to an object; None where id, place or time are not said.

    Args:
        value: as the codec decodes it.
        origin: ENU metres of the reference position.
        spread: its covariance, which adds to that of the object.
        reference_ns: UTC ns of the reference time.
        sensings: by sensorId.
    """
    x, y = (value["position"][f"{axis}Coordinate"] for axis in "xy")
    late_ms = value["measurementDeltaTime"]
    placed = all(-FARTHEST - 1 <= part["value"] <= FARTHEST for part in (x, y))
    if "objectId" not in value or not placed or not -LATEST_MS - 1 <= late_ms <= LATEST_MS:
        return None
    axes_m, axes_yaw_rad = _ellipse_in(value, spread)
    motion = _motion_in(value)
    kind, sureness = _class_in(value.get("classification", ()))
    quality = value.get("objectPerceptionQuality")
    return PerceivedObject(
        object_id=value["objectId"],
        measured_ns=reference_ns + late_ms * NS_PER_MS,
        object_class=kind,
        x_m=origin[0] + x["value"] * OFFSET_STEP_M,
        y_m=origin[1] + y["value"] * OFFSET_STEP_M,
        sensing=_sensing_in(value.get("sensorIdList", ()), sensings),
        ellipse_m=axes_m,
        ellipse_yaw_rad=axes_yaw_rad,
        speed_mps=motion.speed_mps,
        yaw_rad=motion.yaw_rad,
        acceleration_mps2=_acceleration_in(value.get("acceleration"), motion.yaw_rad),
        speed_sigma_mps=motion.speed_sigma_mps,
        yaw_sigma_rad=motion.yaw_sigma_rad,
        length_m=_size_in(value.get("objectDimensionX")),
        width_m=_size_in(value.get("objectDimensionY")),
        height_m=_size_in(value.get("objectDimensionZ")),
        class_confidence=sureness,
        existence=None if quality is None else quality / BEST_QUALITY,
        age_ms=value.get("objectAge"),
    )


def _sensing_in(numbers: Sequence[int], sensings: Mapping[int, Sensing]) -> Sensing:
    found = Sensing.NONE
    for number in numbers:
        found |= sensings.get(number, Sensing.NONE)
    return found


def _motion_in(value: Mapping[str, Any]) -> _Motion:
    """Speed and yaw: the direction of the box, turned to where it moves; else that of the velocity."""
    motion = _velocity_in(value.get("velocity"))
    yaw_rad, sigma_rad = _angle_in(value.get("angles", {}).get("zAngle"))
    if yaw_rad is None:
        return motion
    if motion.yaw_rad is not None and (motion.speed_mps or 0.0) >= _BACKWARDS_MPS:
        yaw_rad = _ahead(yaw_rad, motion.yaw_rad)
    return _Motion(motion.speed_mps, motion.speed_sigma_mps, yaw_rad, sigma_rad)


def _sigma_in(code: int, step: float, last: int) -> float | None:
    return None if code > last else code * step / SIGMAS_OF_LINE


def _ellipse_in(value: Mapping[str, Any], spread: Covariance) -> tuple[tuple[float, float] | None, float]:
    """One-sigma axes and the direction of the major one, those of the reference position added."""
    sigma_x, sigma_y = (
        _sigma_in(value["position"][f"{axis}Coordinate"]["confidence"], OFFSET_STEP_M, OFFSET_CONFIDENCE_LAST)
        for axis in "xy"
    )
    if sigma_x is None or sigma_y is None:
        return None, 0.0
    together = _correlation_in(value.get("lowerTriangularCorrelationMatrices", ()))
    xx, yy = sigma_x**2 + spread[0], sigma_y**2 + spread[1]
    xy = together * sigma_x * sigma_y + spread[2]
    middle, half = (xx + yy) / 2.0, math.hypot((xx - yy) / 2.0, xy)
    axes_m = math.sqrt(middle + half), math.sqrt(max(middle - half, 0.0))
    return axes_m, math.atan2(2.0 * xy, xx - yy) / 2.0


def _correlation_in(matrices: Any) -> float:
    """Of x and y; 0 where it is not said. They are the first two components, so theirs is the first cell."""
    for matrix in matrices:
        octets, count = matrix["componentsIncludedIntheMatrix"]
        if count < 2 or octets[0] & 0xC0 != 0xC0 or not (matrix["matrix"] and matrix["matrix"][0]):
            continue
        cell: int = matrix["matrix"][0][0]
        if abs(cell) <= CORRELATION_LAST:
            return max(min(cell / CORRELATION_LAST, _ALMOST_ONE), -_ALMOST_ONE)
    return 0.0


def _velocity_in(said: Any) -> _Motion:
    """Velocity3dWithConfidence; of a Cartesian one, how well its direction is known follows from its components."""
    if said is None:
        return _Motion()
    form, velocity = said
    if form == "polarVelocity":
        magnitude = velocity["velocityMagnitude"]
        speed_mps = speed_of(magnitude["speedValue"])
        sigma_mps = _sigma_in(magnitude["speedConfidence"], SPEED_STEP_MPS, CONFIDENCE_LAST)
        known_mps = None if speed_mps is None else sigma_mps
        return _Motion(speed_mps, known_mps, *_angle_in(velocity["velocityDirection"]))
    x, y = velocity["xVelocity"], velocity["yVelocity"]
    if not all(_COMPONENT_LOWEST <= part["value"] <= _COMPONENT_HIGHEST for part in (x, y)):
        return _Motion()
    speed_mps = math.hypot(x["value"], y["value"]) * SPEED_STEP_MPS
    worst = max(x["confidence"], y["confidence"])
    sigma_mps = _sigma_in(worst, SPEED_STEP_MPS, CONFIDENCE_LAST)
    if speed_mps == 0.0:
        return _Motion(speed_mps, sigma_mps)
    across_rad = None if sigma_mps is None else math.atan2(sigma_mps, speed_mps)
    return _Motion(speed_mps, sigma_mps, math.atan2(y["value"], x["value"]), across_rad)


def _angle_in(angle: Mapping[str, int] | None) -> tuple[float | None, float | None]:
    """CartesianAngle to radians in [-pi, pi] and its sigma."""
    if angle is None or angle["value"] >= 3600:
        return None, None
    sigma_deg = _sigma_in(angle["confidence"], ANGLE_STEP_DEG, CONFIDENCE_LAST)
    yaw_rad = math.radians(math.remainder(angle["value"] * ANGLE_STEP_DEG, 360.0))
    return yaw_rad, None if sigma_deg is None else math.radians(sigma_deg)


def _ahead(yaw_rad: float, motion_rad: float) -> float:
    """The direction of the box that it moves to: it may stand the other way round, as of a vehicle that reverses."""
    if math.cos(yaw_rad - motion_rad) >= 0.0:
        return yaw_rad
    return math.remainder(yaw_rad + math.pi, math.tau)


def _acceleration_in(said: Any, yaw_rad: float | None) -> float | None:
    """The part along the yaw; None without either."""
    if said is None or yaw_rad is None:
        return None
    form, acceleration = said
    if form == "polarAcceleration":
        direction_rad, _ = _angle_in(acceleration["accelerationDirection"])
        magnitude = acceleration_of(acceleration["accelerationMagnitude"]["accelerationMagnitudeValue"])
        if direction_rad is None or magnitude is None:
            return None
        return magnitude * math.cos(direction_rad - yaw_rad)
    x, y = (acceleration_of(acceleration[f"{axis}Acceleration"]["value"]) for axis in "xy")
    return None if x is None or y is None else x * math.cos(yaw_rad) + y * math.sin(yaw_rad)


def _size_in(size: Mapping[str, int] | None) -> float | None:
    """Metres; None from 25.5 m on."""
    return None if size is None or size["value"] >= SIZE_SATURATED else size["value"] * LENGTH_STEP_M


def _class_in(classes: Any) -> tuple[ObjectClass, float | None]:
    """The likeliest class, and how likely; what is said without a level comes last."""
    if not classes:
        return ObjectClass.UNKNOWN, None
    best = max(classes, key=lambda entry: entry["confidence"] % LEVEL_UNAVAILABLE)
    level = best["confidence"]
    kind = _class_of(*best["objectClass"])
    known = kind is not ObjectClass.UNKNOWN and level != LEVEL_UNAVAILABLE
    return kind, level / 100.0 if known else None


def _class_of(form: str | int, detail: Any) -> ObjectClass:
    """ObjectClass; a group is what its members are where they are all of one kind."""
    if form == "vehicleSubClass":
        return class_of_station(detail)
    if form == "vruSubClass":
        return _CLASS_OF_PROFILE.get(detail[0], ObjectClass.UNKNOWN)
    if form == "groupSubClass" and "clusterProfiles" in detail:
        bits = detail["clusterProfiles"][0][0]
        kinds = [kind for place, kind in enumerate(_CLUSTERS) if bits & (0x80 >> place)]
        return kinds[0] if len(kinds) == 1 else ObjectClass.UNKNOWN
    return ObjectClass.UNKNOWN
