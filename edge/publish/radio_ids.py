"""Ids under which road users leave the node: random, 1 to 65535, and drawn anew every epoch.

A track keeps its id while it lives within an epoch, so that receivers can follow it; nobody can follow it from one
epoch to the next by its id, nor tell from ids how many road users there were.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

from edge.core.stamp import NS_PER_S

EPOCH_NS = 300 * NS_PER_S
"""As long as vehicles keep a pseudonym (SAE J2945/1: 5 minutes)."""
IDS = 0x1_0000


class RadioIds:
    """Draws ids and remembers them while their track lives.

    Args:
        source: randomness; secret outside tests.
        epoch_ns: after which all ids change.
    """

    def __init__(self, *, source: random.Random | None = None, epoch_ns: int = EPOCH_NS) -> None:
        self._source = source or random.SystemRandom()
        self._epoch_ns = epoch_ns
        self._epoch: int | None = None
        self._ids: dict[int, int] = {}

    def of(self, track_ids: Iterable[int], *, now_ns: int) -> dict[int, int]:
        """An id per track; tracks that are not among them any more are forgotten.

        Raises:
            ValueError: more tracks than ids.
        """
        epoch = now_ns // self._epoch_ns
        kept = self._ids if epoch == self._epoch else {}
        self._epoch = epoch
        wanted = list(track_ids)
        if len(wanted) >= IDS // 2:
            raise ValueError(f"{len(wanted)} road users, of {IDS} ids")
        found = {track: kept[track] for track in wanted if track in kept}
        used = set(found.values())
        for track in wanted:
            if track not in found:
                found[track] = self._free(used)
                used.add(found[track])
        self._ids = found
        return found

    def _free(self, used: set[int]) -> int:
        while True:
            drawn = self._source.randrange(1, IDS)
            if drawn not in used:
                return drawn
