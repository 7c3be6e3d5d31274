"""What the generated encoders lean on: the rare and the variable parts of unaligned PER (ITU-T X.691).

A writer is three plain values: `out` (finished octets), `x` (an integer that holds the bits after them) and `n` (their
number). `edge.v2x.uper` has the other direction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from edge.v2x.uper import BITS, EMPTY, EXTRA, Additions, Encode, UperError, whole


def flush(out: bytearray, x: int, n: int) -> tuple[int, int]:
    """Move whole octets of the writer to `out`."""
    rest = n & 7
    out += (x >> rest).to_bytes(n >> 3, "big")
    return x & (1 << rest) - 1, rest


def finish(out: bytearray, x: int, n: int) -> bytes:
    """All octets, padded with zero bits."""
    pad = -n & 7
    out += (x << pad).to_bytes((n + pad) >> 3, "big")
    return bytes(out) or EMPTY


def put_length(x: int, n: int, size: int) -> tuple[int, int]:
    """A length determinant."""
    if size < 0x80:
        return x << 8 | size, n + 8
    if size >= 0x4000:
        raise UperError(f"a length of {size} is too long")
    return x << 16 | 0x8000 | size, n + 16


def put_small(x: int, n: int, value: int) -> tuple[int, int]:
    """A normally small non-negative whole number."""
    if value < 0:
        raise UperError(f"index {value} is negative")
    if value < 64:
        return x << 7 | value, n + 7
    size = (value.bit_length() + 7) // 8
    x, n = put_length(x << 1 | 1, n + 1, size)
    return x << 8 * size | value, n + 8 * size


def put_open(x: int, n: int, data: bytes) -> tuple[int, int]:
    """Octets with their length."""
    x, n = put_length(x, n, len(data))
    return x << 8 * len(data) | whole(data), n + 8 * len(data)


def put_whole_number(x: int, n: int, value: int) -> tuple[int, int]:
    """An unconstrained whole number."""
    size = (value if value >= 0 else ~value).bit_length() // 8 + 1
    return put_open(x, n, value.to_bytes(size, "big", signed=True))


def put_bit_string(x: int, n: int, data: bytes, size: int) -> tuple[int, int]:
    """The first `size` bits of `data`."""
    if len(data) != (size + 7) // 8:
        raise UperError(f"{size} bits in {len(data)} octets")
    return x << size | whole(data) >> -size % 8, n + size


def put_text(x: int, n: int, data: bytes) -> tuple[int, int]:
    """Characters of seven bits."""
    for character in data:
        x = x << 7 | character
    return x, n + 7 * len(data)


def put_digits(x: int, n: int, text: str) -> tuple[int, int]:
    """Characters of a NumericString."""
    for character in text:
        x = x << 4 | " 0123456789".index(character)
    return x, n + 4 * len(text)


def put_additions(
    out: bytearray, x: int, n: int, fields: Mapping[str, Any], names: frozenset[str], known: Additions
) -> tuple[int, int]:
    """Extension additions of a SEQUENCE; `names` are its root fields."""
    parts, used = _known_additions(fields, known)
    extra = fields.get(EXTRA, {})
    odd = [name for name in fields if name not in names and name not in used and name != EXTRA]
    if odd:
        raise UperError(f"no field is called {odd[0]!r}")
    count = extra.get(BITS, len(known))
    for index, data in extra.items():
        if index != BITS:
            parts[index] = data
    if not parts:
        raise UperError("extensions without any")
    if min(parts) < 0 or max(parts) >= count:
        raise UperError(f"addition {max(parts)} of {count}")
    x, n = put_small(x, n, count - 1) if count <= 64 else put_length(x << 1 | 1, n + 1, count)
    x, n = x << count | sum(1 << count - 1 - index for index in parts), n + count
    for index in sorted(parts):
        x, n = put_open(*flush(out, x, n), parts[index])
    return x, n


def put_alternative(x: int, n: int, name: str | int, value: Any, known: Additions) -> tuple[int, int]:
    """An alternative of a CHOICE beyond its root: by name, or octets by index."""
    if isinstance(name, int):
        x, n = put_small(x << 1 | 1, n + 1, name)
        return put_open(x, n, bytes(value))
    for index, (known_name, encode) in enumerate(known):
        if known_name == name:
            x, n = put_small(x << 1 | 1, n + 1, index)
            return put_open(x, n, encode(value))
    raise no_choice(name)


def content(write: Callable[[bytearray, Any, int, int], tuple[int, int]]) -> Encode:
    """From a value to the octets of an open type."""

    def encode(value: Any) -> bytes:
        out = bytearray()
        return finish(out, *write(out, value, 0, 0))

    return encode


def _known_additions(fields: Mapping[str, Any], known: Additions) -> tuple[dict[int, bytes], set[str]]:
    """Octets per index of the additions in `fields`, and the fields they took."""
    parts: dict[int, bytes] = {}
    used: set[str] = set()
    for index, (name, entry) in enumerate(known):
        if name:
            if name in fields:
                parts[index] = entry(fields[name])
                used.add(name)
            continue
        group, encode = entry
        found = {key: fields[key] for key in group if key in fields}
        if found:
            parts[index] = encode(found)
            used |= found.keys()
    return parts, used


def no_field(fields: Mapping[str, Any], names: frozenset[str]) -> NoReturn:
    """A field too many or too few in a SEQUENCE without extensions."""
    odd = [name for name in fields if name not in names]
    if odd:
        raise UperError(f"no field is called {odd[0]!r}")
    raise UperError(f"a field is missing: {', '.join(sorted(names - fields.keys()))}")


def no_choice(name: object) -> UperError:
    """An alternative that the CHOICE does not have."""
    return UperError(f"no alternative is called {name!r:.60}")


def open_content(value: Any, encode: Encode | None) -> bytes:
    """Octets of an open type from its value, or as they are."""
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    if encode is None:
        raise UperError("the content of an unknown open type has to be octets")
    return encode(value)
