"""The interceptor: every method of the table with every role, default deny, limits, and requests that are none."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Mapping

import grpc
import pytest

from edge.access.guard import Guard
from edge.access.limits import AccessLimits
from edge.access.roles import LOCAL_ROLES, Peer, Role, current_peer
from edge.access.table import METHODS, roles_for
from tests.waiting import until

ECHO = "/edge.v1.IntersectionService/GetState"


class RoleJudge:
    """Takes every caller for a holder of the given roles."""

    def __init__(self, *roles: Role) -> None:
        self.roles = frozenset(roles)

    def identify(self, authentication: Mapping[str, list[bytes]], *, host: str) -> tuple[Peer, bytes]:
        return Peer(host, self.roles), b""

    def check(self, pem: bytes) -> Peer:
        raise AssertionError


async def echo(request: bytes, _context: grpc.aio.ServicerContext) -> bytes:
    peer = current_peer.get()
    assert peer is not None
    return request + b" of " + peer.host.encode()


async def wait(_request: bytes, context: grpc.aio.ServicerContext) -> None:
    await context.write(b"open")
    await asyncio.Event().wait()


def read(content: bytes) -> bytes:
    if content.startswith(b"\xff"):
        raise ValueError("no request of mine")
    return content


class Offers(grpc.GenericRpcHandler):
    """Offers every method of the table and one that is not in it; `Subscribe` stays open."""

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        if details.method.endswith("/Subscribe"):
            return grpc.unary_stream_rpc_method_handler(wait, request_deserializer=read)
        if details.method.endswith("Absent"):
            return None
        return grpc.unary_unary_rpc_method_handler(echo, request_deserializer=read)


@contextlib.asynccontextmanager
async def guarded(guard: Guard) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to a server behind the guard."""
    server = grpc.aio.server(interceptors=(guard,), options=[("grpc.max_receive_message_length", 1000)])
    server.add_generic_rpc_handlers((Offers(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        options = [("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
            yield channel
    finally:
        await server.stop(0)


async def code(channel: grpc.aio.Channel, method: str, request: bytes = b"x") -> grpc.StatusCode:
    """What a call ends with; a stream counts as good once it has answered."""
    call = channel.unary_stream(method)(request, timeout=5.0)
    try:
        if await call.read() is not grpc.aio.EOF:
            return grpc.StatusCode.OK
        found: grpc.StatusCode = await call.code()
    except grpc.aio.AioRpcError as error:
        return error.code()
    else:
        return found
    finally:
        call.cancel()


@pytest.mark.parametrize("role", Role, ids=str)
async def test_every_method_is_open_to_the_roles_of_its_row_alone(role: Role) -> None:
    guard = Guard(RoleJudge(role))
    async with guarded(guard) as channel:
        for method in METHODS:
            allowed = grpc.StatusCode.OK if role in roles_for(method) else grpc.StatusCode.PERMISSION_DENIED
            assert await code(channel, method) is allowed, method
        refused = sum(role not in roles_for(method) for method in METHODS)
    assert guard.counters["refused_role"] == refused


async def test_method_without_row_is_for_nobody() -> None:
    async with guarded(Guard(RoleJudge(*Role))) as channel:
        assert await code(channel, "/edge.v1.Future/Command") is grpc.StatusCode.PERMISSION_DENIED
        assert await code(channel, "/edge.v1.Future/Absent") is grpc.StatusCode.UNIMPLEMENTED


async def test_local_program_commands_nothing() -> None:
    assert not LOCAL_ROLES & {Role.OPERATOR, Role.CENTRE}


async def test_handler_finds_who_calls() -> None:
    async with guarded(Guard(RoleJudge(Role.VEHICLE))) as channel:
        assert await channel.unary_unary(ECHO)(b"state") == b"state of 127.0.0.1"


async def test_calls_beyond_the_rate_are_refused_until_time_passes() -> None:
    now_s = 0.0
    limits = AccessLimits(calls_per_s=1.0, burst=3)
    guard = Guard(RoleJudge(Role.VEHICLE), limits=limits, steady_s=lambda: now_s)
    async with guarded(guard) as channel:
        found = [await code(channel, ECHO) for _ in range(5)]
        assert [c is grpc.StatusCode.OK for c in found] == [True, True, True, False, False]
        assert found[4] is grpc.StatusCode.RESOURCE_EXHAUSTED
        now_s = 1.0
        assert await code(channel, ECHO) is grpc.StatusCode.OK
    assert guard.counters["refused_rate"] == 2


async def test_calls_open_at_a_time_are_bounded_and_an_ended_one_makes_room() -> None:
    guard = Guard(RoleJudge(Role.VEHICLE), limits=AccessLimits(open_calls=2))
    subscribe = "/edge.v1.IntersectionService/Subscribe"
    async with guarded(guard) as channel:
        calls = [channel.unary_stream(subscribe)(b"x") for _ in range(2)]
        assert [await call.read() for call in calls] == [b"open", b"open"]
        assert await code(channel, subscribe) is grpc.StatusCode.RESOURCE_EXHAUSTED
        calls[0].cancel()
        await until(lambda: guard.counters["open"] == 1)
        assert await code(channel, subscribe) is grpc.StatusCode.OK


async def test_malformed_oversized_and_absent_requests_are_counted() -> None:
    guard = Guard(RoleJudge(Role.VEHICLE), limits=AccessLimits(request_s=0.1))
    async with guarded(guard) as channel:
        assert await code(channel, ECHO, b"\xff") is grpc.StatusCode.INVALID_ARGUMENT
        assert await code(channel, ECHO, b"x" * 2000) is grpc.StatusCode.RESOURCE_EXHAUSTED
        silent = channel.stream_stream(ECHO)()
        assert await silent.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        empty = channel.stream_stream(ECHO)()
        await empty.done_writing()
        assert await empty.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert await code(channel, ECHO) is grpc.StatusCode.OK
    counted = Counter({k: n for k, n in guard.counters.items() if k.startswith("refused")})
    assert counted["refused_slow"] == 1
    assert counted["refused_malformed"] >= 2
