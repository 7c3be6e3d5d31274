"""An SNMP manager over UDP for one agent: matched by request identifier, never waiting without end, never unbounded."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass

from edge.core.errors import CodecError, DeviceError
from hw.snmp.message import FIRST_ID, LAST_ID, RESPONSE, V1, Message, Request, VarBind, decode_message

REMEMBERED = 64
"""Identifiers of requests whose reply may still come, late or twice."""


@dataclass(frozen=True, slots=True)
class Agent:
    """Where an agent is and what it wants to hear.

    Attributes:
        host, port: its UDP address.
        community: for reading.
        write_community: for SET; None: the same.
        version: `message.V1` or `message.V2C`.
    """

    host: str
    port: int
    community: bytes = b"public"
    write_community: bytes | None = None
    version: int = V1

    def request(self, kind: int, varbinds: Iterable[VarBind]) -> Request:
        """A GET or GETNEXT under the community for reading."""
        return Request(kind, varbinds, version=self.version, community=self.community)

    def set_request(self, kind: int, varbinds: Iterable[VarBind]) -> Request:
        """A SET under the community for writing."""
        community = self.community if self.write_community is None else self.write_community
        return Request(kind, varbinds, version=self.version, community=community)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the agent answered.

    Attributes:
        error_status, error_index: 0, or the agent's complaint.
        varbinds: the variables.
        sent_ns, received_ns: UTC ns between which the agent looked.
    """

    error_status: int
    error_index: int
    varbinds: tuple[VarBind, ...]
    sent_ns: int
    received_ns: int


@dataclass(frozen=True, slots=True)
class _Waiting:
    future: asyncio.Future[Reply | None]
    timer: asyncio.TimerHandle
    sent_ns: int


class SnmpClient(asyncio.DatagramProtocol):
    """Asks one agent. Its socket is connected, so the kernel drops what others send.

    Every attempt has an identifier of its own: a reply that comes after its time is counted and not taken for the
    reply to a later request.

    Counters: requests, replies (in time), timeouts, retries, late, duplicates, unexpected (identifier never
    asked), bad_pdu (not SNMP), unreachable (refused by the agent's host, or no way there), overloaded (too many in
    flight, not sent).

    Args:
        agent: whom to ask.
        device: name for errors.
        counters: where to count.
        capacity: requests in flight.
    """

    def __init__(
        self,
        agent: Agent,
        *,
        device: str,
        counters: Counter[str],
        capacity: int = 8,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.agent = agent
        self._device, self._counters, self._capacity, self._now_ns = device, counters, capacity, now_ns
        self._waiting: dict[int, _Waiting] = {}
        self._expired: deque[int] = deque(maxlen=REMEMBERED)
        self._answered: deque[int] = deque(maxlen=REMEMBERED)
        self._next_id = FIRST_ID + secrets.randbelow(1 << 30)
        self._transport: asyncio.DatagramTransport | None = None

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Hold the socket open while inside. Raises `DeviceError` when there can be none."""
        loop = asyncio.get_running_loop()
        address = (self.agent.host, self.agent.port)
        try:
            transport, _ = await loop.create_datagram_endpoint(lambda: self, remote_addr=address)
        except OSError as error:
            where = f"{address[0]}:{address[1]}"
            raise DeviceError(
                self._device, f"cannot send to {where}: {error.strerror or error}", remedy="mend its address"
            ) from error
        self._transport = transport
        try:
            yield
        finally:
            self._transport = None
            transport.close()
            for request_id in tuple(self._waiting):
                self._expire(request_id)

    def start(self, request: Request, *, timeout_s: float) -> asyncio.Future[Reply | None]:
        """Send a request; the result is its reply, or None when none came in time.

        Raises:
            DeviceError: the socket is not open.
        """
        if self._transport is None:
            raise DeviceError(self._device, "socket is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Reply | None] = loop.create_future()
        if len(self._waiting) >= self._capacity:
            self._counters["overloaded"] += 1
            future.set_result(None)
            return future
        request_id = self._next_id
        self._next_id = FIRST_ID if request_id == LAST_ID else request_id + 1
        timer = loop.call_later(timeout_s, self._expire, request_id)
        self._waiting[request_id] = _Waiting(future, timer, self._now_ns())
        self._counters["requests"] += 1
        self._transport.sendto(request.octets(request_id))
        return future

    async def ask(self, request: Request, *, timeout_s: float, attempts: int = 1) -> Reply | None:
        """Send a request up to `attempts` times; None when no reply came. Raises `DeviceError`."""
        for attempt in range(attempts):
            self._counters["retries"] += attempt > 0
            reply = await self.start(request, timeout_s=timeout_s)
            if reply is not None:
                return reply
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        del exc
        self._transport = None

    def error_received(self, exc: Exception) -> None:
        """Called by the event loop: nobody listens there, or the network is gone. The time limits go on."""
        del exc
        self._counters["unreachable"] += 1

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Called by the event loop."""
        del addr
        received_ns = self._now_ns()
        try:
            message = decode_message(data)
        except CodecError:
            self._counters["bad_pdu"] += 1
            return
        if message.kind != RESPONSE:
            self._counters["unexpected"] += 1
            return
        waiting = self._waiting.pop(message.request_id, None)
        if waiting is None:
            self._count_stray(message.request_id)
            return
        self._answered.append(message.request_id)
        self._counters["replies"] += 1
        waiting.timer.cancel()
        if not waiting.future.done():
            waiting.future.set_result(_reply(message, waiting.sent_ns, received_ns))

    def _count_stray(self, request_id: int) -> None:
        if request_id in self._expired:
            self._counters["late"] += 1
        elif request_id in self._answered:
            self._counters["duplicates"] += 1
        else:
            self._counters["unexpected"] += 1

    def _expire(self, request_id: int) -> None:
        waiting = self._waiting.pop(request_id, None)
        if waiting is None:
            return
        waiting.timer.cancel()
        self._expired.append(request_id)
        self._counters["timeouts"] += 1
        if not waiting.future.done():
            waiting.future.set_result(None)


def _reply(message: Message, sent_ns: int, received_ns: int) -> Reply:
    return Reply(message.error_status, message.error_index, message.varbinds, sent_ns, received_ns)
