"""Links that hear V2X messages: datagrams that an RSU forwards, and MQTT topics."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable

import aiomqtt

from edge.core.errors import DeviceError
from edge.core.v2x import RadioFrame
from hw.rsu.mqtt_session import Broker, cancellable, mqtt_session
from hw.udp import DatagramQueue, listen_udp

CAPACITY = 256
MAX_FRAME_BYTES = 8_192
"""No message of the supported sets with its envelope is longer; IFM text doubles the bytes."""


class UdpReceiver:
    """`RadioReceiver` on a UDP port.

    Counters: received, dropped (reader too slow), too_long, empty, foreign, socket_errors.

    Args:
        host, port: local address to listen on.
        link: name in the site configuration.
        senders: addresses that may send; None: any.
        capacity: frames that may wait; beyond it the oldest is dropped.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        link: str,
        senders: frozenset[str] | None = None,
        capacity: int = CAPACITY,
        now_ns: Callable[[], int] | None = None,
    ) -> None:
        self._host, self._port, self._link = host, port, link
        self._senders, self._capacity, self._now_ns = senders, capacity, now_ns
        self._counters: Counter[str] = Counter()
        self.counters: dict[str, int] = self._counters
        self.address: tuple[str, int] | None = None

    @contextlib.asynccontextmanager
    async def frames(self) -> AsyncIterator[AsyncIterator[RadioFrame]]:
        """Listen and iterate. Raises `DeviceError`."""
        async with listen_udp(
            self._host,
            self._port,
            device=self._link,
            counters=self._counters,
            capacity=self._capacity,
            allowed=self._senders,
            now_ns=self._now_ns,
        ) as (queue, self.address):
            yield _Datagrams(self._link, queue, self._counters)


class _Datagrams:
    def __init__(self, link: str, queue: DatagramQueue, counters: Counter[str]) -> None:
        self._link, self._queue, self._counters = link, queue, counters

    def __aiter__(self) -> AsyncIterator[RadioFrame]:
        return self

    async def __anext__(self) -> RadioFrame:
        while True:
            datagram = await self._queue.next()
            if _acceptable(datagram.payload, self._counters):
                return RadioFrame(self._link, datagram.arrival_ns, datagram.sender, datagram.payload)


class MqttReceiver:
    """`RadioReceiver` on MQTT topics.

    Retained messages are refused: nobody can say how old they are.

    Counters: received, dropped (reader too slow), too_long, empty, retained.

    Args:
        broker: where to connect.
        link: name in the site configuration.
        topics: patterns to subscribe to, `+` and `#` allowed.
        capacity: frames that may wait; beyond it the oldest is dropped.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        link: str,
        topics: tuple[str, ...],
        capacity: int = CAPACITY,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._broker, self._link, self._topics = broker, link, topics
        self._capacity, self._now_ns = capacity, now_ns
        self._counters: Counter[str] = Counter()
        self.counters: dict[str, int] = self._counters

    @contextlib.asynccontextmanager
    async def frames(self) -> AsyncIterator[AsyncIterator[RadioFrame]]:
        """Connect, subscribe and iterate. Raises `DeviceError`."""
        arrivals: dict[int, int] = {}
        queue_type = _inbox_type(arrivals, self._capacity, counters=self._counters, now_ns=self._now_ns)
        async with mqtt_session(self._broker, device=self._link, queue_type=queue_type) as client:
            await cancellable(client.subscribe([(topic, 0) for topic in self._topics]))
            yield _Publications(self._link, client, arrivals, self._counters)


class _Publications:
    def __init__(
        self, link: str, client: aiomqtt.Client, arrivals: dict[int, int], counters: Counter[str]
    ) -> None:
        self._link, self._messages = link, client.messages
        self._arrivals, self._counters = arrivals, counters

    def __aiter__(self) -> AsyncIterator[RadioFrame]:
        return self

    async def __anext__(self) -> RadioFrame:
        while True:
            try:
                message = await anext(self._messages)
            except aiomqtt.MqttError as error:
                raise DeviceError(self._link, f"MQTT link lost: {error}") from error
            arrival_ns = self._arrivals.pop(id(message))
            if message.retain:
                self._counters["retained"] += 1
                continue
            payload = message.payload if isinstance(message.payload, bytes) else b""
            if _acceptable(payload, self._counters):
                return RadioFrame(self._link, arrival_ns, str(message.topic), payload)


def _acceptable(payload: bytes, counters: Counter[str]) -> bool:
    if payload and len(payload) <= MAX_FRAME_BYTES:
        return True
    counters["too_long" if payload else "empty"] += 1
    return False


def _inbox_type(
    arrivals: dict[int, int], capacity: int, *, counters: Counter[str], now_ns: Callable[[], int]
) -> type[asyncio.Queue[aiomqtt.Message]]:
    """A queue type for the MQTT client that drops the oldest and notes when each message arrived.

    Args:
        arrivals: filled with the UTC ns of arrival by identity of the waiting message.
    """

    class Inbox(asyncio.Queue[aiomqtt.Message]):
        def put_nowait(self, item: aiomqtt.Message) -> None:
            counters["received"] += 1
            if self.qsize() >= capacity:
                arrivals.pop(id(self.get_nowait()))
                counters["dropped"] += 1
            arrivals[id(item)] = now_ns()
            super().put_nowait(item)

    return Inbox
