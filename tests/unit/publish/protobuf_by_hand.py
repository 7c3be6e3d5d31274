"""Protobuf's wire format by hand, so that a test owes nothing to the generated code: fields by number, nothing else."""

from __future__ import annotations

import struct
from collections.abc import Iterator

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5


def varint(value: int) -> bytes:
    """A base-128 number; negative ones in ten octets, as int32 and int64 are."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: int | float | bytes | str | bool) -> bytes:
    """One field: float as double, int and bool as varint, bytes (messages too) and text by length."""
    if isinstance(value, float):
        return varint(number << 3 | FIXED64) + struct.pack("<d", value)
    if isinstance(value, int):
        return varint(number << 3 | VARINT) + varint(int(value))
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | LENGTH) + varint(len(data)) + data


def _varint_at(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        octet = data[at]
        value |= (octet & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if octet < 0x80:
            return value, at


def fields(data: bytes) -> Iterator[tuple[int, int | float | bytes]]:
    """Number and value of every field, in order."""
    at = 0
    while at < len(data):
        key, at = _varint_at(data, at)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, at = _varint_at(data, at)
            yield number, value
        elif kind == FIXED64:
            yield number, struct.unpack_from("<d", data, at)[0]
            at += 8
        elif kind == LENGTH:
            size, at = _varint_at(data, at)
            assert at + size <= len(data), "a field ends beyond the message"
            yield number, data[at : at + size]
            at += size
        else:
            raise AssertionError(f"field {number} of wire type {kind}: none of Apollo's is so")


class Message:
    """A message read by numbers: `m[3]` a field, `m.all(2)` a repeated one, `m.path(2, 1)` a field of a field."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.fields = list(fields(data))

    def __contains__(self, number: int) -> bool:
        return any(found == number for found, _value in self.fields)

    def __getitem__(self, number: int) -> int | float | bytes:
        (value,) = (value for found, value in self.fields if found == number)
        return value

    def all(self, number: int) -> list[Message]:
        """Every message of a repeated field."""
        return [Message(v) for n, v in self.fields if n == number and isinstance(v, bytes)]

    def sub(self, number: int) -> Message:
        """The message in a field."""
        (found,) = self.all(number)
        return found

    def doubles(self, number: int) -> list[float]:
        """A packed repeated double."""
        data = self[number]
        assert isinstance(data, bytes)
        return [value for (value,) in struct.iter_unpack("<d", data)]
