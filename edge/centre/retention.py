"""How much history the centre keeps: the oldest goes when the file is full or its time is over, and is named as a gap.

Age is counted from arrival at the centre, not by the nodes' stamps. A full file takes from the node that has most, so
that no node can push out what the others have. `mark` notes when a stream had come how far; what lies before a mark is
dropped together. A clock that was set costs nothing at once: after a leap forward nothing is too old for a day, and a
mark of the future is as old as the next one that is not.
"""

from __future__ import annotations

import logging
import math
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
DAY_S = 86_400.0
"""A clock that leaps by more is suspect; so long a person has to set it right before history is too old by it."""
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
        start_ns = now_ns()
        (newest_ns,) = base.execute("SELECT max(at_ns) FROM mark WHERE at_ns <= ?", (start_ns,)).fetchone()
        self._ahead_s = (newest_ns or start_ns) / NS_PER_S - steady_s()
        self._held_until_s = -math.inf

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
        if self._leapt():
            return False
        question = f"{_MARKS} WHERE at_ns <= ? ORDER BY mark.id LIMIT 1"
        for _ in range(CHUNKS):
            now_ns = self._now_ns()
            dated: Mark | None = self._base.execute(question, (now_ns,)).fetchone()
            if dated is None or dated[1] >= now_ns - self._limits.age_ns:
                return False
            oldest: Mark = self._base.execute(f"{_MARKS} ORDER BY mark.id LIMIT 1").fetchone()
            self._drop(oldest, history_pb2.GAP_REASON_AGE, "lost_age")
        return True

    def _leapt(self) -> bool:
        """Whether the clock was set forward within the last day, or nothing had come for a day before the start."""
        steady_s = self._steady_s()
        ahead_s = self._now_ns() / NS_PER_S - steady_s
        if ahead_s > self._ahead_s + DAY_S:
            self._held_until_s = steady_s + DAY_S
            words = (
                "history: the clock leapt %.1f days, or nothing came; none is dropped for age within a day"
            )
            _log.warning(words, (ahead_s - self._ahead_s) / DAY_S)
        self._ahead_s = ahead_s
        return steady_s < self._held_until_s

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
