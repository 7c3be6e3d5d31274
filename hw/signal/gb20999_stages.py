"""From the countdown of a stage to the end of each lamp group: the derivation for GB/T 20999-2017 controllers.

The controller counts down stages, road users see lamp groups. What is known: when the running stage ends (`T`), which
phases a stage holds and which lamp groups they drive, the chain of stages of the plan with their lengths, the colours
by which a phase loses and gains the right of way, late starts, early ends and intergreens. The lengths of a plan's
stages add up to its cycle, so a stage includes the transition at its end:

    green ... loss colour 1, 2, 3, all-red | next stage: green ...
          ^ T - all-red - colours - early end        ^ T

- A lamp group that the next stage keeps goes on: its end is in a later stage.
- A group that loses the right of way changes at `T` less what follows of its colours, its phase's early end, and the
  all-red time, which is what the largest intergreen to a gaining phase exceeds the colours after (flashing) green by.
- A red group ends where the first stage to hold it begins, later by its phase's late start; the standard does not say
  whether gain colours come before or after that instant, so both bounds hold.
- Ends at the end of the running stage are as certain as `T`; ends in later stages rest on the plan staying: they are
  likely ends, and of promises only "not before `T`" is left.
- A stage that comes on demand may be left out: what holds with and without it is kept, else nothing is said.

Seconds throughout, counted from `T`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edge.core.signals import LampState

Step = tuple[LampState, int]
"""A colour of a transition and its seconds; none has 0."""
_GREENS = (LampState.GREEN, LampState.FLASHING_GREEN)


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase as the controller is configured.

    Attributes:
        lamps: lamp groups that it drives.
        loss, gain: colours by which it loses and gains the right of way.
        intergreens_s: seconds from the end of its green to the green of each other phase; None: not known.
    """

    lamps: frozenset[int]
    loss: tuple[Step, ...] = ()
    gain: tuple[Step, ...] = ()
    intergreens_s: Mapping[int, float] | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage as the controller is configured.

    Attributes:
        phases: that have the right of way in it.
        late_s, early_s: seconds by which a phase begins later and ends earlier than the stage.
    """

    phases: frozenset[int]
    late_s: Mapping[int, int]
    early_s: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class PlanStage:
    """One place in the chain of a plan.

    Attributes:
        stage: its number.
        length_s: its whole length, transition included.
        on_demand: it may be left out.
    """

    stage: int
    length_s: int
    on_demand: bool = False


@dataclass(frozen=True, slots=True)
class Tables:
    """What is configured and needed here.

    Attributes:
        phases, stages: by number.
        chain: of the running plan; empty: not known.
    """

    phases: Mapping[int, Phase]
    stages: Mapping[int, Stage]
    chain: tuple[PlanStage, ...] = ()


@dataclass(frozen=True, slots=True)
class Running:
    """The running stage.

    Attributes:
        stage: its number.
        transition: it loses the right of way already.
        elapsed_s, remaining_s: whole seconds; None: not told.
    """

    stage: int
    transition: bool = False
    elapsed_s: int | None = None
    remaining_s: int | None = None


@dataclass(frozen=True, slots=True)
class GroupEnd:
    """When a lamp group changes, in seconds from the end of the running stage.

    Attributes:
        earliest_s: not before; None: not known.
        latest_s: not after; None: not known.
        likely_s: None unknown.
    """

    earliest_s: float | None = None
    latest_s: float | None = None
    likely_s: float | None = None


UNKNOWN = GroupEnd()


def group_end(group: int, lamp: LampState, running: Running, tables: Tables) -> GroupEnd:
    """When this lamp group will show something else than it does now."""
    stage = tables.stages.get(running.stage)
    if stage is None or _out_of_place(running, stage, tables):
        return UNKNOWN
    found: GroupEnd | None = None
    for following in _futures(running.stage, tables.chain):
        end = _end(group, lamp, running, stage, following, tables)
        found = end if found is None else _both(found, end)
    return found or UNKNOWN


def _out_of_place(running: Running, stage: Stage, tables: Tables) -> bool:
    """Whether the controller's transition is not where it is taken to be, at the end of the stage."""
    if not running.transition or running.remaining_s is None:
        return False
    owned = [tables.phases[number] for number in stage.phases if number in tables.phases]
    longest = max((_total(phase.loss) + _all_red(phase, None)[1] for phase in owned), default=0.0)
    return running.remaining_s > longest + 1


def _futures(stage: int, chain: tuple[PlanStage, ...]) -> Iterator[tuple[PlanStage, ...]]:
    """What may follow the stage, one whole round: from every place that it has, with and without stages on demand."""
    for place, entry in enumerate(chain):
        if entry.stage != stage:
            continue
        after = chain[place + 1 :] + chain[: place + 1]
        for skipped in range(len(after)):
            yield after[skipped:] + after[:skipped]
            if not after[skipped].on_demand:
                break


def _both(one: GroupEnd, other: GroupEnd) -> GroupEnd:
    """What holds of either."""
    earliest = latest = None
    if one.earliest_s is not None and other.earliest_s is not None:
        earliest = min(one.earliest_s, other.earliest_s)
    if one.latest_s is not None and other.latest_s is not None:
        latest = max(one.latest_s, other.latest_s)
    return GroupEnd(earliest, latest, one.likely_s if one.likely_s == other.likely_s else None)


