"""What the lane takes, what it does when the disk fails, and what becomes history at all."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.core.errors import DeviceError
from edge.core.health import Event, HealthState
from edge.core.signals import GroupState, MovementState
from edge.core.stamp import NS_PER_S
from edge.flow.board import HealthBoard
from edge.publish import history, outbox
from edge.publish.history import COMPONENT, HistoryLane, HistoryTap
from edge.publish.outbox import Entry
from edge.v1 import common_pb2, history_pb2, node_pb2
from tests.unit.publish.feed import signals
from tests.waiting import until


def event_record(text: str, *, size: int = 0) -> history_pb2.HistoryRecord:
    event = common_pb2.HealthEvent(text=text + "x" * size)
    return history_pb2.HistoryRecord(stamp_ns=time.time_ns(), event=event)


def board() -> HealthBoard:
    return HealthBoard(now_ns=time.time_ns)


@contextlib.asynccontextmanager
async def lane_at(path: Path, own: HealthBoard | None = None) -> AsyncIterator[HistoryLane]:
    lane = HistoryLane(path, board=own or board(), now_ns=time.time_ns)
    try:
        yield lane
    finally:
        await lane.close()


async def kept(lane: HistoryLane) -> list[Entry]:
    epoch, _last = await lane.place()
    return await lane.read(epoch, 0, count=100_000, octets=10**9, make=lambda entries: entries) or []


async def texts(lane: HistoryLane) -> list[str]:
    records = [history_pb2.HistoryRecord.FromString(e.body) for e in await kept(lane) if not e.reason]
    return [record.event.text for record in records]


async def test_records_are_kept_with_the_next_sync_and_stay_over_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "history" / "outbox.sqlite"
    async with lane_at(path) as lane:
        lane.record(event_record("one"))
        assert await kept(lane) == []
        await lane.sync()
        assert await texts(lane) == ["one"]
        lane.record(event_record("two"))
    async with lane_at(path) as lane:
        assert await texts(lane) == ["one", "two"]


async def test_the_writer_runs_by_itself_and_hurries_when_the_queue_fills(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "SYNC_PERIOD_S", 3600.0)
    monkeypatch.setattr(history, "QUEUE_LIMIT", 10)
    async with lane_at(tmp_path / "o.sqlite") as lane, asyncio.TaskGroup() as group:
        writer = group.create_task(lane.run())
        await until(lambda: history is not None and lane._outbox is not None)
        for number in range(7):
            lane.record(event_record(str(number)))
        await until(lambda: lane.synced.version > 0)
        assert await texts(lane) == [str(number) for number in range(7)]
        writer.cancel()


async def test_what_finds_the_queue_full_is_counted_and_becomes_a_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "QUEUE_LIMIT", 3)
    own = board()
    async with lane_at(tmp_path / "o.sqlite", own) as lane:
        for number in range(8):
            lane.record(event_record(str(number)))
        await lane.sync()
        lane.record(event_record("after"))
        await lane.sync()
        assert [(e.first, e.sequence, bool(e.reason)) for e in await kept(lane)] == [
            (1, 1, False),
            (2, 2, False),
            (3, 3, False),
            (4, 8, True),
            (9, 9, False),
        ]
        assert own.counters(COMPONENT)["lost_queue"] == 5
        assert await texts(lane) == ["0", "1", "2", "after"]


async def test_the_queue_is_bounded_in_octets_too(tmp_path: Path) -> None:
    own = board()
    async with lane_at(tmp_path / "o.sqlite", own) as lane:
        for _ in range(30):
            lane.record(event_record("", size=100_000))
        assert own.counters(COMPONENT)["lost_queue"] == 11
        await lane.sync()
        lane.record(event_record("", size=100_000))
        assert own.counters(COMPONENT)["lost_queue"] == 11


async def test_a_disk_that_takes_nothing_is_said_and_loses_nothing_while_the_queue_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, connect = board(), outbox._connect

    def full(path: Path) -> sqlite3.Connection:
        base = connect(path)
        base.execute("PRAGMA max_page_count=5")
        return base

    monkeypatch.setattr(outbox, "_connect", full)
    async with lane_at(tmp_path / "o.sqlite", own) as lane:
        for _ in range(20):
            lane.record(event_record("", size=1000))
        await lane.sync()
        assert own.state(COMPONENT) is HealthState.DEGRADED
        assert own.counters(COMPONENT)["write_failed"] == 1
        [health] = own.snapshot()
        assert "full" in health.message
        assert "free some space" in health.message
        assert lane._outbox is not None
        lane._outbox._base.execute("PRAGMA max_page_count=10000")
        await lane.sync()
        assert own.state(COMPONENT) is HealthState.OK
        assert [e.sequence for e in await kept(lane)] == list(range(1, 21))


async def test_a_directory_that_cannot_be_made_degrades_and_does_not_stop(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    own = board()
    lane = HistoryLane(tmp_path / "file" / "o.sqlite", board=own, now_ns=time.time_ns)
    lane.record(event_record("one"))
    await lane.sync()
    assert own.state(COMPONENT) is HealthState.DEGRADED
    (tmp_path / "file").unlink()
    await lane.sync()
    assert await texts(lane) == ["one"]
    await lane.close()


async def test_a_file_that_breaks_is_set_aside_told_and_begun_anew(tmp_path: Path) -> None:
    path, own = tmp_path / "o.sqlite", board()
    async with lane_at(path, own) as lane:
        for _ in range(4):  # more than SQLite keeps in memory
            for _ in range(3000):
                lane.record(event_record("", size=500))
            await lane.sync()
        epoch, _last = await lane.place()
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (path.stat().st_size - 4096))
        await lane.acknowledge(epoch, 6000)  # so that the next sync touches the broken pages
        lane.record(event_record("after"))
        await lane.sync()
        await lane.sync()
        assert [event.kind for event in own.events] == ["history_broken"]
        assert own.counters(COMPONENT)["set_aside"] == 1
        assert (await lane.place())[0] > epoch
        assert await texts(lane) == ["after"]
    assert path.with_name("o.sqlite.broken").exists()


async def test_a_node_that_was_not_stopped_cleanly_says_so(tmp_path: Path) -> None:
    path, own = tmp_path / "o.sqlite", board()
    dead, _problem = outbox.open_outbox(path, limits=outbox.OutboxLimits(), now_ns=1)
    dead._base.close()
    async with lane_at(path, own) as lane:
        await lane.sync()
        assert [event.kind for event in own.events] == ["history_unclean"]


def update_of(revision: int, state: MovementState = MovementState.STOP_AND_REMAIN) -> node_pb2.Update:
    update = signals(GroupState(2, state))
    update.signals.revision = revision
    return update


def lanes_update(at_ns: int) -> node_pb2.Update:
    return node_pb2.Update(layer=common_pb2.LAYER_LANES, published_ns=at_ns)


async def test_signals_are_history_when_they_change_and_lanes_once_a_second(tmp_path: Path) -> None:
    async with lane_at(tmp_path / "o.sqlite") as lane:
        tap = HistoryTap(lane)
        for revision in (1, 1, 1, 2, 2, 3):
            tap.update(update_of(revision))
        for tenth in range(25):
            tap.update(lanes_update(10**18 + tenth * NS_PER_S // 10))
        tap.update(lanes_update(10**17))  # the clock was set back
        tap.event(Event(5, "camera.north", "lost", "no frames"))
        await lane.sync()
        records = [history_pb2.HistoryRecord.FromString(e.body) for e in await kept(lane)]
    kinds = [record.WhichOneof("content") for record in records]
    assert kinds == ["signals"] * 3 + ["lanes"] * 4 + ["event"]
    assert [r.signals.revision for r in records[:3]] == [1, 2, 3]
    assert (records[-1].stamp_ns, records[-1].event.kind) == (5, "lost")


async def test_a_lane_that_is_closed_takes_no_harm_from_those_that_still_use_it(tmp_path: Path) -> None:
    own = board()
    lane = HistoryLane(tmp_path / "o.sqlite", board=own, now_ns=time.time_ns)
    lane.record(event_record("one"))
    await lane.close()
    lane.record(event_record("late"))
    await lane.sync()
    with pytest.raises(DeviceError, match="stopping"):
        await lane.place()
    again, _problem = outbox.open_outbox(tmp_path / "o.sqlite", limits=outbox.OutboxLimits(), now_ns=1)
    assert (again.clean, again.last) == (True, 1)
    again.close()
