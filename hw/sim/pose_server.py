"""The pose socket: every client gets the newest state; a slow client skips states and never holds up the world."""

from __future__ import annotations

import asyncio
from collections import Counter

from edge.core.errors import DeviceError
from hw.sim.poses import WorldState, encode

MAX_CLIENTS = 32
BUFFER_BYTES = 65_536
"""Bytes that may wait for a client beyond the kernel's buffer; above it states are skipped."""


class PoseServer:
    """`await start(port=0)`, then `publish`. Counters: published, skipped, clients, refused."""

    def __init__(self) -> None:
        self.counters: Counter[str] = Counter()
        self._clients: set[asyncio.WriteTransport] = set()
        self._server: asyncio.Server | None = None

    async def start(self, *, port: int = 0, host: str = "127.0.0.1") -> int:
        """Listen; returns the port.

        Raises:
            DeviceError: the port is taken.
        """
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: _Client(self), host, port)
        except OSError as error:
            raise DeviceError("pose socket", f"cannot listen on {host}:{port}: {error}") from error
        return int(self._server.sockets[0].getsockname()[1])

    def publish(self, state: WorldState) -> None:
        """Give a state to every client that has taken the one before."""
        self.counters["published"] += 1
        frame = encode(state) if self._clients else b""
        for client in list(self._clients):
            if client.get_write_buffer_size() > BUFFER_BYTES:
                self.counters["skipped"] += 1
                continue
            client.write(frame)

    async def close(self) -> None:
        """Stop listening and drop all clients."""
        if self._server is not None:
            self._server.close()
        for client in list(self._clients):
            client.abort()

    def joined(self, client: asyncio.WriteTransport) -> None:
        """A client came."""
        if len(self._clients) >= MAX_CLIENTS:
            self.counters["refused"] += 1
            client.abort()
            return
        self.counters["clients"] += 1
        self._clients.add(client)

    def left(self, client: asyncio.WriteTransport) -> None:
        """A client went."""
        self._clients.discard(client)


class _Client(asyncio.Protocol):
    def __init__(self, server: PoseServer) -> None:
        self._server = server
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        self._server.joined(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._server.left(self._transport)
