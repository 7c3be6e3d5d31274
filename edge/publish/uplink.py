"""The node's uplink to the traffic centre: the newest of each layer in batches; nothing live is ever stored."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import grpc

from edge.core.errors import DeviceError
from edge.core.health import HealthState
from edge.flow.board import HealthBoard
from edge.v1 import centre_pb2, centre_pb2_grpc, intersection_pb2, node_pb2

COMPONENT = "uplink"
REPLY_TIMEOUT_S = 5.0
_OPTIONS = (
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.initial_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    ("grpc.use_local_subchannel_pool", 1),
)


class Uplink:
    """Holds the newest update of each layer and sends what changed, `rate_hz` times a second.

    Counters on the board: batches_sent, updates_sent, conflated, connected, refused.
    """

    def __init__(
        self,
        address: str,
        *,
        hello: intersection_pb2.Intersection,
        epoch: int,
        rate_hz: float,
        board: HealthBoard,
    ) -> None:
        self._address, self._hello, self._epoch, self._period_s = address, hello, epoch, 1.0 / rate_hz
        self._board = board
        self._counters: Counter[str] = board.counters(COMPONENT)
        self._newest: dict[int, node_pb2.Update] = {}

    def offer(self, update: node_pb2.Update) -> None:
        """The newest update of a layer; replaces one that was not sent yet."""
        self._counters["conflated"] += int(update.layer) in self._newest
        self._newest[int(update.layer)] = update

    async def run(self) -> None:
        """Serve one connection.

        Raises:
            DeviceError: the centre cannot be reached, refused us, or the connection was lost.
        """
        async with grpc.aio.insecure_channel(self._address, options=_OPTIONS) as channel:
            stub = centre_pb2_grpc.CentreServiceStub(channel)  # type: ignore[no-untyped-call]
            call = stub.Connect(self._batches())
            try:
                await self._read_replies(call)
            except grpc.aio.AioRpcError as error:
                text = f"{error.code().name.lower()}: {error.details()}"
                raise DeviceError(f"centre {self._address}", text) from error
            finally:
                call.cancel()
        raise DeviceError(f"centre {self._address}", "ended the connection")

    async def _read_replies(self, call: grpc.aio.StreamStreamCall) -> None:
        connected = False
        while True:
            try:
                reply = await asyncio.wait_for(call.read(), REPLY_TIMEOUT_S)
            except TimeoutError as error:
                raise DeviceError(
                    f"centre {self._address}", f"no answer for {REPLY_TIMEOUT_S:.0f} s"
                ) from error
            if reply is grpc.aio.EOF:
                return
            if reply.refusal:
                self._counters["refused"] += 1
                raise DeviceError(f"centre {self._address}", reply.message, remedy="site.id must be unique")
            if not connected:
                connected = True
                self._counters["connected"] += 1
                self._board.set(COMPONENT, HealthState.OK)

    async def _batches(self) -> AsyncIterator[centre_pb2.NodeBatch]:
        """A hello, then what changed, on a grid of `period_s`; an empty batch keeps the line alive."""
        node_id, sequence = self._hello.node_id, 0
        yield centre_pb2.NodeBatch(node_id=node_id, epoch=self._epoch, sequence=0, hello=self._hello)
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + self._period_s, loop.time())
            await asyncio.sleep(due - loop.time())
            changed, self._newest = self._newest, {}
            sequence += 1
            self._counters["batches_sent"] += 1
            self._counters["updates_sent"] += len(changed)
            yield centre_pb2.NodeBatch(
                node_id=node_id, epoch=self._epoch, sequence=sequence, updates=list(changed.values())
            )
