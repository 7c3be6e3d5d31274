"""A whole node that polls and commands an SNMP controller: it serves a bus, and with it all its commands end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.access.roles import Role
from edge.app.demo_processes import Processes
from edge.app.demo_site import free_ports
from edge.sdk import Credentials, EdgeClient, PriorityRequest
from hw.sim.ntcip_agent import NtcipAgent
from tests.certificates import Authority
from tests.faults.rig import START_TIMEOUT_S, write_test_site
from tests.waiting import until

pytestmark = pytest.mark.timeout(180)
BACKUP_S = 3
GROUP = 2
"""Signal group and vehicle phase of the bus."""


class Box:
    """The node's process, its controller, and a bus.

    Attributes:
        processes: where the node is `node`.
        agent: the controller, in real time.
    """

    def __init__(self, site: Path, processes: Processes, agent: NtcipAgent, address: str, bus: Path) -> None:
        self.site, self.processes, self.agent = site, processes, agent
        self.address, self.bus = address, bus

    async def start(self) -> None:
        await self.processes.start("node", "-m", "edge.app", "run", str(self.site))

    def stands(self) -> bool:
        """Whether anything is commanded at the controller now."""
        self.agent.controller.advance(time.time_ns())
        return any(self.agent.controller.commands.values())

    async def lane(self) -> int:
        """A lane of which all ways belong to the group, once the node answers."""
        credentials = Credentials.from_folder(self.bus)
        async with EdgeClient(self.address, credentials=credentials, timeout_s=START_TIMEOUT_S) as client:
            here = await client.intersection()
        return next(
            lane.lane
            for lane in here.lanes
            if lane.kind == "vehicle" and {way.signal_group for way in lane.connections} == {GROUP}
        )

    @contextlib.asynccontextmanager
    async def granted(self) -> AsyncIterator[None]:
        """A bus is served while inside."""
        credentials = Credentials.from_folder(self.bus)
        lane = await self.lane()
        async with EdgeClient(self.address, credentials=credentials) as client:
            here = await client.intersection()
            way = next(way for known in here.lanes if known.lane == lane for way in known.connections)
            arrival_ns = time.time_ns() + 60_000_000_000
            request = PriorityRequest("17", "public_transport", lane, arrival_ns, outbound_lane=way.to_lane)
            async with client.request_priority(request) as call:
                await call.wait_for("requested", timeout_s=START_TIMEOUT_S)
                call.update(arriving(request, in_s=10.0))
                await call.wait_for("granted", timeout_s=30)
                yield


def arriving(request: PriorityRequest, *, in_s: float) -> PriorityRequest:
    arrival_ns = time.time_ns() + round(in_s * 1e9)
    return PriorityRequest(
        request.vehicle_id,
        request.role,
        request.inbound_lane,
        arrival_ns,
        request.outbound_lane,
        duration_s=2.0,
    )


@pytest.fixture
async def box(tmp_path: Path, kernels: Path) -> AsyncIterator[Box]:
    authority, ports = Authority(tmp_path / "pki", node="demo"), free_ports()
    bus = authority.issue("bus-17", Role.VEHICLE)
    agent = NtcipAgent()
    agent.controller.backup_s = BACKUP_S
    host, port = agent.open()
    site = write_test_site(tmp_path, ports, cameras=False, state=kernels)
    text = re.sub(r"^allow_plaintext = true.*\n", "", site.read_text("utf-8"), flags=re.MULTILINE)
    text = re.sub(r"\n\[centre\]\n.*?(?=\n\[)", "\n", text, flags=re.DOTALL)
    text = re.sub(r"\n\[\[(v2x|rsu)\]\]\n.*", "\n", text, flags=re.DOTALL)
    text = re.sub(r'type = "tscbm"\nlisten = .*', f'type = "ntcip1202"\naddress = "{host}:{port}"', text)
    files = authority.files
    text += (
        f'\n[tls]\ncertificate = "{files.certificate}"\nkey = "{files.key}"\nauthority = "{files.authority}"\n'
        '[controller.control]\ncommands = ["hold", "force_off", "vehicle_call"]\nphases = [1, 2, 3, 4, 5, 6, 7, 8]\n'
        '[priority]\npublic_transport = ["bus-*"]\n'
    )
    site.write_text(text, "utf-8")
    async with Processes(tmp_path / "logs") as processes:
        try:
            found = Box(site, processes, agent, f"localhost:{ports.grpc}", bus)
            await found.start()
            yield found
        finally:
            agent.close()


async def test_a_bus_is_served_by_a_running_node_and_let_go(box: Box) -> None:
    async with box.granted():
        assert box.stands()
    await until(lambda: not box.stands())
    assert box.agent.controller.vehicle_calls  # the plan goes on


async def test_a_node_that_is_stopped_takes_its_commands_back_first(box: Box) -> None:
    async with box.granted():
        os.kill(box.processes.pid("node"), signal.SIGTERM)
        writes = box.agent.counters["writes"]
        await until(lambda: not box.stands())
        assert box.agent.counters["writes"] > writes, "taken back, not only forgotten by the controller"


async def test_what_a_killed_node_commanded_ends_with_the_controllers_backup_time(box: Box) -> None:
    async with box.granted():
        os.kill(box.processes.pid("node"), signal.SIGKILL)
        assert box.stands()
        await until(lambda: not box.stands(), timeout_s=BACKUP_S + 10.0)
    assert box.agent.counters["writes"] > 0


async def test_the_example_of_the_client_asks_and_is_answered(box: Box) -> None:
    lane = await box.lane()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "edge.sdk.examples.priority", box.address, str(box.bus), str(lane)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            while b"granted: " not in (line := await process.stdout.readline()):
                assert line, (await process.communicate())[1].decode()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    await until(lambda: not box.stands())
