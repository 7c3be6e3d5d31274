"""The GNSS desk: follows gpsd, and raises the alarm when the antenna is not where it was surveyed."""

from __future__ import annotations

from edge.config.address import split_address
from edge.config.box import GnssConfig
from edge.core.health import HealthState
from edge.flow.board import HealthBoard
from hw.gnss.gpsd import Fix, GpsdClient
from hw.gnss.site_guard import GuardLimits, SiteGuard

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


class GnssDesk:
    """Takes fixes to health and events. Events: `gnss_moved`, `gnss_back`."""

    def __init__(self, config: GnssConfig, *, board: HealthBoard) -> None:
        self._config, self._board, self._guard = config, board, build_guard(config)
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
        else:
            self._board.set(COMPONENT, HealthState.OK)

    @property
    def _moved(self) -> bool:
        return self._guard is not None and self._guard.moved
