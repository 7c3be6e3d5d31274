"""Core values with numbers that are none are refused before anything of them is encoded."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any

from edge.core.errors import CodecError

LARGEST = 1e9
"""No metre, second, radian or share of a road is larger; what is was not measured."""


def check_finite(value: object, *, what: str) -> None:
    """Refuse NaN, infinities and absurdly large floats in a core value, in its tuples and in the values in them.

    Raises:
        CodecError: names the field.
    """
    _check(value, "", what)


def _check(value: object, name: str, what: str) -> None:
    if isinstance(value, float):
        if not math.isfinite(value) or abs(value) > LARGEST:
            raise CodecError(what, f"{name} is {value}")
    elif isinstance(value, tuple):
        for entry in value:
            _check(entry, name, what)
    elif dataclasses.is_dataclass(value):
        for field in _fields_of(value.__class__):
            entry = getattr(value, field)
            if isinstance(entry, float | tuple):
                _check(entry, field, what)


@functools.cache
def _fields_of(kind: Any) -> tuple[str, ...]:
    """Names of the fields of a class of ours: there are few."""
    return tuple(field.name for field in dataclasses.fields(kind))
