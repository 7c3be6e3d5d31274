"""Subscribers that stall, vanish or ask for too much harm nobody else."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from edge.publish.grpc_server import SPARE
from edge.publish.hub import Hub, HubLimits
from edge.sdk import EdgeClient, Layer, SceneUpdate
from edge.v1 import common_pb2, node_pb2
from tests.unit.publish.feed import raw_stream, scene, served, signals
from tests.unit.publish.test_credit import credit_stream
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


async def test_a_stalled_foreign_client_with_credit_finds_no_more_old_updates_than_its_window() -> None:
    hub, old, read = Hub(), 0, 0
    async with (
        served(hub) as server,
        credit_stream(server.address, window=2) as call,
        asyncio.TaskGroup() as group,
        asyncio.timeout(30),
    ):
        feed = group.create_task(publish(hub, ticks=10 * TICKS), name="feed")
        await call.read()
        # Not reading while the node publishes: this is the stall itself.
        await until(lambda: hub.counters["published"] >= TICKS)
        for read in range(2, 12):
            update = await call.read()
            old += time.time_ns() > update.valid_until_ns
            await call.write(node_pb2.CreditRequest(read_count=read))
        feed.cancel()
    assert old <= 2


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


TINY_WINDOW = (
    ("grpc.http2.lookahead_bytes", 5),
    ("grpc.http2.bdp_probe", 0),
    ("grpc.use_local_subchannel_pool", 1),
)
"""Less than a message: what is written to such a client waits until it reads."""


async def test_health_watcher_that_reads_nothing_keeps_neither_health_nor_the_end_of_the_node_waiting() -> (
    None
):
    hub, request = Hub(), health_pb2.HealthCheckRequest(service="signals")
    async with (
        served(hub) as server,
        grpc.aio.insecure_channel(server.address, options=TINY_WINDOW) as channel,
        grpc.aio.insecure_channel(server.address) as other,
        asyncio.timeout(20),
    ):
        deaf = health_pb2_grpc.HealthStub(channel).Watch(request)
        await deaf.initial_metadata()
        hub.publish(signals(life_s=20.0))
        async for answer in health_pb2_grpc.HealthStub(other).Watch(request):
            if answer.status == health_pb2.HealthCheckResponse.SERVING:
                break
        await server.drain()


async def test_health_watcher_that_leaves_does_not_make_the_others_deaf() -> None:
    hub, request = Hub(), health_pb2.HealthCheckRequest(service="signals")
    async with (
        served(hub) as server,
        grpc.aio.insecure_channel(server.address) as channel,
        asyncio.timeout(20),
    ):
        stub = health_pb2_grpc.HealthStub(channel)
        stays, leaves = stub.Watch(request), stub.Watch(request)
        assert (await stays.read()).status == (await leaves.read()).status != 1
        leaves.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await leaves.read()
        await stub.Check(request)  # behind the cancellation on the same connection
        hub.publish(signals())
        assert (await stays.read()).status == health_pb2.HealthCheckResponse.SERVING


async def test_health_watchers_have_a_limit_and_leave_subscribers_their_places() -> None:
    hub, request = Hub(limits=HubLimits(subscribers=2)), health_pb2.HealthCheckRequest(service="x")
    async with (
        served(hub) as server,
        grpc.aio.insecure_channel(server.address) as channel,
        asyncio.timeout(20),
    ):
        calls = [health_pb2_grpc.HealthStub(channel).Watch(request) for _ in range(SPARE)]
        refused = 0
        for call in calls:
            try:
                await call.read()
            except grpc.aio.AioRpcError as error:
                refused += error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert refused == SPARE // 2
        hub.publish(signals())
        async with (
            EdgeClient(server.address) as client,
            contextlib.aclosing(client.watch([Layer.SIGNALS])) as updates,
        ):
            await anext(updates)


async def test_connections_that_say_nothing_do_not_use_up_the_descriptors() -> None:
    hub = Hub(limits=HubLimits(subscribers=1))
    extra = 40
    async with served(hub) as server, asyncio.timeout(30):
        host, _, port = server.address.rpartition(":")
        with contextlib.ExitStack() as stack:
            idle = [
                stack.enter_context(socket.create_connection((host, int(port)), timeout=5))
                for _ in range(1 + SPARE + extra)
            ]
            for one in idle:
                one.setblocking(False)
            refused: set[int] = set()
            while len(refused) < extra:
                refused |= {one.fileno() for one in idle if _is_closed(one)}
                await asyncio.sleep(0.01)


def _is_closed(sock: socket.socket) -> bool:
    """Whether the other side has closed it; what it said before is skipped."""
    try:
        while sock.recv(4096):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    return True
