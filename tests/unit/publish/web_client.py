"""A raw HTTP client for the node's web server, and a server over a hub, in one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from edge.publish.hub import Hub, HubLimits
from edge.publish.update_json import JsonUpdates
from edge.publish.web import WebServer
from edge.wire.intersection import to_intersection
from tests.unit.publish.feed import corner

PATIENCE_S = 10.0


@contextlib.asynccontextmanager
async def web(hub: Hub | None = None, **changed: Any) -> AsyncIterator[tuple[Hub, WebServer]]:
    """A page over a hub on a free port of loopback."""
    hub = hub or Hub()
    message = to_intersection(corner(), node_id="corner-1", sensors=[("north", "camera")])
    settings: dict[str, Any] = {"listen": "127.0.0.1:0", "updates": JsonUpdates()}
    server = WebServer(hub, intersection=message, **settings | changed)
    async with server.serving():
        yield hub, server


def limited(subscribers: int, per_peer: int) -> Hub:
    return Hub(limits=HubLimits(subscribers, per_peer))


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers (lower case) and whole body."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Stream:
    """An open connection whose head was read."""

    def __init__(
        self,
        status: int,
        headers: dict[str, str],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.status, self.headers, self.reader, self.writer = status, headers, reader, writer

    async def block(self) -> dict[str, str]:
        """The fields of the next event; empty at the end of the stream."""
        found: dict[str, str] = {}
        async with asyncio.timeout(PATIENCE_S):
            while line := (await self.reader.readline()).decode():
                if line == "\n":
                    return found
                name, _, value = line.rstrip("\n").partition(": ")
                found[name] = value
        return {}

    async def event(self, name: str) -> tuple[str, Any]:
        """Id and data of the next event of a name."""
        while block := await self.block():
            if block.get("event") == name:
                return block.get("id", ""), json.loads(block["data"])
        raise AssertionError(f"the stream ended without {name}")


@contextlib.asynccontextmanager
async def opened(
    port: int, path: str, *, headers: str = "", host: str = "", receive_bytes: int = 0
) -> AsyncIterator[Stream]:
    """A GET whose body is still to be read; `receive_bytes` bounds the kernel's buffer of this side."""
    sock = socket.socket()
    if receive_bytes:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    sock.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    except OSError:
        sock.close()
        raise
    reader, writer = await asyncio.open_connection(sock=sock, limit=receive_bytes or 2**20)
    try:
        head = f"GET {path} HTTP/1.1\r\nHost: {host or f'127.0.0.1:{port}'}\r\n{headers}\r\n"
        writer.write(head.encode())
        async with asyncio.timeout(PATIENCE_S):
            lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        fields = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:] if line)}
        yield Stream(int(lines[0].split()[1]), fields, reader, writer)
    finally:
        writer.close()


async def get(port: int, path: str, *, headers: str = "", host: str = "") -> Answer:
    """A GET that ends."""
    async with opened(port, path, headers=headers, host=host) as stream, asyncio.timeout(PATIENCE_S):
        return Answer(stream.status, stream.headers, await stream.reader.read())
