"""The lamp desk: what cameras read off the signal heads against what the controller says."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from edge.config.site import CameraConfig
from edge.core.errors import CodecError
from edge.core.health import HealthState
from edge.core.lamps import LampReadings
from edge.core.signals import LampState
from edge.core.stamp import NS_PER_S
from edge.flow.board import HealthBoard
from edge.flow.pack import unpack
from edge.signals.lamp_check import Disagreement, LampCheck
from edge.signals.lane import SignalLane

COMPONENT = "signals.lamps"


class LampDesk:
    """Keeps the health of `signals.lamps`, and tells the signals where the site wants them withdrawn.

    Args:
        cameras: of the site.
        doubt: told why the signals must not be shown, empty when they may again; None: never.
    """

    def __init__(
        self,
        cameras: Iterable[CameraConfig],
        *,
        board: HealthBoard,
        doubt: Callable[[str], None] | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        heads = [lamp for camera in cameras for lamp in camera.lamp]
        groups = {lamp.signal_group for lamp in heads}
        walkers = groups - {lamp.signal_group for lamp in heads if "amber" in lamp.order}
        self._check = LampCheck(groups, walkers=walkers)
        self._board, self._doubt, self._now_ns = board, doubt, now_ns
        self._named: dict[int, Disagreement] = {}
        board.attach(COMPONENT, self._check.counters)
        board.set(COMPONENT, HealthState.STARTING, "nothing read yet")

    def told(self, lane: SignalLane) -> None:
        """The controller spoke."""
        at_ns, states = lane.told
        self._check.told(states, at_ns=at_ns)

    def take(self, payload: bytes) -> None:
        """A camera has read its heads; a bad message is counted."""
        try:
            readings = unpack(payload, LampReadings)
        except CodecError as error:
            self._board.event(COMPONENT, "bad_message", str(error))
            return
        self._check.seen(readings)
        self._name()

    def watch(self) -> None:
        """Once a second: let go of what nobody sees any more, and refresh the health."""
        self._check.expire(self._now_ns())
        self._name()
        self._report()

    def _name(self) -> None:
        """Events for disagreements that began and ended."""
        found = dict(self._check.disagreements)
        if found.keys() == self._named.keys():
            return
        for number in sorted(found.keys() - self._named.keys()):
            self._board.event(COMPONENT, "lamp_disagreement", _words(found[number]))
        for number in sorted(self._named.keys() - found.keys()):
            self._board.event(COMPONENT, "lamp_agreement", f"signal group {number}: the disagreement is over")
        self._named = found
        self._report()
        if self._doubt is not None:
            self._doubt("; ".join(f"lamps of {_words(one)}" for one in found.values()))

    def _report(self) -> None:
        unread = self._check.unread(self._now_ns())
        text = [_words(found) for found in self._check.disagreements.values()]
        text += [_unread_words(number, unread[number]) for number in sorted(unread)]
        if text:
            self._board.set(COMPONENT, HealthState.DEGRADED, "; ".join(text))
        elif self._check.counters["agreed"]:
            self._board.set(COMPONENT, HealthState.OK)


def _words(found: Disagreement) -> str:
    since = datetime.fromtimestamp(found.since_ns / NS_PER_S, tz=UTC).strftime("%H:%M:%S")
    seen, told = (word.name.lower().replace("_", " ") for word in (found.seen, found.told))
    return f"signal group {found.signal_group}: seen {seen}, told {told}, since {since} UTC"


def _unread_words(number: int, lamp: LampState) -> str:
    if lamp is LampState.DARK:
        return (
            f"signal group {number}: its head is dark: check lamps, power and the lamp's place in camera.lamp"
        )
    return (
        f"signal group {number}: its head cannot be read: check the view, glare and its place in camera.lamp"
    )
