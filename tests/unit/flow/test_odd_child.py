"""Children that misbehave are ended and started again; whatever they do stays with them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable

import pytest

from edge.core.health import HealthState
from edge.flow.board import HealthBoard
from edge.flow.child import Child, ChildSpec, Patience
from edge.flow.link import Kind
from edge.flow.supervise import Backoff
from tests.conftest import ROOT
from tests.unit.flow.odd_child import WAYS
from tests.waiting import until

SOON = Backoff(first_s=0.01, limit_s=0.02)
BIG = bytes(1_000_000)
"""Does not fit into the buffers of a socket."""


def ignore(_kind: Kind, _payload: bytes) -> None:
    """Take a message."""


class Odd:
    """A child and what became of it."""

    def __init__(self, way: str, receive: Callable[[Kind, bytes], None], patience: Patience | None) -> None:
        self.board = HealthBoard(now_ns=lambda: 0)
        spec = ChildSpec("odd", "tests.unit.flow.odd_child", (way,), environment=(("PYTHONPATH", str(ROOT)),))
        self.child = Child(spec, board=self.board, receive=receive, backoff=SOON, patience=patience)

    @property
    def started(self) -> int:
        """How often it was started."""
        return self.board.counters("odd")["started"]

    @property
    def kinds(self) -> set[str]:
        """Kinds of the events so far."""
        return {event.kind for event in self.board.events}


@contextlib.asynccontextmanager
async def running(
    way: str, *, receive: Callable[[Kind, bytes], None] = ignore, patience: Patience | None = None
) -> AsyncIterator[Odd]:
    odd = Odd(way, receive, patience)
    task = asyncio.create_task(odd.child.run())
    try:
        yield odd
    finally:
        task.cancel()
        async with asyncio.timeout(30):
            with contextlib.suppress(asyncio.CancelledError):
                await task


def open_sockets() -> set[str]:
    """Sockets of this process."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            found.add(os.readlink(f"/proc/self/fd/{name}"))
    return {name for name in found if name.startswith("socket:")}


def is_gone(pid: int) -> bool:
    """Whether a process has ended and was collected."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.timeout(60)
async def test_child_that_breaks_the_link_and_reads_nothing_is_killed_and_started_again() -> None:
    async with running("deaf") as odd:
        await until(lambda: odd.child.link is not None)
        odd.child.send(Kind.SCENE, BIG)
        await until(lambda: odd.started == 2, timeout_s=20)
    assert {"link_broken", "child_exited"} <= odd.kinds


@pytest.mark.timeout(60)
async def test_child_that_reads_nothing_does_not_keep_the_parent_from_ending() -> None:
    before = open_sockets()
    async with running("stops") as odd:
        await until(lambda: odd.board.state("odd") is HealthState.OK)
        process = odd.child.process
        assert process is not None
        odd.child.send(Kind.SCENE, BIG)
        await asyncio.sleep(0)
    assert is_gone(process.pid)
    assert open_sockets() <= before


@pytest.mark.timeout(60)
async def test_child_that_listens_no_more_is_started_again() -> None:
    async with running("closes_one_half") as odd:
        await until(lambda: odd.board.state("odd") is HealthState.OK)

        def sent_until_started_again() -> bool:
            odd.child.send(Kind.SCENE, b"scene")
            return odd.started == 2

        await until(sent_until_started_again)


@pytest.mark.timeout(60)
async def test_child_that_stands_still_is_started_again() -> None:
    async with running("stops", patience=Patience(working=3, tick_s=0.02)) as odd:
        await until(lambda: odd.started == 2)
    assert "child_silent" in odd.kinds


@pytest.mark.timeout(60)
async def test_child_that_ends_in_the_middle_of_a_message_is_started_again() -> None:
    async with running("half_a_message") as odd:
        await until(lambda: odd.started == 2)


@pytest.mark.timeout(60)
async def test_message_that_the_parent_cannot_digest_ends_the_child_and_not_the_parent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("EDGE_STRICT", raising=False)

    def receive(_kind: Kind, _payload: bytes) -> None:
        raise ZeroDivisionError

    async with running("works", receive=receive) as odd:
        await until(lambda: odd.started == 2)
    assert odd.board.counters("odd")["bugs"] >= 1


@pytest.mark.timeout(60)
async def test_process_that_cannot_be_started_is_tried_again_and_leaves_no_socket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    interpreter, before = sys.executable, open_sockets()
    monkeypatch.setattr(sys, "executable", "/nonexistent")
    async with running("works") as odd:
        await until(lambda: odd.board.counters("odd")["restarts"] >= 3)
        assert open_sockets() <= before | {name for name in open_sockets() if odd.child.link is not None}
        assert odd.board.state("odd") is HealthState.DOWN
        monkeypatch.setattr(sys, "executable", interpreter)
        await until(lambda: odd.board.state("odd") is HealthState.OK)
    assert any("cannot start a process" in event.text for event in odd.board.events)
    assert open_sockets() <= before


def test_every_way_is_tried() -> None:
    assert len(WAYS) == 5
