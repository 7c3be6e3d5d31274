"""From a change of lamps to a subscriber: `python tests/bench/bench_signals.py [--full]`; the last line is JSON.

Every simulated controller, and snmpd where it is installed, speaks its protocol over loopback to its driver; a signal
lane, a hub and a gRPC server stand behind it as in a node, and a client of the SDK listens. All share one thread, which
is more than a node has to carry, at the priority of a node where that is allowed. The protocols take turns, several
times; changes fall at random between polls and ticks. `impossible_course = "tell"`: greens last a tenth of a second.

  <protocol>_ms_p50, p95   from the change of a lamp to the gRPC update that shows it
  tscbm                    the controller sends at the moment of the change; else at 10 Hz
  ntcip, snmpd             polled every 100 ms: the simulated agent, and Debian's snmpd whose objects are set over SNMP
  gb20999                  reported over UDP; gb20999_polled: asked every 200 ms
  rsmp, tlcfi              told on change, twelve groups with their times
  snmp_cpu_ms              CPU time of our thread per GET of ten columns and its answer, of snmpd where it is there
  slots, slots_missed      100 ms slots of TSCBM at 10 Hz, and those in which neither its state nor a newer one came
  slot_ms_p95, max         from the time at which a datagram was due to the update that shows it
  polls_missed             polls of NTCIP at 10 Hz beside it that were late by a period or not answered
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import random
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from edge.app.front import PRIORITY
from hw.signal.ntcip1202.objects import cell
from hw.snmp.client import Agent
from tests.bench import signals_street
from tests.bench.proc import machine
from tests.bench.signals_gb20999 import p95
from tests.bench.signals_ntcip import COLUMNS, agent_process, poll_cost
from tests.bench.signals_street import SLOT_S, Scene
from tests.snmpd import NEMA, find_snmpd, start_snmpd

ROUNDS, CHANGES = 5, 30
PAUSE_S = (0.02, 0.22)
GET_COUNT = 1000
GB20999_POLL_S = 0.2
SHORT_S, FULL_S = 20.0, 3600.0
SIGNAL_GROUP = 1
STREETS: dict[str, Callable[[], contextlib.AbstractAsyncContextManager[Scene]]] = {
    "tscbm": signals_street.tscbm,
    "ntcip": signals_street.ntcip,
    "gb20999": signals_street.gb20999,
    "gb20999_polled": partial(signals_street.gb20999, GB20999_POLL_S),
    "rsmp": signals_street.rsmp,
    "tlcfi": signals_street.tlcfi,
}
EVENT_MS, POLL_MS = 60.0, 1000 * signals_street.POLL_S
TARGETS = {
    "tscbm_ms_p95": EVENT_MS,
    "ntcip_ms_p95": POLL_MS + EVENT_MS,
    "snmpd_ms_p95": POLL_MS + EVENT_MS,
    "gb20999_ms_p95": EVENT_MS,
    "gb20999_polled_ms_p95": 1000 * GB20999_POLL_S + EVENT_MS,
    "rsmp_ms_p95": EVENT_MS,
    "tlcfi_ms_p95": EVENT_MS,
    "slots_missed": 0,
    "polls_missed": 0,
}


async def latencies_ms(name: str, *, changes: int, chance: random.Random) -> list[float]:
    """Milliseconds from each change to the update at the subscriber."""
    found = []
    async with STREETS[name]() as scene:
        green = True
        await scene.change(green)
        await scene.subscriber.shown(SIGNAL_GROUP, green=green)
        for _ in range(changes):
            await asyncio.sleep(chance.uniform(*PAUSE_S))
            green = not green
            changed_s = await scene.change(green)
            shown_s = await scene.subscriber.shown(SIGNAL_GROUP, green=green)
            found.append((shown_s - changed_s) * 1000)
    return found


async def slot_figures(seconds: float) -> dict[str, float]:
    """TSCBM and NTCIP at 10 Hz side by side, nothing but the 10 Hz."""
    async with signals_street.tscbm() as pushed, signals_street.ntcip() as polled:
        await pushed.subscriber.shown(SIGNAL_GROUP, green=True)
        await polled.subscriber.shown(SIGNAL_GROUP, green=True)
        pushed.due_by_clock.clear()
        before = missed_polls(polled)
        await asyncio.sleep(seconds)
        due, missed = dict(pushed.due_by_clock), missed_polls(polled) - before
        await asyncio.sleep(2 * SLOT_S)
        waits = waits_s(due, pushed.subscriber.arrivals)
    came_ms = [wait_s * 1000 for wait_s in waits if wait_s < float("inf")]
    return {
        "slots": len(waits),
        "slots_missed": sum(wait_s > SLOT_S for wait_s in waits),
        "slot_ms_p95": p95(came_ms),
        "slot_ms_max": max(came_ms),
        "polls_missed": missed,
    }


def waits_s(due_s: dict[int, float], heard_s: dict[int, float]) -> list[float]:
    """How long after each message was due its state, or a newer one, was heard; oldest first.

    The newest wins on the way: what two messages in a row said comes as one update where they come together.
    """
    found, first_s = [], float("inf")
    for clock in reversed(due_s):
        first_s = min(first_s, heard_s.get(clock, float("inf")))
        found.append(first_s - due_s[clock])
    return found[::-1]


def missed_polls(scene: Scene) -> int:
    """Polls that were late by a period, or not answered."""
    return sum(scene.counters.get(name, 0) for name in ("missed_polls", "timeouts"))


@contextlib.contextmanager
def snmp_agent() -> Iterator[Agent]:
    """An agent in another process that has the ten columns: snmpd where it is installed."""
    if find_snmpd() is None:
        with agent_process() as agent:
            yield agent
        return
    with tempfile.TemporaryDirectory(prefix="edge-snmpd-") as directory:
        daemon = start_snmpd(Path(directory), {cell(column, 1): 0 for column in COLUMNS} | NEMA)
        try:
            yield Agent("127.0.0.1", daemon.port)
        finally:
            daemon.stop()


def change_figures(rounds: int, changes: int) -> dict[str, float]:
    """All protocols in turn, round after round."""
    chance, spans_ms, cpu_ms = random.Random(1), defaultdict(list), []
    for number in range(rounds):
        for name in STREETS:
            spans_ms[name].append(asyncio.run(latencies_ms(name, changes=changes, chance=chance)))
        with snmp_agent() as agent:
            cpu_ms.append(asyncio.run(poll_cost(agent, polls=GET_COUNT))["snmp_cpu_ms"])
        said = ", ".join(f"{name} {p95(found[-1]):.1f}" for name, found in spans_ms.items())
        print(f"round {number + 1}, p95 ms: {said}; a GET {cpu_ms[-1]:.3f} ms of CPU")
    figures: dict[str, float] = {"changes": rounds * changes}
    for name, found in spans_ms.items():
        every = [span for one in found for span in one]
        figures |= {f"{name}_ms_p50": statistics.median(every), f"{name}_ms_p95": p95(every)}
    return figures | {"snmp_cpu_ms": statistics.median(cpu_ms)}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--full", action="store_true", help="10 Hz for an hour instead of 20 s")
    options = parser.parse_args()
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, min(PRIORITY, os.getpriority(os.PRIO_PROCESS, 0)))
    logging.disable(logging.WARNING)  # simulated controllers leave at the end of each turn
    print(machine())
    if find_snmpd() is not None:
        STREETS["snmpd"] = signals_street.snmpd
    figures = change_figures(ROUNDS, CHANGES)
    figures |= asyncio.run(slot_figures(FULL_S if options.full else SHORT_S))
    figures = {name: round(value, 3) for name, value in figures.items()}
    for name, value in figures.items():
        bound = TARGETS.get(name)
        wanted = "" if bound is None else f"wanted <= {bound}{'' if value <= bound else '   MISSED'}"
        print(f"{name:24} {value:9} {wanted}")
    print(json.dumps({"bench": "signals", "figures": figures}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
