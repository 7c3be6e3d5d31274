"""ETSI SSEM (TS 103 301 V2.1.1 clause 9) to and from answers to requests for priority.

The body is SignalStatusMessage of ISO/TS 19091:2019, that of SAE J2735 bit for bit but for ISO 3833
types, of which an SSEM of ours has none (see `edge.v2x.etsi_srem`).
"""

from __future__ import annotations

from collections.abc import Sequence

from edge.core.priority import PriorityStatus, RequesterRole
from edge.v2x.codec import message_codec
from edge.v2x.etsi_elements import SSEM, check_header, header_fields
from edge.v2x.etsi_srem import PUBLIC_TRANSPORT
from edge.v2x.j2735_requests import role_name
from edge.v2x.j2735_ssm import ssm_value, statuses_in

_MESSAGE = "etsi/SSEM"
_TRANSIT = role_name(RequesterRole.PUBLIC_TRANSPORT)


def encode_ssem(
    statuses: Sequence[PriorityStatus], *, station_id: int, message_count: int, now_ns: int
) -> bytes:
    """Answers to a SSEM made at `now_ns`; as `edge.v2x.j2735_ssm.encode_ssm`.

    Args:
        statuses: every request that is active now, of one or more intersections; at most 32 of each.
        station_id: 0 to 2**32 - 1.
        message_count: goes up with every change of the answers, modulo 128.
        now_ns: UTC ns.
    """
    header = header_fields(SSEM, station_id=station_id)
    body = ssm_value(statuses, message_count=message_count, now_ns=now_ns)
    requesters = (package["requester"] for status in body["status"] for package in status["sigStatus"])
    for requester in requesters:
        if requester["role"] == _TRANSIT:
            requester["role"] = PUBLIC_TRANSPORT
    return message_codec(_MESSAGE).encode({"header": header, "ssm": body})


def decode_ssem(payload: bytes, *, arrival_ns: int) -> tuple[PriorityStatus, ...]:
    """A SSEM to its answers; those that name no requester (calls of detectors) are left out.

    Raises:
        OtherMessageError: a PDU of another message.
        CodecError: anything else that is not one whole SSEM.
    """
    check_header(payload, message_id=SSEM)
    return statuses_in(message_codec(_MESSAGE).decode(payload)["ssm"], arrival_ns=arrival_ns)
