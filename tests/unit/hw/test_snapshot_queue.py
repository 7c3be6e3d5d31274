"""The queue between a driver's background work and its reader."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from edge.core.errors import DeviceError
from edge.core.signals import SignalSnapshot
from edge.core.stamp import Stamp, TimeSource
from hw.signal.snapshots import SnapshotQueue


def snapshot(number: int) -> SignalSnapshot:
    return SignalSnapshot("controller", Stamp(number, TimeSource.ARRIVAL), number, ())


def queue(counters: Counter[str] | None = None) -> SnapshotQueue:
    return SnapshotQueue(Counter() if counters is None else counters, capacity=3)


async def test_the_newest_stay_when_the_reader_is_slow() -> None:
    counters: Counter[str] = Counter()
    found = queue(counters)
    for number in range(5):
        found.put(snapshot(number))
    assert [(await anext(found)).alive_ns for _ in range(3)] == [2, 3, 4]
    assert counters["dropped"] == 2


async def test_what_waits_comes_before_the_first_error() -> None:
    found = queue()
    found.put(snapshot(1))
    found.fail(DeviceError("controller", "first"))
    found.fail(DeviceError("controller", "second"))
    assert (await anext(found)).alive_ns == 1
    with pytest.raises(DeviceError, match="first"):
        await anext(found)


async def test_a_lost_device_ends_the_reader_after_what_was_left() -> None:
    found = queue()

    async def lost() -> None:
        found.put(snapshot(1))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_raise(DeviceError("controller", "gone")))

    async with asyncio.timeout(5), found.fed_by(lost(), device="controller"):
        assert (await anext(found)).alive_ns == 1
        with pytest.raises(DeviceError, match="gone"):
            await anext(found)


async def test_a_bug_reaches_the_reader_as_it_is() -> None:
    found = queue()
    async with asyncio.timeout(5), found.fed_by(_raise(ZeroDivisionError()), device="controller"):
        with pytest.raises(ZeroDivisionError):
            await anext(found)


async def test_work_that_ends_by_itself_is_a_lost_device() -> None:
    found = queue()
    async with asyncio.timeout(5), found.fed_by(asyncio.sleep(0), device="controller"):
        with pytest.raises(DeviceError, match="stopped"):
            await anext(found)


async def test_leaving_ends_the_work() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with queue().fed_by(work(), device="controller"):
        await asyncio.sleep(0)
    assert ended.is_set()


async def _raise(error: Exception) -> None:
    raise error
