"""T/CSAE 157-2020 VehIntentionAndRequest (day 2): where a vehicle means to go, and what it asks for.

Lifetimes and times of passing count from the time of the message, which is in milliseconds of the UTC minute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame
from edge.v2x.codec import message_codec
from edge.v2x.csae_elements import (
    Origin,
    Variant,
    octets_of_id,
    origin_of,
    position_3d,
    time_of,
    time_offset,
)
from edge.v2x.csae_planning import (
    PlannedPoint,
    behavior_bits,
    behaviors_of,
    instant_after,
    path_of,
    path_value,
    point_of,
    point_value,
)
from edge.v2x.csae_requests import RequestContent, content_of, content_value
from edge.v2x.frame import CSAE_VIR, unwrap_csae_day2, wrap_csae_day2
from edge.v2x.motion import position_to_local, second_mark_of, steps

STATUSES = ("unknown", "request", "confirmed", "cancel", "complete")
_STATUS_ON_WIRE = {"confirmed": "comfirmed"}
_STATUS_AS_READ = {name: status for status, name in _STATUS_ON_WIRE.items()}


@dataclass(frozen=True, slots=True)
class VehicleRequest:
    """One thing that a vehicle asks for.

    Attributes:
        request: 0 to 255, the same in every message about it.
        status: of `STATUSES`.
        content: what is asked; None: not said.
        priority: 0 to 7, 7 the highest; None: not said.
        target_vehicle, target_station: whom it is for, eight octets in hexadecimal; empty: all.
        until_ns: UTC ns up to which it stands; None: not said.
    """

    request: int
    status: str
    content: RequestContent | None = None
    priority: int | None = None
    target_vehicle: str = ""
    target_station: str = ""
    until_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Intention:
    """One VIR.

    Attributes:
        vehicle: temporary id, that of its BSM, eight octets in hexadecimal.
        stamp_ns: UTC ns at which it was at its place.
        x_m, y_m: ENU metres, where it was.
        current: its place in the MAP and how it moves; None: not said.
        path: the way that it plans, in the order of time, at most 100 points.
        behaviors: what it is about to do, of `BEHAVIORS`.
        requests: at most 8.
    """

    vehicle: str
    stamp_ns: int
    x_m: float
    y_m: float
    current: PlannedPoint | None = None
    path: tuple[PlannedPoint, ...] = ()
    behaviors: tuple[str, ...] = ()
    requests: tuple[VehicleRequest, ...] = ()


def encode_vir(intention: Intention, *, frame: LocalFrame, message_count: int, variant: Variant) -> bytes:
    """An intention to a MessageFrame; `message_count` is modulo 128."""
    reference = position_3d(intention.x_m, intention.y_m, frame=frame)
    origin, made_ns = origin_of(reference), intention.stamp_ns
    content: dict[str, Any] = {}
    if intention.current is not None:
        content["currentPos"] = point_value(
            intention.current, origin=origin, frame=frame, made_ns=made_ns, what="VIR"
        )
    if intention.path:
        content["path-Planning"] = path_value(
            intention.path, origin=origin, frame=frame, made_ns=made_ns, what="VIR"
        )
    if intention.behaviors:
        content["currentBehavior"] = behavior_bits(intention.behaviors, what="VIR")
    if intention.requests:
        content["reqs"] = [
            _request_value(request, origin=origin, frame=frame, made_ns=made_ns)
            for request in intention.requests
        ]
    message = {
        "msgCnt": message_count % 128,
        "id": octets_of_id(intention.vehicle, what="VIR"),
        "secMark": second_mark_of(made_ns),
        "refPos": reference,
        "intAndReq": content,
    }
    return wrap_csae_day2(CSAE_VIR, message_codec(f"csae-{variant}/VehIntentionAndRequest").encode(message))


def decode_vir(payload: bytes, *, frame: LocalFrame, arrival_ns: int, variant: Variant) -> Intention:
    """A MessageFrame with a VIR to an intention.

    Raises:
        OtherMessageError: a sound frame of another message.
        CodecError: anything else that is not one whole VIR with positions.
    """
    body = unwrap_csae_day2(payload, message_id=CSAE_VIR, what="VIR")
    message: Mapping[str, Any] = message_codec(f"csae-{variant}/VehIntentionAndRequest").decode(body)
    origin = origin_of(message["refPos"])
    made_ns = time_of(message["secMark"], near_ns=arrival_ns, what="VIR")
    x_m, y_m = position_to_local(*origin, frame=frame, what="VIR")
    content: Mapping[str, Any] = message["intAndReq"]
    current = content.get("currentPos")
    return Intention(
        vehicle=message["id"].hex(),
        stamp_ns=made_ns,
        x_m=x_m,
        y_m=y_m,
        current=None if current is None else point_of(current, origin=origin, frame=frame, made_ns=made_ns),
        path=path_of(content.get("path-Planning", ()), origin=origin, frame=frame, made_ns=made_ns),
        behaviors=behaviors_of(content.get("currentBehavior")),
        requests=tuple(
            _request(value, origin=origin, frame=frame, made_ns=made_ns) for value in content.get("reqs", ())
        ),
    )


def _request_value(
    request: VehicleRequest, *, origin: Origin, frame: LocalFrame, made_ns: int
) -> dict[str, Any]:
    if request.status not in STATUSES:
        raise CodecError("VIR", f"no status is called {request.status!r}")
    value: dict[str, Any] = {
        "reqID": request.request,
        "status": _STATUS_ON_WIRE.get(request.status, request.status),
    }
    if request.priority is not None:
        value["reqPriority"] = bytes([steps("priority", request.priority, 1.0, 0, 7) << 5])
    for key, target in (("targetVeh", request.target_vehicle), ("targetRSU", request.target_station)):
        if target:
            value[key] = octets_of_id(target, what="VIR")
    if request.content is not None:
        value["info"] = content_value(request.content, origin=origin, frame=frame, made_ns=made_ns)
    if request.until_ns is not None:
        value["lifeTime"] = time_offset(request.until_ns - made_ns)
    return value


def _request(value: Mapping[str, Any], *, origin: Origin, frame: LocalFrame, made_ns: int) -> VehicleRequest:
    """A request; a status or a content of a later edition is not known."""
    status, priority = value["status"], value.get("reqPriority")
    info = value.get("info")
    return VehicleRequest(
        request=value["reqID"],
        status=_STATUS_AS_READ.get(status, status) if isinstance(status, str) else "unknown",
        content=None if info is None else content_of(info, origin=origin, frame=frame, made_ns=made_ns),
        priority=None if priority is None else priority[0] >> 5,
        target_vehicle=value.get("targetVeh", b"").hex(),
        target_station=value.get("targetRSU", b"").hex(),
        until_ns=instant_after(value.get("lifeTime"), made_ns=made_ns),
    )
