"""Gives published tracks ids that never change, although a late scan may rewrite how a track began."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
INHERIT_M = 2.5
INHERIT_MPS = 5.0
FORGET_NS = 5_000_000_000


@dataclass(slots=True)
class _Published:
    """Where a published track was last seen in the table."""

    track_id: int
    state: FloatArray
    time_ns: int
    live: bool = True


class Identities:
    """Track ids by the key of the measurement that began the track.

    An id whose track has gone from the table is inherited by an unpublished track at the same place: after a replay
    the same road user may have begun at another measurement, and a merge may have kept the other row.
    """

    def __init__(self) -> None:
        self._by_key: dict[int, _Published] = {}
        self._next = 1

    def assign(
        self, keys: IntArray, state: FloatArray, publish: NDArray[np.bool_], *, now_ns: int
    ) -> IntArray:
        """Ids of n rows, 0 where a row has never been published.

        Args:
            keys: (n,) keys of all rows of the table.
            state: (n, 4) predicted to `now_ns`; rows are kept until the next call.
            publish: (n,) rows to publish now.
            now_ns: time of the states.
        """
        ids = np.zeros(len(keys), dtype=np.int64)
        rows = {key: row for row, key in enumerate(keys.tolist())}
        orphans: list[int] = []
        used: set[int] = set()
        for key, entry in list(self._by_key.items()):
            row = rows.get(key)
            if row is not None and entry.track_id not in used:
                ids[row] = entry.track_id
                used.add(entry.track_id)
                entry.state, entry.time_ns, entry.live = state[row], now_ns, True
            elif entry.live and row is None:
                entry.live = False
                orphans.append(key)
            elif now_ns - entry.time_ns > FORGET_NS:
                del self._by_key[key]
        fresh: list[int] = np.flatnonzero(publish & (ids == 0)).tolist()
        for row in fresh:
            ids[row] = self._inherit(state[row], orphans, used, now_ns) or self._new()
            used.add(int(ids[row]))
            self._by_key[int(keys[row])] = _Published(int(ids[row]), state[row], now_ns)
        return ids

    def shift_clock(self, step_ns: int) -> None:
        """The clock was set by `step_ns`."""
        for entry in self._by_key.values():
            entry.time_ns += step_ns

    def _new(self) -> int:
        self._next += 1
        return self._next - 1

    def _inherit(self, state: FloatArray, orphans: list[int], used: set[int], now_ns: int) -> int:
        """The id of the nearest orphan that fits, or 0."""
        best, nearest = None, INHERIT_M
        for key in orphans:
            entry = self._by_key[key]
            moved = entry.state[:2] + entry.state[2:] * (now_ns - entry.time_ns) * 1e-9
            distance = float(np.hypot(*(moved - state[:2])))
            slip = float(np.hypot(*(entry.state[2:] - state[2:])))
            if distance < nearest and slip < INHERIT_MPS and entry.track_id not in used:
                best, nearest = key, distance
        if best is None:
            return 0
        orphans.remove(best)
        return self._by_key[best].track_id
