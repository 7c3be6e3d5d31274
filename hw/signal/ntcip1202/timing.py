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
from collections.abc import Mapping, Sequence
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
    """One lamp of one group for as long as it stays.

    Attributes:
        key: the group.
        lamp: what it shows.
        before: what it showed before; None: not seen.
        start: interval in which it began; None: not seen.
        least_ns: how long it lasts at least after its own table; None: not told.
        disturbed: something kept the controller from timing it after its tables.
        min_ns: best promise so far, UTC ns.
    """

    key: Key
    lamp: LampState
    before: LampState | None = None
    start: Instant | None = None
    least_ns: int | None = None
    disturbed: bool = False
    min_ns: int | None = None

    @property
    def own_min_ns(self) -> int | None:
        """End that its own table promises, UTC ns."""
        if self.least_ns is None or self.start is None or self.disturbed:
            return None
        return self.start.early_ns + self.least_ns


class PromiseMaker:
    """Follows the lamps of one controller and adds what is promised of them.

    Counters: tables_broken (intervals that did not last as their table says).

    Args:
        gap_ns: polls that are further apart than this may have missed a whole interval.
    """

    def __init__(self, counters: Counter[str], *, gap_ns: int) -> None:
        self._counters, self._gap_ns = counters, gap_ns
        self._tables: dict[int, PhaseTable] = {}
        self._broken: set[tuple[Key, LampState]] = set()
        self._runs: list[_Run] = []
        self._last: Instant | None = None

    def set_tables(self, tables: Mapping[int, PhaseTable]) -> None:
        """Use these from now on; a phase whose table changed is trusted anew, and its present lamps promise nothing."""
        changed = {phase for phase in tables if tables[phase] != self._tables.get(phase)}
        self._broken = {entry for entry in self._broken if entry[0][1] not in changed}
        first, self._tables = not self._tables, dict(tables)
        for run in self._runs:
            if run.key[1] not in changed:
                continue
            run.least_ns = self._least_ns(run)
            if not first:
                run.start = run.min_ns = None

    def forget(self) -> None:
        """No start of a present lamp is known any more."""
        self._runs.clear()
        self._last = None

    def add(
        self, groups: Sequence[ControllerGroup], instant: Instant, status: IntersectionStatus
    ) -> list[ControllerGroup]:
        """The groups of one poll with their promised ends.

        Args:
            groups: the same groups in the same order until `forget`.
            instant: when the lamps were so.
            status: of the intersection at that time.
        """
        last = self._last
        if last is not None and not 0 <= instant.early_ns - last.early_ns <= self._gap_ns:
            self.forget()
        disturbed = bool(status & DISTURBED)
        if not self._runs:
            keys = (((group.kind, group.number), group.lamp) for group in groups)
            self._runs = [_Run(key, lamp, disturbed=disturbed) for key, lamp in keys]
        for index, (run, group) in enumerate(zip(self._runs, groups, strict=True)):
            if run.lamp is not group.lamp:
                self._runs[index] = self._next(run, group.lamp, instant, disturbed=disturbed)
            elif disturbed:
                run.disturbed, run.min_ns = True, None
        self._last = instant
        if disturbed:
            return list(groups)
        busy = self._ring_ends(instant)
        return [self._promised(run, group, busy) for run, group in zip(self._runs, groups, strict=True)]

    def _next(self, run: _Run, lamp: LampState, instant: Instant, *, disturbed: bool) -> _Run:
        """The lamp changed."""
        assert self._last is not None
        start = Instant(self._last.early_ns, instant.late_ns)
        if not run.disturbed and not disturbed:
            self._check(run, start)
        found = _Run(run.key, lamp, run.lamp, start, disturbed=disturbed)
        found.least_ns = self._least_ns(found)
        return found

    def _check(self, run: _Run, end: Instant) -> None:
        """Did the interval that ended last as its table says?"""
        if run.start is None or run.least_ns is None:
            return
        longest = end.late_ns - run.start.early_ns
        shortest = end.early_ns - run.start.late_ns
        exact = run.lamp is LampState.YELLOW
        if longest < run.least_ns - RESOLUTION_NS or (exact and shortest > run.least_ns + RESOLUTION_NS):
            self._counters["tables_broken"] += 1
            self._broken.add((run.key, run.lamp))

    def _least_ns(self, run: _Run) -> int | None:
        table = self._tables.get(run.key[1])
        if table is None or (run.key, run.lamp) in self._broken:
            return None
        walkers = run.key[0] is GroupKind.PEDESTRIAN
        tenths: int | None = None
        if run.key[0] is GroupKind.OVERLAP:
            tenths = None
        elif run.lamp is LampState.GREEN:
            tenths = table.walk_ds if walkers else table.min_green_ds
        elif run.lamp is LampState.FLASHING_RED and walkers and run.before is LampState.GREEN:
            tenths = table.ped_clear_ds
        elif run.lamp is LampState.YELLOW and run.before is LampState.GREEN:
            tenths = table.yellow_ds
        elif run.lamp is LampState.RED and run.before is LampState.YELLOW:
            tenths = table.red_clear_ds
        return None if tenths is None else tenths * _TENTH_NS

    def _ring_ends(self, instant: Instant) -> dict[int, list[tuple[int, int]]]:
        """Per ring: its busy phases, and UTC ns before which no other phase of the ring can show green."""
        ends: dict[int, list[tuple[int, int]]] = {}
        for run in self._runs:
            if run.key[0] is not GroupKind.VEHICLE or run.lamp is LampState.DARK:
                continue
            table = self._tables.get(run.key[1])
            end_ns = self._busy_until_ns(run, table, instant) if table is not None and table.ring else None
            if end_ns is not None and table is not None:
                ends.setdefault(table.ring, []).append((run.key[1], end_ns))
        return ends

    def _busy_until_ns(self, run: _Run, table: PhaseTable, instant: Instant) -> int | None:
        own = run.own_min_ns
        if run.lamp is LampState.RED:
            return own
        if run.lamp is LampState.YELLOW:
            return max(own or 0, instant.early_ns) + self._then_ns(run.key, LampState.RED, table)
        if run.lamp is LampState.GREEN:
            clearing = (LampState.YELLOW, LampState.RED)
            return max(own or 0, instant.early_ns) + sum(
                self._then_ns(run.key, lamp, table) for lamp in clearing
            )
        return None

    def _then_ns(self, key: Key, lamp: LampState, table: PhaseTable) -> int:
        if (key, lamp) in self._broken:
            return 0
        tenths = table.yellow_ds if lamp is LampState.YELLOW else table.red_clear_ds
        return (tenths or 0) * _TENTH_NS

    def _promised(
        self, run: _Run, group: ControllerGroup, busy: Mapping[int, Sequence[tuple[int, int]]]
    ) -> ControllerGroup:
        if run.lamp is LampState.DARK:
            return group
        best = max(run.min_ns or 0, run.own_min_ns or 0)
        if run.lamp is LampState.RED and run.key[0] is GroupKind.VEHICLE:
            number = run.key[1]
            table = self._tables.get(number)
            others = busy.get(table.ring, ()) if table is not None else ()
            best = max(best, *(end for phase, end in others if phase != number), 0)
        if not best:
            return group
        run.min_ns = best
        latest: int | None = None
        if run.lamp is LampState.YELLOW and run.least_ns is not None and run.start is not None:
            latest = None if run.disturbed else run.start.late_ns + run.least_ns
        return replace(group, min_end_ns=best, max_end_ns=latest)
