"""Process links frame messages, keep the newest and refuse strangers."""

from __future__ import annotations

import asyncio
import socket

import pytest

from edge.core.errors import CodecError
from edge.flow.link import Kind, Link


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
