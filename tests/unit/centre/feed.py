"""A node made by hand: it says hello to a centre and sends synthetic updates over gRPC."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc

from edge.centre.picture import CentreRegistry, Pictures
from edge.centre.server import CentreServer
from edge.centre.state import Registry
from edge.centre.web import Web
from edge.v1 import centre_pb2, centre_pb2_grpc, common_pb2, intersection_pb2, node_pb2
from edge.wire.health import to_health
from edge.wire.intersection import to_intersection
from edge.wire.scene import to_lanes, to_scene
from edge.wire.signals import to_signals
from tests.unit.centre import synthetic

KINDS = {"camera.north": "camera", "v2x.rsu1": "v2x"}


def hello(node_id: str, *, name: str = "Harbour Road / 3rd Street") -> intersection_pb2.Intersection:
    """The description of a synthetic node."""
    return to_intersection(synthetic.intersection(name=name), node_id=node_id, sensors=KINDS.items())


def updates(
    sequence: int,
    *,
    now_ns: int,
    epoch: int = 1,
    withdrawn: str = "",
    blind: bool = False,
    life_ms: int = 500,
) -> list[node_pb2.Update]:
    """One update of each layer."""
    frame = synthetic.intersection().frame
    scene = synthetic.scene(now_ns=now_ns, sequence=sequence, epoch=epoch)
    common = {
        "sequence": sequence,
        "epoch": epoch,
        "capture_ns": now_ns - 60_000_000,
        "published_ns": now_ns,
        "valid_until_ns": now_ns + life_ms * 1_000_000,
    }
    signals = to_signals(synthetic.signals(now_ns=now_ns, withdrawn=withdrawn))
    return [
        node_pb2.Update(layer=common_pb2.LAYER_SIGNALS, signals=signals, **common),
        node_pb2.Update(
            layer=common_pb2.LAYER_SCENE, scene=to_scene(scene, frame=frame, sensor_kinds=KINDS), **common
        ),
        node_pb2.Update(layer=common_pb2.LAYER_LANES, lanes=to_lanes(scene), **common),
        node_pb2.Update(
            layer=common_pb2.LAYER_HEALTH,
            health=to_health(synthetic.health(now_ns=now_ns, blind=blind), synthetic.events(now_ns=now_ns)),
            **common,
        ),
    ]


@dataclass
class HandNode:
    """One open stream to a centre."""

    node_id: str
    call: grpc.aio.StreamStreamCall
    batches: int = 0
    sequence: int = 0
    epoch: int = field(default_factory=time.time_ns)

    async def send(
        self,
        *,
        say_hello: bool = False,
        name: str = "Harbour Road / 3rd Street",
        withdrawn: str = "",
        life_ms: int = 500,
        empty: bool = False,
    ) -> centre_pb2.CentreReply:
        """Send a batch and return the reply."""
        self.batches += 1
        self.sequence += 1
        batch = centre_pb2.NodeBatch(node_id=self.node_id, epoch=self.epoch, sequence=self.batches)
        if say_hello:
            batch.hello.CopyFrom(hello(self.node_id, name=name))
        if not empty:
            now_ns = time.time_ns()
            batch.updates.extend(
                updates(self.sequence, now_ns=now_ns, epoch=self.epoch, withdrawn=withdrawn, life_ms=life_ms)
            )
        return await self.send_raw(batch)

    async def send_raw(self, batch: centre_pb2.NodeBatch) -> centre_pb2.CentreReply:
        """Send any batch and return the reply."""
        async with asyncio.timeout(10):
            await self.call.write(batch)
            reply = await self.call.read()
        assert isinstance(reply, centre_pb2.CentreReply), "the centre ended the stream"
        return reply

    async def ended(self) -> grpc.StatusCode:
        """The status with which the centre ended the stream."""
        async with asyncio.timeout(10):
            try:
                while await self.call.read() is not grpc.aio.EOF:
                    pass
            except grpc.aio.AioRpcError as error:
                return error.code()
            return await self.call.code()


@asynccontextmanager
async def hand_node(port: int, node_id: str, *, connect: bool = True) -> AsyncIterator[HandNode]:
    """A connected node; with `connect` it has said hello."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = centre_pb2_grpc.CentreServiceStub(channel).Connect()
        node = HandNode(node_id, call)
        if connect:
            reply = await node.send(say_hello=True)
            assert reply.acked_sequence == 1
        yield node
        call.cancel()


@dataclass(frozen=True)
class RunningCentre:
    """A centre on free ports."""

    registry: CentreRegistry
    server: CentreServer
    web: Web


@asynccontextmanager
async def running_centre(*, grpc_port: int = 0, capacity: int = 8) -> AsyncIterator[RunningCentre]:
    """A centre with its parts in reach."""
    registry: CentreRegistry = Registry(capacity=capacity)
    server = CentreServer(f"127.0.0.1:{grpc_port}", registry)
    await server.start()
    web = Web("127.0.0.1:0", Pictures(registry))
    async with asyncio.TaskGroup() as group:
        group.create_task(web.serve())
        try:
            yield RunningCentre(registry, server, web)
        finally:
            await server.stop()
            await web.stop()
