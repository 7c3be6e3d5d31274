"""Datagrams from a UDP port as a bounded queue: the oldest is dropped and counted when the reader is slow."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from edge.core.errors import DeviceError
from edge.core.stamp import NS_PER_S

LONGEST_DATAGRAM = 65_536
DATAGRAMS_A_TURN = 64
"""Read before the other tasks of the process get their turn."""
_SO_TIMESTAMPNS = 35  # <asm-generic/socket.h>; SCM_TIMESTAMPNS is the same
_TIMESPEC = struct.Struct("@ll")


@dataclass(frozen=True, slots=True)
class Datagram:
    """One datagram.

    Attributes:
        payload: its bytes.
        sender: `address:port` of the sender.
        arrival_ns: UTC ns at which the kernel took it from the network, however long it waited for us.
    """

    payload: bytes
    sender: str
    arrival_ns: int


class DatagramQueue:
    """Queue between the socket and one reader.

    Counters: received, dropped (queue full), foreign (sender not allowed), socket_errors, unsent.
    """

    def __init__(
        self,
        device: str,
        *,
        counters: Counter[str],
        capacity: int,
        allowed: frozenset[str] | None,
        now_ns: Callable[[], int] | None,
    ) -> None:
        self._device, self._counters, self._capacity = device, counters, capacity
        self._allowed, self._now_ns = allowed, now_ns
        self._items: deque[Datagram] = deque()
        self._ready = asyncio.Event()
        self._lost: str | None = None
        self._socket: socket.socket | None = None

    def attach(self, sock: socket.socket) -> None:
        """Answers go out through the socket that the datagrams come in by."""
        self._socket = sock

    def send(self, payload: bytes, address: tuple[str, int]) -> None:
        """Send at once, or drop and count."""
        if self._socket is None:
            self._counters["unsent"] += 1
            return
        try:
            self._socket.sendto(payload, address)
        except OSError:
            self._counters["unsent"] += 1

    def read(self, sock: socket.socket) -> None:
        """Take what waits in the socket; called by the event loop when something does."""
        for _ in range(DATAGRAMS_A_TURN):
            try:
                data, extra, _flags, addr = sock.recvmsg(LONGEST_DATAGRAM, socket.CMSG_SPACE(_TIMESPEC.size))
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                self._counters["socket_errors"] += 1
                return
            self._take(data, addr, _arrival_ns(extra) if self._now_ns is None else self._now_ns())

    def _take(self, data: bytes, addr: tuple[str, int], arrival_ns: int) -> None:
        if self._allowed is not None and addr[0] not in self._allowed:
            self._counters["foreign"] += 1
            return
        self._counters["received"] += 1
        if len(self._items) >= self._capacity:
            self._items.popleft()
            self._counters["dropped"] += 1
        self._items.append(Datagram(data, f"{addr[0]}:{addr[1]}", arrival_ns))
        self._ready.set()

    def close(self) -> None:
        """Say that the socket is gone."""
        self._socket = None
        self._lost = "socket closed"
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
    now_ns: Callable[[], int] | None = None,
) -> AsyncIterator[tuple[DatagramQueue, tuple[str, int]]]:
    """Bind a UDP port and yield its queue and the address that it is bound to.

    Args:
        allowed: addresses that may send; None: any.
        now_ns: clock of the arrivals; None: the kernel's own stamps, which a process that stood still gets right too.

    Raises:
        DeviceError: the port cannot be bound.
    """
    loop = asyncio.get_running_loop()
    try:
        sock = await _bound(host, port)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DeviceError(device, f"cannot listen on {host}:{port}: {reason}") from error
    queue = DatagramQueue(device, counters=counters, capacity=capacity, allowed=allowed, now_ns=now_ns)
    with sock:
        queue.attach(sock)
        loop.add_reader(sock, queue.read, sock)
        try:
            name = sock.getsockname()
            yield queue, (name[0], name[1])
        finally:
            loop.remove_reader(sock)
            queue.close()


async def _bound(host: str, port: int) -> socket.socket:
    """A socket on the first address of `host` that can be bound."""
    found = await asyncio.get_running_loop().getaddrinfo(
        host, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE
    )
    problem: OSError | None = None
    for family, kind, protocol, _name, address in found:
        try:
            sock = socket.socket(family, kind, protocol)
        except OSError as error:
            problem = error
            continue
        try:
            sock.setblocking(False)
            if sys.platform.startswith("linux"):
                sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            sock.bind(address)
        except OSError as error:
            sock.close()
            problem = error
        else:
            return sock
    raise problem or OSError(f"{host} has no address")


def _arrival_ns(extra: list[tuple[int, int, bytes]]) -> int:
    """The kernel's stamp among the ancillary data of a datagram; the present where there is none."""
    for level, kind, data in extra:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(data) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(data)
            return int(seconds * NS_PER_S + nanoseconds)
    return time.time_ns()
