"""Strangers at a node behind TLS: who is not known, not allowed, or no longer welcome, gets nothing more."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import time
from datetime import timedelta
from pathlib import Path

import grpc
import pytest

from edge.access.roles import Role
from edge.access.table import METHODS, roles_for
from edge.core.health import HealthState
from edge.publish.hub import Hub
from edge.sdk import Credentials, EdgeClient, Layer, NotReachableError, RefusedError
from edge.v1 import common_pb2, node_pb2
from tests.certificates import OWN_CHANNEL, Authority, Guarded, secure_channel
from tests.unit.publish.feed import SUBSCRIBE, scene, served, signals
from tests.waiting import until

CLOSED_WITHIN_S = 2.0
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
GET_STATE = "/edge.v1.IntersectionService/GetState"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "pki")


@pytest.fixture
def node(authority: Authority, tmp_path: Path) -> Guarded:
    return Guarded(authority, Hub(), audit=tmp_path / "audit.jsonl")


async def ask(address: str, folder: Path, *, method: str = GET_STATE, request: bytes = b"") -> bytes:
    """Call a method as plain bytes; the last answer."""
    async with secure_channel(address, folder) as channel:
        call = channel.unary_stream(method)(request, timeout=5.0)
        answer = b""
        while (message := await call.read()) is not grpc.aio.EOF:
            answer = message
        return answer


async def code_of(address: str, folder: Path, *, method: str = GET_STATE, request: bytes = b"") -> str:
    """Name of the status that a call ends with."""
    try:
        await ask(address, folder, method=method, request=request)
    except grpc.aio.AioRpcError as error:
        return error.code().name
    return "OK"


async def end_of(call: grpc.aio.UnaryStreamCall) -> grpc.aio.AioRpcError:
    """The error that a stream ends with, read to its end."""
    try:
        while await call.read() is not grpc.aio.EOF:
            pass
    except grpc.aio.AioRpcError as error:
        return error
    raise AssertionError("the stream ended well")


async def test_known_vehicle_is_served(authority: Authority, node: Guarded) -> None:
    bus = authority.issue("bus-17", Role.VEHICLE)
    node.hub.publish(signals(life_s=60))
    async with (
        node.serving() as address,
        EdgeClient(address, credentials=Credentials.from_folder(bus)) as client,
    ):
        assert (await client.signals()).groups
    assert node.counters["calls"] == 1
    assert node.counters["handshakes"] >= 1


async def test_vehicle_may_name_the_server_where_its_address_is_another(
    authority: Authority, node: Guarded
) -> None:
    bus = authority.issue("bus-17", Role.VEHICLE)
    async with node.serving() as address:
        for name, known in (("localhost", True), ("crossing-9.example.org", False)):
            named = Credentials.from_folder(bus, server_name=name)
            async with EdgeClient(address, credentials=named, timeout_s=1.0) as client:
                if known:
                    assert (await client.intersection()).node_id == "corner-1"
                else:
                    with pytest.raises(NotReachableError):
                        await client.intersection()


async def test_client_whose_node_speaks_the_other_way_is_told_so(authority: Authority, node: Guarded) -> None:
    bus = authority.issue("bus-17", Role.VEHICLE)
    async with node.serving() as secured, served(node.hub) as plain:
        for address, credentials, words in (
            (secured, None, "if the other side has TLS: give certificates"),
            (plain.address, Credentials.from_folder(bus), "speaks plaintext"),
        ):
            async with EdgeClient(address, credentials=credentials, timeout_s=1.0) as client:
                with pytest.raises(NotReachableError, match=words):
                    await client.intersection()
                with pytest.raises(NotReachableError, match=words):
                    await client.signals()


async def test_certificate_of_another_authority_gets_no_connection(
    authority: Authority, node: Guarded, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path / "other").issue("bus-17", Role.VEHICLE)
    shutil.copy(authority.folder / "ca" / "ca.pem", stranger / "ca.pem")
    async with node.serving() as address:
        assert await code_of(address, stranger) == "UNAVAILABLE"
    assert node.counters["calls"] == 0


async def test_client_without_certificate_gets_no_connection(authority: Authority, node: Guarded) -> None:
    credentials = grpc.ssl_channel_credentials((authority.folder / "ca" / "ca.pem").read_bytes())
    async with (
        node.serving() as address,
        grpc.aio.secure_channel(address, credentials, options=OWN_CHANNEL) as channel,
        grpc.aio.insecure_channel(address, options=OWN_CHANNEL) as plain,
    ):
        for each in (channel, plain):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await each.unary_unary(GET_STATE)(b"", timeout=5.0)
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert node.counters["calls"] == 0


@pytest.mark.parametrize("age", [timedelta(days=2), timedelta(days=-2)], ids=["expired", "not yet valid"])
async def test_certificate_out_of_its_time_gets_no_connection(
    authority: Authority, node: Guarded, age: timedelta
) -> None:
    late = authority.issue("bus-17", Role.VEHICLE, age=age)
    async with node.serving() as address:
        assert await code_of(address, late) == "UNAVAILABLE"


async def test_node_shows_no_client_certificate_as_its_own(authority: Authority, node: Guarded) -> None:
    vehicle = authority.issue("bus-17", Role.VEHICLE)
    for name in ("certificate.pem", "key.pem"):
        shutil.copy(vehicle / name, authority.folder / authority.node / name)
    async with node.serving() as address:
        await until(lambda: node.board.counters("tls")["reloaded"] == 1)
        assert await code_of(address, vehicle) == "UNAVAILABLE"


async def test_certificate_without_role_is_refused(authority: Authority, node: Guarded) -> None:
    nobody = authority.issue("printer", server=True)
    async with node.serving() as address:
        assert await code_of(address, nobody) == "UNAUTHENTICATED"
    assert node.counters["refused_no_role"] == 1


@pytest.mark.parametrize("role", Role, ids=str)
async def test_each_role_calls_what_its_row_allows_and_nothing_else(
    authority: Authority, node: Guarded, role: Role
) -> None:
    holder = authority.issue("someone", role)
    async with node.serving() as address:
        for name in ("GetIntersection", "GetState", "SubscribeWithCredit", "ReportVehicle"):
            method = "/edge.v1.IntersectionService/" + name
            code = await code_of(address, holder, method=method)
            assert (code == "PERMISSION_DENIED") is (
                code != "UNIMPLEMENTED" and role not in roles_for(method)
            )
        assert await code_of(address, holder, method="/edge.v1.CentreService/Connect") == "UNIMPLEMENTED"
        code = await code_of(address, holder, method=REFLECTION)
        assert code == ("OK" if role in roles_for(REFLECTION) else "PERMISSION_DENIED")


async def test_method_without_row_is_refused_though_the_server_offers_it(
    authority: Authority, node: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(METHODS, GET_STATE)
    operator = authority.issue("desk", Role.OPERATOR)
    async with node.serving() as address:
        assert await code_of(address, operator) == "PERMISSION_DENIED"
    assert node.counters["refused_role"] == 1


async def test_revoked_certificate_is_refused_and_its_live_stream_ends(
    authority: Authority, node: Guarded
) -> None:
    bus, tram = (authority.issue(name, Role.VEHICLE) for name in ("bus-17", "tram-3"))
    node.hub.publish(signals(life_s=60))
    async with (
        node.serving() as address,
        secure_channel(address, bus) as channel,
        secure_channel(address, tram) as other,
    ):
        call, untouched = channel.unary_stream(SUBSCRIBE)(b""), other.unary_stream(SUBSCRIBE)(b"")
        assert await call.read()
        assert await untouched.read()
        authority.revoke("bus-17")
        since = time.monotonic()
        error = await end_of(call)
        assert time.monotonic() - since < CLOSED_WITHIN_S
        assert error.code() is grpc.StatusCode.UNAUTHENTICATED
        assert "revoked" in (error.details() or "")
        with pytest.raises(grpc.aio.AioRpcError, match="revoked"):
            await channel.unary_unary(GET_STATE)(b"", timeout=5.0)
        node.hub.publish(signals(life_s=60))
        assert node_pb2.Update.FromString(await untouched.read()).sequence == 2
    assert node.counters["ended"] == 1
    assert node.counters["refused_revoked"] == 2
    assert node.hub.counters["subscribers"] == 0


async def test_sdk_says_that_it_was_revoked(authority: Authority, node: Guarded) -> None:
    bus = authority.issue("bus-17", Role.VEHICLE)
    node.hub.publish(signals(life_s=60))
    async with (
        node.serving() as address,
        EdgeClient(address, credentials=Credentials.from_folder(bus)) as client,
        contextlib.aclosing(client.watch([Layer.SIGNALS])) as updates,
    ):
        await anext(updates)
        authority.revoke("bus-17")
        with pytest.raises(RefusedError, match="revoked"):
            await anext(updates)


async def test_revoked_peer_that_reads_nothing_loses_its_connection(
    authority: Authority, node: Guarded
) -> None:
    bus = authority.issue("bus-17", Role.VEHICLE)
    tiny = (("grpc.http2.lookahead_bytes", 5), ("grpc.http2.bdp_probe", 0), *OWN_CHANNEL)
    request = node_pb2.SubscribeRequest(layers=[common_pb2.LAYER_SCENE]).SerializeToString()
    async with node.serving() as address, secure_channel(address, bus, options=tiny) as channel:
        call = channel.unary_stream(SUBSCRIBE)(request)
        await until(lambda: node.hub.counters["subscribers"])
        for _ in range(5):
            node.hub.publish(scene(*[(0.0, 0.0)] * 40, padding=4000, life_s=60))
            await asyncio.sleep(0.01)
        authority.revoke("bus-17")
        await until(lambda: node.counters["cut"], timeout_s=CLOSED_WITHIN_S + 1.0)
        await until(lambda: not node.hub.counters["subscribers"])
        assert (await end_of(call)).code() is grpc.StatusCode.UNAVAILABLE


async def test_stream_ends_when_its_certificate_does(authority: Authority, node: Guarded) -> None:
    bus = authority.ending_soon("bus-17", Role.VEHICLE, in_s=2.0)
    node.hub.publish(signals(life_s=60))
    async with node.serving() as address, secure_channel(address, bus) as channel:
        call = channel.unary_stream(SUBSCRIBE)(b"")
        assert await call.read()
        error = await end_of(call)
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    assert "ended" in (error.details() or "")


async def test_new_certificate_is_shown_to_the_next_client_and_streams_go_on(
    authority: Authority, node: Guarded, tmp_path: Path
) -> None:
    bus, again = authority.issue("bus-17", Role.VEHICLE), Authority(tmp_path / "again")
    node.hub.publish(signals(life_s=60))
    async with node.serving() as address, secure_channel(address, bus) as channel:
        call = channel.unary_stream(SUBSCRIBE)(b"")
        assert await call.read()
        # The node changes to another authority, and trusts both for a while.
        own, new = authority.folder / authority.node, again.folder / again.node
        both = (own / "ca.pem").read_bytes() + (new / "ca.pem").read_bytes()
        for name in ("certificate.pem", "key.pem"):
            shutil.copy(new / name, own / name)
        (own / "ca.pem").write_bytes(both)
        await until(lambda: node.board.counters("tls")["reloaded"] == 1)
        assert await code_of(address, bus) == "UNAVAILABLE", "its authority is not the node's any more"
        assert await code_of(address, again.issue("bus-18", Role.VEHICLE)) == "OK"
        node.hub.publish(signals(life_s=60))
        assert node_pb2.Update.FromString(await call.read()).sequence == 2
        shutil.copy(new / "ca.pem", own / "ca.pem")
        shutil.copy(new / "revoked.pem", own / "revoked.pem")
        assert "not of a known authority" in ((await end_of(call)).details() or "")


async def test_sdk_comes_back_with_its_new_certificate(authority: Authority, node: Guarded) -> None:
    bus = authority.issue("bus-17", Role.VEHICLE)
    spare = authority.issue("bus-18", Role.VEHICLE)
    node.hub.publish(signals(life_s=60))
    async with (
        node.serving() as address,
        EdgeClient(address, credentials=Credentials.from_folder(bus)) as client,
        contextlib.aclosing(client.watch([Layer.SIGNALS])) as updates,
    ):
        await anext(updates)
        for name in ("certificate.pem", "key.pem"):
            shutil.copy(spare / name, bus / name)
        authority.revoke("bus-17")
        await until(lambda: node.counters["ended"] == 1)
        node.hub.publish(signals(life_s=60))
        assert (await anext(updates)).sequence == 2


@pytest.mark.parametrize("name", ["certificate.pem", "key.pem", "ca.pem", "revoked.pem"])
async def test_broken_new_file_keeps_the_old_and_is_told(
    authority: Authority, node: Guarded, name: str
) -> None:
    bus = authority.issue("bus-17", Role.VEHICLE)
    path = authority.folder / authority.node / name
    good = path.read_bytes()
    async with node.serving() as address:
        path.write_bytes(good[: len(good) // 2])
        await until(lambda: node.board.counters("tls")["broken"] == 1)
        await until(lambda: node.board.state("tls") is HealthState.DEGRADED)
        assert await code_of(address, bus) == "OK"
        path.write_bytes(good)
        await until(lambda: node.board.state("tls") is HealthState.OK)
        assert node.board.counters("tls")["reloaded"] == 1


async def test_file_that_is_gone_is_told_and_what_it_said_still_counts(
    authority: Authority, node: Guarded
) -> None:
    bus, tram = (authority.issue(name, Role.VEHICLE) for name in ("bus-17", "tram-3"))
    async with node.serving() as address:
        authority.revoke("tram-3")
        await until(lambda: node.board.counters("tls")["reloaded"] == 1)
        (authority.folder / authority.node / "revoked.pem").unlink()
        await until(lambda: node.board.state("tls") is HealthState.DEGRADED)
        assert await code_of(address, bus) == "OK"
        assert await code_of(address, tram) == "UNAUTHENTICATED"


async def test_revocation_list_of_a_stranger_is_not_taken(
    authority: Authority, node: Guarded, tmp_path: Path
) -> None:
    bus = authority.issue("bus-17", Role.VEHICLE)
    forger = Authority(tmp_path / "forger")
    async with node.serving() as address:
        shutil.copy(forger.folder / "revoked.pem", authority.folder / authority.node / "revoked.pem")
        await until(lambda: node.board.counters("tls")["broken"] == 1)
        assert await code_of(address, bus) == "OK"
    told = next(health for health in node.board.snapshot() if health.component == "tls")
    assert "signed by no known authority" in told.message


async def test_audit_log_says_who_was_refused_and_why(authority: Authority, node: Guarded) -> None:
    bus = authority.issue("bus-17", Role.VEHICLE)
    async with node.serving() as address:
        for _ in range(5):
            assert await code_of(address, bus, method=REFLECTION) == "PERMISSION_DENIED"
    lines = [json.loads(line) for line in node.audit.read_text().splitlines()]
    assert [line.get("repeated") for line in lines] == [None, 4]
    assert lines[0]["names"] == ["edge://vehicle/bus-17"]
    assert (lines[0]["kind"], len(lines[0]["fingerprint"])) == ("role", 64)
    assert node.audit.stat().st_mode & 0o777 == 0o600
