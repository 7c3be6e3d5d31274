"""Server-sent events: one stream per browser, newest state only, at most ten pictures a second.

There is no queue: each stream reads the newest state when the browser has taken the last one, so a slow browser
skips and can hold no more than one picture and the socket's buffer. Format: WHATWG HTML, server-sent events.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_log = logging.getLogger(__name__)

PICTURE_PERIOD_S = 0.1
LIST_PERIOD_S = 1.0
SEND_TIMEOUT_S = 15.0
STREAM_LIMIT = 64


class Source(Protocol):
    """Where the streams read from; every text is JSON and holds `centre_ms`."""

    def list_json(self) -> str:
        """All intersections in short."""
        ...

    def map_json(self, node_id: str) -> tuple[int, str] | None:
        """Version and text of a description; None while the node is unknown."""
        ...

    def picture_json(self, node_id: str) -> str | None:
        """The live picture; None while the node is unknown."""
        ...

    async def wait(self, node_id: str | None, seen: int) -> int:
        """The version of the node (None: of the list) once it is newer than `seen`."""
        ...


class Streams:
    """Counts the open streams and says when all must end."""

    def __init__(self, *, limit: int = STREAM_LIMIT) -> None:
        self.limit = limit
        self.open = 0
        self.refused = 0
        self.stalled = 0
        self.closing = asyncio.Event()


def event(name: str, data: str) -> bytes:
    """One event; `data` is one line of JSON."""
    return f"event: {name}\ndata: {data}\n\n".encode()


async def events(
    source: Source, streams: Streams, *, node_id: str | None, now_s: Callable[[], float]
) -> AsyncIterator[bytes]:
    """The events of one browser, until the centre stops."""
    seen, map_version, list_due_s = 0, 0, now_s()
    while not streams.closing.is_set():
        began_s = now_s()
        if began_s >= list_due_s:
            list_due_s = began_s + LIST_PERIOD_S
            yield event("list", source.list_json())
        if node_id is not None:
            description = source.map_json(node_id)
            if description is not None and description[0] != map_version:
                map_version = description[0]
                yield event("map", description[1])
            picture = source.picture_json(node_id)
            if picture is not None:
                yield event("picture", picture)
        await asyncio.sleep(max(PICTURE_PERIOD_S - (now_s() - began_s), 0.0))
        seen = await _newer(source, streams, node_id, seen=seen, timeout_s=max(list_due_s - now_s(), 0.0))


async def _newer(
    source: Source, streams: Streams, node_id: str | None, *, seen: int, timeout_s: float
) -> int:
    """Wait for a change, the end of the wait, or the end of the centre, whichever is first."""
    waits = {asyncio.ensure_future(source.wait(node_id, seen)), asyncio.ensure_future(streams.closing.wait())}
    try:
        done, _ = await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        return max((task.result() for task in done if not isinstance(task.result(), bool)), default=seen)
    finally:
        for task in waits:
            task.cancel()


class EventStream(Response):
    """A response that sends events while the browser takes them, and gives up on one that has stalled."""

    media_type = "text/event-stream"

    def __init__(self, parts: AsyncIterator[bytes], streams: Streams) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._parts, self._streams = parts, streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve; ends with the browser, the centre, or a stall."""
        self._streams.open += 1
        try:
            async with asyncio.TaskGroup() as group:
                gone = group.create_task(self._until_gone(receive), name="events.gone")
                sending = group.create_task(self._send(send), name="events.send")
                await asyncio.wait({gone, sending}, return_when=asyncio.FIRST_COMPLETED)
                gone.cancel()
                sending.cancel()
        finally:
            self._streams.open -= 1

    async def _until_gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    async def _send(self, send: Send) -> None:
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async for part in self._parts:
                async with asyncio.timeout(SEND_TIMEOUT_S):
                    await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            self._streams.stalled += 1
            _log.warning("closed an event stream whose browser took nothing for %.0f s", SEND_TIMEOUT_S)
        except (ClientDisconnect, OSError) as error:
            _log.debug("event stream ended: %s", error)
