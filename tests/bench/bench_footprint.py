"""Memory, processor time and start-up of a node: `python tests/bench/bench_footprint.py --seconds 60`.

The demo's site as real processes (world, broker, centre, two cameras at 10 Hz) with 10 subscribers at 10 Hz; the node
runs at the priority of its service unit where that is permitted. The last line is one JSON object. Definitions:
  *_pss_mb        largest of the samples, one every 5 s, over the run (Pss of /proc/PID/smaps_rollup, MB of 10^6 bytes)
  *_cpu_cores     processor seconds per second of the run
  signals_ready_s exec of `edge run` to the first SPAT at a UDP listener; the controller sends already; median
  signals_valid_s likewise, to the first SPAT that is not withdrawn
  fusion_ready_s  exec to the first scene at a client, compiled kernels on disk; median
  *_cold_s        likewise with an empty kernel cache; once
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from edge.core.signals import IntersectionStatus
from edge.sdk import EdgeClient, Layer
from tests.bench.proc import cpu_s, machine, pss_mb
from tests.faults.rig import NodeRig, surroundings

SUBSCRIBERS = 10
RATE_HZ = 10.0
FPS = 10.0
SAMPLE_S = 5.0
TIMEOUT_S = 120.0
TARGETS = {
    "front_pss_mb": 120.0,
    "fusion_pss_mb": 200.0,
    "camera_pss_mb": 250.0,
    "signals_ready_s": 3.0,
}


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds from exec of the node."""

    signals_ready_s: float
    signals_valid_s: float
    fusion_ready_s: float


async def start_once(rig: NodeRig) -> Start:
    """Start the node and time what becomes ready."""
    began_ns = time.time_ns()
    await rig.start_node()
    scene_ns = await first_scene_ns(rig)
    await rig.until(lambda: valid_ns(rig, since_ns=began_ns), timeout_s=TIMEOUT_S, what="a valid SPAT")
    first_ns, _view = rig.spats(since_ns=began_ns)[0]
    valid = valid_ns(rig, since_ns=began_ns)
    assert valid is not None
    return Start((first_ns - began_ns) / 1e9, (valid - began_ns) / 1e9, (scene_ns - began_ns) / 1e9)


def valid_ns(rig: NodeRig, *, since_ns: int) -> int | None:
    """Arrival of the first SPAT that is not withdrawn."""
    return next(
        (at for at, v in rig.spats(since_ns=since_ns) if IntersectionStatus.NO_VALID_SPAT not in v.status),
        None,
    )


async def first_scene_ns(rig: NodeRig) -> int:
    """When a client that connects as soon as the port is open has its first scene."""
    async with asyncio.timeout(TIMEOUT_S):
        while not await port_is_open(rig.ports.grpc):  # noqa: ASYNC110 - another process opens it
            await asyncio.sleep(0.02)
        async with (
            EdgeClient(f"127.0.0.1:{rig.ports.grpc}") as client,
            contextlib.aclosing(client.watch([Layer.SCENE])) as updates,
        ):
            await anext(updates)
    return time.time_ns()


async def port_is_open(port: int) -> bool:
    """Whether something listens on a port of loopback."""
    try:
        _reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return True


async def subscribe(rig: NodeRig, counts: list[int], index: int) -> None:
    """One vehicle: counts its updates for ever."""
    async with EdgeClient(f"127.0.0.1:{rig.ports.grpc}") as client:
        async for _update in client.watch(max_rate_hz=RATE_HZ):
            counts[index] += 1


async def steady(rig: NodeRig, *, seconds: float) -> dict[str, float]:
    """Memory and processor time of each process while it serves its subscribers."""
    counts = [0] * SUBSCRIBERS
    tasks = [asyncio.create_task(subscribe(rig, counts, index)) for index in range(SUBSCRIBERS)]
    try:
        await rig.until(lambda: all(counts), timeout_s=TIMEOUT_S, what="every subscriber served")
        pids = {"front": rig.pid} | rig.children()
        began, spent = time.monotonic(), {name: cpu_s(pid) for name, pid in pids.items()}
        before, memory = sum(counts), dict.fromkeys(pids, 0.0)
        while (left := began + seconds - time.monotonic()) > 0:
            await asyncio.sleep(min(SAMPLE_S, left))
            memory = {name: max(memory[name], pss_mb(pid)) for name, pid in pids.items()}
        took = time.monotonic() - began
        cores = {name: (cpu_s(pid) - spent[name]) / took for name, pid in pids.items()}
        updates = (sum(counts) - before) / took / SUBSCRIBERS
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    cameras = [name for name in pids if name.startswith("camera.")]
    return {
        "front_pss_mb": memory["front"],
        "fusion_pss_mb": memory["fusion"],
        "camera_pss_mb": max(memory[name] for name in cameras),
        "node_pss_mb": sum(memory.values()),
        "front_cpu_cores": cores["front"],
        "fusion_cpu_cores": cores["fusion"],
        "camera_cpu_cores": max(cores[name] for name in cameras),
        "node_cpu_cores": sum(cores.values()),
        "updates_per_subscriber_s": updates,
    }


async def measure(directory: Path, *, seconds: float, starts: int) -> dict[str, float]:
    """All figures."""
    async with surroundings(directory, fps=FPS) as rig:
        await rig.start_centre()
        cold = await start_once(rig)
        await rig.processes.stop("node")
        warm: list[Start] = []
        for _ in range(starts):
            if warm:
                await rig.processes.stop("node")
            warm.append(await start_once(rig))
        figures = await steady(rig, seconds=seconds)
    return figures | {
        "signals_ready_s": statistics.median(start.signals_ready_s for start in warm),
        "signals_ready_max_s": max(start.signals_ready_s for start in warm),
        "signals_valid_s": statistics.median(start.signals_valid_s for start in warm),
        "fusion_ready_s": statistics.median(start.fusion_ready_s for start in warm),
        "fusion_ready_cold_s": cold.fusion_ready_s,
        "signals_ready_cold_s": cold.signals_ready_s,
        "starts": starts,
        "seconds": seconds,
    }


def show(figures: dict[str, float]) -> None:
    """A table for people, and the last line for machines."""
    print(f"{'figure':28} {'value':>9} {'target':>9}")
    for name, value in figures.items():
        target = TARGETS.get(name)
        verdict = (
            ""
            if target is None
            else f" {'<= ' + format(target, 'g'):>9} {'' if value <= target else 'MISSED'}"
        )
        print(f"{name:28} {value:9.2f}{verdict}")
    print(json.dumps({"bench": "footprint", "figures": {k: round(v, 3) for k, v in figures.items()}}))


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description="Footprint and start-up of a node.")
    parser.add_argument("--seconds", type=float, default=60.0, help="of the run with subscribers")
    parser.add_argument("--starts", type=int, default=5, help="warm starts that are timed")
    options = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as directory:
        figures = asyncio.run(measure(Path(directory), seconds=options.seconds, starts=options.starts))
    show(figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
