"""The 100 ms grid on which SPAT goes out, and how many of its slots went without one."""

from __future__ import annotations

from edge.core.stamp import NS_PER_MS

SPAT_PERIOD_NS = 100 * NS_PER_MS
"""SPAT goes out at 10 Hz."""


class SlotCounter:
    """Counts the slots of a grid in which something was handed over. Pure: times are arguments, UTC ns.

    Attributes:
        sent: slots with at least one message.
        missed: slots without.
        missed_in_a_row, missed_in_a_row_max: current and longest run of slots without.
    """

    def __init__(self, *, period_ns: int = SPAT_PERIOD_NS) -> None:
        if period_ns <= 0:
            raise ValueError(f"period {period_ns} ns, must be positive")
        self._period_ns = period_ns
        self._open: int | None = None
        self._filled = False
        self.sent = self.missed = self.missed_in_a_row = self.missed_in_a_row_max = 0

    def next_ns(self, now_ns: int) -> int:
        """Start of the next slot after `now_ns`."""
        return (now_ns // self._period_ns + 1) * self._period_ns

    def slot(self, now_ns: int) -> int:
        """Number of the slot that `now_ns` is in."""
        return now_ns // self._period_ns

    def advance(self, now_ns: int) -> None:
        """Close every slot that has ended by `now_ns`. The first call starts the count with its own slot.

        A clock that was set back starts a new count at its slot: slots that exist twice are not missed.
        """
        slot = self.slot(now_ns)
        if self._open is None or slot < self._open:
            self._open, self._filled = slot, False
            return
        if slot == self._open:
            return
        self._close()
        self._miss(slot - self._open - 1)
        self._open, self._filled = slot, False

    def start_anew(self) -> None:
        """The clock was set: the slots that it leapt over never were, the next call starts the count again."""
        if self._open is not None:
            self._close()
        self._open = None

    def handed_over(self, now_ns: int) -> None:
        """A message was handed over at `now_ns`."""
        self.advance(now_ns)
        self._filled = True

    def _close(self) -> None:
        if self._filled:
            self.sent += 1
            self.missed_in_a_row = 0
        else:
            self._miss(1)

    def _miss(self, slots: int) -> None:
        self.missed += slots
        self.missed_in_a_row += slots
        self.missed_in_a_row_max = max(self.missed_in_a_row_max, self.missed_in_a_row)
