"""What the phase tables of a controller promise about the lamps that polls show. Pure.

A poll tells the lamps at an instant; a change happened between two polls. So the start of a lamp is an interval, and a
promise is counted from its safe side. What is a promise, and of what:

- yellow lasts exactly its time: both ends;
- green lasts at least the minimum green, walk its walk time, pedestrian clearance its clearance time;
- red lasts at least the phase's red clearance, and as long as another phase of its ring must still show green, yellow
  and red clearance: a ring serves one phase at a time.

There is no latest end of green: the maximum timer runs only while a serviceable conflicting call stands, such a call
may be withdrawn, coordination inhibits it, the other ring may hold the barrier. The tables do not say which holds.

Nothing is promised of a lamp whose start was not seen, nor under preemption, stop time or flash; nor of an interval of
a phase that was once seen to break its table: then the controller runs another table than it shows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from edge.core.signals import ControllerGroup, GroupKind, IntersectionStatus, LampState
from edge.core.stamp import NS_PER_MS

_TENTH_NS = 100 * NS_PER_MS
RESOLUTION_NS = 50 * NS_PER_MS
"""How exactly a controller keeps a time of its tables, beyond what polls leave open."""
DISTURBED = (
    IntersectionStatus.STOP_TIME
    | IntersectionStatus.PREEMPT
    | IntersectionStatus.FAILURE_FLASH
    | IntersectionStatus.PROGRAMMED_FLASH
)
Key = tuple[GroupKind, int]


@dataclass(frozen=True, slots=True)
class PhaseTable:
    """Times of one phase in tenths of a second; None: not told, or none.

    Attributes:
        walk_ds, ped_clear_ds, min_green_ds, yellow_ds, red_clear_ds: as their names say.
        ring: ring of the phase; 0 none.
    """

    walk_ds: int | None = None
    ped_clear_ds: int | None = None
    min_green_ds: int | None = None
    yellow_ds: int | None = None
    red_clear_ds: int | None = None
    ring: int = 0


@dataclass(frozen=True, slots=True)
class Instant:
    """When lamps were read: UTC ns between which the controller's own status was true."""

    early_ns: int
    late_ns: int


@dataclass(slots=True)
class _Run:
    """One lamp for as long as it stays.

    Attributes:
        lamp: what it shows.
        before: what it showed before; None: not seen.
        start: interval in which it began; None: not seen.
        disturbed: something kept the controller from timing it after its tables.
        min_ns: best promise so far.
    """

    lamp: LampState
    before: LampState | None = None
    start: Instant | None = None
    disturbed: bool = False
    min_ns: int | None = None


