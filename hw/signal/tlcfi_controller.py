"""TLC-FI consumer: connects to a TLC and iterates over what its signal groups show."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable

from edge.core.errors import DeviceError
from edge.core.signals import SignalSnapshot
from hw.signal.snapshots import SnapshotQueue
from hw.signal.tlcfi import DEFAULT_PORT
from hw.signal.tlcfi_session import TlcfiSession, TlcfiSettings
from hw.tcp import SessionLink

CONNECT_TIMEOUT_S = 3.0


class TlcfiController:
    """`SignalController` that registers at a TLC as a consumer, which may only read.

    A connection that ends is a lost device: the caller opens it again.

    Counters: those of `TlcfiSession` and `SessionLink`, connections, lost, dropped.

    Args:
        host, port: of the TLC.
        settings: how it is talked to.
        capacity: snapshots that may wait; beyond it the oldest is dropped.
    """

    def __init__(
        self,
        host: str,
        port: int = DEFAULT_PORT,
        *,
        settings: TlcfiSettings,
        capacity: int = 8,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.address = (host, port)
        self._settings, self._capacity, self._now_ns = settings, capacity, now_ns
        self._counters: Counter[str] = Counter()
        self.counters: dict[str, int] = self._counters

    @contextlib.asynccontextmanager
    async def snapshots(self) -> AsyncIterator[AsyncIterator[SignalSnapshot]]:
        """Connect and iterate. Raises `DeviceError` where nobody listens, and at the reader when it ends."""
        queue = SnapshotQueue(self._counters, capacity=self._capacity)
        session = TlcfiSession(self._settings, counters=self._counters, publish=queue.put)
        link = SessionLink(
            session,
            counters=self._counters,
            now_ns=self._now_ns,
            on_lost=lambda reason: self._lost(queue, reason),
            on_bug=queue.fail,
        )
        await self._connect(link)
        try:
            yield queue
        finally:
            session.deregister(self._now_ns())
            link.end("closed")

    async def _connect(self, link: SessionLink) -> None:
        host, port = self.address
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await loop.create_connection(lambda: link, host, port)
        except OSError as error:  # TimeoutError is one
            problem = f"cannot connect to {host}:{port}: {error.strerror or 'no answer'}"
            raise DeviceError(self._settings.name, problem) from error
        self._counters["connections"] += 1

    def _lost(self, queue: SnapshotQueue, reason: str) -> None:
        self._counters["lost"] += 1
        queue.fail(DeviceError(self._settings.name, reason))
