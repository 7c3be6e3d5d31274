"""Runs scans in capture order, whatever their arrival: a late one is replayed from the snapshot before it."""

from __future__ import annotations

import bisect
from collections.abc import Callable
from dataclasses import dataclass, replace

from edge.fusion.scan import Order, Scan
from edge.fusion.table import TrackTable

SNAPSHOT_SPACING_NS = 20_000_000
BEFORE_ALL: Order = (-(2**62), -1, -1, "")


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """The table after the scan at `order`."""

    order: Order
    table: TrackTable


class Replay:
    """Scans of the last `window_ns` with snapshots of the table between them.

    Args:
        table: changed in place.
        process: runs one scan on the table.
        window_ns: how far back a scan may come late; 0: none is replayed, a late one counts as of the newest.
        capacity: scans kept; check `full` before `add`.
    """

    def __init__(
        self, table: TrackTable, process: Callable[[Scan], None], *, window_ns: int, capacity: int = 2048
    ) -> None:
        self._table, self._process = table, process
        self._window_ns, self._capacity = window_ns, capacity
        self._scans: list[Scan] = []
        self._snapshots = [_Snapshot(BEFORE_ALL, table.copy())]
        self._done: Order = BEFORE_ALL
        self._horizon_ns = BEFORE_ALL[0]

    @property
    def full(self) -> bool:
        """Whether no further scan may be added before the next run."""
        return len(self._scans) >= self._capacity

    def add(self, scan: Scan) -> bool:
        """Take a scan for the next run; False when it is too late to be used."""
        if self._window_ns == 0:
            scan = self._clipped(scan)
        elif scan.time_ns < self._horizon_ns or scan.order <= self._snapshots[0].order:
            return False
        bisect.insort(self._scans, scan, key=_order)
        if scan.order < self._done:
            self._rewind(scan.order)
        return True

    def restart(self) -> int:
        """Forget every scan and go on from the table as it is; returns how many scans had not been run."""
        waiting = len(self._scans) - bisect.bisect_right(self._scans, self._done, key=_order)
        self._scans.clear()
        self._done = (self._table.time_ns, 0, 0, "")
        self._snapshots = [_Snapshot(self._done, self._table.copy())]
        self._horizon_ns = self._table.time_ns
        return waiting

    def _clipped(self, scan: Scan) -> Scan:
        """The scan, not older than what has been run."""
        if scan.order > self._done:
            return scan
        time_ns, column, number, name = self._done
        return replace(scan, order=(time_ns, column, max(number + 1, scan.key), name))

    def run(self, now_ns: int) -> int:
        """Run every scan captured up to `now_ns` that has not been run; returns how many."""
        start = bisect.bisect_right(self._scans, self._done, key=_order)
        end = bisect.bisect_right(self._scans, now_ns, key=_time)
        for scan in self._scans[start:end]:
            self._process(scan)
            self._done = scan.order
            if self._window_ns and scan.time_ns - self._snapshots[-1].order[0] >= SNAPSHOT_SPACING_NS:
                self._snapshots.append(_Snapshot(scan.order, self._table.copy()))
        self._forget(now_ns - self._window_ns)
        return max(0, end - start)

    def _rewind(self, order: Order) -> None:
        """Back to the newest snapshot before `order`."""
        while self._snapshots[-1].order >= order:
            self._snapshots.pop()
        self._table.restore(self._snapshots[-1].table)
        self._done = self._snapshots[-1].order

    def _forget(self, horizon_ns: int) -> None:
        """Drop what no admissible scan can reach."""
        self._horizon_ns = max(self._horizon_ns, horizon_ns)
        if self._done[0] < self._horizon_ns and self._done > self._snapshots[-1].order:
            self._snapshots.append(_Snapshot(self._done, self._table.copy()))
        keep = bisect.bisect_left(self._snapshots, self._horizon_ns, key=lambda s: s.order[0]) - 1
        if keep > 0:
            del self._snapshots[:keep]
            del self._scans[: bisect.bisect_right(self._scans, self._snapshots[0].order, key=_order)]


def _order(scan: Scan) -> Order:
    return scan.order


def _time(scan: Scan) -> int:
    return scan.order[0]
