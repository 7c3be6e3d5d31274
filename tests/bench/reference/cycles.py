"""The clock of the reference trackers: scans in order of arrival, a line of tracks at every multiple of 100 ms."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

Line = dict[str, Any]
PERIOD_NS = 100_000_000


def cycles(
    scans: Sequence[Line],
    cycle: Callable[[Sequence[Line], int], Line],
    *,
    spent_s: list[float] | None = None,
) -> Iterator[Line]:
    """What `cycle` makes of the scans that arrived since the last cycle, at every multiple of 100 ms.

    Args:
        scans: lines in order of arrival.
        cycle: takes scans and the time in ns, gives a line of tracks.
        spent_s: takes the CPU time of each cycle.
    """
    if not scans:
        return
    due_ns = -(-scans[0]["t_arrival_ns"] // PERIOD_NS) * PERIOD_NS
    next_scan = 0
    while next_scan < len(scans):
        arrived = next_scan
        while arrived < len(scans) and scans[arrived]["t_arrival_ns"] <= due_ns:
            arrived += 1
        began = time.process_time()
        line = cycle(scans[next_scan:arrived], due_ns)
        if spent_s is not None:
            spent_s.append(time.process_time() - began)
        yield line
        next_scan, due_ns = arrived, due_ns + PERIOD_NS
