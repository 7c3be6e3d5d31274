"""Ends of phases: what the controller promises, checked against the present and against its earlier promises."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from edge.core.signals import ControllerGroup, MovementState
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.signals.prediction import Forecast


@dataclass(frozen=True, slots=True)
class Ends:
    """Ends of one phase.

    Attributes:
        min_end_ns, max_end_ns: promises, UTC ns; None: none.
        likely_end_ns: best estimate, UTC ns; None unknown.
        confidence: 0..1 for `likely_end_ns`; None unknown.
    """

    min_end_ns: int | None = None
    max_end_ns: int | None = None
    likely_end_ns: int | None = None
    confidence: float | None = None


NO_ENDS = Ends()
_SURE_NS = NS_PER_S
"""What the confidence of a forecast is about."""


def ends_of(group: ControllerGroup) -> Ends:
    """The controller's own ends.

    The likely end is the controller's own with its confidence, or certain where the least and the latest end agree;
    what is learned comes later, see `with_forecast`. A likely end outside the promises is dropped, and a confidence
    that is no probability.
    """
    least, latest, likely = group.min_end_ns, group.max_end_ns, group.likely_end_ns
    if least is not None and least == latest:
        return Ends(least, latest, least, 1.0)
    too_early = likely is not None and least is not None and likely < least
    too_late = likely is not None and latest is not None and likely > latest
    if likely is None or too_early or too_late:
        return Ends(least, latest)
    sure = group.confidence
    return Ends(least, latest, likely, sure if sure is not None and 0.0 <= sure <= 1.0 else None)


def with_forecast(ends: Ends, forecast: Forecast | None, *, now_ns: int) -> Ends:
    """Ends with what was learned: a likely end where the controller tells none, inside its promises.

    The promises stay as they are. A likely end that had to be moved into them keeps its confidence only where they
    leave no other choice than about where it was.
    """
    if forecast is None or ends.likely_end_ns is not None:
        return ends
    least = now_ns if ends.min_end_ns is None else max(ends.min_end_ns, now_ns)
    likely = max(forecast.likely_end_ns, least)
    if ends.max_end_ns is not None:
        likely = min(likely, ends.max_end_ns)
    moved = abs(likely - forecast.likely_end_ns) > _SURE_NS
    return Ends(ends.min_end_ns, ends.max_end_ns, likely, None if moved else forecast.confidence)


def present_ends(ends: Ends, *, now_ns: int) -> Ends:
    """The ends that still say something: a least end that has passed promises nothing any more."""
    if ends.max_end_ns is not None and ends.max_end_ns < now_ns:
        return NO_ENDS
    least = ends.min_end_ns if ends.min_end_ns is None or ends.min_end_ns > now_ns else None
    likely = ends.likely_end_ns
    if likely is not None and likely < now_ns:
        return Ends(least, ends.max_end_ns)
    return Ends(least, ends.max_end_ns, likely, ends.confidence)


@dataclass(slots=True)
class _Promise:
    state: MovementState
    least_ns: int | None = None
    latest_ns: int | None = None


class PromiseKeeper:
    """Remembers the tightest promise of each phase and finds the ends that break it.

    Counters: timing_contradicts, timing_past, promises_broken, ended_early, overstayed
    (a phase that lasted longer than its latest end).

    Args:
        tolerance_ns: resolution and jitter of the controller's countdown.
        late_ns: an end this far in the past is a fault and not only a countdown that has run out.
    """

    def __init__(self, *, tolerance_ns: int = 500 * NS_PER_MS, late_ns: int = 300 * NS_PER_MS) -> None:
        self._tolerance_ns, self._late_ns = tolerance_ns, late_ns
        self._promises: dict[int, _Promise] = {}
        self.counters: Counter[str] = Counter()

    def forget(self) -> None:
        """Start anew, after a withdrawal."""
        self._promises.clear()

    def check(self, signal_group: int, state: MovementState, ends: Ends, *, now_ns: int) -> str | None:
        """What is wrong with the timing of one phase; None when nothing is."""
        promise = self._promises.get(signal_group)
        if promise is None or promise.state is not state:
            if promise is not None and promise.least_ns is not None:
                self.counters["ended_early"] += now_ns < promise.least_ns - self._tolerance_ns
            promise = self._promises[signal_group] = _Promise(state)
        if promise.latest_ns is not None and promise.latest_ns < now_ns - self._tolerance_ns:
            self.counters["overstayed"] += 1
            promise.latest_ns = None
        fault = self._fault(promise, ends, now_ns)
        if fault is not None:
            self.counters[fault[0]] += 1
            return f"signal group {signal_group}: {fault[1]}"
        if ends.min_end_ns is not None:
            promise.least_ns = max(ends.min_end_ns, promise.least_ns or ends.min_end_ns)
        if ends.max_end_ns is not None:
            promise.latest_ns = min(ends.max_end_ns, promise.latest_ns or ends.max_end_ns)
        return None

    def _fault(self, promise: _Promise, ends: Ends, now_ns: int) -> tuple[str, str] | None:
        least, latest = ends.min_end_ns, ends.max_end_ns
        if least is not None and latest is not None and least > latest:
            return "timing_contradicts", "least end is after the latest end"
        if latest is not None and latest < now_ns - self._late_ns:
            return "timing_past", "latest end is in the past"
        earlier = promise.least_ns
        if least is not None and earlier is not None and least < earlier - self._tolerance_ns:
            return "promises_broken", "least end ran backwards"
        earlier = promise.latest_ns
        if latest is not None and earlier is not None and latest > earlier + self._tolerance_ns:
            return "promises_broken", "latest end was put off"
        return None
