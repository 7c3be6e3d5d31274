"""Many subscribers in one process, each with a TCP connection of its own; a part of bench_broadcast.

`python -m tests.bench.broadcast_client KIND PORT COUNT SECONDS`, KIND `grpc`, `mtls`, `tcp` or `mqtt`. Prints `ready`
once every subscriber has heard something, measures when a line comes in, and prints one JSON object: messages, and
quantiles of the time from publication to arrival, ms.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import gc
import json
import os
import resource
import sys
import time
from pathlib import Path

import grpc

from edge.publish.grpc_server import SERVICE
from edge.v1 import common_pb2, node_pb2
from tests.bench.broadcast_server import PKI, TOPIC
from tests.certificates import secure_channel

READY_S = 90.0
WAVE = 50
"""Connections that are made at a time."""


class Arrivals:
    """What came while measuring."""

    def __init__(self) -> None:
        self.late_ns, self.measuring = array.array("q"), False
        self.first: set[int] = set()
        self.more = asyncio.Event()

    def take(self, who: int, payload: bytes | memoryview) -> None:
        """One message came."""
        now_ns = time.time_ns()
        if who not in self.first:
            self.first.add(who)
            self.more.set()
        if self.measuring:
            self.late_ns.append(now_ns - node_pb2.Update.FromString(payload).published_ns)

    def figures(self) -> dict[str, float]:
        """Count and quantiles."""
        late_ms = sorted(late / 1e6 for late in self.late_ns)
        picked = {
            f"p{q:g}_ms": late_ms[min(len(late_ms) - 1, int(len(late_ms) * q / 100))] for q in (50, 95, 99)
        }
        return {"messages": len(late_ms), **picked}


async def grpc_subscriber(port: int, who: int, arrivals: Arrivals) -> None:
    """One channel, one stream."""
    options = (("grpc.use_local_subchannel_pool", 1),)
    await follow(grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options), who, arrivals)


async def mtls_subscriber(port: int, who: int, arrivals: Arrivals) -> None:
    """The same with a certificate."""
    folder = Path(os.environ[PKI]) / "bus"
    await follow(secure_channel(f"127.0.0.1:{port}", folder), who, arrivals)


async def follow(opened: grpc.aio.Channel, who: int, arrivals: Arrivals) -> None:
    """Read scenes for ever."""
    request = node_pb2.SubscribeRequest(layers=[common_pb2.LAYER_SCENE])
    async with opened as channel:
        call = channel.unary_stream(f"/{SERVICE}/Subscribe")(request.SerializeToString())
        while (payload := await call.read()) is not grpc.aio.EOF:
            arrivals.take(who, payload)


async def tcp_subscriber(port: int, who: int, arrivals: Arrivals) -> None:
    """Length and bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.closing(writer):
        while True:
            size = int.from_bytes(await reader.readexactly(4), "big")
            arrivals.take(who, await reader.readexactly(size))


async def mqtt_subscriber(port: int, who: int, arrivals: Arrivals) -> None:
    """The four packets of MQTT 3.1.1 that a subscriber needs, QoS 0."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    name, topic = f"bench{who}".encode(), TOPIC.encode()
    hello = b"\x00\x04MQTT\x04\x02\x00\x00" + len(name).to_bytes(2, "big") + name
    wanted = b"\x00\x01" + len(topic).to_bytes(2, "big") + topic + b"\x00"
    with contextlib.closing(writer):
        writer.write(bytes([0x10, len(hello)]) + hello + bytes([0x82, len(wanted)]) + wanted)
        while True:
            kind = (await reader.readexactly(1))[0]
            body = await reader.readexactly(await _size(reader))
            if kind >> 4 == 3:
                arrivals.take(who, memoryview(body)[2 + len(topic) :])


async def _size(reader: asyncio.StreamReader) -> int:
    """MQTT's remaining length."""
    size = shift = 0
    while True:
        octet = (await reader.readexactly(1))[0]
        size |= (octet & 0x7F) << shift
        shift += 7
        if octet < 0x80:
            return size


SUBSCRIBERS = {
    "grpc": grpc_subscriber,
    "mtls": mtls_subscriber,
    "tcp": tcp_subscriber,
    "mqtt": mqtt_subscriber,
}


async def main(kind: str, port: int, count: int, seconds: float) -> None:
    """Connect all, measure, print."""
    arrivals, loop, begin = Arrivals(), asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), begin.set)
    tasks: list[asyncio.Task[None]] = []
    async with asyncio.timeout(READY_S):
        while len(tasks) < count:
            new = range(len(tasks), min(count, len(tasks) + WAVE))
            tasks += [loop.create_task(SUBSCRIBERS[kind](port, who, arrivals)) for who in new]
            while len(arrivals.first) < len(tasks):
                arrivals.more.clear()
                await arrivals.more.wait()
    gc.collect()
    gc.freeze()
    print("ready", flush=True)
    await begin.wait()
    loop.remove_reader(sys.stdin.fileno())
    arrivals.measuring = True
    await asyncio.sleep(seconds)
    arrivals.measuring = False
    print(json.dumps(arrivals.figures()), flush=True)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=5.0)


if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
