"""What a TLC has told about its signal groups, as snapshots.

Source: TLC-FI 1.1, objects Intersection and SignalGroup: state, stateticks, predictions, and timing of the meta data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from edge.core.signals import ControllerGroup, GroupKind, IntersectionStatus, LampState, SignalSnapshot
from edge.core.stamp import NS_PER_MS, NS_PER_S, Stamp, TimeSource
from hw.signal.tlcfi import LAMPS, MAX_PREDICTIONS, TICK_WRAP, Rpc, is_number, lamp_of
from hw.signal.tlcfi_clock import TickClock

ConfidenceScale = Literal["j2735", "percent"]
TENTH_NS = 100 * NS_PER_MS
CLOCK_LIMIT_NS = 5 * NS_PER_S
"""An update whose ticks are further from its arrival is stamped at arrival, without its times."""
PROBABILITY_PERCENT = (21, 36, 47, 56, 62, 68, 73, 77, 81, 85, 88, 91, 94, 96, 98, 100)
"""SAE J2735 TimeIntervalConfidence 0 to 15."""
STATUS = {
    0: IntersectionStatus.FAILURE_MODE,  # error
    1: IntersectionStatus.OFF,  # dark
    2: IntersectionStatus.STANDBY,  # flashing yellow, as a rule
    3: IntersectionStatus.STANDBY,  # alternative standby
    6: IntersectionStatus.NONE,  # all red
    7: IntersectionStatus.NONE,  # in control
}
"""Neutral flags of the state of an intersection; 4 and 5 are switching on and off."""


@dataclass(frozen=True, slots=True)
class TlcfiGroup:
    """A signal group that the site file maps.

    Attributes:
        name: its id at the TLC.
        number: the site file's number for it.
        kind: what the site file calls it.
    """

    name: str
    number: int
    kind: GroupKind = GroupKind.GROUP


def match_names(
    groups: Sequence[tuple[int, GroupKind, str | None]], names: Sequence[str]
) -> tuple[TlcfiGroup, ...]:
    """Which id of the TLC is which group of the site file.

    An id that the site file writes is taken as it is. A group without one is the TLC's id that is the same number,
    leading zeros aside ("02" is 2), as long as it is the only such id.

    Args:
        groups: number, kind and id of each group of the site file.
        names: ids of the TLC's signal groups.
    """
    written = {name for _number, _kind, name in groups if name is not None}
    by_value: dict[int, list[str]] = {}
    for name in names:
        if name.isascii() and name.isdigit() and name not in written:
            by_value.setdefault(int(name), []).append(name)
    found = []
    for number, kind, own in groups:
        candidates = by_value.get(number, []) if own is None else [own]
        if len(candidates) == 1 and candidates[0] in names:
            found.append(TlcfiGroup(candidates[0], number, kind))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Prediction:
    state: int
    least_ns: int | None
    latest_ns: int | None
    likely_ns: int | None
    confidence: float | None


@dataclass(slots=True)
class _Light:
    state: int | None = None
    begun_ns: int | None = None
    coming: tuple[_Prediction, ...] = ()


class TlcfiLights:
    """Keeps what each signal group shows and what is predicted for it. Pure.

    Counters: bad_content (states or predictions that are none), clock_rejected.
    """

    def __init__(
        self, name: str, *, clock: TickClock, scale: ConfidenceScale, counters: Counter[str]
    ) -> None:
        self._name, self._clock, self._scale, self._counters = name, clock, scale, counters
        self._groups: dict[str, TlcfiGroup] = {}
        self._lights: dict[str, _Light] = {}
        self._timing: dict[tuple[str, int], tuple[int | None, int | None]] = {}
        self._stamp: Stamp | None = None
        self._status = IntersectionStatus.NONE

    def name_groups(self, groups: Sequence[TlcfiGroup]) -> None:
        """Say which groups there are."""
        self._groups = {group.name: group for group in groups}
        self._lights = {group.name: _Light() for group in groups}

    def set_intersection(self, state: object) -> None:
        """The state of the whole intersection."""
        if isinstance(state, int):
            self._status = STATUS.get(state, IntersectionStatus.NONE)

    def set_timing(self, name: str, timing: object) -> None:
        """Least and longest duration of each state of a group, from its meta data in tenths of a second."""
        for entry in timing if isinstance(timing, list) else ():
            if isinstance(entry, dict) and is_number(entry.get("state"), len(LAMPS)):
                self._timing[name, entry["state"]] = (_tenths(entry.get("min")), _tenths(entry.get("max")))

    def take(self, states: Sequence[tuple[str, Rpc]], *, ticks: object, arrival_ns: int) -> bool:
        """Take new states or predictions; whether a lamp changed.

        Args:
            ticks: of the message.
        """
        at_ns = self._when(ticks, arrival_ns)
        if at_ns is None:
            self._counters["clock_rejected"] += 1
        changed = False
        for name, state in states:
            light = self._lights.get(name)
            if light is not None:
                changed |= self._update(light, state, at_ns, arrival_ns)
        late_ns = 0 if at_ns is None else max(0, arrival_ns - at_ns)
        if at_ns is None:
            self._stamp = Stamp(arrival_ns, TimeSource.ARRIVAL, CLOCK_LIMIT_NS)
        else:
            self._stamp = Stamp(arrival_ns - late_ns, TimeSource.SENSOR, self._clock.error_ns)
        return changed

    def snapshot(self, *, alive_ns: int) -> SignalSnapshot | None:
        """All mapped groups; None before the TLC has told any."""
        if self._stamp is None:
            return None
        groups = tuple(self._group(group, self._lights[name]) for name, group in self._groups.items())
        return SignalSnapshot(
            controller=self._name, stamp=self._stamp, alive_ns=alive_ns, groups=groups, status=self._status
        )

    def _when(self, ticks: object, arrival_ns: int) -> int | None:
        if not is_number(ticks, TICK_WRAP):
            return None
        at_ns = self._clock.utc_ns(ticks, near_ns=arrival_ns)
        return at_ns if at_ns is not None and abs(at_ns - arrival_ns) <= CLOCK_LIMIT_NS else None

    def _update(self, light: _Light, told: Mapping[str, object], at_ns: int | None, arrival_ns: int) -> bool:
        changed = False
        state = told.get("state", light.state)
        if state != light.state:
            light.state, changed = (state if is_number(state, len(LAMPS)) else None), True
            self._counters["bad_content"] += light.state is None
            light.begun_ns = at_ns
            light.coming = _from_state(light.coming, light.state)
        begun = told.get("stateticks")
        if at_ns is not None and is_number(begun, TICK_WRAP):
            light.begun_ns = self._clock.utc_ns(begun, near_ns=at_ns)
        if "predictions" in told:
            light.coming = () if at_ns is None else self._predictions(told["predictions"], at_ns)
            light.coming = _from_state(light.coming, light.state)
        return changed

    def _predictions(self, told: object, at_ns: int) -> tuple[_Prediction, ...]:
        found = []
        for entry in told[:MAX_PREDICTIONS] if isinstance(told, list) else ():
            if not isinstance(entry, dict) or not is_number(entry.get("state"), len(LAMPS)):
                self._counters["bad_content"] += 1
                break
            least, latest, likely = (
                self._end(entry, key, at_ns) for key in ("minEnd", "maxEnd", "likelyEnd")
            )
            confidence = self._confidence(entry.get("confidence"))
            found.append(_Prediction(entry["state"], least, latest, likely, confidence))
        return tuple(found)

    def _end(self, entry: Mapping[str, object], key: str, at_ns: int) -> int | None:
        ticks = entry.get(key)
        return self._clock.utc_ns(ticks, near_ns=at_ns) if is_number(ticks, TICK_WRAP) else None

    def _confidence(self, told: object) -> float | None:
        if self._scale == "percent":
            return told / 100 if is_number(told, 101) else None
        return PROBABILITY_PERCENT[told] / 100 if is_number(told, len(PROBABILITY_PERCENT)) else None

    def _group(self, group: TlcfiGroup, light: _Light) -> ControllerGroup:
        lamp = LampState.UNKNOWN if light.state is None else lamp_of(light.state)
        if not light.coming:
            least, latest = self._timed(group.name, light)
            return ControllerGroup(group.kind, group.number, lamp, least, latest)
        now = light.coming[0]
        follows = lamp_of(light.coming[1].state) if len(light.coming) > 1 else None
        return ControllerGroup(
            group.kind,
            group.number,
            lamp,
            now.least_ns,
            now.latest_ns,
            now.likely_ns,
            confidence=None if now.likely_ns is None else now.confidence,
            next_lamp=follows,
        )

    def _timed(self, name: str, light: _Light) -> tuple[int | None, int | None]:
        """Without predictions: what the durations of the meta data guarantee."""
        if light.state is None or light.begun_ns is None:
            return None, None
        least, latest = self._timing.get((name, light.state), (None, None))
        begun = light.begun_ns
        return None if least is None else begun + least, None if latest is None else begun + latest


def _from_state(coming: tuple[_Prediction, ...], state: int | None) -> tuple[_Prediction, ...]:
    """Predictions from the one for the present state on; none where there is none for it."""
    for index, prediction in enumerate(coming):
        if prediction.state == state:
            return coming[index:]
    return ()


def _tenths(value: object) -> int | None:
    return value * TENTH_NS if is_number(value, 1 << 24) else None
