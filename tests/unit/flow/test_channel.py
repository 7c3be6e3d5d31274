"""Channels keep the newest and count what they drop."""

from __future__ import annotations

import asyncio

import pytest

from edge.flow.channel import Bounded, Latest


async def test_slow_reader_sees_newest_value_and_counts_the_skipped() -> None:
    channel: Latest[int] = Latest()
    reader = channel.reader()
    for value in (1, 2, 3):
        channel.set(value)
    assert await reader.next() == 3
    assert reader.skipped == 2


async def test_each_reader_sees_every_version_it_keeps_up_with() -> None:
    channel: Latest[str] = Latest()
    first, second = channel.reader(), channel.reader()
    channel.set("a")
    assert (await first.next(), await second.next()) == ("a", "a")
    channel.set("b")
    assert await first.next() == "b"
    assert first.skipped == 0


async def test_reader_waits_for_a_value_that_it_has_not_seen() -> None:
    channel: Latest[int] = Latest()
    reader = channel.reader()
    task = asyncio.create_task(reader.next())
    await asyncio.sleep(0)
    assert not task.done()
    channel.set(7)
    assert await task == 7


async def test_full_queue_drops_the_oldest_and_counts_it() -> None:
    queue: Bounded[int] = Bounded(2)
    for value in (1, 2, 3, 4):
        queue.put(value)
    assert queue.dropped == 2
    assert [await queue.get(), await queue.get()] == [3, 4]


async def test_get_waits_and_drain_empties() -> None:
    queue: Bounded[int] = Bounded(4)
    task = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.put(1)
    assert await task == 1
    queue.put(2)
    queue.put(3)
    assert queue.drain() == [2, 3]
    assert len(queue) == 0


def test_capacity_must_be_positive() -> None:
    with pytest.raises(ValueError, match="capacity 0"):
        Bounded(0)
