"""What the outbox keeps, what it lets go of, and what is left after a crash or a power cut."""

from __future__ import annotations

import itertools
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.core.errors import DeviceError
from edge.publish.outbox import Entry, Item, Outbox, OutboxCorruptError, OutboxLimits, open_outbox
from edge.v1.history_pb2 import GAP_REASON_AGE, GAP_REASON_DISK, GAP_REASON_SIZE
from tests import power

SECOND = 10**9
SMALL = OutboxLimits(octets=16_000_000)


def item(number: int, *, size: int = 40, stamp_ns: int | None = None) -> Item:
    body = number.to_bytes(8, "big") + bytes(size - 8)
    return Item(number * SECOND if stamp_ns is None else stamp_ns, body)


def opened(path: Path, *, limits: OutboxLimits = SMALL, now_ns: int = 7) -> Outbox:
    outbox, problem = open_outbox(path, limits=limits, now_ns=now_ns)
    assert not problem
    return outbox


def numbers(entries: list[Entry]) -> list[int]:
    return [int.from_bytes(entry.body[:8], "big") for entry in entries if not entry.reason]


def everything(outbox: Outbox) -> list[Entry]:
    return outbox.read(0, count=10_000_000, octets=10**9)


def check_order(entries: list[Entry]) -> None:
    """Every sequence is there once: as a record, or within a gap."""
    for one, other in itertools.pairwise(entries):
        assert other.first == one.sequence + 1
    assert all(entry.first <= entry.sequence for entry in entries)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[power.Disk]:
    (tmp_path / "box").mkdir()
    watched = power.watch(tmp_path / "box")
    yield watched
    power.forget(watched)


def restored(files: dict[str, bytes], directory: Path) -> Path:
    directory.mkdir()
    for name, content in files.items():
        (directory / name).write_bytes(content)
    return directory / "outbox.sqlite"


def test_records_come_back_in_order_after_a_restart_and_go_on_where_they_were(tmp_path: Path) -> None:
    first = opened(tmp_path / "outbox.sqlite", now_ns=7)
    first.append([item(1), item(2)])
    first.append([item(3)])
    first.acknowledge(1)
    first.close()
    second = opened(tmp_path / "outbox.sqlite", now_ns=99)
    assert (second.epoch, second.acked, second.last, second.count, second.clean) == (7, 1, 3, 2, True)
    second.append([item(4)])
    assert [entry.sequence for entry in everything(second)] == [2, 3, 4]
    assert numbers(everything(second)) == [2, 3, 4]
    second.close()


def test_one_that_sent_everything_goes_on_with_the_next_number(tmp_path: Path) -> None:
    first = opened(tmp_path / "outbox.sqlite")
    first.append([item(1), item(2)])
    first.acknowledge(2)
    first.append([])
    assert (first.count, first.last) == (0, 2)
    first.close()
    second = opened(tmp_path / "outbox.sqlite")
    second.append([item(3)])
    assert [entry.sequence for entry in everything(second)] == [3]
    second.close()


def test_reading_keeps_to_count_and_octets_but_gives_at_least_one(tmp_path: Path) -> None:
    outbox = opened(tmp_path / "outbox.sqlite")
    outbox.append([item(n, size=100) for n in range(1, 11)])
    assert numbers(outbox.read(4, count=3, octets=10**6)) == [5, 6, 7]
    assert numbers(outbox.read(4, count=100, octets=250)) == [5, 6]
    assert numbers(outbox.read(4, count=100, octets=1)) == [5]
    assert outbox.read(10, count=100, octets=1) == []
    outbox.close()


def test_what_was_lost_before_it_got_here_is_a_gap_of_so_many_numbers(tmp_path: Path) -> None:
    outbox = opened(tmp_path / "outbox.sqlite")
    outbox.append([item(1), Item(SECOND, b"", lost=5), item(2)])
    entries = everything(outbox)
    assert [(e.first, e.sequence, e.reason) for e in entries] == [
        (1, 1, 0),
        (2, 6, GAP_REASON_DISK),
        (7, 7, 0),
    ]
    outbox.close()


def test_a_full_outbox_drops_the_oldest_names_them_and_keeps_its_file_within_the_cap(tmp_path: Path) -> None:
    outbox = opened(tmp_path / "outbox.sqlite")
    largest = written = 0
    for _ in range(60):
        outbox.append([item(written + n, size=1000) for n in range(1, 501)])
        written += 500
        largest = max(largest, sum(file.stat().st_size for file in tmp_path.iterdir()))
    entries = everything(outbox)
    check_order(entries)
    gap, kept = entries[0], entries[1:]
    assert (gap.first, gap.reason) == (1, GAP_REASON_SIZE)
    assert numbers(kept) == list(range(gap.sequence + 1, written + 1))
    assert outbox.lost == gap.sequence > 10_000
    assert largest <= SMALL.octets
    assert sum(len(entry.body) for entry in kept) > 2_000_000
    outbox.close()


def test_what_is_too_old_goes_and_later_losses_widen_the_gap(tmp_path: Path) -> None:
    limits = OutboxLimits(octets=16_000_000, age_ns=100 * SECOND)
    outbox = opened(tmp_path / "outbox.sqlite", limits=limits)
    outbox.append([item(n) for n in range(1, 61)])
    outbox.append([item(131)])
    outbox.append([item(132)])
    entries = everything(outbox)
    assert (entries[0].first, entries[0].sequence, entries[0].reason) == (1, 31, GAP_REASON_AGE)
    assert numbers(entries) == [*range(32, 61), 131, 132]
    check_order(entries)
    assert outbox.lost == 31
    outbox.close()


