"""The nodes' history as the centre keeps it: each record once, in order, acknowledged only when it is on disk."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from edge.centre.retention import ArchiveLimits, Retention
from edge.core.errors import DeviceError, EdgeError

_log = logging.getLogger(__name__)
T = TypeVar("T")
FILE = "history.sqlite"
PAGE_RECORDS = 500
ROW_OCTETS = 48
"""Of a record beside its body."""
SWEEP_S = 60.0
MARK_EVERY_S = 3600.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS stream (id INTEGER PRIMARY KEY, node TEXT, epoch INTEGER, sequence INTEGER,
    UNIQUE (node, epoch));
CREATE TABLE IF NOT EXISTS record (stream INTEGER, sequence INTEGER, first INTEGER, stamp_ns INTEGER, gap INTEGER,
    body BLOB, PRIMARY KEY (stream, sequence)) WITHOUT ROWID;
"""


class HistoryOrderError(EdgeError):
    """Records do not follow what is kept; the message says what would."""


@dataclass(frozen=True, slots=True)
class Row:
    """One record, or a gap.

    Attributes:
        sequence, first: of the record; of a gap the last and the first that are missing.
        gap: reason of a gap, 0 of a record.
        body: the serialised record.
    """

    sequence: int
    first: int
    stamp_ns: int
    gap: int
    body: bytes


class Archive(Protocol):
    """Where history is kept."""

    async def position(self, node_id: str, epoch: int) -> int:
        """Sequence up to which everything is kept; 0 none."""
        ...

    async def append(self, node_id: str, epoch: int, rows: Sequence[Row]) -> int:
        """Keep rows; returns the position once they are safe. What is kept already is passed over.

        Raises:
            HistoryOrderError: the first new row is not the next one.
            DeviceError: they cannot be kept now.
        """
        ...

    def read(self, node_id: str, *, after: tuple[int, int]) -> AsyncIterator[tuple[int, list[Row]]]:
        """Epoch and rows, page by page in order of arrival, after an (epoch, sequence). Raises `DeviceError`."""
        ...

    async def close(self) -> None:
        """Let go of the files."""
        ...


@dataclass(slots=True)
class _Job:
    node_id: str
    epoch: int
    rows: Sequence[Row]
    done: Future[int] = field(default_factory=Future)


