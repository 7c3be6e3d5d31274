"""Places of streams: none that a fire engine needs is taken, a lost one makes room, a flood is waited with."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator

import pytest

from edge.access.roles import Identity, Peer, Role
from edge.core.priority import Standing
from edge.publish import priority as module
from edge.publish.priority import LOST_S, MOST_OF_A_PEER, PriorityStreams
from edge.signals.priority_rules import Level
from tests.unit.app.priority_corner import RULES, Corner, wire
from tests.waiting import until

BOTH = dataclasses.replace(RULES, allowed={Level.EMERGENCY: ("fire-*",), Level.PUBLIC_TRANSPORT: ("bus-*",)})


class RefusedCallError(Exception):
    """The call was ended with a status."""


class Ear:
    """A vehicle's end of a call."""

    async def write(self, message: bytes) -> None:
        pass

    async def abort(self, code: object, words: str) -> None:
        raise RefusedCallError(words)


class Street:
    """Streams over a desk, with hands on their clock."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.corner = Corner(BOTH)
        self.streams = PriorityStreams(self.corner.desk, steady_s=lambda: self.now_s)
        self.calls: list[asyncio.Task[None]] = []

    async def call(self, name: str) -> asyncio.Task[None]:
        """A vehicle asks, and says nothing more."""

        async def once() -> AsyncIterator[bytes]:
            yield wire(self.corner.now_ns)
            await asyncio.Event().wait()

        return await self.serve(name, once())

    async def serve(self, name: str, requests: AsyncIterator[bytes]) -> asyncio.Task[None]:
        peer = Peer("h", frozenset({Role.VEHICLE}), (Identity(Role.VEHICLE, name),), fingerprint=name)
        messages = self.streams.counters["messages"]
        call = asyncio.create_task(self.streams.serve(requests, Ear(), peer=peer))
        self.calls.append(call)
        await until(lambda: call.done() or self.streams.counters["messages"] > messages)
        return call

    async def end(self) -> None:
        for call in self.calls:
            call.cancel()
        await asyncio.gather(*self.calls, return_exceptions=True)
        assert self.streams.counters["streams"] == 0


async def test_buses_and_strangers_take_no_place_of_a_fire_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_STREAMS", dict.fromkeys(Standing, 2))
    street = Street()
    for kind in ("bus", "car", "fire"):
        for number in range(2):
            assert not (await street.call(f"{kind}-{number}")).done()
        with pytest.raises(RefusedCallError, match="requests at a time: 2"):
            await (await street.call(f"{kind}-3"))
    await street.end()


async def test_a_vehicle_that_lost_its_way_to_us_finds_a_place_again() -> None:
    street = Street()
    old = [await street.call("fire-1") for _ in range(MOST_OF_A_PEER)]
    with pytest.raises(RefusedCallError, match="of one vehicle 4"):
        await (await street.call("fire-1"))
    street.now_s += LOST_S
    assert not (await street.call("fire-1")).done()
    await until(lambda: any(call.done() for call in old))
    await until(lambda: street.streams.counters["streams"] == MOST_OF_A_PEER)
    assert street.streams.counters["streams_refused"] == 1
    await street.end()


async def test_a_flood_without_end_is_not_read_as_fast_as_it_comes() -> None:
    street, sent = Street(), 0
    octets = wire(street.corner.now_ns)

    async def flood() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield octets
            await asyncio.sleep(0)

    await street.serve("bus-1", flood())
    for _ in range(20_000):
        await asyncio.sleep(0)
    assert 16 <= sent < 5_000
    await street.end()


async def test_a_desk_that_fails_leaves_no_place_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    street = Street()
    call = await street.call("bus-1")

    def fail(_key: str) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(street.corner.desk, "drop", fail)
    call.cancel()
    with pytest.raises(KeyError):
        await call
    assert street.streams.counters["streams"] == 0
