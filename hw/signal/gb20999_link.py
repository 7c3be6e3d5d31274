"""The way to a GB/T 20999 controller: UDP, or TCP that we open or that the controller opens; frames in and out."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast

from edge.core.errors import DeviceError
from hw.signal.gb20999 import Frame, FrameError, FrameStream, decode_frame, encode_frame
from hw.udp import DatagramQueue

CONNECT_TIMEOUT_S = 5.0
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


class UdpLink(DatagramQueue):
    """Frames as datagrams, not escaped. Counters: those of `DatagramQueue`, bad_*, unsent."""

    def __init__(
        self,
        device: str,
        *,
        controller: tuple[str, int],
        counters: Counter[str],
        capacity: int,
        now_ns: Callable[[], int],
    ) -> None:
        allowed = frozenset((controller[0],))
        super().__init__(device, counters=counters, capacity=capacity, allowed=allowed, now_ns=now_ns)
        self._controller, self._bad = controller, counters
        self._out: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._out = cast("asyncio.DatagramTransport", transport)

    async def next(self) -> tuple[Frame, int]:  # type: ignore[override]
        """See `Link`."""
        while True:
            datagram = await super().next()
            try:
                return decode_frame(datagram.payload), datagram.arrival_ns
            except FrameError as error:
                self._bad[f"bad_{error.fault}"] += 1

    def send(self, frame: Frame) -> None:
        """See `Link`."""
        if self._out is None or self._out.is_closing():
            self._bad["unsent"] += 1
            return
        self._out.sendto(encode_frame(frame), self._controller)


class TcpLink:
    """Frames of a byte stream, escaped. Counters: received, dropped, bad_*, unsent, foreign, reconnected.

    A controller that connects anew replaces its old connection.
    """

    def __init__(
        self,
        device: str,
        *,
        controller: str | None,
        counters: Counter[str],
        capacity: int,
        now_ns: Callable[[], int],
    ) -> None:
        self._device, self._controller, self._counters = device, controller, counters
        self._capacity, self._now_ns = capacity, now_ns
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

    def take(self, found: list[Frame | FrameError]) -> None:
        """What the stream was taken apart into."""
        for item in found:
            self._counters["received"] += 1
            if isinstance(item, FrameError):
                self._counters[f"bad_{item.fault}"] += 1
                continue
            if len(self._frames) >= self._capacity:
                self._frames.popleft()
                self._counters["dropped"] += 1
            self._frames.append((item, self._now_ns()))
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
    way: Way, *, device: str, counters: Counter[str], now_ns: Callable[[], int] = time.time_ns
) -> AsyncIterator[tuple[Link, tuple[str, int]]]:
    """Open the way; yields the link and our own address.

    Raises:
        DeviceError: the name is unknown, the port is taken, nobody answers.
    """
    opened = _udp if way.transport == "udp" else _connected if way.transport == "tcp" else _served
    options = {"device": device, "counters": counters, "now_ns": now_ns}
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            link, closing, address = await opened(way, options)
    except TimeoutError as error:
        raise DeviceError(device, f"{_shown(way.controller)} does not answer") from error
    except OSError as error:
        place = way.controller if way.transport == "tcp" else way.local
        verb = "connect to" if way.transport == "tcp" else "listen on"
        reason = error.strerror or error
        raise DeviceError(device, f"cannot {verb} {_shown(place)}: {reason}") from error
    try:
        yield link, address
    finally:
        closing()


_Opened = tuple[Link, Callable[[], None], tuple[str, int]]


async def _udp(way: Way, options: dict[str, Any]) -> _Opened:
    controller = await _resolved(way.controller, socket.SOCK_DGRAM), way.controller[1]
    transport, link = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: UdpLink(controller=controller, capacity=way.capacity, **options), local_addr=way.local
    )
    return link, transport.close, transport.get_extra_info("sockname")[:2]


async def _connected(way: Way, options: dict[str, Any]) -> _Opened:
    link = TcpLink(controller=None, capacity=way.capacity, **options)
    transport, _ = await asyncio.get_running_loop().create_connection(
        lambda: _Connection(link), *way.controller
    )
    return link, link.close, transport.get_extra_info("sockname")[:2]


async def _served(way: Way, options: dict[str, Any]) -> _Opened:
    controller = await _resolved(way.controller, socket.SOCK_STREAM)
    link = TcpLink(controller=controller, capacity=way.capacity, **options)
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(link), *way.local)

    def close() -> None:
        server.close()
        link.close()

    return link, close, server.sockets[0].getsockname()[:2]


async def _resolved(address: tuple[str, int], kind: socket.SocketKind) -> str:
    found = await asyncio.get_running_loop().getaddrinfo(*address, type=kind)
    return str(found[0][4][0])


def _shown(address: tuple[str, int]) -> str:
    return f"{address[0]}:{address[1]}"
