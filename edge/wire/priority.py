"""Requests for priority: `edge.v1.PriorityRequest` to the core's, and answers to `edge.v1.PriorityStatus`."""

from __future__ import annotations

from google.protobuf.message import DecodeError

from edge.core.errors import CodecError
from edge.core.priority import Access, PriorityRequest, RequesterRole, RequestKind, RequestState
from edge.core.signals import GroupState
from edge.core.stamp import NS_PER_S
from edge.v1 import priority_pb2
from edge.wire.signals import to_group

LONGEST_ID = 32
LONGEST_S = 60.0
FARTHEST_NS = 600 * NS_PER_S
STATUS_LIFE_NS = 2 * NS_PER_S
_SOURCE = "PriorityRequest"
_KINDS = {
    priority_pb2.PRIORITY_REQUEST_TYPE_UNSPECIFIED: RequestKind.UPDATE,
    priority_pb2.PRIORITY_REQUEST_TYPE_REQUEST: RequestKind.REQUEST,
    priority_pb2.PRIORITY_REQUEST_TYPE_UPDATE: RequestKind.UPDATE,
    priority_pb2.PRIORITY_REQUEST_TYPE_CANCELLATION: RequestKind.CANCEL,
}
_STATES = {
    state: f"PRIORITIZATION_RESPONSE_STATUS_{'UNSPECIFIED' if state is RequestState.UNKNOWN else state.name}"
    for state in RequestState
}
_ROLES = {
    priority_pb2.RequestedRole.Value(f"REQUESTED_ROLE_{role.name}"): role
    for role in (
        RequesterRole.EMERGENCY,
        RequesterRole.FIRE,
        RequesterRole.AMBULANCE,
        RequesterRole.POLICE,
        RequesterRole.PUBLIC_TRANSPORT,
        RequesterRole.FREIGHT,
    )
}


def parse_request(
    octets: bytes, *, intersection: int, region: int | None, verified: str | None
) -> PriorityRequest:
    """The request, checked: every number in its range. A role of a later version is none that gets priority.

    Args:
        intersection, region: of the node that is asked.
        verified: who verified the requester; None: nobody.

    Raises:
        CodecError: it is no such message, or says what cannot be.
    """
    try:
        message = priority_pb2.PriorityRequest.FromString(octets)
    except DecodeError as error:
        raise CodecError(_SOURCE, "is no PriorityRequest") from error
    named = 0 < len(message.vehicle_id) <= LONGEST_ID and message.vehicle_id.isprintable()
    _check(named, "vehicle_id", f"1 to {LONGEST_ID} printable characters")
    _check(message.request_id <= 255, "request_id", "0 to 255")
    _check(message.type in _KINDS, "type", "a PriorityRequestType")
    _check(message.stamp_ns > 0, "stamp_ns", "UTC nanoseconds")
    _check(1 <= message.inbound_lane <= 255, "inbound_lane", "1 to 255")
    leaves = message.HasField("outbound_lane")
    _check(not leaves or 1 <= message.outbound_lane <= 255, "outbound_lane", "1 to 255")
    near = abs(message.arrival_ns - message.stamp_ns) <= FARTHEST_NS
    cancels = message.type == priority_pb2.PRIORITY_REQUEST_TYPE_CANCELLATION
    _check(cancels or near, "arrival_ns", "UTC nanoseconds, within ten minutes of stamp_ns")
    lasts = message.HasField("duration_s")
    _check(not lasts or 0.0 <= message.duration_s <= LONGEST_S, "duration_s", f"0 to {LONGEST_S:g}")
    return PriorityRequest(
        requester=message.vehicle_id,
        request=message.request_id,
        sequence=0,
        kind=_KINDS[message.type],
        intersection=intersection,
        region=region,
        entry=Access(lane=message.inbound_lane),
        role=_ROLES.get(message.role, RequesterRole.OTHER),
        sent_ns=message.stamp_ns,
        leave=Access(lane=message.outbound_lane) if leaves else None,
        arrival_ns=message.arrival_ns,
        duration_ms=round(1000 * message.duration_s) if lasts else None,
        verified=verified,
    )


def _check(right: bool, field: str, words: str) -> None:
    if not right:
        raise CodecError(_SOURCE, f"{field} must be {words}")


def to_status(
    state: RequestState,
    reason: str,
    *,
    request: PriorityRequest | None,
    group: GroupState | None,
    now_ns: int,
) -> priority_pb2.PriorityStatus:
    """The message of an answer.

    Args:
        request: that is answered; None: there is none any more.
        group: what the signal group of its way shows; None: nothing that may be used.
    """
    return priority_pb2.PriorityStatus(
        request_id=0 if request is None else request.request,
        stamp_ns=0 if request is None else request.sent_ns,
        published_ns=now_ns,
        valid_until_ns=now_ns + STATUS_LIFE_NS,
        status=_STATES[state],
        reason=reason,
        signal=None if group is None else to_group(group),
    )
