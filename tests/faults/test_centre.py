"""The centre and the nodes' own uplink through restarts, double ids, silence and bad input."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import grpc
import pytest

from edge.centre import state as centre_state
from edge.centre.picture import CentreRegistry
from edge.centre.state import Layer, NodeState
from edge.core.health import HealthState
from edge.flow.board import HealthBoard
from edge.flow.supervise import Backoff
from edge.publish.hub import Hub
from edge.publish.uplink import COMPONENT, Uplink
from edge.v1 import centre_pb2
from tests.unit.centre.feed import hand_node, hello, running_centre, updates
from tests.unit.centre.http_client import get, opened, read_event

QUICK = Backoff(first_s=0.1, limit_s=0.3)


class LiveNode:
    """A node's hub and uplink, fed ten times a second."""

    def __init__(self, port: int, node_id: str) -> None:
        self.board = HealthBoard(now_ns=time.time_ns)
        self.epoch = time.time_ns()
        self.hub = Hub()
        self.uplink = Uplink(
            f"127.0.0.1:{port}",
            hub=self.hub,
            hello=hello(node_id),
            epoch=self.epoch,
            board=self.board,
            backoff=QUICK,
        )

    async def feed(self) -> None:
        """Publish updates for ever."""
        sequence = 0
        while True:
            sequence += 1
            for update in updates(sequence, now_ns=time.time_ns(), epoch=self.epoch):
                self.hub.publish(update)
            await asyncio.sleep(0.1)


@asynccontextmanager
async def live_node(port: int, node_id: str) -> AsyncIterator[LiveNode]:
    """A node that runs while inside."""
    node = LiveNode(port, node_id)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(node.uplink.run()), group.create_task(node.feed())]
        try:
            yield node
        finally:
            for task in tasks:
                task.cancel()


async def until(condition: Callable[[], bool], *, timeout_s: float = 20.0) -> None:
    """Wait for something that other tasks bring about."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - the condition is not an event
            await asyncio.sleep(0.02)


def is_live(registry: CentreRegistry, node_id: str = "n1") -> bool:
    node = registry.node(node_id)
    now_ns = time.time_ns()
    return (
        node is not None
        and node.state(now_ns=now_ns) is NodeState.LIVE
        and node.current(Layer.SIGNALS, now_ns=now_ns) is not None
    )


async def test_node_comes_back_by_itself_after_the_centre_restarts() -> None:
    async with running_centre() as centre:
        port = centre.server.port
        async with live_node(port, "n1") as node:
            await until(lambda: is_live(centre.registry))
            await centre.server.stop()
            await until(lambda: node.board.state(COMPONENT) is HealthState.DOWN)
            async with running_centre(grpc_port=port) as second:
                await until(lambda: is_live(second.registry))
                await until(lambda: node.board.state(COMPONENT) is HealthState.OK)


async def test_restarted_node_is_live_again_with_its_count_begun_anew() -> None:
    async with running_centre() as centre:
        async with live_node(centre.server.port, "n1"):
            await until(lambda: is_live(centre.registry))
        known = centre.registry.node("n1")
        assert known is not None
        await until(lambda: known.session is None)
        assert known.state(now_ns=time.time_ns()) is NodeState.STALE
        async with live_node(centre.server.port, "n1") as second:
            await until(lambda: is_live(centre.registry) and known.parts[Layer.SCENE].epoch == second.epoch)
        assert known.sessions == 2
        assert (known.dropped_old, known.dropped_duplicate) == (0, 0)


async def test_second_node_of_an_id_is_told_why_and_gets_in_when_the_first_has_gone() -> None:
    async with running_centre() as centre:
        async with live_node(centre.server.port, "n1") as first:
            await until(lambda: is_live(centre.registry))
            async with live_node(centre.server.port, "n1") as second:
                await until(lambda: centre.registry.refused >= 2)
                (health,) = [h for h in second.board.snapshot() if h.component == COMPONENT]
                assert health.state is HealthState.DOWN
                assert "a node of this id is connected" in health.message
                assert first.board.state(COMPONENT) is HealthState.OK
                assert is_live(centre.registry)
                assert first.board.counters(COMPONENT)["restarts"] == 0
        async with live_node(centre.server.port, "n1") as third:
            await until(lambda: third.board.state(COMPONENT) is HealthState.OK)


async def test_node_that_hangs_is_offline_and_its_id_can_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(centre_state, "STALE_AFTER_NS", 200_000_000)
    monkeypatch.setattr(centre_state, "OFFLINE_AFTER_NS", 600_000_000)
    async with running_centre() as centre, hand_node(centre.server.port, "n1") as hanging:
        known = centre.registry.node("n1")
        assert known is not None
        await until(lambda: known.state(now_ns=time.time_ns()) is NodeState.STALE)
        await until(lambda: known.state(now_ns=time.time_ns()) is NodeState.OFFLINE)
        listed = (await get(centre.web.port, "/api/intersections")).json()["intersections"]
        assert (listed[0]["state"], listed[0]["objects"]) == ("offline", None)
        async with hand_node(centre.server.port, "n1"):
            async with asyncio.timeout(5):
                reply = await hanging.call.read()
            assert reply.refusal == centre_pb2.REFUSAL_DUPLICATE_NODE
            assert "silent for too long" in reply.message
            await hanging.ended()
            assert known.session is not None
            assert known.sessions == 2


async def test_oversized_batch_ends_only_its_own_stream() -> None:
    async with running_centre() as centre, hand_node(centre.server.port, "good") as good:
        async with hand_node(centre.server.port, "bad") as bad:
            batch = centre_pb2.NodeBatch(node_id="bad", sequence=2)
            batch.updates.add().radio_frame.payload = bytes(2_000_000)
            await bad.call.write(batch)
            assert await bad.ended() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert (await good.send()).acked_sequence == 2


async def test_bytes_that_are_no_http2_leave_the_centre_serving() -> None:
    async with running_centre() as centre:
        for port in (centre.server.port, centre.web.port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(bytes(range(256)) * 64)
            await asyncio.wait_for(reader.read(), 10)
            writer.close()
        async with hand_node(centre.server.port, "n1"):
            assert (await get(centre.web.port, "/healthz")).json()["status"] == "ok"


async def test_browser_that_stops_reading_gets_the_newest_when_it_reads_again() -> None:
    async with (
        running_centre() as centre,
        live_node(centre.server.port, "n1"),
        opened(centre.web.port, "/events?id=n1") as (_, _, reader),
    ):
        await until(lambda: is_live(centre.registry))
        await read_event(reader)
        known = centre.registry.node("n1")
        assert known is not None
        await until(lambda: known.taken > 60)
        assert centre.web.streams.open == 1
        async with asyncio.timeout(10):
            while True:
                name, data = await read_event(reader)
                if name == "picture" and data["heard_at_ms"] >= known.heard_ns / 1e6 - 500:
                    break
