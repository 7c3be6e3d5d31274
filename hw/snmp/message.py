"""SNMPv1 (RFC 1157) and SNMPv2c (RFC 1901, 3416) messages: GET, GETNEXT, SET and their responses.

`decode_message` is for input from a network: whatever it is given, it returns a message or raises `CodecError`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from edge.core.errors import CodecError
from hw.snmp import ber

V1, V2C = 0, 1
GET, GET_NEXT, RESPONSE, SET = 0xA0, 0xA1, 0xA2, 0xA3
GET_BULK, INFORM, TRAP, REPORT = 0xA5, 0xA6, 0xA7, 0xA8
IP_ADDRESS, COUNTER, GAUGE, TIME_TICKS, OPAQUE, COUNTER64 = 0x40, 0x41, 0x42, 0x43, 0x44, 0x46
NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB_VIEW = 0x80, 0x81, 0x82
NO_ERROR, TOO_BIG, NO_SUCH_NAME, BAD_VALUE, READ_ONLY, GEN_ERROR = range(6)
WRONG_TYPE, NOT_WRITABLE = 7, 17
FIRST_ID, LAST_ID = 1 << 24, (1 << 31) - 1
"""Request identifiers that take four octets each: a request is built once and only its identifier is exchanged."""
MAX_VARBINDS = 512
_KINDS = frozenset({GET, GET_NEXT, RESPONSE, SET})
_OTHER_KINDS = frozenset({GET_BULK, INFORM, TRAP, REPORT})
_UNSIGNED = frozenset({COUNTER, GAUGE, TIME_TICKS, COUNTER64})
_OCTETS = frozenset({ber.OCTETS, IP_ADDRESS, OPAQUE})
_EMPTY = frozenset({ber.NULL, NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB_VIEW})
NUMBERS = _UNSIGNED | {ber.INTEGER}
_INT32 = range(-(2**31), 2**32)  # some agents send a Gauge under the tag of an INTEGER


class VarBind(NamedTuple):
    """One object and its value.

    Attributes:
        oid: content octets of its identifier (`ber.oid`).
        tag: type of the value.
        value: a number, octets (strings, addresses, content of an identifier), or None (null, no such object).
    """

    oid: bytes
    tag: int = ber.NULL
    value: int | bytes | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Attributes:
        version: V1 or V2C.
        community: octets that the agent compares.
        kind: GET, GET_NEXT, RESPONSE or SET; of `decode_any` GET_BULK, INFORM, TRAP and REPORT too.
        request_id: comes back in the response.
        error_status, error_index: 0, or what is wrong and with which variable (from 1).
        varbinds: the variables.
    """

    version: int
    community: bytes
    kind: int
    request_id: int
    error_status: int
    error_index: int
    varbinds: tuple[VarBind, ...]


class Request:
    """A GET, GETNEXT or SET made ready once and sent many times.

    Attributes:
        varbinds: what it asks for.
        size: octets of the whole message.
    """

    __slots__ = ("_head", "_tail", "size", "varbinds")

    def __init__(self, kind: int, varbinds: Iterable[VarBind], *, version: int, community: bytes) -> None:
        self.varbinds = tuple(varbinds)
        whole = encode_message(Message(version, community, kind, FIRST_ID, 0, 0, self.varbinds))
        marked = encode_message(Message(version, community, kind, LAST_ID, 0, 0, self.varbinds))
        at = next(index for index, (one, other) in enumerate(zip(whole, marked, strict=True)) if one != other)
        self._head, self._tail, self.size = whole[:at], whole[at + 4 :], len(whole)

    def octets(self, request_id: int) -> bytes:
        """The message under an identifier between `FIRST_ID` and `LAST_ID`."""
        return self._head + request_id.to_bytes(4, "big") + self._tail


def encode_message(message: Message) -> bytes:
    """The octets of a message. Raises `ValueError` for a value that its type cannot hold."""
    listed = b"".join(_varbind(varbind) for varbind in message.varbinds)
    numbers = (message.request_id, message.error_status, message.error_index)
    body = b"".join(ber.integer(number) for number in numbers) + ber.element(ber.SEQUENCE, listed)
    head = ber.integer(message.version) + ber.element(ber.OCTETS, message.community)
    return ber.element(ber.SEQUENCE, head + ber.element(message.kind, body))


