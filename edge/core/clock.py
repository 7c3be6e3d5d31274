"""How far the clock of this machine may be off: what the readers say, judged into one state.

Numbers: design sections 3 and 4. Synchronised is an error bound below 50 ms; holdover is a clock that was synchronised
and runs on by itself, with a bound that grows, for as long as its budget; everything else is unsynchronised.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from edge.core.stamp import NS_PER_MS, NS_PER_S

SYNCHRONISED_BELOW_NS = 50 * NS_PER_MS
STEP_NS = 20 * NS_PER_MS
"""A clock that jumps further was set."""
UPDATE_SLACK_NS = NS_PER_S
"""An update may be this much older than a step and still have caused it."""


class ClockMode(enum.Enum):
    """The three states of the clock."""

    SYNCHRONISED = "synchronised"
    HOLDOVER = "holdover"
    UNSYNCHRONISED = "unsynchronised"


@dataclass(frozen=True, slots=True)
class ClockReading:
    """What one reader says of the clock.

    Attributes:
        source: `chrony`, `ptp` or `kernel`.
        synchronised: it vouches for the time.
        error_ns: its bound on the error of the clock, ns.
        update_age_ns: age of the last comparison with a reference, ns by this machine's clock; None: not told.
        text: what it says, for a person.
        refused: it could not be asked, or gave no answer that makes sense.
    """

    source: str
    synchronised: bool
    error_ns: int
    update_age_ns: int | None = None
    text: str = ""
    refused: bool = False


@dataclass(frozen=True, slots=True)
class ClockLimits:
    """Numbers of the judgement.

    Attributes:
        synchronised_below_ns: error bound below which a clock is synchronised.
        holdover_ns: longest holdover.
        drift_ppm: how fast the clock may run away in holdover, parts per million.
    """

    synchronised_below_ns: int = SYNCHRONISED_BELOW_NS
    holdover_ns: int = 1_800 * NS_PER_S
    drift_ppm: float = 10.0


@dataclass(frozen=True, slots=True)
class ClockHealth:
    """State of the clock.

    Attributes:
        mode: see `ClockMode`.
        error_ns: bound on its error; None unsynchronised.
        source: the reader that it rests on; empty: none.
        age_ns: time since it was synchronised; None: it never was.
        text: one sentence for a person.
    """

    mode: ClockMode
    error_ns: int | None
    source: str
    age_ns: int | None
    text: str


class ClockJudge:
    """Turns readings into the state. Pure: `monotonic_ns` is the clock that nobody can set.

    A reader that vouches for a bound below the limit makes it synchronised. When none does, the last good bound grows
    by `drift_ppm` until it reaches the limit or the budget ends: holdover. Setting the clock ends both at once, until a
    reader vouches for the new time: one that compared it with a reference since, or does not tell when it did (the
    kernel, whose own mark is cleared when anyone but its time daemon sets the clock).
    """

    def __init__(self, limits: ClockLimits | None = None) -> None:
        self._limits = limits or ClockLimits()
        self._good: tuple[int, ClockReading] | None = None
        self._step: tuple[int, int] | None = None

    def stepped(self, step_ns: int, *, monotonic_ns: int) -> None:
        """The clock was set: what was known of it is void."""
        self._good, self._step = None, (monotonic_ns, step_ns)

    def judge(self, readings: Sequence[ClockReading], *, monotonic_ns: int) -> ClockHealth:
        """The state, from readings taken just now, the best authority first."""
        limit_ns = self._limits.synchronised_below_ns
        valid = (r for r in readings if r.synchronised and self._since_step(r, monotonic_ns))
        found = next((r for r in valid if 0 <= r.error_ns < limit_ns), None)
        if found is None:
            return self._without(readings, monotonic_ns)
        self._good, self._step = (monotonic_ns, found), None
        text = f"{found.source}, error below {found.error_ns / NS_PER_MS:.3g} ms"
        return ClockHealth(ClockMode.SYNCHRONISED, found.error_ns, found.source, 0, text)

    def _since_step(self, reading: ClockReading, monotonic_ns: int) -> bool:
        """Whether the reading says something of the clock as it was last set."""
        if self._step is None or reading.update_age_ns is None:
            return True
        return 0 <= reading.update_age_ns <= monotonic_ns - self._step[0] + UPDATE_SLACK_NS

    def _without(self, readings: Sequence[ClockReading], monotonic_ns: int) -> ClockHealth:
        """Holdover while it lasts, else unsynchronised."""
        words = _words(readings)
        if self._good is None:
            if self._step is not None:
                words = f"the clock was set by {self._step[1] / NS_PER_S:+.3f} s; {words}"
            return ClockHealth(ClockMode.UNSYNCHRONISED, None, "", None, words)
        since_ns, reading = self._good
        age_ns = monotonic_ns - since_ns
        error_ns = reading.error_ns + int(age_ns * self._limits.drift_ppm / 1e6)
        held = f"for {age_ns / NS_PER_S:.0f} s of {self._limits.holdover_ns / NS_PER_S:.0f} s"
        if age_ns <= self._limits.holdover_ns and error_ns < self._limits.synchronised_below_ns:
            text = f"holdover {held}, error below {error_ns / NS_PER_MS:.3g} ms; {words}"
            return ClockHealth(ClockMode.HOLDOVER, error_ns, reading.source, age_ns, text)
        text = f"without a reference {held}, error up to {error_ns / NS_PER_MS:.3g} ms; {words}"
        return ClockHealth(ClockMode.UNSYNCHRONISED, None, "", age_ns, text)


def _words(readings: Sequence[ClockReading]) -> str:
    """What the readers say, for a person."""
    said = [
        f"{r.source}: {r.text or ('synchronised' if r.synchronised else 'not synchronised')}"
        f"{f', error up to {r.error_ns / NS_PER_MS:.3g} ms' if r.synchronised else ''}"
        for r in readings
    ]
    return "; ".join(said) or "nobody tells how far the clock is off"
