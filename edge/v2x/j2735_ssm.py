"""SAE J2735-2020 SignalStatusMessage (clause 5.13) to and from answers to requests for priority."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edge.core.errors import CodecError
from edge.core.priority import PriorityStatus, RequestState
from edge.v2x.codec import message_codec
from edge.v2x.frame import J2735_SSM, unwrap_j2735, wrap_j2735
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

_MESSAGE = "j2735/SignalStatusMessage"
_STATES = {
    RequestState.UNKNOWN: "unknown",
    RequestState.REQUESTED: "requested",
    RequestState.PROCESSING: "processing",
    RequestState.WATCH_OTHER_TRAFFIC: "watchOtherTraffic",
    RequestState.GRANTED: "granted",
    RequestState.REJECTED: "rejected",
    RequestState.MAX_PRESENCE: "maxPresence",
    RequestState.RESERVICE_LOCKED: "reserviceLocked",
}
_STATE_OF_NAME = {name: state for state, name in _STATES.items()}


def encode_ssm(statuses: Sequence[PriorityStatus], *, message_count: int, now_ns: int) -> bytes:
    """Answers to a MessageFrame with an SSM made at `now_ns`.

    Args:
        statuses: every request that is active now, of one or more intersections; at most 32 of each.
        message_count: goes up with every change of the answers, modulo 128.
        now_ns: UTC ns.
    """
    value = ssm_value(statuses, message_count=message_count, now_ns=now_ns)
    return wrap_j2735(J2735_SSM, message_codec(_MESSAGE).encode(value))


def ssm_value(statuses: Sequence[PriorityStatus], *, message_count: int, now_ns: int) -> dict[str, Any]:
    """The SSM of `encode_ssm` as a value, which ISO/TS 19091 has too."""
    if not statuses:
        raise CodecError("SSM", "no status to send")
    intersections: dict[tuple[int, int | None], list[dict[str, Any]]] = {}
    for status in statuses:
        intersections.setdefault((status.intersection, status.region), []).append(_package(status))
    return sent_fields(now_ns) | {
        "sequenceNumber": message_count % 128,
        "status": [
            {"sequenceNumber": message_count % 128, "id": reference(*key), "sigStatus": packages}
            for key, packages in intersections.items()
        ],
    }


def decode_ssm(payload: bytes, *, arrival_ns: int) -> tuple[PriorityStatus, ...]:
    """A MessageFrame with an SSM to its answers; those that name no requester (calls of detectors) are left out.

    Raises:
        OtherMessageError: a sound frame of another message.
        CodecError: anything else that is not one whole SSM.
    """
    message = message_codec(_MESSAGE).decode(unwrap_j2735(payload, message_id=J2735_SSM, what="SSM"))
    return statuses_in(message, arrival_ns=arrival_ns)


def statuses_in(message: Mapping[str, Any], *, arrival_ns: int) -> tuple[PriorityStatus, ...]:
    """The answers in the value of an SSM. Raises as `decode_ssm`."""
    sent_ns = sent_time(message, arrival_ns=arrival_ns)
    return tuple(
        _status(package, intersection=status["id"], sent_ns=sent_ns)
        for status in message["status"]
        for package in status["sigStatus"]
        if "requester" in package
    )


def _package(status: PriorityStatus) -> dict[str, Any]:
    package: dict[str, Any] = {
        "requester": {
            "id": identity_of(status.requester, what="SSM"),
            "request": status.request,
            "sequenceNumber": status.sequence % 128,
            "role": role_name(status.role),
        },
        "inboundOn": access_point(status.entry),
        "status": _STATES[status.state],
    }
    if status.leave is not None:
        package["outboundOn"] = access_point(status.leave)
    return package | service_fields(status.arrival_ns, status.duration_ms)


def _status(package: Mapping[str, Any], *, intersection: Mapping[str, int], sent_ns: int) -> PriorityStatus:
    requester = package["requester"]
    arrival_ns, duration_ms = service_of(package, near_ns=sent_ns)
    leave = package.get("outboundOn")
    return PriorityStatus(
        requester=requester_of(requester["id"]),
        request=requester["request"],
        sequence=requester["sequenceNumber"],
        role=role_of(requester if "role" in requester else requester.get("typeData", {})),
        intersection=intersection["id"],
        region=intersection.get("region"),
        state=_STATE_OF_NAME.get(package["status"], RequestState.UNKNOWN),
        entry=access_of(package["inboundOn"], what="SSM"),
        leave=None if leave is None else access_of(leave, what="SSM"),
        arrival_ns=arrival_ns,
        duration_ms=duration_ms,
    )
