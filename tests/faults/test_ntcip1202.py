"""A polled controller that falls silent, loses its port, restarts or is impersonated: through driver, pump and lane."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import socket
from collections.abc import AsyncIterator

from edge.core.health import HealthState
from edge.core.stamp import NS_PER_MS
from edge.signals.lane import LaneLimits
from hw.signal.ntcip1202.controller import Ntcip1202Controller, PollSettings
from hw.snmp.client import Agent
from hw.snmp.message import RESPONSE, decode_message, encode_message
from tests.faults.signal_path import SignalPath
from tests.ntcip_street import Street, street
from tests.waiting import until

PERIOD_S = 0.1
LIVENESS_NS = round(2.5 * PERIOD_S * 1000) * NS_PER_MS
Node = SignalPath[Ntcip1202Controller]


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[tuple[Node, Street]]:
    async with street() as s:
        settings = PollSettings(period_s=PERIOD_S, timeout_s=PERIOD_S, calm_s=0.05)
        controller = Ntcip1202Controller(Agent(*s.address), name="controller", settings=settings)
        node = SignalPath(controller, limits=LaneLimits(liveness_ns=LIVENESS_NS))
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(node.run(), name="pump")
            try:
                await until(lambda: not node.state.withdrawn)
                yield node, s
            finally:
                task.cancel()


async def test_silence_withdraws_and_three_polls_bring_the_signals_back() -> None:
    async with running() as (node, s):
        s.agent.faults.silent = True
        await until(lambda: node.tick().withdrawn)
        assert node.state.reasons == ("controller is silent",)
        await until(lambda: node.board.state("controller") is HealthState.DOWN)
        s.agent.faults.silent = False
        await until(lambda: not node.state.withdrawn)
        assert node.board.state("controller") is HealthState.OK


async def test_a_port_that_closes_and_comes_back_needs_no_reconnect() -> None:
    async with running() as (node, s):
        s.agent.close()
        await until(lambda: node.tick().withdrawn)
        await until(lambda: node.controller.counters["unreachable"] > 0)
        s.agent.open(*s.address)
        await until(lambda: not node.state.withdrawn)


async def test_answers_that_come_after_their_time_are_no_sign_of_life() -> None:
    async with running() as (node, s):
        s.agent.faults.delay_s = 2 * PERIOD_S
        await until(lambda: node.tick().withdrawn)
        await until(lambda: node.controller.counters["late"] > 0)
        assert node.tick().withdrawn


async def test_noise_is_no_sign_of_life() -> None:
    async with running() as (node, s):
        s.agent.faults.garbage = 10**9
        await until(lambda: node.tick().withdrawn)
        assert node.controller.counters["bad_pdu"] > 0


async def test_refusals_are_no_sign_of_life() -> None:
    async with running() as (node, s):
        s.agent.faults.most_octets = 50
        await until(lambda: node.tick().withdrawn)
        assert node.controller.counters["too_big"] > 0
        s.agent.faults.most_octets = 1400
        await until(lambda: not node.state.withdrawn)


async def test_a_stranger_with_the_right_identifiers_changes_nothing() -> None:
    async with running() as (node, s), asyncio.timeout(20):
        heard: list[tuple[bytes, tuple[str, int]]] = []
        answer = s.agent.answer
        s.agent.answer = lambda datagram: (heard.append((datagram, ("", 0))), answer(datagram))[1]  # type: ignore[method-assign]
        seen = node.lane.counters["snapshots"]
        ports = _client_ports(node)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            while node.lane.counters["snapshots"] < seen + 5:
                await until(lambda: heard)
                request = decode_message(heard.pop()[0])
                values = tuple(dataclasses.replace(request, kind=RESPONSE).varbinds)
                forged = dataclasses.replace(request, kind=RESPONSE, error_status=5, varbinds=values)
                stranger.sendto(encode_message(forged), ports)
        assert not node.state.withdrawn
        assert node.controller.counters["poll_errors"] == 0


def _client_ports(node: Node) -> tuple[str, int]:
    """Where the driver's own socket is."""
    transport = node.controller._client._transport
    assert transport is not None
    name = transport.get_extra_info("sockname")
    return name[0], name[1]