class PromiseMaker:
    """Follows the lamps of one controller and adds what is promised of them.

    Counters: tables_broken (intervals that did not last as their table says).

    Args:
        gap_ns: polls that are further apart than this may have missed a whole interval.
    """

    def __init__(self, counters: Counter[str], *, gap_ns: int) -> None:
        self._counters, self._gap_ns = counters, gap_ns
        self._tables: dict[int, PhaseTable] = {}
        self._rings: dict[int, int] = {}
        self._broken: set[tuple[Key, LampState]] = set()
        self._runs: dict[Key, _Run] = {}
        self._last: Instant | None = None

    def set_tables(self, tables: Mapping[int, PhaseTable]) -> None:
        """Use these from now on; a phase whose table changed is trusted anew, and its present lamps promise nothing."""
        changed = {phase for phase in tables if tables[phase] != self._tables.get(phase)}
        self._broken = {entry for entry in self._broken if entry[0][1] not in changed}
        for (_kind, number), run in self._runs.items():
            if number in changed and self._tables:
                run.start = run.min_ns = None
        self._tables = dict(tables)

    def forget(self) -> None:
        """No start of a present lamp is known any more."""
        self._runs.clear()
        self._last = None

    def add(
        self, groups: Sequence[ControllerGroup], instant: Instant, status: IntersectionStatus
    ) -> list[ControllerGroup]:
        """The groups of one poll with their promised ends.

        Args:
            instant: when the lamps were so.
            status: of the intersection at that time.
        """
        last = self._last
        if last is not None and not 0 <= instant.early_ns - last.early_ns <= self._gap_ns:
            self.forget()
        disturbed = bool(status & DISTURBED)
        for group in groups:
            self._follow(group, instant, disturbed=disturbed)
        self._last = instant
        if disturbed:
            return list(groups)
        busy = self._ring_ends(groups, instant)
        return [self._promised(group, busy) for group in groups]

    def _follow(self, group: ControllerGroup, instant: Instant, *, disturbed: bool) -> None:
        key = (group.kind, group.number)
        run = self._runs.get(key)
        if run is not None and run.lamp is group.lamp:
            if disturbed:
                run.disturbed, run.min_ns = True, None
            return
        if run is None or self._last is None:
            self._runs[key] = _Run(group.lamp, disturbed=disturbed)
            return
        start = Instant(self._last.early_ns, instant.late_ns)
        if not run.disturbed and not disturbed:
            self._check(key, run, start)
        self._runs[key] = _Run(group.lamp, run.lamp, start, disturbed)

    def _check(self, key: Key, run: _Run, end: Instant) -> None:
        """Did the interval that ended last as its table says?"""
        least = self._least_ns(key, run)
        if run.start is None or least is None:
            return
        longest = end.late_ns - run.start.early_ns
        shortest = end.early_ns - run.start.late_ns
        exact = run.lamp is LampState.YELLOW
        if longest < least - RESOLUTION_NS or (exact and shortest > least + RESOLUTION_NS):
            self._counters["tables_broken"] += 1
            self._broken.add((key, run.lamp))

    def _least_ns(self, key: Key, run: _Run) -> int | None:
        """How long the present lamp lasts at least after its own table, ns; None: not told."""
        table = self._tables.get(key[1])
        if table is None or (key, run.lamp) in self._broken:
            return None
        tenths: int | None = None
        if key[0] is GroupKind.VEHICLE and run.lamp is LampState.GREEN:
            tenths = table.min_green_ds
        elif key[0] is GroupKind.VEHICLE and run.lamp is LampState.YELLOW:
            tenths = table.yellow_ds if run.before is LampState.GREEN else None
        elif key[0] is GroupKind.VEHICLE and run.lamp is LampState.RED:
            tenths = table.red_clear_ds if run.before is LampState.YELLOW else None
        elif key[0] is GroupKind.PEDESTRIAN and run.lamp is LampState.GREEN:
            tenths = table.walk_ds
        elif key[0] is GroupKind.PEDESTRIAN and run.lamp is LampState.FLASHING_RED:
            tenths = table.ped_clear_ds if run.before is LampState.GREEN else None
        return None if tenths is None else tenths * _TENTH_NS

    def _own_min_ns(self, key: Key) -> int | None:
        run = self._runs[key]
        least = self._least_ns(key, run)
        if least is None or run.start is None or run.disturbed:
            return None
        return run.start.early_ns + least

    def _ring_ends(self, groups: Iterable[ControllerGroup], instant: Instant) -> dict[int, dict[int, int]]:
        """Per ring and phase of it: UTC ns before which no other phase of the ring can show green."""
        ends: dict[int, dict[int, int]] = {}
        for group in groups:
            table = self._tables.get(group.number)
            if group.kind is not GroupKind.VEHICLE or table is None or not table.ring:
                continue
            end_ns = self._busy_until_ns(group, table, instant)
            if end_ns is not None:
                ends.setdefault(table.ring, {})[group.number] = end_ns
        return ends

    def _busy_until_ns(self, group: ControllerGroup, table: PhaseTable, instant: Instant) -> int | None:
        key = (GroupKind.VEHICLE, group.number)
        yellow_ns, red_ns = (self._then_ns(key, lamp, table) for lamp in (LampState.YELLOW, LampState.RED))
        own = self._own_min_ns(key)
        if group.lamp is LampState.GREEN:
            return max(own or 0, instant.early_ns) + yellow_ns + red_ns
        if group.lamp is LampState.YELLOW:
            return max(own or 0, instant.early_ns) + red_ns
        return own if group.lamp is LampState.RED else None

    def _then_ns(self, key: Key, lamp: LampState, table: PhaseTable) -> int:
        if (key, lamp) in self._broken:
            return 0
        tenths = table.yellow_ds if lamp is LampState.YELLOW else table.red_clear_ds
        return (tenths or 0) * _TENTH_NS

    def _promised(self, group: ControllerGroup, busy: Mapping[int, Mapping[int, int]]) -> ControllerGroup:
        key = (group.kind, group.number)
        run = self._runs[key]
        bounds = [bound for bound in (run.min_ns, self._own_min_ns(key)) if bound is not None]
        table = self._tables.get(group.number)
        if group.kind is GroupKind.VEHICLE and group.lamp is LampState.RED and table is not None:
            bounds += [end for phase, end in busy.get(table.ring, {}).items() if phase != group.number]
        if not bounds:
            return group
        run.min_ns = max(bounds)
        latest: int | None = None
        if run.lamp is LampState.YELLOW and run.start is not None:
            least = self._least_ns(key, run)
            latest = None if least is None or run.disturbed else run.start.late_ns + least
        return replace(group, min_end_ns=run.min_ns, max_end_ns=latest)
