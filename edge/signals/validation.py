"""Checks a stream of signal states with the MAP: what is wrong, with which groups, how grave.

Pure: nothing here reads a clock or a file. `SignalLane` uses the same parts before it publishes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from edge.core.intersection import Intersection
from edge.core.signals import GroupState, IntersectionStatus, MovementState
from edge.core.stamp import NS_PER_MS
from edge.signals.conflicts import (
    Pair,
    derive_conflicts,
    derive_crossings,
    derive_straight_conflicts,
    walkers_of,
)
from edge.signals.validation_colours import CLEARANCE, STEADY_GREEN, ColourCheck, green_conflicts
from edge.signals.validation_ends import EndCheck
from edge.signals.validation_kinds import ColourBounds, EndBounds, Finding, StreamBounds
from edge.signals.validation_stream import Instant, StreamCheck

_UNLIT = frozenset({MovementState.DARK, MovementState.UNAVAILABLE})
_STEADY = STEADY_GREEN | CLEARANCE | {MovementState.STOP_AND_REMAIN}
_REPEATS_NS = 900 * NS_PER_MS
_DARK_STATUS = (
    IntersectionStatus.OFF
    | IntersectionStatus.FAILURE_FLASH
    | IntersectionStatus.PROGRAMMED_FLASH
    | IntersectionStatus.STANDBY
    | IntersectionStatus.FAILURE_MODE
)


@dataclass(frozen=True, slots=True)
class SignalMessage:
    """One intersection of one SPaT, neutral.

    Attributes:
        intersection, region: what it refers to; region None: not said.
        groups: colours and ends, UTC ns.
        status: neutral flags.
        arrival_ns: when it came; None: not recorded.
        made_ns: when it was made by its own words; None: it does not say.
        revision: of the state, modulo 128; None: the set has none.
        count: message count, modulo 128; None: the set has none.
        map_revision: of the MAP that it refers to; None: it does not say.
        absolute: its ends are hour marks.
        anchored: its ends may be compared with its times.
        calls: groups with a registered demand.
        missing: names of fields of the minimum data that are absent.
    """

    intersection: int
    region: int | None
    groups: tuple[GroupState, ...]
    status: IntersectionStatus = IntersectionStatus.NONE
    arrival_ns: int | None = None
    made_ns: int | None = None
    revision: int | None = None
    count: int | None = None
    map_revision: int | None = None
    absolute: bool = True
    anchored: bool = True
    calls: frozenset[int] = frozenset()
    missing: tuple[str, ...] = ()

    @property
    def at_ns(self) -> int:
        """The best time there is; 0: none."""
        if self.made_ns is not None:
            return self.made_ns
        return self.arrival_ns or 0


@dataclass(frozen=True, slots=True)
class Bounds:
    """All bounds of a validator."""

    colours: ColourBounds = field(default_factory=ColourBounds)
    ends: EndBounds = field(default_factory=EndBounds)
    stream: StreamBounds = field(default_factory=StreamBounds)


class Validator:
    """Checks the messages of one intersection, in the order in which they came.

    Counters: messages, and findings by kind.

    Args:
        intersection: the MAP; None: groups and conflicts are not known.
        conflicts: pairs that must not be green together; None: derived from the MAP.
        bounds: see `Bounds`.
        minimum_data: report missing fields of the minimum data.
        yellow_seen: its lights are known to have yellow; else the first yellow tells.
    """

    def __init__(
        self,
        intersection: Intersection | None = None,
        *,
        conflicts: Iterable[Pair] | None = None,
        bounds: Bounds | None = None,
        minimum_data: bool = True,
        yellow_seen: bool = False,
    ) -> None:
        used = bounds or Bounds()
        self._map, self._minimum = intersection, minimum_data
        self._expected = frozenset() if intersection is None else frozenset(intersection.signal_groups)
        walkers = None if intersection is None else walkers_of(intersection)
        if conflicts is None:
            conflicts = () if intersection is None else all_conflicts(intersection)
        self.conflicts = frozenset(conflicts)
        straight = frozenset() if intersection is None else derive_straight_conflicts(intersection)
        self._straight = straight & self.conflicts
        crossings = frozenset() if intersection is None else derive_crossings(intersection)
        self._crossings = sorted(crossings - self.conflicts) if self.conflicts else []
        self._colours = ColourCheck(
            walkers=walkers,
            conflicts=self.conflicts,
            always=self._straight,
            bounds=used.colours,
            all_clear=True,
            yellow_seen=yellow_seen,
        )
        self._ends = EndCheck(
            walkers=walkers,
            clearances_ns=(used.colours.yellow_most_ns, used.colours.walkers_clearing_most_ns),
            bounds=used.ends,
        )
        self._stream = StreamCheck(used.stream)
        self._gap_ns = used.stream.gap_ns
        self._last_ns: int | None = None
        self._clean: SignalMessage | None = None
        self._lit: set[int] = set()
        self.counters: Counter[str] = Counter(messages=0)

    def check(self, message: SignalMessage) -> list[Finding]:
        """Take a message and say all that is wrong with it."""
        self.counters["messages"] += 1
        at_ns = message.at_ns
        found = self._stream_findings(message)
        if self._says_the_same(message, at_ns):
            self._last_ns = at_ns
            self._colours.again(at_ns)
            return self._counted(found)
        late = self._last_ns is not None and at_ns < self._last_ns
        if late and at_ns >= (self._last_ns or 0) - self._gap_ns:
            return self._counted(found)  # older news than what is known
        if late or (self._last_ns is not None and at_ns - self._last_ns > self._gap_ns):
            self._colours.forget()
            self._ends.forget()
        self._last_ns = at_ns
        content = self._content_findings(message, at_ns)
        self._clean = None if content else message
        return self._counted(found + content)

    def _says_the_same(self, message: SignalMessage, at_ns: int) -> bool:
        """Whether a clean message is repeated, so soon that no end and no bound can have passed unseen."""
        clean = self._clean
        return (
            clean is not None
            and 0 <= at_ns - clean.at_ns < _REPEATS_NS
            and message.groups == clean.groups
            and message.status == clean.status
            and not message.calls
            and (message.intersection, message.region, message.map_revision, message.missing)
            == (clean.intersection, clean.region, clean.map_revision, clean.missing)
        )

    def _content_findings(self, message: SignalMessage, at_ns: int) -> list[Finding]:
        found = [*self._map_findings(message, at_ns), *self._status_findings(message, at_ns)]
        if message.status & IntersectionStatus.NO_VALID_SPAT:
            self._colours.forget()
            self._ends.forget()
            return found
        found += self._colours.check(
            ((group.signal_group, group.state) for group in message.groups),
            at_ns=at_ns,
            status=message.status,
            calls=message.calls,
        )
        green = self._colours.rightful
        together = {two for two in self.conflicts if set(two) <= green}
        together |= {two for two in self._straight if set(two) <= self._colours.green}
        found += green_conflicts(together, self._colours.green, at_ns=at_ns)
        found += self._crossing_turns(green, at_ns)
        found += self._ends.check(
            message.groups, now_ns=at_ns, status=message.status, anchored=message.anchored
        )
        return found

    def _crossing_turns(self, green: Collection[int], at_ns: int) -> Iterable[Finding]:
        for one, other in self._crossings:
            if one in green and other in green:
                words = f"signal groups {one} and {other}: protected, and a turn of one crosses the other"
                yield Finding("protected_crossing", words, (one, other), at_ns)

    def _counted(self, found: list[Finding]) -> list[Finding]:
        for finding in found:
            self.counters[finding.kind] += 1
        return found

    def _stream_findings(self, message: SignalMessage) -> list[Finding]:
        colours = tuple((group.signal_group, group.state) for group in message.groups)
        self._stream.absolute = message.absolute and not message.status & IntersectionStatus.NO_VALID_SPAT
        return self._stream.check(
            Instant(
                message.arrival_ns,
                message.made_ns,
                (message.groups, message.status),
                (colours, message.status),
                message.count,
                message.revision,
            )
        )

    def _map_findings(self, message: SignalMessage, at_ns: int) -> Iterable[Finding]:
        if self._minimum and message.missing:
            words = "minimum data missing: " + ", ".join(message.missing)
            yield Finding("minimum_data", words, (), at_ns)
        numbers = Counter(group.signal_group for group in message.groups)
        if not numbers:
            yield Finding("no_groups", "it has no signal group", (), at_ns)
        for number in sorted(number for number, times in numbers.items() if times > 1):
            yield Finding("group_twice", f"signal group {number} is there twice", (number,), at_ns)
        found = self._map
        if found is None:
            return
        if not _same_place(message, found):
            words = f"it is of intersection {_place(message.region, message.intersection)}, "
            words += f"the MAP of {_place(found.region, found.intersection)}"
            yield Finding("map_intersection", words, (), at_ns)
            return
        if message.map_revision is not None and message.map_revision != found.revision:
            words = f"it refers to MAP revision {message.map_revision}, the MAP is revision {found.revision}"
            yield Finding("map_revision", words, (), at_ns)
        missing = tuple(sorted(self._expected - set(numbers)))
        unknown = tuple(sorted(set(numbers) - self._expected))
        if missing:
            yield Finding("group_missing", f"{_groups(missing)} of the MAP missing", missing, at_ns)
        if unknown:
            yield Finding("group_unknown", f"{_groups(unknown)} not on the MAP", unknown, at_ns)

    def _status_findings(self, message: SignalMessage, at_ns: int) -> Iterable[Finding]:
        lit = {group.signal_group for group in message.groups if group.state not in _UNLIT}
        steady = tuple(group.signal_group for group in message.groups if group.state in _STEADY)
        status = message.status
        if status & IntersectionStatus.NO_VALID_SPAT and lit:
            groups = tuple(sorted(lit))
            yield Finding("status_contradicts", "no valid SPAT, and colours all the same", groups, at_ns)
            return
        if status & (IntersectionStatus.OFF | IntersectionStatus.FAILURE_FLASH) and steady:
            yield Finding("status_contradicts", "off or failure flash, and steady lamps", steady, at_ns)
        if not status & (_DARK_STATUS | IntersectionStatus.NO_VALID_SPAT):
            dark = tuple(sorted(self._lit & {g.signal_group for g in message.groups} - lit))
            if dark:
                yield Finding("group_dark", f"{_groups(dark)} went dark", dark, at_ns)
            self._lit |= lit


def all_conflicts(intersection: Intersection) -> frozenset[Pair]:
    """Pairs whose paths conflict where both are protected; whether they are, the colours themselves tell."""
    return derive_conflicts(intersection, protected=dict.fromkeys(intersection.signal_groups, True))


def _same_place(message: SignalMessage, found: Intersection) -> bool:
    regions = (message.region or 0, found.region or 0)
    return message.intersection == found.intersection and regions[0] == regions[1]


def _place(region: int | None, intersection: int) -> str:
    return f"{intersection}" if region is None else f"{intersection} of region {region}"


def _groups(numbers: Collection[int]) -> str:
    word = "signal group" if len(numbers) == 1 else "signal groups"
    return f"{word} {', '.join(map(str, numbers))}"
