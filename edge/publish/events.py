"""Server-sent events: the hub's updates as JSON, to each browser at its own pace.

Policy: newest wins per client and layer, as in the hub. No update is taken before the client's kernel has room for the
whole of the one before, and our side of the connection holds little, so a client that stalls finds few old updates;
those carry `valid_until_ns` and must be dropped by it. Who takes nothing for `STALL_S` is let go.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus

from edge.publish.http_server import Exchange, RefusedError, Request, response_head
from edge.publish.hub import (
    DEFAULT_LAYERS,
    Hub,
    Interest,
    Publication,
    Subscription,
    SubscriptionRefusedError,
    rate_is_sane,
)
from edge.publish.update_json import LAYER_NAMES, NAMES_OF_LAYERS, JsonUpdates

HEARTBEAT_S = 0.5
"""After this much silence the stream says that it lives; a page clears what it shows within a second without."""
STALL_S = 10.0
UNSENT_BYTES = 16_384
"""What the kernel may hold of a stream that it cannot send. A small send buffer would do the same, but wait for delayed
acknowledgements: 40 ms for each part of a large update."""
RECONNECT_MS = 500
NAMES = {"layers", "max_rate_hz"}


def read_interest(request: Request) -> Interest:
    """What the query asks for. Raises `RefusedError`."""
    unknown = sorted(request.query.keys() - NAMES)
    if unknown:
        raise RefusedError(
            HTTPStatus.BAD_REQUEST, f"{unknown[0]!r} is not known: use {', '.join(sorted(NAMES))}"
        )
    names = [name for name in request.query.get("layers", "").split(",") if name]
    for name in names:
        if name not in LAYER_NAMES:
            raise RefusedError(
                HTTPStatus.BAD_REQUEST, f"layer {name!r} is not known: use {', '.join(LAYER_NAMES)}"
            )
    try:
        rate_hz = float(request.query.get("max_rate_hz", "0"))
    except ValueError:
        rate_hz = -1.0
    if not rate_is_sane(rate_hz):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "max_rate_hz must be 0, or 0.001 to 1000")
    return Interest(tuple(LAYER_NAMES[name] for name in names) or DEFAULT_LAYERS, max_rate_hz=rate_hz)


class EventStreams:
    """Serves `GET /events`.

    Args:
        updates: the JSON of the hub's updates, shared by all.
        headers: added to the answer.

    Attributes:
        counters: `stalled` (let go), `heartbeats`.
    """

    def __init__(
        self,
        hub: Hub,
        updates: JsonUpdates,
        *,
        headers: bytes = b"",
        now_ns: Callable[[], int] = time.time_ns,
        stall_s: float = STALL_S,
    ) -> None:
        self._hub, self._updates, self._headers = hub, updates, headers
        self._now_ns, self._stall_s = now_ns, stall_s
        self.counters: Counter[str] = Counter({"stalled": 0})

    async def serve(self, exchange: Exchange) -> None:
        """Send until the client leaves or stalls, or the hub closes. Raises `RefusedError`."""
        interest = read_interest(exchange.request)
        try:
            with self._hub.subscribe(interest, peer=exchange.request.host) as subscription:
                _keep_little(exchange.writer)
                sending = asyncio.create_task(self._send(subscription, exchange.writer), name="events")
                gone = asyncio.create_task(_until_gone(exchange.reader), name="events client")
                try:
                    await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    await _end(sending, gone)
        except SubscriptionRefusedError as error:
            raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error

    async def _send(self, subscription: Subscription, writer: asyncio.StreamWriter) -> None:
        kind = "text/event-stream"
        head = response_head(HTTPStatus.OK, kind=kind, headers=self._headers + b"X-Accel-Buffering: no\r\n")
        part: bytes | None = head + b"retry: %d\n\n" % RECONNECT_MS
        try:
            while part is not None:
                writer.write(part)
                async with asyncio.timeout(self._stall_s):
                    await writer.drain()
                part = await self._next(subscription)
        except TimeoutError:
            self.counters["stalled"] += 1
            writer.transport.abort()

    async def _next(self, subscription: Subscription) -> bytes | None:
        """The next piece of the stream; None at its end."""
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                publication = await subscription.next_publication()
        except TimeoutError:
            self.counters["heartbeats"] += 1
            return _event("heartbeat", json.dumps({"node_ns": str(self._now_ns())}).encode())
        return None if publication is None else self._update(publication)

    def _update(self, publication: Publication) -> bytes:
        update = publication.update
        name = NAMES_OF_LAYERS[publication.slot[0]]
        event_id = f"id: {update.epoch}-{name}-{update.sequence}\n".encode()
        return event_id + _event(name, self._updates.text(publication))


def _event(name: str, data: bytes) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data)


def _keep_little(writer: asyncio.StreamWriter) -> None:
    """Nothing waits in our memory, and little in the kernel's."""
    writer.transport.set_write_buffer_limits(high=0)
    sock = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):  # the client has left already
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)


async def _until_gone(reader: asyncio.StreamReader) -> None:
    """Returns when the client closes, or says more than its request."""
    with contextlib.suppress(ConnectionError):
        await reader.read(1)


async def _end(*tasks: asyncio.Task[None]) -> None:
    """Cancel and collect; a client that left while it was written to is no error."""
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception) and not isinstance(outcome, ConnectionError):
            raise outcome