def _end(
    group: int,
    lamp: LampState,
    running: Running,
    stage: Stage,
    following: tuple[PlanStage, ...],
    tables: Tables,
) -> GroupEnd:
    owners = _owners(group, stage, tables)
    if lamp is LampState.RED:
        waiting = _waits(running, stage, owners)
        return _red_end(group, following, tables) if waiting else UNKNOWN
    if not owners:
        return _gain_end(group, lamp, following[0], tables) if running.transition else UNKNOWN
    ends = [_loss_end(group, lamp, running.stage, number, following, tables) for number in owners]
    return ends[0] if all(end == ends[0] for end in ends) else UNKNOWN


def _owners(group: int, stage: Stage | None, tables: Tables) -> list[int]:
    """Phases of a stage that drive the group."""
    if stage is None:
        return []
    return sorted(n for n in stage.phases if n in tables.phases and group in tables.phases[n].lamps)


def _waits(running: Running, stage: Stage, owners: list[int]) -> bool:
    """Whether a red group waits for a later stage, and not for its late start in this one."""
    if not owners or running.transition:
        return True
    late = max(stage.late_s.get(number, 0) for number in owners)
    begun = running.elapsed_s is not None and running.elapsed_s > late
    return begun and any(stage.early_s.get(number, 0) for number in owners)


def _red_end(group: int, following: tuple[PlanStage, ...], tables: Tables) -> GroupEnd:
    """A red lamp: until the first stage to come that holds the group."""
    offset = 0
    for position, entry in enumerate(following):
        stage = tables.stages.get(entry.stage)
        if stage is None:
            return UNKNOWN
        owners = _owners(group, stage, tables)
        if owners:
            lates = [stage.late_s.get(number, 0) for number in owners]
            red, gain = _gain(tables.phases[owners[0]])
            first, last = offset + min(lates) - gain, offset + max(lates) + red
            return GroupEnd(first, last, (first + last) / 2) if position == 0 else GroupEnd(0, None, last)
        offset += entry.length_s
    return UNKNOWN


def _gain(phase: Phase) -> tuple[int, int]:
    """Seconds of red that its gain colours begin with, and of the others."""
    red = 0
    for lamp, seconds in phase.gain:
        if lamp is not LampState.RED:
            break
        red += seconds
    return red, _total(phase.gain) - red


def _gain_end(group: int, lamp: LampState, following: PlanStage, tables: Tables) -> GroupEnd:
    """A gain colour that is shown before the stage that it leads to."""
    stage = tables.stages.get(following.stage)
    owners = _owners(group, stage, tables)
    if stage is None or len(owners) != 1:
        return UNKNOWN
    gain = tables.phases[owners[0]].gain
    left = _left_after(lamp, gain)
    if left is None or not any(step[0] is lamp for step in gain):
        return UNKNOWN
    end = float(stage.late_s.get(owners[0], 0) - left)
    return GroupEnd(end, end, end)


def _loss_end(
    group: int,
    lamp: LampState,
    current: int,
    phase_number: int,
    following: tuple[PlanStage, ...],
    tables: Tables,
) -> GroupEnd:
    """A lamp of a phase with the right of way, or one that loses it: until its next colour."""
    offset, stage = 0, tables.stages[current]
    for position, entry in enumerate(following):
        then = tables.stages.get(entry.stage)
        if then is None:
            return UNKNOWN
        kept = _owners(group, then, tables)
        if not kept:
            left = _left_after(lamp, tables.phases[phase_number].loss)
            if left is None:
                return UNKNOWN
            early = stage.early_s.get(phase_number, 0)
            least, most = _all_red(tables.phases[phase_number], then.phases - stage.phases)
            soonest, latest = offset - left - early - most, offset - left - early - least
            if position:
                return GroupEnd(0, None, (soonest + latest) / 2)
            return GroupEnd(soonest, latest, (soonest + latest) / 2)
        if lamp is not LampState.GREEN:
            return UNKNOWN
        offset, stage, phase_number = offset + entry.length_s, then, kept[0]
    return UNKNOWN


def _left_after(lamp: LampState, loss: tuple[Step, ...]) -> int | None:
    """Seconds of the loss colours that come after this lamp; None: it is none of them, nor green."""
    at = max((index for index, step in enumerate(loss) if step[0] is lamp), default=-1)
    if at < 0 and lamp is not LampState.GREEN:
        return None
    return _total(loss[at + 1 :])


def _all_red(phase: Phase, gaining: frozenset[int] | None) -> tuple[float, float]:
    """Least and most seconds of red from the last loss colour to the end of the stage.

    Args:
        gaining: phases that gain the right of way; None: any.
    """
    clearing = _total(tuple(step for step in phase.loss if step[0] not in _GREENS))
    if phase.intergreens_s is None:
        return 0.0, _LONGEST_ALL_RED_S
    wanted = [s for number, s in phase.intergreens_s.items() if gaining is None or number in gaining]
    found = max(0.0, max(wanted, default=0.0) - clearing)
    return found, found


def _total(steps: tuple[Step, ...]) -> int:
    return sum(seconds for _, seconds in steps)


_LONGEST_ALL_RED_S = 10.0
"""Where the controller does not tell its intergreens; GB 14886 and practice stay far below."""
