"""Opens only after a run of good snapshots, and shuts at the first fault."""

from __future__ import annotations

from collections.abc import Iterable


class Gate:
    """Whether something may be shown. Pure.

    Args:
        needed: good snapshots in a row before what was shut is shown again.
    """

    def __init__(self, needed: int) -> None:
        self._needed, self._good, self.open = needed, 0, False

    def shut(self) -> None:
        """Begin anew."""
        self._good, self.open = 0, False

    def count(self, *, good: bool) -> None:
        """A snapshot came."""
        self._good += good

    def pass_through(self, faults: Iterable[str]) -> list[str]:
        """Why it is shut now; empty: it is open."""
        found = list(faults)
        if found:
            self._good = 0
        elif not self.open and self._good < self._needed:
            found = [f"{self._good} of {self._needed} good snapshots since the last fault"]
        self.open = not found
        return found
