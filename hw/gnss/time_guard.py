"""Compares this machine's clock with GNSS time: two clocks that nobody set together, so one that is wrong shows."""

from __future__ import annotations

from collections import deque

from edge.core.stamp import NS_PER_MS, NS_PER_S

EARLY_NS = 300 * NS_PER_MS
"""A fix cannot come before it was made; further into the future our clock is behind."""
LATE_NS = 2 * NS_PER_S
"""A receiver on a slow serial line tells of a fix up to a second and a half after it was made."""
FIXES = 3
DAY_NS = 86_400 * NS_PER_S


class TimeGuard:
    """Pure. `wrong` is the alarm: raised, and ended, by three fixes in a row.

    Attributes:
        wrong: the clocks do not agree.
        apart_ns: our clock minus GNSS time, the least of the last three fixes; None before the first.
    """

    def __init__(self) -> None:
        self._apart: deque[int] = deque(maxlen=FIXES)
        self.wrong = False

    def take(self, gnss_ns: int, now_ns: int) -> bool:
        """Take the time of a fix, UTC ns, 0 unknown, and ours at its arrival; returns whether the alarm changed."""
        if gnss_ns == 0:
            return False
        self._apart.append(now_ns - gnss_ns)
        beyond = {not -EARLY_NS <= apart <= LATE_NS for apart in self._apart}
        if len(self._apart) < FIXES or len(beyond) > 1 or self.wrong in beyond:
            return False
        self.wrong = not self.wrong
        return True

    @property
    def apart_ns(self) -> int | None:
        """See the class."""
        return min(self._apart, default=None)
