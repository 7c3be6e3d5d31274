"""Canonical octet encoding rules, the part of ITU-T X.696 that IEEE 1609.2 uses, with bounds on every length.

Only the canonical form is read (X.696 clause 9 and the restrictions of canonical OER): what is hashed is what came, so
a second way to write the same value would be a second hash of one message.
"""

from __future__ import annotations

from edge.core.errors import CodecError

MAX_OCTETS = 8192
"""Longest open type, octet string or sequence of octets that is read."""
MAX_ITEMS = 64
"""Most items of a SEQUENCE OF; certificates hold a few permissions."""
_WHAT = "IEEE 1609.2"
_LONG_FORM = 0x80


class Reader:
    """Reads values one after another from octets.

    Args:
        data: what is read.
        position: where the first value begins.
    """

    __slots__ = ("data", "position")

    def __init__(self, data: bytes, position: int = 0) -> None:
        self.data, self.position = data, position

    def octets(self, count: int) -> bytes:
        """The next `count` octets."""
        start, end = self.position, self.position + count
        if end > len(self.data):
            raise self.error("truncated")
        self.position = end
        return self.data[start:end]

    def octet(self) -> int:
        """The next octet."""
        if self.position >= len(self.data):
            raise self.error("truncated")
        self.position += 1
        return self.data[self.position - 1]

    def unsigned(self, size: int) -> int:
        """A whole number of `size` octets (clause 10.3)."""
        return int.from_bytes(self.octets(size), "big")

    def signed(self, size: int) -> int:
        """A whole number of `size` octets in two's complement (clause 10.4)."""
        return int.from_bytes(self.octets(size), "big", signed=True)

    def length(self) -> int:
        """A length determinant in its shortest form (clause 8.6.5)."""
        first = self.octet()
        if first < _LONG_FORM:
            return first
        size = first & 0x7F
        if not 1 <= size <= 4:
            raise self.error(f"a length of {size} octets is none of these messages")
        value = self.unsigned(size)
        if value < _LONG_FORM or value >> (8 * (size - 1)) == 0:
            raise self.error("a length is not in its shortest form")
        if value > MAX_OCTETS:
            raise self.error(f"a length of {value} is more than {MAX_OCTETS}")
        return value

    def variable_octets(self) -> bytes:
        """An octet string of variable length, or an open type."""
        return self.octets(self.length())

    def unbounded_unsigned(self, *, max_octets: int = 8) -> int:
        """A whole number without upper bound, length first (clause 10.3 e)."""
        size = self.length()
        if not 1 <= size <= max_octets:
            raise self.error(f"a number of {size} octets is out of bounds")
        value = self.unsigned(size)
        if size > 1 and value >> (8 * (size - 1)) == 0:
            raise self.error("a number is not in its shortest form")
        return value

    def unbounded_signed(self) -> int:
        """A whole number without bounds, length first (clause 10.4 e)."""
        size = self.length()
        if not 1 <= size <= 4:
            raise self.error(f"a number of {size} octets is out of bounds")
        value = self.signed(size)
        if size > 1 and -(1 << (8 * size - 9)) <= value < 1 << (8 * size - 9):
            raise self.error("a number is not in its shortest form")
        return value

    def quantity(self, *, most: int = MAX_ITEMS) -> int:
        """Number of items of a SEQUENCE OF (clause 17.2)."""
        count = self.unbounded_unsigned(max_octets=4)
        if count > most:
            raise self.error(f"{count} items are more than {most}")
        return count

    def preamble(self, bits: int) -> int:
        """The bits of a SEQUENCE preamble, right-aligned; padding must be zero (clause 16.2)."""
        size = (bits + 7) // 8
        value = self.unsigned(size)
        padding = 8 * size - bits
        if value & ((1 << padding) - 1):
            raise self.error("padding of a preamble is not zero")
        return value >> padding

    def tag(self) -> int:
        """Number of a context-specific tag (clause 8.7), 0 to 62."""
        octet = self.octet()
        if octet & 0xC0 != 0x80 or octet & 0x3F == 0x3F:
            raise self.error(f"tag 0x{octet:02x} is no choice of these messages")
        return octet & 0x3F

    def additions(self) -> dict[int, bytes]:
        """Extension additions as they came, by index (clause 16.4 and 16.5)."""
        bitmap = self.variable_octets()
        if len(bitmap) < 2 or bitmap[0] > 7:
            raise self.error("a presence bitmap is malformed")
        count = 8 * (len(bitmap) - 1) - bitmap[0]
        if count > MAX_ITEMS:
            raise self.error(f"{count} extension additions are more than {MAX_ITEMS}")
        present = int.from_bytes(bitmap[1:], "big")
        if present & ((1 << bitmap[0]) - 1):
            raise self.error("padding of a presence bitmap is not zero")
        present >>= bitmap[0]
        if not present:
            raise self.error("an extended sequence has no addition")
        return {i: self.variable_octets() for i in range(count) if present >> (count - 1 - i) & 1}

    def end(self) -> None:
        """Refuse octets that follow."""
        left = len(self.data) - self.position
        if left:
            raise self.error(f"{left} octets follow the value")

    def error(self, problem: str) -> CodecError:
        """An error at the present position, to be raised."""
        return CodecError(_WHAT, problem, offset=self.position)


