"""The truth of the simulated world at one instant, and its form on the local pose socket."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import CodecError

MAGIC = b"EPW1"
_HEADER = struct.Struct("<4sIqII")  # magic, body length, stamp_ns, count, json length
_ROW = np.dtype(
    [
        ("x", "<f4"),
        ("y", "<f4"),
        ("yaw", "<f4"),
        ("speed", "<f4"),
        ("acceleration", "<f4"),
        ("length", "<f4"),
        ("width", "<f4"),
        ("height", "<f4"),
        ("kind", "u1"),
        ("equipped", "u1"),
        ("colour", "u1", (3,)),
    ]
)


@dataclass(frozen=True, slots=True)
class WorldState:
    """Every road user and lamp of the simulated world.

    Attributes:
        stamp_ns: UTC ns that this state is true at.
        ids: n names, stable per road user.
        rows: (n,) structured array: x, y centre of the road user on the ground (ENU metres of the site),
            yaw (rad, counter-clockwise from east), speed (m/s), acceleration (m/s2),
            length, width, height (m), kind (`ObjectClass`), equipped (0 or 1), colour (r, g, b 0-255).
        lamps: lamp letter per link of the traffic light as SUMO writes it (rRyYgGuosO).
        groups: one dict per controller group: {"kind","number","lamp","min_ds","max_ds"};
            lamp is the name of a `LampState`, min_ds and max_ds are tenths of a second from now, None unknown.
    """

    stamp_ns: int
    ids: tuple[str, ...]
    rows: NDArray[np.void]
    lamps: str = ""
    groups: tuple[dict[str, object], ...] = ()


def empty_rows(count: int) -> NDArray[np.void]:
    """Rows for `count` road users, all zero."""
    return np.zeros(count, dtype=_ROW)


def encode(state: WorldState) -> bytes:
    """A length-prefixed frame for the pose socket."""
    text = json.dumps({"ids": state.ids, "lamps": state.lamps, "groups": state.groups}).encode()
    body = state.rows.tobytes() + text
    return _HEADER.pack(MAGIC, len(body), state.stamp_ns, len(state.ids), len(text)) + body


HEADER_BYTES = _HEADER.size


def body_length(header: bytes) -> int:
    """Bytes that follow a header.

    Raises:
        CodecError: the header is not one of ours.
    """
    magic, length, _stamp, _count, _text = _HEADER.unpack(header)
    if magic != MAGIC or length > 4_000_000:
        raise CodecError("pose frame", f"bad header {header[:8].hex()}")
    return int(length)


def decode(header: bytes, body: bytes) -> WorldState:
    """A frame back to the world state.

    Raises:
        CodecError: lengths do not agree.
    """
    _magic, length, stamp_ns, count, text_length = _HEADER.unpack(header)
    if length != len(body) or count * _ROW.itemsize + text_length != length:
        raise CodecError("pose frame", "lengths do not agree")
    split = count * _ROW.itemsize
    rows = np.frombuffer(body[:split], dtype=_ROW)
    text = json.loads(body[split:])
    return WorldState(stamp_ns, tuple(text["ids"]), rows, text["lamps"], tuple(text["groups"]))
