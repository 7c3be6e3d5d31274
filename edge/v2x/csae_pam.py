"""T/CSAE 157-2020 PAMData (day 2): a parking area, its drives and slots, and ways to them.

An area is a graph of nodes (crossings, ends, entrances); each lists the drives that enter it, with the slots beside
them. Places are offsets from the node. Slots may be told in parts: a frame is small, an area is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame
from edge.v2x.codec import message_codec
from edge.v2x.csae_elements import (
    Origin,
    Variant,
    bits_of,
    names_of,
    octets_of_id,
    offset_from,
    origin_of,
    place_of,
    position_3d,
)
from edge.v2x.csae_requests import SLOT_KINDS
from edge.v2x.frame import CSAE_PAM, unwrap_csae_day2, wrap_csae_day2
from edge.v2x.marks import instant_of, minute_of_year
from edge.v2x.motion import SPEED_STEP_MPS, SPEED_UNAVAILABLE, position_to_local, steps
from edge.v2x.spat import ascii_name

NODE_KINDS = (
    "entrance",
    "exit",
    "stairs_up",
    "stairs_down",
    "electronic_toll",
    "manual_toll",
    "passes_after_payment",
    "blocked",
)
"""DE_PAMNodeAttributes by bit."""

STATUSES = ("unknown", "available", "occupied", "reserved")
LAYOUTS = ("unknown", "vertical", "side", "oblique")
LOCKS = ("unknown", "nolock", "locked", "unlocked")
AUTOMATIONS = ("p0", "p1", "p2", "p3", "p4", "p5")
"""AVPType: from an ordinary car park to one for automated valet parking only."""

_HEIGHT_STEP_M = 0.1
_WIDTH_STEP_M = 0.01
_MINUTE_INVALID = 527_040
_CORNERS = ("topLeft", "topRight", "bottomLeft")

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class ParkingSlot:
    """One slot.

    Attributes:
        slot: number in the area.
        status: of `STATUSES`; layout: of `LAYOUTS`; lock: of `LOCKS`.
        kinds: of `SLOT_KINDS`.
        sign: what is written on it.
        corners_m: ENU metres of the left and right corner where a vehicle enters, and of the left one behind;
            empty: not said.
    """

    slot: int
    status: str
    kinds: tuple[str, ...] = ("ordinary",)
    layout: str = "unknown"
    lock: str = "unknown"
    sign: str = ""
    corners_m: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True)
class ParkingDrive:
    """One way from a node to the node that lists it.

    Attributes:
        upstream: the node it comes from.
        drive: number among those between the two nodes; None: the only one.
        separated: opposite directions are kept apart; None: not said.
        speed_limit_mps, height_limit_m, width_m, lanes: None: not said.
        points_m: ENU metres, the middle, in the direction of travel; empty: not said.
        leads_to: nodes that can be reached at its end.
        slots: beside it, at most 256.
    """

    upstream: int
    drive: int | None = None
    separated: bool | None = None
    speed_limit_mps: float | None = None
    height_limit_m: float | None = None
    width_m: float | None = None
    lanes: int | None = None
    points_m: tuple[Point, ...] = ()
    leads_to: tuple[int, ...] = ()
    slots: tuple[ParkingSlot, ...] = ()


@dataclass(frozen=True, slots=True)
class ParkingNode:
    """One crossing, end or entrance.

    Attributes:
        node: number in the area; 0 to 255 are for tests.
        x_m, y_m: ENU metres.
        floor: None: not said.
        kinds: of `NODE_KINDS`.
        drives: those that enter it.
    """

    node: int
    x_m: float
    y_m: float
    floor: int | None = None
    kinds: tuple[str, ...] = ()
    drives: tuple[ParkingDrive, ...] = ()


@dataclass(frozen=True, slots=True)
class ParkingGuide:
    """A way for one vehicle.

    Attributes:
        vehicle: temporary id, eight octets in hexadecimal.
        nodes: from where it is to where it goes.
        slot: the one at the end; None: the last node is the aim.
    """

    vehicle: str
    nodes: tuple[int, ...]
    slot: int | None = None


@dataclass(frozen=True, slots=True)
class ParkingArea:
    """One message about an area.

    Attributes:
        nodes: at least one, at most 63.
        area: its number; name; capacity in slots; floors; automation, of `AUTOMATIONS`: None or empty: not said.
        made_ns: UTC ns, the minute of the message; None: not said.
        guides: at most 16.
    """

    nodes: tuple[ParkingNode, ...]
    area: int | None = None
    name: str = ""
    capacity: int | None = None
    floors: int | None = None
    automation: str = ""
    made_ns: int | None = None
    guides: tuple[ParkingGuide, ...] = ()


def encode_pam(area: ParkingArea, *, frame: LocalFrame, message_count: int, variant: Variant) -> bytes:
    """An area, or a part of it, to a MessageFrame; `message_count` is modulo 128."""
    info = {
        "id": area.area,
        "name": ascii_name(area.name) or None,
        "number": area.capacity,
        "buildingLayerNum": area.floors,
        "avpType": _one_of(area.automation, AUTOMATIONS) if area.automation else None,
    }
    message: dict[str, Any] = {
        "msgCnt": message_count % 128,
        "parkingLotInfo": _said(info),
        "pamNodes": [_node_value(node, frame=frame) for node in area.nodes],
    }
    if area.made_ns is not None:
        message["timeStamp"] = minute_of_year(area.made_ns)
    if area.guides:
        message["parkingAreaGuidance"] = [_guide_value(guide) for guide in area.guides]
    return wrap_csae_day2(CSAE_PAM, message_codec(f"csae-{variant}/PAMData").encode(message))


def decode_pam(payload: bytes, *, frame: LocalFrame, arrival_ns: int, variant: Variant) -> ParkingArea:
    """A MessageFrame with a PAM to what it says of an area.

    Raises:
        OtherMessageError: a sound frame of another message.
        CodecError: anything else that is not one whole PAM with positions.
    """
    body = unwrap_csae_day2(payload, message_id=CSAE_PAM, what="PAM")
    message: Mapping[str, Any] = message_codec(f"csae-{variant}/PAMData").decode(body)
    info, minute = message["parkingLotInfo"], message.get("timeStamp", _MINUTE_INVALID)
    return ParkingArea(
        nodes=tuple(_node(value, frame=frame) for value in message["pamNodes"]),
        area=info.get("id"),
        name=info.get("name", ""),
        capacity=info.get("number"),
        floors=info.get("buildingLayerNum"),
        automation=_known(info.get("avpType"), AUTOMATIONS, ""),
        made_ns=None if minute == _MINUTE_INVALID else instant_of(minute, 0, near_ns=arrival_ns),
        guides=tuple(
            ParkingGuide(value["vehId"].hex(), tuple(value["drivePath"]), value.get("targetParkingSlot"))
            for value in message.get("parkingAreaGuidance", ())
        ),
    )


def _node_value(node: ParkingNode, *, frame: LocalFrame) -> dict[str, Any]:
    reference = position_3d(node.x_m, node.y_m, frame=frame)
    value: dict[str, Any] = {"id": node.node, "refPos": reference}
    if node.floor is not None:
        value["floor"] = node.floor
    if node.kinds:
        value["attributes"] = bits_of(node.kinds, NODE_KINDS, what="PAM")
    if node.drives:
        value["inDrives"] = [
            _drive_value(drive, origin=origin_of(reference), frame=frame) for drive in node.drives
        ]
    return value


def _node(value: Mapping[str, Any], *, frame: LocalFrame) -> ParkingNode:
    origin = origin_of(value["refPos"])
    x_m, y_m = position_to_local(*origin, frame=frame, what="PAM")
    return ParkingNode(
        node=value["id"],
        x_m=x_m,
        y_m=y_m,
        floor=value.get("floor"),
        kinds=names_of(value.get("attributes", (b"", 0)), NODE_KINDS),
        drives=tuple(_drive(entry, origin=origin, frame=frame) for entry in value.get("inDrives", ())),
    )


def _drive_value(drive: ParkingDrive, *, origin: Origin, frame: LocalFrame) -> dict[str, Any]:
    speed, height, width = drive.speed_limit_mps, drive.height_limit_m, drive.width_m
    points = [{"posOffset": offset_from(origin, x_m, y_m, frame=frame)} for x_m, y_m in drive.points_m]
    value = {
        "upstreamPAMNodeId": drive.upstream,
        "driveID": drive.drive,
        "twowaySepration": drive.separated,
        "speedLimit": None if speed is None else steps("speed", speed, SPEED_STEP_MPS, 0, 8190),
        "heightRestriction": None if height is None else _height(height),
        "driveWidth": None if width is None else steps("width", width, _WIDTH_STEP_M, 0, 32_767),
        "laneNum": drive.lanes,
        "points": points or None,
        "movements": list(drive.leads_to) or None,
        "parkingSlots": [_slot_value(slot, origin=origin, frame=frame) for slot in drive.slots] or None,
    }
    return _said(value)


def _drive(value: Mapping[str, Any], *, origin: Origin, frame: LocalFrame) -> ParkingDrive:
    speed = value.get("speedLimit", SPEED_UNAVAILABLE)
    height, width = value.get("heightRestriction"), value.get("driveWidth")
    points = [
        place_of(point["posOffset"], origin, frame=frame, what="PAM") for point in value.get("points", ())
    ]
    return ParkingDrive(
        upstream=value["upstreamPAMNodeId"],
        drive=value.get("driveID"),
        separated=value.get("twowaySepration"),
        speed_limit_mps=None if speed == SPEED_UNAVAILABLE else speed * SPEED_STEP_MPS,
        height_limit_m=None if height is None else height * _HEIGHT_STEP_M,
        width_m=None if width is None else width * _WIDTH_STEP_M,
        lanes=value.get("laneNum"),
        points_m=tuple(points),
        leads_to=tuple(value.get("movements", ())),
        slots=tuple(_slot(entry, origin=origin, frame=frame) for entry in value.get("parkingSlots", ())),
    )


def _slot_value(slot: ParkingSlot, *, origin: Origin, frame: LocalFrame) -> dict[str, Any]:
    value: dict[str, Any] = {
        "slotID": slot.slot,
        "sign": ascii_name(slot.sign) or None,
        "parkingType": bits_of(slot.kinds, SLOT_KINDS, what="PAM"),
        "status": _one_of(slot.status, STATUSES),
        "parkingSpaceTheta": _one_of(slot.layout, LAYOUTS),
        "parkingLock": _one_of(slot.lock, LOCKS),
    }
    if slot.corners_m:
        if len(slot.corners_m) != len(_CORNERS):
            raise CodecError("PAM", f"slot {slot.slot}: {len(slot.corners_m)} corners, not {len(_CORNERS)}")
        value["position"] = {
            name: offset_from(origin, x_m, y_m, frame=frame)
            for name, (x_m, y_m) in zip(_CORNERS, slot.corners_m, strict=True)
        }
    return _said(value)


def _slot(value: Mapping[str, Any], *, origin: Origin, frame: LocalFrame) -> ParkingSlot:
    corners: Mapping[str, Any] = value.get("position", {})
    return ParkingSlot(
        slot=value["slotID"],
        status=_known(value["status"], STATUSES, "unknown"),
        kinds=names_of(value["parkingType"], SLOT_KINDS),
        layout=_known(value["parkingSpaceTheta"], LAYOUTS, "unknown"),
        lock=_known(value["parkingLock"], LOCKS, "unknown"),
        sign=value.get("sign", ""),
        corners_m=tuple(
            place_of(corners[name], origin, frame=frame, what="PAM") for name in _CORNERS if corners
        ),
    )


def _guide_value(guide: ParkingGuide) -> dict[str, Any]:
    value = {
        "vehId": octets_of_id(guide.vehicle, what="PAM"),
        "drivePath": list(guide.nodes),
        "targetParkingSlot": guide.slot,
    }
    return _said(value)


def _height(height_m: float) -> int:
    """A height limit, never higher than it is; floating point is forgiven a thousandth of a step."""
    tenths = steps("height", height_m, _HEIGHT_STEP_M / 1000.0, 0, 100_000)
    return tenths // 1000


def _said(value: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are known."""
    return {key: entry for key, entry in value.items() if entry is not None}


def _one_of(name: str, known: Sequence[str]) -> str:
    if name not in known:
        raise CodecError("PAM", f"{name!r} is none of {', '.join(known)}")
    return name


def _known(name: object, known: Sequence[str], otherwise: str) -> str:
    """A name as read; one of a later edition is not known."""
    return name if isinstance(name, str) and name in known else otherwise
