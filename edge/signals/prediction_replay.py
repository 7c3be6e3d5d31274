"""Prediction measured on a log of a controller's events, in time order: nothing is used before its time.

Events carry the codes of the Indiana enumeration (J. R. Sturdevant et al., Indiana Traffic Signal Hi Resolution Data
Logger Enumerations, 2012, revised 2020).
"""

from __future__ import annotations

import dataclasses
import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge.core.signals import ControllerGroup, GroupKind, LampState
from edge.core.stamp import NS_PER_S
from edge.signals.prediction import Predictor
from edge.signals.timing import ends_of, with_forecast

BEGIN_GREEN, BEGIN_YELLOW, END_YELLOW, BEGIN_RED = 1, 8, 9, 10
CAUSES = {4: "gap-out", 5: "max-out", 6: "force-off"}
CALL_ON, CALL_OFF, PEDESTRIAN_CALL, BEGIN_WALK = 43, 44, 45, 21
BEGIN_CHANGE, BEGIN_DONT_WALK = 22, 23
GREEN_ENDS = 7
PATTERN, CYCLE_LENGTH, COORDINATION = 131, 132, 150
LOCAL_ZERO, FREE = 5, 0
WARM_GREENS, MEAN_OF = 20, 10
LONGEST_PHASE = 64
SILENCE_S = 3600.0
"""Without any event for longer the log has a gap: the greens that were on are not known."""
_SAME_INSTANT_S = 0.01


@dataclass(frozen=True, slots=True)
class Events:
    """The log of one controller in time order: (n,) seconds, codes, parameters."""

    time_s: NDArray[np.float64]
    code: NDArray[np.int64]
    parameter: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Sample:
    """One second of one green: what was said and what came, in seconds of rest.

    Attributes:
        device, phase, green: which, the device a number or a name; `green` counts from 0 in each phase.
        cause: how the green ended; "other" where the log does not say.
        rest_s, likely_s, early_s, late_s, baseline_s: truth, prediction, interval, mean of the last greens.
        confidence: of the prediction.
        promise_broken: a least end was published that lay after the end.
        cycle: whole cycles of the log's clock since its start, the unit of the bootstrap.
    """

    device: int | str
    phase: int
    green: int
    cause: str
    rest_s: float
    likely_s: float
    early_s: float
    late_s: float
    baseline_s: float
    confidence: float
    cycle: int
    promise_broken: bool


@dataclass(slots=True)
class _Green:
    """A green that goes on: when it began, its next sample, and what was said."""

    start_s: float
    number: int
    baseline_s: float | None
    asked: int = 0
    said: list[tuple[float, float, float, float, float]] = field(default_factory=list)
    least_end_ns: int = 0
    cause: str = "other"


def _cause_first(event: tuple[int, int]) -> bool:
    """Order of events of one instant: loggers write the cause of an end before it or after it."""
    return event[0] not in CAUSES


