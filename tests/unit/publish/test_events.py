"""The event stream: newest wins for each browser, nothing expired, one serialisation for all."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest

from edge.publish.events import EventStreams
from edge.publish.hub import Hub
from edge.publish.update_json import JsonUpdates
from edge.v1 import common_pb2, node_pb2
from tests.unit.publish.feed import scene, signals
from tests.unit.publish.web_client import PATIENCE_S, limited, opened, web
from tests.waiting import until

LARGE = 400_000
"""Characters that make an update larger than the buffers of a connection with a small window."""


async def test_stream_begins_with_a_snapshot_and_follows_with_ids() -> None:
    async with web() as (hub, server):
        hub.publish(signals())
        async with opened(server.http.port, "/events?layers=signals,scene") as stream:
            assert (stream.status, stream.headers["content-type"]) == (200, "text/event-stream")
            assert stream.headers["cache-control"] == "no-store"
            assert await stream.block() == {"retry": "500"}
            identity, update = await stream.event("signals")
            assert identity == "1-signals-1"
            assert (update["layer"], update["signals"]["withdrawn"]) == ("LAYER_SIGNALS", False)
            hub.publish(scene((1.5, -2.0)))
            hub.publish(node_pb2.Update(layer=common_pb2.LAYER_HEALTH, valid_until_ns=2**62))
            identity, update = await stream.event("scene")
            assert (identity, update["scene"]["road_users"][0]["x_m"]) == ("1-scene-1", 1.5)
            hub.publish(signals())
            assert (await stream.block())["event"] == "signals", "health was not asked for"


async def test_expired_is_never_sent() -> None:
    async with web() as (hub, server):
        hub.publish(signals(life_s=-0.001))
        hub.publish(scene((0.0, 0.0)))
        async with opened(server.http.port, "/events") as stream:
            await stream.block()
            assert (await stream.block())["event"] == "scene"
            hub.publish(signals())
            assert (await stream.event("signals"))[0] == "1-signals-2"
        assert hub.counters["expired"] == 1


async def test_two_clients_share_one_serialisation() -> None:
    updates = JsonUpdates()
    async with web(updates=updates) as (hub, server), contextlib.AsyncExitStack() as stack:
        hub.publish(signals())
        port = server.http.port
        streams = [await stack.enter_async_context(opened(port, "/events")) for _ in range(3)]
        assert len({str(await stream.event("signals")) for stream in streams}) == 1
        hub.publish(scene((0.0, 0.0)))
        for stream in streams:
            await stream.event("scene")
        assert updates.serialised == 2


async def test_a_stalled_reader_finds_little_that_is_old_and_then_the_newest() -> None:
    """The kernels' buffers hold one large update at most; what comes while it is stuck is overtaken."""
    async with web() as (hub, server):
        hub.publish(scene((0.0, 0.0), padding=LARGE))
        async with opened(server.http.port, "/events?layers=scene", receive_bytes=8192) as stream:
            await until(lambda: hub.counters["delivered"] == 1)
            for number in range(2, 41):
                hub.publish(scene((float(number), 0.0), padding=LARGE, life_s=60.0))
                for _ in range(5):  # whoever could send would
                    await asyncio.sleep(0)
            assert hub.counters["delivered"] == 1, "no second one is taken before there is room"
            stream.reader._limit = 2**20  # type: ignore[attr-defined]
            assert [(await stream.event("scene"))[0] for _ in range(2)] == ["1-scene-1", "1-scene-40"]
        assert hub.counters["conflated"] == 38


async def test_who_takes_nothing_for_long_is_let_go() -> None:
    async with web() as (hub, server):
        server.events._stall_s = 0.2
        hub.publish(scene((0.0, 0.0), padding=4 * LARGE))
        async with opened(server.http.port, "/events", receive_bytes=8192):
            await until(lambda: server.events.counters["stalled"] == 1)
            await until(lambda: hub.counters["subscribers"] == 0)


async def test_rate_is_honoured_with_the_newest() -> None:
    async with web() as (hub, server):
        hub.publish(signals())
        async with opened(server.http.port, "/events?max_rate_hz=4") as stream:
            await stream.event("signals")
            started = time.monotonic()
            for _ in range(10):
                hub.publish(signals())
            assert (await stream.event("signals"))[0] == "1-signals-11"
            assert time.monotonic() - started > 0.15


async def test_a_quiet_stream_says_that_it_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.publish.events.HEARTBEAT_S", 0.02)
    async with web(now_ns=lambda: 77) as (hub, server):
        async with opened(server.http.port, "/events") as stream:
            assert await stream.event("heartbeat") == ("", {"node_ns": "77"})
            assert await stream.event("heartbeat") == ("", {"node_ns": "77"})
        await until(lambda: hub.counters["subscribers"] == 0)


async def test_an_idle_client_is_served_no_task_a_message() -> None:
    """What is published in layers that nobody asked for wakes nobody and is not serialised."""
    updates = JsonUpdates()
    async with web(updates=updates) as (hub, server), opened(server.http.port, "/events?layers=signals"):
        await until(lambda: hub.counters["subscribers"] == 1)
        for _ in range(100):
            hub.publish(scene((0.0, 0.0)))
        await asyncio.sleep(0)
        assert (updates.serialised, hub.counters["delivered"]) == (0, 0)


async def test_clients_are_limited_and_the_next_is_told_so() -> None:
    async with web(limited(3, 2)) as (hub, server), contextlib.AsyncExitStack() as stack:
        port = server.http.port
        for _ in range(2):
            await stack.enter_async_context(opened(port, "/events"))
        async with opened(port, "/events") as refused:
            assert refused.status == 503
            assert refused.headers["retry-after"] == "5"
            assert b"limit of 2" in await refused.reader.read()
        assert (hub.counters["subscribers"], hub.counters["refused"]) == (2, 1)


async def test_a_flood_of_clients_leaves_the_page_answering() -> None:
    async with web(limited(4, 4)) as (hub, server), contextlib.AsyncExitStack() as stack:
        port, statuses = server.http.port, []
        for _ in range(30):
            stream = await stack.enter_async_context(opened(port, "/events"))
            statuses.append(stream.status)
        assert statuses == [200] * 4 + [503] * 26
        async with opened(port, "/") as page:
            assert page.status == 200
        hub.publish(signals())
        assert hub.counters["subscribers"] == 4


async def test_stream_ends_with_the_hub_and_with_the_client() -> None:
    async with web() as (hub, server):
        async with opened(server.http.port, "/events"):
            await until(lambda: hub.counters["subscribers"] == 1)
        await until(lambda: hub.counters["subscribers"] == 0)
        async with opened(server.http.port, "/events") as stream:
            await stream.block()
            hub.close()
            async with asyncio.timeout(PATIENCE_S):
                assert await stream.reader.read() == b""


async def test_leaving_the_server_ends_open_streams() -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with web() as (hub, server):
            stream = await stack.enter_async_context(opened(server.http.port, "/events"))
            await stream.block()
        async with asyncio.timeout(PATIENCE_S):
            assert await stream.reader.read() == b""
        assert hub.counters["subscribers"] == 0


def test_streams_count_from_zero() -> None:
    assert EventStreams(Hub(), JsonUpdates()).counters == {"stalled": 0}
