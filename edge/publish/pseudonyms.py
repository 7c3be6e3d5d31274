"""Pseudonyms of road users: what leaves the node names nobody beyond this intersection and this epoch.

An epoch begins with the fusion process and after every period. Its key is made anew, kept in memory only and forgotten
at its end: ids of two intersections, or of two epochs, cannot be joined by their value, and nobody can go back from
them to the temporary id of a radio. Where a road user drove on can still be followed by its place.
"""

from __future__ import annotations

import dataclasses
import secrets
from hashlib import blake2b

import numpy as np

from edge.core.situation import Scene
from edge.core.stamp import NS_PER_S

TRACK_BYTES = 6
"""Fits the integers that browsers count with."""
V2X_BYTES = 4
REMEMBERED = 8192


class Pseudonyms:
    """Gives the ids of scenes their pseudonyms. Pure but for its keys.

    Args:
        period_s: length of an epoch; 0: ids go out as they are.
    """

    def __init__(self, *, period_s: float) -> None:
        self._period_ns = int(period_s * NS_PER_S)
        self._origin: int | None = None
        self._since_ns = self._epoch = 0
        self._key = b""
        self._known: dict[int | str, int | str] = {}

    def cover(self, scene: Scene) -> Scene:
        """The scene with pseudonyms in place of ids, and the epoch in which they hold."""
        if self._period_ns == 0:
            return scene
        now_ns = scene.published_ns
        if scene.epoch != self._origin or not 0 <= now_ns - self._since_ns < self._period_ns:
            self._renew(scene.epoch, now_ns)
        tracks = scene.tracks
        numbers = np.array([self._track(int(number)) for number in tracks.track_id], dtype=np.int64)
        names = tuple(self._name(name) for name in tracks.v2x_id)
        covered = dataclasses.replace(tracks, track_id=numbers, v2x_id=names)
        return dataclasses.replace(scene, tracks=covered, epoch=self._epoch)

    def _renew(self, origin: int, now_ns: int) -> None:
        self._origin, self._since_ns = origin, now_ns
        self._epoch = max(origin, now_ns, self._epoch + 1)
        self._key = secrets.token_bytes(32)
        self._known.clear()

    def _track(self, number: int) -> int:
        found = self._known.get(number)
        if found is None:
            found = int.from_bytes(self._digest(str(number), TRACK_BYTES), "big")
            self._remember(number, found)
        return int(found)

    def _name(self, name: str) -> str:
        if not name:
            return ""
        found = self._known.get(name)
        if found is None:
            found = self._digest("v2x " + name, V2X_BYTES).hex()
            self._remember(name, found)
        return str(found)

    def _digest(self, text: str, size: int) -> bytes:
        return blake2b(text.encode(), digest_size=size, key=self._key).digest()

    def _remember(self, key: int | str, value: int | str) -> None:
        if len(self._known) >= REMEMBERED:
            self._known.clear()  # they are made again, the same
        self._known[key] = value
