"""Basic Encoding Rules (ITU-T X.690) as far as SNMP uses them: definite lengths, one-octet tags, no recursion.

Object identifiers travel through the project as the octets of their content: they are compared and looked up, hardly
ever printed.
"""

from __future__ import annotations

import re

from edge.core.errors import CodecError

INTEGER, OCTETS, NULL, IDENTIFIER, SEQUENCE = 0x02, 0x04, 0x05, 0x06, 0x30
MAX_ARCS = 128  # RFC 2578 3.5
MAX_ARC = 2**32 - 1
_LENGTH_OCTETS = 4
_INTEGER_OCTETS = 9  # Counter64 with its leading zero
_OID_OCTETS = MAX_ARCS * 5
_DOTTED = re.compile(r"\d{1,10}(\.\d{1,10})+")


def read_header(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Tag, first octet of the content and octet behind it, of the element at `at`.

    Raises:
        CodecError: it does not end before `end`, its length is indefinite, or its tag is longer than one octet.
    """
    if end - at < 2:
        raise CodecError("SNMP", "ends within a header", offset=at)
    tag, length = data[at], data[at + 1]
    if tag & 0x1F == 0x1F:
        raise CodecError("SNMP", f"tag 0x{tag:02x} is longer than one octet", offset=at)
    start = at + 2
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= _LENGTH_OCTETS or count > end - start:
            raise CodecError("SNMP", f"length of {count} octets", offset=at + 1)
        length = int.from_bytes(data[start : start + count], "big")
        start += count
    if length > end - start:
        raise CodecError("SNMP", f"{length} octets announced, {end - start} left", offset=at)
    return tag, start, start + length


def size_of(data: bytes) -> int | None:
    """Octets of the element that these begin with, be they there or not; None: no definite length."""
    if len(data) < 2 or not data[1] & 0x80:
        return 2 + data[1] if len(data) > 1 else None
    count = data[1] & 0x7F
    if not 1 <= count <= _LENGTH_OCTETS or len(data) < 2 + count:
        return None
    return 2 + count + int.from_bytes(data[2 : 2 + count], "big")


def expect(data: bytes, at: int, end: int, tag: int) -> tuple[int, int]:
    """First octet of the content and octet behind it, of an element that must have this tag. Raises `CodecError`."""
    found, start, stop = read_header(data, at, end)
    if found != tag:
        raise CodecError("SNMP", f"tag 0x{found:02x}, expected 0x{tag:02x}", offset=at)
    return start, stop


def read_integer(data: bytes, start: int, stop: int) -> int:
    """A signed integer from its content. Raises `CodecError` when it is empty or longer than any of SNMP."""
    if not 0 < stop - start <= _INTEGER_OCTETS:
        raise CodecError("SNMP", f"integer of {stop - start} octets", offset=start)
    return int.from_bytes(data[start:stop], "big", signed=True)


def read_unsigned(data: bytes, start: int, stop: int) -> int:
    """A number of a type without sign; agents that leave out its leading zero are understood. Raises `CodecError`."""
    if not 0 < stop - start <= _INTEGER_OCTETS:
        raise CodecError("SNMP", f"number of {stop - start} octets", offset=start)
    return int.from_bytes(data[start:stop], "big")


def read_oid(data: bytes, start: int, stop: int) -> bytes:
    """The content of an object identifier, as it stands. Raises `CodecError` when it is empty, cut or endless."""
    content = data[start:stop]
    if not content or len(content) > _OID_OCTETS or content[-1] & 0x80:
        raise CodecError("SNMP", "broken object identifier", offset=start)
    return content


def element(tag: int, content: bytes) -> bytes:
    """An element with the shortest length."""
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def integer(value: int, *, tag: int = INTEGER) -> bytes:
    """An integer in the fewest octets; the same form serves the types without a sign."""
    octets = (value if value >= 0 else ~value).bit_length() // 8 + 1
    return element(tag, value.to_bytes(octets, "big", signed=True))


def oid(dotted: str) -> bytes:
    """The content octets of a dotted object identifier.

    Raises:
        ValueError: it is none.
    """
    if not _DOTTED.fullmatch(dotted):
        raise ValueError(f"{dotted!r} is no object identifier: write one like 1.3.6.1.2.1.1.3.0")
    return oid_of(tuple(int(arc) for arc in dotted.split(".")))


def oid_of(arcs: tuple[int, ...]) -> bytes:
    """The content octets of an object identifier of at least two arcs. Raises `ValueError`."""
    if not 2 <= len(arcs) <= MAX_ARCS or not all(0 <= arc <= MAX_ARC for arc in arcs):
        raise ValueError(f"{arcs} is no object identifier")
    if arcs[0] > 2 or (arcs[0] < 2 and arcs[1] > 39):
        raise ValueError(f"no object identifier begins with {arcs[0]}.{arcs[1]}")
    content = bytearray()
    for arc in (arcs[0] * 40 + arcs[1], *arcs[2:]):
        septets = [arc & 0x7F]
        while arc := arc >> 7:
            septets.append(arc & 0x7F | 0x80)
        content += bytes(reversed(septets))
    return bytes(content)


def arcs_of(content: bytes) -> tuple[int, ...]:
    """The arcs of an object identifier: how SNMP orders them. Raises `CodecError`."""
    read_oid(content, 0, len(content))
    arcs: list[int] = []
    arc = 0
    for octet in content:
        arc = arc << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    found = (first, arcs[0] - 40 * first, *arcs[1:])
    if len(found) > MAX_ARCS or max(found) > MAX_ARC:
        raise CodecError("SNMP", "object identifier beyond its bounds")
    return found


def dotted(content: bytes) -> str:
    """An object identifier for people. Raises `CodecError`."""
    return ".".join(str(arc) for arc in arcs_of(content))
