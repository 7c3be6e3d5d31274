"""What a GB/T 20999 controller has told so far, and the neutral snapshot of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from edge.core.signals import ControllerGroup, GroupKind, IntersectionStatus, LampState, SignalSnapshot
from edge.core.stamp import NS_PER_S, Stamp
from hw.signal import gb20999_objects as objects
from hw.signal.gb20999 import DataValue
from hw.signal.gb20999_codes import Lamp, LampType, Mode, StageCall, StageState
from hw.signal.gb20999_countdown import StageClock, StageEnd, StageReading
from hw.signal.gb20999_objects import Path
from hw.signal.gb20999_stages import Phase, PlanStage, Running, Stage, Step, Tables, group_end

_LAMPS = {
    Lamp.OFF: LampState.DARK,
    Lamp.RED: LampState.RED,
    Lamp.RED_FLASH: LampState.FLASHING_RED,
    Lamp.RED_FAST_FLASH: LampState.FLASHING_RED,
    Lamp.GREEN: LampState.GREEN,
    Lamp.GREEN_FLASH: LampState.FLASHING_GREEN,
    Lamp.GREEN_FAST_FLASH: LampState.FLASHING_GREEN,
    Lamp.YELLOW: LampState.YELLOW,
    Lamp.YELLOW_FLASH: LampState.FLASHING_YELLOW,
    Lamp.YELLOW_FAST_FLASH: LampState.FLASHING_YELLOW,
    Lamp.RED_YELLOW: LampState.RED_YELLOW,
}
_KINDS = {
    LampType.PEDESTRIAN: GroupKind.PEDESTRIAN,
    LampType.LANE: GroupKind.GROUP,
    LampType.VARIABLE_SIGN: GroupKind.GROUP,
} | dict.fromkeys(
    (LampType.MOTOR_VEHICLE, LampType.NON_MOTOR_VEHICLE, LampType.BUS, LampType.TRAM, LampType.SPECIAL),
    GroupKind.VEHICLE,
)
_STATUS = {
    Mode.CENTRE_MANUAL: IntersectionStatus.MANUAL_CONTROL,
    Mode.LOCAL_MANUAL: IntersectionStatus.MANUAL_CONTROL,
    Mode.CENTRE_TIMETABLE: IntersectionStatus.FIXED_TIME,
    Mode.CENTRE_COORDINATED: IntersectionStatus.FIXED_TIME,
    Mode.LOCAL_FIXED_TIME: IntersectionStatus.FIXED_TIME,
    Mode.LOCAL_COORDINATED: IntersectionStatus.FIXED_TIME,
    Mode.CENTRE_OPTIMISED: IntersectionStatus.TRAFFIC_DEPENDENT,
    Mode.CENTRE_ADAPTIVE: IntersectionStatus.TRAFFIC_DEPENDENT,
    Mode.LOCAL_ACTUATED: IntersectionStatus.TRAFFIC_DEPENDENT,
    Mode.LOCAL_ADAPTIVE: IntersectionStatus.TRAFFIC_DEPENDENT,
    Mode.FLASH: IntersectionStatus.PROGRAMMED_FLASH,
    Mode.ALL_OFF: IntersectionStatus.OFF,
}
"""Modes that only name who controls (10, 20, 30) and all red have no neutral flag."""
_LONGEST_PLAUSIBLE_INTERGREEN_S = 20
_UNTOLD = b"\0"
"""No code of a lamp."""


def lamp_of(code: int) -> LampState:
    """The neutral lamp of a code; codes that the standard does not know are unknown."""
    return _LAMPS.get(code, LampState.UNKNOWN)  # type: ignore[call-overload, no-any-return]


def kind_of(code: int | None) -> GroupKind | None:
    """The neutral kind of a type of lamp group; None: not told, or no type of the standard."""
    return _KINDS.get(code)  # type: ignore[call-overload, no-any-return]


def status_of(mode: int | None) -> IntersectionStatus:
    """The neutral flags of a run mode."""
    return _STATUS.get(mode, IntersectionStatus.NONE)  # type: ignore[call-overload, no-any-return]


class Picture:
    """Values of one controller by address, kept as they come; bounded, for only known objects are kept.

    Counters: unknown_objects, and those of `StageClock`.

    Args:
        crossing: number of the crossing in the tables of run state, from 1.
        kinds: kind of a lamp group by number, where the controller does not tell its type.
        lamp_life_ns: a lamp told longer than this before the snapshot is unknown; None: it holds until it is told anew.
    """

    def __init__(
        self,
        *,
        counters: Counter[str],
        crossing: int = 1,
        kinds: Mapping[int, GroupKind] | None = None,
        lamp_life_ns: int | None = None,
    ) -> None:
        self._crossing, self._kinds = crossing, dict(kinds or {})
        self._values: dict[Path, dict[int, bytes]] = {}
        self._counters, self._lamp_life_ns = counters, lamp_life_ns
        self._lamps_told_ns: dict[int, int] = {}
        self._clock = StageClock(counters)
        self._end: StageEnd | None = None
        self._tables: Tables | None = None

    def take(self, values: tuple[DataValue, ...], *, sent_ns: int, arrival_ns: int) -> frozenset[Path]:
        """Keep the values of a reply or report.

        Args:
            sent_ns, arrival_ns: bounds of the instant at which they were so, UTC ns.

        Returns:
            Objects that were told; of lamps only with a state of them.
        """
        told: set[Path] = set()
        for value in values:
            if value.address is None or (path := value.address[:3]) not in objects.OBJECTS:
                self._counters["unknown_objects"] += 1
                continue
            parts, kept = objects.elements(value), self._values.setdefault(path, {})
            if parts:
                if path not in _LIVE and any(kept.get(n) != data for n, data in parts.items()):
                    self._tables = None
                kept.update(parts)
                told.add(path)
                if path == objects.LAMP_STATE:
                    self._lamps_told_ns.update(dict.fromkeys(parts, arrival_ns))
                    if not value.address.element:  # all there are: of others nothing is known any more
                        kept.update(dict.fromkeys(kept.keys() - parts.keys(), _UNTOLD))
        if objects.STAGE_REMAINING in told:
            together = objects.STAGE_ELAPSED in told
            self._end = self._read_countdown(sent_ns, arrival_ns, together=together)
        return frozenset(told)

    def forget_countdown(self) -> None:
        """Begin anew with the end of the running stage, where the time between readings is not known; so with lamps."""
        self._lamps_told_ns.clear()
        self._clock, self._end = StageClock(self._counters), None

    def octets(self, path: Path, element: int = 0) -> bytes:
        """A value as it came; empty: not told."""
        return self._values.get(path, {}).get(element, b"")

    def number(self, path: Path, element: int = 0) -> int | None:
        """A value as a number; None: not told."""
        data = self.octets(path, element)
        return None if not data else int.from_bytes(data, "big")

    @property
    def lamps(self) -> dict[int, LampState]:
        """Lamp of each group told."""
        told = self._values.get(objects.LAMP_STATE, {})
        return {n: lamp_of(int.from_bytes(data, "big")) for n, data in told.items() if n}

    @property
    def mode(self) -> int | None:
        """Run mode of the crossing."""
        return self.number(objects.RUN_MODE, self._crossing)

    @property
    def plan(self) -> int | None:
        """Running plan; None: not told, or none."""
        return self.number(objects.CURRENT_PLAN, self._crossing) or None

    @property
    def stage(self) -> int | None:
        """Running stage: as told, else the only one that is not without the right of way."""
        told = self.number(objects.CURRENT_STAGE, self._crossing)
        if told:
            return told
        states = self._values.get(objects.STAGE_STATE, {})
        running = [n for n, data in states.items() if data in (b"\x20", b"\x30")]
        return running[0] if len(running) == 1 else None

    @property
    def stages(self) -> dict[int, dict[str, int | None]]:
        """State code, elapsed and remaining seconds of each stage told."""
        paths = (objects.STAGE_STATE, objects.STAGE_ELAPSED, objects.STAGE_REMAINING)
        told = sorted({stage for path in paths for stage in self._values.get(path, {}) if stage})
        names = ("state", "elapsed_s", "remaining_s")
        return {
            stage: {name: self.number(path, stage) for name, path in zip(names, paths, strict=True)}
            for stage in told
        }

    @property
    def tables(self) -> Tables:
        """What is configured, of what has been told."""
        if self._tables is None:
            self._tables = Tables(self._phases(), self._stages(), self._chain())
        return self._tables

    @property
    def status(self) -> IntersectionStatus:
        """Neutral status flags."""
        status = status_of(self.mode)
        if self._any_runs(objects.PRIORITY_RUNS):
            status |= IntersectionStatus.PRIORITY
        if self._any_runs(objects.EMERGENCY_RUNS):
            status |= IntersectionStatus.PREEMPT
        return status

    def snapshot(self, *, controller: str, stamp: Stamp, alive_ns: int) -> SignalSnapshot:
        """Every lamp group, with the ends that the countdown of the stage gives."""
        status = self.status
        running = self._running()
        counts = running is not None and self.mode not in _COUNTLESS
        promised = counts and status == IntersectionStatus.FIXED_TIME
        groups = tuple(
            self._group(
                number, self._fresh(number, lamp, stamp), running if counts else None, promised=promised
            )
            for number, lamp in sorted(self.lamps.items())
        )
        position = self._cycle_position_s(running)
        return SignalSnapshot(controller, stamp, alive_ns, groups, status, self.plan, position)

    def _fresh(self, number: int, lamp: LampState, stamp: Stamp) -> LampState:
        """The lamp, or unknown where the stamp would make it younger than it is."""
        if self._lamp_life_ns is None:
            return lamp
        told_ns = self._lamps_told_ns.get(number)
        old = told_ns is None or stamp.capture_ns - told_ns > self._lamp_life_ns
        return LampState.UNKNOWN if old else lamp

    def _group(
        self, number: int, lamp: LampState, running: Running | None, *, promised: bool
    ) -> ControllerGroup:
        kind = kind_of(self.number(objects.LAMP_TYPE, number)) or self._kinds.get(number, GroupKind.GROUP)
        if running is None or self._end is None:
            return ControllerGroup(kind, number, lamp)
        end, ends = self._end, group_end(number, lamp, running, self.tables)
        promised = promised and end.as_planned
        middle_ns = (end.earliest_ns + end.latest_ns) // 2
        return ControllerGroup(
            kind,
            number,
            lamp,
            _shifted(end.earliest_ns, ends.earliest_s) if promised else None,
            _shifted(end.latest_ns, ends.latest_s) if promised else None,
            _shifted(middle_ns, ends.likely_s),
        )

    def _running(self) -> Running | None:
        stage = self.stage
        if stage is None:
            return None
        state = self.number(objects.STAGE_STATE, stage)
        elapsed = self.number(objects.STAGE_ELAPSED, stage)
        remaining = self.number(objects.STAGE_REMAINING, stage)
        return Running(stage, state == StageState.TRANSITION, elapsed, remaining)

    def _read_countdown(self, sent_ns: int, arrival_ns: int, *, together: bool) -> StageEnd | None:
        """The end after a new count; elapsed time that was not told with it is of another instant and no check."""
        running = self._running()
        if running is None:
            return None
        elapsed_s = running.elapsed_s if together else None
        lengths = {entry.length_s for entry in self.tables.chain if entry.stage == running.stage}
        planned = lengths.pop() if len(lengths) == 1 else None
        return self._clock.read(
            StageReading(running.stage, running.remaining_s, elapsed_s, planned, sent_ns, arrival_ns)
        )

    def _cycle_position_s(self, running: Running | None) -> float | None:
        if running is None or running.elapsed_s is None:
            return None
        stages = [entry.stage for entry in self.tables.chain]
        if stages.count(running.stage) != 1:
            return None
        before = sum(entry.length_s for entry in self.tables.chain[: stages.index(running.stage)])
        return float(before + running.elapsed_s)

    def _phases(self) -> dict[int, Phase]:
        found = self._values.get(objects.PHASE_LAMPS, {})
        return {
            number: Phase(
                objects.lamp_groups(data),
                self._steps(objects.LOSS_COLOURS, number),
                self._steps(objects.GAIN_COLOURS, number),
                self._intergreens(number),
            )
            for number, data in found.items()
        }

    def _steps(self, colours: tuple[tuple[Path, Path], ...], phase: int) -> tuple[Step, ...]:
        told = [(self.number(colour, phase), self.number(time, phase)) for colour, time in colours]
        return tuple((lamp_of(colour), seconds) for colour, seconds in told if colour and seconds)

    def _intergreens(self, phase: int) -> dict[int, float] | None:
        data = self._values.get(objects.INTERGREENS, {}).get(phase)
        return None if data is None else intergreens_s(objects.numbers(data))

    def _stages(self) -> dict[int, Stage]:
        late = self._values.get(objects.STAGE_LATE_STARTS, {})
        early = self._values.get(objects.STAGE_EARLY_ENDS, {})
        return {
            number: Stage(
                objects.bits_set(data), _by_phase(late.get(number, b"")), _by_phase(early.get(number, b""))
            )
            for number, data in self._values.get(objects.STAGE_PHASES, {}).items()
        }

    def _chain(self) -> tuple[PlanStage, ...]:
        plan = self.plan
        stages, times, calls = (
            self._values.get(path, {}).get(plan or 0, b"")
            for path in (objects.PLAN_STAGES, objects.PLAN_TIMES, objects.PLAN_CALLS)
        )
        numbers, lengths = objects.numbers(stages), objects.numbers(times, octets=2)
        kinds = objects.numbers(calls) or (0,) * len(numbers)
        return tuple(
            PlanStage(stage, length, call == StageCall.ON_DEMAND)
            for stage, length, call in zip(numbers, lengths, kinds, strict=False)
            if stage and length
        )

    def _any_runs(self, path: Path) -> bool:
        return any(data not in (b"", b"\0") for data in self._values.get(path, {}).values())


_COUNTLESS = frozenset(
    {Mode.CENTRE_MANUAL, Mode.LOCAL_MANUAL, Mode.SPECIAL, Mode.FLASH, Mode.ALL_RED, Mode.ALL_OFF}
)
"""Modes in which the countdown of a stage says nothing: somebody presses a button, or the lamps do not change."""
_LIVE = frozenset(
    {
        objects.LAMP_STATE,
        objects.STAGE_STATE,
        objects.STAGE_ELAPSED,
        objects.STAGE_REMAINING,
        objects.RUN_MODE,
        objects.CURRENT_STAGE,
    }
)
"""Objects that change all the time and are no part of the tables."""


def intergreens_s(numbers: tuple[int, ...]) -> dict[int, float]:
    """Intergreens by phase. Makers write them in seconds or in tenths: a value of 20 and more is tenths.

    No intergreen is as long as 20 s, and none as short as 2 s where yellow alone takes 3.
    """
    tenths = max(numbers, default=0) >= _LONGEST_PLAUSIBLE_INTERGREEN_S
    return {phase: n / 10 if tenths else float(n) for phase, n in enumerate(numbers, start=1) if n}


def _by_phase(data: bytes) -> dict[int, int]:
    return {phase: seconds for phase, seconds in enumerate(objects.numbers(data), start=1) if seconds}


def _shifted(at_ns: int, seconds: float | None) -> int | None:
    return None if seconds is None else at_ns + round(seconds * NS_PER_S)
