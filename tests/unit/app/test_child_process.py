"""What a child does on its link: serves, reports its health, and ends when the parent is gone."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest

from edge.app.child_process import ChildProcess
from edge.core.health import Event, Health, HealthState
from edge.flow.link import Kind, Link
from edge.flow.pack import unpack
from tests.waiting import until


class Parent:
    """The parent's end of the link, and what came through it."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.came: list[tuple[Kind, bytes]] = []

    async def listen(self) -> None:
        async for message in self.link.messages():
            self.came.append(message)

    def of(self, kind: Kind) -> list[bytes]:
        """Payloads of one kind."""
        return [payload for found, payload in self.came if found is kind]


@contextlib.asynccontextmanager
async def parent(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Parent]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    monkeypatch.setenv("EDGE_LINK_FD", str(theirs.detach()))
    end = Parent(await Link.from_socket(ours))
    tasks = [asyncio.create_task(end.listen()), asyncio.create_task(end.link.run_writer())]
    try:
        yield end
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await end.link.close()


async def rest() -> None:
    await asyncio.Event().wait()


async def test_child_serves_and_reports_until_the_parent_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    child, taken = ChildProcess(), []
    child.board.set("fusion.tracker", HealthState.DEGRADED, "slow")
    async with parent(monkeypatch) as end:
        served = asyncio.create_task(
            child.run(receive=lambda kind, payload: taken.append((kind, payload)), work=rest)
        )
        end.link.send(Kind.SIGNALS, b"state")
        await until(lambda: taken == [(Kind.SIGNALS, b"state")] and end.of(Kind.HEALTH))
        health = unpack(end.of(Kind.HEALTH)[0], Health)
        assert (health.component, health.state, health.message) == (
            "fusion.tracker",
            HealthState.DEGRADED,
            "slow",
        )
        child.board.event("fusion", "odd", "something happened")
        await until(lambda: end.of(Kind.EVENT))
        assert unpack(end.of(Kind.EVENT)[0], Event).kind == "odd"
        await end.link.close()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait_for(served, 10)
        assert served.done()


async def test_bug_in_the_work_ends_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken() -> None:
        raise RuntimeError("a bug")

    child = ChildProcess()
    async with parent(monkeypatch):
        with pytest.raises(ExceptionGroup) as caught:
            await asyncio.wait_for(child.run(receive=lambda _kind, _payload: None, work=broken), 10)
    assert caught.group_contains(RuntimeError, match="a bug")


def test_sending_without_a_link_is_no_error() -> None:
    ChildProcess().send(Kind.SCENE, b"")
