"""A link between two of our own processes: framed messages over a local stream socket, bounded per kind.

Frame: magic "EDL", u8 version, u8 kind, 3 bytes zero, u32 payload length, payload. Sending never waits: each
kind has its own queue, the oldest is dropped and counted when the reader is slow, and signals go first.
"""

from __future__ import annotations

import asyncio
import enum
import os
import socket
import struct
from collections import Counter, deque
from collections.abc import AsyncIterator

from edge.core.errors import CodecError

VERSION = 1
_HEADER = struct.Struct("<3sBB3xI")
_MAGIC = b"EDL"
MAX_PAYLOAD_BYTES = 8_000_000
CLOSE_TIMEOUT_S = 0.2
MESSAGES_A_TURN = 32
"""Messages read before the other tasks of the process get their turn, however many wait."""


class Kind(enum.IntEnum):
    """What a frame carries; a lower number is sent first."""

    SIGNALS = 1
    RADIO = 2
    DETECTIONS = 3
    SCENE = 4
    HEALTH = 5
    EVENT = 6
    LAMPS = 7
    UPDATE = 8
    REQUEST = 9


_CAPACITY = {
    Kind.SIGNALS: 4,
    Kind.RADIO: 512,
    Kind.DETECTIONS: 32,
    Kind.SCENE: 1,
    Kind.HEALTH: 64,
    Kind.EVENT: 64,
    Kind.LAMPS: 16,
    Kind.UPDATE: 16,
    Kind.REQUEST: 64,
}


class Link:
    """One end of a process link."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._queues: dict[Kind, deque[bytes]] = {kind: deque() for kind in Kind}
        self._wake = asyncio.Event()
        self.counters: Counter[str] = Counter()

    @classmethod
    async def from_socket(cls, sock: socket.socket) -> Link:
        """Wrap a connected stream socket."""
        sock.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=sock, limit=MAX_PAYLOAD_BYTES)
        return cls(reader, writer)

    @classmethod
    async def from_environment(cls) -> Link:
        """The child's end, whose descriptor the parent left in `EDGE_LINK_FD`."""
        return await cls.from_socket(socket.socket(fileno=int(os.environ["EDGE_LINK_FD"])))

    def send(self, kind: Kind, payload: bytes) -> None:
        """Queue one message; drops the oldest of its kind when the other side is slow."""
        queue = self._queues[kind]
        if len(queue) >= _CAPACITY[kind]:
            queue.popleft()
            self.counters[f"{kind.name.lower()}_dropped"] += 1
        queue.append(payload)
        self._wake.set()

    async def run_writer(self) -> None:
        """Write queued messages until cancelled or the other side is gone."""
        try:
            while True:
                await self._write_next()
        except ConnectionError:
            self.counters["lost"] += 1

    async def _write_next(self) -> None:
        kind = next((k for k in Kind if self._queues[k]), None)
        if kind is None:
            self._wake.clear()
            await self._wake.wait()
            return
        payload = self._queues[kind].popleft()
        self._writer.write(_HEADER.pack(_MAGIC, VERSION, kind, len(payload)))
        self._writer.write(payload)
        await self._writer.drain()

    async def messages(self) -> AsyncIterator[tuple[Kind, bytes]]:
        """Messages from the other side until it closes.

        Raises:
            CodecError: the other side speaks another version or garbage.
        """
        count = 0
        while True:
            count += 1
            if count % MESSAGES_A_TURN == 0:
                await asyncio.sleep(0)  # a read does not wait while the buffer is full
            try:
                header = await self._reader.readexactly(_HEADER.size)
                magic, version, kind, length = _HEADER.unpack(header)
                if magic != _MAGIC or version != VERSION or length > MAX_PAYLOAD_BYTES:
                    raise CodecError("process link", f"bad header {header.hex()}, expected version {VERSION}")
                payload = await self._reader.readexactly(length)
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            if kind not in Kind.__members__.values():
                self.counters["unknown_kind"] += 1
                continue
            yield Kind(kind), payload

    async def close(self) -> None:
        """Close this end; safe when the other side is gone, or reads nothing: what it does not take soon is dropped."""
        self._writer.close()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._writer.wait_closed()
        except ConnectionError:
            self.counters["lost"] += 1
        except TimeoutError:
            self._writer.transport.abort()
            self.counters["unread"] += 1
