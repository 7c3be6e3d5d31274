"""Subscribers that stall, vanish or ask for too much harm nobody else."""

from __future__ import annotations

import asyncio
import contextlib
import time

import grpc
import pytest

from edge.publish.hub import Hub, HubLimits
from edge.sdk import EdgeClient, Layer, SceneUpdate
from edge.v1 import common_pb2, node_pb2
from tests.unit.publish.feed import raw_stream, scene, served, signals
from tests.waiting import until

SCENE = common_pb2.LAYER_SCENE
PERIOD_S = 0.02
LIFE_S = 0.3
TICKS = 75
CROWD = [(float(i), 0.0) for i in range(40)]


async def publish(hub: Hub, *, ticks: int) -> None:
    """Scenes of about 20 kB at a steady rate."""
    for _ in range(ticks):
        hub.publish(scene(*CROWD, life_s=LIFE_S, padding=400))
        await asyncio.sleep(PERIOD_S)


async def test_a_stalled_client_finds_fresh_data_when_it_reads_again() -> None:
    hub = Hub()
    stale_ns, seen = int(LIFE_S * 1e9), []
    async with (
        served(hub) as server,
        EdgeClient(server.address) as client,
        contextlib.aclosing(client.watch([Layer.SCENE])) as updates,
        asyncio.TaskGroup() as group,
    ):
        feed = group.create_task(publish(hub, ticks=10 * TICKS), name="feed")
        first = await anext(updates)
        # Not reading while the node publishes: this is the stall itself.
        await until(lambda: hub.counters["published"] >= TICKS)
        for _ in range(10):
            update = await anext(updates)
            assert isinstance(update, SceneUpdate)
            seen.append((update.sequence, time.time_ns() - update.published_ns))
        feed.cancel()
    assert client.counters.expired <= 5, "stale updates that waited in the transport"
    assert max(age_ns for _, age_ns in seen) <= stale_ns, "nothing expired is handed out"
    assert seen[0][0] > first.sequence + TICKS // 2, "the stall was skipped, not replayed"
    assert hub.counters["conflated"] > TICKS // 2


async def test_a_stalled_client_does_not_delay_the_others() -> None:
    hub = Hub()
    request = node_pb2.SubscribeRequest(layers=[SCENE])
    delays_ns = []
    async with (
        served(hub) as server,
        raw_stream(server.address, request) as stalled,
        raw_stream(server.address, request) as reader,
        asyncio.TaskGroup() as group,
    ):
        feed = group.create_task(publish(hub, ticks=10 * TICKS), name="feed")
        await stalled.read()
        for _ in range(TICKS):
            update = node_pb2.Update.FromString(await reader.read())
            delays_ns.append(time.time_ns() - update.published_ns)
        feed.cancel()
    assert sorted(delays_ns)[TICKS // 2] < 50_000_000
    assert len(delays_ns) == TICKS


async def test_a_client_that_vanishes_frees_its_place() -> None:
    hub = Hub(limits=HubLimits(subscribers=1))
    async with served(hub) as server:
        hub.publish(signals(life_s=60))
        for _ in range(5):
            async with raw_stream(server.address, node_pb2.SubscribeRequest()) as call:
                await call.read()
            await until(lambda: hub.counters["subscribers"] == 0)
    assert hub.counters["refused"] == 0


async def test_a_flood_of_subscriptions_is_refused_and_the_first_are_served() -> None:
    hub = Hub(limits=HubLimits(subscribers=3))
    async with served(hub) as server, contextlib.AsyncExitStack() as stack:
        hub.publish(signals(life_s=60))
        request = node_pb2.SubscribeRequest()
        early = [await stack.enter_async_context(raw_stream(server.address, request)) for _ in range(3)]
        for call in early:
            await call.read()
        for _ in range(20):
            late = await stack.enter_async_context(raw_stream(server.address, request))
            with pytest.raises(grpc.aio.AioRpcError, match="limit of 3 subscribers"):
                await late.read()
        hub.publish(signals(life_s=60))
        for call in early:
            assert node_pb2.Update.FromString(await call.read()).sequence == 2
    assert hub.counters["refused"] == 20
