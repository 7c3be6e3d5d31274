"""Ends of signal states, learned from what the controller shows: likely end, interval, confidence and next lamp.

Nothing here is a promise. What a controller guarantees goes its own way (`edge.signals.timing`) and bounds what is
said here. Method and figures: `edge/signals/README.md`.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from edge.core.signals import ControllerGroup, GroupKind, IntersectionStatus, LampState, SignalSnapshot
from edge.core.stamp import NS_PER_S
from edge.signals.prediction_cycle import CycleClock
from edge.signals.prediction_experts import Instant, Mixture, Remaining
from edge.signals.prediction_memory import OpenSpell, SpellMemory

GroupKey = tuple[GroupKind, int]
GROUPS = 64
_MASK_GROUPS = 32
"""Groups whose calls and greens are context: 32 calls and 32 greens fill 64 bits."""
_CERTAIN = 10
"""Times in a row that a lamp must have been followed by the same one before it is said to be next."""
_REFRESH_S = 1.0
_UNLEARNED = frozenset({LampState.UNKNOWN, LampState.DARK})
GREENS = frozenset({LampState.GREEN, LampState.FLASHING_GREEN})
_UNTIMED = (
    IntersectionStatus.FAILURE_FLASH
    | IntersectionStatus.PROGRAMMED_FLASH
    | IntersectionStatus.MANUAL_CONTROL
    | IntersectionStatus.STOP_TIME
    | IntersectionStatus.OFF
)
"""While any of these holds, states last as long as a person or a fault wants."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is thought of the present state of one group.

    Attributes:
        likely_end_ns: median end, UTC ns.
        early_end_ns, late_end_ns: nine of ten ends lie between these, UTC ns; estimates and no promises.
        confidence: 0..1 that the state ends within a second of the likely end.
        next_lamp: what follows, where it was the same ten times in a row; None otherwise.
    """

    likely_end_ns: int
    early_end_ns: int
    late_end_ns: int
    confidence: float
    next_lamp: LampState | None = None


@dataclass(slots=True)
class Group:
    """One group: its lamp now, and what is known of each of its lamps.

    Attributes:
        lamp, call: as last seen.
        spell: since the lamp changed; None where that was not seen.
        memories, mixtures: by lamp.
        followers: by lamp, the last lamps that came after it.
        told: the last answer and when it was found, UTC seconds.
    """

    lamp: LampState = LampState.UNKNOWN
    call: bool = False
    spell: OpenSpell | None = None
    memories: dict[LampState, SpellMemory] = field(default_factory=dict)
    mixtures: dict[LampState, Mixture] = field(default_factory=dict)
    followers: dict[LampState, deque[LampState]] = field(default_factory=dict)
    told: tuple[float, Remaining | None] | None = None

    def follow(self, lamp: LampState) -> deque[LampState]:
        """The lamps that came after `lamp`, to be added to."""
        return self.followers.setdefault(lamp, deque(maxlen=_CERTAIN))

    def next_lamp(self) -> LampState | None:
        """What follows the present lamp, where that is certain by all experience."""
        seen = self.followers.get(self.lamp)
        if seen is None or len(seen) < _CERTAIN or len(set(seen)) > 1:
            return None
        return seen[0]


class Predictor:
    """Learns how long each state of each group of one controller lasts. Pure: the time is an argument; not for threads.

    Memory is bounded: `GROUPS` groups, `SPELLS` spells of each lamp, `SECONDS` seconds of context of each.

    Counters: spells_learned, spells_cut (their beginning or end was not seen), observations_late, groups_refused.

    Args:
        gap_s: silence after which a change of lamps may have been missed.
    """

    def __init__(self, *, gap_s: float = 2.5) -> None:
        self._gap_s = gap_s
        self.counters: Counter[str] = Counter()
        self.clock = CycleClock()
        self.groups: dict[GroupKey, Group] = {}
        self._seen_s: float | None = None
        self._plan = -1
        self._timed = True

    def observe_snapshot(self, snapshot: SignalSnapshot) -> None:
        """Take what a controller shows; its time is that of the lamps."""
        self.observe(
            snapshot.groups,
            now_ns=snapshot.stamp.capture_ns,
            plan=snapshot.plan,
            position_s=snapshot.cycle_position_s,
            status=snapshot.status,
        )

    def observe(
        self,
        groups: Iterable[ControllerGroup],
        *,
        now_ns: int,
        plan: int | None = None,
        position_s: float | None = None,
        status: IntersectionStatus = IntersectionStatus.NONE,
    ) -> None:
        """Take the lamps and calls of groups at one instant; groups that are left out stay as they were."""
        now_s = now_ns / NS_PER_S
        if self._seen_s is not None and now_s < self._seen_s:
            self.counters["observations_late"] += 1
            if self._seen_s - now_s <= self._gap_s:
                return
            self._cut()  # the clock was set back
        self._timed = not status & _UNTIMED
        if not self._timed or (self._seen_s is not None and now_s - self._seen_s > self._gap_s):
            self._cut()
        self._seen_s, self._plan = now_s, -1 if plan is None else plan
        self.clock.reported(position_s, now_s=now_s)
        changed = [entry for entry in groups if self._is_news(entry)]
        if not changed:
            return
        ended = [(self.groups[(e.kind, e.number)], e) for e in changed]
        for group, entry in ended:
            if group.lamp is not entry.lamp:
                self._end(group, entry, now_s)
        for group, entry in ended:
            begins = group.lamp is not entry.lamp
            known = self._timed and group.lamp is not LampState.UNKNOWN
            group.call = entry.call
            if begins:
                group.lamp, group.told = entry.lamp, None
                group.spell = OpenSpell(now_s, 0, []) if known and entry.lamp not in _UNLEARNED else None
        self._see_context(now_s)

    def predict(self, key: GroupKey, *, now_ns: int) -> Forecast | None:
        """What is thought of the present state of a group; None while too little is known."""
        group = self.groups.get(key)
        if group is None or group.spell is None or not self._timed:
            return None
        now_s = now_ns / NS_PER_S
        rest = self._rest(group, group.spell, now_s)
        if rest is None:
            return None
        found_s, remaining = rest
        likely_s, early_s, late_s = (
            found_s + s for s in (remaining.likely_s, remaining.early_s, remaining.late_s)
        )
        return Forecast(
            likely_end_ns=max(round(likely_s * NS_PER_S), now_ns),
            early_end_ns=max(round(early_s * NS_PER_S), now_ns),
            late_end_ns=max(round(late_s * NS_PER_S), now_ns),
            confidence=remaining.confidence,
            next_lamp=group.next_lamp(),
        )

    def _rest(self, group: Group, spell: OpenSpell, now_s: float) -> tuple[float, Remaining] | None:
        """The answer and when it was found: the last one for a second, unless its end has come."""
        if group.told is not None:
            found_s, remaining = group.told
            fresh = 0.0 <= now_s - found_s < _REFRESH_S
            if fresh and (remaining is None or now_s < found_s + remaining.likely_s):
                return None if remaining is None else (found_s, remaining)
        memory = group.memories.get(group.lamp)
        elapsed_s = max(now_s - spell.start_s, 0.0)
        instant = Instant(now_s, elapsed_s, spell.mask, self._plan)
        mixture = group.mixtures.setdefault(group.lamp, Mixture())
        remaining = None if memory is None else mixture.predict(memory, self.clock, instant)
        group.told = (now_s, remaining)
        return None if remaining is None else (now_s, remaining)

    def _is_news(self, entry: ControllerGroup) -> bool:
        key = (entry.kind, entry.number)
        group = self.groups.get(key)
        if group is not None:
            return group.lamp is not entry.lamp or group.call != entry.call
        if len(self.groups) >= GROUPS:
            self.counters["groups_refused"] += 1
            return False
        self.groups[key] = Group()
        return True

    def _end(self, group: Group, entry: ControllerGroup, now_s: float) -> None:
        """The lamp of a group changes."""
        spell, mixture = group.spell, group.mixtures.get(group.lamp)
        if spell is None or entry.lamp is LampState.UNKNOWN:
            self.counters["spells_cut"] += group.lamp is not LampState.UNKNOWN
            if mixture is not None:
                mixture.abandoned()
            return
        self.counters["spells_learned"] += 1
        if mixture is not None:
            mixture.ended(now_s - spell.start_s)
        memory = group.memories.setdefault(group.lamp, SpellMemory())
        memory.add(spell, end_s=now_s, position_s=self.clock.position_s(now_s), plan=self._plan)
        group.follow(group.lamp).append(entry.lamp)
        if group.lamp in GREENS and entry.lamp not in GREENS:
            self.clock.green_ended((entry.kind, entry.number), now_s=now_s)

    def _cut(self) -> None:
        """Changes may have been missed, or mean nothing: no open spell can be learned from."""
        for group in self.groups.values():
            if group.spell is not None:
                self.counters["spells_cut"] += 1
            mixture = group.mixtures.get(group.lamp)
            if mixture is not None:
                mixture.abandoned()
            group.spell, group.told, group.lamp = None, None, LampState.UNKNOWN
        self.clock.forget_ends()

    def _see_context(self, now_s: float) -> None:
        """Tell every open spell the calls and greens of now."""
        mask = 0
        for index, group in enumerate(self.groups.values()):
            if index >= _MASK_GROUPS:
                break
            mask |= group.call << index
            mask |= (group.lamp in GREENS) << (index + _MASK_GROUPS)
        for group in self.groups.values():
            spell = group.spell
            if spell is not None and spell.mask != mask:
                spell.advance(now_s)
                spell.mask = mask