def test_losses_after_an_acknowledgement_begin_behind_it(tmp_path: Path) -> None:
    limits = OutboxLimits(octets=16_000_000, age_ns=100 * SECOND)
    outbox = opened(tmp_path / "outbox.sqlite", limits=limits)
    outbox.append([item(n) for n in range(1, 61)])
    outbox.acknowledge(20)
    outbox.append([item(150)])
    assert (everything(outbox)[0].first, everything(outbox)[0].sequence) == (21, 49)
    assert outbox.lost == 29
    outbox.close()


def test_a_broken_file_is_set_aside_and_a_new_epoch_begins(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    path.write_bytes(b"no database at all, but long enough to be one" * 100)
    outbox, problem = open_outbox(path, limits=SMALL, now_ns=9)
    assert "not a database" in problem
    assert (outbox.epoch, outbox.last) == (9, 0)
    assert (tmp_path / "outbox.sqlite.broken").read_bytes().startswith(b"no database")
    outbox.close()


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE state SET value = 'x' WHERE key = 'epoch'",
        "UPDATE state SET value = -5 WHERE key = 'epoch'",
        "UPDATE state SET value = 99 WHERE key = 'acked'",
        "UPDATE state SET value = 'y' WHERE key = 'acked'",
        "UPDATE state SET value = -1 WHERE key = 'acked'",
        "DROP TABLE state; CREATE TABLE state (other)",
    ],
)
def test_a_file_whose_numbers_cannot_be_is_a_broken_one(tmp_path: Path, spoil: str) -> None:
    path = tmp_path / "outbox.sqlite"
    first = opened(path)
    first.append([item(n) for n in range(1, 51)])
    first.acknowledge(10)
    first.append([item(51)])
    first.close()
    base = sqlite3.connect(path)
    base.executescript(spoil)
    base.close()
    outbox, problem = open_outbox(path, limits=SMALL, now_ns=9)
    assert problem
    assert (outbox.epoch, outbox.last) == (9, 0)
    assert (tmp_path / "outbox.sqlite.broken").exists()
    outbox.close()


def test_pages_that_were_overwritten_are_found_at_opening(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    first = opened(path)
    first.append([item(n, size=200) for n in range(1, 2000)])
    first.close()
    content = bytearray(path.read_bytes())
    content[8 * 4096 : 40 * 4096] = random.Random(1).randbytes(32 * 4096)
    path.write_bytes(content)
    outbox, problem = open_outbox(path, limits=SMALL, now_ns=9)
    assert problem
    assert (outbox.epoch, outbox.count) == (9, 0)
    outbox.close()


def test_pages_that_break_while_it_runs_are_said_to_be_broken(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    first = opened(path)
    first.append([item(n, size=2000) for n in range(1, 3000)])
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(random.Random(1).randbytes(path.stat().st_size - 4096))
    with pytest.raises(OutboxCorruptError):
        everything(first)
    first.close()


def test_a_full_disk_keeps_nothing_of_a_transaction_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    outbox = opened(tmp_path / "outbox.sqlite")
    outbox.append([item(1)])
    base: sqlite3.Connection = outbox._base
    pages = base.execute("PRAGMA page_count").fetchone()[0]
    base.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(DeviceError, match="full"):
        outbox.append([item(n, size=4000) for n in range(2, 40)])
    assert (outbox.last, outbox.count) == (1, 1)
    base.execute(f"PRAGMA max_page_count={pages + 100}")
    outbox.append([item(2)])
    assert numbers(everything(outbox)) == [1, 2]
    outbox.close()


def test_a_second_process_is_told_that_the_file_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.publish.outbox.LOCK_TIMEOUT_S", 0.0)
    outbox = opened(tmp_path / "outbox.sqlite")
    with pytest.raises(DeviceError, match="locked"):
        open_outbox(tmp_path / "outbox.sqlite", limits=SMALL, now_ns=1)
    outbox.close()


def test_a_new_epoch_numbers_what_is_kept_from_one(tmp_path: Path) -> None:
    outbox = opened(tmp_path / "outbox.sqlite", now_ns=50)
    outbox.append([item(1), item(2), Item(0, b"", lost=2), item(3)])
    outbox.acknowledge(1)
    outbox.renew(now_ns=10)
    assert (outbox.epoch, outbox.acked, outbox.last) == (51, 0, 4)
    assert [(e.first, e.sequence) for e in everything(outbox)] == [(1, 1), (2, 3), (4, 4)]
    outbox.close()
    again = opened(tmp_path / "outbox.sqlite")
    assert (again.epoch, again.last) == (51, 4)
    again.close()


@pytest.mark.parametrize("seed", range(6))
def test_after_a_power_cut_all_that_was_synced_is_there_once_and_in_order(
    seed: int, disk: power.Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.publish.outbox.WAL_PAGES", 12)  # so that cuts fall into checkpoints too
    source = random.Random(seed)
    outbox = opened(tmp_path / "box" / "outbox.sqlite")
    durable = 0
    cuts: list[tuple[dict[str, bytes], int, int]] = []

    def cut() -> None:
        if source.random() < 0.02:
            cuts.append((disk.after_cut(source if disk.writes % 2 else None), durable, outbox.acked))

    disk.on_write = cut
    for number in range(1, 400, 10):
        outbox.append([item(number + n, size=300) for n in range(10)])
        durable = number + 9
        cuts.append((disk.after_cut(source), durable, outbox.acked))
        if number % 4 == 1:
            outbox.acknowledge(durable - 15)
    disk.on_write = None
    outbox.close()
    for index, (files, least, acked) in enumerate(source.sample(cuts, 12)):
        found = opened(restored(files, tmp_path / f"cut{index}"))
        entries = everything(found)
        check_order(entries)
        assert found.epoch == 7
        assert found.last >= least
        assert found.acked <= acked
        assert numbers(entries) == list(range(found.acked + 1, found.last + 1))
        found.close()