def _varbind(varbind: VarBind) -> bytes:
    name = ber.element(ber.IDENTIFIER, varbind.oid)
    return ber.element(ber.SEQUENCE, name + _value(varbind))


def _value(varbind: VarBind) -> bytes:
    tag, value = varbind.tag, varbind.value
    if tag in NUMBERS and isinstance(value, int):
        return ber.integer(value, tag=tag)
    if (tag in _OCTETS or tag == ber.IDENTIFIER) and isinstance(value, bytes):
        return ber.element(tag, value)
    if tag in _EMPTY and value is None:
        return ber.element(tag, b"")
    raise ValueError(f"type 0x{tag:02x} cannot hold {value!r}")


def decode_message(data: bytes) -> Message:
    """Decode one datagram.

    Raises:
        CodecError: it is no SNMPv1 or v2c message of a kind that is known here, whole and without anything behind it.
    """
    return _decode(data, _KINDS)


def decode_any(data: bytes) -> Message:
    """As `decode_message`, for recordings: every kind that is laid out alike. Raises `CodecError`."""
    return _decode(data, _KINDS | _OTHER_KINDS)


def _decode(data: bytes, kinds: frozenset[int]) -> Message:
    start, end = ber.expect(data, 0, len(data), ber.SEQUENCE)
    if end != len(data):
        raise CodecError("SNMP", f"{len(data) - end} octets behind the message", offset=end)
    version, at = _integer(data, start, end)
    if version not in (V1, V2C):
        raise CodecError("SNMP", f"version {version}", offset=start)
    community_at, at = ber.expect(data, at, end, ber.OCTETS)
    kind, start, stop = ber.read_header(data, at, end)
    if kind not in kinds or stop != end:
        raise CodecError("SNMP", f"PDU 0x{kind:02x}", offset=at)
    community = data[community_at:at]
    request_id, at = _integer(data, start, end)
    status, at = _integer(data, at, end)
    index, at = _integer(data, at, end)
    start, stop = ber.expect(data, at, end, ber.SEQUENCE)
    if stop != end:
        raise CodecError("SNMP", "octets behind the variables", offset=stop)
    return Message(version, community, kind, request_id, status, index, _varbinds(data, start, end))


def _integer(data: bytes, at: int, end: int) -> tuple[int, int]:
    start, stop = ber.expect(data, at, end, ber.INTEGER)
    value = ber.read_integer(data, start, stop)
    if value not in _INT32:
        raise CodecError("SNMP", f"integer {value}", offset=at)
    return value, stop


def _varbinds(data: bytes, at: int, end: int) -> tuple[VarBind, ...]:
    found: list[VarBind] = []
    while at < end:
        at, stop = ber.expect(data, at, end, ber.SEQUENCE)
        start, at = ber.expect(data, at, stop, ber.IDENTIFIER)
        name = ber.read_oid(data, start, at)
        tag, start, after = ber.read_header(data, at, stop)
        if after != stop or len(found) >= MAX_VARBINDS:
            raise CodecError("SNMP", "octets behind a value, or too many values", offset=after)
        found.append(VarBind(name, tag, _content(data, tag, start, after)))
        at = stop
    return tuple(found)


def _content(data: bytes, tag: int, start: int, stop: int) -> int | bytes | None:
    if tag == ber.INTEGER:
        value = ber.read_integer(data, start, stop)
        if value not in _INT32:
            raise CodecError("SNMP", f"integer {value}", offset=start)
        return value
    if tag in _OCTETS:
        return data[start:stop]
    if tag in _UNSIGNED:
        return ber.read_unsigned(data, start, stop)
    if tag == ber.IDENTIFIER:
        return ber.read_oid(data, start, stop)
    if tag in _EMPTY and start == stop:
        return None
    raise CodecError("SNMP", f"value of type 0x{tag:02x} and {stop - start} octets", offset=start)