def unsigned(value: int, size: int) -> bytes:
    """A whole number of `size` octets."""
    if not 0 <= value < 1 << (8 * size):
        raise CodecError(_WHAT, f"{value} does not fit {size} octets")
    return value.to_bytes(size, "big")


def signed(value: int, size: int) -> bytes:
    """A whole number of `size` octets in two's complement."""
    if not -(1 << (8 * size - 1)) <= value < 1 << (8 * size - 1):
        raise CodecError(_WHAT, f"{value} does not fit {size} octets")
    return value.to_bytes(size, "big", signed=True)


def length(value: int) -> bytes:
    """A length determinant in its shortest form."""
    if value < _LONG_FORM:
        return bytes([value])
    if value > MAX_OCTETS:
        raise CodecError(_WHAT, f"a length of {value} is more than {MAX_OCTETS}")
    size = (value.bit_length() + 7) // 8
    return bytes([_LONG_FORM | size]) + value.to_bytes(size, "big")


def variable_octets(value: bytes) -> bytes:
    """An octet string of variable length, or an open type."""
    return length(len(value)) + value


def unbounded_unsigned(value: int) -> bytes:
    """A whole number without upper bound."""
    if not 0 <= value < 1 << 64:
        raise CodecError(_WHAT, f"{value} is out of bounds")
    size = max(1, (value.bit_length() + 7) // 8)
    return length(size) + value.to_bytes(size, "big")


def unbounded_signed(value: int) -> bytes:
    """A whole number without bounds."""
    size = (value.bit_length() if value >= 0 else (value + 1).bit_length()) // 8 + 1
    return length(size) + signed(value, size)


def quantity(count: int) -> bytes:
    """Number of items of a SEQUENCE OF."""
    if count > MAX_ITEMS:
        raise CodecError(_WHAT, f"{count} items are more than {MAX_ITEMS}")
    return unbounded_unsigned(count)


def preamble(*bits: bool) -> bytes:
    """The bits of a SEQUENCE preamble, first to last."""
    size = (len(bits) + 7) // 8
    value = sum(bit << (8 * size - 1 - index) for index, bit in enumerate(bits))
    return value.to_bytes(size, "big")


def tag(number: int) -> bytes:
    """A context-specific tag below 63."""
    return bytes([0x80 | number])


def additions(values: dict[int, bytes], *, count: int = 0) -> bytes:
    """Extension additions by index.

    Args:
        count: additions that the edition knows; more where `values` holds a later one.
    """
    bits = max(count, max(values) + 1)
    unused = -bits % 8
    present = sum(1 << (bits - 1 - index) for index in values) << unused
    bitmap = bytes([unused]) + present.to_bytes((bits + unused) // 8, "big")
    return variable_octets(bitmap) + b"".join(variable_octets(values[index]) for index in sorted(values))
