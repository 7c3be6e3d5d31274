"""A node made by hand that serves the vehicle interface with synthetic updates."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc

from edge.v1 import intersection_pb2, node_pb2, node_pb2_grpc
from tests.unit.centre.feed import hello, updates


class ServedNode(node_pb2_grpc.IntersectionServiceServicer):
    """Sends every layer ten times a second to each subscriber."""

    def __init__(self, *, withdrawn: str, refuse: str) -> None:
        self.withdrawn, self.refuse = withdrawn, refuse
        self.port = 0
        self.subscribed = asyncio.Event()

    async def GetIntersection(  # noqa: N802 - name of the service method
        self, _request: node_pb2.GetIntersectionRequest, _context: grpc.aio.ServicerContext
    ) -> intersection_pb2.Intersection:
        return hello("demo-1")

    async def Subscribe(  # noqa: N802 - name of the service method
        self, _request: node_pb2.SubscribeRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[node_pb2.Update]:
        if self.refuse:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, self.refuse)
        self.subscribed.set()
        sequence = 0
        while True:
            sequence += 1
            for update in updates(sequence, now_ns=time.time_ns(), withdrawn=self.withdrawn):
                yield update
            await asyncio.sleep(0.1)


@asynccontextmanager
async def served_node(*, port: int = 0, withdrawn: str = "", refuse: str = "") -> AsyncIterator[ServedNode]:
    """A node on a port of this machine."""
    node = ServedNode(withdrawn=withdrawn, refuse=refuse)
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    node_pb2_grpc.add_IntersectionServiceServicer_to_server(node, server)
    node.port = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield node
    finally:
        await server.stop(0)
