"""The GNSS desk: follows gpsd, and raises the alarm when the antenna is not where it was surveyed."""

from __future__ import annotations

import time
from collections.abc import Callable

from edge.config.address import split_address
from edge.config.box import GnssConfig
from edge.core.health import HealthState
from edge.core.stamp import NS_PER_S
from edge.flow.board import HealthBoard
from hw.gnss.gpsd import Fix, GpsdClient
from hw.gnss.site_guard import GuardLimits, SiteGuard
from hw.gnss.time_guard import DAY_NS, TimeGuard

COMPONENT = "gnss"
NO_FIX = "no fix: does the antenna see the sky, is its cable whole?"


def build_guard(config: GnssConfig) -> SiteGuard | None:
    """The watch of the surveyed place; None where the site tells none."""
    if config.antenna is None:
        return None
    limits = GuardLimits(move_m=config.move_limit_m, worst_error_m=config.worst_error_m)
    return SiteGuard(*config.antenna, limits=limits)


def moved_words(guard: SiteGuard, config: GnssConfig) -> str:
    """The alarm in one sentence."""
    return (
        f"the antenna is {guard.distance_m or 0.0:.0f} m from where it was surveyed, limit {config.move_limit_m:g} m: "
        "was the box moved or the receiver fooled? Look at the site; mend gnss.antenna if it was surveyed anew"
    )


def time_words(guard: TimeGuard) -> str:
    """That this machine's clock and GNSS time do not agree, in one sentence."""
    apart_ns = guard.apart_ns or 0
    if abs(apart_ns) > DAY_NS:
        days = f"{abs(apart_ns) / DAY_NS:.0f} days {'behind' if apart_ns > 0 else 'ahead of'}"
        remedy = "update its firmware (GPS counts weeks to 1024), or set the clock"
        return f"the receiver's date is {days} this machine's: {remedy}"
    way = "ahead of" if apart_ns > 0 else "behind"
    return (
        f"this machine's clock is {abs(apart_ns) / NS_PER_S:.1f} s {way} GNSS time: is the time server right? "
        "A receiver may be wrong by leap seconds for 15 minutes after it was switched on"
    )


class GnssDesk:
    """Takes fixes to health and events. Events: `gnss_moved`, `gnss_back`, `gnss_time_apart`, `gnss_time_agrees`."""

    def __init__(
        self, config: GnssConfig, *, board: HealthBoard, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._config, self._board, self._guard = config, board, build_guard(config)
        self._time, self._now_ns = TimeGuard(), now_ns
        host, port = split_address(config.gpsd)
        self.client = GpsdClient(host, port, on_fix=self._take)
        board.attach(COMPONENT, self.client.counters)
        board.set(COMPONENT, HealthState.STARTING, "no report yet")

    async def run(self) -> None:
        """Follow gpsd until it is lost. Raises `DeviceError`."""
        await self.client.run()

    def _take(self, fix: Fix) -> None:
        if fix.position is None:
            state = HealthState.DOWN if self._moved else HealthState.DEGRADED
            self._board.set(COMPONENT, state, NO_FIX)
            return
        if self._time.take(fix.position.stamp_ns, self._now_ns()):
            kind = "gnss_time_apart" if self._time.wrong else "gnss_time_agrees"
            text = time_words(self._time) if self._time.wrong else "the clock agrees with GNSS time again"
            self._board.event(COMPONENT, kind, text)
        guard = self._guard
        if guard is not None and guard.take(fix.position):
            kind = "gnss_moved" if guard.moved else "gnss_back"
            text = (
                moved_words(guard, self._config)
                if guard.moved
                else "the antenna is where it was surveyed again"
            )
            self._board.event(COMPONENT, kind, text)
        if guard is not None and guard.moved:
            self._board.set(COMPONENT, HealthState.DOWN, moved_words(guard, self._config))
        elif self._time.wrong:
            self._board.set(COMPONENT, HealthState.DEGRADED, time_words(self._time))
        else:
            self._board.set(COMPONENT, HealthState.OK)

    @property
    def _moved(self) -> bool:
        return self._guard is not None and self._guard.moved
