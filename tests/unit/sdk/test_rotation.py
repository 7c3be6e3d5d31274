"""A client whose certificate is replaced and revoked while it has several streams open."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

from edge.access.roles import Role
from edge.publish.hub import Hub
from edge.publish.vehicles import VehicleStreams
from edge.sdk import Credentials, EdgeClient, Layer, Update, VehicleState
from edge.v1 import vehicle_pb2
from tests.certificates import Authority, Guarded
from tests.unit.publish.feed import signals
from tests.waiting import until


async def test_every_stream_of_one_client_comes_back_with_its_new_certificate(
    tmp_path: Path,
) -> None:
    authority = Authority(tmp_path / "pki")
    bus, spare = (authority.issue(name, Role.VEHICLE) for name in ("bus-17", "bus-18"))
    vehicles = VehicleStreams(Desk())
    node = Guarded(authority, Hub(), audit=tmp_path / "audit.jsonl", vehicles=vehicles)
    node.hub.publish(signals(life_s=60))
    states: asyncio.Queue[VehicleState] = asyncio.Queue()

    async def drive() -> AsyncIterator[VehicleState]:
        while True:
            yield await states.get()

    async with (
        node.serving() as address,
        EdgeClient(address, credentials=Credentials.from_folder(bus)) as client,
        contextlib.AsyncExitStack() as stack,
    ):
        watches = [await stack.enter_async_context(_watched(client)) for _ in range(3)]
        answers = await stack.enter_async_context(contextlib.aclosing(client.report(drive())))
        states.put_nowait(VehicleState("bus", time.time_ns(), 52.0, 13.0))
        await anext(answers)
        for name in ("certificate.pem", "key.pem"):
            shutil.copy(spare / name, bus / name)
        authority.revoke("bus-17")
        await until(lambda: node.counters["ended"] == 4)
        node.hub.publish(signals(life_s=60))
        assert [(await anext(each)).sequence for each in watches] == [2, 2, 2]
        async with asyncio.timeout(10):
            await anext(answers)  # to the state from before, which the new call begins with
    assert client.counters.reconnects == 0, "new certificates are no loss"


@contextlib.asynccontextmanager
async def _watched(client: EdgeClient) -> AsyncIterator[AsyncGenerator[Update, None]]:
    """A stream that has begun."""
    async with contextlib.aclosing(client.watch([Layer.SIGNALS])) as updates:
        await anext(updates)
        yield updates


class Desk:
    """Advises everybody to keep on."""

    def take(self, octets: bytes, sender: str) -> vehicle_pb2.VehicleReport:
        """See `edge.publish.vehicles.Desk`."""
        return vehicle_pb2.VehicleReport.FromString(octets)

    def advise(self, report: vehicle_pb2.VehicleReport) -> vehicle_pb2.Advice:
        """Likewise."""
        until_ns = time.time_ns() + 60_000_000_000
        return vehicle_pb2.Advice(kind=vehicle_pb2.ADVICE_KIND_KEEP, valid_until_ns=until_ns)
