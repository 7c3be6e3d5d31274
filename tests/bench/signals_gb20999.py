"""How long a change of a GB/T 20999 controller's lamps takes to a snapshot, over loopback: for `bench_signals.py`.

`python -m tests.bench.signals_gb20999 --changes 200` prints the figures of every transport, the last line as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from dataclasses import dataclass

from edge.core.signals import LampState, SignalSnapshot
from hw.signal.gb20999_controller import Gb20999Controller
from hw.signal.gb20999_link import Transport, Way
from hw.signal.gb20999_questions import Habits
from hw.sim.gb20999_controller import Gb20999Fake
from hw.sim.gb20999_device import Gb20999Device

GREEN_DS, YELLOW_DS = 20.0, 90.0
"""Positions in the simulated plan at which lamp group 1 is green and yellow."""
TIMEOUT_S = 5.0
SETTLE_S = 0.05


@dataclass(frozen=True, slots=True)
class Way20999:
    """One way of talking.

    Attributes:
        transport: `udp` or `tcp`.
        poll_s: 0: the controller reports changes by itself.
    """

    transport: Transport
    poll_s: float


async def latencies_ms(way: Way20999, *, changes: int, seed: int = 1) -> list[float]:
    """Milliseconds from each change of a lamp in the device to the snapshot that shows it.

    A controller that reports sends at the moment of the change; one that is asked changes at a random place between two
    questions.
    """
    chance, position = random.Random(seed), [GREEN_DS]
    fake = Gb20999Fake(Gb20999Device(lambda: position[0]), "udp" if way.transport == "udp" else "tcp")
    found: list[float] = []
    async with fake.running() as address:
        driver = Gb20999Controller(
            Way(way.transport, address, ("127.0.0.1", 0)), name="bench", habits=Habits(poll_s=way.poll_s)
        )
        async with driver.snapshots() as snapshots:
            lamp = LampState.GREEN
            await _shown(snapshots, lamp)
            for _ in range(changes):
                await _read_for(snapshots, SETTLE_S + chance.random() * way.poll_s)
                lamp = LampState.YELLOW if lamp is LampState.GREEN else LampState.GREEN
                changed = time.perf_counter()
                position[0] = GREEN_DS if lamp is LampState.GREEN else YELLOW_DS
                if not way.poll_s:
                    fake.report()
                await _shown(snapshots, lamp)
                found.append((time.perf_counter() - changed) * 1000)
    return found


async def _shown(snapshots: object, lamp: LampState) -> SignalSnapshot:
    async with asyncio.timeout(TIMEOUT_S):
        async for snapshot in snapshots:  # type: ignore[attr-defined]
            if snapshot.groups[0].lamp is lamp:
                return snapshot
    raise AssertionError


async def _read_for(snapshots: object, seconds: float) -> None:
    """Read on for a while, as the signal lane does."""
    try:
        async with asyncio.timeout(seconds):
            async for _ in snapshots:  # type: ignore[attr-defined]
                pass
    except TimeoutError:
        return


def p95(values: list[float]) -> float:
    """95th percentile."""
    return sorted(values)[min(len(values) - 1, int(0.95 * len(values)))]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--changes", type=int, default=200)
    given = parser.parse_args()
    figures: dict[str, float] = {}
    for transport, poll_s in (("udp", 0.0), ("tcp", 0.0), ("udp", 0.2)):
        way = Way20999(transport, poll_s)  # type: ignore[arg-type]
        values = asyncio.run(latencies_ms(way, changes=given.changes if not poll_s else given.changes // 4))
        key = f"gb20999_{transport}_{'polled' if poll_s else 'reported'}"
        figures[f"{key}_ms_p50"] = round(sorted(values)[len(values) // 2], 2)
        figures[f"{key}_ms_p95"] = round(p95(values), 2)
        print(key, len(values), "changes", figures[f"{key}_ms_p50"], figures[f"{key}_ms_p95"])
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
