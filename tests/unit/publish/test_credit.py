"""A subscriber with credit: served as it reads, never ahead of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import grpc
import pytest

from edge.publish import credit as credit_module
from edge.publish.credit import Credit
from edge.publish.hub import Hub
from edge.v1 import common_pb2, node_pb2
from tests.unit.publish.feed import scene, served, signals
from tests.waiting import until

METHOD = "/edge.v1.IntersectionService/SubscribeWithCredit"
SIGNALS = common_pb2.LAYER_SIGNALS


@contextlib.asynccontextmanager
async def credit_stream(address: str, *, window: int = 0) -> AsyncIterator[grpc.aio.StreamStreamCall]:
    """A call of a foreign client, with the channel options that gRPC has by itself."""
    async with grpc.aio.insecure_channel(address) as channel:
        call = channel.stream_stream(
            METHOD,
            request_serializer=node_pb2.CreditRequest.SerializeToString,
            response_deserializer=node_pb2.Update.FromString,
        )()
        wanted = node_pb2.SubscribeRequest(layers=[SIGNALS, common_pb2.LAYER_SCENE])
        await call.write(node_pb2.CreditRequest(subscribe=wanted, window=window))
        try:
            yield call
        finally:
            call.cancel()


async def test_no_more_than_the_window_goes_ahead_of_the_reader() -> None:
    hub = Hub()
    async with served(hub) as server, credit_stream(server.address) as call, asyncio.timeout(20):
        hub.publish(signals(life_s=60))
        assert (await call.read()).sequence == 1
        for _ in range(50):
            hub.publish(signals(life_s=60))
            hub.publish(scene((1.0, 2.0), life_s=60, padding=20_000))
            await asyncio.sleep(0)
        await until(lambda: hub.counters["delivered"] == 2)
        second = await call.read()
        await call.write(node_pb2.CreditRequest(read_count=2))
        newest = await call.read()
    assert second.sequence < 10, "the one that was on the way"
    assert (newest.layer, newest.sequence) == (SIGNALS, 51), "signals first, and the newest"
    assert hub.counters["delivered"] <= 4


async def test_a_reader_that_says_what_it_reads_gets_everything() -> None:
    hub = Hub()
    async with served(hub) as server, credit_stream(server.address) as call, asyncio.timeout(20):
        for count in range(1, 31):
            hub.publish(signals(life_s=60))
            assert (await call.read()).sequence == count
            await call.write(node_pb2.CreditRequest(read_count=count))


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (node_pb2.CreditRequest(read_count=9), "read_count 9 must be 0 to 1"),
        (node_pb2.CreditRequest(subscribe=node_pb2.SubscribeRequest()), "only read_count"),
    ],
    ids=["more than was sent", "asks again"],
)
async def test_what_cannot_be_ends_the_call_in_words(step: node_pb2.CreditRequest, words: str) -> None:
    hub = Hub()
    async with served(hub) as server, credit_stream(server.address, window=1) as call, asyncio.timeout(20):
        hub.publish(signals(life_s=60))
        await call.read()
        await call.write(step)
        with pytest.raises(grpc.aio.AioRpcError, match=words) as caught:
            await call.read()
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        await until(lambda: hub.counters["subscribers"] == 0)


async def test_a_window_beyond_the_limit_is_refused() -> None:
    async with served(Hub()) as server, credit_stream(server.address, window=17) as call:
        with pytest.raises(grpc.aio.AioRpcError, match="window 17 must be 0 to 16"):
            await call.read()


async def test_who_reads_nothing_for_too_long_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credit_module, "SILENCE_S", 0.05)
    hub = Hub()
    async with served(hub) as server, credit_stream(server.address, window=1) as call, asyncio.timeout(20):
        hub.publish(signals(life_s=60))
        await call.read()
        with pytest.raises(grpc.aio.AioRpcError, match="nothing was read") as caught:
            await call.read()
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert (hub.counters["silent"], hub.counters["subscribers"]) == (1, 0)


async def test_who_leaves_frees_its_place() -> None:
    hub = Hub()
    async with served(hub) as server, asyncio.timeout(20):
        async with credit_stream(server.address):
            await until(lambda: hub.counters["subscribers"] == 1)
        await until(lambda: hub.counters["subscribers"] == 0)


def test_counts_only_go_up() -> None:
    credit = Credit(2)
    credit.sent()
    credit.read(1)
    for count in (0, 2):
        with pytest.raises(ValueError, match="must be 1 to 1"):
            credit.read(count)


async def test_steps_that_say_nothing_new_are_not_taken_as_fast_as_they_come() -> None:
    taken = 0

    async def flood() -> AsyncIterator[node_pb2.CreditRequest]:
        nonlocal taken
        while True:
            taken += 1
            yield node_pb2.CreditRequest(read_count=0)
            await asyncio.sleep(0)

    following = asyncio.create_task(Credit(2).follow(flood()))
    for _ in range(10_000):
        await asyncio.sleep(0)
    following.cancel()
    assert 1 <= taken < 1_000
