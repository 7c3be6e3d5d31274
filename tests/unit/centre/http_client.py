"""A plain HTTP client on asyncio streams, so tests share the server's event loop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers (lower case) and whole body."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@asynccontextmanager
async def opened(port: int, path: str) -> AsyncIterator[tuple[int, dict[str, str], asyncio.StreamReader]]:
    """Status, headers and the open body of a GET."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n".encode())
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).decode()
        first, *lines = head.split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines if line)}
        yield int(first.split()[1]), headers, reader
    finally:
        writer.close()


async def get(port: int, path: str) -> Answer:
    """A GET that ends."""
    async with opened(port, path) as (status, headers, reader):
        return Answer(status, headers, await asyncio.wait_for(reader.read(), 10))


async def read_event(reader: asyncio.StreamReader) -> tuple[str, Any]:
    """Name and data of the next event of a chunked event stream."""
    name = ""
    while True:
        line = (await asyncio.wait_for(reader.readline(), 10)).decode().strip()
        if line.startswith("event: "):
            name = line[7:]
        if line.startswith("data: "):
            return name, json.loads(line[6:])
