"""The history's way to a centre: in order, once, over losses of either side."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from edge.centre.archive import SqliteArchive
from edge.centre.picture import CentreRegistry
from edge.centre.server import CentreServer
from edge.centre.state import Registry
from edge.core.errors import DeviceError
from edge.core.health import HealthState
from edge.flow.board import HealthBoard
from edge.flow.supervise import Backoff
from edge.publish import history_uplink
from edge.publish.history import COMPONENT as LANE
from edge.publish.history import HistoryLane, HistoryTap
from edge.publish.history_uplink import COMPONENT, HistoryUplink
from edge.publish.outbox import Item, OutboxLimits, open_outbox
from edge.v1 import centre_pb2_grpc, common_pb2, history_pb2
from tests.faults.command_keys import operator_guard
from tests.history_reader import history_of, places
from tests.waiting import until

FAST = Backoff(first_s=0.02, limit_s=0.05)


def numbered(number: int) -> history_pb2.HistoryRecord:
    return history_pb2.HistoryRecord(
        stamp_ns=time.time_ns(), event=common_pb2.HealthEvent(stamp_ns=number, text="x" * 200)
    )


@contextlib.asynccontextmanager
async def centre_at(directory: Path | None, *, port: int = 0) -> AsyncIterator[int]:
    registry: CentreRegistry = Registry()
    archive = None if directory is None else SqliteArchive(directory)
    server = CentreServer(f"127.0.0.1:{port}", registry, archive=archive, guard=operator_guard())
    await server.start()
    try:
        yield server.port
    finally:
        await server.stop()
        if archive is not None:
            await archive.close()


class Node:
    """A history lane and its uplink."""

    def __init__(self, path: Path, port: int, *, node_id: str = "n1") -> None:
        self.board = HealthBoard(now_ns=time.time_ns)
        self.lane = HistoryLane(path, board=self.board, now_ns=time.time_ns)
        self.board.on_event = HistoryTap(self.lane).event
        self.uplink = HistoryUplink(
            f"127.0.0.1:{port}",
            self.lane,
            node_id=node_id,
            open_channel=lambda: grpc.aio.insecure_channel(
                f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1)]
            ),
            board=self.board,
            backoff=FAST,
        )

    async def record(self, first: int, last: int) -> None:
        """Take records and keep them."""
        for number in range(first, last + 1):
            self.lane.record(numbered(number))
        await self.lane.sync()

    async def arrived(self) -> None:
        """Wait until the centre has everything."""
        _epoch, last = await self.lane.place()
        outbox = self.lane._outbox
        assert outbox is not None
        await until(lambda: outbox.acked == last)


@contextlib.asynccontextmanager
async def node_at(path: Path, port: int, *, running: bool = True) -> AsyncIterator[Node]:
    node = Node(path, port)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(node.uplink.run()) if running else None
        try:
            yield node
        finally:
            if task is not None:
                task.cancel()
            await node.lane.close()


def saved(directory: Path) -> dict[Path, bytes]:
    """The files of the outbox as they are."""
    return {file: file.read_bytes() for file in directory.glob("o.sqlite*")}


def restore(files: dict[Path, bytes], directory: Path) -> None:
    for file in directory.glob("o.sqlite*"):
        file.unlink()
    for file, content in files.items():
        file.write_bytes(content)


def numbers(history: list[tuple[int, history_pb2.HistoryRecord]]) -> list[int]:
    return [record.event.stamp_ns for _epoch, record in history if record.event.text.startswith("x")]


async def test_records_reach_the_centre_in_order_and_are_let_go_of(tmp_path: Path) -> None:
    async with centre_at(tmp_path / "centre") as port, node_at(tmp_path / "o.sqlite", port) as node:
        await node.record(1, 2000)
        await node.arrived()
        assert node.board.state(COMPONENT) is HealthState.OK
        await node.record(2001, 2001)
        await node.arrived()
        history = await history_of(port)
        assert numbers(history) == list(range(1, 2002))
        assert places(history) == [(n, n) for n in range(1, 2002)]
        assert node.board.counters(LANE)["backlog"] == 1
        assert node.board.counters(COMPONENT)["acked"] == 2001


async def test_a_centre_that_goes_and_comes_back_gets_the_rest_and_nothing_twice(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with centre_at(tmp_path / "centre") as port:
            node = await stack.enter_async_context(node_at(tmp_path / "o.sqlite", port))
            await node.record(1, 700)
            await until(lambda: node.board.counters(COMPONENT)["acked"] > 0)
        await node.record(701, 1500)
        await until(lambda: node.board.state(COMPONENT) is HealthState.DOWN)
        async with centre_at(tmp_path / "centre", port=port):
            await node.arrived()
            assert numbers(await history_of(port)) == list(range(1, 1501))


async def test_a_node_that_dies_between_sending_and_acknowledgement_sends_nothing_twice(
    tmp_path: Path,
) -> None:
    path = tmp_path / "o.sqlite"
    async with centre_at(tmp_path / "centre") as port:
        async with node_at(path, port) as node:
            await node.record(1, 300)
            before = saved(tmp_path)
            await node.arrived()
        restore(before, tmp_path)  # as if it had never heard the answer
        async with node_at(path, port) as node:
            await node.record(301, 400)
            await node.arrived()
        assert numbers(await history_of(port)) == list(range(1, 401))


async def test_a_centre_set_back_is_told_what_it_can_no_longer_have(tmp_path: Path) -> None:
    path = tmp_path / "o.sqlite"
    async with contextlib.AsyncExitStack() as stack:
        async with centre_at(tmp_path / "centre") as port:
            node = await stack.enter_async_context(node_at(path, port))
            await node.record(1, 50)
            await node.arrived()
            await node.record(51, 60)
            await node.arrived()
        async with centre_at(tmp_path / "empty", port=port):
            await node.record(61, 70)
            await node.arrived()
            history = await history_of(port)
    assert places(history)[0] == (1, 60)
    assert history[0][1].gap.reason == history_pb2.GAP_REASON_ACKNOWLEDGED
    assert numbers(history) == list(range(61, 71))


async def test_a_disk_that_lost_what_it_had_synced_begins_a_new_epoch(tmp_path: Path) -> None:
    path = tmp_path / "o.sqlite"
    async with centre_at(tmp_path / "centre") as port:
        async with node_at(path, port) as node:
            await node.record(1, 10)
            await node.arrived()
            old = saved(tmp_path)
            await node.record(11, 30)
            await node.arrived()
        restore(old, tmp_path)
        async with node_at(path, port) as node:
            await node.record(31, 33)
            await until(lambda: node.board.counters(LANE)["renewed"] == 1)
            await node.lane.sync()
            await node.arrived()
            history = await history_of(port)
    epochs = list(dict.fromkeys(epoch for epoch, _record in history))
    assert len(epochs) == 2
    second = [(epoch, record) for epoch, record in history if epoch == epochs[1]]
    assert numbers(second)[-3:] == [31, 32, 33]
    assert places(second) == [(n, n) for n in range(1, len(second) + 1)]
    assert any(record.event.kind == "history_renewed" for _epoch, record in second)


async def test_losses_for_size_reach_the_centre_as_one_gap(tmp_path: Path) -> None:
    path, limits = tmp_path / "o.sqlite", OutboxLimits(octets=16_000_000, age_ns=10**9)
    outbox, _problem = open_outbox(path, limits=limits, now_ns=3)
    outbox.append([Item(n, numbered(n).SerializeToString()) for n in range(1, 41)])
    outbox.append([Item(10**10 + n, numbered(n).SerializeToString()) for n in range(41, 46)])
    outbox.close()
    async with centre_at(tmp_path / "centre") as port, node_at(path, port) as node:
        await node.arrived()
        history = await history_of(port)
    assert places(history) == [(1, 40), *((n, n) for n in range(41, 46))]
    assert history[0][1].gap.reason == history_pb2.GAP_REASON_AGE


async def test_a_centre_without_an_archive_says_so_and_the_node_keeps_everything(tmp_path: Path) -> None:
    async with centre_at(None) as port, node_at(tmp_path / "o.sqlite", port, running=False) as node:
        await node.record(1, 3)
        with pytest.raises(
            DeviceError, match=r"keeps no history: start it with --state .*history is kept here"
        ):
            await node.uplink.session()
        assert node.board.counters(LANE)["backlog"] == 3


async def test_a_body_that_the_disk_has_spoilt_is_a_gap(tmp_path: Path) -> None:
    async with (
        centre_at(tmp_path / "centre") as port,
        node_at(tmp_path / "o.sqlite", port, running=False) as node,
    ):
        await node.record(1, 3)
        assert node.lane._outbox is not None
        node.lane._outbox._base.execute("UPDATE record SET body = x'ffff' WHERE sequence = 2")
        async with asyncio.TaskGroup() as group:
            task = group.create_task(node.uplink.run())
            await node.arrived()
            task.cancel()
        history = await history_of(port)
    assert numbers(history) == [1, 3]
    assert history[1][1].gap.reason == history_pb2.GAP_REASON_DISK


@pytest.mark.parametrize(("slow_s", "most"), [(-1.0, 1), (60.0, 4)], ids=["slow", "quick"])
async def test_a_slow_centre_gets_one_batch_at_a_time_and_a_quick_one_more(
    slow_s: float, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = len(
        history_pb2.HistoryBatch(
            node_id="n1", epoch=time.time_ns(), records=[numbered(1)]
        ).SerializeToString()
    )
    for name, value in {"LEAST_OCTETS": 1, "STEP_OCTETS": size, "MOST_OCTETS": 4 * size - 1}.items():
        monkeypatch.setattr(history_uplink, name, value)
    for name, value in {"BATCH_RECORDS": 1, "SLOW_S": slow_s, "QUICK_S": slow_s}.items():
        monkeypatch.setattr(history_uplink, name, value)
    waiting: list[int] = []
    real = HistoryUplink._await_answer

    async def seen(self: HistoryUplink, call: object, progress: history_uplink._Progress) -> None:
        waiting.append(len(progress.waiting))
        await real(self, call, progress)  # type: ignore[arg-type]

    monkeypatch.setattr(HistoryUplink, "_await_answer", seen)
    async with (
        centre_at(tmp_path / "centre") as port,
        node_at(tmp_path / "o.sqlite", port, running=False) as node,
    ):
        await node.record(1, 40)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(node.uplink.run())
            await node.arrived()
            task.cancel()
    assert max(waiting) == most


async def test_reading_back_goes_on_after_a_record_and_stops_at_a_limit(tmp_path: Path) -> None:
    async with centre_at(tmp_path / "centre") as port, node_at(tmp_path / "o.sqlite", port) as node:
        await node.record(1, 1200)
        await node.arrived()
        epoch, _last = await node.lane.place()
        assert numbers(await history_of(port, limit=7)) == list(range(1, 8))
        after = await history_of(port, after_epoch=epoch, after_sequence=1190)
        assert numbers(after) == list(range(1191, 1201))
        assert await history_of(port, after_epoch=epoch, after_sequence=1200) == []
        with pytest.raises(grpc.aio.AioRpcError, match="no history of a node 'other'"):
            await history_of(port, "other")


@pytest.mark.parametrize(
    ("batches", "words"),
    [
        ([history_pb2.HistoryBatch(epoch=1)], "a node id and an epoch"),
        ([history_pb2.HistoryBatch(node_id="n1")], "a node id and an epoch"),
        ([("n1", 1, []), ("n2", 1, [1])], "belongs to epoch 1 of node 'n1'"),
        ([("n1", 1, []), ("n1", 1, [2])], "record 2 follows 0"),
        ([("n1", 1, []), ("n1", 1, [1, 2, 4])], "record 4 follows 2"),
        ([("n1", 1, []), ("n1", 1, [0])], "no usable sequence"),
        ([("n1", 1, []), ("n1", 1, [2**63])], "no usable sequence"),
    ],
)
async def test_batches_that_make_no_sense_end_the_stream_with_words(
    batches: list[object], words: str, tmp_path: Path
) -> None:
    def made(batch: object) -> history_pb2.HistoryBatch:
        if isinstance(batch, history_pb2.HistoryBatch):
            return batch
        node_id, epoch, sequences = batch  # type: ignore[misc]
        records = [history_pb2.HistoryRecord(sequence=s) for s in sequences]
        return history_pb2.HistoryBatch(node_id=node_id, epoch=epoch, records=records)

    async with (
        centre_at(tmp_path / "centre") as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        call = centre_pb2_grpc.CentreServiceStub(channel).SendHistory(
            iter([made(b) for b in batches]), timeout=10
        )
        with pytest.raises(grpc.aio.AioRpcError, match=words):
            async for _answer in call:
                pass
