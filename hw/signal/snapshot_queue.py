"""Snapshots between a link and its reader: bounded, the oldest is dropped and counted when the reader is slow."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator

from edge.core.signals import SignalSnapshot

CAPACITY = 8


class SnapshotQueue:
    """One writer, one reader; safe to cancel between two snapshots. Counters: dropped.

    Args:
        capacity: snapshots that may wait.
    """

    def __init__(self, *, counters: Counter[str], capacity: int = CAPACITY) -> None:
        self._counters, self._capacity = counters, capacity
        self._items: deque[SignalSnapshot] = deque()
        self._ready = asyncio.Event()
        self._error: Exception | None = None

    def put(self, snapshot: SignalSnapshot) -> None:
        """Add one without waiting."""
        if len(self._items) >= self._capacity:
            self._items.popleft()
            self._counters["dropped"] += 1
        self._items.append(snapshot)
        self._ready.set()

    def fail(self, error: Exception) -> None:
        """Raise `error` at the reader once everything that waits was read."""
        self._error = self._error or error
        self._ready.set()

    def __aiter__(self) -> AsyncIterator[SignalSnapshot]:
        return self

    async def __anext__(self) -> SignalSnapshot:
        while not self._items:
            if self._error is not None:
                raise self._error
            self._ready.clear()
            await self._ready.wait()
        return self._items.popleft()
