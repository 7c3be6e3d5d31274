"""An event loop whose time passes at once, for what runs by the clock."""

from __future__ import annotations

import asyncio
import selectors


class VirtualLoop(asyncio.SelectorEventLoop):
    """Nobody waits: where nothing is ready, its time is that of the next timer.

    Attributes:
        now_s: its time; add to it for work that takes time.
    """

    def __init__(self) -> None:
        self.now_s = 0.0
        super().__init__(_Leaping(self))

    def time(self) -> float:
        """See `AbstractEventLoop`."""
        return self.now_s


class _Leaping(selectors.SelectSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Only for what another thread does is there a wait."""
        if timeout is not None and timeout > 0.0:
            self._loop.now_s += timeout
        return super().select(None if timeout is None else 0.0)
