"""Arbitration of requests for priority: who is served, what the controller is told for it, and what everybody hears.

Served are those whose authority was verified, emergency before public transport before freight, among equals who is
served already and then who arrives first; never two whose signal groups conflict. A green is held and a red is called;
greens in its way are forced off once their minimum is over. Everything is taken back as soon as the signals are in
doubt. The answers are those of SAE J2735 (PrioritizationResponseStatus).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from edge.core.intersection import Intersection
from edge.core.priority import PhaseCommand, PriorityRequest, RequestKind, RequestState
from edge.core.signals import SignalState
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.signals.priority_greens import GreenWatch, why_unusable
from edge.signals.priority_rules import LEVELS, Level, PriorityRules, group_of

MOST_REQUESTS = 256
_LONGEST_STEP_NS = NS_PER_S
Commands = Mapping[PhaseCommand, frozenset[int]]
"""What should stand now, and for which phases."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What becomes of a request.

    Attributes:
        reason: one sentence.
        signal_group: that rules its way; None: there is none.
    """

    state: RequestState
    reason: str
    signal_group: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The outcome of one step.

    Attributes:
        commands: see `Commands`; a command that is not in it must not stand.
        answers: of every request that is not over.
    """

    commands: Commands
    answers: Mapping[str, Answer]


@dataclass(slots=True, eq=False)
class _Entry:
    """One request.

    Attributes:
        refusal: why it is never served; empty: it may be.
        order: of its first hearing.
        since_ns: when its service began; None: it is not served.
        sure_ns: when the controller last confirmed, or was first told; None: it was not told.
        granted: the controller confirmed, in this service.
        holding: its green is held.
        spent: it was served for as long as anybody is.
        waits_until_ns: it is not served before, because the controller did not confirm.
    """

    key: str
    request: PriorityRequest
    level: Level
    group: int
    phase: int
    refusal: str
    order: int
    heard_ns: int
    since_ns: int | None = None
    sure_ns: int | None = None
    granted: bool = False
    holding: bool = False
    spent: bool = False
    waits_until_ns: int = 0

    def over_ns(self, passing_ns: int) -> int:
        """When it has passed, by its own word."""
        asked_ms = self.request.duration_ms
        return (self.request.arrival_ns or 0) + (passing_ns if asked_ms is None else asked_ms * NS_PER_MS)


