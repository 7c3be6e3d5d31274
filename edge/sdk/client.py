"""The client of one node: keeps its stream open and hands out only what may still be used."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import grpc
from google.protobuf.message import Message

from edge.sdk.connection import Connection, Line
from edge.sdk.credentials import Credentials
from edge.sdk.errors import (
    EdgeClientError,
    NotReachableError,
    RefusedError,
    SignalsUnavailableError,
    with_hint,
)
from edge.sdk.green import NextGreen, next_green
from edge.sdk.intersection import Intersection, read_intersection
from edge.sdk.offset import ClockOffset, offset_of
from edge.sdk.priority import PriorityCall, PriorityLink, PriorityRequest
from edge.sdk.reporting import Reports
from edge.sdk.request import Area, subscribe_request
from edge.sdk.retry import Retry
from edge.sdk.updates import Layer, RadioFrameUpdate, SignalsUpdate, Update, only_warns, read_update
from edge.sdk.vehicle import Advice, VehicleState, read_advice
from edge.v1 import intersection_pb2, node_pb2, vehicle_pb2

_log = logging.getLogger(__name__)

REFUSALS = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    }
)
REASON_TIMEOUT_S = 1.0
"""For asking why there was no connection."""
SUSPICIOUS = 20
"""So many updates in a row at the wrong time speak of a wrong clock."""
AHEAD_NS = 1_000_000_000
"""An update may be of our future by so much; until when one from further ahead may be used, nobody here can tell."""


@dataclass(slots=True)
class ClientCounters:
    """What the client did with what came.

    Attributes:
        received: handed out.
        expired: dropped, past their validity when they were read.
        early: dropped, of the future: this clock is behind, or the node's ahead.
        repeated: dropped, known from before a reconnection.
        unknown: dropped, of a layer that this version does not know.
        unreadable: dropped, no message at all.
        reconnects: connections lost, or not made.
    """

    received: int = 0
    expired: int = 0
    early: int = 0
    repeated: int = 0
    unknown: int = 0
    unreadable: int = 0
    reconnects: int = 0


class EdgeClient:
    """One node's picture, for a vehicle or a tool.

    Validity is judged by this machine's clock: keep it synchronised.

    Args:
        address: `host:port` of the node.
        credentials: certificate of the client, and whom it trusts; None: plaintext. Files that change are read anew
            at the next connection.
        timeout_s: how long single questions wait for an answer.
        now_ns: UTC nanoseconds.

    Attributes:
        counters: see `ClientCounters`.
    """

    def __init__(
        self,
        address: str,
        *,
        credentials: Credentials | None = None,
        timeout_s: float = 5.0,
        retry: Retry | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.address, self._timeout_s, self._now_ns = address, timeout_s, now_ns
        self._retry = retry or Retry()
        self._connection = Connection(address, credentials)
        self._geometry: Intersection | None = None
        self._problem = ""
        self._mistimed_in_a_row = 0
        self.counters = ClientCounters()

    async def __aenter__(self) -> Self:
        await self._connection.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connection.close()

    async def intersection(self) -> Intersection:
        """Lanes, signal groups and sensors.

        Raises:
            NotReachableError, RefusedError: no answer, or a negative one.
        """
        request, kind = node_pb2.GetIntersectionRequest(), intersection_pb2.Intersection
        self._geometry = read_intersection(await self._ask("GetIntersection", request, kind))
        return self._geometry

    async def watch(
        self, layers: Iterable[Layer] = (), *, area: Area | None = None, max_rate_hz: float = 0.0
    ) -> AsyncGenerator[Update, None]:
        """Updates as they come: a snapshot first, then news, for ever. Comes back after a loss by itself.

        Args:
            layers: empty: all but radio frames.
            area: of the scene; None everywhere.
            max_rate_hz: per layer; 0 as they come.

        Raises:
            RefusedError: the node does not serve this request.
        """
        request = subscribe_request(layers, area, max_rate_hz)
        last: dict[tuple[type, str], tuple[int, int]] = {}
        stream = self._kept(lambda line: line.stream("Subscribe", node_pb2.Update)(request))
        async with contextlib.aclosing(stream) as messages:
            async for message in messages:
                update = self._accept(message, last)
                if update is not None:
                    yield update

    async def signals(self) -> SignalsUpdate:
        """The signals now; they may be withdrawn, which they then say.

        Raises:
            SignalsUnavailableError: the node has no valid signals.
            NotReachableError, RefusedError: no answer, or a negative one.
        """
        self._problem = ""
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                contextlib.aclosing(self._watch_signals()) as updates,
            ):
                return await anext(updates)
        except TimeoutError as error:
            if self._problem:
                raise NotReachableError(self.address, self._hinted(self._problem)) from error
            raise SignalsUnavailableError(
                f"no valid signals from {self.address} within {self._timeout_s:.1f} s"
            ) from error

    async def next_green(
        self, *, signal_group: int | None = None, lane: int | None = None, maneuver: str | None = None
    ) -> NextGreen:
        """When a signal group, or a lane (for one maneuver), is green next.

        Args:
            maneuver: `straight`, `left`, `right` or `u_turn`; needed where a lane has several groups.

        Raises:
            ValueError: not exactly one of signal group and lane, or no such one.
            SignalsUnavailableError: there are no signals that may be used now.
            NotReachableError, RefusedError: no answer, or a negative one.
        """
        if (signal_group is None) == (lane is None):
            raise ValueError("give either signal_group or lane")
        signals = await self.signals()
        if lane is not None:
            known = self._geometry
            if known is None or not _belong_together(known, signals):
                known = await self.intersection()
            if not _belong_together(known, signals):
                raise SignalsUnavailableError(
                    f"the signals are of intersection {signals.intersection}, MAP revision {signals.map_revision}; "
                    f"the lanes of {known.intersection}, revision {known.revision}"
                )
            signal_group = known.signal_group_of(lane, maneuver=maneuver)
        assert signal_group is not None
        return next_green(signals, signal_group, now_ns=self._now_ns())

    async def next_signal(self, lane: int, *, maneuver: str | None = None) -> NextGreen:
        """What rules a lane (for one maneuver) shows, and when that changes; see `next_green`."""
        return await self.next_green(lane=lane, maneuver=maneuver)

    async def report(self, vehicle: AsyncIterable[VehicleState]) -> AsyncGenerator[Advice, None]:
        """Say where the vehicle is, as its states come; advice after each and whenever the lights change.

        Comes back after a loss by itself, with the newest state. Ends when the states end. Expired advice is dropped.

        Raises:
            RefusedError: the node takes no reports.
            ValueError: a state has no such kind or maneuver.
        """
        reports = Reports()
        following = asyncio.create_task(reports.follow(vehicle), name="vehicle states")
        stream = self._kept(
            lambda line: line.both("ReportVehicle", vehicle_pb2.Advice)(reports.messages()),
            over=lambda: reports.ended,
        )
        try:
            async with contextlib.aclosing(stream) as messages:
                async for message in messages:
                    advice = self._usable(message)
                    if advice is not None:
                        yield advice
            reports.check()
        finally:
            following.cancel()

    def request_priority(self, request: PriorityRequest) -> PriorityCall:
        """Ask for a green, again and again while inside: `async with client.request_priority(...) as call`.

        Comes back after a loss by itself. Leaving cancels the request.
        """
        link = PriorityLink(
            connection=self._connection,
            refused=REFUSALS,
            explain=self._explain,
            lost=self._lost,
            pause_s=self._retry.pause_s,
        )
        return PriorityCall(link, request, now_ns=self._now_ns)

    async def clock_offset(self, *, questions: int = 5) -> ClockOffset:
        """How far this machine's clock is from the node's, by the quickest of some questions (as NTP asks).

        Raises:
            NotReachableError, RefusedError: no answer, or a negative one.
        """
        asked = []
        for _ in range(max(1, questions)):
            sent_ns = self._now_ns()
            answer = await self._ask("GetTime", node_pb2.GetTimeRequest(), node_pb2.NodeTime)
            asked.append((sent_ns, answer.received_ns, answer.sent_ns, self._now_ns()))
        return offset_of(asked[1:] or asked)

    async def _watch_signals(self) -> AsyncGenerator[SignalsUpdate, None]:
        async with contextlib.aclosing(self.watch([Layer.SIGNALS])) as updates:
            async for update in updates:
                if isinstance(update, SignalsUpdate):
                    yield update

    async def _kept(
        self, begin: Callable[[Line], Any], *, over: Callable[[], bool] = lambda: False
    ) -> AsyncGenerator[Any, None]:
        """Messages of a call that is begun anew after each loss, until it is over."""
        attempt, served = 0, False
        while not over():
            async with self._connection.line() as line:
                try:
                    async with contextlib.aclosing(self._messages(begin(line))) as messages:
                        async for message in messages:
                            attempt, served = 0, True
                            yield message
                    if not over():
                        self._lost("the node ended the stream")
                except grpc.aio.AioRpcError as error:
                    if await self._is_answered(error, line, served=served):
                        continue
            if not over():
                await self._connection.renew(line)
                await asyncio.sleep(self._retry.pause_s(attempt))
                attempt += 1

    async def _messages(self, call: Any) -> AsyncGenerator[Any, None]:
        """Messages of one call, None for each that cannot be read; the call ends with the iteration."""
        try:
            while (message := await call.read()) is not grpc.aio.EOF:
                if self._problem:
                    _log.info("%s answers again", self.address)
                    self._problem = ""
                yield message
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) is None or task.cancelling():
                raise
            raise EdgeClientError("the stream has ended: the client was closed") from None
        finally:
            call.cancel()

    async def _is_answered(self, error: grpc.aio.AioRpcError, line: Line, *, served: bool) -> bool:
        """Whether to call again at once, because there are new certificates; raises what is final."""
        if error.code() is grpc.StatusCode.UNAUTHENTICATED and await self._connection.renew(line):
            return True
        full = served and error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        if error.code() in REFUSALS and not full:
            raise self._explain(error) from error
        self._lost(error.details() or error.code().name)
        return False

    async def _ask(self, name: str, request: Message, kind: type[Message]) -> Any:
        """The answer to a single question."""
        async with self._connection.line() as line:
            try:
                answer = await line.unary(name, kind)(request, timeout=self._timeout_s, wait_for_ready=True)
            except grpc.aio.AioRpcError as error:
                raise await self._explained(error, line) from error
        if answer is None:
            self.counters.unreadable += 1
            raise NotReachableError(self.address, f"what it answers to {name} cannot be read")
        return answer

    def _usable(self, message: vehicle_pb2.Advice | None) -> Advice | None:
        """The advice, unless it is none or expired."""
        if message is None:
            self.counters.unreadable += 1
            return None
        advice = read_advice(message)
        return advice if self._now_ns() <= advice.valid_until_ns else None

    def _accept(
        self, message: node_pb2.Update | None, last: dict[tuple[type, str], tuple[int, int]]
    ) -> Update | None:
        """The update, unless it is no message, of an unknown layer, known already, expired or of the future."""
        counters = self.counters
        if message is None:
            counters.unreadable += 1
            return None
        update = read_update(message)
        if update is None:
            counters.unknown += 1
            return None
        kind = f"{update.dialect}/{update.kind}" if isinstance(update, RadioFrameUpdate) else ""
        slot, newest = (type(update), kind), (update.epoch, update.sequence)
        known = last.get(slot)
        if known is not None and known[0] == update.epoch and known[1] >= update.sequence:
            counters.repeated += 1
            return None
        last[slot] = newest
        now_ns = self._now_ns()
        early = update.published_ns > now_ns + AHEAD_NS and not only_warns(update)
        if early or now_ns > update.valid_until_ns:
            self._count_mistimed(update, now_ns)
            return None
        self._mistimed_in_a_row = 0
        counters.received += 1
        return update

    def _count_mistimed(self, update: Update, now_ns: int) -> None:
        late_ns = now_ns - update.valid_until_ns
        self.counters.expired += late_ns > 0
        self.counters.early += late_ns <= 0
        self._mistimed_in_a_row += 1
        if self._mistimed_in_a_row == SUSPICIOUS:
            word, by_ns = ("expired", late_ns) if late_ns > 0 else ("early", update.published_ns - now_ns)
            words = "every update of %s comes %s, the newest by %.1f s: is this clock right?"
            _log.warning(words, self.address, word, by_ns / 1e9)

    def _lost(self, problem: str) -> None:
        self.counters.reconnects += 1
        if not self._problem:
            _log.warning("lost %s: %s; trying again", self.address, self._hinted(problem))
        self._problem = problem

    def _explain(self, error: grpc.aio.AioRpcError) -> EdgeClientError:
        words = error.details() or error.code().name
        if error.code() in REFUSALS:
            return RefusedError(self.address, words)
        return NotReachableError(self.address, self._hinted(words))

    async def _explained(self, error: grpc.aio.AioRpcError, line: Line) -> EdgeClientError:
        """As `_explain`; where time ran out in waiting for a connection, with the reason why there is none."""
        if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            try:
                ask = line.unary("GetTime", node_pb2.NodeTime)
                await ask(node_pb2.GetTimeRequest(), timeout=REASON_TIMEOUT_S)
            except grpc.aio.AioRpcError as reason:
                if reason.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
                    return self._explain(reason)
        return self._explain(error)

    def _hinted(self, words: str) -> str:
        return with_hint(words, secured=self._connection.secured)


def _belong_together(known: Intersection, signals: SignalsUpdate) -> bool:
    """Whether signals are of the MAP that the lanes are of."""
    return (known.intersection, known.revision) == (signals.intersection, signals.map_revision)
