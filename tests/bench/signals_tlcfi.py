"""TLC-FI on loopback: from a change of states at the TLC to the snapshot at the reader."""

from __future__ import annotations

import asyncio
import time

from edge.core.signals import GroupKind
from hw.signal.tlcfi_controller import TlcfiController
from hw.signal.tlcfi_session import TlcfiSettings
from hw.sim.tlcfi_server import TlcfiServer

SETTINGS = TlcfiSettings("bench", tuple((number, GroupKind.GROUP, None) for number in range(1, 13)))


async def latencies_ms(changes: int = 200, *, pause_s: float = 0.02) -> list[float]:
    """Milliseconds of each change, all twelve groups told with predictions; both ends share one event loop."""
    tlc = TlcfiServer()
    found: list[float] = []
    async with tlc.serving():
        assert tlc.address is not None
        controller = TlcfiController(*tlc.address, settings=SETTINGS)
        async with controller.snapshots() as snapshots:
            async with asyncio.timeout(10):
                await tlc.subscribed.wait()
            for change in range(changes):
                await asyncio.sleep(pause_s)
                states = tlc.plan_states(time.time_ns())
                states["01"]["state"], states["02"]["state"] = (6, 3) if change % 2 == 0 else (3, 6)
                begun = time.perf_counter()
                tlc.show(states)
                async with asyncio.timeout(5):
                    async for snapshot in snapshots:
                        if snapshot.groups[change % 2].lamp.name == "GREEN":
                            break
                found.append((time.perf_counter() - begun) * 1000)
    return found
