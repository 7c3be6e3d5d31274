"""The interceptor in front of every method: who calls, may it, not too often; and open calls that must end, end.

Every method is served as a stream of both directions, which is the same on the wire: so a caller is judged before a
byte of its request is read, and a request that does not come is not waited for. Nothing is done per message, and a
handler's every wait passes one coroutine of ours alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import grpc

from edge.access.audit import AuditLog
from edge.access.connections import cut_connection, peer_host
from edge.access.limits import AccessLimits, PeerLimiter
from edge.access.refusal import RefusedCallError, exhausted, forbidden, malformed
from edge.access.roles import Peer, current_peer
from edge.access.table import AUDITED, METHODS, roles_for

_log = logging.getLogger(__name__)
Context: TypeAlias = grpc.aio.ServicerContext
SWEEP_S = 0.5
"""Open calls are judged anew this often, and whenever the certificates change."""
GOODBYE_S = 0.5
"""For the status of a call that is ended; a peer that does not read it loses its connection."""
SWEEP_BATCH = 20
"""Calls that are judged without a pause."""


class CallJudge(Protocol):
    """Tells who calls; both raise `RefusedCallError` for one who does not count."""

    def identify(self, authentication: Mapping[str, list[bytes]], *, host: str) -> tuple[Peer, bytes]:
        """The caller, and its certificate (PEM; empty without)."""
        ...

    def check(self, pem: bytes) -> Peer:
        """Whether the certificate of an open call still counts."""
        ...


@dataclass(slots=True, eq=False)
class _Call:
    """An open call."""

    method: str
    peer: Peer
    pem: bytes
    network: str
    task: asyncio.Task[Any]
    ending: RefusedCallError | None = None


class Guard(grpc.aio.ServerInterceptor):  # type: ignore[misc] # grpc has no types
    """Refuses what the table does not allow, and counts.

    Args:
        judge: tells who calls.
        counters: `calls`, `open`, `refused_KIND`, `ended` (live calls), `cut` (their connections).
        audit: where refusals and commands are written; None: nowhere.

    Attributes:
        counters: as given.
    """

    def __init__(
        self,
        judge: CallJudge,
        *,
        limits: AccessLimits | None = None,
        counters: Counter[str] | None = None,
        audit: AuditLog | None = None,
        steady_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._judge, self._audit, self._steady_s = judge, audit, steady_s
        self._limits = limits or AccessLimits()
        self._limiter = PeerLimiter(self._limits)
        self._calls: set[_Call] = set()
        self._news = asyncio.Event()
        self._guarded = functools.lru_cache(maxsize=2 * len(METHODS))(self._guard)
        self.counters: Counter[str] = Counter() if counters is None else counters

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler:
        """gRPC asks for the handler of a method."""
        return self._guarded(handler_call_details.method, await continuation(handler_call_details))

    def _guard(self, method: str, handler: grpc.RpcMethodHandler | None) -> grpc.RpcMethodHandler:
        """The handler behind the guard; made once, because what a call holds is walked by the garbage collector."""
        return grpc.stream_stream_rpc_method_handler(
            functools.partial(self._serve, method, handler),
            request_deserializer=None if handler is None else _reader(handler.request_deserializer),
            response_serializer=None if handler is None else handler.response_serializer,
        )

    def changed(self) -> None:
        """The certificates changed: open calls are judged now."""
        self._news.set()

    async def run(self) -> None:
        """Judge open calls for ever."""
        while True:
            await self.sweep()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SWEEP_S):
                    await self._news.wait()
            self._news.clear()

    async def sweep(self) -> None:
        """End open calls whose certificate counts no longer."""
        for number, call in enumerate(tuple(self._calls), start=1):
            if number % SWEEP_BATCH == 0:
                await asyncio.sleep(0)
            if not call.pem or call.ending is not None:
                continue
            try:
                self._judge.check(call.pem)
            except RefusedCallError as refusal:
                call.ending = refusal
                call.task.cancel()

    async def _serve(
        self,
        method: str,
        handler: Any,
        requests: AsyncIterator[Any],
        context: Context,
    ) -> None:
        network = context.peer()
        peer, call = Peer(peer_host(network), frozenset()), None
        try:
            peer, pem = self._judge.identify(context.auth_context(), host=peer.host)
            self._admit(method, handler, peer)
            call = _Call(method, peer, pem, network, _task())
            self._open(call)
            request = requests if handler.request_streaming else await self._one(context)
            await _answered(handler, request, context)
        except RefusedCallError as refusal:
            self._refused(method, peer, refusal)
            await context.abort(refusal.code, refusal.reason)
        except asyncio.CancelledError:
            if call is None or call.ending is None:
                raise
            await self._end(call, call.ending, context)
        finally:
            if call is not None:
                self._close(call)

    def _open(self, call: _Call) -> None:
        """An admitted call begins."""
        current_peer.set(call.peer)  # in a context of its own, as gRPC serves every call in its own task
        self._calls.add(call)
        self.counters["open"] = len(self._calls)
        if call.method in AUDITED and self._audit is not None:
            self._audit.command(call.peer, call.method)

    def _close(self, call: _Call) -> None:
        self._calls.discard(call)
        self.counters["open"] = len(self._calls)
        self._limiter.close(call.peer.key)

    def _admit(self, method: str, handler: grpc.RpcMethodHandler | None, peer: Peer) -> None:
        self._limiter.admit(peer.key, now_s=self._steady_s())
        if handler is None:
            code = grpc.StatusCode.UNIMPLEMENTED
            raise RefusedCallError("unknown_method", "there is no such method", code=code)
        if not peer.roles & roles_for(method):
            roles = ", ".join(sorted(peer.roles))
            raise forbidden("role", f"{method} is not for {roles}")
        self._limiter.open(peer.key)
        self.counters["calls"] += 1

    async def _one(self, context: Context) -> Any:
        """The request of a method that has one."""
        try:
            async with asyncio.timeout(self._limits.request_s):
                request = await context.read()
        except TimeoutError as error:
            raise exhausted("slow", f"no request within {self._limits.request_s:g} s") from error
        if request is grpc.aio.EOF:
            raise malformed("there is no request, or it is too large")
        return request

    async def _end(self, call: _Call, refusal: RefusedCallError, context: Context) -> None:
        """Tell a caller why we cancelled its call; one who does not listen loses its connection."""
        call.task.uncancel()
        self.counters["ended"] += 1
        self._refused(call.method, call.peer, refusal)
        try:
            async with asyncio.timeout(GOODBYE_S):
                await context.abort(refusal.code, refusal.reason)
        except (TimeoutError, grpc.aio.InternalError):
            self.counters["cut"] += await asyncio.to_thread(cut_connection, call.network)

    def _refused(self, method: str, peer: Peer, refusal: RefusedCallError) -> None:
        self.counters[f"refused_{refusal.kind}"] += 1
        if self._audit is not None:
            self._audit.refusal(peer, method, refusal)


def _reader(deserialise: Callable[[bytes], Any] | None) -> Callable[[bytes], Any] | None:
    """The deserialiser, whose failures are the caller's fault."""
    if deserialise is None:
        return None

    def read(content: bytes) -> Any:
        try:
            return deserialise(content)
        except Exception as error:  # every library has its own; protobuf's is no subclass of ValueError
            raise malformed("the message cannot be read") from error

    return read


def _answered(handler: grpc.RpcMethodHandler, request: Any, context: Context) -> Awaitable[None]:
    """What answers a call: of a method that writes its replies itself, its own coroutine."""
    behaviour = handler.stream_stream or handler.stream_unary or handler.unary_stream or handler.unary_unary
    result: Any = behaviour(request, context)
    if hasattr(result, "__aiter__"):
        return _write_all(result, context)
    return result if handler.response_streaming else _write_one(result, context)


async def _write_all(replies: AsyncGenerator[Any, None], context: Context) -> None:
    async with contextlib.aclosing(replies):
        async for reply in replies:
            await context.write(reply)


async def _write_one(reply: Awaitable[Any], context: Context) -> None:
    await context.write(await reply)


def _task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task
