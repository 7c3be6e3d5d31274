"""How much history the centre keeps: the oldest goes when the file is full or its time is over, and is named as a gap.

Age is counted from arrival at the centre, not by the nodes' stamps. `mark` notes when a stream had come how far; what
lies before the oldest mark is dropped first, some thousand records at a time.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from edge.core.stamp import NS_PER_S
from edge.v1 import history_pb2

_log = logging.getLogger(__name__)
PAGE_OCTETS = 4096
MARK_RECORDS = 2000
CHUNKS = 20
"""Dropped in one transaction at most, so that nodes do not wait long for their acknowledgement."""
LEAST_OCTETS = 64_000_000
ROOM_OCTETS = 16_000_000
"""Of the file that is kept free, and as much again for its WAL."""
SAY_EVERY_S = 600.0
SCHEMA = """
CREATE TABLE IF NOT EXISTS mark (id INTEGER PRIMARY KEY, at_ns INTEGER, stream INTEGER, sequence INTEGER);
CREATE INDEX IF NOT EXISTS mark_of_stream ON mark (stream, id);
"""


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """How much is kept.

    Attributes:
        octets: of the file and its WAL.
        age_ns: since arrival.
    """

    octets: int = 20_000_000_000
    age_ns: int = 90 * 86_400 * NS_PER_S

    def __post_init__(self) -> None:
        if self.octets < LEAST_OCTETS or self.age_ns <= 0:
            raise ValueError(
                f"{self.octets} octets, {self.age_ns} ns: at least {LEAST_OCTETS}, and more than 0"
            )

    @property
    def pages(self) -> int:
        """That may be in use before a batch comes."""
        return (self.octets - 2 * ROOM_OCTETS) // PAGE_OCTETS


class Retention:
    """Keeps one archive within its limits. All of it runs on the archive's thread, inside a transaction.

    Args:
        counters: lost_size, lost_age: records that were dropped.
    """

    def __init__(
        self,
        base: sqlite3.Connection,
        limits: ArchiveLimits,
        *,
        counters: Counter[str],
        now_ns: Callable[[], int] = time.time_ns,
        steady_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._base, self._limits, self._counters = base, limits, counters
        self._now_ns, self._steady_s = now_ns, steady_s
        self._told_s, self._told = -SAY_EVERY_S, 0
        base.executescript(SCHEMA)

    def mark(self, stream: int, sequence: int, *, every: int = MARK_RECORDS) -> None:
        """A stream has come to a sequence."""
        question = "SELECT sequence FROM mark WHERE stream = ? ORDER BY id DESC LIMIT 1"
        before = self._base.execute(question, (stream,)).fetchone()
        if sequence - (before[0] if before else 0) >= every:
            row = (self._now_ns(), stream, sequence)
            self._base.execute("INSERT INTO mark VALUES (NULL, ?, ?, ?)", row)

    def mark_all(self) -> None:
        """Whatever has come by now and was not marked, in steps: so the end of every stream grows old too."""
        question = (
            "SELECT stream.id, (SELECT mark.sequence FROM mark WHERE mark.stream = stream.id "
            "ORDER BY mark.id DESC LIMIT 1) AS marked FROM stream WHERE stream.sequence > coalesce(marked, 0)"
        )
        for stream, marked in self._base.execute(question).fetchall():
            place = marked or 0
            while place is not None:
                place = self._step(stream, place)
                if place is not None:
                    self.mark(stream, place, every=1)

    def _step(self, stream: int, after: int) -> int | None:
        question = (
            "SELECT max(sequence) FROM (SELECT sequence FROM record WHERE stream = ? AND sequence > ? "
            "ORDER BY sequence LIMIT ?)"
        )
        found: int | None = self._base.execute(question, (stream, after, MARK_RECORDS)).fetchone()[0]
        return found

    def make_room(self, octets: int) -> None:
        """Drop the oldest until a batch of so many octets fits."""
        for _ in range(CHUNKS):
            if self._pages_in_use() + octets // PAGE_OCTETS <= self._limits.pages:
                return
            if not self._drop_oldest(history_pb2.GAP_REASON_SIZE, "lost_size"):
                self.mark_all()
                if not self._drop_oldest(history_pb2.GAP_REASON_SIZE, "lost_size"):
                    return

    def drop_old(self) -> bool:
        """Drop what came too long ago; returns whether there may be more."""
        for _ in range(CHUNKS):
            oldest = self._base.execute("SELECT at_ns FROM mark ORDER BY id LIMIT 1").fetchone()
            if oldest is None or oldest[0] >= self._now_ns() - self._limits.age_ns:
                return False
            self._drop_oldest(history_pb2.GAP_REASON_AGE, "lost_age")
        return True

    def _pages_in_use(self) -> int:
        (pages,) = self._base.execute("PRAGMA page_count").fetchone()
        (free,) = self._base.execute("PRAGMA freelist_count").fetchone()
        return int(pages - free)

    def _drop_oldest(self, reason: history_pb2.GapReason, counter: str) -> bool:
        """Replace what lies before the oldest mark by one gap; returns whether there is a mark."""
        base = self._base
        mark = base.execute("SELECT id, stream, sequence FROM mark ORDER BY id LIMIT 1").fetchone()
        if mark is None:
            return False
        number, stream, end = mark
        question = (
            "SELECT coalesce(sum(gap = 0), 0), max(stamp_ns) FROM record WHERE stream = ? AND sequence <= ?"
        )
        lost, stamp_ns = base.execute(question, (stream, end)).fetchone()
        base.execute("DELETE FROM record WHERE stream = ? AND sequence <= ?", (stream, end))
        base.execute("DELETE FROM mark WHERE id = ?", (number,))
        if stamp_ns is not None and not self._forget(stream, end):
            gap = history_pb2.Gap(first_sequence=1, reason=reason)
            record = history_pb2.HistoryRecord(sequence=end, stamp_ns=stamp_ns, gap=gap)
            row = (stream, end, 1, stamp_ns, int(reason), record.SerializeToString())
            base.execute("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?)", row)
        self._counters[counter] += lost
        self._say()
        return True

    def _forget(self, stream: int, end: int) -> bool:
        """An epoch that is over and of which nothing is left goes altogether; returns whether it did."""
        question = (
            "DELETE FROM stream WHERE id = ? AND sequence <= ? AND EXISTS "
            "(SELECT 1 FROM stream AS later WHERE later.node = stream.node AND later.id > stream.id)"
        )
        return self._base.execute(question, (stream, end)).rowcount > 0

    def _say(self) -> None:
        size, age = self._counters["lost_size"], self._counters["lost_age"]
        if size + age == self._told or self._steady_s() - self._told_s < SAY_EVERY_S:
            return
        self._told_s, self._told = self._steady_s(), size + age
        _log.warning("history: since the start %d records dropped for size, %d for age", size, age)
