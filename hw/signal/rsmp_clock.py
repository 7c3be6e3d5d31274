"""The clock of an RSMP site: how far it is believed, and which updates are history from a site's buffer."""

from __future__ import annotations

from edge.core.stamp import NS_PER_S, Stamp, TimeSource
from hw.signal.clock_anchor import ClockAnchor

HISTORY_NS = 3 * NS_PER_S


class SiteClock:
    """Turns a site's time stamps into ours. Pure: times are arguments, UTC ns.

    A site stamps what it tells when it happens and may send it much later: updates of a lost connection are
    buffered and sent when it is back. Watchdogs are not buffered, so they tell the site's clock.

    Args:
        limit_ns: a clock that is off by less is believed as it is; beyond it times are shifted by what the
            Watchdogs tell.
    """

    def __init__(self, *, limit_ns: int) -> None:
        self._limit_ns, self._anchor = limit_ns, ClockAnchor()

    def observe(self, their_ns: int, arrival_ns: int) -> None:
        """A Watchdog came."""
        self._anchor.observe(their_ns, arrival_ns)

    @property
    def offset_ns(self) -> int | None:
        """How far the site's clock is behind ours, latency included; None: no Watchdog yet."""
        return self._anchor.offset_ns

    @property
    def believed(self) -> bool:
        """Whether the site's times are taken as they are."""
        offset = self.offset_ns
        return offset is None or abs(offset) <= self._limit_ns

    def ours(self, their_ns: int) -> int:
        """A time of the site on our clock."""
        return their_ns if self.believed else their_ns + (self.offset_ns or 0)

    def stamp(self, their_ns: int, *, arrival_ns: int) -> Stamp | None:
        """When an update was so; None: history, or a time that cannot be."""
        at_ns = self.ours(their_ns)
        age_ns = arrival_ns - at_ns
        if age_ns > HISTORY_NS or age_ns < -self._limit_ns:
            return None
        if not self.believed:
            return Stamp(min(at_ns, arrival_ns), TimeSource.ARRIVAL, self._limit_ns)
        return Stamp(at_ns, TimeSource.SENSOR, abs(age_ns))

    def answer_stamp(self, their_ns: int, *, arrival_ns: int) -> Stamp:
        """Since when an answer to a question of ours holds: it is so now, however long ago it began."""
        at_ns = self.ours(their_ns)
        if at_ns > arrival_ns + self._limit_ns:
            return Stamp(arrival_ns, TimeSource.ARRIVAL, self._limit_ns)
        if not self.believed:
            return Stamp(min(at_ns, arrival_ns), TimeSource.ARRIVAL, self._limit_ns)
        return Stamp(at_ns, TimeSource.SENSOR, abs(self.offset_ns or 0))
