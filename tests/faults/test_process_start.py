"""What a node starts into: no broker, ports in use, no right to write."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from edge.app.demo_site import free_ports
from tests.faults.rig import RADIO, START_TIMEOUT_S, node_rig, run_to_the_end, write_test_site

pytestmark = pytest.mark.timeout(180)


@pytest.mark.parametrize("key", ["grpc", "metrics"])
async def test_port_in_use_ends_the_start_with_one_clear_line(tmp_path: Path, key: str) -> None:
    ports = free_ports()
    site = write_test_site(tmp_path, ports, cameras=False)
    with socket.create_server(("127.0.0.1", getattr(ports, key))):
        status, errors = await run_to_the_end(site)
    assert status == 2
    assert "Traceback" not in errors
    (line,) = [line for line in errors.splitlines() if line.startswith("error: ")]
    assert errors.endswith(line + "\n")
    assert line.startswith(f"error: {key}")
    assert f"127.0.0.1:{getattr(ports, key)}" in line
    assert f"choose another in {key}.listen" in line


async def test_broker_that_comes_later_is_found_and_nothing_else_waits(tmp_path: Path, kernels: Path) -> None:
    async with node_rig(tmp_path, cameras=False, broker=False, state=kernels) as rig:
        await rig.until(
            lambda: rig.state("rsu.radio-csae") == rig.state("link.rsu-csae") == "down",
            timeout_s=20,
            what="health says that the broker is down",
        )
        assert f"127.0.0.1:{rig.ports.broker}" in rig.message("link.rsu-csae")
        assert rig.shows_signals()
        assert rig.state(RADIO) == rig.state("link.rsu-j2735") == "ok"
        await rig.until(lambda: rig.scenes, timeout_s=START_TIMEOUT_S, what="scenes without a broker")
        await rig.start_broker()
        up_s = await rig.until(
            lambda: rig.state("rsu.radio-csae") == rig.state("link.rsu-csae") == "ok",
            timeout_s=30,
            what="link and radio are up",
        )
        print(f"link and radio up {up_s:.2f} s after the broker")
        await rig.until(
            lambda: rig.counter("rsu.radio-csae", "spat_sent") > 0,
            timeout_s=10,
            what="SPAT through the broker",
        )
