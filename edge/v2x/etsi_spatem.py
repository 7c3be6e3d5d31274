"""ETSI SPATEM (TS 103 301 V2.1.1 clause 5) from a signal state, and back to views.

The body is SPAT of ISO/TS 19091:2019, that of SAE J2735 bit for bit: minutes, milliseconds and ends count UTC, not the
TAI of other ETSI messages, so no leap seconds are added. An end that is not known is 36001, which both have.
"""

from __future__ import annotations

from edge.core.signals import SignalState
from edge.v2x.codec import message_codec
from edge.v2x.etsi_elements import SPATEM, check_header, header_fields
from edge.v2x.j2735_spat import only_view, spat_value, spat_views
from edge.v2x.spat import SpatView

_MESSAGE = "etsi/SPATEM"


def encode_spatem(
    state: SignalState, *, station_id: int, now_ns: int, name: str = "", region: int | None = None
) -> bytes:
    """A signal state to a SPATEM made at `now_ns`; as `edge.v2x.j2735_spat.encode_spat`.

    `station_id` is 0 to 2**32 - 1. Raises `CodecError` where a SPATEM cannot say what the state says.
    """
    header = header_fields(SPATEM, station_id=station_id)
    body = spat_value(state, now_ns=now_ns, name=name, region=region)
    return message_codec(_MESSAGE).encode({"header": header, "spat": body})


def decode_spatem(payload: bytes) -> SpatView:
    """A SPATEM of one intersection to a view of it.

    Raises:
        OtherMessageError: a PDU of another message.
        CodecError: anything else that is not one whole SPATEM of one intersection.
    """
    return only_view(decode_spatems(payload))


def decode_spatems(payload: bytes) -> tuple[SpatView, ...]:
    """As `decode_spatem`, for messages of several intersections."""
    check_header(payload, message_id=SPATEM)
    return spat_views(message_codec(_MESSAGE).decode(payload)["spat"])
