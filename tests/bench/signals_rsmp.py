"""RSMP on loopback: from a change of lamps at the site to the snapshot at the reader."""

from __future__ import annotations

import asyncio
import time

from hw.signal.rsmp_controller import RsmpController
from hw.signal.rsmp_session import RsmpSettings
from hw.signal.rsmp_status import RsmpGroup, RsmpIntersection
from hw.sim.rsmp_site import RsmpSite, component_of, plan_status

GROUPS = tuple(RsmpGroup(number, component=component_of(number)) for number in range(1, 13))
LETTERS = ("3BBBBBBBBBBB", "B3BBBBBBBBBB")


async def latencies_ms(changes: int = 200, *, pause_s: float = 0.02) -> list[float]:
    """Milliseconds of each change, lamps and times of all twelve groups told; both ends share one event loop."""
    controller = RsmpController("127.0.0.1", 0, settings=RsmpSettings(RsmpIntersection("bench", GROUPS)))
    found: list[float] = []
    async with controller.snapshots() as snapshots:
        assert controller.address is not None
        site = RsmpSite(controller.address)
        run = asyncio.create_task(site.run())
        try:
            async with asyncio.timeout(10):
                await site.subscribed.wait()
            for change in range(changes):
                await asyncio.sleep(pause_s)
                letters, times = LETTERS[change % 2], plan_status(time.time_ns())[1]
                begun = time.perf_counter()
                site.show(letters, cycle_s=change, times=times)
                async with asyncio.timeout(5):
                    async for snapshot in snapshots:
                        if snapshot.groups and snapshot.groups[change % 2].lamp.name == "GREEN":
                            break
                found.append((time.perf_counter() - begun) * 1000)
        finally:
            run.cancel()
    return found
