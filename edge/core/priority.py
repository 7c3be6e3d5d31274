"""Requests of vehicles for a green light, and the answers to them (SRM/SSM, SREM/SSEM)."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class RequestKind(enum.Enum):
    """PriorityRequestType."""

    REQUEST = "request"
    UPDATE = "update"
    CANCEL = "cancel"


class RequesterRole(enum.Enum):
    """Who asks (BasicVehicleRole), as far as arbitration tells them apart."""

    OTHER = "other"
    EMERGENCY = "emergency"
    FIRE = "fire"
    AMBULANCE = "ambulance"
    POLICE = "police"
    PUBLIC_TRANSPORT = "public_transport"
    FREIGHT = "freight"
    ROAD_WORK = "road_work"
    CYCLIST = "cyclist"
    PEDESTRIAN = "pedestrian"


class RequestState(enum.Enum):
    """PrioritizationResponseStatus."""

    UNKNOWN = "unknown"
    REQUESTED = "requested"
    PROCESSING = "processing"
    WATCH_OTHER_TRAFFIC = "watch_other_traffic"
    GRANTED = "granted"
    REJECTED = "rejected"
    MAX_PRESENCE = "max_presence"
    RESERVICE_LOCKED = "reservice_locked"


class Standing(enum.Enum):
    """What a vehicle may ask for by its certificate, whatever it then asks."""

    STRANGER = "stranger"
    """Nothing: the site does not name it."""
    KNOWN = "known"
    """Priority, at some level."""
    URGENT = "urgent"
    """Priority as an emergency vehicle."""


class PhaseCommand(enum.Enum):
    """What a controller may be told to do with its phases (NTCIP 1202 v02, 2.2.5; NEMA TS 2, 3.5.3)."""

    HOLD = "hold"
    """A green stays."""
    FORCE_OFF = "force_off"
    """A green ends, after its minimum and its pedestrians."""
    VEHICLE_CALL = "vehicle_call"
    """A phase has demand."""


@dataclass(frozen=True, slots=True)
class Access:
    """Where a vehicle enters or leaves an intersection.

    Attributes:
        lane, approach, connection: ids of the MAP; exactly one is given.
    """

    lane: int | None = None
    approach: int | None = None
    connection: int | None = None

    def __post_init__(self) -> None:
        if sum(value is not None for value in (self.lane, self.approach, self.connection)) != 1:
            raise ValueError("an access is a lane, an approach or a connection")


@dataclass(frozen=True, slots=True)
class PriorityRequest:
    """One request for one intersection.

    Attributes:
        requester: temporary id of the vehicle, hexadecimal.
        request: 0..255, the vehicle's own number of it.
        sequence: msgCnt or sequence number of the message, modulo 128.
        kind: request, update or cancel.
        intersection, region: IntersectionReferenceID; region None: not said.
        entry: where it enters; leave: where it leaves, None: not said.
        role: who asks; it grants nothing before its authority was verified.
        sent_ns: UTC ns of the message.
        arrival_ns: UTC ns at which it expects to be at the stop line; None unknown.
        duration_ms: how long it needs the light; None unknown.
        x_m, y_m, speed_mps, yaw_rad: where it is; None unknown.
        verified: None: unchecked; else the name of who verified the signature.
    """

    requester: str
    request: int
    sequence: int
    kind: RequestKind
    intersection: int
    region: int | None
    entry: Access
    role: RequesterRole
    sent_ns: int
    leave: Access | None = None
    arrival_ns: int | None = None
    duration_ms: int | None = None
    x_m: float | None = None
    y_m: float | None = None
    speed_mps: float | None = None
    yaw_rad: float | None = None
    verified: str | None = None


@dataclass(frozen=True, slots=True)
class HeardRequest:
    """A request that came by radio.

    Attributes:
        link: name of the link in the site configuration.
    """

    link: str
    request: PriorityRequest


@dataclass(frozen=True, slots=True)
class PriorityStatus:
    """The answer to one request.

    Attributes:
        requester, request, sequence, role: of the request that is answered.
        intersection, region: whose answer it is.
        state: what became of it.
        entry, leave: as requested.
        arrival_ns, duration_ms: when the service is expected, and for how long; None unknown.
    """

    requester: str
    request: int
    sequence: int
    role: RequesterRole
    intersection: int
    region: int | None
    state: RequestState
    entry: Access
    leave: Access | None = None
    arrival_ns: int | None = None
    duration_ms: int | None = None
