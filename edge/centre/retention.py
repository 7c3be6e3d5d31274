"""How much history the centre keeps: the oldest goes when the file is full or its time is over, and is named as a gap.

Age is counted from arrival at the centre, not by the nodes' stamps. A full file takes from the node that has most, so
that no node can push out what the others have. `mark` notes when a stream had come how far; what lies before a mark is
dropped together.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from edge.core.stamp import NS_PER_S
from edge.v1 import history_pb2

_log = logging.getLogger(__name__)
PAGE_OCTETS = 4096
MARK_OCTETS = 500_000
STEP_RECORDS = 200
CHUNKS = 20
LEAST_DROP_OCTETS = 8_000_000
"""A transaction drops so much at most, or twice what comes, so that nodes do not wait long for their answers."""
LEAST_OCTETS = 64_000_000
ROOM_OCTETS = 16_000_000
"""Of the file that is kept free, and as much again for its WAL."""
SAY_EVERY_S = 600.0
SCHEMA = """
CREATE TABLE IF NOT EXISTS mark (id INTEGER PRIMARY KEY, at_ns INTEGER, stream INTEGER, sequence INTEGER,
    octets INTEGER);
CREATE INDEX IF NOT EXISTS mark_of_stream ON mark (stream, id);
"""

_MARKS = "SELECT mark.id, at_ns, node, stream, mark.sequence, octets FROM mark JOIN stream ON stream.id = mark.stream"
Mark: TypeAlias = tuple[int, int, str, int, int, int]
"""Its number, when it was made, node, stream, sequence, and the octets before it."""


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
        self._unmarked: dict[int, int] = {}
        base.executescript(SCHEMA)
        self.reload()

    def reload(self) -> None:
        """Take the figures from the file again: a transaction did not come off."""
        question = "SELECT node, sum(octets) FROM mark JOIN stream ON stream.id = mark.stream GROUP BY node"
        self._octets: Counter[str] = Counter(dict(self._base.execute(question)))

    def took(self, node: str, stream: int, sequence: int, octets: int) -> None:
        """A stream has come to a sequence, with so many octets more."""
        octets += self._unmarked.pop(stream, 0)
        if octets >= MARK_OCTETS:
            self._mark(node, stream, sequence, octets)
        else:
            self._unmarked[stream] = octets

    def mark_all(self) -> None:
        """Mark whatever has come by now, in steps: so the end of every stream grows old too."""
        question = (
            "SELECT node, stream.id, (SELECT mark.sequence FROM mark WHERE mark.stream = stream.id "
            "ORDER BY mark.id DESC LIMIT 1) AS marked FROM stream WHERE stream.sequence > coalesce(marked, 0)"
        )
        for node, stream, marked in self._base.execute(question).fetchall():
            place = marked or 0
            while (step := self._step(stream, place))[0] is not None:
                place, octets = step
                self._mark(node, stream, place, octets)
        self._unmarked.clear()

    def _step(self, stream: int, after: int) -> tuple[int, int]:
        question = (
            "SELECT max(sequence), sum(length(body)) FROM (SELECT sequence, body FROM record "
            "WHERE stream = ? AND sequence > ? ORDER BY sequence LIMIT ?)"
        )
        found: tuple[int, int] = self._base.execute(question, (stream, after, STEP_RECORDS)).fetchone()
        return found

    def _mark(self, node: str, stream: int, sequence: int, octets: int) -> None:
        self._base.execute(
            "INSERT INTO mark VALUES (NULL, ?, ?, ?, ?)", (self._now_ns(), stream, sequence, octets)
        )
        self._octets[node] += octets

    def make_room(self, octets: int) -> None:
        """Drop the oldest of the node that has most until a batch of so many octets fits."""
        budget = max(LEAST_DROP_OCTETS, 2 * octets)
        while budget > 0 and self._pages_in_use() + octets // PAGE_OCTETS > self._limits.pages:
            mark = self._oldest_of_most()
            if mark is None:
                self.mark_all()
                mark = self._oldest_of_most()
            if mark is None:
                return
            budget -= max(self._drop(mark, history_pb2.GAP_REASON_SIZE, "lost_size"), PAGE_OCTETS)

    def _oldest_of_most(self) -> Mark | None:
        if not self._octets:
            return None
        most = max(self._octets, key=self._octets.__getitem__)
        question = f"{_MARKS} WHERE node = ? ORDER BY mark.id LIMIT 1"
        found: Mark | None = self._base.execute(question, (most,)).fetchone()
        return found

    def drop_old(self) -> bool:
        """Drop what came too long ago; returns whether there may be more."""
        for _ in range(CHUNKS):
            oldest: Mark | None = self._base.execute(f"{_MARKS} ORDER BY mark.id LIMIT 1").fetchone()
            if oldest is None or oldest[1] >= self._now_ns() - self._limits.age_ns:
                return False
            self._drop(oldest, history_pb2.GAP_REASON_AGE, "lost_age")
        return True

    def _pages_in_use(self) -> int:
        (pages,) = self._base.execute("PRAGMA page_count").fetchone()
        (free,) = self._base.execute("PRAGMA freelist_count").fetchone()
        return int(pages - free)

    def _drop(self, mark: Mark, reason: history_pb2.GapReason, counter: str) -> int:
        """Replace what lies before the mark by one gap; returns octets."""
        base, (number, _at_ns, node, stream, end, octets) = self._base, mark
        question = (
            "SELECT coalesce(sum(gap = 0), 0), max(stamp_ns) FROM record WHERE stream = ? AND sequence <= ?"
        )
        lost, stamp_ns = base.execute(question, (stream, end)).fetchone()
        base.execute("DELETE FROM record WHERE stream = ? AND sequence <= ?", (stream, end))
        base.execute("DELETE FROM mark WHERE id = ?", (number,))
        self._octets[node] -= octets
        if self._octets[node] <= 0:
            del self._octets[node]
        if stamp_ns is not None and not self._forget(stream, end):
            gap = history_pb2.Gap(first_sequence=1, reason=reason)
            record = history_pb2.HistoryRecord(sequence=end, stamp_ns=stamp_ns, gap=gap)
            row = (stream, end, 1, stamp_ns, int(reason), record.SerializeToString())
            base.execute("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?)", row)
        self._counters[counter] += lost
        self._say()
        return octets

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
