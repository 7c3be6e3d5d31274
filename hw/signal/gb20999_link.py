"""The way to a GB/T 20999 controller: UDP, or TCP that we open or that the controller opens; frames in and out."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Literal, Protocol, cast

from edge.core.errors import DeviceError
from edge.core.stamp import NS_PER_S
from hw.signal.gb20999 import Frame, FrameError, FrameStream, decode_frame, encode_frame
from hw.udp import DatagramQueue, listen_udp

CONNECT_TIMEOUT_S = 5.0
BEAT_S = 0.1
"""How often the event loop is seen to turn."""
_WRITE_BUFFER_BYTES = 65_536
Transport = Literal["udp", "tcp", "tcp-server"]


@dataclass(frozen=True, slots=True)
class Way:
    """How to reach the controller.

    Attributes:
        transport: `udp`; `tcp`: we connect; `tcp-server`: the controller connects to us.
        controller: its host and port. Of `tcp-server` only the host counts, and port 0 is fine.
        local: our own host and port; not for `tcp`.
        capacity: frames that may wait; beyond it the oldest is dropped.
    """

    transport: Transport
    controller: tuple[str, int]
    local: tuple[str, int] = ("0.0.0.0", 0)  # noqa: S104 - every interface, unless the site says which
    capacity: int = 16


class Link(Protocol):
    """Frames to and from one controller."""

    async def next(self) -> tuple[Frame, int]:
        """The oldest waiting good frame, and UTC ns of its arrival. Raises `DeviceError` when the link is lost."""
        ...

    def send(self, frame: Frame) -> None:
        """Send at once, or drop and count."""
        ...


class UdpLink:
    """Frames as datagrams, not escaped. Counters: those of `DatagramQueue`, bad_*."""

    def __init__(self, queue: DatagramQueue, controller: tuple[str, int], counters: Counter[str]) -> None:
        self._queue, self._controller, self._counters = queue, controller, counters

    async def next(self) -> tuple[Frame, int]:
        """See `Link`."""
        while True:
            datagram = await self._queue.next()
            try:
                return decode_frame(datagram.payload), datagram.arrival_ns
            except FrameError as error:
                self._counters[f"bad_{error.fault}"] += 1

    def send(self, frame: Frame) -> None:
        """See `Link`."""
        self._queue.send(encode_frame(frame), self._controller)


class TcpLink:
    """Frames of a byte stream, escaped. Counters: received, dropped, bad_*, unsent, foreign, reconnected.

    A controller that connects anew replaces its old connection. The kernel does not tell when the bytes of a stream
    came: where this process stood still, they may have waited, and count as come when it was last seen to run.
    """

    def __init__(
        self,
        device: str,
        *,
        controller: str | None,
        counters: Counter[str],
        capacity: int,
        now_ns: Callable[[], int],
        steady_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._device, self._controller, self._counters = device, controller, counters
        self._capacity, self._now_ns, self._steady_s = capacity, now_ns, steady_s
        self._ran_s = steady_s()
        self._frames: deque[tuple[Frame, int]] = deque()
        self._ready = asyncio.Event()
        self._lost: str | None = None
        self._out: asyncio.Transport | None = None

    async def next(self) -> tuple[Frame, int]:
        """See `Link`."""
        while not self._frames:
            if self._lost is not None:
                raise DeviceError(self._device, self._lost)
            self._ready.clear()
            await self._ready.wait()
        return self._frames.popleft()

    def send(self, frame: Frame) -> None:
        """See `Link`."""
        out = self._out
        if out is None or out.is_closing() or out.get_write_buffer_size() > _WRITE_BUFFER_BYTES:
            self._counters["unsent"] += 1
            return
        out.write(encode_frame(frame, escaped=True))

    def begin(self, transport: asyncio.Transport) -> bool:
        """A connection is there; False: it is not the controller's."""
        peer = transport.get_extra_info("peername")
        if self._controller is not None and (peer is None or peer[0] != self._controller):
            self._counters["foreign"] += 1
            return False
        if self._out is not None:
            self._counters["reconnected"] += 1
            self._out.abort()
        self._out = transport
        return True

    def beat(self) -> None:
        """This process runs; called again and again."""
        self._ran_s = self._steady_s()

    def take(self, found: list[Frame | FrameError]) -> None:
        """What the stream was taken apart into."""
        stood_s = self._steady_s() - self._ran_s - BEAT_S
        arrival_ns = self._now_ns() - (round(stood_s * NS_PER_S) if stood_s > BEAT_S else 0)
        for item in found:
            self._counters["received"] += 1
            if isinstance(item, FrameError):
                self._counters[f"bad_{item.fault}"] += 1
                continue
            if len(self._frames) >= self._capacity:
                self._frames.popleft()
                self._counters["dropped"] += 1
            self._frames.append((item, arrival_ns))
            self._ready.set()

    def end(self, transport: asyncio.Transport | None, problem: str) -> None:
        """A connection is gone."""
        if transport is self._out:
            self._out, self._lost = None, problem
            self._ready.set()

    def close(self) -> None:
        """Close the connection."""
        if self._out is not None:
            self._out.abort()