class Arbiter:
    """Requests of one intersection. Pure: times are arguments, UTC ns.

    Counters: requests, cancelled, silent (not repeated in time), granted, preempted (for a higher level), withdrawn
    (served when the signals came into doubt), max_presence, unconfirmed (the controller did not confirm a command),
    refused (it does not take commands).
    """

    def __init__(self, intersection: Intersection, rules: PriorityRules) -> None:
        self._intersection, self._rules = intersection, rules
        self._entries: dict[str, _Entry] = {}
        self._greens = GreenWatch(rules)
        self._orders = 0
        self._last_ns: int | None = None
        self._locked_until_ns = 0
        self._spell_ns: int | None = None
        self._held: set[tuple[int, Level]] = set()
        self._held_ns: Counter[tuple[int, Level]] = Counter()
        self._refused: tuple[str, int] = ("", 0)
        names = ("requests", "cancelled", "silent", "granted", "preempted", "withdrawn", "max_presence")
        self.counters: Counter[str] = Counter(dict.fromkeys((*names, "unconfirmed", "refused"), 0))

    @property
    def idle(self) -> bool:
        """Nobody asks."""
        return not self._entries

    def take(self, key: str, request: PriorityRequest, *, names: Collection[str], now_ns: int) -> bool:
        """Hear a request, again or for the first time; False: there are too many.

        Args:
            key: of who asks; one request at a time.
            names: what a verified authority calls the requester.
        """
        known = self._entries.get(key)
        if known is not None and known.request.request != request.request:
            self.drop(key, now_ns=now_ns)
            known = None
        if request.kind is RequestKind.CANCEL:
            self.drop(key, now_ns=now_ns)
            return True
        if known is None and len(self._entries) >= MOST_REQUESTS:
            return False
        entry = self._entry(key, request, names, now_ns)
        if known is not None:
            self._carry_over(known, entry, now_ns)
        else:
            self.counters["requests"] += 1
            self._orders += 1
            entry.order = self._orders
        self._entries[key] = entry
        return True

    def drop(self, key: str, *, now_ns: int, count: str = "cancelled") -> None:
        """A request is over; safe where there is none."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._end(entry, now_ns)
            self.counters[count] += 1

    def refuse(self, reason: str, *, now_ns: int) -> None:
        """The controller does not take what the last step planned: serve nobody for a while."""
        until_ns = now_ns + round(self._rules.times.patience_s * NS_PER_S)
        self._refused = (f"the controller takes no commands: {reason}", until_ns)
        self.counters["refused"] += 1

    def step(
        self, state: SignalState | None, *, now_ns: int, stands: Callable[[PhaseCommand, int], bool]
    ) -> Plan:
        """What is to be done now; call it with each state of the signals, and when one fails to come.

        Args:
            stands: whether the controller has confirmed a command for a phase.
        """
        self._pass_time(now_ns)
        trouble = self._rules.off or why_unusable(state, now_ns=now_ns) or self._refusal(now_ns)
        self._greens.watch(None if why_unusable(state, now_ns=now_ns) else state)
        for held in [held for held in self._held_ns if self._greens.has_ended(held[0])]:
            del self._held_ns[held]
        self._held.clear()
        if trouble:
            self._spell_ns = None
            for entry in self._entries.values():
                self.counters["withdrawn"] += entry.granted
                self._end(entry, now_ns)
            return Plan({}, {k: self._rejected(e, e.refusal or trouble) for k, e in self._entries.items()})
        answers: dict[str, Answer] = {}
        able = []
        for entry in self._entries.values():
            said = self._judge(entry, now_ns)
            if said is None:
                able.append(entry)
            else:
                answers[entry.key] = said
        served = self._choose(able, answers, now_ns)
        commands = self._commands(served, now_ns)
        for entry in served:
            answers[entry.key] = self._confirm(entry, commands, now_ns, stands)
        return Plan(commands, answers)

    def _entry(self, key: str, request: PriorityRequest, names: Collection[str], now_ns: int) -> _Entry:
        group = group_of(request, self._intersection)
        number = group if isinstance(group, int) else 0
        refusal = self._rules.unauthorised(request, names)
        refusal = refusal or (group if isinstance(group, str) else self._rules.reach.lacks(group))
        level = LEVELS.get(request.role, Level.FREIGHT)
        phase = self._rules.reach.phases.get(number, 0)
        return _Entry(key, request, level, number, phase, refusal, order=0, heard_ns=now_ns)

    def _carry_over(self, known: _Entry, entry: _Entry, now_ns: int) -> None:
        """A repeated request goes on as it was; one for another way, or of another level, begins anew."""
        entry.order, entry.spent, entry.waits_until_ns = known.order, known.spent, known.waits_until_ns
        same = (known.group, known.level) == (entry.group, entry.level) and not entry.refusal
        if not same:
            self._end(known, now_ns)
            return
        entry.since_ns, entry.sure_ns, entry.granted = known.since_ns, known.sure_ns, known.granted
        entry.holding = known.holding

    def _pass_time(self, now_ns: int) -> None:
        """Count how long each green is held at each level, and drop who is silent."""
        last_ns, self._last_ns = self._last_ns, now_ns
        step_ns = 0 if last_ns is None else min(max(now_ns - last_ns, 0), _LONGEST_STEP_NS)
        lease_ns = round(self._rules.times.lease_s * NS_PER_S)
        for held in self._held:  # since the last step, whoever asked for it and is gone or another by now
            self._held_ns[held] += step_ns
        for entry in list(self._entries.values()):
            if abs(now_ns - entry.heard_ns) > lease_ns:
                self.drop(entry.key, now_ns=now_ns, count="silent")

    def _refusal(self, now_ns: int) -> str:
        words, until_ns = self._refused
        return words if _lasts(until_ns, now_ns, self._rules.times.patience_s) else ""

    def _end(self, entry: _Entry, now_ns: int, *, locks: bool = True) -> None:
        """End a service; what was granted locks the intersection for a while."""
        if entry.granted and locks:
            self._locked_until_ns = now_ns + round(self._rules.times.lockout_s * NS_PER_S)
        entry.since_ns = entry.sure_ns = None
        entry.granted = entry.holding = False

    def _judge(self, entry: _Entry, now_ns: int) -> Answer | None:
        """The answer to who cannot be served now; None: it can."""
        dark = self._greens.why_no_green(entry.group) if not entry.refusal else ""
        if entry.refusal or dark:
            self._end(entry, now_ns)
            return self._rejected(entry, entry.refusal or dark)
        if entry.since_ns is not None:
            self._bound(entry, now_ns)
        if entry.spent:
            return Answer(RequestState.MAX_PRESENCE, "it was served for as long as anybody is", entry.group)
        times, arrival_ns = self._rules.times, entry.request.arrival_ns
        if arrival_ns is None:
            self._end(entry, now_ns)
            return Answer(RequestState.REQUESTED, "the request says no time of arrival", entry.group)
        over_ns = entry.over_ns(round(times.passing_s * NS_PER_S))
        if now_ns > over_ns + round(times.late_s * NS_PER_S):
            self._end(entry, now_ns)
            return self._rejected(entry, "the time of arrival has passed")
        if entry.since_ns is not None:
            return None
        return self._not_yet(entry, over_ns, now_ns)

    def _not_yet(self, entry: _Entry, over_ns: int, now_ns: int) -> Answer | None:
        """The answer to who is too early, locked out or waits for a controller that did not confirm."""
        times = self._rules.times
        if _lasts(entry.waits_until_ns, now_ns, times.recover_s):
            return self._rejected(entry, "the controller did not confirm what it was told")
        urgent = entry.level is Level.EMERGENCY
        if not urgent and _lasts(self._locked_until_ns, now_ns, times.lockout_s):
            left_s = (self._locked_until_ns - now_ns) / NS_PER_S
            words = f"somebody was served: nobody else is for {left_s:.0f} s"
            return Answer(RequestState.RESERVICE_LOCKED, words, entry.group)
        spell_ns = 0 if self._spell_ns is None else abs(now_ns - self._spell_ns)
        if not urgent and spell_ns > times.ahead_s * NS_PER_S:
            return Answer(RequestState.PROCESSING, "others have been served for some time", entry.group)
        early_s = self._early_s(entry, over_ns, now_ns)
        if early_s > 0.0:
            return Answer(RequestState.REQUESTED, f"it is {early_s:.0f} s too early", entry.group)
        return None

    def _early_s(self, entry: _Entry, over_ns: int, now_ns: int) -> float:
        """How much too early a request is: its green must be held until it has passed, its red be called before."""
        times, arrival_ns = self._rules.times, entry.request.arrival_ns
        assert arrival_ns is not None
        if self._greens.is_green(entry.group):
            held_ns = self._held_ns[entry.group, entry.level]
            enough_ns = arrival_ns + round(
                times.most_hold_s * NS_PER_S
            )  # who needs longer gets what there is
            return (min(over_ns, enough_ns) - now_ns + held_ns) / NS_PER_S - times.most_hold_s
        return (arrival_ns - now_ns) / NS_PER_S - times.ahead_s

    def _bound(self, entry: _Entry, now_ns: int) -> None:
        """End a service that has lasted too long, or whose green can be held no longer."""
        times = self._rules.times
        assert entry.since_ns is not None
        too_long = abs(now_ns - entry.since_ns) > times.most_presence_s * NS_PER_S
        held_ns = self._held_ns[entry.group, entry.level]
        held_out = entry.holding and held_ns >= times.most_hold_s * NS_PER_S
        if too_long or held_out:
            self.counters["max_presence"] += 1
            self._end(entry, now_ns)
            entry.spent = True

    def _choose(self, able: Iterable[_Entry], answers: dict[str, Answer], now_ns: int) -> list[_Entry]:
        """Who is served: greedily, in the order of the module's docstring."""
        ranked = sorted(
            able, key=lambda e: (-e.level, e.since_ns is None, e.request.arrival_ns or 0, e.order)
        )
        served: list[_Entry] = []
        for entry in ranked:
            other = next((s for s in served if self._rules.conflict(s.group, entry.group)), None)
            if other is None:
                served.append(entry)
                entry.since_ns = now_ns if entry.since_ns is None else entry.since_ns
                continue
            higher = other.level > entry.level
            self.counters["preempted"] += entry.granted and higher
            self._end(entry, now_ns, locks=False)
            state = RequestState.WATCH_OTHER_TRAFFIC if higher else RequestState.PROCESSING
            words = f"a request of {other.level.name.lower()} on signal group {other.group} goes before"
            answers[entry.key] = Answer(state, words, entry.group)
        self._spell_ns = (now_ns if self._spell_ns is None else self._spell_ns) if served else None
        return served

    def _commands(self, served: Iterable[_Entry], now_ns: int) -> Commands:
        wanted: dict[PhaseCommand, set[int]] = {command: set() for command in PhaseCommand}
        for entry in served:
            entry.holding = self._greens.is_green(entry.group) and self._is_held(entry, now_ns)
            if entry.holding:
                self._held.add((entry.group, entry.level))
                wanted[PhaseCommand.HOLD].add(entry.phase)
            elif not self._greens.is_green(entry.group):
                wanted[PhaseCommand.VEHICLE_CALL].add(entry.phase)
                if PhaseCommand.FORCE_OFF in self._rules.reach.commands:
                    wanted[PhaseCommand.FORCE_OFF] |= self._greens.forcible(entry.group, now_ns=now_ns)
        return {command: frozenset(phases) for command, phases in wanted.items() if phases}

    def _is_held(self, entry: _Entry, now_ns: int) -> bool:
        """What is left of the longest hold lasts until it has passed; a hold that has begun goes on to its bound."""
        times = self._rules.times
        over_ns = entry.over_ns(round(times.passing_s * NS_PER_S))
        return entry.holding or self._early_s(entry, over_ns, now_ns) <= 0.0

    def _confirm(
        self,
        entry: _Entry,
        commands: Commands,
        now_ns: int,
        stands: Callable[[PhaseCommand, int], bool],
    ) -> Answer:
        """Granted is only what the controller has confirmed."""
        needed = PhaseCommand.HOLD if entry.holding else PhaseCommand.VEHICLE_CALL
        told = entry.phase in commands.get(needed, ())
        if not told or stands(needed, entry.phase):
            entry.sure_ns = now_ns
            self.counters["granted"] += told and not entry.granted
            entry.granted = entry.granted or told
        elif entry.sure_ns is None:
            entry.sure_ns = now_ns
        times = self._rules.times
        if now_ns - entry.sure_ns > times.patience_s * NS_PER_S:
            self.counters["unconfirmed"] += 1
            self._end(entry, now_ns)
            entry.waits_until_ns = now_ns + round(times.recover_s * NS_PER_S)
            return self._rejected(entry, "the controller did not confirm what it was told")
        if not told:
            words = "its green is there, and is held when it is nearer"
            return Answer(RequestState.PROCESSING, words, entry.group)
        if not entry.granted:
            return Answer(RequestState.PROCESSING, "the controller is being told", entry.group)
        words = "its green is held" if entry.holding else "its green is called"
        return Answer(RequestState.GRANTED, words, entry.group)

    def _rejected(self, entry: _Entry, reason: str) -> Answer:
        return Answer(RequestState.REJECTED, reason, entry.group or None)


def _lasts(until_ns: int, now_ns: int, bound_s: float) -> bool:
    """Whether a time is not over; a clock that was set back makes it no longer than its bound."""
    return 0 < until_ns - now_ns <= round(bound_s * NS_PER_S)
