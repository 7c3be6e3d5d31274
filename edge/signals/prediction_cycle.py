"""The cycle of a coordinated controller: reported by it, or found in the rhythm of its greens."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable

import numpy as np

SHORTEST_S, LONGEST_S = 30.0, 300.0
_ENDS = 13
_GROUPS = 64
_ZEROS = 8
_SAME_S = 0.6
"""Two intervals closer than this are the same: the resolution of logs and polls."""
_SUPPORT, _SHARE = 3, 0.15
"""Intervals that must agree, and the share of all, before a rhythm is believed."""
_JITTER_S = 2.0


class CycleClock:
    """Cycle zero and length as reported, and the length that the ends of greens tell.

    Attributes:
        zero_s: UTC seconds of the last cycle zero; None: the controller reports no cycle position.
        reported_s: length of the reported cycle; None until two zeros were seen.
        rhythm_s: length of the cycle that greens end by; None: none is seen.
    """

    def __init__(self) -> None:
        self.zero_s: float | None = None
        self.reported_s: float | None = None
        self.rhythm_s: float | None = None
        self._lengths: deque[float] = deque(maxlen=_ZEROS)
        self._ends: dict[Hashable, deque[float]] = {}

    def reported(self, position_s: float | None, *, now_s: float) -> None:
        """The controller told its cycle position, or that it has none."""
        if position_s is None or not 0.0 <= position_s <= LONGEST_S * 2:
            self.zero_s = None
            return
        zero_s = now_s - position_s
        if self.zero_s is None:
            self.zero_s = zero_s
            return
        apart_s = zero_s - self.zero_s
        if abs(apart_s) < _JITTER_S:
            return
        self.zero_s = zero_s
        if SHORTEST_S <= apart_s <= LONGEST_S:
            self._lengths.append(apart_s)
            self.reported_s = float(np.median(self._lengths))

    def position_s(self, now_s: float) -> float:
        """Seconds since cycle zero; NaN: not reported."""
        return float("nan") if self.zero_s is None else now_s - self.zero_s

    def green_ended(self, group: Hashable, *, now_s: float) -> None:
        """A green ended: look for the rhythm anew."""
        ends = self._ends.get(group)
        if ends is None:
            if len(self._ends) >= _GROUPS:
                return
            ends = self._ends[group] = deque(maxlen=_ENDS)
        ends.append(now_s)
        self.rhythm_s = _rhythm_s(self._ends.values()) or self.rhythm_s

    def forget_ends(self) -> None:
        """The next interval would span a gap in what was seen."""
        self._ends.clear()


def _rhythm_s(ends: Iterable[Iterable[float]]) -> float | None:
    """The most common interval between the ends of greens of one group."""
    intervals = np.concatenate([np.diff(np.fromiter(times, np.float64)) for times in ends])
    intervals = intervals[(intervals > SHORTEST_S) & (intervals < LONGEST_S)]
    if len(intervals) < _SUPPORT + 1:
        return None
    near = np.abs(intervals[:, None] - intervals) < _SAME_S
    support = near.sum(axis=1)
    best = int(support.argmax())
    if support[best] < max(_SUPPORT, _SHARE * len(intervals)):
        return None
    return float(np.median(intervals[near[best]]))
