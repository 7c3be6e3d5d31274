"""The signal lane: snapshots in, validated signal states out; withdrawn whenever the colours are in doubt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from edge.core.intersection import Intersection
from edge.core.signals import (
    GREEN_STATES,
    ControllerGroup,
    GroupKind,
    GroupState,
    IntersectionStatus,
    LampState,
    MovementState,
    SignalSnapshot,
    SignalState,
)
from edge.core.stamp import NS_PER_MS, Stamp, TimeSource
from edge.signals.conflicts import Pair, derive_conflicts, pair, walkers_of
from edge.signals.gate import Gate
from edge.signals.group_map import GroupKey, contradictions, map_mismatch, name_of, refuse_shared_groups
from edge.signals.phases import GroupRule, following, movement
from edge.signals.prediction import Predictor
from edge.signals.prediction_guard import GuardedPredictor
from edge.signals.timing import NO_ENDS, Ends, PromiseKeeper, ends_of, present_ends, with_forecast
from edge.signals.validation_colours import ColourCheck, green_conflicts
from edge.signals.validation_ends import impossible_end, replanned
from edge.signals.validation_kinds import ColourBounds, EndBounds, Finding, Severity

REVISIONS = 128
NEVER = Stamp(0, TimeSource.ARRIVAL)
"""Stamp of a state before the first snapshot."""
_FROZEN_COUNTDOWN = IntersectionStatus.STOP_TIME | IntersectionStatus.MANUAL_CONTROL


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """Bounds of the signal lane.

    Attributes:
        liveness_ns: a controller that gave no sign of life for longer is dead.
        validity_ns: readers must drop a state this long after its publication,
        cycle_ns: and colours this long after the controller would have been found dead, whichever comes first.
        recovery_snapshots: good snapshots in a row, half a cycle apart, before a withdrawn intersection is shown again.
        clock_bound_ns: largest error of the node's clock at which absolute times are sent; None: not required.
        promise_tolerance_ns: see `PromiseKeeper`.
        colours: of the course of the colours.
        horizon_ns: no end is further ahead.
        course_withdraws: a course of the colours that cannot be withdraws; else it is only told.
    """

    liveness_ns: int = 300 * NS_PER_MS
    validity_ns: int = 500 * NS_PER_MS
    cycle_ns: int = 100 * NS_PER_MS
    recovery_snapshots: int = 3
    clock_bound_ns: int | None = None
    promise_tolerance_ns: int = 500 * NS_PER_MS
    colours: ColourBounds = field(default_factory=ColourBounds)
    horizon_ns: int = EndBounds().horizon_ns
    course_withdraws: bool = True


@dataclass(frozen=True, slots=True)
class _Phase:
    signal_group: int
    state: MovementState
    ends: Ends
    next_state: MovementState | None
    key: GroupKey | None = None
    """Of its controller group, where a forecast may add to its timing."""


class SignalLane:
    """Signals of one intersection. Pure: the time is an argument, in UTC ns.

    Counters: snapshots, out_of_order, unmapped (lit controller groups that the site does not map), withdrawals,
    recoveries, prediction_faults (a bug of the predictor: the lane goes on without it), those of `PromiseKeeper`, and
    findings by kind (`edge.signals.validation_kinds`).

    Args:
        intersection: the MAP.
        groups: what each controller group means on the MAP.
        limits: see `LaneLimits`.
        conflicts: pairs of signal groups that must never be green together; None: derived from the MAP.
        predictor: learns likely ends where the controller tells none; None: nothing is learned.

    Raises:
        ConfigError: two controller groups claim one signal group.
    """

    def __init__(
        self,
        intersection: Intersection,
        *,
        groups: Mapping[GroupKey, GroupRule],
        limits: LaneLimits | None = None,
        conflicts: Iterable[Pair] | None = None,
        predictor: Predictor | None = None,
    ) -> None:
        self._intersection, self._rules, self._limits = intersection, dict(groups), limits or LaneLimits()
        refuse_shared_groups(self._rules)
        protected = {rule.signal_group: rule.protected for rule in self._rules.values()}
        derived = derive_conflicts(intersection, protected=protected) if conflicts is None else conflicts
        self.conflicts = frozenset(pair(*found) for found in derived)
        self._mismatch = map_mismatch(intersection, protected)
        walked = {rule.signal_group for key, rule in self._rules.items() if key[0] is GroupKind.PEDESTRIAN}
        self._walkers = walkers_of(intersection) | walked
        self._colours = ColourCheck(walkers=self._walkers, always=self.conflicts, bounds=self._limits.colours)
        self._promises = PromiseKeeper(
            tolerance_ns=self._limits.promise_tolerance_ns, late_ns=self._limits.liveness_ns
        )
        self.counters: Counter[str] = self._promises.counters
        self._forecasts = GuardedPredictor(predictor, self.counters)
        self._last: SignalSnapshot | None = None
        self._phases: tuple[_Phase, ...] = ()
        self._faults: tuple[str, ...] = ()
        self._remarks: tuple[str, ...] = ()
        self._ever_lit: set[GroupKey] = set()
        self._clock_error_ns: int | None = None
        self._doubt = ""
        self._gate, self._relative_gate = (
            Gate(self._limits.recovery_snapshots, spacing_ns=self._limits.cycle_ns // 2) for _ in range(2)
        )
        self._revision = 0
        self._published_key: object = None

    def set_clock_error(self, error_ns: int | None) -> None:
        """Tell how far the node's clock may be off, ns; None: not synchronised."""
        self._clock_error_ns = error_ns

    def set_doubt(self, reason: str) -> None:
        """Withdraw the signals for a reason from outside, until it is empty again."""
        self._doubt = reason

    def start_anew(self) -> None:
        """Forget every snapshot, because the clock that stamped them was set: withdrawn until the next good ones."""
        self._last = None
        self._colours.forget()
        self._count_change(shown=False)
        self._gate.shut()
        self._relative_gate.shut()

    @property
    def predictor(self) -> Predictor | None:
        """What learns the ends; None: nothing does, or no more."""
        return self._forecasts.predictor

    @property
    def limits(self) -> LaneLimits:
        """The bounds in use."""
        return self._limits

    @property
    def told(self) -> tuple[int, tuple[tuple[int, MovementState], ...]]:
        """What the controller itself says, published or not: UTC ns at which the lamps were so, and signal groups."""
        at_ns = 0 if self._last is None else self._last.stamp.capture_ns
        return at_ns, tuple((phase.signal_group, phase.state) for phase in self._phases)

    def update(self, snapshot: SignalSnapshot, now_ns: int) -> SignalState:
        """Take a snapshot and say what it means."""
        last = self._last
        if last is not None and last.alive_ns > now_ns + self._limits.liveness_ns:
            last = None  # stamped before the clock was set back
        if last is not None and snapshot.alive_ns < last.alive_ns:
            self.counters["out_of_order"] += 1
            return self.tick(now_ns)
        self.counters["snapshots"] += 1
        if not self._relative_gate.open or last is None or replanned(last.status, snapshot.status):
            self._promises.forget()
        self._read(snapshot, now_ns)
        self._last = snapshot  # not before it was understood: else old lamps would look alive
        if not self._faults:
            self._forecasts.learn(snapshot)
        proves_life = last is None or snapshot.alive_ns > last.alive_ns
        for gate in (self._gate, self._relative_gate):
            gate.count(good=proves_life and not self._faults, at_ns=snapshot.alive_ns)
        return self._publish(snapshot, now_ns)

    def tick(self, now_ns: int) -> SignalState:
        """Say again what is known; called at 10 Hz whether or not the controller speaks."""
        return self._publish(self._last, now_ns)

    def _read(self, snapshot: SignalSnapshot, now_ns: int) -> None:
        """Phases, faults and remarks of a snapshot."""
        reported = {(group.kind, group.number): group for group in snapshot.groups}
        faults = contradictions(snapshot.groups)
        remarks: list[str] = []
        phases: list[_Phase] = []
        for key, rule in self._rules.items():
            group = reported.pop(key, None)
            if group is None or group.lamp is LampState.UNKNOWN:
                faults.append(f"controller group {name_of(key)} {'missing' if group is None else 'unknown'}")
                continue
            phases.append(self._phase(group, rule, snapshot.status, now_ns, remarks))
        unlit = (LampState.DARK, LampState.UNKNOWN)
        self.counters["unmapped"] = sum(group.lamp not in unlit for group in reported.values())
        if snapshot.stamp.capture_ns > now_ns + self._limits.liveness_ns:
            faults.append("snapshot is stamped in the future")
        phases.sort(key=lambda phase: phase.signal_group)
        found = self._course(phases, snapshot)
        colours = [finding.sentence for finding in found if finding.severity is Severity.COLOUR]
        timing = {
            finding.groups: finding.sentence for finding in found if finding.severity is Severity.TIMING
        }
        self._phases = tuple(
            replace(phase, ends=NO_ENDS, key=None) if (phase.signal_group,) in timing else phase
            for phase in phases
        )
        doubtful, told = (colours, []) if self._limits.course_withdraws else ([], colours)
        self._faults = (*faults, *self._green_conflicts(), *doubtful)
        self._remarks = (*remarks, *timing.values(), *told)

    def _course(self, phases: Iterable[_Phase], snapshot: SignalSnapshot) -> list[Finding]:
        """What the course of the colours does wrong."""
        rules = self._rules
        called = [rules.get((group.kind, group.number)) for group in snapshot.groups if group.call]
        found = self._colours.check(
            ((phase.signal_group, phase.state) for phase in phases),
            at_ns=snapshot.stamp.capture_ns,
            status=snapshot.status,
            calls={rule.signal_group for rule in called if rule is not None},
        )
        self.counters.update(finding.kind for finding in found)
        return found

    def _phase(
        self,
        group: ControllerGroup,
        rule: GroupRule,
        status: IntersectionStatus,
        now_ns: int,
        remarks: list[str],
    ) -> _Phase:
        key, number = (group.kind, group.number), rule.signal_group
        if group.lamp is not LampState.DARK:
            self._ever_lit.add(key)
        elif key not in self._ever_lit:
            remarks.append(f"controller group {name_of(key)} was never lit")
            return _Phase(number, MovementState.UNAVAILABLE, NO_ENDS, None)
        state = movement(group.lamp, kind=group.kind, rule=rule, status=status)
        if state is MovementState.UNAVAILABLE:
            remarks.append(f"controller group {name_of(key)} is steady in failure flash")
            return _Phase(number, state, NO_ENDS, None)
        faults = len(remarks)
        ends = self._checked_ends(ends_of(group), number, state, status, now_ns, remarks)
        timed = len(remarks) == faults
        next_state = following(group, state, rule=rule, status=status, told=timed)
        return _Phase(number, state, ends, next_state, key if timed else None)

    def _checked_ends(
        self,
        ends: Ends,
        number: int,
        state: MovementState,
        status: IntersectionStatus,
        now_ns: int,
        remarks: list[str],
    ) -> Ends:
        if not status & _FROZEN_COUNTDOWN:
            fault = self._promises.check(number, state, ends, now_ns=now_ns)
            fault = fault or self._impossible(ends, number, state, now_ns)
        else:
            frozen = f"signal group {number}: countdown is frozen by manual control or stop time"
            fault = None if ends == NO_ENDS else frozen
        if fault is None:
            return ends
        remarks.append(fault)
        return NO_ENDS

    def _impossible(self, ends: Ends, number: int, state: MovementState, now_ns: int) -> str | None:
        bounds = self._limits.colours
        found = impossible_end(
            GroupState(number, state, ends.min_end_ns, ends.max_end_ns, ends.likely_end_ns),
            now_ns=now_ns,
            clearance_ns=(bounds.yellow_most_ns, bounds.walkers_clearing_most_ns)[number in self._walkers],
            horizon_ns=self._limits.horizon_ns,
        )
        if found is None:
            return None
        self.counters[found[0]] += 1
        return f"signal group {number}: {found[1]}"

    def _green_conflicts(self) -> list[str]:
        green = {phase.signal_group for phase in self._phases if phase.state in GREEN_STATES}
        return [finding.sentence for finding in green_conflicts(self.conflicts, green)]

    def _present_faults(self, snapshot: SignalSnapshot | None, now_ns: int) -> list[str]:
        """Faults that time alone brings about."""
        faults = list(self._mismatch)
        if self._doubt:
            faults.append(self._doubt)
        if snapshot is None:
            return [*faults, "no snapshot yet"]
        silent_ns = now_ns - snapshot.alive_ns
        if silent_ns > self._limits.liveness_ns:
            faults.append("controller is silent")
        elif silent_ns < -self._limits.liveness_ns:
            faults.append("clock ran backwards")
        return faults

    def _clock_faults(self) -> list[str]:
        """A fault of whoever needs absolute times only."""
        bound_ns, error_ns = self._limits.clock_bound_ns, self._clock_error_ns
        if bound_ns is None or (error_ns is not None and error_ns <= bound_ns):
            return []
        return ["clock is not synchronised within its bound"]

    def _publish(self, snapshot: SignalSnapshot | None, now_ns: int) -> SignalState:
        faults = [*self._faults, *self._present_faults(snapshot, now_ns)]
        was_open = self._gate.open
        relative_faults = self._relative_gate.pass_through(faults)
        faults = self._gate.pass_through([*faults, *self._clock_faults()])
        self._count_change(shown=not faults, was_shown=was_open)
        shown = None
        if snapshot is not None and not relative_faults:
            groups = tuple(self._group_state(phase, now_ns, snapshot.status) for phase in self._phases)
            shown = self._state(snapshot, now_ns, groups, snapshot.status, self._remarks)
        if shown is not None and not faults:
            return self._numbered(shown)
        no_spat = IntersectionStatus.NO_VALID_SPAT
        withdrawn = self._state(snapshot, now_ns, self._withdrawn(), no_spat, faults)
        return self._numbered(withdrawn, relative=shown)

    def _group_state(self, phase: _Phase, now_ns: int, status: IntersectionStatus) -> GroupState:
        """One group with the promises of the controller and, between them, what was learned."""
        forecast = self._forecasts.of(phase.key, now_ns=now_ns)
        ends = with_forecast(present_ends(phase.ends, now_ns=now_ns), forecast, now_ns=now_ns)
        following = phase.next_state
        if following is None and forecast is not None and forecast.next_lamp is not None and phase.key:
            kind, rule = phase.key[0], self._rules[phase.key]
            following = movement(forecast.next_lamp, kind=kind, rule=rule, status=status)
        return GroupState(
            phase.signal_group,
            phase.state,
            ends.min_end_ns,
            ends.max_end_ns,
            ends.likely_end_ns,
            ends.confidence,
            following,
        )

    def _count_change(self, *, shown: bool, was_shown: bool | None = None) -> None:
        if shown != (self._gate.open if was_shown is None else was_shown):
            self.counters["recoveries" if shown else "withdrawals"] += 1

    def _withdrawn(self) -> tuple[GroupState, ...]:
        numbers = self._intersection.signal_groups
        return tuple(GroupState(number, MovementState.UNAVAILABLE) for number in numbers)

    def _state(
        self,
        snapshot: SignalSnapshot | None,
        now_ns: int,
        groups: tuple[GroupState, ...],
        status: IntersectionStatus,
        reasons: Iterable[str],
    ) -> SignalState:
        return SignalState(
            intersection=self._intersection.intersection,
            revision=self._revision,
            map_revision=self._intersection.revision,
            stamp=NEVER if snapshot is None else snapshot.stamp,
            alive_ns=0 if snapshot is None else snapshot.alive_ns,
            published_ns=now_ns,
            valid_until_ns=self._valid_until_ns(snapshot, now_ns, status),
            groups=groups,
            status=status,
            reasons=tuple(reasons),
            dated=not self._clock_faults(),
        )

    def _numbered(self, state: SignalState, *, relative: SignalState | None = None) -> SignalState:
        """Give it the next revision when it, or its relative form, shows something else than before."""
        key = (_shown_key(state), None if relative is None else _shown_key(relative))
        if self._published_key is not None and key != self._published_key:
            self._revision = (self._revision + 1) % REVISIONS
        self._published_key = key
        if relative is not None:
            relative = replace(relative, revision=self._revision)
        return replace(state, revision=self._revision, relative=relative)

    def _valid_until_ns(
        self, snapshot: SignalSnapshot | None, now_ns: int, status: IntersectionStatus
    ) -> int:
        """Colours end with the controller's life, also for a reader that never hears of their withdrawal."""
        limits = self._limits
        until_ns = now_ns + limits.validity_ns
        if snapshot is None or status & IntersectionStatus.NO_VALID_SPAT:
            return until_ns
        return min(until_ns, snapshot.alive_ns + limits.liveness_ns + limits.cycle_ns)


def _shown_key(state: SignalState) -> object:
    return state.status, tuple((group.signal_group, group.state) for group in state.groups)
