"""Scenes cut to an area, by a grid: each road user is serialised once, whoever asks for whatever part.

The site is divided into square tiles. A subscriber's area stands for all tiles that it touches; its update is the
octets of these tiles one after the other, which is what a protobuf message of them is (a repeated field may be written
piece by piece). So an area gets every road user inside, and some that are up to a tile away.
"""

from __future__ import annotations

import math

from edge.publish.area import Area, Span
from edge.v1 import node_pb2, scene_pb2

TILE_M = 25.0
_EACH_WAY = 40
"""Tiles from the origin to the edge, 1 km; the outermost reach on without end."""
_ACROSS = 2 * _EACH_WAY
_LENGTH_DELIMITED = 2


def _index(value_m: float) -> int:
    """Row or column of a coordinate."""
    scaled = value_m / TILE_M
    return _EACH_WAY + math.floor(min(max(scaled, -_EACH_WAY), _EACH_WAY - 1))


def tile_of(x_m: float, y_m: float) -> int:
    """The tile of a place, local frame."""
    return _index(x_m) * _ACROSS + _index(y_m)


Tiles = bytes
"""Some tiles: an octet for each that there is, 1 where it is among them. A set may take a hundred times the room."""


def _span(index: int) -> Span:
    """From where to where a row or column goes, m."""
    low, high = (index - _EACH_WAY) * TILE_M, (index - _EACH_WAY + 1) * TILE_M
    return -math.inf if index == 0 else low, math.inf if index == _ACROSS - 1 else high


def tiles_of(area: Area) -> Tiles | None:
    """All tiles that an area touches; None: all that there are."""
    west, _, east, _ = area.bounds_m()
    found = bytearray(_ACROSS**2)
    for column in range(_index(west), _index(east) + 1):
        reach = area.reach(_span(column))
        if reach is not None:
            first, last = (column * _ACROSS + _index(each) for each in reach)
            found[first : last + 1] = b"\1" * (last + 1 - first)
    return None if 0 not in found else bytes(found)


def _varint(value: int) -> bytes:
    octets = bytearray()
    while value > 0x7F:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    octets.append(value)
    return bytes(octets)


def _tag(field: int) -> bytes:
    return _varint(field << 3 | _LENGTH_DELIMITED)


_SCENE = _tag(node_pb2.Update.DESCRIPTOR.fields_by_name["scene"].number)
_ROAD_USER = _tag(scene_pb2.Scene.DESCRIPTOR.fields_by_name["road_users"].number)


class TiledScene:
    """One scene update, its road users serialised by tile."""

    def __init__(self, update: node_pb2.Update) -> None:
        rest = node_pb2.Update()
        rest.CopyFrom(update)
        rest.scene.ClearField("road_users")
        self._scene = rest.scene.SerializeToString()
        rest.ClearField("scene")
        self._head = rest.SerializeToString() + _SCENE
        self._tiles: dict[int, bytes] = {}
        for user in update.scene.road_users:
            octets, tile = user.SerializeToString(), tile_of(user.x_m, user.y_m)
            self._tiles[tile] = self._tiles.get(tile, b"") + _ROAD_USER + _varint(len(octets)) + octets
        self._made: dict[tuple[int, ...], bytes] = {}

    def payload(self, tiles: Tiles) -> bytes:
        """The update with the road users of some tiles; who needs the same of the occupied ones shares the octets."""
        wanted = tuple(tile for tile in self._tiles if tiles[tile])
        if wanted not in self._made:
            scene = self._scene + b"".join(self._tiles[tile] for tile in wanted)
            self._made[wanted] = self._head + _varint(len(scene)) + scene
        return self._made[wanted]
