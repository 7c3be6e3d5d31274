"""The history lane of the node: takes records at any time without waiting, and keeps them on disk once a second.

Between the event loop and the disk is a bounded queue; what finds it full is counted, and is a gap in the history.
A full, slow or broken disk never holds the node up.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from edge.core.errors import DeviceError
from edge.core.health import Event, HealthState
from edge.core.stamp import NS_PER_S
from edge.flow.board import HealthBoard
from edge.flow.channel import Latest
from edge.publish.outbox import (
    TRANSACTION_OCTETS,
    Entry,
    Item,
    Outbox,
    OutboxCorruptError,
    OutboxLimits,
    open_outbox,
    set_aside,
)
from edge.v1 import command_pb2, common_pb2, history_pb2, node_pb2

_log = logging.getLogger(__name__)
T = TypeVar("T")
COMPONENT = "history"
FILE = Path("history") / "outbox.sqlite"
"""Below the state directory."""
SYNC_PERIOD_S = 1.0
QUEUE_LIMIT = 4096
QUEUE_OCTETS = TRANSACTION_OCTETS // 2
LANES_PERIOD_NS = NS_PER_S
CLOSE_TIMEOUT_S = 5.0
_COUNTERS = ("kept", "octets", "lost_queue", "lost_cap", "write_failed", "set_aside", "renewed", "backlog")


class HistoryLane:
    """Records of one node, on their way to disk and to the centre.

    Counters: kept, octets, lost_queue (the disk was too slow, full or broken), lost_cap (dropped for size or age),
    write_failed, set_aside (broken files), renewed (epochs begun because the disk had gone back), backlog (records that
    are kept now).

    Attributes:
        synced: counts up when new records are safe, and may be read.
    """

    def __init__(
        self, path: Path, *, board: HealthBoard, now_ns: Callable[[], int], limits: OutboxLimits | None = None
    ) -> None:
        self._path, self._board, self._now_ns = path, board, now_ns
        self._limits = limits or OutboxLimits()
        self._queue: deque[Item] = deque()
        self._put_octets = self._taken_octets = self._lost = 0
        self._outbox: Outbox | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="history")
        self._closed = False
        self._forgotten = -1
        self._notes: deque[tuple[str, str]] = deque()
        self._counters = board.counters(COMPONENT)
        self._counters.update(
            dict.fromkeys(_COUNTERS, 0)
        )  # the thread adds no keys: the loop walks over them
        self._hurry = asyncio.Event()
        self.synced: Latest[int] = Latest()
        board.set(COMPONENT, HealthState.STARTING, "not opened yet")

    def record(self, record: history_pb2.HistoryRecord) -> None:
        """Take a record; never waits. Its sequence is given when it is kept."""
        self._put(Item(record.stamp_ns, record.SerializeToString()))

    def _put(self, item: Item) -> None:
        size = len(item.body)
        waiting = self._put_octets - self._taken_octets
        if len(self._queue) >= QUEUE_LIMIT or waiting + size > QUEUE_OCTETS:
            self._lost += 1
            self._counters["lost_queue"] += 1
            return
        if self._lost:
            self._queue.append(Item(item.stamp_ns, b"", lost=self._lost))
            self._lost = 0
        self._put_octets += size
        self._queue.append(item)
        if 2 * (waiting + size) > QUEUE_OCTETS or 2 * len(self._queue) > QUEUE_LIMIT:
            self._hurry.set()

    async def run(self) -> None:
        """Keep what comes, once a second and sooner when the queue is half full, for ever."""
        while True:
            self._hurry.clear()
            await self.sync()
            if self._board.state(COMPONENT) is not HealthState.OK:
                await asyncio.sleep(SYNC_PERIOD_S)
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), SYNC_PERIOD_S)

    async def sync(self) -> None:
        """Keep everything that was recorded until now; on a failure it waits in the queue for the next time."""
        if self._closed:
            return
        try:
            news = await self._in_thread(self._keep)
        except OutboxCorruptError as error:
            await self._set_aside(error.problem)
        except DeviceError as error:
            self._counters["write_failed"] += 1
            self._board.set(COMPONENT, HealthState.DEGRADED, f"records wait in memory: {error}")
        else:
            self._board.set(COMPONENT, HealthState.OK)
            if news:
                self.synced.set(self.synced.version + 1)

    async def place(self) -> tuple[int, int]:
        """Epoch and newest sequence. Raises `DeviceError`."""
        return await self._in_thread(lambda outbox: (outbox.epoch, outbox.last))

    async def acknowledge(self, epoch: int, sequence: int) -> None:
        """The centre has everything up to `sequence` of an epoch. Raises `DeviceError`."""

        def acknowledge(outbox: Outbox) -> None:
            if outbox.epoch == epoch:
                outbox.acknowledge(sequence)

        await self._in_thread(acknowledge)

    async def read(
        self, epoch: int, after: int, *, count: int, octets: int, make: Callable[[list[Entry]], T]
    ) -> T | None:
        """What `make` makes, on the thread of the disk, of the records after a sequence; None: there are none.

        Raises:
            DeviceError: the disk does not give them, or the epoch is over.
        """

        def read(outbox: Outbox) -> T | None:
            if outbox.epoch != epoch:
                raise DeviceError("outbox", "a new epoch has begun")
            entries = outbox.read(after, count=count, octets=octets)
            return make(entries) if entries else None

        try:
            return await self._in_thread(read)
        except OutboxCorruptError as error:
            await self._set_aside(error.problem)
            raise

    async def renew(self, problem: str) -> None:
        """Begin a new epoch with what is kept: the centre has more of this one than the disk. Raises `DeviceError`."""
        await self._in_thread(lambda outbox: outbox.renew(now_ns=self._now_ns()))
        self._counters["renewed"] += 1
        self._board.event(COMPONENT, "history_renewed", problem)

    async def close(self) -> None:
        """Keep what is in the queue, and close the file; what comes later is not kept."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self.sync()
                await self._in_thread(self._close)
        except (TimeoutError, DeviceError) as error:
            _log.warning("history is not closed: %s", error or "the disk does not answer")
        self._closed = True
        self._thread.shutdown(wait=False)

    async def _set_aside(self, problem: str) -> None:
        try:
            await self._in_thread(lambda _outbox: self._start_anew(problem))
        except DeviceError as error:
            self._board.set(COMPONENT, HealthState.DEGRADED, f"records wait in memory: {error}")

    async def _in_thread(self, work: Callable[[Outbox], T]) -> T:
        if self._closed:
            raise DeviceError("outbox", "the node is stopping")
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, self._with_outbox, work)
        finally:
            while self._notes:
                kind, text = self._notes.popleft()
                self._board.event(COMPONENT, kind, text)

    def _with_outbox(self, work: Callable[[Outbox], T]) -> T:
        """On the thread: open the file where it is not open."""
        if self._outbox is None:
            self._outbox, problem = open_outbox(self._path, limits=self._limits, now_ns=self._now_ns())
            if problem:
                self._note_broken(problem)
            elif not self._outbox.clean:
                text = "the node was not stopped cleanly: its last second may be missing in the history"
                self._notes.append(("history_unclean", text))
        return work(self._outbox)

    def _keep(self, outbox: Outbox) -> bool:
        """On the thread: everything from the queue to the disk; returns whether anything was new."""
        items = [self._queue.popleft() for _ in range(len(self._queue))]
        acked, lost, counters = outbox.acked, outbox.lost, self._counters
        if not items and acked == self._forgotten:
            return False
        try:
            outbox.append(items)
        except DeviceError:
            self._queue.extendleft(reversed(items))
            raise
        self._forgotten = acked
        octets = sum(len(item.body) for item in items)
        self._taken_octets += octets
        counters["kept"] += sum(not item.lost for item in items)
        counters["octets"] += octets
        counters["lost_cap"] += outbox.lost - lost
        counters["backlog"] = outbox.count
        return bool(items)

    def _start_anew(self, problem: str) -> None:
        """On the thread: a broken file makes room for a new one, which the next work opens."""
        if self._outbox is not None:
            self._outbox.close()
            self._outbox = None
        set_aside(self._path)
        self._note_broken(problem)

    def _note_broken(self, problem: str) -> None:
        self._counters["set_aside"] += 1
        text = f"the history kept here was broken ({problem}); it is set aside as {self._path.name}.broken"
        self._notes.append(("history_broken", text))

    def _close(self, outbox: Outbox) -> None:
        outbox.close()
        self._outbox = None


