"""One subscriber that may stop reading: `python -m tests.bench.stall_client KIND PORT`; a part of bench_stall.

KIND is `sdk`, the vehicle client; `credit`, a foreign client that says what it has read; `plain`, one that does nothing
about it. Prints `ready` once something has come; lines `hold`, `go` and `end` say what to do; at the end it prints one
JSON object.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass

import grpc

from edge.publish.grpc_server import SERVICE
from edge.sdk import EdgeClient, Layer
from edge.v1 import common_pb2, node_pb2

AGAIN_S = 0.2
OWN = (("grpc.use_local_subchannel_pool", 1),)
SCENES = node_pb2.SubscribeRequest(layers=[common_pb2.LAYER_SCENE])


@dataclass
class Tally:
    """What came.

    Attributes:
        read: messages that were read.
        expired: of these, past their validity.
        handed_out: expired updates that whoever acts on them was given.
        missed_in_a_row: updates between two that came one after the other.
        losses: connections that ended.
    """

    read: int = 0
    expired: int = 0
    handed_out: int = 0
    missed_in_a_row: int = 0
    losses: int = 0


class Subscriber:
    """Reads while it may."""

    def __init__(self, port: int) -> None:
        self.address, self.tally = f"127.0.0.1:{port}", Tally()
        self.may_read, self.first = asyncio.Event(), asyncio.Event()
        self.may_read.set()
        self._newest = 0

    async def take(self, sequence: int) -> None:
        """One update came; returns when the next may be read."""
        self.tally.read += 1
        if self._newest:
            self.tally.missed_in_a_row = max(self.tally.missed_in_a_row, sequence - self._newest - 1)
        self._newest = sequence
        self.first.set()
        await self.may_read.wait()

    async def sdk(self) -> None:
        """As a vehicle does."""
        tally = self.tally
        async with EdgeClient(self.address) as client:
            try:
                async for update in client.watch([Layer.SCENE]):
                    tally.handed_out += time.time_ns() > update.valid_until_ns
                    await self.take(update.sequence)
            finally:
                tally.expired, tally.losses = client.counters.expired, client.counters.reconnects
                tally.read += tally.expired

    async def credit(self) -> None:
        """With the channel options that gRPC has by itself."""
        async with grpc.aio.insecure_channel(self.address, options=OWN) as channel:
            call = channel.stream_stream(f"/{SERVICE}/SubscribeWithCredit")()
            first = node_pb2.CreditRequest(subscribe=SCENES, window=2)
            await call.write(first.SerializeToString())
            read = 0
            while (payload := await call.read()) is not grpc.aio.EOF:
                read += 1
                await self._look(payload)
                await call.write(node_pb2.CreditRequest(read_count=read).SerializeToString())

    async def plain(self) -> None:
        """Likewise, and without a word."""
        async with grpc.aio.insecure_channel(self.address, options=OWN) as channel:
            call = channel.unary_stream(f"/{SERVICE}/Subscribe")(SCENES.SerializeToString())
            while (payload := await call.read()) is not grpc.aio.EOF:
                await self._look(payload)

    async def _look(self, payload: bytes) -> None:
        update = node_pb2.Update.FromString(payload)
        late = time.time_ns() > update.valid_until_ns
        self.tally.expired += late
        self.tally.handed_out += late
        await self.take(update.sequence)


async def stay(kind: Callable[[], Awaitable[None]], tally: Tally) -> None:
    """Subscribe again after each loss."""
    while True:
        try:
            await kind()
        except grpc.aio.AioRpcError:
            tally.losses += 1
            await asyncio.sleep(AGAIN_S)


async def main(kind: str, port: int) -> None:
    """Read until told to end."""
    subscriber, loop, end = Subscriber(port), asyncio.get_running_loop(), asyncio.Event()
    words = {"hold": subscriber.may_read.clear, "go": subscriber.may_read.set, "end": end.set, "": end.set}

    def hear() -> None:
        words[sys.stdin.readline().strip()]()

    loop.add_reader(sys.stdin.fileno(), hear)
    kinds = {"sdk": subscriber.sdk, "credit": subscriber.credit, "plain": subscriber.plain}
    reading = asyncio.create_task(stay(kinds[kind], subscriber.tally))
    await subscriber.first.wait()
    print("ready", flush=True)
    await end.wait()
    loop.remove_reader(sys.stdin.fileno())
    reading.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await reading
    print(json.dumps(asdict(subscriber.tally)), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
