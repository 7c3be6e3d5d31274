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

from edge.sdk.credentials import Credentials, channel_credentials
from edge.sdk.errors import (
    CredentialsError,
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
from edge.sdk.updates import Layer, RadioFrameUpdate, SignalsUpdate, Update, read_update
from edge.sdk.vehicle import Advice, VehicleState, read_advice
from edge.v1 import node_pb2, node_pb2_grpc

_log = logging.getLogger(__name__)

CHANNEL_OPTIONS: tuple[tuple[str, int], ...] = (
    # A small window without probing: a client that stalls finds one or two old updates, not seconds of them.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 4096),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
)
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
SUSPICIOUS_EXPIRED = 20
"""So many expired updates in a row speak of a wrong clock."""


@dataclass(slots=True)
class ClientCounters:
    """What the client did with what came.

    Attributes:
        received: handed out.
        expired: dropped, past their validity when they were read.
        repeated: dropped, known from before a reconnection.
        unknown: dropped, of a layer that this version does not know.
        reconnects: connections lost, or not made.
    """

    received: int = 0
    expired: int = 0
    repeated: int = 0
    unknown: int = 0
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
        self._credentials, self._content = credentials, (b"", b"", b"")
        self._channel: grpc.aio.Channel | None = None
        self._geometry: Intersection | None = None
        self._problem = ""
        self._expired_in_a_row = 0
        self.counters = ClientCounters()

    async def __aenter__(self) -> Self:
        if self._credentials is not None:
            self._content = await asyncio.to_thread(self._credentials.read)
        self._channel = self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._channel is not None:
            await self._channel.close()
            self._channel = None

    def _open(self) -> grpc.aio.Channel:
        if self._credentials is None:
            return grpc.aio.insecure_channel(self.address, options=CHANNEL_OPTIONS)
        options = (*CHANNEL_OPTIONS, *self._credentials.options)
        return grpc.aio.secure_channel(self.address, channel_credentials(self._content), options=options)

    async def _renew(self) -> bool:
        """Open a new channel where the certificates' files have changed."""
        if self._credentials is None or self._channel is None:
            return False
        try:
            content = await asyncio.to_thread(self._credentials.read)
        except CredentialsError as error:
            _log.warning("%s: %s; the certificates from before are used", self.address, error)
            return False
        if content == self._content:
            return False
        self._content, old = content, self._channel
        self._channel = self._open()
        await old.close()
        return True

    async def intersection(self) -> Intersection:
        """Lanes, signal groups and sensors.

        Raises:
            NotReachableError, RefusedError: no answer, or a negative one.
        """
        try:
            message = await self._stub().GetIntersection(
                node_pb2.GetIntersectionRequest(), timeout=self._timeout_s, wait_for_ready=True
            )
        except grpc.aio.AioRpcError as error:
            raise await self._explained(error) from error
        self._geometry = read_intersection(message)
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
        attempt = 0
        while True:
            try:
                async with contextlib.aclosing(self._messages(request)) as messages:
                    async for message in messages:
                        attempt = 0
                        update = self._accept(message, last)
                        if update is not None:
                            yield update
                self._lost("the node ended the stream")
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.UNAUTHENTICATED and await self._renew():
                    continue
                known = last and error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
                if error.code() in REFUSALS and not known:
                    raise self._explain(error) from error
                self._lost(error.details() or error.code().name)
            await self._renew()
            await asyncio.sleep(self._retry.pause_s(attempt))
            attempt += 1

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
            if known is None or known.revision != signals.map_revision:
                known = await self.intersection()
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
        reports, attempt = Reports(), 0
        following = asyncio.create_task(reports.follow(vehicle), name="vehicle states")
        try:
            while not reports.ended:
                try:
                    async for message in self._stub().ReportVehicle(reports.messages()):
                        attempt = 0
                        advice = read_advice(message)
                        if self._now_ns() <= advice.valid_until_ns:
                            yield advice
                except grpc.aio.AioRpcError as error:
                    if error.code() in REFUSALS:
                        raise self._explain(error) from error
                    self._lost(error.details() or error.code().name)
                if not reports.ended:
                    await asyncio.sleep(self._retry.pause_s(attempt))
                    attempt += 1
            reports.check()
        finally:
            following.cancel()

    def request_priority(self, request: PriorityRequest) -> PriorityCall:
        """Ask for a green, again and again while inside: `async with client.request_priority(...) as call`.

        Comes back after a loss by itself. Leaving cancels the request.
        """
        link = PriorityLink(
            stub=self._stub,
            refused=REFUSALS,
            explain=self._explain,
            lost=self._lost,
            renew=self._renew,
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
            try:
                answer = await self._stub().GetTime(
                    node_pb2.GetTimeRequest(), timeout=self._timeout_s, wait_for_ready=True
                )
            except grpc.aio.AioRpcError as error:
                raise await self._explained(error) from error
            asked.append((sent_ns, answer.received_ns, answer.sent_ns, self._now_ns()))
        return offset_of(asked[1:] or asked)

    async def _watch_signals(self) -> AsyncGenerator[SignalsUpdate, None]:
        async with contextlib.aclosing(self.watch([Layer.SIGNALS])) as updates:
            async for update in updates:
                if isinstance(update, SignalsUpdate):
                    yield update

    async def _messages(self, request: node_pb2.SubscribeRequest) -> AsyncGenerator[node_pb2.Update, None]:
        """Messages of one call; the call ends with the iteration."""
        call = self._stub().Subscribe(request)
        try:
            while (message := await call.read()) is not grpc.aio.EOF:
                if self._problem:
                    _log.info("%s answers again", self.address)
                    self._problem = ""
                yield message
        finally:
            call.cancel()

    def _accept(
        self, message: node_pb2.Update, last: dict[tuple[type, str], tuple[int, int]]
    ) -> Update | None:
        """The update, unless it is expired, known already, or of an unknown layer."""
        update, counters = read_update(message), self.counters
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
        if not update.is_valid(now_ns=self._now_ns()):
            self._count_expired(update)
            return None
        self._expired_in_a_row = 0
        counters.received += 1
        return update

    def _count_expired(self, update: Update) -> None:
        self.counters.expired += 1
        self._expired_in_a_row += 1
        if self._expired_in_a_row == SUSPICIOUS_EXPIRED:
            late_s = (self._now_ns() - update.valid_until_ns) / 1e9
            _log.warning(
                "every update of %s comes expired, the newest by %.1f s: is this clock right?",
                self.address,
                late_s,
            )

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

    async def _explained(self, error: grpc.aio.AioRpcError) -> EdgeClientError:
        """As `_explain`; where time ran out in waiting for a connection, with the reason why there is none."""
        if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            try:
                await self._stub().GetTime(node_pb2.GetTimeRequest(), timeout=REASON_TIMEOUT_S)
            except grpc.aio.AioRpcError as reason:
                if reason.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
                    return self._explain(reason)
        return self._explain(error)

    def _hinted(self, words: str) -> str:
        return with_hint(words, secured=self._credentials is not None)

    def _stub(self) -> Any:
        if self._channel is None:
            raise EdgeClientError("the client is closed: use `async with EdgeClient(...) as client:`")
        return node_pb2_grpc.IntersectionServiceStub(self._channel)  # type: ignore[no-untyped-call]
