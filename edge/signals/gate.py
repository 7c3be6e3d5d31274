"""Opens only after a run of good snapshots spread over time, and shuts at the first fault."""

from __future__ import annotations

from collections.abc import Iterable


class Gate:
    """Whether something may be shown. Pure.

    Args:
        needed: good snapshots in a row before what was shut is shown again.
        spacing_ns: one that is stamped sooner after the one before does not count: snapshots that were held back and
            arrive together prove no more than one.
    """

    def __init__(self, needed: int, *, spacing_ns: int = 0) -> None:
        self._needed, self._spacing_ns = needed, spacing_ns
        self._good, self._counted_ns, self.open = 0, 0, False

    def shut(self) -> None:
        """Begin anew."""
        self._good, self.open = 0, False

    def count(self, *, good: bool, at_ns: int) -> None:
        """A snapshot came, stamped at UTC ns."""
        if good and (self._good == 0 or abs(at_ns - self._counted_ns) >= self._spacing_ns):
            self._good, self._counted_ns = self._good + 1, at_ns

    def pass_through(self, faults: Iterable[str]) -> list[str]:
        """Why it is shut now; empty: it is open."""
        found = list(faults)
        if found:
            self._good = 0
        elif not self.open and self._good < self._needed:
            found = [f"{self._good} of {self._needed} good snapshots since the last fault"]
        self.open = not found
        return found
