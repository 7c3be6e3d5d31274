"""The node's web server: the live page, its event stream, and what a browser or a script may ask in JSON.

It answers this machine and, where the site file says so, others on a closed network; only requests whose Host header
can mean nobody else, and none that a page from elsewhere makes. It only ever reads.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Collection
from http import HTTPStatus
from pathlib import Path

from edge import plan_view
from edge.config.address import is_own_host
from edge.publish.events import EventStreams
from edge.publish.http_server import Exchange, HttpLimits, HttpServer, RefusedError, Request
from edge.publish.hub import DEFAULT_LAYERS, Hub
from edge.publish.update_json import JsonUpdates, to_json
from edge.v1 import intersection_pb2

PAGE = Path(__file__).parent / "live_page"
SPARE = 32
"""Connections beyond the event streams: for the page and for questions."""
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
HEADERS = (
    b"Cache-Control: no-store\r\n"
    b"Content-Security-Policy: default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
    b"Cross-Origin-Resource-Policy: same-origin\r\n"
    b"Referrer-Policy: no-referrer\r\n"
    b"X-Content-Type-Options: nosniff\r\n"
)


class WebServer:
    """Serves the live page over a hub.

    Args:
        intersection: answer to `GET /intersection`.
        updates: the JSON of the hub's updates.
        listen: `host:port`; port 0 takes a free one.
        names: further names of this machine, lower case.

    Raises:
        ConfigError: not an address.
    """

    def __init__(
        self,
        hub: Hub,
        *,
        intersection: intersection_pb2.Intersection,
        updates: JsonUpdates,
        listen: str,
        names: Collection[str] = (),
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._hub, self._updates, self._names, self._now_ns = hub, updates, names, now_ns
        self._intersection = to_json(intersection)
        self._files = _files()
        self.events = EventStreams(hub, updates, headers=HEADERS, now_ns=now_ns)
        limits = HttpLimits(hub.limits.subscribers + SPARE, hub.limits.subscribers_per_peer + SPARE)
        self.http = HttpServer(self._answer, listen=listen, key="web.listen", limits=limits, headers=HEADERS)

    @property
    def url(self) -> str:
        """Where the page is; the true port while serving."""
        return f"http://{self.http.address}/"

    def serving(self) -> contextlib.AbstractAsyncContextManager[None]:
        """Serve while inside. Raises `DeviceError` when the address cannot be used."""
        return self.http.serving()

    async def _answer(self, exchange: Exchange) -> None:
        request = exchange.request
        self._check(request)
        if request.path == "/events":
            await self.events.serve(exchange)
        elif request.path == "/intersection":
            await _send_json(exchange, self._intersection)
        elif request.path == "/state":
            await _send_json(exchange, self._state())
        elif request.path == "/time":
            await _send_json(exchange, json.dumps({"node_ns": str(self._now_ns())}).encode())
        elif request.path in self._files:
            body, kind = self._files[request.path]
            await exchange.send(body, kind=kind, headers=HEADERS)
        else:
            raise RefusedError(HTTPStatus.NOT_FOUND, "there is /, /events, /intersection, /state and /time")

    def _check(self, request: Request) -> None:
        """Raises `RefusedError` for what another page or another name makes a browser ask."""
        host, origin = request.headers.get("host", ""), request.headers.get("origin")
        if not is_own_host(host, listening=self.http.host, names=self._names):
            raise RefusedError(
                HTTPStatus.MISDIRECTED_REQUEST,
                f"{host!r} is no name of this node: use its address, or add the name to web.names",
            )
        if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
            raise RefusedError(HTTPStatus.FORBIDDEN, "another page may not ask")

    def _state(self) -> bytes:
        """The newest valid update of each layer, as it stands in the event stream."""
        found = [p for p in self._hub.newest(DEFAULT_LAYERS) if self._hub.is_valid(p)]
        texts = b",".join(self._updates.text(publication) for publication in found)
        return b'{"node_ns":"%d","updates":[%b]}' % (self._now_ns(), texts)


async def _send_json(exchange: Exchange, body: bytes) -> None:
    await exchange.send(body, kind="application/json", headers=HEADERS)


def _files() -> dict[str, tuple[bytes, str]]:
    """The page's files by path, read once: what is not here cannot be asked for."""
    found = {
        f"/{prefix}/{file.name}": (file.read_bytes(), _TYPES[file.suffix])
        for prefix, folder in (("page", PAGE), ("view", plan_view.FOLDER))
        for file in sorted(folder.iterdir())
        if file.suffix in _TYPES
    }
    return found | {"/": found["/page/index.html"]}
