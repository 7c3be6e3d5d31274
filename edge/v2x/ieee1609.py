"""The J2735 MessageFrame in what a roadside unit forwards: behind IEEE 1609.3 and 1609.2, or found by search.

Read strictly: a WAVE short message of version 3 (IEEE 1609.3-2020, clause 8.3) or none, then unsecured or signed data
(IEEE 1609.2-2022, clause 6.3.4 and 6.3.5) or none, then one frame to the last octet. Signatures are not checked here.
"""

from __future__ import annotations

from edge.core.errors import CodecError
from edge.v2x.frame import split_j2735
from edge.v2x.security.oer import Reader

_WSMP_VERSION = 3
_VERSION_BITS, _OPTIONS_BIT = 0x07, 0x08
_PLAIN_PORT, _PORT_WITH_OPTIONS = 0, 1
_SECURED_VERSION, _UNSECURED, _SIGNED = 3, 0x80, 0x81
_DATA_ALONE = 0x40
_LONG = 0x80
_MESSAGE_IDS = range(0x12, 0x2A)
_SEARCHED_BYTES = 256
"""Headers of IEEE 1609.3 and 1609.2 before the payload are far shorter; certificates follow it."""


def message_of(datagram: bytes) -> bytes:
    """The MessageFrame behind headers; searched for where they do not parse. Raises `CodecError`."""
    try:
        return parse_headers(datagram)
    except CodecError:
        return find_message_frame(datagram)


def headers_parse(datagram: bytes) -> bool:
    """Whether the MessageFrame is where the headers say."""
    try:
        parse_headers(datagram)
    except CodecError:
        return False
    return True


def parse_headers(datagram: bytes) -> bytes:
    """The MessageFrame behind headers that parse to the last octet. Raises `CodecError`."""
    frame = _without_security(_without_wsmp(datagram))
    _, _, used = split_j2735(frame)
    if used != len(frame):
        raise CodecError("IEEE 1609", f"{len(frame) - used} bytes follow the message", offset=used)
    return frame


def find_message_frame(datagram: bytes) -> bytes:
    """The first MessageFrame that agrees with what is around it.

    A frame counts where its id is known and its own length agrees with what is around it: it ends with the datagram, or
    the octets before it are its length in an IEEE 1609.2 octet string (then a signature may follow).
    """
    for start in range(min(len(datagram) - 3, _SEARCHED_BYTES)):
        if int.from_bytes(datagram[start : start + 2], "big") not in _MESSAGE_IDS:
            continue
        try:
            _, _, used = split_j2735(datagram[start:])
        except CodecError:
            continue
        if start + used == len(datagram) or datagram[:start].endswith(_octet_string_length(used)):
            return datagram[start : start + used]
    raise CodecError("IEEE 1609", "no message frame is found in it")


def _without_wsmp(datagram: bytes) -> bytes:
    """The data of a WAVE short message; the datagram itself where it is none."""
    if len(datagram) < 2 or datagram[0] & _VERSION_BITS != _WSMP_VERSION:
        return datagram
    if datagram[0] == _SECURED_VERSION and datagram[1] in (_UNSECURED, _SIGNED):
        return datagram  # IEEE 1609.2 begins with the same octet
    reader = Reader(datagram)
    if reader.octet() & _OPTIONS_BIT:
        _skip_elements(reader)
    port = reader.octet()
    if port not in (_PLAIN_PORT, _PORT_WITH_OPTIONS):
        raise reader.error(f"transport {port} carries no messages of vehicles")
    _p_number(reader, longest=4)
    if port == _PORT_WITH_OPTIONS:
        _skip_elements(reader)
    said = _p_number(reader, longest=2)
    data = datagram[reader.position :]
    # Of a length in two octets radios write the bits with the 128 values of one octet taken off, or without.
    if len(data) != said and not (said >= _LONG and len(data) == said - _LONG):
        raise reader.error(f"it says {said} octets and holds {len(data)}")
    return data


def _skip_elements(reader: Reader) -> None:
    """WAVE information elements: a count, then id, length and octets of each (clause 8.1.1)."""
    for _ in range(_p_number(reader, longest=2)):
        reader.octet()
        reader.octets(_p_number(reader, longest=2))


def _p_number(reader: Reader, *, longest: int) -> int:
    """A number whose leading bits tell its octets (clause 8.1.3): 0-127 in one, then 16,384 more in two ..."""
    first, offset = reader.octet(), 0
    for size, bound in enumerate((0x80, 0xC0, 0xE0, 0xF0)[:longest], 1):
        if first < bound:
            bits = 8 * size - size
            rest = int.from_bytes(reader.octets(size - 1), "big")
            return offset + (((first << 8 * (size - 1)) | rest) & ((1 << bits) - 1))
        offset += 1 << (8 * size - size)
    raise reader.error(f"no number of at most {longest} octets begins with {first:#x}")


def _without_security(data: bytes) -> bytes:
    """The payload of unsecured or signed data; the data themselves where they are neither."""
    if data[:1] != bytes([_SECURED_VERSION]) or data[1:2] not in (bytes([_UNSECURED]), bytes([_SIGNED])):
        return data
    reader = Reader(data, 1)
    if reader.octet() == _UNSECURED:
        payload = reader.variable_octets()
        reader.end()
        return payload
    reader.octet()  # hash algorithm
    if reader.octet() != _DATA_ALONE or reader.octets(2) != bytes([_SECURED_VERSION, _UNSECURED]):
        raise reader.error("the signed payload is not data alone")
    return reader.variable_octets()


def _octet_string_length(count: int) -> bytes:
    """Length of an octet string in COER (ITU-T X.696 clause 8.6)."""
    if count < 0x80:
        return bytes([count])
    size = 1 if count < 0x100 else 2
    return bytes([0x80 | size]) + count.to_bytes(size, "big")
