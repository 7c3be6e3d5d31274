"""The channel to a node: opened anew when the certificates change, and answers that cannot be read are no answers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import DecodeError, Message

from edge.sdk.credentials import Credentials, channel_credentials
from edge.sdk.errors import CredentialsError, EdgeClientError

_log = logging.getLogger(__name__)

CHANNEL_OPTIONS: tuple[tuple[str, int], ...] = (
    # A small window without probing: a client that stalls finds one or two old updates, not seconds of them. The price:
    # an update of more than 1 kB is one more way there and back under way.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 1024),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
)
_PREFIX = "/edge.v1.IntersectionService/"


@dataclass(slots=True, eq=False)
class Line:
    """One channel, and how many calls use it."""

    channel: grpc.aio.Channel
    users: int = 0

    def unary(self, name: str, answer: type[Message]) -> Any:
        """A method with one answer; None where it cannot be read."""
        return self.channel.unary_unary(_PREFIX + name, _octets, _reader(answer))

    def stream(self, name: str, answer: type[Message]) -> Any:
        """A method that answers with a stream; None for each message that cannot be read."""
        return self.channel.unary_stream(_PREFIX + name, _octets, _reader(answer))

    def both(self, name: str, answer: type[Message]) -> Any:
        """A method with streams both ways; likewise."""
        return self.channel.stream_stream(_PREFIX + name, _octets, _reader(answer))


class Connection:
    """The way to one node.

    Args:
        address: `host:port` of the node.
        credentials: see `EdgeClient`.
    """

    def __init__(self, address: str, credentials: Credentials | None) -> None:
        self._address, self._credentials = address, credentials
        self._content = (b"", b"", b"")
        self._newest: Line | None = None
        self._lines: set[Line] = set()

    @property
    def secured(self) -> bool:
        """Whether it is TLS."""
        return self._credentials is not None

    async def open(self) -> None:
        """Read the certificates and open a channel. Raises `CredentialsError`."""
        if self._credentials is not None:
            self._content = await asyncio.to_thread(self._credentials.read)
        self._open()

    async def close(self) -> None:
        """End every call."""
        lines, self._newest = tuple(self._lines), None
        self._lines.clear()
        for line in lines:
            await line.channel.close()

    @contextlib.asynccontextmanager
    async def line(self) -> AsyncIterator[Line]:
        """The newest channel, for one call; it stays open while inside, also when there is a newer one."""
        found = self._newest
        if found is None:
            raise EdgeClientError("the client is closed: use `async with EdgeClient(...) as client:`")
        found.users += 1
        try:
            yield found
        finally:
            found.users -= 1
            await self._let_go(found)

    async def renew(self, used: Line | None) -> bool:
        """Whether there is another channel than the one that a call used; opened now where files have changed."""
        if self._credentials is None or self._newest is None:
            return False
        if used is not self._newest:
            return True
        try:
            content = await asyncio.to_thread(self._credentials.read)
        except CredentialsError as error:
            _log.warning("%s: %s; the certificates from before are used", self._address, error)
            return False
        if used is self._newest and content != self._content:
            self._content = content
            self._open()
            await self._let_go(used)
        return used is not self._newest

    def _open(self) -> None:
        if self._credentials is None:
            channel = grpc.aio.insecure_channel(self._address, options=CHANNEL_OPTIONS)
        else:
            options = (*CHANNEL_OPTIONS, *self._credentials.options)
            channel = grpc.aio.secure_channel(
                self._address, channel_credentials(self._content), options=options
            )
        self._newest = Line(channel)
        self._lines.add(self._newest)

    async def _let_go(self, line: Line) -> None:
        """Close a channel that is neither used nor the newest."""
        if line in self._lines and line is not self._newest and not line.users:
            self._lines.discard(line)
            await line.channel.close()


def _octets(message: Message) -> bytes:
    return message.SerializeToString()


def _reader(kind: type[Message]) -> Callable[[bytes], Message | None]:
    def read(octets: bytes) -> Message | None:
        try:
            return kind.FromString(octets)
        except DecodeError:
            return None

    return read
