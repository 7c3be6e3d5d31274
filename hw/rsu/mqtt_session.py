"""One MQTT connection whose loss is a `DeviceError`, set up so that little can wait unseen in the socket."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import aiomqtt

from edge.core.errors import DeviceError

T = TypeVar("T")
SEND_BUFFER_BYTES = 16_384
UNACKNOWLEDGED_LIMIT_MS = 2_000
LOSS_TIMEOUT_S = 0.01


@dataclass(frozen=True, slots=True)
class Broker:
    """Where a broker is and how to log in.

    Attributes:
        host, port: its address.
        username, password: None: anonymous.
        tls: makes the context of a connection, so that new certificates are used; None: plain.
        keepalive_s: a broker that does not answer for about twice as long is lost.
        timeout_s: for connecting, subscribing and disconnecting.
    """

    host: str
    port: int = 1883
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Callable[[], ssl.SSLContext] | None = None
    keepalive_s: int = 5
    timeout_s: float = 3.0


@contextlib.asynccontextmanager
async def mqtt_session(
    broker: Broker,
    *,
    device: str,
    queue_type: type[asyncio.Queue[aiomqtt.Message]] | None = None,
    will: aiomqtt.Will | None = None,
    large: bool = False,
) -> AsyncIterator[aiomqtt.Client]:
    """Connect, yield the client, disconnect.

    Args:
        will: what the broker says for us when the connection is lost.
        large: messages are larger than the send buffer, where each part of one would wait for an acknowledgement.

    Raises:
        DeviceError: the broker cannot be reached, refuses us, or the body lost it.
    """
    problem = f"MQTT broker {broker.host}:{broker.port}"
    try:
        context = None if broker.tls is None else broker.tls()
    except OSError as error:  # of which TLS's own errors are some
        raise DeviceError(device, f"{problem}: certificates cannot be used: {error}") from error
    client = aiomqtt.Client(
        broker.host,
        broker.port,
        username=broker.username,
        password=broker.password,
        tls_context=context,
        keepalive=broker.keepalive_s,
        timeout=broker.timeout_s,
        queue_type=queue_type,
        will=will,
        socket_options=_socket_options(large=large),
    )
    try:
        await cancellable(client.__aenter__())
    except aiomqtt.MqttError as error:
        raise DeviceError(device, f"{problem}: {error}") from error
    except asyncio.CancelledError:
        await _close(client)
        raise
    try:
        yield client
    except aiomqtt.MqttError as error:
        raise DeviceError(device, f"{problem}: {error}") from error
    finally:
        await _close(client)


def bounded_inbox(capacity: int) -> type[asyncio.Queue[aiomqtt.Message]]:
    """A queue type for the client that forgets the oldest message when it is full."""

    class Inbox(asyncio.Queue[aiomqtt.Message]):
        def put_nowait(self, item: aiomqtt.Message) -> None:
            if self.qsize() >= capacity:
                self.get_nowait()
            super().put_nowait(item)

    return Inbox


async def cancellable(call: Awaitable[T]) -> T:
    """Await a call of the MQTT client and bring back a cancellation that it swallowed.

    The client uses `asyncio.wait_for`, which up to Python 3.11 returns its result and forgets the cancellation when
    both come at once; a cancelled task would then go on for ever.
    """
    task = asyncio.current_task()
    assert task is not None
    before = task.cancelling()
    try:
        return await call
    finally:
        if task.cancelling() > before:
            raise asyncio.CancelledError


async def _close(client: aiomqtt.Client) -> None:
    """Give the link up: why it was lost and whether the broker hears our farewell changes nothing any more."""
    with contextlib.suppress(aiomqtt.MqttError, TimeoutError):
        async with asyncio.timeout(LOSS_TIMEOUT_S):
            await anext(client.messages)  # takes note of a loss that nobody saw, else asyncio complains of it
    with contextlib.suppress(aiomqtt.MqttError):
        await cancellable(client.__aexit__(None, None, None))


def _socket_options(*, large: bool) -> list[tuple[int, int, int]]:
    """Keep stale messages out of the kernel: little that is unsent, and a link that is dead is closed soon."""
    options = [
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
        (socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, SEND_BUFFER_BYTES)
        if large
        else (socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES),
    ]
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        options.append((socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_LIMIT_MS))
    return options
