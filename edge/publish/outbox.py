"""The outbox: history on disk until the centre has it, in order, within a cap; what had to go is named.

One SQLite file in WAL mode, one transaction an `append`, synced before it returns (`synchronous=FULL`): what was read
from here survives a power cut, so no sequence is ever given twice. Not thread-safe: one thread at a time.
"""

from __future__ import annotations

import contextlib
import math
import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.core.errors import DeviceError
from edge.v1.history_pb2 import GAP_REASON_AGE, GAP_REASON_DISK, GAP_REASON_SIZE

PAGE_OCTETS = 4096
WAL_PAGES = 1000
"""After so many pages the WAL is written into the file, and begins anew."""
LEAST_CAP_OCTETS = 16_000_000
"""Room for the WAL of the largest transaction, and some records."""
TRANSACTION_OCTETS = 4_000_000
DROP_LIMIT = 20_000
"""Most records that one transaction drops for their age."""
LOCK_TIMEOUT_S = 1.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS record (sequence INTEGER PRIMARY KEY, first INTEGER, stamp_ns INTEGER, reason INTEGER,
    body BLOB);
CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Item:
    """What is to be kept.

    Attributes:
        stamp_ns: when it happened, UTC ns.
        body: a serialised `HistoryRecord` without its sequence; empty: records that were lost on the way here.
        lost: how many those are.
    """

    stamp_ns: int
    body: bytes
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """What was kept: one record, or a gap.

    Attributes:
        sequence, first: of the record; of a gap the last and the first that are missing.
        reason: `GapReason` of a gap; 0: it is a record.
    """

    sequence: int
    first: int
    stamp_ns: int
    reason: int
    body: bytes


class OutboxCorruptError(DeviceError):
    """The file is no longer a database that can be trusted."""


