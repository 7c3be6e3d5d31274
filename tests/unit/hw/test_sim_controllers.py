"""The simulated RSMP site and TLC: their plan, and as programs of their own."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import socket
import sys
from collections.abc import AsyncIterator

import pytest

from edge.core.errors import DeviceError
from edge.core.signals import GroupKind, LampState, SignalSnapshot
from edge.core.stamp import NS_PER_S
from edge.ports import SignalController
from hw.signal.rsmp_controller import RsmpController
from hw.signal.rsmp_session import RsmpSettings
from hw.signal.rsmp_status import RsmpGroup, RsmpIntersection
from hw.signal.tlcfi_controller import TlcfiController
from hw.signal.tlcfi_session import TlcfiSettings
from hw.sim.plan_lights import NUMBERS, cycle_position_ds, lights, next_change_ns
from hw.sim.rsmp_site import component_of
from hw.sim.signal_plan import CYCLE_DS, group_states

T0 = 1_700_000_000 * NS_PER_S


@pytest.mark.parametrize("tenths", range(0, CYCLE_DS, 7))
def test_phases_are_those_of_the_plan(tenths: int) -> None:
    now_ns = T0 + tenths * NS_PER_S // 10
    shown = lights(now_ns)
    for state in group_states(cycle_position_ds(now_ns)):
        present, *coming = shown[NUMBERS[str(state["kind"]), int(str(state["number"]))]]
        assert present.lamp.name == state["lamp"]
        assert round((present.end_ns - now_ns) * 10 / NS_PER_S) == state["max_ds"]
        for before, after in itertools.pairwise((present, *coming)):
            assert before.lamp is not after.lamp
            assert before.end_ns < after.end_ns
    ends = [phases[0].end_ns for phases in shown.values()]
    assert min(ends) >= next_change_ns(now_ns)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextlib.asynccontextmanager
async def program(*arguments: str) -> AsyncIterator[None]:
    """A simulated device in a process of its own."""
    environment = {**os.environ, "EDGE_PARENT_PID": str(os.getpid())}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", *arguments, env=environment)
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


async def until_timed(controller: SignalController) -> SignalSnapshot:
    """The first snapshot in which every group has an end; comes again until the device is there."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(DeviceError):
                async with controller.snapshots() as snapshots:
                    async for snapshot in snapshots:
                        if snapshot.groups and all(group.max_end_ns for group in snapshot.groups):
                            return snapshot
            await asyncio.sleep(0.1)


def check(snapshot: SignalSnapshot) -> None:
    assert len(snapshot.groups) == 12
    assert sum(group.lamp is LampState.RED for group in snapshot.groups) >= 6
    for group in snapshot.groups:
        assert group.min_end_ns in (group.max_end_ns, None)
        assert snapshot.stamp.capture_ns < group.max_end_ns < snapshot.stamp.capture_ns + 100 * NS_PER_S


async def test_rsmp_site_is_a_program() -> None:
    components = tuple(
        RsmpGroup(n, GroupKind.PEDESTRIAN if n > 8 else GroupKind.VEHICLE, component_of(n))
        for n in range(1, 13)
    )
    lights_ = RsmpIntersection("site", components, yellow_ns=3 * NS_PER_S, red_yellow_ns=0)
    port = free_port()
    controller = RsmpController("127.0.0.1", port, settings=RsmpSettings(lights_))
    async with program("hw.sim.rsmp_site", "--connect", f"127.0.0.1:{port}", "--reconnect", "0.1"):
        check(await until_timed(controller))


async def test_tlc_is_a_program() -> None:
    port = free_port()
    groups = tuple((number, GroupKind.GROUP, None) for number in range(1, 13))
    controller = TlcfiController("127.0.0.1", port, settings=TlcfiSettings("tlc", groups))
    async with program("hw.sim.tlcfi_server", "--listen", f"127.0.0.1:{port}"):
        check(await until_timed(controller))
