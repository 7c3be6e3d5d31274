"""A history lane and its uplink alone in a process, on a disk whose synced state is mirrored, for tests that kill it.

`python -m tests.history_node DIRECTORY MIRROR PORT FIRST`: records numbers from FIRST on, a hundred a second, and adds
those of each sync to DIRECTORY.told once the sync has returned.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from pathlib import Path

import grpc

from edge.flow.board import HealthBoard
from edge.flow.supervise import Backoff
from edge.publish.history import HistoryLane
from edge.publish.history_uplink import HistoryUplink
from edge.v1 import common_pb2, history_pb2
from tests import power

NODE = "n1"
PER_SYNC = 10


def numbered(number: int) -> history_pb2.HistoryRecord:
    """A record that can be told from all others."""
    event = common_pb2.HealthEvent(stamp_ns=number, kind="number", text="x" * 150)
    return history_pb2.HistoryRecord(stamp_ns=time.time_ns(), event=event)


async def record(lane: HistoryLane, told: Path, first: int) -> None:
    """Record for ever."""
    with told.open("a") as file:
        for number in itertools.count(first, PER_SYNC):
            for offset in range(PER_SYNC):
                lane.record(numbered(number + offset))
            await lane.sync()
            file.write(f"{number} {number + PER_SYNC - 1}\n")
            file.flush()
            await asyncio.sleep(0.1)


async def main(directory: Path, mirror: Path, port: int, first: int) -> None:
    """Serve until killed."""
    power.watch(directory, mirror=mirror)
    board = HealthBoard(now_ns=time.time_ns)
    lane = HistoryLane(directory / "outbox.sqlite", board=board, now_ns=time.time_ns)
    address = f"127.0.0.1:{port}"
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
    uplink = HistoryUplink(
        address,
        lane,
        node_id=NODE,
        open_channel=lambda: grpc.aio.insecure_channel(address, options=options),
        board=board,
        backoff=Backoff(first_s=0.1, limit_s=0.3),
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(uplink.run())
        group.create_task(record(lane, directory.with_suffix(".told"), first))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
