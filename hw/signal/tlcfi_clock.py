"""Ticks of a TLC (milliseconds modulo 2^32, from some start) as UTC."""

from __future__ import annotations

from collections import deque

from edge.core.stamp import NS_PER_MS
from hw.signal.clock_anchor import ClockAnchor
from hw.signal.tlcfi import TICK_WRAP

WRAP_NS = TICK_WRAP * NS_PER_MS


class TickClock:
    """Anchors ticks to the arrival of the messages that say them. Pure.

    The wrap after 49.7 days needs no care: a tick is the one nearest to now.
    """

    def __init__(self) -> None:
        self._anchor = ClockAnchor()
        self._round_trips: deque[int] = deque(maxlen=64)

    def observe(self, ticks: int, arrival_ns: int) -> None:
        """A message that says it was sent at `ticks` came."""
        their_ns = ticks * NS_PER_MS
        offset = self._anchor.offset_ns
        if offset is not None:
            their_ns = _nearest(their_ns, arrival_ns - offset)
        self._anchor.observe(their_ns, arrival_ns)

    def round_trip(self, took_ns: int) -> None:
        """An answer came so long after its call."""
        if took_ns >= 0:
            self._round_trips.append(took_ns)

    def utc_ns(self, ticks: int, *, near_ns: int) -> int | None:
        """When a tick is, UTC ns; None before the first message.

        Args:
            near_ns: the one tick of its number that is nearest to this time is meant.
        """
        offset = self._anchor.offset_ns
        return None if offset is None else _nearest(ticks * NS_PER_MS, near_ns - offset) + offset

    @property
    def error_ns(self) -> int:
        """Bound on the error of `utc_ns`: the quickest way there and back, lateness of the newest, one tick."""
        quickest = min(self._round_trips, default=None)
        return self._anchor.error_ns(round_trip_ns=quickest) + NS_PER_MS

    @property
    def jumps(self) -> int:
        """How often ticks, or our clock, were set anew."""
        return self._anchor.jumps


def _nearest(time_ns: int, near_ns: int) -> int:
    """The time that is the same modulo the wrap and nearest to another."""
    ahead = (time_ns - near_ns) % WRAP_NS
    return near_ns + (ahead if ahead < WRAP_NS // 2 else ahead - WRAP_NS)
