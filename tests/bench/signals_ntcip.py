"""NTCIP 1202 over SNMP: `python tests/bench/signals_ntcip.py`; the last line is one JSON object. Definitions:

  snmp_cpu_ms       CPU time of our thread per GET of the ten phase status columns, event loop included
  snmp_ms_p50, p95  such a GET and its answer from an agent in another process
  ntcip_cpu_ms      CPU time of our thread per poll of the driver: 16 phases, their pedestrians, overlaps, promises
  ntcip_ms_p95      from a change of the lamps to the snapshot that shows it, at a poll period of 100 ms

The agent is the simulated one. Parts are functions, for benches of the whole path.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from edge.core.errors import DeviceError
from edge.core.signals import GroupKind, LampState
from hw.signal.ntcip1202.controller import Ntcip1202Controller, PollSettings
from hw.signal.ntcip1202.objects import cell
from hw.sim.signal_plan import LEFT_GREEN_DS
from hw.snmp.client import Agent, SnmpClient
from hw.snmp.message import GET, VarBind
from tests.ntcip_street import group, street, wait_for

COLUMNS = (*(f"1.4.1.{column}" for column in range(2, 10)), "9.4.1.2", "9.4.1.4")
"""Ten columns that the simulated agent has."""
POLLS, PERIOD_S, CHANGES = 3000, 0.1, 60


@contextlib.contextmanager
def agent_process() -> Iterator[Agent]:
    """A simulated agent in another process."""
    command = [sys.executable, "-m", "hw.sim.ntcip_agent", "--port", "0"]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        try:
            assert process.stdout is not None
            yield Agent("127.0.0.1", int(process.stdout.readline().rsplit(":", maxsplit=1)[1]))
        finally:
            process.kill()


async def poll_cost(agent: Agent, *, polls: int = POLLS) -> dict[str, float]:
    """CPU time and round trip of GETs of ten columns."""
    client = SnmpClient(agent, device="bench", counters=Counter())
    request = agent.request(GET, [VarBind(cell(column, 1)) for column in COLUMNS])
    spans_ms = []
    async with client.connected():
        for _ in range(100):
            await client.ask(request, timeout_s=1, attempts=3)
        start = time.thread_time()
        for _ in range(polls):
            began = time.perf_counter()
            reply = await client.ask(request, timeout_s=1)
            if reply is None or reply.error_status:
                raise DeviceError("bench", "an answer is missing")
            spans_ms.append((time.perf_counter() - began) * 1e3)
        cpu_ms = (time.thread_time() - start) / polls * 1e3
    spans_ms.sort()
    return {
        "snmp_cpu_ms": round(cpu_ms, 3),
        "snmp_ms_p50": round(statistics.median(spans_ms), 3),
        "snmp_ms_p95": round(spans_ms[int(polls * 0.95)], 3),
    }


async def driver_cost(agent: Agent, *, polls: int = 300) -> dict[str, float]:
    """CPU time of the driver per poll, after the tables were read."""
    settings = PollSettings(period_s=0.02, timeout_s=1.0)
    controller = Ntcip1202Controller(agent, name="bench", settings=settings)
    async with controller.snapshots() as snapshots:
        for _ in range(80):
            await anext(snapshots)
        start = time.thread_time()
        for _ in range(polls):
            await anext(snapshots)
        cpu_ms = (time.thread_time() - start) / polls * 1e3
    return {"ntcip_cpu_ms": round(cpu_ms, 3)}


async def change_latency(*, changes: int = CHANGES, seed: int = 1) -> dict[str, float]:
    """From a change of a lamp to its snapshot; changes fall anywhere between two polls."""
    chance, spans_ms = random.Random(seed), []
    async with street() as s:
        settings = PollSettings(period_s=PERIOD_S, timeout_s=1.0)
        controller = Ntcip1202Controller(Agent(*s.address), name="bench", settings=settings)
        async with controller.snapshots() as snapshots:
            await anext(snapshots)
            for _ in range(changes):
                s.agent.restart()
                await wait_for(
                    snapshots, lambda found: group(found, GroupKind.VEHICLE, 1).lamp is LampState.GREEN
                )
                await asyncio.sleep(chance.uniform(0, PERIOD_S))
                s.now_ns += (LEFT_GREEN_DS + 1) * 100_000_000
                began = time.perf_counter()
                await wait_for(
                    snapshots, lambda found: group(found, GroupKind.VEHICLE, 1).lamp is LampState.YELLOW
                )
                spans_ms.append((time.perf_counter() - began) * 1e3)
    spans_ms.sort()
    return {
        "ntcip_ms_p50": round(statistics.median(spans_ms), 1),
        "ntcip_ms_p95": round(spans_ms[int(changes * 0.95)], 1),
        "ntcip_period_ms": PERIOD_S * 1e3,
    }


def figures() -> dict[str, float]:
    """All of them."""
    with agent_process() as agent:
        found = asyncio.run(poll_cost(agent)) | asyncio.run(driver_cost(agent))
    return found | asyncio.run(change_latency())


if __name__ == "__main__":
    print(json.dumps({"bench": "signals_ntcip", "figures": figures()}))
