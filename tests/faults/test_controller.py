"""A controller that falls silent, freezes or lies: through the real socket, pump and lane."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from edge.core.health import HealthState
from edge.core.signals import MovementState, SignalState
from edge.core.stamp import NS_PER_MS
from hw.signal.tscbm_controller import TscbmController
from tests.faults.signal_path import SignalPath
from tests.tscbm_sender import TscbmSender
from tests.waiting import until

LIVENESS_NS = 300 * NS_PER_MS
Node = SignalPath[TscbmController]


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[tuple[Node, TscbmSender]]:
    node = SignalPath(TscbmController("127.0.0.1", 0, name="controller"))
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(node.run(), name="pump")
        await until(lambda: node.controller.address is not None)
        assert node.controller.address is not None
        sender = TscbmSender(node.controller.address)
        try:
            yield node, sender
        finally:
            sender.close()
            task.cancel()


async def take(node: Node, sender: TscbmSender, **lamps: int) -> SignalState:
    """Send one message and return what the lane made of it."""
    seen = node.lane.counters["snapshots"]
    sender.send(**lamps)
    await until(lambda: node.lane.counters["snapshots"] > seen)
    return node.state


async def show(node: Node, sender: TscbmSender) -> None:
    async with asyncio.timeout(10):
        while (await take(node, sender)).withdrawn:
            pass


async def test_silent_controller_is_withdrawn_and_comes_back_after_three_messages() -> None:
    async with running() as (node, sender):
        await show(node, sender)
        alive_ns = node.state.alive_ns
        await until(lambda: node.tick().withdrawn)
        assert node.state.published_ns > alive_ns + LIVENESS_NS
        assert node.state.reasons == ("controller is silent",)
        await until(lambda: node.board.state("controller") is HealthState.DOWN)
        async with asyncio.timeout(10):
            withdrawn = 0
            while (await take(node, sender)).withdrawn:
                withdrawn += 1
        assert withdrawn >= 2, (
            "two or more messages before the one that shows it, as they may come in one burst"
        )
        assert node.board.state("controller") is HealthState.OK


async def test_frozen_controller_dies_while_its_datagrams_go_on() -> None:
    async with running() as (node, sender):
        await show(node, sender)
        payload = sender.send()
        await until(lambda: node.controller.counters["received"] >= 4)

        def frozen() -> bool:
            sender.send_raw(payload)
            return node.tick().withdrawn

        await until(frozen)
        assert node.state.reasons == ("controller is silent",)
        assert node.controller.counters["repeated"] > 0


async def test_garbage_keeps_nobody_alive() -> None:
    async with running() as (node, sender):
        await show(node, sender)

        def garbage() -> bool:
            sender.send_raw(bytes(245))
            return node.tick().withdrawn

        await until(garbage)
        assert node.controller.counters["bad_content"] > 0


async def test_conflicting_greens_withdraw_with_the_same_message() -> None:
    async with running() as (node, sender):
        await show(node, sender)
        state = await take(node, sender, greens=0b11, reds=0)
        assert state.reasons == ("conflicting greens: signal groups 1 and 2",)
        assert {group.state for group in state.groups} == {MovementState.UNAVAILABLE}


@pytest.mark.parametrize("lamps", [{"greens": 0b1, "reds": 0b11}, {"greens": 0b11, "reds": 0b11}])
async def test_contradicting_lamps_withdraw(lamps: dict[str, int]) -> None:
    async with running() as (node, sender):
        await show(node, sender)
        state = await take(node, sender, **lamps)
        assert state.withdrawn
        assert any("unknown" in reason for reason in state.reasons)
