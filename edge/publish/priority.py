"""RequestPriority: a vehicle's request in, again and again, and what becomes of it out; its end cancels the request."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import grpc

from edge.access.audit import AuditLog
from edge.access.roles import Peer
from edge.access.table import REQUEST_PRIORITY
from edge.core.errors import CodecError
from edge.core.priority import RequestState, Standing
from edge.v1 import priority_pb2

Context: TypeAlias = grpc.aio.ServicerContext
MOST_STREAMS = {Standing.URGENT: 16, Standing.KNOWN: 64, Standing.STRANGER: 16}
"""Open at a time, apart: however many buses ask, the fire engine finds a place. Strangers are rejected anyway."""
MOST_OF_A_PEER = 4
"""Open at a time of one vehicle."""
REPEAT_S = 1.0
"""An answer is said again after this long."""
SILENCE_S = 30.0
"""A vehicle that has said nothing for so long is let go."""
WRITE_S = 5.0
"""One that does not read for so long, likewise."""
LOST_S = 3.0
"""One that has said nothing for so long makes room for the same vehicle's next call: it has lost the way to us."""
SHORTEST_S = 0.09
"""Between two messages of one vehicle; more are dropped and counted."""
FLOOD = 16
"""After so many dropped in a row the next is waited with."""
TOLD = frozenset({RequestState.GRANTED, RequestState.REJECTED, RequestState.MAX_PRESENCE})
"""What is written into the audit log, each once a stream but for grants."""


class Desk(Protocol):
    """What the node does with requests."""

    def take(self, key: str, octets: bytes, peer: Peer) -> None:
        """Hear a request. Raises `CodecError` for one that cannot be."""
        ...

    def standing(self, peer: Peer) -> Standing:
        """What a vehicle may ask for at most."""
        ...

    def drop(self, key: str) -> None:
        """The request is over."""
        ...

    def state(self, key: str) -> RequestState | None:
        """What has become of it; None: it is not known."""
        ...

    def status(self, key: str) -> priority_pb2.PriorityStatus:
        """The answer to it."""
        ...


@dataclass(eq=False, slots=True)
class _Vehicle:
    """One stream.

    Attributes:
        standing: what it may ask for at most.
        state: last known.
        told: states that the audit log has.
        problem: what was wrong with the newest message; empty: nothing.
        gone: its call ends.
    """

    key: str
    peer: Peer
    standing: Standing
    heard_s: float
    news: asyncio.Event = field(default_factory=asyncio.Event)
    state: RequestState | None = None
    told: set[RequestState] = field(default_factory=set)
    problem: str = ""
    gone: bool = False


