"""Channels between tasks of one process: newest wins, or bounded with the oldest dropped; every drop is counted."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """Holds the newest value; a slow reader skips, and the skips are counted per reader."""

    def __init__(self) -> None:
        self._value: T | None = None
        self.version = 0
        self._changed = asyncio.Event()

    @property
    def value(self) -> T | None:
        """The newest value; None before the first."""
        return self._value

    def set(self, value: T) -> None:
        """Replace the value and wake every reader."""
        self._value = value
        self.version += 1
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def reader(self) -> LatestReader[T]:
        """A reader of its own that sees each version at most once."""
        return LatestReader(self)

    async def wait_newer(self, version: int) -> None:
        """Return when there is a value newer than `version`."""
        while self.version <= version:
            await self._changed.wait()


class LatestReader(Generic[T]):
    """One reader's place in a `Latest`."""

    def __init__(self, channel: Latest[T]) -> None:
        self._channel = channel
        self._seen = 0
        self.skipped = 0

    async def next(self) -> T:
        """The newest value that this reader has not seen yet."""
        await self._channel.wait_newer(self._seen)
        self.skipped += self._channel.version - self._seen - 1
        self._seen = self._channel.version
        value = self._channel.value
        assert value is not None
        return value


class Bounded(Generic[T]):
    """A queue of at most `capacity` values; when full, the oldest is dropped and counted."""

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"capacity {capacity}, must be at least 1")
        self._items: deque[T] = deque()
        self._capacity = capacity
        self._ready = asyncio.Event()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._items)

    def put(self, value: T) -> None:
        """Append; never waits."""
        if len(self._items) >= self._capacity:
            self._items.popleft()
            self.dropped += 1
        self._items.append(value)
        self._ready.set()

    async def get(self) -> T:
        """The oldest value, waiting for one."""
        while not self._items:
            self._ready.clear()
            await self._ready.wait()
        return self._items.popleft()

    def drain(self) -> list[T]:
        """All values now, oldest first."""
        items = list(self._items)
        self._items.clear()
        return items
