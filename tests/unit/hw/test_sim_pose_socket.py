"""The pose socket: newest wins, and the loss of the world is reported."""

from __future__ import annotations

import asyncio

import pytest

from edge.core.errors import DeviceError
from hw.sim.pose_client import PoseReader, pose_stream
from hw.sim.pose_server import PoseServer
from hw.sim.poses import WorldState, empty_rows
from tests.waiting import until


def state(stamp_ns: int, *, users: int = 2) -> WorldState:
    return WorldState(stamp_ns, tuple(f"u{i}" for i in range(users)), empty_rows(users), "rG", ())


async def test_blocking_reader_gets_only_the_newest_state() -> None:
    server = PoseServer()
    port = await server.start()
    reader = await asyncio.to_thread(PoseReader.connect, "127.0.0.1", port)
    await until(lambda: server.counters["clients"] == 1)
    assert await asyncio.to_thread(reader.newest, 0.0) is None
    for stamp_ns in range(1, 6):
        server.publish(state(stamp_ns))
    newest = await asyncio.to_thread(reader.newest, 2.0)
    assert newest is not None
    assert (newest.stamp_ns, newest.ids) == (5, ("u0", "u1"))
    await server.close()
    with pytest.raises(DeviceError, match=r"world ended|connection lost"):
        await asyncio.to_thread(reader.newest, 2.0)
    reader.close()


async def test_slow_client_skips_states() -> None:
    server = PoseServer()
    port = await server.start()
    reader = await asyncio.to_thread(PoseReader.connect, "127.0.0.1", port)
    await until(lambda: server.counters["clients"] == 1)
    large = state(1, users=20_000)
    for _ in range(40):
        server.publish(large)
    assert server.counters["skipped"] > 0
    reader.close()
    await server.close()


async def test_stream_gives_states_and_reports_the_loss() -> None:
    server = PoseServer()
    stream = pose_stream("127.0.0.1", await server.start())
    first = asyncio.ensure_future(anext(stream))
    await until(lambda: server.counters["clients"] == 1)
    server.publish(state(7))
    assert (await first).stamp_ns == 7
    await server.close()
    with pytest.raises(DeviceError, match="lost"):
        await anext(stream)


def test_nobody_listening_is_a_device_error() -> None:
    with pytest.raises(DeviceError, match="cannot connect"):
        PoseReader.connect("127.0.0.1", 1)
