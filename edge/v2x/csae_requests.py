"""What a vehicle can ask for in a VIR (T/CSAE 157-2020): a lane, a free way, a green light, sensor data, a slot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame
from edge.core.intersection import Maneuver
from edge.core.kinds import ObjectClass
from edge.v2x.csae_elements import Origin, bits_of, date_time, instant_of_date, names_of, time_offset
from edge.v2x.csae_planning import instant_after, line_of, node_reference, reference_path
from edge.v2x.motion import class_of_code, code_of_class, steps

PARKING_WISHES = (
    "enter",
    "exit",
    "park",
    "pay",
    "unload_passenger",
    "pick_up_passenger",
    "unload_cargo",
    "load_cargo",
    "reserved_1",
    "reserved_2",
    "reserved_3",
    "reserved_4",
)
"""DE_ParkingRequest by bit."""

SLOT_KINDS = (
    "unknown",
    "ordinary",
    "disabled",
    "mini",
    "attached",
    "charging",
    "stacked",
    "women",
    "extended",
    "private",
)
"""DE_ParkingType by bit."""

_DISTANCE_STEP_M = 0.1
_MANEUVERS = {
    "maneuverStraight": Maneuver.STRAIGHT,
    "maneuverLeftTurn": Maneuver.LEFT,
    "maneuverRightTurn": Maneuver.RIGHT,
    "maneuverUTurn": Maneuver.U_TURN,
}
_NAMES = {maneuver: name for name, maneuver in _MANEUVERS.items()}


@dataclass(frozen=True, slots=True)
class LaneChange:
    """To change to a lane of the road between two nodes; region None: not said."""

    upstream: int
    downstream: int
    lane: int
    region: int | None = None


@dataclass(frozen=True, slots=True)
class ClearTheWay:
    """To have a lane of the road between two nodes cleared.

    Attributes:
        upstream, downstream, lane, region: the lane; region None: not said.
        path_m: ENU metres, the way to clear; empty: the whole lane.
        radius_m: how far beside the path.
        start_ns, end_ns: UTC ns, when; None: not said.
    """

    upstream: int
    downstream: int
    lane: int
    region: int | None = None
    path_m: tuple[tuple[float, float], ...] = ()
    radius_m: float = 0.0
    start_ns: int | None = None
    end_ns: int | None = None


@dataclass(frozen=True, slots=True)
class GreenLight:
    """To have priority at a signal. It grants nothing before its authority was verified.

    Attributes:
        intersection, region: node of the signal; region None: not said.
        leave_to: node to which it leaves.
        signal_group: phase that it needs; None: not said.
        maneuver: what it does there; NONE: not said.
        arrival_ns: UTC ns at which it expects to be there; None: not said.
        distance_m: to the intersection; None: not said.
    """

    intersection: int
    leave_to: int
    region: int | None = None
    signal_group: int | None = None
    maneuver: Maneuver = Maneuver.NONE
    arrival_ns: int | None = None
    distance_m: float | None = None


@dataclass(frozen=True, slots=True)
class SensorData:
    """To be told what is perceived along some lines.

    Attributes:
        lines_m: ENU metres, at most 8 lines.
        radius_m: how far beside each line, in their order.
    """

    lines_m: tuple[tuple[tuple[float, float], ...], ...]
    radius_m: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ParkingWish:
    """To park.

    Attributes:
        object_class: what the vehicle is.
        wishes: of `PARKING_WISHES`.
        slot_kinds: of `SLOT_KINDS`; empty: any.
        slot: the slot in view; None: none.
    """

    object_class: ObjectClass
    wishes: tuple[str, ...]
    slot_kinds: tuple[str, ...] = ()
    slot: int | None = None


RequestContent = LaneChange | ClearTheWay | GreenLight | SensorData | ParkingWish


def content_value(
    content: RequestContent, *, origin: Origin, frame: LocalFrame, made_ns: int
) -> tuple[str, dict[str, Any]]:
    """What is asked as ReqInfo."""
    match content:
        case LaneChange():
            return "laneChange", _lane_value(content)
        case ClearTheWay():
            return "clearTheWay", _clear_value(content, origin=origin, frame=frame)
        case GreenLight():
            return "signalPriority", _green_value(content, made_ns=made_ns)
        case SensorData():
            return "sensorSharing", _sensor_value(content, origin=origin, frame=frame)
        case ParkingWish():
            return "parking", _parking_value(content)


def content_of(
    info: tuple[Any, Any], *, origin: Origin, frame: LocalFrame, made_ns: int
) -> RequestContent | None:
    """ReqInfo to what is asked; None: something of a later edition."""
    kind, value = info
    match kind:
        case "laneChange":
            return LaneChange(*_ends_of(value), value["targetLane"], _region_of(value))
        case "clearTheWay":
            return _clear(value, origin=origin, frame=frame)
        case "signalPriority":
            return _green(value, made_ns=made_ns)
        case "sensorSharing":
            return _sensor(value, origin=origin, frame=frame)
        case "parking":
            return _parking(value)
    return None


def _lane_value(content: LaneChange | ClearTheWay) -> dict[str, Any]:
    return {
        "upstreamNode": node_reference(content.upstream, content.region),
        "downstreamNode": node_reference(content.downstream, content.region),
        "targetLane": content.lane,
    }


def _ends_of(value: Mapping[str, Any]) -> tuple[int, int]:
    return value["upstreamNode"]["id"], value["downstreamNode"]["id"]


def _region_of(value: Mapping[str, Any]) -> int | None:
    region: int | None = value["downstreamNode"].get("region")
    return region


def _clear_value(content: ClearTheWay, *, origin: Origin, frame: LocalFrame) -> dict[str, Any]:
    value = _lane_value(content)
    if content.path_m:
        value["relatedPath"] = reference_path(
            content.path_m, radius_m=content.radius_m, origin=origin, frame=frame
        )
    if content.start_ns is not None:
        value["tBegin"] = date_time(content.start_ns)
    if content.end_ns is not None:
        value["tEnd"] = date_time(content.end_ns)
    return value


def _clear(value: Mapping[str, Any], *, origin: Origin, frame: LocalFrame) -> ClearTheWay:
    path = value.get("relatedPath")
    start_ns, end_ns = (instant_of_date(value[key]) if key in value else None for key in ("tBegin", "tEnd"))
    return ClearTheWay(
        *_ends_of(value),
        lane=value["targetLane"],
        region=_region_of(value),
        path_m=() if path is None else line_of(path, origin=origin, frame=frame),
        radius_m=0.0 if path is None else path["pathRadius"] * _DISTANCE_STEP_M,
        start_ns=start_ns,
        end_ns=end_ns,
    )


def _green_value(content: GreenLight, *, made_ns: int) -> dict[str, Any]:
    movement: dict[str, Any] = {"remoteIntersection": node_reference(content.leave_to, content.region)}
    if content.signal_group is not None:
        movement["phaseId"] = content.signal_group
    if content.maneuver is not Maneuver.NONE:
        if content.maneuver not in _NAMES:
            raise CodecError("VIR", f"{content.maneuver!r} is not one movement")
        movement["turn-direction"] = _NAMES[content.maneuver]
    value: dict[str, Any] = {
        "intersectionId": node_reference(content.intersection, content.region),
        "requiredMov": movement,
    }
    if content.arrival_ns is not None:
        value["estimatedArrivalTime"] = time_offset(content.arrival_ns - made_ns)
    if content.distance_m is not None:
        value["distance2Intersection"] = steps("distance", content.distance_m, _DISTANCE_STEP_M, 0, 10_000)
    return value


def _green(value: Mapping[str, Any], *, made_ns: int) -> GreenLight:
    movement, distance = value["requiredMov"], value.get("distance2Intersection")
    return GreenLight(
        intersection=value["intersectionId"]["id"],
        leave_to=movement["remoteIntersection"]["id"],
        region=value["intersectionId"].get("region"),
        signal_group=movement.get("phaseId", 0) or None,
        maneuver=_MANEUVERS.get(movement.get("turn-direction", ""), Maneuver.NONE),
        arrival_ns=instant_after(value.get("estimatedArrivalTime"), made_ns=made_ns),
        distance_m=None if distance is None else distance * _DISTANCE_STEP_M,
    )


def _sensor_value(content: SensorData, *, origin: Origin, frame: LocalFrame) -> dict[str, Any]:
    if len(content.lines_m) != len(content.radius_m):
        raise CodecError("VIR", f"{len(content.lines_m)} lines and {len(content.radius_m)} radii")
    return {
        "detectArea": [
            reference_path(line, radius_m=radius_m, origin=origin, frame=frame)
            for line, radius_m in zip(content.lines_m, content.radius_m, strict=True)
        ]
    }


def _sensor(value: Mapping[str, Any], *, origin: Origin, frame: LocalFrame) -> SensorData:
    return SensorData(
        lines_m=tuple(line_of(path, origin=origin, frame=frame) for path in value["detectArea"]),
        radius_m=tuple(path["pathRadius"] * _DISTANCE_STEP_M for path in value["detectArea"]),
    )


def _parking_value(content: ParkingWish) -> dict[str, Any]:
    value: dict[str, Any] = {
        "vehicleClass": {"classification": code_of_class(content.object_class)},
        "req": bits_of(content.wishes, PARKING_WISHES, what="VIR"),
    }
    if content.slot_kinds:
        value["parkingType"] = bits_of(content.slot_kinds, SLOT_KINDS, what="VIR")
    if content.slot is not None:
        value["expectedParkingSlotID"] = content.slot
    return value


def _parking(value: Mapping[str, Any]) -> ParkingWish:
    return ParkingWish(
        object_class=class_of_code(value["vehicleClass"]["classification"]),
        wishes=names_of(value["req"], PARKING_WISHES),
        slot_kinds=names_of(value.get("parkingType", (b"", 0)), SLOT_KINDS),
        slot=value.get("expectedParkingSlotID"),
    )
