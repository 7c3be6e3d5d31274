"""A centre that answers what cannot be: the node says so, and lets go of nothing that it has still to send."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import grpc
import pytest

from edge.core.errors import DeviceError
from edge.core.health import HealthState
from edge.flow.board import HealthBoard
from edge.publish import uplink as live
from edge.publish.hub import Hub
from edge.v1 import history_pb2
from tests.history_reader import history_of
from tests.unit.publish.test_history_uplink import Node, centre_at, numbers
from tests.unit.publish.test_uplink import uplink
from tests.waiting import until

NONSENSE = b"\xff\xff\xff"
Answer = Callable[[int, history_pb2.HistoryBatch], bytes]
"""Answer to the so-manieth batch of a connection."""


class Liar(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Answers every batch of both lanes as it likes."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.calls = 0

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        return grpc.stream_stream_rpc_method_handler(self._take)

    async def _take(
        self, requests: AsyncIterator[bytes], _context: grpc.aio.ServicerContext
    ) -> AsyncIterator[bytes]:
        self.calls += 1
        number = 0
        async for octets in requests:
            yield self._answer(number, history_pb2.HistoryBatch.FromString(octets))
            number += 1

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        server.add_generic_rpc_handlers((self,))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            yield port
        finally:
            await server.stop(None)


def ack(sequence: int) -> bytes:
    return history_pb2.HistoryAck(acked_sequence=sequence).SerializeToString()


LIES: dict[str, tuple[Answer, str]] = {
    "never sent": (lambda n, batch: ack(10 * batch.records[-1].sequence if n else 0), ", sent were 1 to "),
    "goes back": (lambda n, _batch: ack((50, 40)[min(n, 1)]), "it acknowledged 40"),
    "no message": (lambda _n, _batch: NONSENSE, "cannot be read"),
}


@pytest.mark.parametrize("lie", LIES)
async def test_no_record_is_let_go_of_for_a_lie(lie: str, tmp_path: Path) -> None:
    answer, words = LIES[lie]
    liar, said = Liar(answer), set[str]()
    async with liar.serving() as port:
        node = Node(tmp_path / "o.sqlite", port)
        await node.record(1, 300)
        for _ in range(3):
            said.add(await failure(node))
        assert all(words in text for text in said)
        await node.record(301, 301)
        await node.lane.close()
    async with centre_at(tmp_path / "centre") as port:
        node = Node(tmp_path / "o.sqlite", port)
        task = asyncio.create_task(node.uplink.run())
        await node.arrived()
        first = 51 if lie == "goes back" else 1
        assert numbers(await history_of(port)) == list(range(first, 302)), (
            "but what it had really acknowledged"
        )
        task.cancel()
        await asyncio.wait({task})
        await node.lane.close()


async def failure(node: Node) -> str:
    """What one connection ends with."""
    with pytest.raises(DeviceError) as failed:
        await asyncio.wait_for(node.uplink.session(), 10.0)
    return str(failed.value)


async def test_a_centre_that_has_more_than_all_is_met_with_a_new_epoch_each_time(tmp_path: Path) -> None:
    liar = Liar(lambda _n, _batch: ack(2**64 - 1))
    async with liar.serving() as port:
        node = Node(tmp_path / "o.sqlite", port)
        await node.record(1, 20)
        epochs = set()
        for _ in range(3):
            assert "new epoch" in await failure(node)
            epochs.add((await node.lane.place())[0])
        assert len(epochs) == 3
        assert (await node.lane.place())[1] == 20
        await node.lane.close()


async def test_an_answer_of_the_live_lane_that_is_none_is_a_lost_centre() -> None:
    liar, board = Liar(lambda _n, _batch: NONSENSE), HealthBoard(now_ns=time.time_ns)
    async with liar.serving() as port:
        task = asyncio.create_task(uplink(port, Hub(), board).run())
        await until(lambda: liar.calls >= 2 or task.done())
        assert not task.done()
        assert board.state(live.COMPONENT) is HealthState.DOWN
        assert not board.counters(live.COMPONENT)["bugs"]
        task.cancel()
        await asyncio.wait({task})
