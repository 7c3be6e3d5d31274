"""When the running stage of a GB/T 20999 controller ends: bounds on the instant, from a countdown in whole seconds.

A count of `r` seconds that was read between two instants leaves a second of doubt, and another one while it is not
known whether the controller rounds up or down. Every further reading narrows the bounds, most of all the one after the
count has changed. The rounding shows where the plan tells the whole length of the stage: elapsed and remaining add up
to it when the one is rounded down and the other up, and to a second less when both are rounded down.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from edge.core.stamp import NS_PER_S


@dataclass(frozen=True, slots=True)
class StageReading:
    """What the controller said about the running stage at some instant between two.

    Attributes:
        stage: its number.
        remaining_s, elapsed_s: whole seconds; None: not told.
        planned_s: length of the stage by the plan; None: not known.
        sent_ns, arrival_ns: bounds of the instant, UTC ns: question sent, answer received.
    """

    stage: int
    remaining_s: int | None
    elapsed_s: int | None
    planned_s: int | None
    sent_ns: int
    arrival_ns: int


@dataclass(frozen=True, slots=True)
class StageEnd:
    """The end of the running stage.

    Attributes:
        earliest_ns, latest_ns: UTC ns.
        as_planned: the count agrees with the plan.
    """

    earliest_ns: int
    latest_ns: int
    as_planned: bool


class StageClock:
    """Narrows the end of the running stage, reading by reading.

    Counters: countdown_jumped (a reading contradicts the ones before; the bounds begin anew).
    """

    def __init__(self, counters: Counter[str]) -> None:
        self._counters = counters
        self._last: StageReading | None = None
        self._bounds: tuple[int, int] | None = None

    def read(self, reading: StageReading) -> StageEnd | None:
        """The end after one more reading; None where the controller tells no countdown."""
        if reading.remaining_s is None:
            self._bounds = None
            return None
        (less_s, more_s), as_planned = _slack(reading, reading.remaining_s)
        earliest_ns = reading.sent_ns + (reading.remaining_s + less_s) * NS_PER_S
        latest_ns = reading.arrival_ns + (reading.remaining_s + more_s) * NS_PER_S
        if self._bounds is not None and self._same_run(reading, reading.remaining_s):
            narrowed = max(earliest_ns, self._bounds[0]), min(latest_ns, self._bounds[1])
            if narrowed[0] <= narrowed[1]:
                earliest_ns, latest_ns = narrowed
            else:
                self._counters["countdown_jumped"] += 1
        self._bounds, self._last = (earliest_ns, latest_ns), reading
        return StageEnd(earliest_ns, latest_ns, as_planned)

    def _same_run(self, reading: StageReading, remaining_s: int) -> bool:
        last = self._last
        return (
            last is not None
            and last.stage == reading.stage
            and last.remaining_s is not None
            and remaining_s <= last.remaining_s
        )


def _slack(reading: StageReading, remaining_s: int) -> tuple[tuple[int, int], bool]:
    """By how much less and more than the count may be left, and whether the count agrees with the plan."""
    if reading.elapsed_s is None or reading.planned_s is None:
        return (-1, 1), False
    missing = reading.planned_s - reading.elapsed_s - remaining_s
    if missing in (-1, 0):  # -1: read after the one count had changed and before the other did
        return (-1, 0), True
    return ((0, 1), True) if missing == 1 else ((-1, 1), False)
