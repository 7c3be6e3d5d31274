"""A simulated GB/T 20999-2017 controller without its network: the simulated crossing's plan as stages and objects.

Lamp groups and phases 1 to 8 are the vehicle phases, 9 to 12 the pedestrian phases 2, 4, 6 and 8. Four stages: left
turns and through traffic of each side of the barrier, transition included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from functools import cache
from typing import Literal

from edge.core.signals import LampState
from edge.core.stamp import NS_PER_S
from hw.signal import gb20999_objects as objects
from hw.signal.gb20999 import Address, DataValue, Frame, FrameType
from hw.signal.gb20999_codes import Lamp, LampType, Mode, Refusal, StageCall, StageState
from hw.signal.gb20999_objects import Path
from hw.sim.signal_plan import CYCLE_DS, GROUPS, STEPS, step_at

LAMP_GROUPS = dict(enumerate(GROUPS, start=1))
"""Group of the plan by number of the lamp group, which is that of its phase as well."""
YELLOW_S, ALL_RED_S, CLEARING_S = 3, 2, 13
_LEFTS, _THROUGHS = (0, 3), (3, 7)
_HALF = len(STEPS) // 2
_CODES = {
    LampState.RED: Lamp.RED,
    LampState.YELLOW: Lamp.YELLOW,
    LampState.GREEN: Lamp.GREEN,
    LampState.FLASHING_RED: Lamp.RED_FLASH,
}


@dataclass(frozen=True, slots=True)
class SimStage:
    """One stage of the plan.

    Attributes:
        phases: with the right of way.
        first, last: steps of the plan that it covers, `last` not included.
        start_ds, length_ds: in the cycle, tenths of a second.
    """

    phases: frozenset[int]
    first: int
    last: int
    start_ds: int
    length_ds: int


def _stage(base: int, span: tuple[int, int]) -> SimStage:
    first, last = base + span[0], base + span[1]
    lit = {group for step in STEPS[first:last] for group in step.lamps}
    phases = frozenset(number for number, group in LAMP_GROUPS.items() if group in lit)
    start_ds = sum(step.duration_ds for step in STEPS[:first])
    return SimStage(phases, first, last, start_ds, sum(step.duration_ds for step in STEPS[first:last]))


STAGES: dict[int, SimStage] = {
    number: _stage(base, span)
    for number, (base, span) in enumerate(
        ((base, span) for base in (0, _HALF) for span in (_LEFTS, _THROUGHS)), start=1
    )
}


@dataclass(slots=True)
class Gb20999Device:
    """Answers frames. The position in the cycle comes from outside.

    Attributes:
        cycle_ds: position in the cycle now, tenths of a second.
        mode, plan: run mode, running plan.
        priority, emergency: such a request runs.
        now_ns: UTC ns, for its clock.
        zone: of its local time.
        overrides: octets of values by address, in place of its own.
        lacks: objects that it does not have.
        wildcards: what it does about questions for element 0, which means all.
        sequence_step: what it adds to the sequence of a question; some makers add one.
    """

    cycle_ds: Callable[[], float]
    mode: int = Mode.LOCAL_FIXED_TIME
    plan: int = 1
    priority: bool = False
    emergency: bool = False
    now_ns: Callable[[], int] = lambda: 0
    zone: tzinfo = UTC
    overrides: dict[Address, bytes] = field(default_factory=dict)
    lacks: set[Path] = field(default_factory=set)
    wildcards: Literal["answered", "refused", "ignored"] = "answered"
    sequence_step: int = 0

    def answer(self, frame: Frame) -> Frame | None:
        """The answer to a frame; None: it needs none."""
        if frame.kind == FrameType.HEARTBEAT:
            return replace(frame, kind=FrameType.HEARTBEAT_REPLY, values=())
        if frame.kind == FrameType.SET:
            refused = tuple(replace(value, data=bytes((Refusal.READ_ONLY,))) for value in frame.values)
            return replace(frame, kind=FrameType.SET_ERROR, values=refused)
        if frame.kind != FrameType.QUERY:
            return None
        if self.wildcards == "ignored" and any(_asks_for_all(value.address) for value in frame.values):
            return None
        sequence = (frame.sequence + self.sequence_step) % 256
        found = [(value, self.read(value.address)) for value in frame.values if value.address is not None]
        missing = tuple(
            replace(value, data=bytes((Refusal.DOES_NOT_EXIST,))) for value, data in found if data is None
        )
        if missing:
            return replace(frame, kind=FrameType.QUERY_ERROR, values=missing, sequence=sequence)
        values = tuple(replace(value, data=data) for value, data in found if data is not None)
        return replace(frame, kind=FrameType.QUERY_REPLY, values=values, sequence=sequence)

    def report(self, *, header: Frame | None = None) -> Frame:
        """What it reports by itself: lamps and stages."""
        every = (objects.LAMP_STATE, objects.STAGE_STATE, objects.STAGE_ELAPSED, objects.STAGE_REMAINING)
        addresses = [Address(*path, 0) for path in every]
        addresses += [
            Address(*path, 1) for path in (objects.RUN_MODE, objects.CURRENT_PLAN, objects.CURRENT_STAGE)
        ]
        values = tuple(DataValue(i, a, self._read(a) or b"") for i, a in enumerate(addresses, start=1))
        return replace(header or Frame(FrameType.REPORT), kind=FrameType.REPORT, values=values)

    def read(self, address: Address) -> bytes | None:
        """The octets of a value; None: it does not exist."""
        if address[:3] in self.lacks:
            return None
        if self.wildcards != "answered" and _asks_for_all(address):
            return None
        return self._read(address)

    @property
    def lamps(self) -> dict[int, int]:
        """Lamp of each group."""
        index, _ = step_at(self.cycle_ds())
        own = {n: int(_CODES[STEPS[index].lamp(group)]) for n, group in LAMP_GROUPS.items()}
        changed = {n: self.overrides.get(Address(*objects.LAMP_STATE, n)) for n in own}
        return {n: data[0] if (data := changed[n]) else lamp for n, lamp in own.items()}

    @property
    def stage(self) -> int:
        """Running stage."""
        index, _ = step_at(self.cycle_ds())
        return next(number for number, stage in STAGES.items() if stage.first <= index < stage.last)

    def _read(self, address: Address) -> bytes | None:
        if address in self.overrides:
            return self.overrides[address]
        path, element = address[:3], address.element
        table = self._tables().get(path)
        if table is None:
            return None
        if path in _SINGLE:
            return table.get(0)
        if element:
            return table.get(element)
        return b"".join(self.overrides.get(Address(*path, n), table[n]) for n in sorted(table))

    def _tables(self) -> Mapping[Path, Mapping[int, bytes]]:
        return _configuration() | self._state()

    def _state(self) -> dict[Path, dict[int, bytes]]:
        now_ds, stage = self.cycle_ds() % CYCLE_DS, self.stage
        elapsed_s = int(now_ds - STAGES[stage].start_ds) // 10
        remaining_s = STAGES[stage].length_ds // 10 - elapsed_s
        states = dict.fromkeys(STAGES, StageState.NO_RIGHT_OF_WAY) | {stage: self._stage_state()}
        at = datetime.fromtimestamp(self.now_ns() // NS_PER_S, tz=UTC)
        return {
            objects.LAMP_STATE: {number: bytes((lamp,)) for number, lamp in self.lamps.items()},
            objects.STAGE_STATE: {number: bytes((state,)) for number, state in states.items()},
            objects.STAGE_ELAPSED: {n: _u16(elapsed_s if n == stage else 0) for n in STAGES},
            objects.STAGE_REMAINING: {n: _u16(remaining_s if n == stage else 0) for n in STAGES},
            objects.PRIORITY_RUNS: {1: bytes((self.priority,))},
            objects.EMERGENCY_RUNS: {1: bytes((self.emergency,))},
            objects.RUN_MODE: {1: bytes((self.mode,))},
            objects.CURRENT_PLAN: {1: bytes((self.plan,))},
            objects.CURRENT_STAGE: {1: bytes((stage,))},
            objects.UTC_TIME: {0: _date(at)},
            objects.LOCAL_TIME: {0: _date(at.astimezone(self.zone))},
        }

    def _stage_state(self) -> StageState:
        index, _ = step_at(self.cycle_ds())
        green = LampState.GREEN in STEPS[index].lamps.values()
        return StageState.RIGHT_OF_WAY if green else StageState.TRANSITION


@cache
def _configuration() -> dict[Path, dict[int, bytes]]:
    phases, pedestrians = tuple(LAMP_GROUPS), tuple(n for n, g in LAMP_GROUPS.items() if g[0] == "pedestrian")
    kinds = {n: LampType.PEDESTRIAN if n in pedestrians else LampType.MOTOR_VEHICLE for n in phases}
    early = dict.fromkeys(pedestrians, YELLOW_S + ALL_RED_S)
    intergreens = dict.fromkeys(phases, YELLOW_S + ALL_RED_S)
    first_loss, first_time = objects.LOSS_COLOURS[0]
    return {
        objects.LAMP_COUNT: {0: bytes((len(phases),))},
        objects.PHASE_COUNT: {0: bytes((len(phases),))},
        objects.STAGE_COUNT: {0: bytes((len(STAGES),))},
        objects.LAMP_TYPE: {n: bytes((kind,)) for n, kind in kinds.items()},
        objects.PHASE_LAMPS: {n: _bits(n) for n in phases},
        first_loss: {n: bytes((Lamp.RED_FLASH if n in pedestrians else Lamp.YELLOW,)) for n in phases},
        first_time: {n: bytes((CLEARING_S if n in pedestrians else YELLOW_S,)) for n in phases},
        **{path: dict.fromkeys(phases, b"\0") for pair in objects.LOSS_COLOURS[1:] for path in pair},
        **{path: dict.fromkeys(phases, b"\0") for pair in objects.GAIN_COLOURS for path in pair},
        objects.INTERGREENS: {n: _chain({} if n in pedestrians else intergreens, octets=64) for n in phases},
        objects.STAGE_PHASES: {n: _bits(*stage.phases) for n, stage in STAGES.items()},
        objects.STAGE_LATE_STARTS: dict.fromkeys(STAGES, bytes(64)),
        objects.STAGE_EARLY_ENDS: dict.fromkeys(STAGES, _chain(early, octets=64)),
        objects.PLAN_CYCLE: {1: (CYCLE_DS // 10).to_bytes(4, "big")},
        objects.PLAN_OFFSET: {1: _u16(0)},
        objects.PLAN_STAGES: {1: _chain({n: n for n in STAGES}, octets=16)},
        objects.PLAN_TIMES: {
            1: _chain({n: s.length_ds // 10 for n, s in STAGES.items()}, octets=32, width=2)
        },
        objects.PLAN_CALLS: {1: _chain(dict.fromkeys(STAGES, StageCall.FIXED), octets=16)},
    }


_SINGLE = frozenset(
    {
        objects.LAMP_COUNT,
        objects.PHASE_COUNT,
        objects.STAGE_COUNT,
        objects.UTC_TIME,
        objects.LOCAL_TIME,
    }
)


def _asks_for_all(address: Address | None) -> bool:
    return address is not None and not address.element and address[:3] not in _SINGLE


def _bits(*numbers: int) -> bytes:
    return sum(1 << (number - 1) for number in numbers).to_bytes(8, "big")


def _chain(values: Mapping[int, int], *, octets: int, width: int = 1) -> bytes:
    """Numbers by place, from 1; the first place stands last on the wire."""
    places = range(octets // width, 0, -1)
    return b"".join(int(values.get(place, 0)).to_bytes(width, "big") for place in places)


def _u16(number: int) -> bytes:
    return number.to_bytes(2, "big")


def _date(at: datetime) -> bytes:
    return at.year.to_bytes(2, "big") + bytes((at.month, at.day, at.hour, at.minute, at.second))
