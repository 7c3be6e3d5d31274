"""A client of a node that answers with what no node should: it hands out nothing of it, and goes on."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence

import grpc
import pytest

from edge.core.signals import GroupState, MovementState
from edge.sdk import (
    EdgeClient,
    HealthUpdate,
    Layer,
    NotReachableError,
    SignalsUnavailableError,
    SignalsUpdate,
    VehicleState,
)
from edge.sdk.client import Retry
from edge.v1 import common_pb2, node_pb2, vehicle_pb2
from edge.wire.intersection import to_intersection
from tests.unit.publish.feed import corner, signals

S = 1_000_000_000
GARBAGE = b"\xff" * 50
FAST = Retry(first_s=0.01, limit_s=0.05)
GREEN = GroupState(2, MovementState.PROTECTED_MOVEMENT_ALLOWED)


@contextlib.asynccontextmanager
async def node(
    *updates: bytes, intersection: bytes = GARBAGE, advice: Sequence[bytes] = ()
) -> AsyncIterator[str]:
    """A server that says what it is told to, and then nothing more; its address."""

    async def subscribe(_request: bytes, context: grpc.aio.ServicerContext) -> None:
        for update in updates:
            await context.write(update)
        await context.read()

    async def report(reports: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> None:
        for message in advice:
            await context.write(message)
        async for _ in reports:
            pass

    async def geometry(_request: bytes, _context: grpc.aio.ServicerContext) -> bytes:
        return intersection

    server = grpc.aio.server()
    methods = {
        "Subscribe": grpc.unary_stream_rpc_method_handler(subscribe),
        "ReportVehicle": grpc.stream_stream_rpc_method_handler(report),
        "GetIntersection": grpc.unary_unary_rpc_method_handler(geometry),
    }
    service = grpc.method_handlers_generic_handler("edge.v1.IntersectionService", methods)
    server.add_generic_rpc_handlers((service,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


def update(sequence: int, *, epoch: int = 1, ago_s: float = 0.0, life_s: float = 60.0) -> bytes:
    message = signals(GREEN, now_ns=time.time_ns() - int(ago_s * S), life_s=life_s)
    message.sequence, message.epoch = sequence, epoch
    return message.SerializeToString()


async def sequences(client: EdgeClient, count: int) -> list[tuple[int, int]]:
    """Epoch and sequence of the first updates that are handed out."""
    found: list[tuple[int, int]] = []
    async with contextlib.aclosing(client.watch([Layer.SIGNALS])) as updates:
        while len(found) < count:
            got = await anext(updates)
            assert isinstance(got, SignalsUpdate)
            found.append((got.epoch, got.sequence))
    return found


async def test_messages_that_cannot_be_read_are_counted_and_the_stream_goes_on() -> None:
    odd = node_pb2.Update(sequence=9).SerializeToString()
    async with (
        node(GARBAGE, update(1), b"", odd, update(2)) as address,
        EdgeClient(address, retry=FAST) as client,
    ):
        assert await sequences(client, 2) == [(1, 1), (1, 2)]
    assert (client.counters.unreadable, client.counters.unknown, client.counters.reconnects) == (1, 2, 0)


async def test_sequences_that_go_back_are_not_handed_out_and_a_new_epoch_is() -> None:
    async with (
        node(update(7), update(6), update(7), update(1), update(2, epoch=2), update(8, epoch=2)) as address,
        EdgeClient(address, retry=FAST) as client,
    ):
        assert await sequences(client, 3) == [(1, 7), (2, 2), (2, 8)]
    assert client.counters.repeated == 3


async def test_stale_updates_and_those_of_the_future_are_not_handed_out() -> None:
    stale, future = update(1, ago_s=2.0, life_s=1.0), update(2, ago_s=-3600.0, life_s=1.0)
    async with node(stale, future, update(3)) as address, EdgeClient(address, retry=FAST) as client:
        assert await sequences(client, 1) == [(1, 3)]
    assert (client.counters.expired, client.counters.early) == (1, 1)


async def test_withdrawals_and_health_of_a_node_whose_clock_is_ahead_come_through() -> None:
    withdrawn, health = (node_pb2.Update.FromString(update(n, ago_s=-3.0)) for n in (2, 3))
    withdrawn.signals.withdrawn = True
    health.layer = common_pb2.LAYER_HEALTH
    health.health.SetInParent()
    early = update(1, ago_s=-3.0), withdrawn.SerializeToString(), health.SerializeToString()
    async with node(*early) as address, EdgeClient(address, retry=FAST) as client:
        layers = (Layer.SIGNALS, Layer.HEALTH)
        async with contextlib.aclosing(client.watch(layers)) as updates, asyncio.timeout(20):
            got = [await anext(updates) for _ in range(2)]
    assert [(type(each), each.sequence) for each in got] == [(SignalsUpdate, 2), (HealthUpdate, 3)]
    assert client.counters.early == 1


async def test_clock_that_is_far_behind_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    many, behind_ns = [update(n) for n in range(1, 42)], 10 * S
    async with (
        node(*many, GARBAGE, update(42, ago_s=10.0)) as address,
        EdgeClient(address, now_ns=lambda: time.time_ns() - behind_ns, retry=FAST) as client,
    ):
        assert await sequences(client, 1) == [(1, 42)]
    assert client.counters.early == len(many)
    assert caplog.text.count("is this clock right?") == 1


@pytest.mark.parametrize(
    ("number", "revision"), [(6, 3), (5, 4)], ids=["another intersection", "another MAP"]
)
async def test_lanes_of_another_map_never_name_a_light(number: int, revision: int) -> None:
    other = to_intersection(corner(), node_id="other", sensors=[])
    other.intersection, other.revision = number, revision
    async with (
        node(update(1), intersection=other.SerializeToString()) as address,
        EdgeClient(address, retry=FAST) as client,
    ):
        await client.intersection()
        with pytest.raises(SignalsUnavailableError, match=f"the lanes of {number}, revision {revision}"):
            await client.next_green(lane=3, maneuver="straight")


async def test_answer_that_cannot_be_read_is_no_answer() -> None:
    async with node() as address, EdgeClient(address) as client:
        with pytest.raises(NotReachableError, match="GetIntersection cannot be read"):
            await client.intersection()
    assert client.counters.unreadable == 1


async def test_advice_that_cannot_be_read_or_is_stale_is_not_handed_out() -> None:
    now_ns = time.time_ns()
    stale, good = (
        vehicle_pb2.Advice(kind=vehicle_pb2.ADVICE_KIND_KEEP, stamp_ns=n, valid_until_ns=now_ns + life_s * S)
        for n, life_s in ((1, -1), (2, 60))
    )
    messages = (GARBAGE, stale.SerializeToString(), good.SerializeToString())

    async def drive() -> AsyncIterator[VehicleState]:
        yield VehicleState("bus", now_ns, 52.0, 13.0)

    async with (
        node(advice=messages) as address,
        EdgeClient(address, retry=FAST) as client,
        contextlib.aclosing(client.report(drive())) as answers,
    ):
        assert (await anext(answers)).stamp_ns == 2
    assert client.counters.unreadable == 1