@dataclass(frozen=True, slots=True)
class OutboxLimits:
    """How much is kept.

    Attributes:
        octets: of the file and its WAL together.
        age_ns: of the oldest record, against the newest.
    """

    octets: int = 512_000_000
    age_ns: int = 14 * 86_400 * 10**9

    def __post_init__(self) -> None:
        if self.octets < LEAST_CAP_OCTETS:
            raise ValueError(f"octets {self.octets}, must be at least {LEAST_CAP_OCTETS}")

    @property
    def pages(self) -> int:
        """Of the file alone: the WAL may hold its usual pages and those of one transaction."""
        wal = (WAL_PAGES + 16) * (PAGE_OCTETS + 24) + 2 * TRANSACTION_OCTETS
        return (self.octets - min(wal, self.octets // 2)) // PAGE_OCTETS


class Outbox:
    """An open outbox; `open_outbox` makes one.

    Attributes:
        epoch: UTC ns of its begin; sequences belong to it.
        last: sequence of the newest record; 0: none yet.
        acked: sequence up to which the centre has everything.
        count: records kept, gaps too.
        lost: records dropped since it was opened, for size or age.
        clean: whether the last user closed it.
    """

    def __init__(self, path: Path, *, limits: OutboxLimits, now_ns: int) -> None:
        self._limits = limits
        self.epoch = self.last = self.acked = self.count = self.lost = 0
        self.clean = True
        self._base = _connect(path)
        try:
            self._prepare(now_ns)
        except sqlite3.OperationalError as error:
            self._base.close()
            if _code(error) == sqlite3.SQLITE_ERROR:  # no such column: tables of the name, but not ours
                raise OutboxCorruptError("outbox", str(error)) from error
            raise
        except BaseException:
            self._base.close()
            raise
        _sync_directory(path.parent)

    def append(self, items: Sequence[Item]) -> None:
        """Keep items under the next sequences, let go of what is acknowledged or beyond the cap; then sync.

        Raises:
            OutboxCorruptError: the file is broken.
            DeviceError: the disk does not take it; nothing was kept, and nothing is lost.
        """
        last, count, lost = self.last, self.count, self.lost
        try:
            with self._transaction():
                self._forget_acked()
                self._drop_for_size()
                self._drop_for_age(items)
                for item in items:
                    self._insert(item)
        except (sqlite3.Error, DeviceError):
            self.last, self.count, self.lost = last, count, lost
            raise

    def acknowledge(self, sequence: int) -> None:
        """The centre has everything up to `sequence`; the next `append` lets go of it."""
        self.acked = max(self.acked, min(sequence, self.last))

    def read(self, after: int, *, count: int, octets: int) -> list[Entry]:
        """The records after a sequence, in order: at most `count`, and `octets` of bodies but at least one.

        Raises:
            OutboxCorruptError: the file is broken.
            DeviceError: the disk does not give it.
        """
        found: list[Entry] = []
        size = 0
        question = "SELECT * FROM record WHERE sequence > ? ORDER BY sequence LIMIT ?"
        with _words():
            for row in self._base.execute(question, (after, count)):
                entry = Entry(*row)
                size += len(entry.body)
                if found and size > octets:
                    break
                found.append(entry)
        return found

    def renew(self, *, now_ns: int) -> None:
        """Begin a new epoch with what is kept, numbered from 1; see `OutboxCorruptError`, `DeviceError` of `append`."""
        with self._transaction():
            self._forget_acked()
            shift = (self.acked, self.acked)
            self._base.execute("UPDATE record SET sequence = sequence - ?, first = first - ?", shift)
            self._set("acked", 0)
            self._set("epoch", max(now_ns, self.epoch + 1))
        self.epoch, self.last, self.acked = max(now_ns, self.epoch + 1), self.last - self.acked, 0

    def close(self) -> None:
        """Note that the end was clean, and close."""
        with contextlib.suppress(DeviceError), self._transaction():
            self._forget_acked()
            self._set("clean", 1)
        self._base.close()

    def _prepare(self, now_ns: int) -> None:
        base = self._base
        base.executescript(_SCHEMA)
        state = dict(base.execute("SELECT key, value FROM state"))
        fresh = "epoch" not in state
        broken = base.execute("PRAGMA quick_check(1)").fetchone()[0]
        if broken != "ok":
            raise OutboxCorruptError("outbox", broken)
        self.epoch = now_ns if fresh else state["epoch"]
        self.acked = state.get("acked", 0)
        oldest, newest = base.execute("SELECT min(sequence), max(sequence) FROM record").fetchone()
        numbers = (self.epoch, self.acked, oldest or 0, newest or 0)
        if not all(isinstance(number, int) for number in numbers):
            raise OutboxCorruptError("outbox", "its numbers are none")
        if self.epoch <= 0 or self.acked < 0 or (oldest is not None and oldest <= self.acked):
            raise OutboxCorruptError(
                "outbox", f"epoch {self.epoch}, {self.acked} acknowledged, oldest {oldest}"
            )
        self.last = self.acked if newest is None else newest
        self.count = base.execute("SELECT count(*) FROM record").fetchone()[0]
        self.clean = fresh or bool(state.get("clean"))
        with self._transaction():
            self._set("epoch", self.epoch)
            self._set("clean", 0)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with _words():
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._base.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # SQLite has rolled back by itself on most errors
                    self._base.execute("ROLLBACK")
                raise

    def _set(self, key: str, value: int) -> None:
        self._base.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (key, value))

    def _insert(self, item: Item) -> None:
        first = self.last + 1
        self.last += item.lost or 1
        reason = GAP_REASON_DISK if item.lost else 0
        row = (self.last, first, item.stamp_ns, reason, item.body)
        self._base.execute("INSERT INTO record VALUES (?, ?, ?, ?, ?)", row)
        self.count += 1

    def _forget_acked(self) -> None:
        gone = self._base.execute("DELETE FROM record WHERE sequence <= ?", (self.acked,)).rowcount
        if gone:
            self.count -= gone
            self._set("acked", self.acked)

    def _drop_for_size(self) -> None:
        """Make room for one transaction."""
        (pages,), (free,) = (self._base.execute(f"PRAGMA {name}").fetchone() for name in _PAGE_COUNTS)
        used, allowed = pages - free, self._limits.pages - TRANSACTION_OCTETS // PAGE_OCTETS
        if used > allowed and self.count > 1:
            share = min((used - allowed) / used + 0.02, 1.0)
            self._drop(math.ceil(self.count * share), reason=GAP_REASON_SIZE)

    def _drop_for_age(self, items: Sequence[Item]) -> None:
        """Against the newest record: a clock that is set while nothing is recorded drops nothing."""
        if not items:
            return
        oldest_ns = items[-1].stamp_ns - self._limits.age_ns
        question = "SELECT stamp_ns FROM record ORDER BY sequence LIMIT 1"
        oldest = self._base.execute(question).fetchone()
        if oldest is None or oldest[0] >= oldest_ns:
            return
        question = (
            "SELECT count(*) FROM (SELECT stamp_ns FROM record ORDER BY sequence LIMIT ?) WHERE stamp_ns < ?"
        )
        (old,) = self._base.execute(question, (DROP_LIMIT, oldest_ns)).fetchone()
        self._drop(old, reason=GAP_REASON_AGE)

    def _drop(self, count: int, *, reason: int) -> None:
        """Replace the `count` oldest rows by one gap; where they are but a gap, it stays."""
        question = "SELECT max(sequence), max(stamp_ns) FROM (SELECT * FROM record ORDER BY sequence LIMIT ?)"
        end, stamp_ns = self._base.execute(question, (count,)).fetchone()
        question = "SELECT total(sequence - first + 1) FROM record WHERE sequence <= ? AND reason = 0"
        (lost,) = self._base.execute(question, (end,)).fetchone()
        if not lost:
            return
        gone = self._base.execute("DELETE FROM record WHERE sequence <= ?", (end,)).rowcount
        row = (end, self.acked + 1, stamp_ns, reason, b"")
        self._base.execute("INSERT INTO record VALUES (?, ?, ?, ?, ?)", row)
        self.count += 1 - gone
        self.lost += int(lost)


_PAGE_COUNTS = ("page_count", "freelist_count")


def open_outbox(path: Path, *, limits: OutboxLimits, now_ns: int) -> tuple[Outbox, str]:
    """Open or make an outbox; a broken file is set aside as `.broken`, and a new epoch begins.

    Returns:
        the outbox, and what was wrong with the file before it; empty: nothing.

    Raises:
        DeviceError: it cannot be opened now: the disk is full, read-only or gone, or another process has it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _words():
            return Outbox(path, limits=limits, now_ns=now_ns), ""
    except OutboxCorruptError as error:
        set_aside(path)
        with _words():
            return Outbox(path, limits=limits, now_ns=now_ns), error.problem
    except OSError as error:
        raise DeviceError(str(path), error.strerror or str(error)) from error


def set_aside(path: Path) -> None:
    """Rename a broken file, over one that was set aside before. Raises `DeviceError`."""
    try:
        for suffix in ("-wal", "-shm", ""):
            file = path.with_name(path.name + suffix)
            if file.exists():
                file.replace(path.with_name(f"{path.name}.broken{suffix}"))
        _sync_directory(path.parent)
    except OSError as error:
        raise DeviceError(str(path), f"cannot be set aside: {error.strerror}") from error


def _connect(path: Path) -> sqlite3.Connection:
    base = sqlite3.connect(path, timeout=LOCK_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    try:
        for pragma in (
            f"page_size={PAGE_OCTETS}",
            "locking_mode=EXCLUSIVE",
            "journal_mode=WAL",
            "synchronous=FULL",
            f"wal_autocheckpoint={WAL_PAGES}",
            f"journal_size_limit={WAL_PAGES * PAGE_OCTETS}",
        ):
            base.execute(f"PRAGMA {pragma}").fetchall()
    except sqlite3.Error:
        base.close()
        raise
    return base


@contextlib.contextmanager
def _words() -> Iterator[None]:
    """SQLite's errors as ours."""
    try:
        yield
    except sqlite3.Error as error:
        if _code(error) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            raise OutboxCorruptError("outbox", str(error)) from error
        remedy = "free some space, and check the disk of state_dir"
        raise DeviceError("outbox", str(error), remedy=remedy) from error


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code."""
    return (error.sqlite_errorcode if hasattr(error, "sqlite_errorcode") else 0) & 0xFF


def _sync_directory(path: Path) -> None:
    """A new or renamed file survives a power cut once its directory is synced."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
