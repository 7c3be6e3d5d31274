"""The history lane under a long outage: `python tests/bench/bench_uplink.py`. The last line is one JSON object.

A backlog of 500,000 records of the shapes that a node makes is written, then sent to a centre in another process while
a 10 Hz task runs on the same loop, as the signals of a node do. With `--quick` a tenth of it. Definitions:
  record_us                    CPU time that the front's loop spends on one record (lanes of 16 lanes, 1 Hz), median
  sync_ms_p50, sync_ms_p99     one transaction a second with 30 records, synced, on the worker's thread
  append_per_s                 records written in transactions of 2,000
  disk_octets_per_record       file and WAL of the full outbox; centre_octets_per_record: at the centre
  open_s                       opening and checking the full file after a crash
  drain_per_s                  records a second from the full outbox to acknowledged at the centre
  drain_late_ms_p50, _p99      how late the 10 Hz task was during the drain; idle_late_ms_p99: without one
  live_ms_p50, live_ms_p99     a live batch to its acknowledgement during the drain; live_idle_ms_p99: without one
  front_cpu_share              CPU of this process during the drain, of one core
  complete                     1: the centre has every record once and in order
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import grpc
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from edge.app.demo_processes import Processes, free_port
from edge.core.stamp import NS_PER_S
from edge.flow.board import HealthBoard
from edge.publish.history import HistoryLane, HistoryTap
from edge.publish.history_uplink import HistoryUplink
from edge.publish.outbox import Item, OutboxLimits, open_outbox
from edge.v1 import (
    centre_pb2,
    centre_pb2_grpc,
    common_pb2,
    history_pb2,
    intersection_pb2,
    node_pb2,
    scene_pb2,
    signals_pb2,
)
from tests.history_reader import breaks, history_of

RECORDS = 50_000 if "--quick" in sys.argv else 500_000
TRANSACTION = 2_000
NODE = "bench"


def lanes(stamp_ns: int) -> node_pb2.Update:
    measures = [
        scene_pb2.LaneMeasure(
            lane=n, count=n % 5, queue_length=n % 3, passed_total=1000 + n, mean_speed_mps=9.5
        )
        for n in range(1, 17)
    ]
    return node_pb2.Update(
        layer=common_pb2.LAYER_LANES, published_ns=stamp_ns, lanes=scene_pb2.Lanes(lanes=measures)
    )


def signals(stamp_ns: int, revision: int) -> history_pb2.HistoryRecord:
    groups = [
        signals_pb2.SignalGroup(
            signal_group=n, state=3, min_end_ns=stamp_ns, max_end_ns=stamp_ns, confidence=0.9
        )
        for n in range(1, 13)
    ]
    message = signals_pb2.Signals(intersection=1, revision=revision % 128, capture_ns=stamp_ns, groups=groups)
    return history_pb2.HistoryRecord(stamp_ns=stamp_ns, signals=message)


def bodies(begin_ns: int) -> list[bytes]:
    """One of each four records is a change of the signals; the others are lanes."""
    found = []
    for number in range(400):
        stamp_ns = begin_ns + number * NS_PER_S
        record = (
            signals(stamp_ns, number)
            if number % 4 == 0
            else history_pb2.HistoryRecord(stamp_ns=stamp_ns, lanes=lanes(stamp_ns).lanes)
        )
        found.append(record.SerializeToString())
    return found


async def measure_recording(directory: Path, figures: dict[str, float]) -> None:
    """What the loop pays for a record, and the worker for a second's transaction."""
    lane = HistoryLane(directory / "o.sqlite", board=HealthBoard(now_ns=time.time_ns), now_ns=time.time_ns)
    tap, stamp_ns = HistoryTap(lane), time.time_ns()
    costs, syncs = [], []
    await lane.sync()
    for _ in range(60):
        for _ in range(30):
            stamp_ns += NS_PER_S
            update = lanes(stamp_ns)
            began_ns = time.thread_time_ns()
            tap.update(update)
            costs.append((time.thread_time_ns() - began_ns) / 1000)
        began_s = time.perf_counter()
        await lane.sync()
        syncs.append((time.perf_counter() - began_s) * 1000)
    await lane.close()
    figures["record_us"] = round(statistics.median(costs), 1)
    figures["sync_ms_p50"], figures["sync_ms_p99"] = percentiles(syncs)


def octets_of(directory: Path) -> int:
    return sum(file.stat().st_size for file in directory.iterdir())


