"""Two cameras in one process: both deliver, and when it is killed both are said to be down and come back."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.faults.rig import START_TIMEOUT_S, children_of, exit_event, followed, surroundings

pytestmark = pytest.mark.timeout(240)
GROUP = "cameras.poles"
SOURCES = ("camera.north_east.source", "camera.south_west.source")


def group_process(node: int) -> int:
    """The one process that has the names of both cameras; the camera of the lamps is not in the group."""
    (found,) = [pid for pid, line in children_of(node).items() if {"north_east", "south_west"} <= set(line)]
    return found


async def test_grouped_cameras_deliver_fall_and_come_back_together(tmp_path: Path, kernels: Path) -> None:
    async with surroundings(tmp_path, broker=False, state=kernels) as rig, followed(rig):
        text = rig.site.read_text(encoding="utf-8")
        rig.site.write_text(
            text.replace("[[camera]]\n", '[[camera]]\ngroup = "poles"\n', 2), encoding="utf-8"
        )
        await rig.start_node()
        await rig.until(
            lambda: all(rig.state(source) == "ok" for source in SOURCES) and rig.scenes,
            timeout_s=START_TIMEOUT_S,
            what="both cameras and a scene",
        )
        killed, killed_ns = group_process(rig.pid), time.time_ns()
        os.kill(killed, signal.SIGKILL)
        await rig.until(
            lambda: exit_event(rig, GROUP, since_ns=killed_ns), timeout_s=10, what="health tells of its end"
        )
        await rig.until(
            lambda: all(rig.state(source) == "ok" for source in SOURCES),
            timeout_s=START_TIMEOUT_S,
            what="both are back",
        )
        assert group_process(rig.pid) != killed
        assert rig.counter(GROUP, "restarts") == 1
        assert rig.state("camera.north_east.model") == "ok"
        assert rig.message("camera.north_east.model") == "on cpu"
