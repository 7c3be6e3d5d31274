"""Browsers that misbehave, and the end of the web process, on a running node: the lights go on at 10 Hz."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiomqtt
import pytest
import pytest_asyncio

from tests.faults.rig import START_TIMEOUT_S, NodeRig, exit_event, node_rig
from tests.faults.test_process_kill import no_slot_was_lost, slots
from tests.unit.publish.web_client import get, opened
from tests.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig(tmp_path_factory: pytest.TempPathFactory, kernels: Path) -> AsyncIterator[NodeRig]:
    """A node without cameras, with a page and JSON on a broker."""
    directory = tmp_path_factory.mktemp("node")
    async with node_rig(directory, cameras=False, web=True, state=kernels) as found:
        await found.until(lambda: found.state("web.page") == "ok", timeout_s=START_TIMEOUT_S, what="a page")
        yield found


async def places_are_free(port: int) -> None:
    """Wait until the ends of former connections are noticed."""
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                async with opened(port, "/events?layers=signals") as stream:
                    if stream.status == 200:
                        return
            await asyncio.sleep(0.05)


async def test_page_and_topics_carry_what_the_node_publishes(rig: NodeRig) -> None:
    port = rig.ports.page
    assert (await get(port, "/intersection")).json()["node_id"] == "demo"
    async with opened(port, "/events?layers=signals") as stream:
        _id, first = await stream.event("signals")
        _id, second = await stream.event("signals")
    assert int(second["sequence"]) > int(first["sequence"])
    assert first["signals"]["withdrawn"] is False
    async with asyncio.timeout(20), aiomqtt.Client("127.0.0.1", rig.ports.broker) as client:
        await client.subscribe("edge/demo/#")
        topics = set()
        async for message in client.messages:
            topics.add(str(message.topic))
            if topics >= {"edge/demo/status", "edge/demo/signals", "edge/demo/health"}:
                break


async def test_a_storm_of_browsers_costs_no_slot(rig: NodeRig) -> None:
    port, before = rig.ports.page, await slots(rig)
    end = time.monotonic() + 3.0

    async def ask() -> None:
        while time.monotonic() < end:
            with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                await get(port, "/state")

    async with contextlib.AsyncExitStack() as stack:
        for _ in range(8):
            await stack.enter_async_context(opened(port, "/events", receive_bytes=4096))  # and read nothing
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(100)]
        await asyncio.gather(*(ask() for _ in range(8)))
        for _reader, writer in silent:
            writer.close()
    await places_are_free(port)
    async with opened(port, "/events?layers=signals") as stream:
        assert (await stream.event("signals"))[1]["signals"]["withdrawn"] is False
    await rig.until(lambda: rig.counter("web.page", "refused") > 0, timeout_s=10, what="refusals in health")
    await no_slot_was_lost(rig, before)


async def test_killed_web_process_comes_back_and_no_slot_is_lost(rig: NodeRig) -> None:
    before, killed_ns, pid = await slots(rig), time.time_ns(), rig.children()["web"]
    async with opened(rig.ports.page, "/events") as stream:
        os.kill(pid, signal.SIGKILL)
        while await stream.block():
            pass
    await rig.until(lambda: exit_event(rig, "web", since_ns=killed_ns), timeout_s=10, what="an event")
    await rig.until(lambda: rig.children().get("web", pid) != pid, timeout_s=20, what="a successor")
    await until(lambda: rig.state("web.page") == "ok", timeout_s=START_TIMEOUT_S)
    assert (await get(rig.ports.page, "/time")).status == 200
    await no_slot_was_lost(rig, before)


async def test_a_web_process_that_stands_still_delays_nothing(rig: NodeRig) -> None:
    """The front never waits for it: what does not fit the link is dropped, the newest last."""
    before, pid = await slots(rig), rig.children()["web"]
    os.kill(pid, signal.SIGSTOP)
    try:
        since = len(rig.signals)
        await rig.until(lambda: len(rig.signals) > since + 25, timeout_s=20, what="signals go on")
    finally:
        os.kill(pid, signal.SIGCONT)
    async with opened(rig.ports.page, "/events?layers=signals") as stream:
        _id, update = await stream.event("signals")
        assert int(update["valid_until_ns"]) > time.time_ns() - 1_000_000_000
    await no_slot_was_lost(rig, before)


async def test_the_stopped_node_takes_its_page_along(rig: NodeRig) -> None:
    assert await rig.processes.stop("node") == 0
    with pytest.raises(OSError, match=r"refused|111"):
        await get(rig.ports.page, "/time")
