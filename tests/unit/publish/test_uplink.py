"""What a centre hears of a node, and what the node says about the centre."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import grpc
import pytest

from edge.core.errors import DeviceError
from edge.core.health import HealthState
from edge.flow.board import HealthBoard
from edge.flow.supervise import Backoff
from edge.publish.hub import Hub
from edge.publish.uplink import COMPONENT, Uplink
from edge.v1 import centre_pb2, centre_pb2_grpc, common_pb2
from edge.wire.intersection import to_intersection
from tests.unit.publish.feed import corner, scene, signals
from tests.waiting import until

FAST = Backoff(first_s=0.02, limit_s=0.05)


class Centre(centre_pb2_grpc.CentreServiceServicer):
    """A centre that keeps what it hears, and may refuse."""

    def __init__(self, *, refusal: centre_pb2.Refusal = centre_pb2.REFUSAL_UNSPECIFIED) -> None:
        self.refusal = refusal
        self.batches: list[centre_pb2.NodeBatch] = []

    async def Connect(  # noqa: N802 - named by the proto
        self, request_iterator: AsyncIterator[centre_pb2.NodeBatch], _context: grpc.aio.ServicerContext
    ) -> AsyncIterator[centre_pb2.CentreReply]:
        """Acknowledge every batch."""
        async for batch in request_iterator:
            self.batches.append(batch)
            yield centre_pb2.CentreReply(
                acked_sequence=batch.sequence, refusal=self.refusal, message="a node of this id is connected"
            )

    @contextlib.asynccontextmanager
    async def serving(self, *, port: int = 0) -> AsyncIterator[int]:
        """Serve on a port."""
        server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        centre_pb2_grpc.add_CentreServiceServicer_to_server(self, server)
        bound = server.add_insecure_port(f"127.0.0.1:{port}")
        await server.start()
        try:
            yield bound
        finally:
            await server.stop(None)


def uplink(port: int, hub: Hub, board: HealthBoard) -> Uplink:
    hello = to_intersection(corner(), node_id="corner-1")
    return Uplink(
        f"127.0.0.1:{port}", hub=hub, hello=hello, epoch=7, board=board, rate_hz=100.0, backoff=FAST
    )


@contextlib.asynccontextmanager
async def running(link: Uplink) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(link.run(), name="uplink")
        try:
            yield
        finally:
            task.cancel()


async def test_hello_comes_first_and_then_the_newest_of_each_layer() -> None:
    hub, board, centre = Hub(), HealthBoard(now_ns=time.time_ns), Centre()
    hub.publish(scene((1.0, 2.0), life_s=60))
    hub.publish(scene((3.0, 4.0), life_s=60))
    hub.publish(signals(life_s=-1))
    async with centre.serving() as port, running(uplink(port, hub, board)):
        await until(lambda: len(centre.batches) >= 2)
        hub.publish(signals(life_s=60))
        await until(lambda: len(centre.batches) >= 3)
        await until(lambda: board.state(COMPONENT) is HealthState.OK)
    hello, first, second = centre.batches[:3]
    assert (hello.node_id, hello.epoch, hello.sequence) == ("corner-1", 7, 1)
    assert len(hello.hello.lanes) == 2
    assert not hello.updates
    assert [(u.layer, u.sequence) for u in first.updates] == [(common_pb2.LAYER_SCENE, 2)]
    assert [u.layer for u in second.updates] == [common_pb2.LAYER_SIGNALS]
    assert [b.sequence for b in centre.batches[:3]] == [1, 2, 3]
    assert board.counters(COMPONENT)["expired"] == 1


async def test_a_duplicate_id_is_said_in_health_with_its_remedy() -> None:
    board, centre = HealthBoard(now_ns=time.time_ns), Centre(refusal=centre_pb2.REFUSAL_DUPLICATE_NODE)
    async with centre.serving() as port:
        link = uplink(port, Hub(), board)
        with pytest.raises(
            DeviceError, match=r"refused node 'corner-1': a node of this id .* its own site\.id"
        ):
            await link.session()
        async with running(link):
            await until(lambda: len(centre.batches) >= 3)  # it asks again: the other may go away
            await until(lambda: board.state(COMPONENT) is HealthState.DOWN)
    [health] = [h for h in board.snapshot() if h.component == COMPONENT]
    assert "refused node 'corner-1'" in health.message


async def test_it_survives_a_restart_of_the_centre_and_sends_the_snapshot_again() -> None:
    hub, board, before, after = Hub(), HealthBoard(now_ns=time.time_ns), Centre(), Centre()
    hub.publish(scene((1.0, 2.0), life_s=60))
    async with contextlib.AsyncExitStack() as stack:
        async with before.serving() as port:
            await stack.enter_async_context(running(uplink(port, hub, board)))
            await until(lambda: len(before.batches) >= 2)
        await until(lambda: board.state(COMPONENT) is HealthState.DOWN)
        async with after.serving(port=port):
            await until(lambda: len(after.batches) >= 2)
            await until(lambda: board.state(COMPONENT) is HealthState.OK)
    assert after.batches[0].HasField("hello")
    assert [u.layer for u in after.batches[1].updates] == [common_pb2.LAYER_SCENE]


async def test_a_centre_that_is_not_there_is_said_in_words() -> None:
    async with Centre().serving() as port:
        pass
    link = uplink(port, Hub(), HealthBoard(now_ns=time.time_ns))
    with pytest.raises(DeviceError, match=f"centre 127.0.0.1:{port}: .*tries again by itself"):
        await link.session()
