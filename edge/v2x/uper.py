"""What the generated decoders lean on: the rare and the variable parts of unaligned PER (ITU-T X.691).

A reader is four plain values: `octets` (the whole message), `x` (an integer that holds a window of it), `p` (bits of
`x` not read yet) and `q` (octets taken into `x` so far). `more` moves the window on; zeros follow the end of the
message, and who has read beyond it is told by `more` or at the end. Lengths of 16,384 and more are fragmented in X.691;
no radio message is so long, and they are refused. `edge.v2x.uper_put` has the other direction.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import bitstruct.c as bitstruct

Window = tuple[int, int, int]
Decode = Callable[[bytes], Any]
Encode = Callable[[Any], bytes]
Additions = Sequence[tuple[str, Any]]
"""Name and codec function per addition of the schema; the empty name is an addition group."""

MAX_MESSAGE_BYTES = 2048
"""No message of these sets is longer on the air (IEEE 1609.3 WSM maximum 1400); a bound on the work per datagram."""
WINDOW_BYTES = 64
_WINDOW_BITS = 8 * WINDOW_BYTES
LONG_BYTES = 192
"""Messages up to this length are taken in whole."""
EXTRA = "..."
"""Key of the extension additions that the schema does not know: {index: octets}, and the number of presence bits under
`BITS` where it is not what the schema would send."""
BITS = "bits"
EMPTY = b"\0"
"""A value without bits (clause 11.1.3)."""
_FRAGMENTED = 0xC0
whole = int.from_bytes
"""Octets to a number; by this name it is found in half the time."""


class UperError(ValueError):
    """The bits are not such a message, or a value cannot be one.

    Args:
        reason: what is wrong.
        offset: octet at which it was seen; None unknown.
    """

    def __init__(self, reason: str, offset: int | None = None) -> None:
        super().__init__(reason)
        self.offset = offset


def bad(name: str, value: object) -> NoReturn:
    """A value outside its range."""
    raise UperError(f"{name}: {value!r:.60} is out of range")


def more(octets: bytes, x: int, p: int, q: int, need: int) -> Window:
    """A window of at least `need` bits."""
    piece = octets[q : q + WINDOW_BYTES]
    if len(piece) == WINDOW_BYTES and need <= _WINDOW_BITS:
        return (x & (1 << p) - 1) << _WINDOW_BITS | whole(piece), p + _WINDOW_BITS, q + WINDOW_BYTES
    if q - (p >> 3) > len(octets):
        raise UperError("truncated")
    take = max(WINDOW_BYTES, (need - p + 7) >> 3)
    piece = octets[q : q + take]
    fresh = whole(piece) << 8 * (take - len(piece))
    return (x & (1 << p) - 1) << 8 * take | fresh, p + 8 * take, q + take


def start(octets: bytes) -> Window:
    """The first window of a long message."""
    if len(octets) > MAX_MESSAGE_BYTES:
        raise UperError(f"{len(octets)} bytes are more than {MAX_MESSAGE_BYTES}")
    return whole(octets[:WINDOW_BYTES]), 8 * WINDOW_BYTES, WINDOW_BYTES


def surplus(octets: bytes, p: int, q: int) -> int:
    """Bits left over; negative: more were read than there are."""
    return 8 * (len(octets) - q) + p


def not_whole(octets: bytes, p: int, q: int) -> None:
    """A message that ends too early or too late."""
    left = surplus(octets, p, q)
    if left < 0:
        raise UperError("truncated", len(octets))
    if octets != EMPTY or left != 8:
        raise UperError(f"{left >> 3} bytes follow the message", len(octets) - (left >> 3))


def read_bits(octets: bytes, x: int, p: int, q: int, width: int) -> tuple[int, int, int, int]:
    """An unsigned number of `width` bits."""
    if p < width:
        x, p, q = reach(octets, x, p, q, width)
    p -= width
    return x >> p & (1 << width) - 1, x, p, q


def read_length(octets: bytes, x: int, p: int, q: int) -> tuple[int, int, int, int]:
    """A length determinant (clause 11.9)."""
    value, x, p, q = read_bits(octets, x, p, q, 8)
    return read_long(octets, x, p, q, value) if value > 0x7F else (value, x, p, q)


def read_long(octets: bytes, x: int, p: int, q: int, first: int) -> tuple[int, int, int, int]:
    """The rest of a length determinant whose first octet says that there is more."""
    if first >= _FRAGMENTED:
        raise UperError("a fragmented length")
    low, x, p, q = read_bits(octets, x, p, q, 8)
    return (first & 0x3F) << 8 | low, x, p, q


def read_small(octets: bytes, x: int, p: int, q: int) -> tuple[int, int, int, int]:
    """A normally small non-negative whole number (clause 11.6)."""
    large, x, p, q = read_bits(octets, x, p, q, 1)
    if not large:
        return read_bits(octets, x, p, q, 6)
    size, x, p, q = read_length(octets, x, p, q)
    return read_bits(octets, x, p, q, 8 * size)


def read_count(octets: bytes, x: int, p: int, q: int) -> tuple[int, int, int, int]:
    """A normally small length (clause 11.9.3.4): how many presence bits of additions follow."""
    large, x, p, q = read_bits(octets, x, p, q, 1)
    if large:
        return read_length(octets, x, p, q)
    count, x, p, q = read_bits(octets, x, p, q, 6)
    return count + 1, x, p, q


def read_octets(octets: bytes, x: int, p: int, q: int, size: int) -> tuple[bytes, int, int, int]:
    """`size` octets."""
    width = 8 * size
    if p < width:
        x, p, q = reach(octets, x, p, q, width)
    p -= width
    return (x >> p & (1 << width) - 1).to_bytes(size), x, p, q


def read_open(octets: bytes, x: int, p: int, q: int) -> tuple[bytes, int, int, int]:
    """The octets of an open type, or of an octet string without bounds."""
    size, x, p, q = read_length(octets, x, p, q)
    return read_octets(octets, x, p, q, size)


def read_bit_string(
    octets: bytes, x: int, p: int, q: int, size: int
) -> tuple[tuple[bytes, int], int, int, int]:
    """`size` bits, padded to octets at the end."""
    value, x, p, q = read_bits(octets, x, p, q, size)
    return ((value << -size % 8).to_bytes((size + 7) // 8, "big"), size), x, p, q


def read_whole_number(octets: bytes, x: int, p: int, q: int) -> tuple[int, int, int, int]:
    """An unconstrained whole number (clause 11.8)."""
    data, x, p, q = read_open(octets, x, p, q)
    if not data:
        raise UperError("a whole number without octets")
    return int.from_bytes(data, "big", signed=True), x, p, q


def read_text(octets: bytes, x: int, p: int, q: int, size: int) -> tuple[str, int, int, int]:
    """Characters of seven bits."""
    x, p, q = skip_bits(octets, x, p, q, 7 * size)
    return bytes(_characters(size)(octets, 8 * q - p - 7 * size)).decode("ascii"), x, p, q


def read_digits(octets: bytes, x: int, p: int, q: int, size: int) -> tuple[str, int, int, int]:
    """Characters of a NumericString: four bits each."""
    value, x, p, q = read_bits(octets, x, p, q, 4 * size)
    return "".join([" 0123456789"[value >> 4 * i & 15] for i in range(size - 1, -1, -1)]), x, p, q


def read_utf8(octets: bytes, x: int, p: int, q: int) -> tuple[str, int, int, int]:
    """A UTF8String."""
    data, x, p, q = read_open(octets, x, p, q)
    return data.decode("utf-8"), x, p, q


def skip_bits(octets: bytes, x: int, p: int, q: int, width: int) -> Window:
    """Pass over some bits."""
    if p < width:
        x, p, q = reach(octets, x, p, q, width)
    return x, p - width, q


def reach(octets: bytes, x: int, p: int, q: int, width: int) -> Window:
    """A window of `width` bits that the message has to have."""
    if 8 * q - p + width > 8 * len(octets):
        raise UperError("truncated")
    return more(octets, x, p, q, width)


def skip_open(octets: bytes, x: int, p: int, q: int) -> Window:
    """Pass over an open type."""
    size, x, p, q = read_length(octets, x, p, q)
    return skip_bits(octets, x, p, q, 8 * size)


def skip_alternative(octets: bytes, x: int, p: int, q: int) -> Window:
    """Pass over an alternative beyond the root of a CHOICE."""
    _, x, p, q = read_small(octets, x, p, q)
    return skip_open(octets, x, p, q)


def skip_additions(octets: bytes, x: int, p: int, q: int) -> Window:
    """Pass over extension additions."""
    count, x, p, q = read_count(octets, x, p, q)
    present, x, p, q = read_bits(octets, x, p, q, count)
    if not present:
        raise UperError("an extension without additions")
    for _ in range(present.bit_count()):
        x, p, q = skip_open(octets, x, p, q)
    return x, p, q


def unpacker(form: str) -> Callable[[bytes, int], tuple[Any, ...]]:
    """A function from octets and a bit position to the fields there; it raises ValueError at the end of the octets."""
    unpack: Callable[[bytes, int], tuple[Any, ...]] = bitstruct.compile(form).unpack_from
    return unpack


@functools.lru_cache(maxsize=256)
def _characters(size: int) -> Callable[[bytes, int], tuple[int, ...]]:
    return unpacker("u7" * size)


def bit_strings(size: int) -> tuple[tuple[bytes, int], ...]:
    """Every bit string of up to eight bits by its number."""
    return tuple(
        ((number << 8 - size).to_bytes(1, "big") if size else b"", size) for number in range(1 << size)
    )


def odd(data: bytes, p: int, q: int, value: Any) -> Any:
    """The value of an open type that ends too early or too late: octets where they hold more than the schema knows."""
    if surplus(data, p, q) < 0:
        raise UperError("truncated")
    return value if data == EMPTY else data


def same(data: bytes) -> bytes:
    """The octets of an open type that the schema does not know."""
    return data


def read_additions(octets: bytes, x: int, p: int, q: int, fields: dict[str, Any], known: Additions) -> Window:
    """Extension additions of a SEQUENCE into `fields` (clause 19.7 to 19.9)."""
    count, x, p, q = read_count(octets, x, p, q)
    present, x, p, q = read_bits(octets, x, p, q, count)
    extra: dict[Any, Any] = {} if count == len(known) else {BITS: count}
    for index in range(count):
        if not present >> count - 1 - index & 1:
            continue
        data, x, p, q = read_open(octets, x, p, q)
        value: Any = known[index][1](data) if index < len(known) else data
        if index >= len(known) or value is data:
            extra[index] = data
        elif known[index][0]:
            fields[known[index][0]] = value
        else:
            fields.update(value)
    if not present:
        raise UperError("an extension without additions")
    if extra:
        fields[EXTRA] = extra
    return x, p, q


def read_alternative(octets: bytes, x: int, p: int, q: int, known: Additions) -> tuple[Any, int, int, int]:
    """An alternative of a CHOICE beyond its root (clause 23.8)."""
    index, x, p, q = read_small(octets, x, p, q)
    data, x, p, q = read_open(octets, x, p, q)
    if index >= len(known):
        return (index, data), x, p, q
    value = known[index][1](data)
    return (index if value is data else known[index][0], value), x, p, q
