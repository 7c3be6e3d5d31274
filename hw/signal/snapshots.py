"""Snapshots on their way from a driver to its reader: of datagrams, or of work in the background; bounded."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Protocol

from edge.core.errors import DeviceError
from edge.core.signals import SignalSnapshot
from hw.udp import DatagramQueue

CAPACITY = 8


class Accept(Protocol):
    """Takes a datagram apart."""

    def __call__(self, payload: bytes, /, *, arrival_ns: int) -> SignalSnapshot | None:
        """Its snapshot; None: it tells nothing new. The arrival is UTC ns."""
        ...


class DatagramSnapshots:
    """Iterates over the snapshots that datagrams tell; safe to cancel between two of them."""

    def __init__(self, queue: DatagramQueue, accept: Accept) -> None:
        self._queue, self._accept = queue, accept

    def __aiter__(self) -> AsyncIterator[SignalSnapshot]:
        return self

    async def __anext__(self) -> SignalSnapshot:
        while True:
            datagram = await self._queue.next()
            snapshot = self._accept(datagram.payload, arrival_ns=datagram.arrival_ns)
            if snapshot is not None:
                return snapshot


class SnapshotQueue:
    """Between the work of a driver and one reader; the oldest goes when the reader is slow. Counters: dropped.

    Safe to cancel between two snapshots.

    Args:
        capacity: snapshots that may wait.
    """

    def __init__(self, counters: Counter[str], *, capacity: int = CAPACITY) -> None:
        self._counters, self._capacity = counters, capacity
        self._items: deque[SignalSnapshot] = deque()
        self._ready = asyncio.Event()
        self._error: BaseException | None = None

    def put(self, snapshot: SignalSnapshot) -> None:
        """Add one without waiting."""
        if len(self._items) >= self._capacity:
            self._items.popleft()
            self._counters["dropped"] += 1
        self._items.append(snapshot)
        self._ready.set()

    def fail(self, error: BaseException) -> None:
        """Raise the first `error` at the reader once everything that waits was read."""
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

    @contextlib.asynccontextmanager
    async def fed_by(self, work: Coroutine[Any, Any, None], *, device: str) -> AsyncIterator[None]:
        """Run the driver's work while inside. When it ends, the reader gets what is left and then its error."""
        task = asyncio.create_task(work, name=f"{device} driver")
        task.add_done_callback(lambda ended: self.fail(_error(ended, device)))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait((task,))


def _error(task: asyncio.Task[None], device: str) -> BaseException:
    error = None if task.cancelled() else task.exception()
    if isinstance(error, BaseExceptionGroup):
        lost, others = error.split(DeviceError)
        return error if lost is None or others is not None else _first(lost)
    return DeviceError(device, "its driver has stopped") if error is None else error


def _first(group: BaseExceptionGroup[DeviceError]) -> BaseException:
    found = group.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found
