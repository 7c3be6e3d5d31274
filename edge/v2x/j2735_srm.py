"""SAE J2735-2020 SignalRequestMessage (clause 5.12) to and from requests for priority."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame, heading_to_yaw_rad
from edge.core.priority import PriorityRequest, RequestKind
from edge.v2x.codec import message_codec
from edge.v2x.finite import check_finite
from edge.v2x.frame import J2735_SRM, unwrap_j2735, wrap_j2735
from edge.v2x.j2735_requests import (
    access_of,
    access_point,
    identity_of,
    reference,
    requester_of,
    role_name,
    role_of,
    sent_fields,
    sent_time,
    service_fields,
    service_of,
)
from edge.v2x.motion import (
    HEADING_STEP_DEG,
    HEADING_UNAVAILABLE,
    LATITUDE_UNAVAILABLE,
    LONGITUDE_UNAVAILABLE,
    SPEED_STEP_MPS,
    SPEED_UNAVAILABLE,
    heading_of,
    position_of,
    position_to_local,
    steps,
)

_MESSAGE = "j2735/SignalRequestMessage"
_TYPES = {
    RequestKind.REQUEST: "priorityRequest",
    RequestKind.UPDATE: "priorityRequestUpdate",
    RequestKind.CANCEL: "priorityCancellation",
}
_KINDS = {name: kind for kind, name in _TYPES.items()}


def decode_srm(payload: bytes, *, frame: LocalFrame, arrival_ns: int) -> tuple[PriorityRequest, ...]:
    """A MessageFrame with an SRM to its requests, one per intersection asked; of none that it names, none.

    A request of the type "reserved" or of a later edition asks for nothing that is known, and is left out.

    Raises:
        OtherMessageError: a sound frame of another message.
        CodecError: anything else that is not one whole SRM.
    """
    message = message_codec(_MESSAGE).decode(unwrap_j2735(payload, message_id=J2735_SRM, what="SRM"))
    return requests_in(message, frame=frame, arrival_ns=arrival_ns)


def requests_in(
    message: Mapping[str, Any], *, frame: LocalFrame, arrival_ns: int
) -> tuple[PriorityRequest, ...]:
    """The requests in the value of an SRM. Raises as `decode_srm`."""
    requestor = message["requestor"]
    sent_ns = sent_time(message, arrival_ns=arrival_ns)
    shared: dict[str, Any] = {
        "requester": requester_of(requestor["id"]),
        "sequence": message.get("sequenceNumber", 0),
        "role": role_of(requestor.get("type", {})),
        "sent_ns": sent_ns,
    } | _place_in(requestor.get("position", {}), frame=frame)
    return tuple(
        _request(package, sent_ns=sent_ns, shared=shared)
        for package in message.get("requests", ())
        if package["request"]["requestType"] in _KINDS
    )


def encode_srm(requests: Sequence[PriorityRequest], *, frame: LocalFrame) -> bytes:
    """Requests of one vehicle, made at one time, to a MessageFrame with an SRM; at most 32."""
    return wrap_j2735(J2735_SRM, message_codec(_MESSAGE).encode(srm_value(requests, frame=frame)))


def srm_value(requests: Sequence[PriorityRequest], *, frame: LocalFrame) -> dict[str, Any]:
    """The SRM of `encode_srm` as a value, which ISO/TS 19091 has too."""
    check_finite(tuple(requests), what="SRM")
    if not requests:
        raise CodecError("SRM", "no request to send")
    first = requests[0]
    shared = {(r.requester, r.sequence, r.role, r.sent_ns) for r in requests}
    if len(shared) > 1:
        raise CodecError("SRM", "requests of several vehicles or times")
    requestor: dict[str, Any] = {
        "id": identity_of(first.requester, what="SRM"),
        "type": {"role": role_name(first.role)},
    }
    position = _position_of(first, frame=frame)
    if position:
        requestor["position"] = position
    return sent_fields(first.sent_ns) | {
        "sequenceNumber": first.sequence % 128,
        "requests": [_package(request) for request in requests],
        "requestor": requestor,
    }


def _request(package: Mapping[str, Any], *, sent_ns: int, shared: Mapping[str, Any]) -> PriorityRequest:
    request = package["request"]
    arrival_ns, duration_ms = service_of(package, near_ns=sent_ns)
    leave = request.get("outBoundLane")
    return PriorityRequest(
        request=request["requestID"],
        kind=_KINDS[request["requestType"]],
        intersection=request["id"]["id"],
        region=request["id"].get("region"),
        entry=access_of(request["inBoundLane"], what="SRM"),
        leave=None if leave is None else access_of(leave, what="SRM"),
        arrival_ns=arrival_ns,
        duration_ms=duration_ms,
        **shared,
    )


def _package(request: PriorityRequest) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "id": reference(request.intersection, request.region),
        "requestID": request.request,
        "requestType": _TYPES[request.kind],
        "inBoundLane": access_point(request.entry),
    }
    if request.leave is not None:
        asked["outBoundLane"] = access_point(request.leave)
    return {"request": asked} | service_fields(request.arrival_ns, request.duration_ms)


def _place_in(position: Mapping[str, Any], *, frame: LocalFrame) -> dict[str, float | None]:
    """Where the vehicle is, as keyword arguments of `PriorityRequest`."""
    place = position.get("position", {"lat": LATITUDE_UNAVAILABLE, "long": LONGITUDE_UNAVAILABLE})
    said = place["lat"] != LATITUDE_UNAVAILABLE and place["long"] != LONGITUDE_UNAVAILABLE
    x_m, y_m = position_to_local(place["lat"], place["long"], frame=frame) if said else (None, None)
    speed = position.get("speed", {}).get("speed", SPEED_UNAVAILABLE)
    heading = position.get("heading", HEADING_UNAVAILABLE)
    return {
        "x_m": x_m,
        "y_m": y_m,
        "speed_mps": None if speed == SPEED_UNAVAILABLE else speed * SPEED_STEP_MPS,
        "yaw_rad": None if heading == HEADING_UNAVAILABLE else heading_to_yaw_rad(heading * HEADING_STEP_DEG),
    }


def _position_of(request: PriorityRequest, *, frame: LocalFrame) -> dict[str, Any]:
    """RequestorPositionVector; empty where the place is not known."""
    if request.x_m is None or request.y_m is None:
        return {}
    latitude, longitude = position_of(request.x_m, request.y_m, frame=frame)
    position: dict[str, Any] = {"position": {"lat": latitude, "long": longitude}}
    if request.yaw_rad is not None:
        position["heading"] = heading_of(request.yaw_rad)
    if request.speed_mps is not None:
        speed = steps("speed", request.speed_mps, SPEED_STEP_MPS, 0, 8190)
        position["speed"] = {"transmisson": "unavailable", "speed": speed}
    return position
