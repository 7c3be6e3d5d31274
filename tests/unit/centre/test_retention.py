"""What the centre keeps of history: within its cap and its age, and what had to go is a gap that says so."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.centre import retention
from edge.centre.archive import HistoryOrderError, Row, SqliteArchive
from edge.centre.retention import ArchiveLimits
from edge.core.errors import DeviceError
from edge.v1 import common_pb2, history_pb2

DAY_NS = 86_400 * 10**9
LIMIT = 9_000_000
MANY = 32_000
"""Records of some 250 octets: more than the limit holds."""
SIZE, AGE = history_pb2.GAP_REASON_SIZE, history_pb2.GAP_REASON_AGE


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits of a size that a test can fill."""
    monkeypatch.setattr(retention, "LEAST_OCTETS", 1_000_000)
    monkeypatch.setattr(retention, "ROOM_OCTETS", 2_600_000)


class Centre:
    """An archive and its clock."""

    def __init__(self, directory: Path, limits: ArchiveLimits, *, ahead_days: int = 0) -> None:
        self.now_ns, self.leapt_ns = 1_800_000_000 * 10**9 + ahead_days * DAY_NS, 0
        self.directory = directory
        self.archive = SqliteArchive(
            directory,
            limits=limits,
            now_ns=lambda: self.now_ns,
            steady_s=lambda: (self.now_ns - self.leapt_ns) / 1e9,
        )

    def set_clock(self, *, ahead_days: int) -> None:
        """Somebody sets the clock; no time passes."""
        self.now_ns += ahead_days * DAY_NS
        self.leapt_ns += ahead_days * DAY_NS

    async def take(self, first: int, last: int, *, node: str = "n1", epoch: int = 7, size: int = 200) -> None:
        """Records of a node, in batches as a node makes them."""
        count = min(500, max(1, 256_000 // size))
        for begin in range(first, last + 1, count):
            numbers = range(begin, min(begin + count, last + 1))
            rows = [row(number, size=size) for number in numbers]
            assert await self.archive.append(node, epoch, rows) == numbers[-1]

    async def rows(self, *, node: str = "n1", after: tuple[int, int] = (0, 0)) -> list[tuple[int, Row]]:
        return [(e, found) async for e, page in self.archive.read(node, after=after) for found in page]

    async def sweep(self, *, mark: bool = True) -> None:
        while await self.archive.sweep(mark=mark):
            pass

    @property
    def octets(self) -> int:
        return sum(file.stat().st_size for file in self.directory.iterdir())


@contextlib.asynccontextmanager
async def centre_at(directory: Path, **limits: int) -> AsyncIterator[Centre]:
    centre = Centre(directory, ArchiveLimits(**limits))
    try:
        yield centre
    finally:
        await centre.archive.close()


def row(number: int, *, size: int = 200) -> Row:
    event = common_pb2.HealthEvent(stamp_ns=number, text="x" * size)
    record = history_pb2.HistoryRecord(sequence=number, stamp_ns=number, event=event)
    return Row(number, number, number, 0, record.SerializeToString())


def unbroken(rows: list[tuple[int, Row]]) -> bool:
    """Every sequence from 1 is there, as a record or within a gap."""
    places = [(found.first, found.sequence) for _epoch, found in rows]
    ends = [0, *(last for _first, last in places)]
    return all(first == before + 1 for (first, _last), before in zip(places, ends, strict=False))


async def test_a_full_archive_drops_the_oldest_and_names_them(small: None, tmp_path: Path) -> None:
    async with centre_at(tmp_path, octets=LIMIT) as centre:
        await centre.take(1, MANY)
        assert centre.octets <= LIMIT
        rows = await centre.rows()
        assert unbroken(rows)
        (_epoch, gap), *rest = rows
        assert (gap.gap, gap.first) == (SIZE, 1)
        record = history_pb2.HistoryRecord.FromString(gap.body)
        assert (record.sequence, record.gap.reason) == (gap.sequence, SIZE)
        assert not any(found.gap for _epoch, found in rest)
        assert rest[-1][1].sequence == MANY
        assert centre.archive.counters["lost_size"] == gap.sequence
        assert await centre.archive.position("n1", 7) == MANY, "what is gone is not asked for again"


@pytest.mark.parametrize("size", [200, 100_000])
async def test_a_node_that_floods_pushes_out_its_own_history_alone(
    small: None, tmp_path: Path, size: int
) -> None:
    async with centre_at(tmp_path, octets=LIMIT) as centre:
        await centre.take(1, 2000, node="quiet")
        await centre.take(1, 4000, node="n1")
        await centre.take(1, 12_000_000 // (size + 50), node="loud", size=size)
        assert centre.octets <= LIMIT
        assert len(await centre.rows(node="quiet")) == 2000
        assert len(await centre.rows(node="n1")) == 4000
        loud = await centre.rows(node="loud")
        assert loud[0][1].gap == SIZE
        assert unbroken(loud)


async def test_many_nodes_that_say_little_make_room_too(small: None, tmp_path: Path) -> None:
    async with centre_at(tmp_path, octets=LIMIT) as centre:
        for number in range(40):
            await centre.take(1, 500, node=f"n{number}")
        assert centre.octets <= LIMIT
        assert unbroken(await centre.rows(node="n39"))
        assert len(await centre.rows(node="n39")) == 500
        assert centre.archive.counters["lost_size"] > 0


async def test_figures_survive_a_restart_and_a_transaction_that_fails(small: None, tmp_path: Path) -> None:
    async with centre_at(tmp_path, octets=LIMIT) as centre:
        await centre.take(1, 8000)
        with pytest.raises(HistoryOrderError):
            await centre.archive.append("n1", 7, [row(9000)])
        before = dict(centre.archive._retention._octets)
        assert before
        centre.archive._retention.reload()
        assert dict(centre.archive._retention._octets) == before
    async with centre_at(tmp_path, octets=LIMIT) as centre:
        assert dict(centre.archive._retention._octets) == before


async def test_what_came_too_long_ago_goes_whatever_its_stamps_say(tmp_path: Path) -> None:
    async with centre_at(tmp_path, age_ns=10 * DAY_NS) as centre:
        await centre.take(1, 300)
        await centre.sweep()
        centre.now_ns += 6 * DAY_NS
        await centre.take(301, 700)
        await centre.sweep()
        assert len(await centre.rows()) == 700
        centre.now_ns += 5 * DAY_NS
        await centre.sweep()
        rows = await centre.rows()
        assert unbroken(rows)
        assert [(found.gap, found.sequence) for _epoch, found in rows][:2] == [(AGE, 300), (0, 301)]
        assert centre.archive.counters["lost_age"] == 300
        inside = await centre.rows(after=(7, 100))
        assert (inside[0][1].first, inside[0][1].sequence) == (101, 300), "a reader is told of what it misses"
        centre.now_ns += 6 * DAY_NS
        await centre.sweep()
        assert [(found.gap, found.first, found.sequence) for _epoch, found in await centre.rows()] == [
            (AGE, 1, 700)
        ]
        await centre.take(701, 702)
        assert unbroken(await centre.rows())


async def test_a_clock_that_is_set_forward_drops_nothing_that_a_day_can_mend(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with centre_at(tmp_path, age_ns=10 * DAY_NS) as centre:
        await centre.take(1, 300)
        await centre.sweep()
        centre.set_clock(ahead_days=4000)
        await centre.take(301, 400)
        await centre.sweep()
        assert len(await centre.rows()) == 400
        assert "the clock leapt 4000.0 days" in caplog.text
        centre.set_clock(ahead_days=-4000)
        centre.now_ns += 2 * DAY_NS
        await centre.take(401, 500)
        await centre.sweep()
        assert len(await centre.rows()) == 500
        centre.now_ns += 9 * DAY_NS
        await centre.sweep()
        assert (await centre.rows())[0][1].sequence == 300, "of the right time before the leap"
        centre.now_ns += 2 * DAY_NS
        await centre.sweep()
        assert (await centre.rows())[0][1].sequence == 500, "marks of the future are no older than the next"


async def test_a_clock_that_leaps_while_the_centre_is_off_drops_nothing_at_once(tmp_path: Path) -> None:
    async with centre_at(tmp_path, age_ns=10 * DAY_NS) as centre:
        await centre.take(1, 300)
        await centre.sweep()
    centre = Centre(tmp_path, ArchiveLimits(age_ns=10 * DAY_NS), ahead_days=4000)
    await centre.sweep()
    assert len(await centre.rows()) == 300
    centre.now_ns += 2 * DAY_NS
    await centre.sweep()
    assert len(await centre.rows()) == 1, "nobody set it right"
    await centre.archive.close()


async def test_an_epoch_that_is_over_and_empty_is_forgotten(tmp_path: Path) -> None:
    async with centre_at(tmp_path, age_ns=10 * DAY_NS) as centre:
        await centre.take(1, 300)
        await centre.sweep()
        centre.now_ns += 11 * DAY_NS
        await centre.take(1, 20, epoch=8)
        await centre.sweep()
        assert {epoch for epoch, _found in await centre.rows()} == {8}
        assert await centre.archive.position("n1", 7) == 0


async def test_a_file_of_before_the_cap_is_brought_within_it(small: None, tmp_path: Path) -> None:
    async with centre_at(tmp_path) as centre:
        await centre.take(1, MANY)
    base = sqlite3.connect(tmp_path / "history.sqlite")
    base.execute("DROP TABLE mark")
    base.commit()
    base.close()
    async with centre_at(tmp_path, octets=LIMIT) as centre:
        await centre.sweep()
        await centre.take(MANY + 1, MANY + 1)
        rows = await centre.rows()
        assert unbroken(rows)
        assert rows[0][1].gap == SIZE
        assert sum(len(found.body) for _epoch, found in rows) < LIMIT


async def test_a_full_disk_is_told_once_and_drops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with centre_at(tmp_path) as centre:
        await centre.take(1, 100)
        pages = centre.archive._base.execute("PRAGMA page_count").fetchone()[0]
        centre.archive._base.execute(f"PRAGMA max_page_count={pages}")
        for _ in range(3):
            with pytest.raises(DeviceError, match="full"):
                await centre.archive.append("n1", 7, [row(n) for n in range(101, 601)])
        assert "full" in str(centre.archive.figures()["problem"])
        assert (centre.archive.counters["failed"], centre.archive.counters["kept"]) == (3, 100)
        assert sum("cannot be kept" in message for message in caplog.messages) == 1
        centre.archive._base.execute("PRAGMA max_page_count=1000000")
        await centre.take(101, 600)
        assert centre.archive.figures()["problem"] == ""
        assert unbroken(await centre.rows())


async def test_a_broken_file_is_said_to_be_broken(tmp_path: Path) -> None:
    (tmp_path / "history.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(DeviceError, match="move it away"):
        SqliteArchive(tmp_path)


async def test_it_runs_until_it_is_cancelled(tmp_path: Path) -> None:
    async with centre_at(tmp_path, age_ns=DAY_NS) as centre:
        await centre.take(1, 10)
        task = asyncio.create_task(centre.archive.run())
        marks = "SELECT count(*) FROM mark"
        async with asyncio.timeout(20):
            while not await centre.archive._in_thread(  # noqa: ASYNC110 - another thread changes it
                lambda: centre.archive._base.execute(marks).fetchone()[0]
            ):
                await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def test_limits_that_cannot_be_kept_are_refused() -> None:
    with pytest.raises(ValueError, match="at least"):
        ArchiveLimits(octets=1000)
    with pytest.raises(ValueError, match="more than 0"):
        ArchiveLimits(age_ns=0)
