"""A TCP connection that drives a protocol engine: bytes and times in, bytes out, everything bounded."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable
from typing import Protocol

TICK_S = 0.1
WRITE_LIMIT = 256 * 1024
"""Octets that may wait for a peer that does not read; beyond it the connection is cut."""
LINGER_S = 1.0
"""How long the last words may take."""


class Session(Protocol):
    """A protocol engine without I/O.

    Attributes:
        ended: why the connection must end, for a person; None: it goes on.
    """

    ended: str | None

    def opened(self, now_ns: int) -> None:
        """The connection stands."""
        ...

    def received(self, data: bytes, now_ns: int) -> None:
        """Octets came at this time, UTC ns."""
        ...

    def tick(self, now_ns: int) -> None:
        """Called ten times a second: heartbeats and time-outs."""
        ...

    def take_output(self) -> bytes:
        """What is to be sent."""
        ...


class SessionLink(asyncio.Protocol):
    """Joins a session and a socket. Counters: slow_peers (cut because they did not read), foreign (not allowed).

    Args:
        allowed: addresses that may talk; None: any.
        on_lost: called once with the reason when the connection has ended.
        on_bug: takes what the session raised: a bug of ours.
    """

    def __init__(
        self,
        session: Session,
        *,
        counters: Counter[str],
        now_ns: Callable[[], int],
        on_lost: Callable[[str], None],
        on_bug: Callable[[Exception], None],
        allowed: frozenset[str] | None = None,
    ) -> None:
        self.session, self.peer = session, ""
        self._counters, self._now_ns = counters, now_ns
        self._on_lost, self._on_bug, self._allowed = on_lost, on_bug, allowed
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.peer = str((transport.get_extra_info("peername") or ("?",))[0])
        if self._allowed is not None and self.peer not in self._allowed:
            self._counters["foreign"] += 1
            self.session.ended = f"{self.peer} is not allowed"
            self.abort()
            return
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._run(lambda: self.session.opened(self._now_ns()))
        self._tick()

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        if not self._closing:
            self._run(lambda: self.session.received(data, self._now_ns()))

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        if self._timer is not None:
            self._timer.cancel()
        self._closing = True
        reason = self.session.ended or (str(exc) if exc else "the other side closed the connection")
        self._on_lost(reason)

    def flush(self) -> None:
        """Send what the session wants to say; end the connection when it must."""
        transport = self._transport
        if transport is None or self._closing:
            return
        output = self.session.take_output()
        if transport.get_write_buffer_size() + len(output) > WRITE_LIMIT:
            self._counters["slow_peers"] += 1
            self.session.ended = self.session.ended or "the other side does not read"
            self.abort()
            return
        if output:
            transport.write(output)
        if self.session.ended is not None:
            self._close()

    def end(self, reason: str) -> None:
        """End the connection after what waits was sent."""
        self.session.ended = self.session.ended or reason
        self.flush()

    def abort(self) -> None:
        """End the connection now."""
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    def _close(self) -> None:
        self._closing = True
        assert self._transport is not None
        self._transport.close()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(LINGER_S, self._transport.abort)

    def _tick(self) -> None:
        if self._closing:
            return
        self._timer = asyncio.get_running_loop().call_later(TICK_S, self._tick)
        self._run(lambda: self.session.tick(self._now_ns()))

    def _run(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:  # a bug of ours: the driver raises it at its reader
            self._on_bug(error)
            self.abort()
            return
        self.flush()
