"""Nodes and queries over real gRPC on a free port."""

from __future__ import annotations

import asyncio
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from edge.centre.run import Addresses, run_centre
from edge.centre.server import CentreServer
from edge.centre.state import Registry
from edge.core.errors import DeviceError
from edge.v1 import centre_pb2, centre_pb2_grpc
from tests.unit.centre.feed import hand_node, hello, running_centre
from tests.unit.centre.http_client import get, opened, read_event


def queries(channel: grpc.aio.Channel) -> centre_pb2_grpc.QueryServiceStub:
    return centre_pb2_grpc.QueryServiceStub(channel)


async def test_batches_are_acknowledged_and_seen_in_queries_and_on_the_page() -> None:
    async with running_centre() as centre, hand_node(centre.server.port, "n1") as node:
        assert (await node.send()).acked_sequence == 2
        async with grpc.aio.insecure_channel(f"127.0.0.1:{centre.server.port}") as channel:
            listed = await queries(channel).ListIntersections(centre_pb2.ListIntersectionsRequest())
            assert [(i.node_id, i.status, i.updates_total) for i in listed.intersections] == [
                ("n1", centre_pb2.NODE_STATUS_LIVE, 8)
            ]
            state = await queries(channel).GetIntersectionState(
                centre_pb2.GetIntersectionStateRequest(node_id="n1")
            )
            assert len(state.intersection.lanes) == 20
            assert len(state.state.scene.road_users) == 8
            assert len(state.state.signals.groups) == 6
        answer = await get(centre.web.port, "/api/intersections/n1")
        assert len(answer.json()["scene"]["objects"]) == 8


async def test_second_node_of_a_live_id_is_refused_and_the_first_goes_on() -> None:
    async with running_centre() as centre, hand_node(centre.server.port, "n1") as first:
        async with hand_node(centre.server.port, "n1", connect=False) as second:
            reply = await second.send(say_hello=True, name="Intruder")
            assert reply.refusal == centre_pb2.REFUSAL_DUPLICATE_NODE
            assert "connected from" in reply.message
            assert await second.ended() is grpc.StatusCode.OK
        assert (await first.send()).refusal == centre_pb2.REFUSAL_UNSPECIFIED
        node = centre.registry.node("n1")
        assert node is not None
        assert node.description.name == "Harbour Road / 3rd Street"


async def test_id_is_free_after_disconnect() -> None:
    async with running_centre() as centre:
        async with hand_node(centre.server.port, "n1"):
            pass
        node = centre.registry.node("n1")
        assert node is not None
        async with asyncio.timeout(5):
            while node.session is not None:
                await node.changed.wait_newer(node.changed.version)
        async with hand_node(centre.server.port, "n1"):
            assert node.sessions == 2


def bad_hello(kind: str) -> centre_pb2.NodeBatch:
    batch = centre_pb2.NodeBatch(node_id="n1", sequence=1, hello=hello("n1"))
    if kind == "absent":
        batch.ClearField("hello")
    elif kind == "nan":
        batch.hello.lanes[0].points[0].x_m = math.nan
    elif kind == "lanes":
        batch.hello.lanes.extend([batch.hello.lanes[0]] * 300)
    elif kind == "id":
        batch.node_id = "\x1b[2J"
    return batch


@pytest.mark.parametrize("kind", ["absent", "nan", "lanes", "id"])
async def test_unusable_hello_is_refused(kind: str) -> None:
    async with running_centre() as centre:
        async with hand_node(centre.server.port, "n1", connect=False) as node:
            reply = await node.send_raw(bad_hello(kind))
            assert reply.refusal == centre_pb2.REFUSAL_BAD_HELLO
        assert len(centre.registry) == 0


async def test_full_centre_refuses() -> None:
    async with (
        running_centre(capacity=1) as centre,
        hand_node(centre.server.port, "n1"),
        hand_node(centre.server.port, "n2", connect=False) as second,
    ):
        assert (await second.send(say_hello=True)).refusal == centre_pb2.REFUSAL_FULL


async def test_stream_that_changes_its_id_is_ended() -> None:
    async with running_centre() as centre, hand_node(centre.server.port, "n1") as node:
        node.node_id = "n2"
        assert (await node.send()).refusal == centre_pb2.REFUSAL_BAD_HELLO
        await node.ended()


async def test_old_repeated_and_unknown_updates_are_counted() -> None:
    async with running_centre() as centre, hand_node(centre.server.port, "n1") as node:
        node.sequence -= 1
        await node.send()
        node.sequence -= 2
        await node.send()
        batch = centre_pb2.NodeBatch(node_id="n1", sequence=9)
        batch.updates.add().radio_frame.kind = "MAP"
        await node.send_raw(batch)
        known = centre.registry.node("n1")
        assert known is not None
        assert (known.taken, known.dropped_duplicate, known.dropped_old, known.ignored) == (4, 4, 4, 1)


