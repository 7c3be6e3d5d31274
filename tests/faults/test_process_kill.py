"""Children of a running node are killed: the lights go on, the child comes back. One node serves all tests here."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from edge.core.signals import IntersectionStatus, MovementState
from edge.v2x.spat import SpatView
from tests.faults.rig import RADIO, START_TIMEOUT_S, NodeRig, exit_event, is_alive, node_rig

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

CAMERA = "camera.north_east"
RADIOS = (RADIO, "rsu.radio-csae")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig(tmp_path_factory: pytest.TempPathFactory, kernels: Path) -> AsyncIterator[NodeRig]:
    """A node with cameras, broker and radio that publishes scenes with what cameras saw."""
    async with node_rig(tmp_path_factory.mktemp("node"), state=kernels) as found:
        await found.until(lambda: found.scenes, timeout_s=START_TIMEOUT_S, what="a scene")
        sources = [f"{name}.source" for name in found.children() if name != "fusion"]
        await found.until(
            lambda: all(found.state(source) == "ok" for source in sources),
            timeout_s=START_TIMEOUT_S,
            what="every camera",
        )
        yield found


@dataclass(frozen=True)
class Slots:
    """Slot counters of one radio at one time."""

    missed: int
    missed_in_a_row_max: int

    def longest_gap(self, before: Slots) -> int:
        """Upper bound of the slots missed in a row since `before`; exact when the maximum grew."""
        if self.missed_in_a_row_max > before.missed_in_a_row_max:
            return self.missed_in_a_row_max
        return min(self.missed_in_a_row_max, self.missed - before.missed)


async def slots(rig: NodeRig) -> dict[str, Slots]:
    counters = await rig.metrics()
    return {
        radio: Slots(counters[radio, "slots_missed"], counters[radio, "missed_in_a_row_max"])
        for radio in RADIOS
    }


async def test_killed_camera_comes_back_and_no_slot_is_lost(rig: NodeRig) -> None:
    before, killed_ns, pid = await slots(rig), time.time_ns(), rig.children()[CAMERA]
    os.kill(pid, signal.SIGKILL)
    down_s = await rig.until(
        lambda: exit_event(rig, CAMERA, since_ns=killed_ns), timeout_s=10, what="health tells of its end"
    )
    back_s = await rig.until(
        lambda: rig.state(CAMERA) == "ok" and rig.state(f"{CAMERA}.source") == "ok",
        timeout_s=60,
        what="the camera is back",
    )
    frames = (await rig.metrics())[f"{CAMERA}.source", "frames"]
    assert frames > 0
    print(f"camera: end known after {down_s:.2f} s, frames again after {down_s + back_s:.2f} s")
    assert rig.children()[CAMERA] != pid
    event = exit_event(rig, CAMERA, since_ns=killed_ns)
    assert event is not None
    assert event.text == "process ended (signal SIGKILL), restarting"
    await no_slot_was_lost(rig, before)


async def test_killed_fusion_comes_back_while_signals_go_on(rig: NodeRig) -> None:
    before, killed_ns, pid = await slots(rig), time.time_ns(), rig.children()["fusion"]
    exits = (await rig.metrics()).get(("fusion", "restarts"), 0)
    os.kill(pid, signal.SIGKILL)
    gone_s = await rig.until_serves("scene", serving=False, timeout_s=10)
    assert await rig.layer_serves("signals")
    back_s = await rig.until_serves("scene", serving=True, timeout_s=60)
    await rig.until(
        lambda: rig.scenes[-1][1].capture_ns > killed_ns + gone_s * 1e9, timeout_s=10, what="scenes again"
    )
    print(f"fusion: scene layer down after {gone_s:.2f} s, scenes again after {gone_s + back_s:.2f} s")
    assert rig.children()["fusion"] != pid
    assert exit_event(rig, "fusion", since_ns=killed_ns) is not None
    assert (await rig.metrics())["fusion", "restarts"] == exits + 1
    await no_slot_was_lost(rig, before)
    received = [at for at, update in rig.signals if at >= killed_ns and not update.withdrawn]
    assert len(received) >= 8 * (time.time_ns() - killed_ns) / 1e9


async def test_both_killed_at_once_come_back(rig: NodeRig) -> None:
    before, pids, epoch = await slots(rig), rig.children(), rig.scenes[-1][1].epoch
    for pid in pids.values():
        os.kill(pid, signal.SIGKILL)
    await rig.until(
        lambda: set(rig.children()) == set(pids) and not set(rig.children().values()) & set(pids.values()),
        timeout_s=30,
        what="every child has a successor",
    )
    sources = [f"{name}.source" for name in pids if name != "fusion"]
    back_s = await rig.until(
        lambda: rig.scenes[-1][1].epoch != epoch and all(rig.state(source) == "ok" for source in sources),
        timeout_s=60,
        what="scenes and every camera are back",
    )
    print(f"all children: back after {back_s:.2f} s")
    await no_slot_was_lost(rig, before)


async def test_silent_controller_is_withdrawn_on_the_wire_and_comes_back(rig: NodeRig) -> None:
    before = await slots(rig)
    silent_ns = time.time_ns()
    rig.pause_world()
    try:
        await rig.until(lambda: rig.signals[-1][1].withdrawn, timeout_s=10, what="withdrawn")
        await rig.until_serves("signals", serving=False, timeout_s=5)
        withdrawn_ns = next(at for at, view in rig.spats(since_ns=silent_ns) if is_withdrawn(view))
        late_ms = (withdrawn_ns - silent_ns) / 1e6
        heard = rig.radio.counts()["SPAT"]
        await rig.until(
            lambda: rig.radio.counts()["SPAT"] >= heard + 20, timeout_s=10, what="20 withdrawn SPATs"
        )
    finally:
        resumed_s = time.monotonic()
        rig.resume_world()
    print(f"first SPAT without valid signals {late_ms:.0f} ms after the last datagram")
    assert late_ms < 1000
    while_silent = [view for _at, view in rig.spats(since_ns=withdrawn_ns)][:20]
    assert all(is_withdrawn(view) for view in while_silent)
    await rig.until(lambda: not rig.signals[-1][1].withdrawn, timeout_s=20, what="signals again")
    print(f"signals again {time.monotonic() - resumed_s:.2f} s after the controller went on")
    await no_slot_was_lost(rig, before)


def is_withdrawn(view: SpatView) -> bool:
    """Whether a SPAT says that it is not valid, shows nothing and promises nothing."""
    nothing = all(
        group.state is MovementState.UNAVAILABLE
        and group.min_end is group.max_end is group.likely_end is None
        for group in view.groups
    )
    return nothing and IntersectionStatus.NO_VALID_SPAT in view.status


async def no_slot_was_lost(rig: NodeRig, before: dict[str, Slots]) -> None:
    """At most one 100 ms slot in a row went without a SPAT at every radio since `before`."""
    after = await slots(rig)
    gaps = {radio: after[radio].longest_gap(before[radio]) for radio in RADIOS}
    missed = {radio: after[radio].missed - before[radio].missed for radio in RADIOS}
    print(f"slots missed {missed}, longest run at most {gaps}")
    assert max(gaps.values()) <= 1


async def test_stopped_node_withdraws_its_signals_and_leaves_nobody(rig: NodeRig) -> None:
    children, asked_ns = rig.children(), time.time_ns()
    assert set(children) >= {"fusion", CAMERA}
    status = await rig.processes.stop("node")
    assert status == 0
    assert not [name for name, pid in children.items() if is_alive(pid)]
    _at, last = rig.spats(since_ns=asked_ns)[-1]
    assert is_withdrawn(last)
    assert rig.signals[-1][1].withdrawn


async def test_killed_parent_leaves_no_orphan(rig: NodeRig) -> None:
    seen = rig.radio.counts()["SPAT"]
    await rig.start_node()
    await rig.until(
        lambda: rig.radio.counts()["SPAT"] > seen and {"fusion", CAMERA} <= set(rig.children()),
        timeout_s=START_TIMEOUT_S,
        what="the node runs again",
    )
    children = rig.children()
    os.kill(rig.pid, signal.SIGKILL)
    assert await rig.processes.stop("node") == -signal.SIGKILL
    await rig.until(
        lambda: not any(is_alive(pid) for pid in children.values()), timeout_s=5, what="no child is left"
    )
