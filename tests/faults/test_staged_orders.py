"""A MAP that the centre ordered, through starts of a whole node: in effect, and given up when the node dies with it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from pathlib import Path

import grpc
import pytest

from edge.app.demo_processes import Processes
from edge.app.demo_site import free_ports
from edge.app.staging import Staging
from edge.config import load_site
from edge.v1 import node_pb2, node_pb2_grpc
from tests.faults.rig import START_TIMEOUT_S, write_test_site
from tests.unit.app.test_orders import with_revision


async def served_revision(port: int) -> int:
    """Revision of the MAP that the node serves, once it does."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        await asyncio.wait_for(channel.channel_ready(), START_TIMEOUT_S)
        stub = node_pb2_grpc.IntersectionServiceStub(channel)
        return int((await stub.GetIntersection(node_pb2.GetIntersectionRequest(), timeout=10)).revision)


@pytest.mark.timeout(240)
async def test_an_ordered_map_is_in_effect_and_given_up_when_the_node_dies_on_trial(
    tmp_path: Path, kernels: Path
) -> None:
    state, ports = tmp_path / "state", free_ports()
    await asyncio.to_thread(shutil.copytree, kernels, state)
    path = write_test_site(tmp_path, ports, cameras=False, state=state)
    site = load_site(path)
    async with Processes(tmp_path / "logs") as processes:

        async def start() -> int:
            await processes.start("node", "-m", "edge.app", "run", str(path))
            return await served_revision(ports.grpc)

        Staging(site).stage_map(with_revision(99))
        assert await start() == 99
        assert await processes.stop("node") == 0
        assert await start() == 99  # stopped in order: it has lived
        await processes.stop("node")
        Staging(site).stage_map(with_revision(98))
        assert await start() == 98
        os.kill(processes.pid("node"), signal.SIGKILL)
        await processes.stop("node")
        own = await start()
        assert own not in {98, 99}
        await processes.stop("node")
    log = (tmp_path / "logs" / "node.log").read_text()
    assert "orders of the centre are in effect: a MAP" in log
    assert "did not live with the centre's orders" in log
