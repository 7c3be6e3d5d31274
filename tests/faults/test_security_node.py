"""A whole node and a centre behind TLS: clients in other processes, a storm of them, and the lights go on at 10 Hz."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
import pytest_asyncio

from edge.access.roles import Role
from edge.sdk import Credentials
from tests.certificates import OWN_CHANNEL, Authority, secure_channel
from tests.faults.rig import RADIO, START_TIMEOUT_S, NodeRig, followed, surroundings
from tests.unit.publish.feed import SUBSCRIBE

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

STORM = 1000
LORIS = 300
"""Connections that say nothing, or only half a word of TLS."""
COMMAND_TIMEOUT_S = 60.0


class Secured:
    """A running node behind TLS, its authority and its address."""

    def __init__(self, rig: NodeRig, authority: Authority) -> None:
        self.rig, self.authority = rig, authority
        self.address = f"127.0.0.1:{rig.ports.grpc}"

    @contextlib.asynccontextmanager
    async def lights_go_on(self) -> AsyncIterator[None]:
        """Check that no two slots in a row go without SPAT while inside."""
        missed, longest = await self._slots()
        yield
        missed_now, longest_now = await self._slots()
        gap = longest_now if longest_now > longest else min(longest_now, missed_now - missed)
        assert gap <= 1, f"{missed_now - missed} slots missed, up to {gap} in a row"

    async def _slots(self) -> tuple[int, int]:
        """Slots missed so far, and most in a row."""
        counters = await self.rig.metrics()
        return counters[RADIO, "slots_missed"], counters[RADIO, "missed_in_a_row_max"]

    async def counter(self, kind: str) -> int:
        """What the guard has counted."""
        return (await self.rig.metrics()).get(("access", kind), 0)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node(tmp_path_factory: pytest.TempPathFactory, kernels: Path) -> AsyncIterator[Secured]:
    """A node, its centre, and a subscriber with the certificate of an observer."""
    directory = tmp_path_factory.mktemp("secured")
    authority = Authority(directory / "pki", node="demo")
    async with surroundings(directory, cameras=False, broker=False, state=kernels) as rig:
        text = rig.site.read_text(encoding="utf-8")
        text = re.sub(r"^allow_plaintext = true.*\n", "", text, flags=re.MULTILINE)
        rig.site.write_text(text.replace("[grpc.limits]\ncalls_per_s = 1000.0", _tls(authority)), "utf-8")
        rig.credentials = Credentials.from_folder(authority.issue("desk", Role.OBSERVER))
        centre = authority.issue("centre-1", Role.CENTRE)
        rig.centre_certificates = ("--certs", str(centre), "--audit", str(directory / "centre.jsonl"))
        async with followed(rig):
            await rig.start_centre()
            await rig.start_node()
            await rig.until(rig.shows_signals, timeout_s=START_TIMEOUT_S, what="signals")
            yield Secured(rig, authority)


def _tls(authority: Authority) -> str:
    files = authority.files
    return (
        f'[tls]\ncertificate = "{files.certificate}"\nkey = "{files.key}"\n'
        f'authority = "{files.authority}"\nrevoked = "{files.revoked}"\n'
    )


async def run(*arguments: str) -> tuple[int, str]:
    """Run a Python program; its status and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *arguments), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), COMMAND_TIMEOUT_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def test_node_reaches_its_centre_with_its_certificate(node: Secured) -> None:
    await node.rig.until(lambda: node.rig.counter("centre", "acked") > 3, timeout_s=20, what="acknowledged")
    assert node.rig.state("tls") == "ok"


async def test_edge_watch_shows_the_node_to_who_has_a_certificate(node: Secured) -> None:
    folder = str(node.authority.folder / "desk")
    status, shown = await run("-m", "edge.app", "watch", node.address, "--once", "--certs", folder)
    assert status == 0, shown
    assert "Four-arm crossing" in shown


async def test_edge_doctor_asks_the_running_node_with_its_own_certificate(node: Secured) -> None:
    _status, said = await run("-m", "edge.app", "doctor", str(node.rig.site))
    assert "the running node says" in said
    assert "gRPC has TLS, callers show certificates" in said


async def test_edge_certs_revoke_ends_a_stream_of_another_process(node: Secured) -> None:
    bus = node.authority.issue("bus-17", Role.VEHICLE)
    async with secure_channel(node.address, bus) as channel:
        call = channel.unary_stream(SUBSCRIBE)(b"")
        assert await call.read()
        pki = str(node.authority.folder)
        status, said = await run("-m", "edge.app", "certs", "revoke", "bus-17", "--pki", pki)
        assert (status, "next: " in said) == (0, True)
        since = time.monotonic()
        with pytest.raises(grpc.aio.AioRpcError, match="revoked"):
            await read_on(call)
        assert time.monotonic() - since < 2.0


