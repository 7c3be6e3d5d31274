"""What the service manager's watchdog is fed for: only what a restart of the front can cure.

A restart costs seconds without signals, so the watchdog starves only when the front itself is stuck:

- signals: the lane ticks (10 Hz, limit 2 s), whatever it says; a silent controller or a wrong clock is withdrawal.
- publishing: updates reach the hub (2 s with signals; without a controller health alone goes out: 2 minutes).
- fusion: somebody watches over it (2 minutes: longer than the longest rest of its restarts). A fusion process that
  crashes again and again is being restarted by the front, and a new front could do no better.

Cameras, radios, links, the centre, GNSS, heat and disk are never a reason: health tells of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable

SIGNALS_LIMIT_S = 2.0
SLOW_LIMIT_S = 120.0


class Vigil:
    """Knows which of several tasks last showed life too long ago.

    Args:
        monotonic_s: a clock that nobody can set: a step of the other one is no stall.
    """

    def __init__(self, *, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s, self._began_s = monotonic_s, monotonic_s()
        self._limits: dict[str, float] = {}
        self._seen: dict[str, float] = {}
        self._asked: dict[str, Callable[[], float]] = {}

    def expect(self, name: str, *, limit_s: float, last_s: Callable[[], float] | None = None) -> None:
        """Expect signs of life at least every `limit_s`, told by `show`, or asked for with `last_s`."""
        self._limits[name] = limit_s
        if last_s is not None:
            self._asked[name] = last_s

    def show(self, name: str) -> None:
        """A sign of life."""
        self._seen[name] = self._monotonic_s()

    def stalled(self) -> list[str]:
        """Who is overdue, with the time; empty: feed the watchdog."""
        now_s = self._monotonic_s()
        ages = {name: now_s - max(self._last_s(name), self._began_s) for name in self._limits}
        return [f"{name} for {age:.1f} s" for name, age in ages.items() if age > self._limits[name]]

    def _last_s(self, name: str) -> float:
        ask = self._asked.get(name)
        return self._seen.get(name, 0.0) if ask is None else ask()
