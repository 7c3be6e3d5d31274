"""A request for a green light: repeated while it stands, made again after a loss, and its newest answer."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import grpc

from edge.sdk.connection import Connection, Line
from edge.sdk.errors import EdgeClientError
from edge.sdk.updates import SignalGroup, read_group
from edge.v1 import priority_pb2

REPEAT_S = 1.0
"""A node cancels what is not repeated for three seconds."""
SPACING_S = 0.1
"""Between two messages; a node drops what comes faster."""
GOODBYE_S = 0.5
"""For the node to hear that the request is over."""
LONGEST_NS = 5_000_000_000
"""Answers are valid for two seconds, and clocks may differ by as much: further ahead, ours was set."""


@dataclass(frozen=True, slots=True)
class PriorityRequest:
    """What a vehicle asks for.

    Attributes:
        vehicle_id: temporary id, up to 32 characters.
        role: `emergency`, `fire`, `ambulance`, `police`, `public_transport` or `freight`; the node grants it only to
            certificates that its site file names.
        inbound_lane: LaneID on which it comes.
        arrival_ns: when it expects to be at the stop line, UTC ns.
        outbound_lane: LaneID on which it leaves; needed where the inbound lane has several signal groups.
        duration_s: how long it needs the green from then on; None: a few seconds.
        request_id: 0 to 255; another number is another request.
    """

    vehicle_id: str
    role: str
    inbound_lane: int
    arrival_ns: int
    outbound_lane: int | None = None
    duration_s: float | None = None
    request_id: int = 1


@dataclass(frozen=True, slots=True)
class PriorityStatus:
    """What became of a request; never a permission: the lights rule.

    Attributes:
        state: `requested` (heard, too early), `processing`, `watch_other_traffic` (a higher level is served), `granted`
            (the controller has confirmed), `rejected`, `max_presence`, `reservice_locked`; `unknown` where the node has
            not answered in time.
        reason: one sentence.
        signal: what the signal group of the way shows; None: there is none, or nothing valid.
        valid_until_ns: nothing is granted after this.
    """

    state: str
    reason: str
    signal: SignalGroup | None = None
    valid_until_ns: int = 0

    @property
    def is_granted(self) -> bool:
        """The controller holds or calls the green."""
        return self.state == "granted"


UNHEARD = PriorityStatus("unknown", "the node has not answered in time")


@dataclass(frozen=True, slots=True)
class PriorityLink:
    """What a call needs of its client: the connection, codes that are final, what a failure means."""

    connection: Connection
    refused: Collection[grpc.StatusCode]
    explain: Callable[[grpc.aio.AioRpcError], EdgeClientError]
    lost: Callable[[str], None]
    pause_s: Callable[[int], float]


class PriorityCall:
    """One request at one node: `async with client.request_priority(request) as call`."""

    def __init__(
        self, link: PriorityLink, request: PriorityRequest, *, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._link, self._now_ns = link, now_ns
        self._message = request_message(request)
        self._changed, self._news = asyncio.Event(), asyncio.Event()
        self._newest = UNHEARD
        self._problem: EdgeClientError | None = None
        self._ended, self._answers = False, 0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._keep(), name="priority request")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancel the request."""
        self._ended = True
        self._changed.set()
        if self._task is not None:
            try:
                await asyncio.wait((self._task,), timeout=GOODBYE_S)
            finally:
                self._task.cancel()
            await asyncio.wait((self._task,))
            if kind is None and not self._task.cancelled():
                self._task.result()  # a bug of ours is not silent

    @property
    def status(self) -> PriorityStatus:
        """The newest answer; `unknown` once it may not be used any more."""
        left_ns = self._newest.valid_until_ns - self._now_ns()
        return self._newest if 0 <= left_ns <= LONGEST_NS else UNHEARD

    def update(self, request: PriorityRequest) -> None:
        """Say what has changed, such as the time of arrival. Raises `ValueError` for a role that there is not."""
        self._message = request_message(request)
        self._changed.set()

    async def wait_for(self, *states: str, timeout_s: float) -> PriorityStatus:
        """The first answer with one of the states, now or later.

        Raises:
            TimeoutError: none came in time.
            RefusedError: the node does not take requests of this client.
            EdgeClientError: the request is over, here or with its client.
        """
        async with asyncio.timeout(timeout_s), contextlib.aclosing(self.changes()) as changes:
            async for status in changes:
                if status.state in states:
                    return status
        raise AssertionError  # changes end by exceptions only

    async def changes(self) -> AsyncGenerator[PriorityStatus, None]:
        """The present answer, then each that says something else, `unknown` included, until an exception ends it.

        Raises:
            RefusedError: the node does not take requests of this client.
            EdgeClientError: the request is over, here or with its client.
        """
        said = None
        while True:
            if self._problem is not None:
                raise self._problem
            status = self.status
            if (status.state, status.reason) != said:
                said = status.state, status.reason
                yield status
                continue
            self._news.clear()
            left_s = max(0.0, (status.valid_until_ns - self._now_ns()) / 1e9)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left_s + 0.01 if status is not UNHEARD else None):
                    await self._news.wait()

    async def _keep(self) -> None:
        """Keep the request at the node until it ends, through losses."""
        try:
            await self._repeat()
        except EdgeClientError as error:  # the client was closed
            self._problem = error
        finally:  # gRPC cancels who waits where the client is closed
            if self._problem is None:
                who = "it was left" if self._ended else "the client was closed"
                self._problem = EdgeClientError(f"the request has ended: {who}")
            self._take(UNHEARD)

    async def _repeat(self) -> None:
        attempt = 0
        while not self._ended and self._problem is None:
            before = self._answers
            async with self._link.connection.line() as line:
                self._problem = await self._ask(line)
            self._take(UNHEARD)
            attempt = 0 if self._answers > before else attempt + 1
            if not self._ended and self._problem is None:
                await asyncio.sleep(self._link.pause_s(attempt))

    async def _ask(self, line: Line) -> EdgeClientError | None:
        """One call to its end; what the caller must know."""
        try:
            async for message in line.both("RequestPriority", priority_pb2.PriorityStatus)(self._messages()):
                self._answers += 1
                self._take(UNHEARD if message is None else _read(message))
        except grpc.aio.AioRpcError as error:
            return await self._final(error, line)
        return None

    async def _final(self, error: grpc.aio.AioRpcError, line: Line) -> EdgeClientError | None:
        """What the caller must know; None: it is a loss, and the request is made again."""
        renewed = await self._link.connection.renew(line)
        if error.code() is grpc.StatusCode.UNAUTHENTICATED and renewed:
            return None
        crowded = self._answers > 0 and error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        if error.code() in self._link.refused and not crowded:
            return self._link.explain(error)
        self._link.lost(error.details() or error.code().name)
        return None

    async def _messages(self) -> AsyncIterator[priority_pb2.PriorityRequest]:
        """For one call: the request now, when it changes, and again and again; its end cancels it."""
        while not self._ended:
            self._changed.clear()
            self._message.stamp_ns = self._now_ns()
            yield self._message
            await asyncio.sleep(SPACING_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REPEAT_S):
                    await self._changed.wait()

    def _take(self, status: PriorityStatus) -> None:
        self._newest = status
        self._news.set()


def request_message(request: PriorityRequest) -> priority_pb2.PriorityRequest:
    """The message of a request. Raises `ValueError` for a role that there is not."""
    return priority_pb2.PriorityRequest(
        vehicle_id=request.vehicle_id,
        request_id=request.request_id,
        type="PRIORITY_REQUEST_TYPE_UPDATE",
        role=f"REQUESTED_ROLE_{request.role.upper()}",
        inbound_lane=request.inbound_lane,
        outbound_lane=request.outbound_lane,
        arrival_ns=request.arrival_ns,
        duration_s=request.duration_s,
    )


def _read(message: priority_pb2.PriorityStatus) -> PriorityStatus:
    """The value of a message; a state of a later version reads as `unknown`."""
    known = message.status in priority_pb2.PrioritizationResponseStatus.values()
    name = priority_pb2.PrioritizationResponseStatus.Name(message.status) if known else ""
    state = name.removeprefix("PRIORITIZATION_RESPONSE_STATUS_").lower()
    return PriorityStatus(
        state=state if state not in ("", "unspecified") else "unknown",
        reason=message.reason,
        signal=read_group(message.signal) if message.HasField("signal") else None,
        valid_until_ns=message.valid_until_ns,
    )
