"""The history through a lost centre, a killed node and a power cut: complete, in order, nothing twice.

`EDGE_HISTORY_CUT_S=60` leaves the centre away for a minute; by default until some records wait.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
from pathlib import Path

import grpc
import pytest

from tests.faults.rig import START_TIMEOUT_S, NodeRig, followed, surroundings
from tests.history_reader import History, breaks, history_of, skipped_revisions

NODE = "demo"
ARRIVAL_TIMEOUT_S = 60.0
CUT_S = float(os.environ.get("EDGE_HISTORY_CUT_S", "0"))


async def arrived(rig: NodeRig) -> History:
    """What the centre has by now; nothing while it starts."""
    try:
        return await history_of(rig.ports.centre, NODE)
    except grpc.aio.AioRpcError as error:
        if error.code() not in {grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNAVAILABLE}:
            raise
        return []


async def until_arrived(rig: NodeRig, count: int, *, after: int = 0) -> History:
    """Wait until the centre has so many records after a sequence."""
    async with asyncio.timeout(ARRIVAL_TIMEOUT_S):
        while True:
            history = await arrived(rig)
            if sum(record.sequence > after for _epoch, record in history) >= count:
                return history
            await asyncio.sleep(0.2)


def power_cut(box: Path, mirror: Path) -> dict[int, bytes]:
    """Throw away what was not synced; returns the records that are left, by sequence."""
    shutil.rmtree(box)
    shutil.copytree(mirror, box, ignore=shutil.ignore_patterns("*.half"))
    copy = shutil.copytree(box, box.with_name("look"))
    base = sqlite3.connect(copy / "outbox.sqlite")
    try:
        return dict(base.execute("SELECT sequence, body FROM record"))
    finally:
        base.close()


@pytest.mark.timeout(240)
async def test_a_killed_node_and_a_power_cut_while_the_centre_is_away_lose_nothing_that_was_synced(
    tmp_path: Path, kernels: Path
) -> None:
    state = tmp_path / "state"
    box, mirror = state / "history", tmp_path / "mirror"
    shutil.copytree(kernels, state)
    shutil.rmtree(box, ignore_errors=True)
    command = ("-m", "tests.power_node", str(box), str(mirror))
    centre = ("--state", str(tmp_path / "centre"))
    async with surroundings(tmp_path, cameras=False, broker=False, state=state, history=True) as rig:
        async with followed(rig):
            await rig.start_centre(*centre)
            await rig.start_node(*command)
            await rig.until(rig.shows_signals, timeout_s=START_TIMEOUT_S, what="signals")
            before = await until_arrived(rig, 8)
            await rig.processes.stop("centre")
            await rig.until(lambda: rig.counter("history", "backlog") >= 12, timeout_s=60.0, what="a backlog")
            await asyncio.sleep(CUT_S)
            os.kill(rig.pid, signal.SIGKILL)
            await rig.processes.stop("node")
        synced = power_cut(box, mirror)
        assert len(synced) >= 12
        async with followed(rig):
            await rig.start_node(*command)
            await rig.start_centre(*centre)
            after = await until_arrived(rig, 8, after=max(synced))
            assert rig.shows_signals()
    assert len({epoch for epoch, _record in after}) == 1
    assert after[0][1].sequence == 1
    assert len(synced) > CUT_S
    assert breaks(after) == []
    assert not [record for _epoch, record in after if record.HasField("gap")]
    assert [record for _epoch, record in after][: len(before)] == [record for _epoch, record in before]
    bodies = {}
    for _epoch, record in after:
        sequence = record.sequence
        record.ClearField("sequence")
        bodies[sequence] = record.SerializeToString()
    assert {sequence: bodies.get(sequence) for sequence in synced} == synced
    assert len(skipped_revisions(after)) <= 1  # the restart; every other change of the lights is there
    assert "history_unclean" in {record.event.kind for _epoch, record in after}