class HistoryTap:
    """Chooses what of the node's updates becomes history: signals that changed, lanes once a second, every event."""

    def __init__(self, lane: HistoryLane) -> None:
        self._lane = lane
        self._signals: tuple[object, ...] | None = None
        self._lanes_ns: int | None = None

    def update(self, update: node_pb2.Update) -> None:
        """Look at a published update."""
        if update.layer == common_pb2.LAYER_SIGNALS:
            signals = update.signals
            known = (signals.revision, signals.withdrawn, signals.map_revision)
            if known != self._signals:
                self._signals = known
                self._lane.record(history_pb2.HistoryRecord(stamp_ns=update.published_ns, signals=signals))
        elif update.layer == common_pb2.LAYER_LANES:
            since_ns = None if self._lanes_ns is None else update.published_ns - self._lanes_ns
            if since_ns is None or not 0 <= since_ns < LANES_PERIOD_NS:
                self._lanes_ns = update.published_ns
                self._lane.record(history_pb2.HistoryRecord(stamp_ns=update.published_ns, lanes=update.lanes))

    def event(self, event: Event) -> None:
        """Keep an event of health."""
        message = common_pb2.HealthEvent(
            stamp_ns=event.stamp_ns, component=event.component, kind=event.kind, text=event.text
        )
        self._lane.record(history_pb2.HistoryRecord(stamp_ns=event.stamp_ns, event=message))

    def command(self, result: command_pb2.CommandResult, *, now_ns: int) -> None:
        """Keep what became of a command."""
        self._lane.record(history_pb2.HistoryRecord(stamp_ns=now_ns, command=result))
