"""A whole node that polls and commands an SNMP controller: it serves a bus, and with it all its commands end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.access.roles import Role
from edge.app.demo_processes import Processes
from edge.app.demo_site import DemoPorts, free_ports
from edge.core.geodesy import LocalFrame
from edge.core.priority import Access, RequesterRole, RequestKind, RequestState
from edge.core.priority import PriorityRequest as CoreRequest
from edge.sdk import Credentials, EdgeClient, PriorityRequest
from edge.v2x.j2735_srm import encode_srm
from edge.v2x.j2735_ssm import decode_ssm
from edge.v2x.security.applications import PSID
from edge.v2x.security.certificate import Permission
from edge.v2x.security.pki import create_pki, load_credential, write_pki
from edge.v2x.security.signer import Ieee1609Signer
from hw.sim.ntcip_agent import NtcipAgent
from hw.sim.rsu import FakeRsu
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

    def __init__(
        self, site: Path, processes: Processes, agent: NtcipAgent, ports: DemoPorts, bus: Path
    ) -> None:
        self.site, self.processes, self.agent = site, processes, agent
        self.address, self.ports, self.bus = f"localhost:{ports.grpc}", ports, bus

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


def _by_radio(directory: Path, ports: DemoPorts) -> str:
    """A link that hears only what a trusted certificate has signed, and a radio."""
    now_ns = time.time_ns()
    write_pki(create_pki([Permission(PSID["SRM"])], now_ns=now_ns, tickets=1), directory / "radio")
    return (
        f'\n[[v2x]]\ntype = "udp"\nname = "north"\ndialect = "j2735"\nlisten = "127.0.0.1:{ports.bsm}"\n'
        f'verify = "mark"\ntrust = ["{directory / "radio" / "authority.oer"}"]\n'
        f'[[rsu]]\ntype = "ifm41"\nname = "radio"\ndialect = "j2735"\naddress = "127.0.0.1:{ports.radio}"\n'
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
    text += _by_radio(tmp_path, ports)
    files = authority.files
    text += (
        f'\n[tls]\ncertificate = "{files.certificate}"\nkey = "{files.key}"\nauthority = "{files.authority}"\n'
        '[controller.control]\ncommands = ["hold", "force_off", "vehicle_call"]\nphases = [1, 2, 3, 4, 5, 6, 7, 8]\n'
        '[priority]\npublic_transport = ["bus-*"]\nradio = ["public_transport"]\n'
    )
    site.write_text(text, "utf-8")
    async with Processes(tmp_path / "logs") as processes:
        try:
            found = Box(site, processes, agent, ports, bus)
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


class Tram:
    """Asks by radio, and hears what the node's radio says to it."""

    def __init__(self, box: Box, lane: int, intersection: int) -> None:
        self.port, self.lane, self.intersection = box.ports.bsm, lane, intersection
        folder = box.site.parent / "radio"
        self.signer = Ieee1609Signer(
            load_credential(folder / "ticket-0.oer", folder / "ticket-0.pem"), profile="ieee1609"
        )

    def ask(self, requester: str, *, signs: bool, in_s: float = 10.0) -> None:
        """One SRM."""
        now_ns = time.time_ns()
        request = CoreRequest(
            requester=requester,
            request=1,
            sequence=0,
            kind=RequestKind.REQUEST,
            intersection=self.intersection,
            region=None,
            entry=Access(lane=self.lane),
            role=RequesterRole.PUBLIC_TRANSPORT,
            sent_ns=now_ns,
            arrival_ns=now_ns + round(in_s * 1e9),
        )
        octets = encode_srm([request], frame=LocalFrame(39.9, 116.4))
        if signs:
            octets = self.signer.sign(octets, kind="SRM", now_ns=now_ns)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(octets, ("127.0.0.1", self.port))


async def test_a_tram_that_signs_is_served_by_radio_and_another_is_not(box: Box) -> None:
    lane = await box.lane()
    credentials = Credentials.from_folder(box.bus)
    async with EdgeClient(box.address, credentials=credentials) as client:
        here = await client.intersection()
    tram, said = Tram(box, lane, here.intersection), dict[str, RequestState]()
    async with FakeRsu(port=box.ports.radio) as radio, asyncio.timeout(90):
        while said.get("0a0b0c0d") is not RequestState.GRANTED:
            tram.ask("0a0b0c0d", signs=True)
            tram.ask("0000aaaa", signs=False)
            heard = len(radio.heard("SSM"))
            with contextlib.suppress(TimeoutError):  # fusion, which verifies, may not be there yet
                await until(lambda heard=heard: len(radio.heard("SSM")) > heard, timeout_s=0.5)  # type: ignore[misc]
            for message in radio.heard("SSM"):
                for status in decode_ssm(message.message.payload, arrival_ns=message.arrival_ns):
                    said[status.requester] = status.state
        assert box.stands()
        assert said["0000aaaa"] is RequestState.REJECTED
        await until(lambda: not box.stands())
