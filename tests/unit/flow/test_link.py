"""Process links frame messages, keep the newest and refuse strangers."""

from __future__ import annotations

import asyncio
import socket
import struct

import pytest

from edge.core.errors import CodecError
from edge.flow.link import MESSAGES_A_TURN, Kind, Link


async def pair() -> tuple[Link, Link, socket.socket]:
    left, right = socket.socketpair()
    return await Link.from_socket(left), await Link.from_socket(right), right


async def test_messages_arrive_with_signals_first() -> None:
    left, right, _ = await pair()
    left.send(Kind.SCENE, b"scene")
    left.send(Kind.SIGNALS, b"signals")
    writer = asyncio.create_task(left.run_writer())
    messages = right.messages()
    got = [await asyncio.wait_for(anext(messages), 5) for _ in range(2)]
    assert got == [(Kind.SIGNALS, b"signals"), (Kind.SCENE, b"scene")]
    writer.cancel()
    await left.close()
    await right.close()


async def test_queue_is_bounded_per_kind_and_counts_drops() -> None:
    left, right, _ = await pair()
    for number in range(5):
        left.send(Kind.SCENE, str(number).encode())
    writer = asyncio.create_task(left.run_writer())
    assert await asyncio.wait_for(anext(right.messages()), 5) == (Kind.SCENE, b"4")
    assert left.counters["scene_dropped"] == 4
    writer.cancel()
    await left.close()
    await right.close()


async def test_iteration_ends_when_the_other_side_closes() -> None:
    left, right, _ = await pair()
    await left.close()
    assert [m async for m in right.messages()] == []
    await right.close()


@pytest.mark.parametrize(
    "garbage", [b"GET / HTTP/1.1\r\n\r\n", b"EDL\x09\x01\0\0\0\0\0\0\0", b"EDL\x01\x01\0\0\0\xff\xff\xff\xff"]
)
async def test_stranger_or_other_version_is_refused(garbage: bytes) -> None:
    ours, theirs = socket.socketpair()
    link = await Link.from_socket(ours)
    theirs.sendall(garbage)
    with pytest.raises(CodecError):
        await asyncio.wait_for(anext(link.messages()), 5)
    theirs.close()
    await link.close()


async def test_flood_of_messages_leaves_the_other_tasks_their_turn() -> None:
    left, right, _ = await pair()
    right._reader.feed_data(struct.pack("<3sBB3xI", b"EDL", 1, Kind.HEALTH, 0) * 10_000)
    turns, longest, row, last = 0, 0, 0, -1

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counter = asyncio.create_task(count_turns())
    messages = right.messages()
    for _ in range(10_000):
        await anext(messages)
        row = row + 1 if turns == last else 1
        longest, last = max(longest, row), turns
    counter.cancel()
    assert longest <= MESSAGES_A_TURN
    await left.close()
    await right.close()


async def test_closing_does_not_wait_for_a_side_that_reads_nothing() -> None:
    ours, theirs = socket.socketpair()
    link = await Link.from_socket(ours)
    link.send(Kind.SCENE, bytes(4_000_000))
    writer = asyncio.create_task(link.run_writer())
    await asyncio.sleep(0)
    async with asyncio.timeout(20):
        await link.close()
    assert link.counters["unread"] == 1
    writer.cancel()
    theirs.close()
