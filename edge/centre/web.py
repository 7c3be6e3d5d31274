"""The centre's page and its JSON interface, served by uvicorn in the caller's event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import uvicorn
from fastapi import FastAPI, HTTPException, Query, Response
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge import plan_view
from edge.centre.events import EventStream, Source, Streams, events
from edge.core.errors import DeviceError

STATIC = Path(__file__).parent / "static"
STOP_TIMEOUT_S = 3
History = Callable[[], Mapping[str, object] | None]
_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'self'; style-src 'self' 'unsafe-inline'; frame-ancestors 'self'; base-uri 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


class SafeHeaders:
    """Adds headers that keep a browser from loading or sending anything elsewhere."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve with the headers added."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        await self._app(scope, receive, with_headers)


def make_app(source: Source, streams: Streams, history: History) -> FastAPI:
    """The web application over a source of pictures."""
    app = FastAPI(title="Traffic centre", docs_url=None, redoc_url=None, openapi_url="/api/openapi.json")
    app.add_middleware(SafeHeaders)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.mount("/view", StaticFiles(directory=plan_view.FOLDER), name="view")

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(STATIC / "index.html", headers={"cache-control": "no-cache"})

    @app.get("/healthz")
    async def health() -> dict[str, object]:
        """Whether the centre serves, its stream counters, and how the history is kept."""
        return {
            "status": "ok",
            "history": history(),
            "streams": streams.open,
            "streams_refused": streams.refused,
            "streams_stalled": streams.stalled,
        }

    _add_queries(app, source)

    @app.get("/events")
    async def stream(node_id: str | None = Query(default=None, alias="id", max_length=64)) -> Response:
        """Server-sent events: `list`, and for `id` also `map` and `picture`."""
        if streams.open >= streams.limit:
            streams.refused += 1
            raise HTTPException(503, f"{streams.limit} pages are open", headers={"retry-after": "5"})
        return EventStream(events(source, streams, node_id=node_id, now_s=time.monotonic), streams)

    return app


def _add_queries(app: FastAPI, source: Source) -> None:
    """The answers in JSON."""

    def as_json(text: str | None, node_id: str) -> Response:
        if text is None:
            raise HTTPException(404, f"no node of the id {node_id!r} has connected")
        return Response(text, media_type="application/json", headers={"cache-control": "no-store"})

    @app.get("/api/intersections")
    async def intersections() -> Response:
        """All intersections in short."""
        return as_json(source.list_json(), "")

    @app.get("/api/intersections/{node_id}")
    async def intersection(node_id: str) -> Response:
        """The live picture of one intersection."""
        return as_json(source.picture_json(node_id), node_id)

    @app.get("/api/intersections/{node_id}/map")
    async def intersection_map(node_id: str) -> Response:
        """The geometry of one intersection."""
        found = source.map_json(node_id)
        return as_json(found[1] if found else None, node_id)


class _Server(uvicorn.Server):
    """uvicorn without signal handlers: the application owns signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def split_address(address: str) -> tuple[str, int]:
    """`host:port` or `[v6]:port` to host and port.

    Raises:
        DeviceError: not an address.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise DeviceError(
            f"address {address!r}", "not an address", remedy="write HOST:PORT, e.g. 127.0.0.1:8080"
        )
    return host.strip("[]"), int(port)


def _listen(address: str) -> socket.socket:
    host, port = split_address(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise DeviceError(
            f"web address {address}",
            error.strerror or str(error),
            remedy="stop the other program that uses it, or choose another port",
        ) from error
    listener.setblocking(False)
    return listener


class Web:
    """The page at an address: bound when made, serving while `serve` runs.

    Args:
        address: `host:port`; port 0 takes a free one.
        source: where pictures come from.
        history: how the history is kept; None: it is not.

    Raises:
        DeviceError: the address cannot be used.
    """

    def __init__(self, address: str, source: Source, *, history: History = lambda: None) -> None:
        self._listener = _listen(address)
        self.port: int = self._listener.getsockname()[1]
        self.streams = Streams()
        config = uvicorn.Config(
            make_app(source, self.streams, history),
            lifespan="off",
            log_config=None,
            access_log=False,
            log_level="warning",
            timeout_graceful_shutdown=STOP_TIMEOUT_S,
            server_header=False,
        )
        self._server = _Server(config)
        self._stopped = asyncio.Event()

    async def serve(self) -> None:
        """Serve until `stop`."""
        try:
            await self._server.serve(sockets=[self._listener])
        finally:
            self._listener.close()
            self._stopped.set()

    def close(self) -> None:
        """Free the address when `serve` was never called; safe to call twice."""
        self._listener.close()

    async def stop(self) -> None:
        """End every stream, then the server; returns when `serve` has ended."""
        self.streams.closing.set()
        self._server.should_exit = True
        async with asyncio.timeout(2 * STOP_TIMEOUT_S):
            await self._stopped.wait()
