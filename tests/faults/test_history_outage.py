"""A backlog of a long outage, with node and centre killed and the power cut while it goes to the centre.

`EDGE_HISTORY_RECORDS=500000` makes it as long as four days of a node; the default keeps the test quick.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from pathlib import Path

import grpc
import pytest

from edge.app.demo_processes import Processes, free_port
from edge.publish.outbox import Item, OutboxLimits, open_outbox
from tests.faults.test_history import power_cut
from tests.history_node import NODE, numbered
from tests.history_reader import History, breaks, history_of

BACKLOG = int(os.environ.get("EDGE_HISTORY_RECORDS", "10000"))
KILLS = 2
MILLION = 1_000_000
TIMEOUT_S = 60 + BACKLOG / 500


def write_backlog(path: Path) -> None:
    """The outage so far: numbers from 1."""
    outbox, _problem = open_outbox(path, limits=OutboxLimits(), now_ns=time.time_ns())
    for first in range(1, BACKLOG + 1, 5000):
        numbers = range(first, min(first + 5000, BACKLOG + 1))
        outbox.append([Item(time.time_ns(), numbered(number).SerializeToString()) for number in numbers])
    outbox.close()


class Outage:
    """The processes of one outage: a node that is killed and a centre that is."""

    def __init__(self, directory: Path, processes: Processes) -> None:
        self.box, self.mirror = directory / "box", directory / "mirror"
        self._centre, self._processes = directory / "centre", processes
        self.port, self._starts = free_port(), 0

    async def start_centre(self) -> None:
        addresses = ("--grpc", f"127.0.0.1:{self.port}", "--web", "127.0.0.1:0", "--state", str(self._centre))
        await self._processes.start("centre", "-m", "edge.app", "centre", "--allow-plaintext", *addresses)

    async def start_node(self) -> None:
        self._starts += 1
        first = str(self._starts * MILLION)
        arguments = (str(self.box), str(self.mirror), str(self.port), first)
        await self._processes.start("node", "-m", "tests.history_node", *arguments)

    async def kill(self, name: str) -> None:
        os.kill(self._processes.pid(name), signal.SIGKILL)
        await self._processes.stop(name)

    async def newest(self) -> tuple[int, int]:
        """Epoch and sequence of the newest record at the centre; 0, 0: none, or it is not there."""
        try:
            history = await history_of(self.port, NODE, after_epoch=self.seen[0], after_sequence=self.seen[1])
        except grpc.aio.AioRpcError:
            return self.seen
        if history:
            self.seen = (history[-1][0], history[-1][1].sequence)
        return self.seen

    seen = (0, 0)

    async def until_arrived(self, sequence: int) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            while (await self.newest())[1] < sequence:  # noqa: ASYNC110 - another process changes it
                await asyncio.sleep(0.1)

    def told(self) -> list[tuple[int, int]]:
        """First and last number of every sync that had returned."""
        lines = self.box.with_suffix(".told").read_text().splitlines()
        return [(int(first), int(last)) for first, last in map(str.split, lines)]


def numbers_of(history: History) -> list[int]:
    return [record.event.stamp_ns for _epoch, record in history if record.event.kind == "number"]


@pytest.mark.timeout(int(4 * TIMEOUT_S))
async def test_a_long_outage_with_kills_and_power_cuts_arrives_complete_once_and_in_order(
    tmp_path: Path,
) -> None:
    async with Processes(tmp_path / "logs") as processes:
        outage = Outage(tmp_path, processes)
        await asyncio.to_thread(write_backlog, outage.box / "outbox.sqlite")
        await asyncio.to_thread(shutil.copytree, outage.box, outage.mirror)
        for kill in range(1, KILLS + 1):
            await outage.start_centre()
            await outage.start_node()
            await outage.until_arrived(BACKLOG * kill // (KILLS + 1))
            await outage.kill("centre" if kill % 2 else "node")
            await outage.kill("node" if kill % 2 else "centre")
            await asyncio.to_thread(power_cut, outage.box, outage.mirror)
            await asyncio.to_thread(shutil.rmtree, outage.box.with_name("look"))
        await outage.start_centre()
        await outage.start_node()
        await outage.until_arrived(outage.seen[1] + BACKLOG // (KILLS + 1) + 100)
        await outage.kill("node")
        told = outage.told()
        history = await history_of(outage.port, NODE)
    assert breaks(history) == []
    assert len({epoch for epoch, _record in history}) == 1
    assert history[0][1].sequence == 1
    assert not any(record.HasField("gap") for _epoch, record in history)
    numbers = numbers_of(history)
    assert numbers == sorted(set(numbers))
    assert numbers[:BACKLOG] == list(range(1, BACKLOG + 1))
    arrived = set(numbers)
    safe = [pair for pair in told if pair[1] <= numbers[-1]]
    assert len(safe) > KILLS
    assert all(arrived.issuperset(range(first, last + 1)) for first, last in safe)