async def read_on(call: grpc.aio.UnaryStreamCall) -> None:
    while await call.read() is not grpc.aio.EOF:
        pass


async def test_storm_of_a_thousand_reconnections_misses_no_light(node: Secured) -> None:
    ends = await storm(node, node.authority.issue("storm", Role.VEHICLE))
    assert ends["served"] >= 100, "the burst that one peer may have"
    assert ends["RESOURCE_EXHAUSTED"] > 100
    assert await node.counter("refused_rate") == ends["RESOURCE_EXHAUSTED"]
    assert await node.counter("handshakes") >= STORM


async def storm(node: Secured, *shown: Path) -> dict[str, int]:
    """A thousand connections with these certificates in turn, while the lights go on; how they ended."""
    client = ("-m", "tests.faults.storm_client", node.address, str(STORM), *map(str, shown))
    since = time.monotonic()
    async with node.lights_go_on():
        status, said = await run(*client)
    assert status == 0, said
    ends = json.loads(said.splitlines()[-1])
    print(f"{STORM} connections in {time.monotonic() - since:.1f} s: {ends}")
    assert isinstance(ends, dict)
    return ends


async def test_storm_of_several_certificates_misses_no_light(node: Secured) -> None:
    names = [f"storm-{number}" for number in range(8)]
    ends = await storm(node, *(node.authority.issue(name, Role.VEHICLE) for name in names))
    assert ends["served"] >= 8 * 100


async def test_storm_of_strangers_misses_no_light_and_writes_no_log(node: Secured) -> None:
    authority, log = node.authority.folder / "ca" / "ca.pem", node.rig.site.parent / "logs" / "node.log"
    other = Authority(node.authority.folder.parent / "other").issue("bus-17", Role.VEHICLE)
    shutil.copy(authority, other / "ca.pem")
    calls, before = await node.counter("calls"), log.stat().st_size
    assert await storm(node, authority, other) == {"UNAVAILABLE": STORM}
    assert await node.counter("calls") == calls
    assert b"andshake" not in log.read_bytes()[before:]


async def test_silent_and_broken_connections_delay_nobody(node: Secured) -> None:
    vehicle = node.authority.issue("honest", Role.VEHICLE)
    reading = node.authority.issue("deaf", Role.VEHICLE)
    tiny = (("grpc.http2.lookahead_bytes", 5), ("grpc.http2.bdp_probe", 0), *OWN_CHANNEL)
    async with node.lights_go_on(), contextlib.AsyncExitStack() as stack:
        deaf = await stack.enter_async_context(secure_channel(node.address, reading, options=tiny))
        unread = [deaf.unary_stream(SUBSCRIBE)(b"") for _ in range(20)]
        silent = await asyncio.gather(*(say(node, b"\x16\x03\x01" * (n % 2)) for n in range(LORIS)))
        async with secure_channel(node.address, vehicle) as channel:
            call = channel.unary_stream(SUBSCRIBE)(b"", timeout=20.0)
            for _ in range(30):
                assert await call.read()
        for reader, writer in silent:
            async with asyncio.timeout(10.0):
                while await reader.read(4096):
                    pass
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        for call in unread:
            call.cancel()


async def say(node: Secured, words: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", node.rig.ports.grpc)
    writer.write(words)
    return reader, writer


async def test_oversized_and_malformed_requests_are_refused(node: Secured) -> None:
    vehicle = node.authority.issue("clumsy", Role.VEHICLE)
    async with node.lights_go_on(), secure_channel(node.address, vehicle) as channel:
        for request, packed, code in (
            (b"\xff" * 100, grpc.Compression.NoCompression, grpc.StatusCode.INVALID_ARGUMENT),
            (b"\x00" * 1_000_000, grpc.Compression.NoCompression, grpc.StatusCode.RESOURCE_EXHAUSTED),
            (b"\x00" * 30_000_000, grpc.Compression.Gzip, grpc.StatusCode.RESOURCE_EXHAUSTED),
        ):
            call = channel.unary_stream(SUBSCRIBE)(request, timeout=10.0, compression=packed)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await read_on(call)
            assert caught.value.code() is code
    assert await node.counter("refused_malformed") >= 1
