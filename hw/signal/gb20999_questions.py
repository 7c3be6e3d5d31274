"""What is asked of a GB/T 20999 controller, and when: its state again and again, its configuration in between.

Pure: the times are arguments, in seconds of one steady clock; frames come out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from hw.signal import gb20999_objects as objects
from hw.signal.gb20999 import Address, DataValue, Frame, FrameType
from hw.signal.gb20999_codes import Refusal
from hw.signal.gb20999_objects import Path
from hw.signal.gb20999_picture import Picture

REPLY_TIMEOUT_S = 1.0
REFRESH_S = 600.0
"""A controller may be configured anew without telling."""
RETRY_S = 5.0
"""Until the configuration is read again where an answer was missing."""
_BATCH_BYTES = 900
"""Of an answer; a datagram that fits into one packet."""
_VALUE_OVERHEAD_BYTES = 6
_OUTSTANDING = 16
_PATIENCE = 8
"""Questions for the state, none of them ever answered, after which each element is asked by itself."""
_EARLY_S = 0.001
"""Timers may fire a little early."""
_PARTS_TO_TYPES = 2
"""Parts of the configuration up to the types of lamp groups."""
_RUN_STATE = (objects.RUN_MODE, objects.CURRENT_PLAN, objects.CURRENT_STAGE)
_STATE = (objects.LAMP_STATE, objects.STAGE_STATE, objects.STAGE_ELAPSED, objects.STAGE_REMAINING)
_PLAN = (
    objects.PLAN_CYCLE,
    objects.PLAN_OFFSET,
    objects.PLAN_STAGES,
    objects.PLAN_TIMES,
    objects.PLAN_CALLS,
)
_PHASE = (
    objects.PHASE_LAMPS,
    objects.INTERGREENS,
    *(path for pair in objects.LOSS_COLOURS + objects.GAIN_COLOURS for path in pair),
)
_RUNS = (Address(*objects.PRIORITY_RUNS, 0), Address(*objects.EMERGENCY_RUNS, 0))
"""Asked with every heartbeat: while they run, the countdown of a stage is no guarantee."""
_LAMPS = Address(*objects.LAMP_STATE, 0)
"""Asked with every heartbeat of a controller that reports by itself: a report may be lost."""
_COUNTED_BY = {
    objects.LAMP_STATE: objects.LAMP_COUNT,
    objects.LAMP_TYPE: objects.LAMP_COUNT,
    objects.STAGE_STATE: objects.STAGE_COUNT,
    objects.STAGE_ELAPSED: objects.STAGE_COUNT,
    objects.STAGE_REMAINING: objects.STAGE_COUNT,
}


@dataclass(frozen=True, slots=True)
class Habits:
    """How the controller is talked to.

    Attributes:
        poll_s: how often its state is asked; 0: once, the controller reports by itself.
        heartbeat_s: how often it is asked for a sign of life.
        crossing: number of the crossing in its tables, from 1.
        header: a frame with the ids and the version to use.
        local_time: its clock is read in local time, not in UTC.
    """

    poll_s: float = 0.2
    heartbeat_s: float = 1.0
    crossing: int = 1
    header: Frame = field(default_factory=lambda: Frame(FrameType.QUERY))
    local_time: bool = False


@dataclass(slots=True)
class Question:
    """A query on its way.

    Attributes:
        addresses: asked.
        sent_s, sent_ns: when, on the steady clock and in UTC.
        configuration: it is no question for the state.
        missing: objects not answered yet; a controller may answer in several frames, or leave some out.
        answered: some are.
    """

    addresses: tuple[Address, ...]
    sent_s: float
    sent_ns: int
    configuration: bool
    missing: set[Path] = field(default_factory=set)
    answered: bool = False

    @property
    def asks_for_lamps(self) -> bool:
        """Whether it asks for nothing but states of lamps."""
        return all(address[:3] == objects.LAMP_STATE for address in self.addresses)


class Questions:
    """Asks. Counters: timeouts, refused (values that the controller does not give)."""

    def __init__(self, habits: Habits, picture: Picture, counters: Counter[str]) -> None:
        self._habits, self._picture, self._counters = habits, picture, counters
        self._state = [
            *(Address(*path, 0) for path in _STATE),
            *(Address(*path, habits.crossing) for path in _RUN_STATE),
        ]
        self._outstanding: dict[int, Question] = {}
        self._batches: list[tuple[Address, ...]] = []
        self._reading: Iterator[tuple[Address, ...]] = configuration(picture, habits)
        self._read_plan: int | None = None
        self._read_s: float | None = None
        self._incomplete = False
        self._begun = self._unanswered = 0
        self._absent: set[Address] = set()
        self._sequences_fit = self._state_told = False
        self._poll_s = self._beat_s = float("-inf")
        self._sequence = 0

    @property
    def settled(self) -> bool:
        """Whether the controller has told the types of its lamp groups, or will not."""
        return self._begun > _PARTS_TO_TYPES

    def due(self, now_s: float, now_ns: int) -> list[Frame]:
        """Frames to send now."""
        self._forget_unanswered(now_s)
        habits, frames = self._habits, []
        if now_s - self._poll_s >= (habits.poll_s or float("inf")) - _EARLY_S:
            behind = now_s - self._poll_s < 2 * habits.poll_s
            self._poll_s = self._poll_s + habits.poll_s if behind else now_s
            frames += [self._ask(part, now_s, now_ns) for part in _parts(self._state)]
        if now_s - self._beat_s >= habits.heartbeat_s - _EARLY_S:
            self._beat_s = now_s
            frames.append(self._frame(FrameType.HEARTBEAT))
            if self._read_s is not None and not self._batches:
                watched = _RUNS if habits.poll_s else (*_RUNS, _LAMPS)
                self._batches += [(address,) for address in watched if address not in self._absent]
        frames += self._next_batch(now_s, now_ns)
        return frames

    def forget(self) -> None:
        """Give up every open question."""
        self._incomplete |= any(q.configuration and not q.answered for q in self._outstanding.values())
        self._outstanding.clear()

    def next_s(self) -> float:
        """Steady time at which something is due again; an answer may make it earlier."""
        times = [self._beat_s + self._habits.heartbeat_s]
        if self._habits.poll_s:
            times.append(self._poll_s + self._habits.poll_s)
        times += [question.sent_s + REPLY_TIMEOUT_S for question in self._outstanding.values()]
        return min(times)

    def answered(self, frame: Frame) -> Question | None:
        """The question that a reply answers; None: none that is known.

        A reply has the sequence of its question, with some makers one more; of two that fit the older is meant. A
        controller whose sequences never fit counts its own: then the oldest open question after these values is meant.
        """
        paths = {value.address[:3] for value in frame.values if value.address is not None}
        fitting = []
        for sequence in (frame.sequence, (frame.sequence - 1) % 256):
            question = self._outstanding.get(sequence)
            if question is not None and paths <= _paths(question):
                fitting.append((question.sent_s, sequence))
        self._sequences_fit |= bool(fitting)
        if not self._sequences_fit:
            fitting = [(q.sent_s, n) for n, q in self._outstanding.items() if paths == _paths(q)]
        if not fitting:
            return None
        sequence = min(fitting)[1]
        found = self._outstanding[sequence]
        found.answered, found.missing = True, found.missing - paths
        self._state_told |= not found.configuration
        if not found.missing or frame.kind == FrameType.QUERY_ERROR:
            del self._outstanding[sequence]
        return found

    def refuse(self, question: Question, frame: Frame) -> None:
        """An error reply: ask for less, or for one element at a time."""
        if question.configuration:
            self._ask_apart(question.addresses)
            return
        errors = {
            value.address: objects.error_of(value, kind=frame.kind)
            for value in frame.values
            if value.address is not None
        }
        named = {address for address, error in errors.items() if error is not None}
        absent = {address for address, error in errors.items() if error is Refusal.DOES_NOT_EXIST}
        self._ask_one_by_one(absent if named else _for_all(question.addresses))

    def _ask_one_by_one(self, addresses: Iterable[Address]) -> None:
        """From now on, in place of these parts of the state, every element of them."""
        for address in addresses:
            if address in self._state:
                at = self._state.index(address)
                self._state[at : at + 1] = self._one_by_one(address) or _kept(address)

    def _ask_apart(self, addresses: tuple[Address, ...]) -> None:
        if len(addresses) > 1:
            self._batches[:0] = [(address,) for address in addresses]
            return
        apart = self._one_by_one(addresses[0])
        if apart != [addresses[0]]:
            self._batches[:0] = batches(apart)

    def _one_by_one(self, address: Address) -> list[Address]:
        """The elements of an address that asks for all; nothing where that is not possible."""
        counted = _COUNTED_BY.get(address[:3])
        if counted is None or address.element:
            self._counters["refused"] += 1
            self._absent.add(address)
            return []
        count = self._picture.number(counted)
        if not count:
            return [address]
        return [address._replace(element=number) for number in range(1, min(count, 64) + 1)]

    def _next_batch(self, now_s: float, now_ns: int) -> list[Frame]:
        """The next part of the configuration, when the last one is answered."""
        if any(q.configuration and not q.answered for q in self._outstanding.values()):
            return []
        age_s = 0.0 if self._read_s is None else now_s - self._read_s
        changed = self._read_s is not None and self._picture.plan != self._read_plan
        if changed or age_s >= (RETRY_S if self._incomplete else REFRESH_S):
            self._reading, self._read_s = configuration(self._picture, self._habits), None
            self._incomplete = False
            self._absent.clear()
        if not self._batches:
            self._begun += 1
        batch = self._batches.pop(0) if self._batches else next(self._reading, None)
        if batch is None:
            if self._read_s is None:
                self._read_s, self._read_plan = now_s, self._picture.plan
            return []
        return [self._ask(batch, now_s, now_ns, configuration=True)]

    def _forget_unanswered(self, now_s: float) -> None:
        for sequence, question in list(self._outstanding.items()):
            if now_s - question.sent_s >= REPLY_TIMEOUT_S:
                self._give_up(sequence)

    def _give_up(self, sequence: int) -> None:
        """A question without an answer: lost, or the controller is off, or does not know "all elements"."""
        question = self._outstanding.pop(sequence)
        if question.answered:
            return
        self._counters["timeouts"] += 1
        if question.configuration:
            wild = len(question.addresses) == 1 and question.addresses[0][:3] in _COUNTED_BY
            if wild and not question.addresses[0].element:
                self._ask_apart(question.addresses)
            else:
                self._incomplete |= question.addresses[0] not in _RUNS and not question.asks_for_lamps
            return
        self._unanswered += 1
        if self._unanswered == _PATIENCE and not self._state_told:
            self._ask_one_by_one(_for_all(question.addresses))

    def _ask(
        self, addresses: Iterable[Address], now_s: float, now_ns: int, *, configuration: bool = False
    ) -> Frame:
        asked = tuple(addresses)
        frame = self._frame(
            FrameType.QUERY, tuple(DataValue(i, address) for i, address in enumerate(asked, start=1))
        )
        while len(self._outstanding) >= _OUTSTANDING:
            self._give_up(next(iter(self._outstanding)))
        paths = {address[:3] for address in asked}
        self._outstanding[frame.sequence] = Question(asked, now_s, now_ns, configuration, paths)
        return frame

    def _frame(self, kind: FrameType, values: tuple[DataValue, ...] = ()) -> Frame:
        self._sequence = (self._sequence + 1) % 256
        header = self._habits.header
        return Frame(
            kind,
            values,
            self._sequence,
            header.controller_id,
            header.crossing,
            header.upper_id,
            header.version,
        )


def configuration(picture: Picture, habits: Habits) -> Iterator[tuple[Address, ...]]:
    """The configuration that ends are derived from, batch by batch; what to ask depends on the answers so far."""
    clock = objects.LOCAL_TIME if habits.local_time else objects.UTC_TIME
    counts = (objects.LAMP_COUNT, objects.PHASE_COUNT, objects.STAGE_COUNT, clock)
    yield tuple(Address(*path, 0) for path in counts)
    yield (Address(*objects.LAMP_TYPE, 0),)
    yield tuple(Address(*path, habits.crossing) for path in _RUN_STATE)
    if not habits.poll_s:
        for path in _STATE:
            yield (Address(*path, 0),)
    stages = range(1, min(picture.number(objects.STAGE_COUNT) or 0, 64) + 1)
    yield from batches(Address(*objects.STAGE_PHASES, stage) for stage in stages)
    if picture.plan is not None:
        yield from batches(Address(*path, picture.plan) for path in _PLAN)
    tables = picture.tables
    used = {entry.stage for entry in tables.chain} or {n for n, s in tables.stages.items() if s.phases}
    shifts = (objects.STAGE_LATE_STARTS, objects.STAGE_EARLY_ENDS)
    yield from batches(Address(*path, stage) for stage in sorted(used) for path in shifts)
    phases = frozenset[int]().union(*(tables.stages[stage].phases for stage in used & tables.stages.keys()))
    yield from batches(Address(*path, phase) for phase in sorted(phases) for path in _PHASE)


def batches(addresses: Iterable[Address]) -> list[tuple[Address, ...]]:
    """Addresses in parts whose answers fit into one packet."""
    parts: list[tuple[Address, ...]] = []
    part: list[Address] = []
    size = 0
    for address in addresses:
        octets = _VALUE_OVERHEAD_BYTES + objects.width_of(address)
        if part and size + octets > _BATCH_BYTES:
            parts.append(tuple(part))
            part, size = [], 0
        part.append(address)
        size += octets
    return [*parts, tuple(part)] if part else parts


def _parts(addresses: list[Address]) -> list[list[Address]]:
    """At most so many addresses a frame that the answer stays far below the longest datagram."""
    return [addresses[at : at + 100] for at in range(0, len(addresses), 100)]


def _paths(question: Question) -> set[Path]:
    return {address[:3] for address in question.addresses}


def _for_all(addresses: Iterable[Address]) -> list[Address]:
    """Those that ask for all elements."""
    return [address for address in addresses if not address.element]


def _kept(address: Address) -> list[Address]:
    """What is left of a question for the state that is refused: without the lamps there is nothing to say."""
    return [address] if address[:3] == objects.LAMP_STATE else []


def live(paths: Iterable[Path]) -> bool:
    """Whether some of these objects are part of the state."""
    return not set(_STATE + _RUN_STATE).isdisjoint(paths)
