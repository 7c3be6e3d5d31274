"""One server of a fan-out at 10 Hz: `python -m tests.bench.broadcast_server KIND PORT HZ`; a part of bench_broadcast.

Kinds: `edge`, the node's hub and gRPC server; `mtls`, the same behind mutual TLS; `bare`, the least that
grpcio-aio needs to send the same bytes, newest wins; `tcp`, length and bytes through asyncio; `mqtt`, a publisher to
the broker on a given port. In each the collector is settled, as in the node's front. Prints its port, then publishes
until its input ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiomqtt
import grpc

from edge.access.entrance import Entrance
from edge.access.limits import AccessLimits
from edge.app.certificate_folder import files_of
from edge.core.geodesy import LocalFrame
from edge.flow import collector
from edge.flow.board import HealthBoard
from edge.publish.grpc_server import SERVICE, IntersectionServer
from edge.publish.hub import Hub, HubLimits
from edge.v1 import common_pb2, intersection_pb2, node_pb2, scene_pb2

MOST = 4000
PKI = "EDGE_BENCH_PKI"
"""Environment variable with the folder of the certificates."""
USERS = 8
NS_PER_S = 1_000_000_000
TOPIC = "state"
Publish = Callable[[node_pb2.Update], None]


def scene_at(now_ns: int) -> node_pb2.Update:
    """A scene of eight road users, about 1.5 kB, as a node makes it."""
    t = now_ns / NS_PER_S
    users = [
        scene_pb2.RoadUser(
            track_id=10_000 + i,
            object_class=common_pb2.OBJECT_CLASS_CAR,
            class_probability=0.97,
            x_m=40.0 * math.cos(t / 9 + i),
            y_m=40.0 * math.sin(t / 9 + i),
            latitude_deg=52.0 + math.sin(t / 9 + i) / 3000,
            longitude_deg=13.0 + math.cos(t / 9 + i) / 3000,
            covariance_xx_m2=0.21,
            covariance_xy_m2=0.02,
            covariance_yy_m2=0.23,
            speed_mps=9.3,
            course_rad=0.3 * i,
            yaw_rad=0.3 * i,
            length_m=4.6,
            width_m=1.8,
            existence=0.99,
            trust=1.0,
            cameras=["north"],
            lane=i,
            capture_ns=now_ns - 60_000_000,
        )
        for i in range(USERS)
    ]
    scene = scene_pb2.Scene(
        stamp_ns=now_ns, published_ns=now_ns, valid_until_ns=now_ns + NS_PER_S, road_users=users
    )
    return node_pb2.Update(
        layer=common_pb2.LAYER_SCENE,
        epoch=1,
        capture_ns=now_ns - 60_000_000,
        published_ns=now_ns,
        valid_until_ns=now_ns + NS_PER_S,
        scene=scene,
    )


@contextlib.asynccontextmanager
async def edge_server(_port: int) -> AsyncIterator[tuple[int, Publish]]:
    """The node's own."""
    limits = HubLimits(subscribers=MOST, subscribers_per_peer=MOST)
    hub, frame = Hub(limits=limits), LocalFrame(52.0, 13.0)
    hello = intersection_pb2.Intersection(node_id="bench")
    server = IntersectionServer(hub, intersection=hello, frame=frame, listen="127.0.0.1:0")
    async with server.serving():
        yield server.port, hub.publish


@contextlib.asynccontextmanager
async def mtls_server(_port: int) -> AsyncIterator[tuple[int, Publish]]:
    """The node's own, with certificates and guard as a node has them."""
    board = HealthBoard(now_ns=time.time_ns)
    limits = AccessLimits(calls_per_s=1000.0, burst=MOST, open_calls=MOST)
    entrance = Entrance(files_of(Path(os.environ[PKI]) / "node"), board=board, limits=limits)
    hub = Hub(limits=HubLimits(subscribers=MOST, subscribers_per_peer=MOST))
    server = IntersectionServer(
        hub,
        intersection=intersection_pb2.Intersection(node_id="bench"),
        frame=LocalFrame(52.0, 13.0),
        listen="127.0.0.1:0",
        credentials=entrance.credentials,
        guard=entrance.guard,
    )
    async with server.serving():
        watches = [asyncio.ensure_future(run()) for run in entrance.tasks().values()]
        yield server.port, hub.publish
        for watch in watches:
            watch.cancel()


class Newest:
    """The newest bytes, and an event that says that there are newer ones."""

    def __init__(self) -> None:
        self.version, self.payload, self.news = 0, b"", asyncio.Event()

    def publish(self, update: node_pb2.Update) -> None:
        """Serialise once, wake everybody."""
        news, self.news = self.news, asyncio.Event()
        self.payload, self.version = update.SerializeToString(), self.version + 1
        news.set()


@contextlib.asynccontextmanager
async def bare_server(_port: int) -> AsyncIterator[tuple[int, Publish]]:
    """The least that grpcio-aio needs."""
    newest = Newest()

    async def subscribe(_request: bytes, context: grpc.aio.ServicerContext) -> None:
        seen = 0
        while True:
            while seen == newest.version:
                await newest.news.wait()
            seen = newest.version
            await context.write(newest.payload)

    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    method = {"Subscribe": grpc.unary_stream_rpc_method_handler(subscribe)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, method),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield port, newest.publish
    finally:
        await server.stop(0.1)


@contextlib.asynccontextmanager
async def tcp_server(_port: int) -> AsyncIterator[tuple[int, Publish]]:
    """Length and bytes to every connection."""
    writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writers.discard(writer)
        writer.close()

    def publish(update: node_pb2.Update) -> None:
        payload = update.SerializeToString()
        whole = len(payload).to_bytes(4, "big") + payload
        for writer in writers:
            writer.write(whole)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=MOST)
    yield server.sockets[0].getsockname()[1], publish
    server.close()


@contextlib.asynccontextmanager
async def mqtt_publisher(port: int) -> AsyncIterator[tuple[int, Publish]]:
    """One publisher to a broker; the broker does the fan-out."""
    waiting: asyncio.Queue[bytes] = asyncio.Queue(10)

    async def send(client: aiomqtt.Client) -> None:
        while True:
            await client.publish(TOPIC, await waiting.get(), qos=0)

    async with aiomqtt.Client("127.0.0.1", port) as client, asyncio.TaskGroup() as group:
        task = group.create_task(send(client))
        yield port, lambda update: waiting.put_nowait(update.SerializeToString())
        task.cancel()


SERVERS = {
    "edge": edge_server,
    "mtls": mtls_server,
    "bare": bare_server,
    "tcp": tcp_server,
    "mqtt": mqtt_publisher,
}


async def main(kind: str, port: int, rate_hz: float) -> None:
    """Publish until the input ends."""
    loop, end = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), end.set)
    async with SERVERS[kind](port) as (found, publish):
        print(found, flush=True)
        collector.settle()
        due_s = loop.time()
        while not end.is_set():
            due_s = max(due_s + 1.0 / rate_hz, loop.time())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(due_s):
                    await end.wait()
            publish(scene_at(time.time_ns()))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
