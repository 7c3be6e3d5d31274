"""ETSI MAPEM (TS 103 301 V2.1.1 clause 6) to and from an intersection.

The body is MapData of ISO/TS 19091:2019, that of SAE J2735 but for longitudes: their range starts at -1800000000 as in
the common data dictionary, in J2735 at -1799999999, so the same octets are 0.1 microdegree further west.
"""

from __future__ import annotations

from edge.core.intersection import Intersection
from edge.v2x.codec import message_codec
from edge.v2x.etsi_elements import MAPEM, check_header, header_fields
from edge.v2x.j2735_map import intersection_in, map_value

_MESSAGE = "etsi/MAPEM"


def encode_mapem(
    intersection: Intersection, *, station_id: int, message_count: int, now_ns: int | None
) -> bytes:
    """An intersection to a MAPEM; as `edge.v2x.j2735_map.encode_map`.

    Args:
        intersection: its lanes and signal groups.
        station_id: 0 to 2**32 - 1.
        message_count: changes with the content only, modulo 128.
        now_ns: UTC ns; None: the clock is not synchronised.
    """
    header = header_fields(MAPEM, station_id=station_id)
    body = map_value(intersection, message_count=message_count, now_ns=now_ns)
    return message_codec(_MESSAGE).encode({"header": header, "map": body})


def decode_mapem(payload: bytes, *, intersection: int | None = None) -> Intersection:
    """A MAPEM to an intersection in the frame of its reference point.

    Args:
        intersection: which IntersectionID to take; None: the message has to hold exactly one.

    Raises:
        OtherMessageError: a PDU of another message.
        CodecError: anything else that is not one whole MAPEM with that intersection.
    """
    check_header(payload, message_id=MAPEM)
    return intersection_in(message_codec(_MESSAGE).decode(payload)["map"], intersection=intersection)
