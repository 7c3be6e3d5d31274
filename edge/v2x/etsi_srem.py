"""ETSI SREM (TS 103 301 V2.1.1 clause 8) to and from requests for priority.

The body is SignalRequestMessage of ISO/TS 19091:2019. It differs from that of SAE J2735 in the range of longitudes (see
`edge.v2x.etsi_mapem`) and of ISO 3833 types, which take eight bits, not seven. Who asks is named in the body, by a
StationID or a TemporaryID; the station of the header only sends.
"""

from __future__ import annotations

from collections.abc import Sequence

from edge.core.geodesy import LocalFrame
from edge.core.priority import PriorityRequest, RequesterRole
from edge.v2x.codec import message_codec
from edge.v2x.etsi_elements import SREM, check_header, header_fields
from edge.v2x.j2735_srm import requests_in, srm_value

_MESSAGE = "etsi/SREM"
PUBLIC_TRANSPORT = "publicTransport"
"""BasicVehicleRole: 0 to 7 are DE_VehicleRole of ETSI and name buses and trams so; `transit` of J2735 is read too."""


def encode_srem(requests: Sequence[PriorityRequest], *, station_id: int, frame: LocalFrame) -> bytes:
    """Requests of one vehicle, made at one time, to a SREM; at most 32. `station_id` is 0 to 2**32 - 1."""
    header = header_fields(SREM, station_id=station_id)
    body = srm_value(requests, frame=frame)
    if requests[0].role is RequesterRole.PUBLIC_TRANSPORT:
        body["requestor"]["type"]["role"] = PUBLIC_TRANSPORT
    return message_codec(_MESSAGE).encode({"header": header, "srm": body})


def decode_srem(payload: bytes, *, frame: LocalFrame, arrival_ns: int) -> tuple[PriorityRequest, ...]:
    """A SREM to its requests, one per intersection asked; as `edge.v2x.j2735_srm.decode_srm`.

    Raises:
        OtherMessageError: a PDU of another message.
        CodecError: anything else that is not one whole SREM.
    """
    check_header(payload, message_id=SREM)
    body = message_codec(_MESSAGE).decode(payload)["srm"]
    return requests_in(body, frame=frame, arrival_ns=arrival_ns)
