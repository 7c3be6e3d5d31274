"""The audit log: every refusal is in it or counted in it, it stays within its bound, and a full disk is told."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from edge.access.audit import KINDS, WAITING, WINDOW_S, AuditLog
from edge.access.refusal import forbidden
from edge.access.roles import Identity, Peer, Role
from edge.core.health import HealthState
from edge.flow.board import HealthBoard
from tests.waiting import until

BUS = Peer("192.0.2.7", frozenset({Role.VEHICLE}), (Identity(Role.VEHICLE, "bus-17"),), fingerprint="ab" * 32)
NO = forbidden("role", "not for vehicle")


class Log:
    """A log, its board and its clock."""

    def __init__(self, path: Path, **settings: int) -> None:
        self.now_s, self.path = 0.0, path
        self.board = HealthBoard(now_ns=lambda: 1)
        self.log = AuditLog(
            path,
            board=self.board,
            now_ns=lambda: 1_700_000_000_500_000_000,
            steady_s=lambda: self.now_s,
            **settings,
        )

    async def lines(self) -> list[dict[str, object]]:
        await self.log.flush()
        return [json.loads(line) for line in self.path.read_text().splitlines()]


async def test_line_says_when_who_what_and_why(tmp_path: Path) -> None:
    log = Log(tmp_path / "state" / "audit.jsonl")
    log.log.refusal(BUS, "/s/Command", NO)
    log.log.command(BUS, "/s/Command", outcome="done")
    refused, done = await log.lines()
    assert refused == {
        "time": "2023-11-14T22:13:20.500+00:00",
        "method": "/s/Command",
        "host": "192.0.2.7",
        "fingerprint": "ab" * 32,
        "names": ["edge://vehicle/bus-17"],
        "outcome": "refused",
        "kind": "role",
        "reason": "not for vehicle",
    }
    assert done["outcome"] == "done"


async def test_flood_of_one_peer_becomes_two_lines_and_commands_stay_apart(tmp_path: Path) -> None:
    log = Log(tmp_path / "audit.jsonl")
    for _ in range(10_000):
        log.log.refusal(BUS, "/s/Command", NO)
    log.log.command(BUS, "/s/Command")
    log.log.command(BUS, "/s/Command")
    assert len(await log.lines()) == 3
    log.now_s = WINDOW_S
    last = (await log.lines())[-1]
    assert (last["repeated"], last["within_s"]) == (9_999, WINDOW_S)


async def test_methods_that_a_peer_makes_up_are_one_refusal(tmp_path: Path) -> None:
    log = Log(tmp_path / "audit.jsonl")
    for number in range(500):
        log.log.refusal(BUS, f"/made.up/{number}", NO)
    log.log.refusal(BUS, "/edge.v1.CommandService/SendCommand", NO)
    assert [line["method"] for line in await log.lines()] == [
        "/made.up/0",
        "/edge.v1.CommandService/SendCommand",
    ]
    assert log.board.counters("audit")["repeated"] == 499


async def test_flood_of_many_peers_is_bounded_and_counted(tmp_path: Path) -> None:
    log, many = Log(tmp_path / "audit.jsonl"), 3 * WAITING
    for number in range(many):
        log.log.refusal(Peer(f"h{number}", frozenset()), "/s/Command", NO)
    assert len(await log.lines()) == KINDS + 1
    log.now_s = WINDOW_S
    last = (await log.lines())[-1]
    assert (last["peer"], last["repeated"]) == ("others", many - KINDS - 1)


async def test_lines_beyond_what_may_wait_are_counted_as_lost(tmp_path: Path) -> None:
    log = Log(tmp_path / "audit.jsonl")
    for _ in range(WAITING + 5):
        log.log.command(BUS, "/s/Command")
    assert len(await log.lines()) == WAITING
    assert log.board.counters("audit")["lost"] == 5


async def test_old_files_are_kept_up_to_their_number(tmp_path: Path) -> None:
    log = Log(tmp_path / "audit.jsonl", limit_bytes=400, files=3)
    for number in range(12):
        log.log.command(BUS, f"/s/{number}")
        await log.log.flush()
    kept = {name: (tmp_path / name).stat().st_size for name in os.listdir(tmp_path)}
    assert sorted(kept) == ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2"]
    assert max(kept.values()) <= 400
    assert "/s/11" in (tmp_path / "audit.jsonl").read_text()


async def test_disk_that_takes_nothing_is_told_and_costs_no_call(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    log = Log(tmp_path / "file" / "audit.jsonl")
    log.log.command(BUS, "/s/Command")
    await log.log.flush()
    assert log.board.state("audit") is HealthState.DEGRADED
    assert log.board.counters("audit")["lost"] == 1


@pytest.mark.parametrize("settings", [{"limit_bytes": 0}, {"files": 0}])
def test_bounds_must_leave_room(tmp_path: Path, settings: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Log(tmp_path / "audit.jsonl", **settings)


async def test_the_last_lines_wait_for_those_that_are_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log(tmp_path / "audit.jsonl").log
    begun, last, written = threading.Event(), threading.Event(), list[str]()
    write_all = log._write_all

    def slow(lines: Sequence[str]) -> None:
        written.append("begins")
        if begun.is_set():
            last.set()
        begun.set()
        last.wait(0.3)  # in vain, unless the last lines are written beside these
        write_all(lines)
        written.append("ends")

    monkeypatch.setattr(log, "_write_all", slow)
    log.command(BUS, "/s/1")
    running = asyncio.create_task(log.run())
    await asyncio.to_thread(begun.wait, 10)
    log.command(BUS, "/s/2")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await until(lambda: len(written) == 4)
    assert written == ["begins", "ends"] * 2
    assert [json.loads(line)["method"] for line in (tmp_path / "audit.jsonl").read_text().splitlines()] == [
        "/s/1",
        "/s/2",
    ]
