"""ReportVehicle: reports of vehicles in, advice out; advice is made anew when the lights change."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Protocol, TypeAlias

import grpc

from edge.core.errors import CodecError
from edge.core.v2x import VERIFIED_BY_TLS
from edge.v1 import vehicle_pb2

Context: TypeAlias = grpc.aio.ServicerContext
MOST_STREAMS = 1000
MOST_OF_ONE = 8
"""Streams of one certificate: a vehicle needs one, and who has a stolen key shall not fill the road."""
STALE_S = 2.0
"""Nobody is advised on where it was longer ago."""
SILENCE_S = 60.0
"""A vehicle that has said nothing for so long is let go."""
SHORTEST_S = 0.04
"""Between two reports of one vehicle; more are dropped and counted."""
FLOOD = 16
"""After so many dropped in a row the next is waited with."""


class Desk(Protocol):
    """What the node does with a report."""

    def take(self, octets: bytes, sender: str) -> vehicle_pb2.VehicleReport:
        """Hand it on. Raises `CodecError` for one that cannot be."""
        ...

    def advise(self, report: vehicle_pb2.VehicleReport) -> vehicle_pb2.Advice:
        """Advice for the vehicle that sent it."""
        ...


class _Vehicle:
    """One stream: the newest report, and whether there is something to say."""

    def __init__(self, now_s: float) -> None:
        self.report: vehicle_pb2.VehicleReport | None = None
        self.news, self.taken_s, self.gone = asyncio.Event(), now_s - SHORTEST_S, False
        self.problem = ""


class VehicleStreams:
    """All vehicles that report.

    Attributes:
        counters: `vehicles` (open now), `reports`, `reports_bad`, `reports_limited`, `advice`, `vehicles_refused`.
    """

    def __init__(
        self, desk: Desk, *, most: int = MOST_STREAMS, steady_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._desk, self._most, self._steady_s = desk, most, steady_s
        self._open: set[_Vehicle] = set()
        self._of_one: Counter[str] = Counter()
        names = ("vehicles", "reports", "reports_bad", "reports_limited", "advice", "vehicles_refused")
        self.counters: Counter[str] = Counter(dict.fromkeys(names, 0))

    def lights_changed(self) -> None:
        """Advise everybody anew."""
        for vehicle in self._open:
            vehicle.news.set()

    async def serve(self, reports: AsyncIterator[bytes], context: Context, *, sender: str) -> None:
        """One call, until the vehicle ends it.

        Args:
            sender: who it is, for rate limits and for what fusion is told.
        """
        problem = self._too_many(sender)
        if problem:
            self.counters["vehicles_refused"] += 1
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, problem)
        vehicle = _Vehicle(self._steady_s())
        self._open.add(vehicle)
        self._of_one[sender] += 1
        self.counters["vehicles"] = len(self._open)
        hearing = asyncio.create_task(self._hear(vehicle, reports, sender), name="vehicle reports")
        try:
            await self._answer(vehicle, context)
        except TimeoutError:
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, f"no report for {SILENCE_S:g} s")
        finally:
            hearing.cancel()
            self._open.discard(vehicle)
            self._of_one[sender] -= 1
            self._of_one += Counter()
            self.counters["vehicles"] = len(self._open)

    def _too_many(self, sender: str) -> str:
        """Why one more is not taken; empty: it is. Programs of this machine, which have no certificate, may be many."""
        if len(self._open) >= self._most:
            return f"the node serves its limit of {self._most} vehicles"
        certified = sender.startswith(f"{VERIFIED_BY_TLS}:")
        if certified and self._of_one[sender] >= MOST_OF_ONE:
            return f"{MOST_OF_ONE} streams of this certificate report already"
        return ""

    async def _hear(self, vehicle: _Vehicle, reports: AsyncIterator[bytes], sender: str) -> None:
        dropped = 0
        try:
            async for octets in reports:
                now_s = self._steady_s()
                if now_s - vehicle.taken_s < SHORTEST_S:
                    self.counters["reports_limited"] += 1
                    dropped += 1
                    if dropped % FLOOD == 0:
                        await asyncio.sleep(SHORTEST_S)
                    continue
                vehicle.taken_s, dropped = now_s, 0
                self._take(vehicle, octets, sender)
        finally:
            vehicle.gone = True
            vehicle.news.set()

    def _take(self, vehicle: _Vehicle, octets: bytes, sender: str) -> None:
        try:
            vehicle.report = self._desk.take(octets, sender)
            self.counters["reports"] += 1
        except CodecError as error:
            vehicle.problem = str(error)
            self.counters["reports_bad"] += 1
        vehicle.news.set()

    async def _answer(self, vehicle: _Vehicle, context: Context) -> None:
        """Newest wins: a vehicle that reads slowly gets advice on where it is when it reads."""
        while not vehicle.gone:
            async with asyncio.timeout(SILENCE_S):
                await vehicle.news.wait()
            vehicle.news.clear()
            silent_s = self._steady_s() - vehicle.taken_s
            if silent_s > SILENCE_S:
                raise TimeoutError
            advice = self._about(vehicle, silent_s)
            if advice is not None and not vehicle.gone:
                await context.write(advice.SerializeToString())
                self.counters["advice"] += 1

    def _about(self, vehicle: _Vehicle, silent_s: float) -> vehicle_pb2.Advice | None:
        """What there is to say; None: nothing."""
        if vehicle.problem:
            problem, vehicle.problem = vehicle.problem, ""
            return vehicle_pb2.Advice(kind=vehicle_pb2.ADVICE_KIND_NONE, reason=problem)
        if vehicle.report is None or silent_s > STALE_S:
            return None
        return self._desk.advise(vehicle.report)
