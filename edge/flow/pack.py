"""Frozen dataclasses to bytes and back, for links between our own processes: JSON for scalars, raw buffers for arrays.

No pickle: the reader names the type that it expects, and anything else is a `CodecError`.
Layout: u32 length of the JSON text, the JSON text, then each array's bytes in order.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
import re
import struct
import types
import typing
from typing import Any, TypeVar

import numpy as np

from edge.core.errors import CodecError

T = TypeVar("T")
_LENGTH = struct.Struct("<I")
_ARRAY_TYPE = re.compile(r"[<>|][biuf][1248]")
_LARGEST = 2**63
"""Integers are signed and of 64 bits, as everywhere else."""
_BAD = (
    struct.error,
    ValueError,
    KeyError,
    TypeError,
    IndexError,
    AttributeError,
    OverflowError,
    RecursionError,
)
"""What json, numpy and dataclasses raise for bytes that are no such value."""


def pack(value: object) -> bytes:
    """Serialise a dataclass instance of core types."""
    buffers: list[bytes] = []
    shapes: list[list[object]] = []
    tree = _to_tree(value, buffers, shapes)
    text = json.dumps([shapes, tree], separators=(",", ":")).encode()
    return b"".join((_LENGTH.pack(len(text)), text, *buffers))


def unpack(data: bytes, kind: type[T]) -> T:
    """Deserialise a dataclass of type `kind`.

    Raises:
        CodecError: the bytes are not such a value.
    """
    try:
        (size,) = _LENGTH.unpack_from(data)
        shapes, tree = json.loads(data[4 : 4 + size])
        arrays = _arrays(memoryview(data)[4 + size :], shapes)
        return typing.cast(T, _from_tree(tree, kind, arrays))
    except _BAD as error:
        raise CodecError(f"link payload of {kind.__name__}", str(error)) from error


def _arrays(data: memoryview, shapes: list[Any]) -> list[Any]:
    found: list[Any] = []
    offset = 0
    for entry in shapes:
        if entry[0] == "bytes":
            found.append(bytes(data[offset : offset + entry[1]]))
            if len(found[-1]) != entry[1]:
                raise ValueError("truncated bytes")
            offset += entry[1]
            continue
        if _ARRAY_TYPE.fullmatch(entry[0]) is None:
            raise ValueError(f"array type {entry[0]!r} not allowed")
        dtype = np.dtype(entry[0])
        count = int(np.prod(entry[1], dtype=np.int64))
        array = np.frombuffer(data, dtype=dtype, count=count, offset=offset).reshape(entry[1]).copy()
        offset += count * dtype.itemsize
        found.append(array)
    if offset != len(data):
        raise ValueError(f"{len(data) - offset} trailing bytes")
    return found


def _to_tree(value: Any, buffers: list[bytes], shapes: list[list[object]]) -> Any:
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, np.ndarray):
        shapes.append([value.dtype.str, list(value.shape)])
        buffers.append(np.ascontiguousarray(value).tobytes())
        return len(shapes) - 1
    if isinstance(value, bytes):
        shapes.append(["bytes", len(value)])
        buffers.append(value)
        return len(shapes) - 1
    if isinstance(value, tuple):
        return [_to_tree(item, buffers, shapes) for item in value]
    if isinstance(value, dict):
        return {key: _to_tree(item, buffers, shapes) for key, item in value.items()}
    if dataclasses.is_dataclass(value):
        return [_to_tree(getattr(value, f.name), buffers, shapes) for f in dataclasses.fields(value)]
    raise TypeError(f"cannot pack {type(value).__name__}")


@functools.cache
def _fields(kind: Any) -> tuple[Any, ...]:
    """Types of the fields of a dataclass or a named tuple."""
    hints = typing.get_type_hints(kind)
    names = kind._fields if hasattr(kind, "_fields") else [f.name for f in dataclasses.fields(kind)]
    return tuple(hints[name] for name in names)


def _from_tree(tree: Any, kind: Any, arrays: list[Any]) -> Any:
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        if tree is None:
            return None
        (kind,) = [k for k in typing.get_args(kind) if k is not type(None)]
        return _from_tree(tree, kind, arrays)
    if origin is tuple:
        return _tuple_from_tree(tree, typing.get_args(kind), arrays)
    if origin is dict:
        value_kind = typing.get_args(kind)[1]
        return {str(key): _from_tree(item, value_kind, arrays) for key, item in tree.items()}
    if origin is np.ndarray or kind is bytes:
        return arrays[tree]
    if dataclasses.is_dataclass(kind) or hasattr(kind, "_fields"):
        record = typing.cast(type, kind)
        hints = _fields(record)
        if len(hints) != len(tree):
            raise ValueError(f"{len(tree)} fields, expected {len(hints)}")
        return record(*[_from_tree(item, hint, arrays) for item, hint in zip(tree, hints, strict=True)])
    return _scalar(tree, kind)


def _tuple_from_tree(tree: Any, hints: tuple[Any, ...], arrays: list[Any]) -> tuple[Any, ...]:
    if len(hints) == 2 and hints[1] is Ellipsis:
        return tuple(_from_tree(item, hints[0], arrays) for item in tree)
    return tuple(_from_tree(item, hint, arrays) for item, hint in zip(tree, hints, strict=True))


def _scalar(tree: Any, kind: Any) -> Any:
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return kind(tree)
    if kind is float and isinstance(tree, int) and not isinstance(tree, bool):
        return float(tree)
    if not isinstance(kind, type) or not isinstance(tree, kind):
        raise TypeError(f"{tree!r} is not {kind}")
    if isinstance(tree, str):
        tree.encode()  # a lone surrogate would be refused later, by those who publish it
    elif kind is int and isinstance(tree, int) and not -_LARGEST <= tree < _LARGEST:
        raise ValueError("an integer of more than 64 bits")
    return tree