class SqliteArchive:
    """An archive in one SQLite file. All waiting batches of all nodes share one transaction and one sync.

    Args:
        directory: where the file lies; it is made.
        limits: how much is kept.

    Attributes:
        counters: kept (records), lost_size, lost_age, failed (transactions).
        problem: why nothing can be kept now; empty: it can.

    Raises:
        DeviceError: the file cannot be opened.
    """

    def __init__(
        self,
        directory: Path,
        *,
        limits: ArchiveLimits | None = None,
        now_ns: Callable[[], int] = time.time_ns,
        steady_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = directory / FILE
        self.counters: Counter[str] = Counter(kept=0, lost_size=0, lost_age=0, failed=0)
        self.problem = ""
        self._jobs: deque[_Job] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="archive")
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "journal_size_limit=16000000"):
                self._base.execute(f"PRAGMA {pragma}").fetchall()
            self._base.executescript(_SCHEMA)
            self._retention = Retention(
                self._base,
                limits or ArchiveLimits(),
                counters=self.counters,
                now_ns=now_ns,
                steady_s=steady_s,
            )
        except OSError as error:
            remedy = "choose another --state directory, or free some space"
            raise DeviceError(str(self._path), str(error), remedy=remedy) from error
        except sqlite3.Error as error:
            raise self._unable(error) from error

    def figures(self) -> dict[str, object]:
        """How it goes, for health."""
        return {"problem": self.problem, **self.counters}

    async def run(self) -> None:
        """Keep to the age that is allowed, for ever."""
        loop = asyncio.get_running_loop()
        mark_s = loop.time()
        while True:
            marking = loop.time() >= mark_s
            if marking:
                mark_s = loop.time() + MARK_EVERY_S
            if not await self.sweep(mark=marking):
                await asyncio.sleep(SWEEP_S)

    async def sweep(self, *, mark: bool) -> bool:
        """Drop some of what is too old; returns whether there may be more.

        Args:
            mark: note first how far every stream has come.
        """

        def sweep() -> bool:
            with self._transaction():
                if mark:
                    self._retention.mark_all()
                return self._retention.drop_old()

        try:
            return await self._in_thread(sweep)
        except DeviceError as error:
            self._failed(error)
            return False

    async def position(self, node_id: str, epoch: int) -> int:
        """See `Archive`."""
        return await self._in_thread(lambda: self._stream(node_id, epoch)[1])

    async def append(self, node_id: str, epoch: int, rows: Sequence[Row]) -> int:
        """See `Archive`."""
        job = _Job(node_id, epoch, rows)
        self._jobs.append(job)
        self._thread.submit(self._work_off)
        return await asyncio.wrap_future(job.done)

    async def read(self, node_id: str, *, after: tuple[int, int]) -> AsyncIterator[tuple[int, list[Row]]]:
        """See `Archive`."""
        question = "SELECT id, epoch FROM stream WHERE node = ? ORDER BY id"
        streams = await self._in_thread(lambda: self._base.execute(question, (node_id,)).fetchall())
        begin = next((i for i, (_id, epoch) in enumerate(streams) if epoch == after[0]), None)
        place = after[1] if begin is not None else 0
        for stream, epoch in streams[begin or 0 :]:
            while rows := await self._in_thread(lambda: self._page(stream, place)):  # noqa: B023 - awaited at once
                yield epoch, rows
                place = rows[-1].sequence
            place = 0

    async def close(self) -> None:
        """See `Archive`."""
        await self._in_thread(self._base.close)
        self._thread.shutdown(wait=False)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.Error as error:
            raise self._unable(error) from error

    def _page(self, stream: int, after: int) -> list[Row]:
        question = (
            "SELECT sequence, max(first, ?2 + 1), stamp_ns, gap, body FROM record "
            "WHERE stream = ?1 AND sequence > ?2 ORDER BY sequence LIMIT ?3"
        )
        return [Row(*row) for row in self._base.execute(question, (stream, after, PAGE_RECORDS))]

    def _stream(self, node_id: str, epoch: int) -> tuple[int, int]:
        """Number of the stream, 0 a new one, and its position."""
        question = "SELECT id, sequence FROM stream WHERE node = ? AND epoch = ?"
        found = self._base.execute(question, (node_id, epoch)).fetchone()
        return found or (0, 0)

    def _work_off(self) -> None:
        """On the thread: every waiting batch in one transaction; what fails by itself fails alone."""
        jobs = [job for job in _taken(self._jobs) if job.done.set_running_or_notify_cancel()]
        if not jobs:
            return
        answers: list[int | EdgeError] = []
        try:
            with self._transaction():
                self._retention.make_room(sum(len(row.body) + ROW_OCTETS for job in jobs for row in job.rows))
                answers = [self._insert(job) for job in jobs]
        except sqlite3.Error as error:
            problem = self._unable(error)
            self._failed(problem)
            answers = [problem] * len(jobs)
        else:
            self.problem = ""
        for job, answer in zip(jobs, answers, strict=True):
            if isinstance(answer, EdgeError):
                job.done.set_exception(answer)
            else:
                job.done.set_result(answer)

    def _insert(self, job: _Job) -> int | HistoryOrderError:
        stream, place = self._stream(job.node_id, job.epoch)
        rows = []
        for row in job.rows:
            if row.sequence <= place:
                continue
            if row.first > place + 1 or (row.first <= place and not row.gap):
                return HistoryOrderError(f"record {row.first} follows {place} of epoch {job.epoch}")
            rows.append((row.sequence, place + 1, row.stamp_ns, row.gap, row.body))
            place = row.sequence
        if not rows:
            return place
        if not stream:
            answer = self._base.execute("INSERT INTO stream VALUES (NULL, ?, ?, 0)", (job.node_id, job.epoch))
            stream = int(answer.lastrowid or 0)
        self._base.executemany(f"INSERT INTO record VALUES ({stream}, ?, ?, ?, ?, ?)", rows)  # noqa: S608 - a number
        self._base.execute("UPDATE stream SET sequence = ? WHERE id = ?", (place, stream))
        octets = sum(len(row[-1]) + ROW_OCTETS for row in rows)
        self._retention.took(job.node_id, stream, place, octets)
        self.counters["kept"] += len(rows)
        return place

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._base.execute("BEGIN IMMEDIATE")
        counters = dict(self.counters)
        try:
            yield
            self._base.execute("COMMIT")
        except BaseException:
            dict.update(self.counters, counters)  # what was rolled back did not happen
            with contextlib.suppress(sqlite3.Error):  # on most errors SQLite has rolled back by itself
                self._base.execute("ROLLBACK")
            with contextlib.suppress(sqlite3.Error):
                self._retention.reload()
            raise

    def _failed(self, error: DeviceError) -> None:
        """Count, and log what is new."""
        self.counters["failed"] += 1
        if error.problem != self.problem:
            _log.warning("history cannot be kept: %s", error)
        self.problem = error.problem

    def _unable(self, error: sqlite3.Error) -> DeviceError:
        code = (error.sqlite_errorcode if hasattr(error, "sqlite_errorcode") else 0) & 0xFF
        remedy = "free some space, and check the disk of --state"
        if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            remedy = "the file is broken: stop the centre and move it away; nodes send what they still have"
        return DeviceError(str(self._path), str(error), remedy=remedy)


def _taken(jobs: deque[_Job]) -> list[_Job]:
    return [jobs.popleft() for _ in range(len(jobs))]
