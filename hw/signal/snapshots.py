"""Snapshots of a driver that works in the background, as a bounded queue: newest first out when the reader is slow."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from edge.core.errors import DeviceError
from edge.core.signals import SignalSnapshot


class SnapshotQueue:
    """Between a driver's task and one reader; the oldest is dropped and counted. Safe to cancel between two.

    Counters: dropped.
    """

    def __init__(self, device: str, counters: Counter[str], *, capacity: int = 8) -> None:
        self._device, self._counters, self._capacity = device, counters, capacity
        self._items: deque[SignalSnapshot] = deque()
        self._ready = asyncio.Event()
        self._ended: asyncio.Task[None] | None = None

    def put(self, snapshot: SignalSnapshot) -> None:
        """Hand one over without waiting."""
        if len(self._items) >= self._capacity:
            self._items.popleft()
            self._counters["dropped"] += 1
        self._items.append(snapshot)
        self._ready.set()

    def __aiter__(self) -> AsyncIterator[SignalSnapshot]:
        return self

    async def __anext__(self) -> SignalSnapshot:
        while not self._items:
            if self._ended is not None:
                raise self._error(self._ended)
            self._ready.clear()
            await self._ready.wait()
        return self._items.popleft()

    @contextlib.asynccontextmanager
    async def fed_by(self, work: Coroutine[Any, Any, None], *, name: str) -> AsyncIterator[None]:
        """Run the driver's work while inside. When it ends, the reader gets what is left and then its error."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._end)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait((task,))

    def _end(self, task: asyncio.Task[None]) -> None:
        self._ended = task
        self._ready.set()
        if not task.cancelled():
            task.exception()  # the reader raises it; here it is only marked as seen

    def _error(self, task: asyncio.Task[None]) -> BaseException:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, BaseExceptionGroup):
            lost, others = error.split(DeviceError)
            return error if lost is None or others is not None else _first(lost)
        return DeviceError(self._device, "its driver has stopped") if error is None else error


def _first(group: BaseExceptionGroup[DeviceError]) -> BaseException:
    found = group.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found
