"""Bits of an ASN.1 BIT STRING as JSON writes it: hexadecimal or binary text, an integer list, or an object."""

from __future__ import annotations

from typing import Any


def has_bit(value: Any, bit: int, name: str) -> bool:
    """Whether a bit is set; bit 0 is the first, the most significant of the text.

    Args:
        value: hexadecimal text ("8000"), binary text ("100000000000"), {"value": text, "length": n}, {name: true},
            a list of names or of bits, or None.
        bit: number of the bit.
        name: its name in object form.
    """
    if isinstance(value, dict):
        if "value" in value and "length" in value:
            return has_bit(value["value"], bit, name)
        return bool(value.get(name))
    if isinstance(value, (list, tuple)):
        return name in value or (len(value) > bit and value[bit] in (1, True))
    if not isinstance(value, str) or not value:
        return False
    digits = value.replace(" ", "").removeprefix("0x")
    if _is_binary(digits):
        return bit < len(digits) and digits[bit] == "1"
    try:
        number = int(digits, 16)
    except ValueError:
        return name in value
    return bit < 4 * len(digits) and bool(number >> (4 * len(digits) - 1 - bit) & 1)


def _is_binary(digits: str) -> bool:
    """Bits written one by one: DirectionalUse has 2, AllowedManeuvers 12; four digits are hexadecimal."""
    return set(digits) <= {"0", "1"} and len(digits) != 4
