"""A small HTTP/1.1 server in the caller's event loop: GET only, one request a connection, everything bounded."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

from edge.config.address import split_address
from edge.core.errors import ConfigError, DeviceError

HEAD_LIMIT_BYTES = 8192
QUERY_LIMIT = 16
REQUEST_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 15.0
"""For the other side to take an answer."""
STOP_TIMEOUT_S = 1.0


class RefusedError(Exception):
    """A request that is not served: status and words."""

    def __init__(self, status: HTTPStatus, words: str) -> None:
        self.status, self.words = status, words
        super().__init__(words)


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        path: without the query; nothing in it is decoded.
        query: decoded; every name once.
        headers: names in lower case; of a repeated one the last.
        host: address of the other side.
    """

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    host: str


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Open connections, in all and per host."""

    connections: int = 16
    connections_per_host: int = 16


class Exchange:
    """One request on its connection, to be answered once."""

    def __init__(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.request, self.reader, self.writer = request, reader, writer

    async def send(
        self, body: bytes, *, kind: str, headers: bytes = b"", status: HTTPStatus = HTTPStatus.OK
    ) -> None:
        """Answer with a body of a media type. Raises `TimeoutError` when the other side does not take it."""
        head = response_head(status, kind=kind, headers=headers + b"Content-Length: %d\r\n" % len(body))
        self.writer.write(head + body)
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            await self.writer.drain()


def response_head(status: HTTPStatus, *, kind: str, headers: bytes = b"") -> bytes:
    """Status line and headers; the connection ends with the answer."""
    line = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {kind}\r\nConnection: close\r\n"
    return line.encode("ascii") + headers + b"\r\n"


class HttpServer:
    """Accepts connections and has each request answered.

    Args:
        answer: answers an exchange, or raises `RefusedError`.
        listen: `host:port`; port 0 takes a free one.
        key: of `listen` in the site file, for errors.
        headers: added to refusals.

    Attributes:
        counters: `connections` (open now), `requests`, `refused`, `bad_requests`, `too_slow`, `lost`.

    Raises:
        ConfigError: not an address.
    """

    def __init__(
        self,
        answer: Callable[[Exchange], Awaitable[None]],
        *,
        listen: str,
        key: str,
        limits: HttpLimits | None = None,
        headers: bytes = b"",
    ) -> None:
        try:
            self.host, self.port = split_address(listen)
        except ValueError as error:
            raise ConfigError(key, str(error)) from error
        self._answer, self._key, self._limits, self._headers = answer, key, limits or HttpLimits(), headers
        self._hosts: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self.counters: Counter[str] = Counter(dict.fromkeys(("connections", "requests", "refused"), 0))

    @property
    def address(self) -> str:
        """`host:port` that it serves on; the true port while serving."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Serve while inside; on leaving, open connections are closed.

        Raises:
            DeviceError: the address cannot be used.
        """
        try:
            server = await asyncio.start_server(self._accept, self.host, self.port, limit=HEAD_LIMIT_BYTES)
        except OSError as error:
            raise DeviceError(
                f"{self._key} {self.address}",
                error.strerror or str(error),
                remedy=f"stop the other program that uses the port, or choose another in {self._key}",
            ) from error
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=STOP_TIMEOUT_S)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Give a connection a task of its own, or hang up when there are too many."""
        host = str((writer.get_extra_info("peername") or ("",))[0])
        full = len(self._tasks) >= self._limits.connections
        if full or self._hosts[host] >= self._limits.connections_per_host:
            self.counters["refused"] += 1
            writer.transport.abort()
            return
        self._hosts[host] += 1
        task = asyncio.create_task(self._serve(reader, writer, host), name="http request")
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._ended(done, host))
        self.counters["connections"] = len(self._tasks)

    def _ended(self, task: asyncio.Task[None], host: str) -> None:
        self._tasks.discard(task)
        self._hosts[host] -= 1
        self._hosts += Counter()
        self.counters["connections"] = len(self._tasks)
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error  # a bug: the loop's handler tells it; the other connections are served on

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                head = await reader.readuntil(b"\r\n\r\n")
            await self._exchange(Exchange(_parse(head, host=host), reader, writer))
        except RefusedError as refused:
            await self._refuse(refused, writer)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            self.counters["bad_requests"] += 1
        except TimeoutError:
            self.counters["too_slow"] += 1
            writer.transport.abort()
        except ConnectionError:
            self.counters["lost"] += 1
        finally:
            writer.close()

    async def _exchange(self, exchange: Exchange) -> None:
        self.counters["requests"] += 1
        await self._answer(exchange)

    async def _refuse(self, refused: RefusedError, writer: asyncio.StreamWriter) -> None:
        self.counters["refused"] += 1
        body = json.dumps({"error": refused.words}).encode() + b"\n"
        headers = self._headers + b"Content-Length: %d\r\n" % len(body)
        if refused.status is HTTPStatus.SERVICE_UNAVAILABLE:
            headers += b"Retry-After: 5\r\n"
        writer.write(response_head(refused.status, kind="application/json", headers=headers) + body)
        with contextlib.suppress(
            ConnectionError, TimeoutError
        ):  # whoever is refused may leave without the words
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                await writer.drain()


def _parse(head: bytes, *, host: str) -> Request:
    """A request head. Raises `RefusedError`."""
    lines = head.decode("latin-1").split("\r\n")
    parts = lines[0].split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1.") or not parts[1].startswith("/"):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "this is no HTTP/1.1 request")
    if parts[0] != "GET":
        raise RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, "GET only")
    try:
        target = urlsplit(parts[1])
        pairs = parse_qsl(target.query, keep_blank_values=True, max_num_fields=QUERY_LIMIT, errors="strict")
    except ValueError as error:
        raise RefusedError(HTTPStatus.BAD_REQUEST, f"bad address: {error}") from error
    if len(dict(pairs)) < len(pairs):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "a name stands twice in the query")
    headers = dict(_header(line) for line in lines[1:] if line)
    return Request(target.path, dict(pairs), headers, host)


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()
