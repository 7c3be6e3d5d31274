"""Nodes at a centre behind TLS: each speaks under the name in its certificate, and nobody else connects."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from edge.access.entrance import Entrance
from edge.access.roles import Role
from edge.app.centre_process import check_addresses
from edge.app.certificate_folder import files_of
from edge.centre.server import CentreServer
from edge.centre.state import Registry
from edge.core.errors import ConfigError
from edge.flow.board import HealthBoard
from edge.v1 import centre_pb2, centre_pb2_grpc
from tests.certificates import Authority, secure_channel
from tests.unit.centre.feed import hello

CERTS = Path("certs")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    found = Authority(tmp_path / "pki", node="crossing-1")
    found.issue("centre-1", Role.CENTRE)
    return found


@contextlib.asynccontextmanager
async def centre(authority: Authority) -> AsyncIterator[str]:
    board = HealthBoard(now_ns=time.time_ns)
    entrance = Entrance(files_of(authority.folder / "centre-1"), board=board)
    server = CentreServer("127.0.0.1:0", Registry(), credentials=entrance.credentials, guard=entrance.guard)
    await server.start()
    try:
        yield f"127.0.0.1:{server.port}"
    finally:
        await server.stop()


async def connect(address: str, folder: Path, *, node_id: str) -> centre_pb2.CentreReply:
    """The centre's first word to a node."""
    async with secure_channel(address, folder) as channel:
        stub = centre_pb2_grpc.CentreServiceStub(channel)
        call = stub.Connect(timeout=5.0)
        batch = centre_pb2.NodeBatch(node_id=node_id, epoch=1, sequence=1, hello=hello(node_id))
        await call.write(batch)
        reply = await call.read()
        call.cancel()
        assert isinstance(reply, centre_pb2.CentreReply)
        return reply


async def test_node_speaks_under_the_name_in_its_certificate_alone(authority: Authority) -> None:
    folder = authority.folder / "crossing-1"
    async with centre(authority) as address:
        assert (await connect(address, folder, node_id="crossing-1")).acked_sequence == 1
        other = await connect(address, folder, node_id="crossing-2")
    assert other.refusal == centre_pb2.REFUSAL_BAD_HELLO
    assert "the certificate is not of node 'crossing-2'" in other.message


async def test_vehicle_is_no_node_and_node_asks_no_questions(authority: Authority) -> None:
    bus, desk = authority.issue("bus-17", Role.VEHICLE), authority.issue("desk", Role.OPERATOR)
    async with centre(authority) as address:
        with pytest.raises(grpc.aio.AioRpcError, match="is not for vehicle"):
            await connect(address, bus, node_id="bus-17")
        async with secure_channel(address, authority.folder / "crossing-1") as channel:
            stub = centre_pb2_grpc.QueryServiceStub(channel)
            with pytest.raises(grpc.aio.AioRpcError, match="is not for rsu"):
                await stub.ListIntersections(centre_pb2.ListIntersectionsRequest(), timeout=5.0)
        async with secure_channel(address, desk) as channel:
            stub = centre_pb2_grpc.QueryServiceStub(channel)
            found = await stub.ListIntersections(centre_pb2.ListIntersectionsRequest(), timeout=5.0)
    assert not found.intersections


@pytest.mark.parametrize(
    ("grpc_address", "web", "certs", "plaintext", "words"),
    [
        ("127.0.0.1:1", "127.0.0.1:2", None, False, "plaintext is not asked for"),
        ("192.0.2.1:1", "127.0.0.1:2", None, True, "is not loopback and there is no TLS"),
        ("127.0.0.1:1", "192.0.2.1:2", CERTS, False, "the page has no TLS"),
        ("127.0.0.1", "127.0.0.1:2", None, True, "is not an address"),
        ("127.0.0.1:1", "127.0.0.1:2", None, True, ""),
        ("192.0.2.1:1", "127.0.0.1:2", CERTS, False, ""),
    ],
)
def test_centre_is_plain_on_loopback_and_on_request_only(
    grpc_address: str, web: str, certs: Path | None, plaintext: bool, words: str
) -> None:
    expected = pytest.raises(ConfigError, match=words) if words else contextlib.nullcontext()
    with expected:
        check_addresses(grpc=grpc_address, web=web, certs=certs, allow_plaintext=plaintext)