class _Connection(asyncio.Protocol):
    """One TCP connection: bytes in, to the link's frames."""

    def __init__(self, link: TcpLink) -> None:
        self._link, self._stream = link, FrameStream()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        accepted = cast("asyncio.Transport", transport)
        if not self._link.begin(accepted):
            accepted.abort()
            return
        self._transport = accepted

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        if self._transport is not None:
            self._link.take(self._stream.feed(data))

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        if self._transport is not None:
            reason = "" if exc is None else f": {exc}"
            self._link.end(self._transport, f"the connection was lost{reason}")


@contextlib.asynccontextmanager
async def open_link(
    way: Way, *, device: str, counters: Counter[str], now_ns: Callable[[], int] | None = None
) -> AsyncIterator[tuple[Link, tuple[str, int]]]:
    """Open the way; yields the link and our own address.

    Args:
        now_ns: clock of the arrivals; None: the best there is.

    Raises:
        DeviceError: the name is unknown, the port is taken, nobody answers.
    """
    if way.transport == "udp":
        host = await _resolved(way, device)
        async with listen_udp(
            *way.local,
            device=device,
            counters=counters,
            capacity=way.capacity,
            allowed=frozenset((host,)),
            now_ns=now_ns,
        ) as (queue, address):
            yield UdpLink(queue, (host, way.controller[1]), counters), address
        return
    allowed = await _resolved(way, device) if way.transport == "tcp-server" else None
    link = TcpLink(
        device, controller=allowed, counters=counters, capacity=way.capacity, now_ns=now_ns or time.time_ns
    )
    async with _beating(link), _stream(way, link, device) as address:
        yield link, address


@contextlib.asynccontextmanager
async def _stream(way: Way, link: TcpLink, device: str) -> AsyncIterator[tuple[str, int]]:
    loop = asyncio.get_running_loop()
    served: asyncio.Server | None = None
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            if way.transport == "tcp":
                transport, _ = await loop.create_connection(lambda: _Connection(link), *way.controller)
                address = transport.get_extra_info("sockname")[:2]
            else:
                served = await loop.create_server(lambda: _Connection(link), *way.local)
                address = served.sockets[0].getsockname()[:2]
    except TimeoutError as error:
        raise DeviceError(device, f"{_shown(way.controller)} does not answer") from error
    except (OSError, UnicodeError) as error:
        connects = way.transport == "tcp"
        verb, place = ("connect to", way.controller) if connects else ("listen on", way.local)
        reason = getattr(error, "strerror", None) or error
        raise DeviceError(device, f"cannot {verb} {_shown(place)}: {reason}") from error
    try:
        yield address
    finally:
        if served is not None:
            served.close()
        link.close()


@contextlib.asynccontextmanager
async def _beating(link: TcpLink) -> AsyncIterator[None]:
    """Tells the link that the event loop turns."""
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle | None = None

    def beat() -> None:
        nonlocal timer
        link.beat()
        timer = loop.call_later(BEAT_S, beat)

    beat()
    try:
        yield
    finally:
        if timer is not None:
            timer.cancel()


async def _resolved(way: Way, device: str) -> str:
    """Address of the controller, which alone may speak."""
    kind = socket.SOCK_DGRAM if way.transport == "udp" else socket.SOCK_STREAM
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            found = await asyncio.get_running_loop().getaddrinfo(*way.controller, type=kind)
    except (OSError, UnicodeError, TimeoutError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DeviceError(device, f"cannot find {way.controller[0]}: {reason}") from error
    return str(found[0][4][0])


def _shown(address: tuple[str, int]) -> str:
    return f"{address[0]}:{address[1]}"