async def test_expired_layers_are_absent() -> None:
    async with running_centre() as centre, hand_node(centre.server.port, "n1") as node:
        await node.send(life_ms=0)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{centre.server.port}") as channel:
            state = await queries(channel).GetIntersectionState(
                centre_pb2.GetIntersectionStateRequest(node_id="n1")
            )
        assert not state.state.HasField("signals")
        assert not state.state.HasField("scene")
        picture = (await get(centre.web.port, "/api/intersections/n1")).json()
        assert picture["signals"] is None
        assert picture["rates"]["signals_seen"] is True


async def test_unknown_intersection_is_not_found() -> None:
    async with (
        running_centre() as centre,
        grpc.aio.insecure_channel(f"127.0.0.1:{centre.server.port}") as channel,
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await queries(channel).GetIntersectionState(centre_pb2.GetIntersectionStateRequest(node_id="x"))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_watch_sends_the_map_once_then_states_as_they_change() -> None:
    async with (
        running_centre() as centre,
        hand_node(centre.server.port, "n1") as node,
        grpc.aio.insecure_channel(f"127.0.0.1:{centre.server.port}") as channel,
        asyncio.timeout(10),
    ):
        call = queries(channel).WatchIntersections(centre_pb2.WatchIntersectionsRequest(node_ids=["n1"]))
        first = await call.read()
        assert first.HasField("intersection")
        for _ in range(20):
            await node.send()
        seen = [first.state.scene.sequence]
        while seen[-1] != node.sequence:
            update = await call.read()
            assert not update.HasField("intersection")
            seen.append(update.state.scene.sequence)
        assert seen == sorted(set(seen)), "none twice, none after a newer one"
        call.cancel()


async def test_watch_tells_that_a_node_has_gone() -> None:
    async with (
        running_centre() as centre,
        asyncio.timeout(20),
        grpc.aio.insecure_channel(f"127.0.0.1:{centre.server.port}") as channel,
    ):
        async with hand_node(centre.server.port, "n1"):
            call = queries(channel).WatchIntersections(centre_pb2.WatchIntersectionsRequest())
            assert (await call.read()).summary.status == centre_pb2.NODE_STATUS_LIVE
        while (await call.read()).summary.status != centre_pb2.NODE_STATUS_STALE:
            pass
        call.cancel()


async def test_health_is_serving() -> None:
    async with (
        running_centre() as centre,
        grpc.aio.insecure_channel(f"127.0.0.1:{centre.server.port}") as channel,
    ):
        stub = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(service="edge.v1.CentreService"))
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_port_in_use_is_said_with_a_remedy() -> None:
    async with running_centre() as centre:
        second = CentreServer(f"127.0.0.1:{centre.server.port}", Registry())
        with pytest.raises(DeviceError, match="choose another port"):
            await second.start()
        await second.stop()


async def test_stream_of_pictures_follows_the_node() -> None:
    async with (
        running_centre() as centre,
        hand_node(centre.server.port, "n1") as node,
        opened(centre.web.port, "/events?id=n1") as (_, _, reader),
    ):
        assert [(await read_event(reader))[0] for _ in range(3)] == ["list", "map", "picture"]
        await node.send(withdrawn="controller silent")
        name, data = await read_event(reader)
        assert name == "picture"
        assert data["signals"]["status"] == "withdrawn"
        assert data["signals"]["groups"] == []
        assert data["signals"]["reasons"] == ["controller silent"]


async def test_run_says_where_it_listens_and_stops_cleanly() -> None:
    told: asyncio.Queue[Addresses] = asyncio.Queue()
    running = asyncio.create_task(
        run_centre(grpc_address="127.0.0.1:0", web_address="127.0.0.1:0", ready=told.put_nowait)
    )
    async with asyncio.timeout(20):
        addresses = await told.get()
        port = int(addresses.web.rstrip("/").rpartition(":")[2])
        async with hand_node(int(addresses.grpc.rpartition(":")[2]), "n1"):
            assert (await get(port, "/api/intersections")).json()["intersections"][0]["id"] == "n1"
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        await get(port, "/healthz")


async def test_health_tells_how_the_history_is_kept(tmp_path: Path) -> None:
    told: asyncio.Queue[Addresses] = asyncio.Queue()
    addresses: dict[str, Any] = {
        "grpc_address": "127.0.0.1:0",
        "web_address": "127.0.0.1:0",
        "ready": told.put_nowait,
    }
    for state in (None, tmp_path):
        running = asyncio.create_task(run_centre(**addresses, state=state))
        async with asyncio.timeout(20):
            port = int((await told.get()).web.rstrip("/").rpartition(":")[2])
            history = (await get(port, "/healthz")).json()["history"]
        running.cancel()
        await asyncio.wait({running})
        kept = {"problem": "", "kept": 0, "lost_size": 0, "lost_age": 0, "failed": 0}
        assert history == (None if state is None else kept)


def test_centre_needs_no_numpy() -> None:
    script = "import sys, edge.centre.run; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == 0
