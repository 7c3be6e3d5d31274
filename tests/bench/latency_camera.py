"""Four cameras as detections in place of pictures: a child of the node. `... latency_camera SITE NAME ...`.

What a camera process sends after inference comes from files, stamped with the time at which it was due; how late it was
sent is reported in health.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import numpy as np

from edge.app.child_process import ChildProcess, prepare_child
from edge.core.detections import Detections
from edge.core.health import HealthState
from edge.core.stamp import NS_PER_S, Stamp, TimeSource
from edge.flow.link import Kind
from edge.flow.pack import pack
from tests.bench.latency_street import CAMERA_HZ, CAMERAS, SIGMA_M, class_log_odds

FOLDER, BEGIN = "BENCH_LATENCY_FOLDER", "begin"
ERROR_NS = 2_000_000


async def play(child: ChildProcess, name: str, folder: Path) -> None:
    """Send the frames of one camera from the time that the file `begin` tells."""
    child.board.set(f"camera.{name}", HealthState.OK)
    counters = child.board.counters(f"camera.{name}")
    frames, begin_ns = np.load(folder / f"{name}.npy"), await _begin(folder)
    period_ns = round(NS_PER_S / CAMERA_HZ)
    offset_ns = CAMERAS.index(name) * period_ns // len(CAMERAS)
    for number, position_m in enumerate(frames):
        due_ns = begin_ns + offset_ns + number * period_ns
        # A capture time that no other source has: not on a millisecond.
        due_ns += 333 - due_ns % 1000
        await asyncio.sleep((due_ns - time.time_ns()) / NS_PER_S)
        child.send(
            Kind.DETECTIONS, pack(_scan(name, position_m[np.isfinite(position_m[:, 0])], due_ns, number))
        )
        late_us = (time.time_ns() - due_ns) // 1000
        counters["sent"] += 1
        counters["late_us_total"] += late_us
        dict.update(counters, late_us_max=max(counters["late_us_max"], late_us))
    child.report()
    await asyncio.Event().wait()


async def _begin(folder: Path) -> int:
    """When the run begins, UTC ns."""
    while not (folder / BEGIN).is_file():  # noqa: ASYNC110 - another process writes it
        await asyncio.sleep(0.1)
    return int((folder / BEGIN).read_text(encoding="ascii"))


def _scan(name: str, position_m: np.ndarray, stamp_ns: int, number: int) -> Detections:
    n = len(position_m)
    return Detections(
        sensor=name,
        stamp=Stamp(stamp_ns, TimeSource.SENSOR, ERROR_NS),
        arrival_ns=stamp_ns,
        frame_id=number,
        position_m=position_m,
        covariance_m2=np.broadcast_to(np.eye(2) * SIGMA_M**2, (n, 2, 2)).copy(),
        class_log_odds=class_log_odds(n),
        confidence=np.full(n, 0.9),
        box_px=np.full((n, 4), np.nan, np.float32),
        size_m=np.full((n, 3), np.nan),
        yaw_rad=np.full(n, np.nan),
        velocity_mps=np.full((n, 2), np.nan),
        image_track=np.full(n, -1),
    )


async def _main(names: list[str]) -> None:
    child, folder = ChildProcess(), Path(os.environ[FOLDER])

    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            for name in names:
                group.create_task(play(child, name, folder), name=name)

    await child.run(receive=lambda _kind, _payload: None, work=work)


if __name__ == "__main__":
    prepare_child()
    asyncio.run(_main(sys.argv[2:]))