class Replay:
    """Plays the events of one controller through a `Predictor` and asks at every second of every green.

    Args:
        cycle_s: length of the cluster that `Sample.cycle` counts.
        reported: tell the predictor the cycle zero and the pattern where the log has them.
    """

    def __init__(self, device: int | str, *, cycle_s: float = 120.0, reported: bool = True) -> None:
        self.predictor = Predictor(gap_s=SILENCE_S)
        self._device, self._cycle_s, self._reported = device, cycle_s, reported
        self._groups: dict[tuple[GroupKind, int], ControllerGroup] = {}
        self._greens: dict[int, _Green] = {}
        self._lengths: dict[int, deque[float]] = {}
        self._count: dict[int, int] = {}
        self._zero_s: float | None = None
        self._plan: int | None = None

    def samples(self, events: Events) -> Iterator[Sample]:
        """Every sample of every green from the `WARM_GREENS` + 1st of its phase on, when that green has ended."""
        rows = zip(events.time_s.tolist(), events.code.tolist(), events.parameter.tolist(), strict=True)
        instant: list[tuple[int, int]] = []
        at_s = -math.inf
        for time_s, code, parameter in rows:
            if time_s > at_s:
                yield from self._step(at_s, instant)
                if time_s - at_s > SILENCE_S:
                    self._greens.clear()
                self._ask_until(time_s)
                at_s, instant = time_s, []
            instant.append((code, parameter))
        yield from self._step(at_s, instant)

    def _step(self, at_s: float, events: list[tuple[int, int]]) -> Iterator[Sample]:
        """Take the events of one instant."""
        if not events:
            return
        ended = []
        for code, parameter in sorted(events, key=_cause_first):
            if 1 <= parameter <= LONGEST_PHASE or code in (PATTERN, CYCLE_LENGTH, COORDINATION):
                ended += self._take(at_s, code, parameter)
        known = self._reported and self._zero_s is not None
        self.predictor.observe(
            tuple(self._groups.values()),
            now_ns=round(at_s * NS_PER_S),
            plan=self._plan if self._reported else None,
            position_s=at_s - self._zero_s if known and self._zero_s is not None else None,
        )
        for phase, green in ended:
            yield from self._scored(phase, green, at_s)

    def _take(self, at_s: float, code: int, parameter: int) -> list[tuple[int, _Green]]:
        """One event; the green that it ends, if any."""
        vehicle, walk = (GroupKind.VEHICLE, parameter), (GroupKind.PEDESTRIAN, parameter)
        if code == BEGIN_GREEN:
            self._show(vehicle, LampState.GREEN)
            self._begin(parameter, at_s)
        elif code in CAUSES and parameter in self._greens:
            self._greens[parameter].cause = CAUSES[code]
        elif code in (GREEN_ENDS, BEGIN_YELLOW):
            self._show(vehicle, LampState.YELLOW)
            green = self._greens.pop(parameter, None)
            return [] if green is None else [(parameter, green)]
        elif code in (END_YELLOW, BEGIN_RED):
            self._show(vehicle, LampState.RED)
            self._greens.pop(parameter, None)  # its end is missing
        elif code in (CALL_ON, CALL_OFF):
            self._call(vehicle, called=code == CALL_ON)
        elif code in (PEDESTRIAN_CALL, BEGIN_WALK):
            self._call(walk, called=code == PEDESTRIAN_CALL)
            if code == BEGIN_WALK:
                self._show(walk, LampState.GREEN)
        elif code == BEGIN_CHANGE:
            self._show(walk, LampState.FLASHING_RED)
        elif code == BEGIN_DONT_WALK:
            self._show(walk, LampState.RED)
        elif code in (PATTERN, CYCLE_LENGTH):
            self._plan = parameter
        elif code == COORDINATION:
            self._coordinate(at_s, parameter)
        return []

    def _coordinate(self, at_s: float, state: int) -> None:
        if state == LOCAL_ZERO:
            self._zero_s = at_s
        elif state == FREE:
            self._zero_s = None

    def _group(self, key: tuple[GroupKind, int]) -> ControllerGroup:
        return self._groups.get(key) or ControllerGroup(key[0], key[1], LampState.RED)

    def _show(self, key: tuple[GroupKind, int], lamp: LampState) -> None:
        self._groups[key] = dataclasses.replace(self._group(key), lamp=lamp)

    def _call(self, key: tuple[GroupKind, int], *, called: bool) -> None:
        self._groups[key] = dataclasses.replace(self._group(key), call=called)

    def _begin(self, phase: int, at_s: float) -> None:
        lengths = self._lengths.setdefault(phase, deque(maxlen=MEAN_OF))
        baseline = sum(lengths) / len(lengths) if lengths else None
        self._greens[phase] = _Green(at_s, self._count.get(phase, 0), baseline)

    def _ask_until(self, time_s: float) -> None:
        """Ask at each whole second of each green before `time_s`, in time order."""
        while True:
            due = [(green.start_s + green.asked, phase) for phase, green in self._greens.items()]
            at_s, phase = min(due, default=(math.inf, 0))
            if at_s > time_s - _SAME_INSTANT_S:
                return
            self._ask(phase, at_s)

    def _ask(self, phase: int, at_s: float) -> None:
        green = self._greens[phase]
        green.asked += 1
        now_ns = round(at_s * NS_PER_S)
        key = (GroupKind.VEHICLE, phase)
        found = self.predictor.predict(key, now_ns=now_ns)
        published = with_forecast(ends_of(self._groups[key]), found, now_ns=now_ns)
        green.least_end_ns = max(green.least_end_ns, published.min_end_ns or 0)
        if green.baseline_s is None:
            return
        elapsed_s = at_s - green.start_s
        baseline_s = max(green.baseline_s - elapsed_s, 0.0)
        if found is None:
            green.said.append((elapsed_s, baseline_s, 0.0, math.inf, 0.0))
            return
        ends = (found.likely_end_ns, found.early_end_ns, found.late_end_ns)
        likely_s, early_s, late_s = ((end_ns - now_ns) / NS_PER_S for end_ns in ends)
        green.said.append((elapsed_s, likely_s, early_s, late_s, found.confidence))

    def _scored(self, phase: int, green: _Green, end_s: float) -> Iterator[Sample]:
        length_s = end_s - green.start_s
        self._lengths[phase].append(length_s)
        self._count[phase] = green.number + 1
        if green.number < WARM_GREENS or green.baseline_s is None:
            return
        cycle = int(green.start_s // self._cycle_s)
        for elapsed_s, likely_s, early_s, late_s, confidence in green.said:
            yield Sample(
                device=self._device,
                phase=phase,
                green=green.number,
                cause=green.cause,
                rest_s=length_s - elapsed_s,
                likely_s=likely_s,
                early_s=early_s,
                late_s=late_s,
                baseline_s=max(green.baseline_s - elapsed_s, 0.0),
                confidence=confidence,
                cycle=cycle,
                promise_broken=green.least_end_ns > round(end_s * NS_PER_S),
            )
