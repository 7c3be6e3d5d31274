"""Supervision: devices are retried, bugs counted within a budget, pauses grow and stay bounded."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import DeviceError
from edge.core.health import HealthState
from edge.flow.board import HealthBoard
from edge.flow.supervise import Backoff, Budget, RestartCounter, supervise

QUICK = Backoff(first_s=0.0, limit_s=0.0)


def board() -> HealthBoard:
    return HealthBoard(now_ns=lambda: 1)


async def run_until_ends(count: int, error: Exception | None, health: HealthBoard) -> int:
    """Supervise a task that fails `count` times, then waits; returns the number of starts."""
    starts, enough = 0, asyncio.Event()

    async def work() -> None:
        nonlocal starts
        starts += 1
        if starts > count:
            enough.set()
            await asyncio.Event().wait()
        if error is not None:
            raise error

    task = asyncio.create_task(supervise("thing", work, board=health, backoff=QUICK, budget=Budget(100)))
    done = asyncio.create_task(enough.wait())
    await asyncio.wait({task, done}, return_when=asyncio.FIRST_COMPLETED, timeout=10)
    done.cancel()
    if task.done():
        await task
    task.cancel()
    return starts


async def test_lost_device_is_retried_and_reported() -> None:
    health = board()
    assert await run_until_ends(3, DeviceError("camera", "gone", remedy="plug it in"), health) == 4
    (entry,) = health.snapshot()
    assert entry.state is HealthState.DOWN
    assert entry.message == "camera: gone (plug it in)"
    assert entry.counters["restarts"] == 3
    assert "bugs" not in entry.counters


async def test_plain_return_counts_as_lost() -> None:
    health = board()
    assert await run_until_ends(2, None, health) == 3


async def test_bug_is_counted_and_becomes_an_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGE_STRICT", raising=False)
    health = board()
    await run_until_ends(2, ZeroDivisionError("oh"), health)
    counters = {entry.component: entry.counters for entry in health.snapshot()}
    assert counters["thing"]["bugs"] == 2
    assert counters["events"] == {"bug": 2}
    assert [e.kind for e in health.events] == ["bug", "bug"]


async def test_bug_is_fatal_under_strict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_STRICT", "1")
    with pytest.raises(ZeroDivisionError):
        await run_until_ends(1, ZeroDivisionError("oh"), board())


def test_restarts_beyond_the_budget_rest_for_the_window() -> None:
    counter = RestartCounter(Budget(restarts=3, window_s=60.0))
    assert [counter.spend(t) for t in (0.0, 1.0, 2.0)] == [0.0, 0.0, 0.0]
    assert counter.spend(3.0) == pytest.approx(57.0)
    assert counter.spend(100.0) == 0.0


@given(attempt=st.integers(0, 10_000), seed=st.integers(0, 1000))
def test_pause_is_bounded(attempt: int, seed: int) -> None:
    pause = Backoff().pause_s(attempt, source=random.Random(seed))
    assert 0.0 < pause <= 12.0


def test_remote_components_go_down_with_their_process() -> None:
    health = board()
    from edge.core.health import Health

    health.merge(Health("camera.north.source", HealthState.OK, 0))
    health.merge(Health("camera.south.source", HealthState.OK, 0))
    health.forget("camera.north.", message="its process is gone")
    states = {h.component: h.state for h in health.snapshot()}
    assert states == {"camera.north.source": HealthState.DOWN, "camera.south.source": HealthState.OK}
