"""The messages themselves: when they were made and came, how many, in which order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from edge.core.stamp import NS_PER_S
from edge.signals.validation_kinds import Finding, StreamBounds

NUMBERS = 128
"""msgCnt and revision count modulo this."""


@dataclass(frozen=True, slots=True)
class Instant:
    """What one message says about itself.

    Attributes:
        arrival_ns: when it came, by the receiver's clock; None: not recorded.
        made_ns: when it was made, by its own words; None: it does not say.
        content: colours, status and ends; equal for messages that say the same.
        colours: of all groups.
        count: message count; None: the set has none.
        revision: of the state; None: the set has none.
    """

    arrival_ns: int | None
    made_ns: int | None
    content: object
    colours: object
    count: int | None = None
    revision: int | None = None

    @property
    def at_ns(self) -> int | None:
        """The best time there is."""
        return self.made_ns if self.arrival_ns is None else self.arrival_ns


class StreamCheck:
    """Pure. One per intersection and sender.

    Args:
        bounds: see `StreamBounds`.
        absolute: ends are hour marks, so that a wrong clock makes them wrong.
    """

    def __init__(self, bounds: StreamBounds | None = None, *, absolute: bool = True) -> None:
        self._bounds = bounds or StreamBounds()
        self.absolute = absolute
        self._last: Instant | None = None
        self._times: deque[int] = deque()
        self._lates: deque[int] = deque()
        self._off = self._frozen = self._changes = 0
        self._counts = False

    def check(self, message: Instant) -> list[Finding]:
        """Take a message in the order in which it came and say what is wrong with it."""
        last, self._last = self._last, message
        at_ns = message.at_ns
        found: list[Finding] = []
        if message.made_ns is None and self.absolute:
            found.append(Finding("clock_missing", "it does not say when it was made", (), at_ns or 0))
        if at_ns is None:
            return found
        found += self._wrong_clock(message, at_ns)
        if last is None or last.at_ns is None:
            self._times.append(at_ns)
            return found
        found += self._clock_course(last, message, at_ns)
        found += self._rate(at_ns - last.at_ns, at_ns)
        found += self._order(last, message, at_ns)
        return found

    def _wrong_clock(self, message: Instant, at_ns: int) -> Iterable[Finding]:
        if message.arrival_ns is None or message.made_ns is None:
            return
        off_ns = message.made_ns - message.arrival_ns
        self._off = self._off + 1 if abs(off_ns) > self._bounds.clock_ns else 0
        if self._off >= self._bounds.clock_messages:
            side = "fast" if off_ns > 0 else "slow"
            sentence = f"its clock is {abs(off_ns) / NS_PER_S:.1f} s {side}"
            yield Finding("clock_off", sentence, (), at_ns)

    def _clock_course(self, last: Instant, message: Instant, at_ns: int) -> Iterable[Finding]:
        if last.made_ns is None or message.made_ns is None:
            return
        step_ns = message.made_ns - last.made_ns
        same = message.content == last.content
        self._frozen = self._frozen + 1 if step_ns == 0 else 0
        if self._frozen >= self._bounds.frozen_messages:
            yield Finding("clock_frozen", "its clock stands still", (), at_ns)
        elif step_ns == 0 and same:
            yield Finding("duplicate", "the same message again", (), at_ns)
        elif step_ns == 0 and message.colours != last.colours:
            yield Finding("same_time", "other colours at the same time", (), at_ns)
        if -self._bounds.jump_ns < step_ns < 0:
            yield Finding("out_of_order", "it was made before the one that came before", (), at_ns)
        elif step_ns < 0:
            yield Finding("clock_backwards", f"its clock ran back by {-step_ns / NS_PER_S:.1f} s", (), at_ns)
        if message.arrival_ns is not None and last.arrival_ns is not None:
            jump_ns = step_ns - (message.arrival_ns - last.arrival_ns)
            if jump_ns > self._bounds.jump_ns:
                yield Finding("clock_jump", f"its clock jumped by {jump_ns / NS_PER_S:.1f} s", (), at_ns)

    def _rate(self, step_ns: int, at_ns: int) -> Iterable[Finding]:
        bounds = self._bounds
        if step_ns > bounds.break_ns or step_ns < -bounds.gap_ns:
            self._times.clear()
            self._lates.clear()
            self._times.append(at_ns)
            return
        if step_ns > bounds.gap_ns:
            yield Finding("gap", f"no message for {step_ns / NS_PER_S:.1f} s", (), at_ns)
        times, lates = self._times, self._lates
        times.append(at_ns)
        if step_ns > bounds.late_ns:
            lates.append(at_ns)
        whole = False
        while times and times[0] < at_ns - bounds.window_ns:
            times.popleft()
            whole = True
        while lates and lates[0] < at_ns - bounds.window_ns:
            lates.popleft()
        if whole and len(times) < bounds.least_per_window:
            yield Finding("rate_low", _rate_words(len(times), bounds), (), at_ns)
        if len(times) > bounds.most_per_window:
            yield Finding("rate_high", _rate_words(len(times), bounds), (), at_ns)
            times.popleft()
        if len(lates) >= bounds.lates_per_window:
            yield Finding(
                "jitter", f"{len(lates)} late messages in {bounds.window_ns / NS_PER_S:g} s", (), at_ns
            )

    def _order(self, last: Instant, message: Instant, at_ns: int) -> Iterable[Finding]:
        if message.count is not None and last.count is not None:
            step = (message.count - last.count) % NUMBERS
            self._counts |= step == 1
            still = step == 0 and message.content != last.content
            if self._counts and (still or step > self._bounds.lost_messages + 1):
                words = "did not go on" if still else f"went on by {step}"
                yield Finding("sequence", f"message count {words}", (), at_ns)
        if message.revision is None or message.revision != last.revision:
            self._changes = 0
        elif message.colours != last.colours:
            self._changes += 1
        if self._changes >= self._bounds.changes_per_revision:
            yield Finding(
                "revision_stuck", f"revision {message.revision} although the colours changed", (), at_ns
            )


def _rate_words(count: int, bounds: StreamBounds) -> str:
    return f"{count} messages in {bounds.window_ns / NS_PER_S:g} s"
