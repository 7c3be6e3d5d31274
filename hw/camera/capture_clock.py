"""When a picture of a live stream was taken: by the camera's clock where it can be believed, else by arrival.

A camera tells its time in RTCP sender reports (RFC 3550, 6.4.1): one moment on its wall clock and on its media (RTP)
clock. Between two reports the media clock counts on; each report anchors it anew, which follows drift and slow
corrections. A report that moves the time by more than `ClockLimits.step_ns` counts only when the next one agrees.

Whether the two wall clocks agree is seen in arrival minus capture. Its minimum is the latency on an idle network less
the camera's lead, and moves with neither jitter nor congestion. A camera's lead that is smaller than its latency cannot
be told from a shorter latency; so the error bound assumes that a camera which passes is set by NTP or PTP.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge.core.stamp import NS_PER_MS, NS_PER_S, Stamp, TimeSource

ClockMode = Literal["auto", "trust", "arrival"]
_PPM = 1_000_000
_SAME_NS = 2 * NS_PER_MS
"""Two packets that follow one report differ by rounding only."""
_CONTRADICTIONS = 3
_JUDGED_PICTURES = 5
_JUDGED_NS = NS_PER_S
"""So long a late picture may be the fault of a queue that empties."""
_HOST_STEP_NS = 50 * NS_PER_MS
_MEDIA_BACK_NS = NS_PER_S
_MEDIA_AHEAD_NS = 2 * NS_PER_S
_EXCESS_CAP_NS = 2 * NS_PER_S
_LEAST_STEP_NS = NS_PER_MS
_QUEUE_SHARE = 4
"""A queue empties where a picture comes this part of a period sooner, after the one before it, than it was taken."""

COUNTERS = (
    "sender_reports",
    "odd_reports",
    "clock_steps",
    "clock_offset_ms",
    "media_jumps",
    "host_clock_steps",
    "implausible_time",
    "time_went_back",
)


@dataclass(frozen=True, slots=True)
class ClockLimits:
    """What is believed of a camera's clock; ns.

    Attributes:
        ahead_ns: pictures may come so long before they were taken.
        behind_ns: pictures may take so much longer than the configured latency.
        step_ns: one report alone may move the time by so much.
        stale_ns: without a report for so long the camera's time is no longer used.
        drift_ppm: of the media clock against the wall clock, between two reports.
        leak_ppm: by which the minimum of arrival minus capture may grow: both wall clocks' drift or slew.
        error_ns: bound for a camera that is set by NTP.
    """

    ahead_ns: int = 100 * NS_PER_MS
    behind_ns: int = 500 * NS_PER_MS
    step_ns: int = 50 * NS_PER_MS
    stale_ns: int = 60 * NS_PER_S
    drift_ppm: int = 100
    leak_ppm: int = 500
    error_ns: int = 20 * NS_PER_MS


@dataclass(frozen=True, slots=True)
class Arrival:
    """A moment of this machine.

    Attributes:
        utc_ns: its wall clock, which may be set.
        steady_ns: its monotonic clock.
    """

    utc_ns: int
    steady_ns: int


class _Floor:
    """The least delay so far, which may grow slowly."""

    def __init__(self, leak_ppm: int) -> None:
        self._leak_ppm = leak_ppm
        self.clear()

    def clear(self) -> None:
        self.value_ns: int | None = None
        self.seen = 0
        self._since_ns = self._last_ns = 0

    def add(self, delay_ns: int, steady_ns: int) -> int:
        """The floor, and `delay_ns` counted."""
        if self.value_ns is None:
            self.value_ns, self._since_ns = delay_ns, steady_ns
        else:
            grown_ns = self.value_ns + (steady_ns - self._last_ns) * self._leak_ppm // _PPM
            self.value_ns = min(grown_ns, delay_ns)
        self._last_ns = steady_ns
        self.seen += 1
        return self.value_ns

    def shift(self, by_ns: int) -> None:
        if self.value_ns is not None:
            self.value_ns += by_ns

    @property
    def settled(self) -> bool:
        """Whether a queue that was full at the start would have emptied."""
        return self.seen >= _JUDGED_PICTURES and self._last_ns - self._since_ns >= _JUDGED_NS


class CaptureClock:
    """The clock of one stream, from its first packet to its last.

    Within a stream capture times never run back, except by more than latency + `ahead_ns` + `behind_ns` at once: then
    a trusted camera was set back or a long queue emptied before the first report, and it is counted; and except when
    this machine's clock is set back. Where the camera's time steps back by less, time
    goes on at half speed until it is caught up with, and the error bound says so.

    Args:
        mode: `auto` believes the camera within the limits, `trust` always, `arrival` never.
        latency_ns: from exposure to arrival.
        counters: see `COUNTERS`.
        period_ns: between two pictures, until it is seen.
        limits: see there.
    """

    def __init__(
        self,
        *,
        mode: ClockMode = "auto",
        latency_ns: int,
        counters: dict[str, int],
        period_ns: int = 40 * NS_PER_MS,
        limits: ClockLimits | None = None,
    ) -> None:
        self._mode, self._latency_ns, self._counters = mode, latency_ns, counters
        self._period_ns, self._limits = period_ns, limits or ClockLimits()
        for name in COUNTERS:
            counters.setdefault(name, 0)
        counters["clock_offset_ms"] = 0
        self._offset_ns: int | None = None  # camera's wall clock minus media clock
        self._suspect_ns: int | None = None
        self._odd = 0
        self._fresh_ns: int | None = None  # what the newest packet says, while a report waits to be settled
        self._told_ns: int | None = None  # what the last report said
        self._settling = self._sees_reports = False
        self._report_ns = 0
        self._delay = _Floor(self._limits.leak_ppm)  # arrival minus capture
        self._transit = _Floor(self._limits.leak_ppm)  # arrival minus media clock
        self._last: Arrival | None = None
        self._last_media_ns: int | None = None
        self._media_at_ns = 0
        self._shown: tuple[int, int | None] | None = None

    def packet(
        self, media_ns: int | None, produced_ns: int | None, *, reported: bool, arrival: Arrival
    ) -> None:
        """Take in one coded picture, in the order of the stream.

        Args:
            media_ns: its time on the stream's own clock; None: not told.
            produced_ns: UTC of the camera for it, from the last report; None before the first.
            reported: a report came since the last packet.
            arrival: when its first octets came.
        """
        self._follow_host(arrival)
        if media_ns is not None:
            self._follow_media(media_ns, arrival)
        if reported:
            self._settling, self._fresh_ns, self._sees_reports = True, None, True
        if media_ns is not None and produced_ns is not None:
            self._settle(produced_ns - media_ns, arrival)

    def stamp(self, media_ns: int | None, *, arrival: Arrival) -> Stamp:
        """The capture time of a decoded picture, in the order of display; `arrival` is that of its packet."""
        stamp = self._told(media_ns, arrival) or self._arrived(media_ns, arrival)
        return self._in_order(stamp, media_ns)

    @property
    def trouble(self) -> str:
        """What is wrong with the camera's clock and what to do about it, for a person; empty: nothing."""
        if self._mode != "auto" or self._offset_ns is None or self._last is None:
            return ""
        if self._odd >= _CONTRADICTIONS:
            return (
                "its sender reports contradict each other, so arrival times are used: check the camera's clock "
                'and firmware, or set clock = "arrival"'
            )
        if not self._plausible():
            return self._offset_text()
        if self._silent_ns(self._last) > self._limits.stale_ns:
            return (
                f"no sender report for more than {self._limits.stale_ns // NS_PER_S} s, so arrival times are used: "
                'check the camera, or set clock = "arrival"'
            )
        return ""

    def _offset_text(self) -> str:
        lead_ns = self._lead_ns()
        if lead_ns > 0:
            way, also = "ahead of", ""
        elif self._delay.settled:
            way, also = "behind", ", or raise latency_ms if its pictures take that long"
        else:
            return ""
        return (
            f"its clock is {abs(lead_ns) / NS_PER_S:.1f} s {way} this machine's, so arrival times are used: set both "
            f'by NTP{also}; clock = "trust" takes the camera\'s time as it is'
        )

    def _lead_ns(self) -> int:
        """Camera's wall clock minus ours, if the latency is as configured."""
        return self._latency_ns - (self._delay.value_ns or 0)

    def _silent_ns(self, now: Arrival) -> int:
        """Since the last report; 0 where reports leave no mark."""
        return max(0, now.steady_ns - self._report_ns) if self._sees_reports else 0

    def _plausible(self, shift_ns: int = 0) -> bool:
        """Whether the wall clocks agree, were the camera's `shift_ns` later."""
        if self._delay.value_ns is None:
            return True
        least_ns = self._delay.value_ns - shift_ns
        return -self._limits.ahead_ns <= least_ns <= self._latency_ns + self._limits.behind_ns

    def _report(self, offset_ns: int, arrival: Arrival) -> None:
        self._counters["sender_reports"] += 1
        self._report_ns = arrival.steady_ns
        if self._offset_ns is None:
            self._offset_ns = offset_ns
            return
        step_ns, limit_ns = offset_ns - self._offset_ns, self._limits.step_ns
        confirmed = self._suspect_ns is not None and abs(offset_ns - self._suspect_ns) <= limit_ns
        mends = self._mode != "trust" and not self._plausible() and self._plausible(step_ns)
        if abs(step_ns) > limit_ns and not confirmed and not mends:
            self._suspect_ns = offset_ns
            self._odd += 1
            self._counters["odd_reports"] += 1
            return
        self._counters["clock_steps"] += int(abs(step_ns) > limit_ns)
        self._offset_ns, self._suspect_ns, self._odd = offset_ns, None, 0
        # The latency is as before; so is its minimum, on the camera's new time.
        self._delay.shift(-step_ns)

    def _settle(self, offset_ns: int, arrival: Arrival) -> None:
        """Find what a report says.

        The packet that it comes with may carry the time of the next one, so two must agree. FFmpeg loses the mark of
        a report where a picture takes several packets (MJPEG): then it is seen by what it changes.
        """
        if not self._settling:
            if self._told_ns is not None and abs(offset_ns - self._told_ns) <= _SAME_NS:
                return
            self._settling, self._fresh_ns = True, None
        before_ns, self._fresh_ns = self._fresh_ns, offset_ns
        if before_ns is not None and abs(offset_ns - before_ns) <= _SAME_NS:
            self._settling, self._told_ns = False, offset_ns
            self._report(offset_ns, arrival)

    def _follow_host(self, arrival: Arrival) -> None:
        """Tell a step of our own wall clock from a late packet."""
        if self._last is not None:
            step_ns = (arrival.utc_ns - self._last.utc_ns) - (arrival.steady_ns - self._last.steady_ns)
            if abs(step_ns) > _HOST_STEP_NS:
                self._counters["host_clock_steps"] += 1
                self._delay.shift(step_ns)
                self._transit.shift(step_ns)
                self._shown = None
        self._last = arrival

    def _follow_media(self, media_ns: int, arrival: Arrival) -> None:
        last_ns, self._last_media_ns = self._last_media_ns, media_ns
        if last_ns is not None:
            step_ns = media_ns - last_ns
            since_ns = arrival.steady_ns - self._media_at_ns
            if step_ns < -_MEDIA_BACK_NS or step_ns > since_ns + _MEDIA_AHEAD_NS:
                # The anchor belongs to the old count; only a new report tells where the new one stands. `_told_ns`
                # stays, to know the new report by.
                self._counters["media_jumps"] += 1
                self._offset_ns = self._suspect_ns = self._fresh_ns = None
                self._settling, self._odd = False, 0
                self._delay.clear()
                self._transit.clear()
            elif 0 < step_ns < NS_PER_S:
                self._period_ns = step_ns
        self._media_at_ns = arrival.steady_ns

    def _told(self, media_ns: int | None, arrival: Arrival) -> Stamp | None:
        """By the camera's clock; None where it is not known or not believed."""
        if media_ns is None or self._offset_ns is None or self._mode == "arrival":
            return None
        capture_ns = media_ns + self._offset_ns
        least_ns = self._delay.add(arrival.utc_ns - capture_ns, arrival.steady_ns)
        self._counters["clock_offset_ms"] = self._lead_ns() // NS_PER_MS
        silent_ns = self._silent_ns(arrival)
        error_ns = self._limits.error_ns + silent_ns * self._limits.drift_ppm // _PPM
        if self._mode == "auto":
            if not self._plausible():
                self._counters["implausible_time"] += 1
                return None
            if self._odd >= _CONTRADICTIONS or silent_ns > self._limits.stale_ns:
                return None
            error_ns += self._unexplained_ns(least_ns)
        return Stamp(capture_ns, TimeSource.RTCP, error_ns)

    def _unexplained_ns(self, least_ns: int) -> int:
        """How far the camera may be off beyond what is assumed of one that is set by NTP.

        Once the latency alone does not explain arrival minus capture, only physics is left: pictures are seen after
        they are taken, and within the latency.
        """
        excess_ns = max(0, -least_ns, least_ns - self._latency_ns)
        if excess_ns <= self._limits.error_ns:
            return excess_ns
        return max(least_ns, self._latency_ns - least_ns)

    def _arrived(self, media_ns: int | None, arrival: Arrival) -> Stamp:
        error_ns = self._latency_ns + self._period_ns
        if media_ns is not None:
            delay_ns, before_ns = arrival.utc_ns - media_ns, self._transit.value_ns
            least_ns = self._transit.add(delay_ns, arrival.steady_ns)
            # The first pictures may come from a queue, whose length shows only once it is empty.
            empties = before_ns is None or before_ns - least_ns > self._period_ns // _QUEUE_SHARE
            error_ns += _EXCESS_CAP_NS if empties else min(delay_ns - least_ns, _EXCESS_CAP_NS)
        return Stamp(arrival.utc_ns - self._latency_ns, TimeSource.ARRIVAL, error_ns)

    def _in_order(self, stamp: Stamp, media_ns: int | None) -> Stamp:
        if self._shown is not None:
            last_ns, last_media_ns = self._shown
            step_ns = _LEAST_STEP_NS
            if stamp.source is TimeSource.RTCP and media_ns is not None and last_media_ns is not None:
                step_ns = max(step_ns, min(media_ns - last_media_ns, NS_PER_S) // 2)
            short_ns = last_ns + step_ns - stamp.capture_ns
            if last_ns - stamp.capture_ns > self._latency_ns + self._limits.ahead_ns + self._limits.behind_ns:
                self._counters["time_went_back"] += 1
            elif short_ns > 0:
                stamp = stamp._replace(
                    capture_ns=stamp.capture_ns + short_ns, error_ns=stamp.error_ns + short_ns
                )
        self._shown = (stamp.capture_ns, media_ns)
        return stamp
