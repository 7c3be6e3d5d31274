"""Readers of the pose socket: one for a thread, one for an event loop."""

from __future__ import annotations

import asyncio
import select
import socket
import time
from collections.abc import AsyncIterator

from edge.core.errors import CodecError, DeviceError
from hw.sim.poses import HEADER_BYTES, WorldState, body_length, decode

CONNECT_TIMEOUT_S = 5.0
_CHUNK_BYTES = 262_144


class PoseReader:
    """Blocking reader for one thread. Make it with `connect`."""

    def __init__(self, sock: socket.socket, name: str) -> None:
        self._socket, self._name = sock, name
        self._waiting = bytearray()

    @classmethod
    def connect(cls, host: str, port: int) -> PoseReader:
        """Join a world.

        Raises:
            DeviceError: nobody listens there.
        """
        name = f"world {host}:{port}"
        try:
            sock = socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_S)
        except OSError as error:
            raise DeviceError(name, f"cannot connect: {error}", remedy="start hw.sim.world") from error
        sock.setblocking(False)
        return cls(sock, name)

    def newest(self, timeout_s: float) -> WorldState | None:
        """The newest state that came; waits for one up to `timeout_s`; None when none came.

        Raises:
            DeviceError: the world is gone or sends nonsense.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            self._receive()
            if (state := self._take_newest()) is not None:
                return state
            remaining_s = deadline - time.monotonic()
            if remaining_s <= 0:
                return None
            select.select([self._socket], [], [], remaining_s)

    def close(self) -> None:
        """Leave the world."""
        self._socket.close()

    def _receive(self) -> None:
        try:
            while chunk := self._socket.recv(_CHUNK_BYTES):
                self._waiting += chunk
        except BlockingIOError:
            return
        except OSError as error:
            raise DeviceError(self._name, f"connection lost: {error}") from error
        raise DeviceError(self._name, "the world ended")

    def _take_newest(self) -> WorldState | None:
        newest: tuple[bytes, bytes] | None = None
        try:
            while len(self._waiting) >= HEADER_BYTES:
                header = bytes(self._waiting[:HEADER_BYTES])
                end = HEADER_BYTES + body_length(header)
                if len(self._waiting) < end:
                    break
                newest = (header, bytes(self._waiting[HEADER_BYTES:end]))
                del self._waiting[:end]
            return None if newest is None else decode(*newest)
        except CodecError as error:
            raise DeviceError(self._name, str(error)) from error


async def pose_stream(host: str, port: int) -> AsyncIterator[WorldState]:
    """Every state that the world sends to this client; ends by cancellation.

    Raises:
        DeviceError: the world cannot be joined, is gone or sends nonsense.
    """
    name = f"world {host}:{port}"
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(host, port)
    except OSError as error:
        raise DeviceError(name, f"cannot connect: {error}", remedy="start hw.sim.world") from error
    try:
        while True:
            header = await reader.readexactly(HEADER_BYTES)
            yield decode(header, await reader.readexactly(body_length(header)))
    except (OSError, asyncio.IncompleteReadError, CodecError) as error:
        raise DeviceError(name, f"connection lost: {error}") from error
    finally:
        writer.close()
