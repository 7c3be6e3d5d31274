"""What the SRM and SSM of SAE J2735-2020 share: who asks, where it enters and leaves, and when.

A vehicle that names itself by a StationID has an id of five octets here, the first of them zero, so that the answer can
name it in the same form; one with a TemporaryID has the four octets of its BSM.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.core.errors import CodecError
from edge.core.priority import Access, RequesterRole
from edge.core.stamp import NS_PER_MS
from edge.v2x.marks import instant_of, millisecond_of_minute, minute_of_year
from edge.v2x.motion import MINUTE_MS, SECOND_MARK_UNAVAILABLE, stamp_of_second_mark

MINUTE_UNKNOWN = 527_040
LONGEST_MS = 65_534
_ENTITY_OCTETS, _STATION_OCTETS = 4, 5

_ROLE_NAMES = {
    RequesterRole.OTHER: "none-unknown",
    RequesterRole.EMERGENCY: "emergency",
    RequesterRole.FIRE: "fire",
    RequesterRole.AMBULANCE: "ambulance",
    RequesterRole.POLICE: "police",
    RequesterRole.PUBLIC_TRANSPORT: "transit",
    RequesterRole.FREIGHT: "truck",
    RequesterRole.ROAD_WORK: "roadWork",
    RequesterRole.CYCLIST: "cyclist",
    RequesterRole.PEDESTRIAN: "pedestrian",
}
_ROLES = {name: role for role, name in _ROLE_NAMES.items()} | {
    "publicTransport": RequesterRole.PUBLIC_TRANSPORT,
    "roadRescue": RequesterRole.EMERGENCY,
}
"""BasicVehicleRole, J2735-2020 clause 7; `transit` and `publicTransport` both are in use."""


def requester_of(identity: tuple[str, Any]) -> str:
    """VehicleID as hexadecimal."""
    kind, value = identity
    return str(value.hex()) if kind == "entityID" else f"{value:0{2 * _STATION_OCTETS}x}"


def identity_of(requester: str, *, what: str) -> tuple[str, Any]:
    """Hexadecimal as VehicleID."""
    try:
        octets = bytes.fromhex(requester)
    except ValueError as error:
        raise CodecError(what, f"requester {requester!r} is not hexadecimal") from error
    if len(octets) == _ENTITY_OCTETS:
        return "entityID", octets
    if len(octets) == _STATION_OCTETS and not octets[0]:
        return "stationID", int.from_bytes(octets, "big")
    raise CodecError(what, f"requester {requester!r} is neither a TemporaryID nor a StationID")


def role_of(description: Mapping[str, Any]) -> RequesterRole:
    """The role in a RequestorType, or in what holds one; what it does not say is OTHER."""
    return _ROLES.get(description.get("role", ""), RequesterRole.OTHER)


def role_name(role: RequesterRole) -> str:
    """BasicVehicleRole."""
    return _ROLE_NAMES[role]


def access_of(point: tuple[str | int, Any], *, what: str) -> Access:
    """IntersectionAccessPoint to where a vehicle enters or leaves."""
    kind, number = point
    if kind == "lane":
        return Access(lane=number)
    if kind == "approach":
        return Access(approach=number)
    if kind == "connection":
        return Access(connection=number)
    raise CodecError(what, "an access point in a form of a later edition")


def access_point(access: Access) -> tuple[str, int]:
    """Where a vehicle enters or leaves as IntersectionAccessPoint."""
    if access.lane is not None:
        return "lane", access.lane
    if access.approach is not None:
        return "approach", access.approach
    assert access.connection is not None
    return "connection", access.connection


def sent_time(message: Mapping[str, Any], *, arrival_ns: int) -> int:
    """UTC ns of timeStamp and second; what is not said is taken from the arrival."""
    minute, second = message.get("timeStamp", MINUTE_UNKNOWN), message["second"]
    nearest_ns = stamp_of_second_mark(second, arrival_ns=arrival_ns).capture_ns
    if minute == MINUTE_UNKNOWN or second == SECOND_MARK_UNAVAILABLE:
        return nearest_ns
    return instant_of(minute, second, near_ns=arrival_ns)


def sent_fields(sent_ns: int) -> dict[str, int]:
    """UTC ns as timeStamp and second."""
    return {"timeStamp": minute_of_year(sent_ns), "second": millisecond_of_minute(sent_ns)}


def service_of(package: Mapping[str, Any], *, near_ns: int) -> tuple[int | None, int | None]:
    """UTC ns of minute and second of a package, and milliseconds of its duration; None unknown."""
    minute, second = package.get("minute", MINUTE_UNKNOWN), package.get("second", SECOND_MARK_UNAVAILABLE)
    duration = package.get("duration", SECOND_MARK_UNAVAILABLE)
    known = minute != MINUTE_UNKNOWN and second < MINUTE_MS + 1000
    return (
        instant_of(minute, second, near_ns=near_ns) if known else None,
        None if duration == SECOND_MARK_UNAVAILABLE else duration,
    )


def service_fields(arrival_ns: int | None, duration_ms: int | None) -> dict[str, int]:
    """When service is expected and how long, as minute, second and duration; a duration is at most 65.534 s."""
    fields: dict[str, int] = {}
    if arrival_ns is not None:
        fields |= {"minute": minute_of_year(arrival_ns), "second": arrival_ns // NS_PER_MS % MINUTE_MS}
    if duration_ms is not None:
        fields["duration"] = min(max(duration_ms, 0), LONGEST_MS)
    return fields


def reference(intersection: int, region: int | None) -> dict[str, int]:
    """IntersectionReferenceID."""
    return ({} if region is None else {"region": region}) | {"id": intersection}
