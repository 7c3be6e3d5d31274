"""A simulated power-fail line that a test switches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator


class FakePowerLine:
    """`PowerLine`: `set(True)` takes the mains away."""

    def __init__(self, *, failed: bool = False) -> None:
        self._failed, self._changed = failed, asyncio.Event()

    def set(self, failed: bool) -> None:
        """Take the mains away, or give it back."""
        self._failed = failed
        self._changed.set()

    async def changes(self) -> AsyncIterator[bool]:
        """Yield the state as it is, and at each change."""
        while True:
            self._changed.clear()
            yield self._failed
            await self._changed.wait()
