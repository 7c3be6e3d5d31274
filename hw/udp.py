"""Datagrams from a UDP port as a bounded queue: the oldest is dropped and counted when the reader is slow."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from edge.core.errors import DeviceError


@dataclass(frozen=True, slots=True)
class Datagram:
    """One datagram.

    Attributes:
        payload: its bytes.
        sender: `address:port` of the sender.
        arrival_ns: UTC ns at which the event loop took it from the socket.
    """

    payload: bytes
    sender: str
    arrival_ns: int


class DatagramQueue(asyncio.DatagramProtocol):
    """Queue between the socket and one reader.

    Counters: received, dropped (queue full), foreign (sender not allowed), socket_errors.
    """

    def __init__(
        self,
        device: str,
        *,
        counters: Counter[str],
        capacity: int,
        allowed: frozenset[str] | None,
        now_ns: Callable[[], int],
    ) -> None:
        self._device, self._counters, self._capacity = device, counters, capacity
        self._allowed, self._now_ns = allowed, now_ns
        self._items: deque[Datagram] = deque()
        self._ready = asyncio.Event()
        self._lost: str | None = None

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Called by the event loop."""
        if self._allowed is not None and addr[0] not in self._allowed:
            self._counters["foreign"] += 1
            return
        self._counters["received"] += 1
        if len(self._items) >= self._capacity:
            self._items.popleft()
            self._counters["dropped"] += 1
        self._items.append(Datagram(data, f"{addr[0]}:{addr[1]}", self._now_ns()))
        self._ready.set()

    def error_received(self, exc: Exception) -> None:
        """Called by the event loop."""
        del exc
        self._counters["socket_errors"] += 1

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self._lost = str(exc) if exc else "socket closed"
        self._ready.set()

    async def next(self) -> Datagram:
        """The oldest waiting datagram.

        Raises:
            DeviceError: the socket is gone.
        """
        while not self._items:
            if self._lost is not None:
                raise DeviceError(self._device, self._lost)
            self._ready.clear()
            await self._ready.wait()
        return self._items.popleft()


@contextlib.asynccontextmanager
async def listen_udp(
    host: str,
    port: int,
    *,
    device: str,
    counters: Counter[str],
    capacity: int = 64,
    allowed: frozenset[str] | None = None,
    now_ns: Callable[[], int] = time.time_ns,
) -> AsyncIterator[tuple[DatagramQueue, tuple[str, int]]]:
    """Bind a UDP port and yield its queue and the address that it is bound to.

    Args:
        allowed: addresses that may send; None: any.

    Raises:
        DeviceError: the port cannot be bound.
    """
    loop = asyncio.get_running_loop()
    try:
        transport, queue = await loop.create_datagram_endpoint(
            lambda: DatagramQueue(
                device, counters=counters, capacity=capacity, allowed=allowed, now_ns=now_ns
            ),
            local_addr=(host, port),
        )
    except OSError as error:
        raise DeviceError(device, f"cannot listen on {host}:{port}: {error.strerror or error}") from error
    try:
        name = transport.get_extra_info("sockname")
        yield queue, (name[0], name[1])
    finally:
        transport.close()
