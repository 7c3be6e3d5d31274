"""Streams of requests for priority, and the client at their other end: limits, bad messages, losses."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path

import grpc
import pytest

from edge.core.priority import Standing
from edge.publish import priority as streams_module
from edge.publish.hub import Hub
from edge.publish.priority import MOST_OF_A_PEER, MOST_STREAMS
from edge.sdk import EdgeClient, EdgeClientError, RefusedError
from tests.certificates import secure_channel
from tests.unit.app.priority_corner import Serving, asked, wire
from tests.unit.publish.feed import served
from tests.waiting import until

METHOD = "/edge.v1.IntersectionService/RequestPriority"
MOST_STRANGERS = MOST_STREAMS[Standing.STRANGER]


async def test_a_vehicle_has_only_so_many_requests_at_a_time(tmp_path: Path) -> None:
    serving = Serving(tmp_path)
    async with serving.client() as client:
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(MOST_OF_A_PEER):
                await stack.enter_async_context(client.request_priority(asked()))
            await until(lambda: serving.streams.counters["streams"] == MOST_OF_A_PEER)
            async with client.request_priority(asked()) as call:
                with pytest.raises(RefusedError, match="of one vehicle 4"):
                    await call.wait_for("granted", timeout_s=10)
        await until(lambda: serving.streams.counters["streams"] == 0)
    assert serving.streams.counters["streams_refused"] == 1


async def test_vehicles_that_may_not_ask_leave_the_others_their_places(tmp_path: Path) -> None:
    serving = Serving(tmp_path)
    async with contextlib.AsyncExitStack() as stack:
        client = await stack.enter_async_context(serving.client())
        for number in range(MOST_STRANGERS // MOST_OF_A_PEER):
            car = await stack.enter_async_context(serving.other(f"car-{number}"))
            for _ in range(MOST_OF_A_PEER):
                await stack.enter_async_context(car.request_priority(asked()))
        await until(lambda: serving.streams.counters["streams"] == MOST_STRANGERS)
        last = await stack.enter_async_context(serving.other("car-9"))
        call = await stack.enter_async_context(last.request_priority(asked()))
        with pytest.raises(RefusedError, match="requests at a time: 16"):
            await call.wait_for("granted", timeout_s=10)
        bus = await stack.enter_async_context(client.request_priority(asked()))
        await bus.wait_for("granted", timeout_s=10)


async def test_an_arbiter_that_has_died_grants_nothing(tmp_path: Path) -> None:
    serving = Serving(tmp_path)
    async with serving.client() as client, client.request_priority(asked(in_s=8.0)) as call:
        await call.wait_for("granted", timeout_s=10)
        assert serving.running is not None
        serving.running.cancel()
        status = await call.wait_for("unknown", timeout_s=10)
        assert "nobody judges" in status.reason
    assert serving.corner.commander.wishes == {}


async def test_a_message_that_cannot_be_ends_the_request_with_its_reason(tmp_path: Path) -> None:
    serving = Serving(tmp_path)
    async with serving.client() as client, client.request_priority(asked()) as call:
        await call.wait_for("granted", timeout_s=10)
        call.update(asked(duration_s=100.0))
        status = await call.wait_for("rejected", timeout_s=10)
        assert "duration_s must be 0 to 60" in status.reason
        await until(lambda: not serving.corner.commander.wishes)
    assert serving.streams.counters["messages_bad"] >= 1


async def test_a_silent_vehicle_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams_module, "SILENCE_S", 0.05)
    monkeypatch.setattr(streams_module, "REPEAT_S", 0.02)
    serving = Serving(tmp_path)
    async with serving.client(), secure_channel(serving.address, tmp_path / "pki" / "bus-17") as channel:
        call = channel.stream_stream(METHOD)()
        await call.write(wire(time.time_ns()))
        assert await code_of(call) is grpc.StatusCode.DEADLINE_EXCEEDED
    assert serving.streams.counters["streams"] == 0


async def test_messages_that_come_too_fast_are_dropped(tmp_path: Path) -> None:
    serving = Serving(tmp_path)
    async with serving.client(), secure_channel(serving.address, tmp_path / "pki" / "bus-17") as channel:
        call = channel.stream_stream(METHOD)()
        for _ in range(50):
            await call.write(wire(time.time_ns()))
        await until(lambda: serving.streams.counters["messages_limited"] >= 1)
        assert serving.streams.counters["messages"] >= 1
        call.cancel()


async def test_a_client_comes_back_after_a_loss_and_asks_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving = Serving(tmp_path)
    async with serving.client() as client, client.request_priority(asked(in_s=6.0)) as call:
        await call.wait_for("granted", timeout_s=10)
        monkeypatch.setattr(streams_module, "SILENCE_S", -1.0)  # the node ends the stream
        await call.wait_for("unknown", timeout_s=10)
        monkeypatch.undo()
        await call.wait_for("reservice_locked", timeout_s=10)
        assert client.counters.reconnects >= 1


async def test_an_answer_that_is_over_is_unknown(tmp_path: Path) -> None:
    serving = Serving(tmp_path)
    async with serving.client() as client, client.request_priority(asked()) as call:
        granted = await call.wait_for("granted", timeout_s=10)
        call._now_ns = lambda: granted.valid_until_ns + 10_000_000_000
        assert call.status.state == "unknown"


async def test_a_clock_that_is_set_back_keeps_no_old_answer(tmp_path: Path) -> None:
    serving = Serving(tmp_path)
    async with serving.client() as client, client.request_priority(asked()) as call:
        granted = await call.wait_for("granted", timeout_s=10)
        call._now_ns = lambda: granted.valid_until_ns - 3_600_000_000_000
        assert call.status.state == "unknown"


async def test_a_request_that_was_left_has_no_answers_any_more(tmp_path: Path) -> None:
    serving = Serving(tmp_path)
    async with serving.client() as client:
        async with client.request_priority(asked()) as call:
            await call.wait_for("granted", timeout_s=10)
        with pytest.raises(EdgeClientError, match="the request has ended"):
            await call.wait_for("unknown", timeout_s=10)


async def test_a_role_that_there_is_not_is_the_callers_mistake() -> None:
    client = EdgeClient("127.0.0.1:1")
    with pytest.raises(ValueError, match="REQUESTED_ROLE_PRESIDENT"):
        client.request_priority(asked(role="president"))


async def test_a_server_without_a_desk_takes_no_requests() -> None:
    async with (
        asyncio.timeout(30),
        served(Hub()) as server,
        EdgeClient(server.address) as client,
        client.request_priority(asked()) as call,
    ):
        with pytest.raises(RefusedError, match="takes no requests for priority"):
            await call.wait_for("granted", timeout_s=10)


async def code_of(call: grpc.aio.StreamStreamCall) -> grpc.StatusCode:
    """The status that a call ends with, read to its end."""
    with contextlib.suppress(grpc.aio.AioRpcError):
        while await call.read() is not grpc.aio.EOF:
            pass
    code: grpc.StatusCode = await call.code()
    return code


async def test_a_request_whose_client_is_closed_says_so(tmp_path: Path) -> None:
    serving = Serving(tmp_path)
    async with serving.client() as client, client.request_priority(asked()) as call:
        await call.wait_for("granted", timeout_s=10)
        await client.__aexit__(None, None, None)
        with pytest.raises(EdgeClientError, match="the client was closed"):
            await call.wait_for("rejected", timeout_s=10)
