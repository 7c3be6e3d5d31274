"""Another device's clock on ours, from messages that say its time and take an unknown while to arrive."""

from __future__ import annotations

from collections import deque

from edge.core.stamp import NS_PER_MS, NS_PER_S

WINDOW_NS = 60 * NS_PER_S
SAMPLES = 64
JUMP_NS = NS_PER_S
STALL_NS = 3 * NS_PER_S
"""A connection that stalls for longer has been cut by its time-outs."""


class ClockAnchor:
    """Least delay of the recent past: our time minus theirs is never less than the true offset. Pure.

    A message is never early, so the smallest difference seen is the best; it is forgotten after a minute because
    clocks drift. A difference that is less by more than a second in two messages running is a clock that was set,
    theirs or ours; one that is more must last, because a stalled connection looks the same at first.

    Attributes:
        jumps: how often a clock was set.
    """

    def __init__(self) -> None:
        self._samples: deque[tuple[int, int]] = deque(maxlen=SAMPLES)
        self._odd = 0
        self._odd_since_ns = 0
        self.jumps = 0

    def observe(self, their_ns: int, arrival_ns: int) -> None:
        """A message that says `their_ns` was received at `arrival_ns` of our clock."""
        sample = arrival_ns - their_ns
        if self._samples and abs(sample - self._samples[-1][1]) > JUMP_NS:
            if not self._was_set(arrival_ns, late=sample > self._samples[-1][1]):
                return
            self._samples.clear()
            self.jumps += 1
        self._odd = 0
        while self._samples and abs(arrival_ns - self._samples[0][0]) > WINDOW_NS:
            self._samples.popleft()
        self._samples.append((arrival_ns, sample))

    def _was_set(self, arrival_ns: int, *, late: bool) -> bool:
        if self._odd == 0:
            self._odd_since_ns = arrival_ns
        self._odd += 1
        return self._odd >= 2 and (not late or arrival_ns - self._odd_since_ns >= STALL_NS)

    @property
    def offset_ns(self) -> int | None:
        """What to add to their time to have ours; None before the first message."""
        return min((sample for _at, sample in self._samples), default=None)

    @property
    def spread_ns(self) -> int:
        """By how much the newest message was later than the quickest."""
        offset = self.offset_ns
        return 0 if offset is None else self._samples[-1][1] - offset

    def error_ns(self, *, round_trip_ns: int | None, unknown_ns: int = 100 * NS_PER_MS) -> int:
        """Bound on the error of their time on our clock.

        The quickest message took at most the quickest round trip.

        Args:
            round_trip_ns: quickest round trip; None: not measured, `unknown_ns` is taken.
        """
        return self.spread_ns + (unknown_ns if round_trip_ns is None else round_trip_ns)