class PriorityStreams:
    """All vehicles that ask.

    Args:
        desk: see `Desk`.
        audit: where grants, their ends and the first rejection go; None: nowhere.

    Attributes:
        counters: `streams` (open now), `streams_refused`, `messages`, `messages_bad`, `messages_limited`, `answers`.
    """

    def __init__(
        self,
        desk: Desk,
        *,
        audit: AuditLog | None = None,
        steady_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._desk, self._audit, self._steady_s = desk, audit, steady_s
        self._open: set[_Vehicle] = set()
        self._numbers = itertools.count(1)
        names = ("streams", "streams_refused", "messages", "messages_bad", "messages_limited", "answers")
        self.counters: Counter[str] = Counter(dict.fromkeys(names, 0))

    def stepped(self) -> None:
        """The desk has judged anew: who hears something else than before is told."""
        for vehicle in tuple(self._open):
            state = self._desk.state(vehicle.key)
            if state is not vehicle.state:
                self._keep(vehicle, state)
                vehicle.state = state
                vehicle.news.set()

    async def serve(self, requests: AsyncIterator[bytes], context: Context, *, peer: Peer) -> None:
        """One call, until the vehicle ends it."""
        standing = self._desk.standing(peer)
        if not self._has_room(peer, standing):
            self.counters["streams_refused"] += 1
            words = f"requests at a time: {MOST_STREAMS[standing]}, of one vehicle {MOST_OF_A_PEER}"
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, words)
        vehicle = _Vehicle(f"grpc {next(self._numbers)}", peer, standing, self._steady_s())
        self._open.add(vehicle)
        self.counters["streams"] = len(self._open)
        hearing = asyncio.create_task(self._hear(vehicle, requests), name="priority requests")
        try:
            await self._answer(vehicle, context)
        except TimeoutError:
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "the vehicle is silent or does not read")
        finally:
            hearing.cancel()
            self._open.discard(vehicle)
            self.counters["streams"] = len(self._open)
            self._desk.drop(vehicle.key)
            self._keep(vehicle, None)

    def _has_room(self, peer: Peer, standing: Standing) -> bool:
        staying = [vehicle for vehicle in self._open if not vehicle.gone]
        mine = [vehicle for vehicle in staying if vehicle.peer.key == peer.key]
        left = self._let_go(mine) if len(mine) >= MOST_OF_A_PEER else 0
        alike = sum(vehicle.standing is standing for vehicle in staying)
        return alike - left < MOST_STREAMS[standing] and len(mine) - left < MOST_OF_A_PEER

    def _let_go(self, mine: list[_Vehicle]) -> int:
        """End the call of a vehicle that has been silent for longest; how many ended."""
        silent = min(mine, key=lambda vehicle: vehicle.heard_s)
        if self._steady_s() - silent.heard_s < LOST_S:
            return 0
        silent.gone = True
        silent.news.set()
        return 1

    async def _hear(self, vehicle: _Vehicle, requests: AsyncIterator[bytes]) -> None:
        heard_s, dropped = -SHORTEST_S, 0
        try:
            async for octets in requests:
                now_s = self._steady_s()
                if now_s - heard_s < SHORTEST_S:
                    self.counters["messages_limited"] += 1
                    dropped += 1
                    if dropped % FLOOD == 0:
                        await asyncio.sleep(SHORTEST_S)
                    continue
                vehicle.heard_s, heard_s, dropped = now_s, now_s, 0
                self._take(vehicle, octets)
        finally:
            vehicle.gone = True
            vehicle.news.set()

    def _take(self, vehicle: _Vehicle, octets: bytes) -> None:
        try:
            self._desk.take(vehicle.key, octets, vehicle.peer)
            self.counters["messages"] += 1
        except CodecError as error:
            self._desk.drop(vehicle.key)  # what it wants now is not known
            vehicle.problem = str(error)
            self.counters["messages_bad"] += 1
            vehicle.news.set()

    async def _answer(self, vehicle: _Vehicle, context: Context) -> None:
        """Newest wins: a vehicle that reads slowly hears what is true when it reads."""
        while not vehicle.gone:
            try:
                async with asyncio.timeout(REPEAT_S):
                    await vehicle.news.wait()
            except TimeoutError:
                if self._steady_s() - vehicle.heard_s > SILENCE_S:
                    raise
            vehicle.news.clear()
            if vehicle.gone:
                return
            status = self._desk.status(vehicle.key)
            if vehicle.problem:
                status.status = priority_pb2.PRIORITIZATION_RESPONSE_STATUS_REJECTED
                status.reason, vehicle.problem = vehicle.problem, ""
            async with asyncio.timeout(WRITE_S):
                await context.write(status.SerializeToString())
            self.counters["answers"] += 1

    def _keep(self, vehicle: _Vehicle, state: RequestState | None) -> None:
        """Write grants, their ends and the first rejection into the audit log."""
        granted = vehicle.state is RequestState.GRANTED
        if self._audit is None or state is vehicle.state:
            return
        if granted:
            self._audit.command(vehicle.peer, REQUEST_PRIORITY, outcome="ended")
        if state in TOLD and (state is RequestState.GRANTED or state not in vehicle.told):
            vehicle.told.add(state)
            reason = self._desk.status(vehicle.key).reason
            self._audit.command(vehicle.peer, REQUEST_PRIORITY, outcome=state.value, reason=reason)
