"""A controller that falls silent, freezes or lies: through the real socket, pump and lane."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import numpy as np
import pytest

from edge.core.geodesy import LocalFrame
from edge.core.health import HealthState
from edge.core.intersection import Connection, Intersection, Lane, LaneKind, Maneuver
from edge.core.signals import GroupKind, MovementState, SignalState
from edge.core.stamp import NS_PER_MS
from edge.flow.board import HealthBoard
from edge.signals.lane import SignalLane
from edge.signals.phases import GroupRule
from edge.sources.signals import pump_controller
from hw.signal.tscbm_controller import TscbmController
from tests.tscbm_sender import TscbmSender
from tests.waiting import until

LIVENESS_NS = 300 * NS_PER_MS


def crossing() -> Intersection:
    """Group 1 goes east, group 2 goes north."""

    def lane(number: int, start: tuple[float, float], end: tuple[float, float], *to: Connection) -> Lane:
        points = np.array([start, end])
        return Lane(number, LaneKind.VEHICLE, bool(to), not to, 3.5, points, to)

    east = Connection(2, 1, Maneuver.STRAIGHT)
    north = Connection(4, 2, Maneuver.STRAIGHT)
    lanes = (
        lane(1, (-10.0, 0.0), (-50.0, 0.0), east),
        lane(2, (10.0, 0.0), (50.0, 0.0)),
        lane(3, (0.0, -10.0), (0.0, -50.0), north),
        lane(4, (0.0, 10.0), (0.0, 50.0)),
    )
    return Intersection(7, None, 1, "crossing", LocalFrame(48.0, 11.0), lanes)


class Node:
    """The signal path of the front: pump, lane and the newest state."""

    def __init__(self) -> None:
        rules = {(GroupKind.VEHICLE, number): GroupRule(number) for number in (1, 2)}
        self.lane = SignalLane(crossing(), groups=rules)
        self.controller = TscbmController("127.0.0.1", 0, name="controller")
        self.board = HealthBoard(now_ns=time.time_ns)
        self.state: SignalState = self.lane.tick(time.time_ns())

    def tick(self) -> SignalState:
        self.state = self.lane.tick(time.time_ns())
        return self.state

    async def run(self) -> None:
        await pump_controller(
            self.controller,
            lambda snapshot: setattr(self, "state", self.lane.update(snapshot, time.time_ns())),
            component="controller",
            board=self.board,
            silent_after_s=0.5,
        )


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[tuple[Node, TscbmSender]]:
    node = Node()
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
