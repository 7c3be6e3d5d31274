"""A route from node to node: the client of the one ahead, and what happens when one does not answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from edge.core.geodesy import LocalFrame
from edge.publish.grpc_server import IntersectionServer
from edge.publish.hub import Hub
from edge.sdk import EdgeClient, EdgeRoute
from edge.v1 import common_pb2, intersection_pb2
from tests.unit.publish.feed import signals

NORTH_DEG = 300.0 / 111_195.0
"""300 m."""


@contextlib.asynccontextmanager
async def node(number: int) -> AsyncIterator[str]:
    """A node 300 m north of the one before; gives its address."""
    latitude = 52.0 + number * NORTH_DEG
    hello = intersection_pb2.Intersection(
        node_id=f"n{number}", origin=common_pb2.GeoPoint(latitude_deg=latitude, longitude_deg=13.0)
    )
    hub, frame = Hub(), LocalFrame(latitude, 13.0)
    server = IntersectionServer(hub, intersection=hello, frame=frame, listen="127.0.0.1:0")
    async with server.serving(grace_s=0.1):
        hub.publish(signals(life_s=60))
        yield server.address


async def test_the_client_ahead_changes_on_the_way_and_the_next_is_open_before() -> None:
    async with contextlib.AsyncExitStack() as stack, asyncio.timeout(30):
        addresses = [await stack.enter_async_context(node(number)) for number in range(3)]
        route = await stack.enter_async_context(EdgeRoute([EdgeClient(each) for each in addresses]))
        seen = []
        for step in range(-2, 10):
            client = await route.advance(52.0 + step * NORTH_DEG / 4, 13.0)
            seen.append(addresses.index(client.address))
            assert not (await client.signals()).withdrawn
    assert seen == sorted(seen)
    assert seen[:3] == [0, 0, 0], "up to the first stop line it is the first"
    assert set(seen) == {0, 1, 2}
    assert seen[-1] == 2, "the last one stays"


async def test_a_node_that_does_not_answer_is_passed_when_the_next_is_nearer() -> None:
    async with contextlib.AsyncExitStack() as stack, asyncio.timeout(30):
        answers = await stack.enter_async_context(node(1))
        silent = EdgeClient("127.0.0.1:1", timeout_s=0.05)
        route = await stack.enter_async_context(EdgeRoute([silent, EdgeClient(answers)]))
        client = await route.advance(52.0 + NORTH_DEG, 13.0)
    assert client.address == answers


async def test_two_nodes_in_a_row_that_do_not_answer_are_passed() -> None:
    async with contextlib.AsyncExitStack() as stack, asyncio.timeout(30):
        answer = [await stack.enter_async_context(node(number)) for number in (0, 3)]
        silent = ["127.0.0.1:1", "127.0.0.1:2"]
        clients = [EdgeClient(each, timeout_s=0.05) for each in (answer[0], *silent, answer[1])]
        route = await stack.enter_async_context(EdgeRoute(clients))
        passed = []
        for step in range(16):
            client = await route.advance(52.0 + step * NORTH_DEG / 4, 13.0)
            passed.append(client.address)
    assert passed[0] == answer[0]
    assert passed[-1] == answer[1]


async def test_route_of_silent_nodes_holds_up_the_first_call_alone() -> None:
    async with contextlib.AsyncExitStack() as stack, asyncio.timeout(30):
        silent = [EdgeClient(f"127.0.0.1:{port}", timeout_s=60.0) for port in range(1, 4)]
        route = await stack.enter_async_context(EdgeRoute(silent))
        for _ in range(200):
            assert await route.advance(52.0, 13.0) is silent[0]


def test_a_route_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        EdgeRoute([])