def write_backlog(path: Path, figures: dict[str, float]) -> None:
    """Fill an outbox, leave it as a crash does, and open it again."""
    made, begin_ns = bodies(time.time_ns()), time.time_ns()
    outbox, _problem = open_outbox(path, limits=OutboxLimits(), now_ns=begin_ns)
    began_s = time.perf_counter()
    for first in range(0, RECORDS, TRANSACTION):
        outbox.append([Item(begin_ns + n, made[n % len(made)]) for n in range(first, first + TRANSACTION)])
    figures["append_per_s"] = round(RECORDS / (time.perf_counter() - began_s))
    size = octets_of(path.parent)
    figures["disk_octets_per_record"] = round(size / RECORDS, 1)
    outbox._base.close()
    began_s = time.perf_counter()
    again, _problem = open_outbox(path, limits=OutboxLimits(), now_ns=0)
    figures["open_s"] = round(time.perf_counter() - began_s, 2)
    again.close()


async def lateness(late_ms: list[float]) -> None:
    """Ten times a second: how late."""
    loop = asyncio.get_running_loop()
    due_s = loop.time()
    while True:
        due_s += 0.1
        await asyncio.sleep(due_s - loop.time())
        late_ms.append((loop.time() - due_s) * 1000)


async def live(port: int, delays_ms: list[float]) -> None:
    """A live stream beside: ten batches of 1.5 kB a second, each until acknowledged."""
    hello = intersection_pb2.Intersection(name="bench")
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = centre_pb2_grpc.CentreServiceStub(channel).Connect()
        sequence = 0
        while True:
            sequence += 1
            batch = centre_pb2.NodeBatch(node_id=NODE, epoch=1, sequence=sequence)
            if sequence == 1:
                batch.hello.CopyFrom(hello)
            else:
                batch.updates.add(sequence=sequence, epoch=1).radio_frame.payload = bytes(1500)
            began_s = time.perf_counter()
            await call.write(batch)
            await call.read()
            delays_ms.append((time.perf_counter() - began_s) * 1000)
            await asyncio.sleep(0.1)


def percentiles(values: list[float]) -> tuple[float, float]:
    return tuple(round(float(v), 2) for v in np.percentile(values, (50, 99)))  # type: ignore[return-value]


async def drain(path: Path, port: int, centre_state: Path, figures: dict[str, float]) -> None:
    board = HealthBoard(now_ns=time.time_ns)
    lane = HistoryLane(path, board=board, now_ns=time.time_ns)
    address = f"127.0.0.1:{port}"
    uplink = HistoryUplink(
        address, lane, node_id=NODE, open_channel=lambda: grpc.aio.insecure_channel(address), board=board
    )
    late_ms: list[float] = []
    delays_ms: list[float] = []
    await lane.sync()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(lateness(late_ms)), group.create_task(live(port, delays_ms))]
        await asyncio.sleep(10.0)
        figures["idle_late_ms_p99"] = percentiles(late_ms[5:])[1]
        figures["live_idle_ms_p99"] = percentiles(delays_ms[5:])[1]
        late_ms.clear()
        delays_ms.clear()
        began_s, cpu_s = time.perf_counter(), time.process_time()
        tasks += [group.create_task(uplink.run()), group.create_task(lane.run())]
        await until(lambda: board.counters("history.uplink")["acked"] >= RECORDS)
        took_s = time.perf_counter() - began_s
        figures["front_cpu_share"] = round((time.process_time() - cpu_s) / took_s, 2)
        for task in tasks:
            task.cancel()
    await lane.close()
    figures["drain_per_s"] = round(RECORDS / took_s)
    figures["drain_late_ms_p50"], figures["drain_late_ms_p99"] = percentiles(late_ms)
    figures["live_ms_p50"], figures["live_ms_p99"] = percentiles(delays_ms)
    size = octets_of(centre_state)
    figures["centre_octets_per_record"] = round(size / RECORDS, 1)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(540):
        while not condition():  # noqa: ASYNC110 - counters have no event
            await asyncio.sleep(0.05)


async def run(directory: Path) -> dict[str, float]:
    figures: dict[str, float] = {"records": RECORDS}
    for name in ("front", "box"):
        (directory / name).mkdir()
    await measure_recording(directory / "front", figures)
    await asyncio.to_thread(write_backlog, directory / "box" / "o.sqlite", figures)
    port, state = free_port(), directory / "centre"
    async with Processes(directory / "logs") as processes:
        addresses = ("--grpc", f"127.0.0.1:{port}", "--web", "127.0.0.1:0", "--state", str(state))
        addresses += ("--allow-plaintext",)
        await processes.start("centre", "-m", "edge.app", "centre", *addresses)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            async with asyncio.timeout(60):
                await channel.channel_ready()
        await drain(directory / "box" / "o.sqlite", port, state, figures)
        history = await history_of(port, NODE)
    figures["complete"] = int(len(history) == RECORDS and not breaks(history) and history[0][1].sequence == 1)
    return figures


def main() -> int:
    with tempfile.TemporaryDirectory() as directory:
        figures = asyncio.run(run(Path(directory)))
    print(json.dumps({"bench": "uplink", "figures": figures}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
