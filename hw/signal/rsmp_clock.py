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

    def stamp(self, their_ns: int, *, arrival_ns: int, answer: bool) -> Stamp | None:
        """When something was so; None: history, or a time that cannot be.

        Args:
            answer: it answers a question of ours, so that it is so now, however long ago it began.
        """
        at_ns, offset = self.ours(their_ns), self.offset_ns
        age_ns = arrival_ns - at_ns
        history = age_ns > HISTORY_NS and (offset is None or not answer)
        if history or age_ns < -self._limit_ns:
            return None
        if not self.believed:
            return Stamp(min(at_ns, arrival_ns), TimeSource.ARRIVAL, self._limit_ns)
        error_ns = abs(offset or 0) if answer else abs(age_ns)
        return Stamp(at_ns, TimeSource.SENSOR, error_ns)
