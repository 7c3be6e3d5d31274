"""What talks to the node of bench_latency: 200 BSM senders and a controller. `... latency_load JSON`.

JSON: `seconds`, `folder`, `controller` and `bsm` ports of UDP; or `mqtt` port and `topic` in place of `bsm`, with every
tenth sender. Prints `ready`, then takes a line with the time at which the run begins, UTC ns, and prints one JSON
object: what was sent, and how late it was.
"""

from __future__ import annotations

import heapq
import json
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as paho

from edge.core.stamp import NS_PER_MS, NS_PER_S
from hw.sim.poses import WorldState, empty_rows
from hw.sim.tscbm_sender import encode_tscbm
from tests.bench.latency_street import BSM_HZ, SENDERS, SecondMark, sender_offset_ms

PHASES = range(1, 9)
STEPS = (("GREEN", 40), ("YELLOW", 30), ("RED", 20))
"""Lamps of a phase, tenths of a second; each phase is an eighth of the cycle behind the one before."""
CYCLE_DS = 90
MQTT_SHARE = 10
PREFIX_NS = 3 * NS_PER_S
"""The controller speaks so long before the run."""


def _lamp(position: int) -> tuple[str, int]:
    """What a phase shows at a position of its cycle, and for how long yet."""
    end = 0
    for lamp, length in STEPS:
        end += length
        if position < end:
            return lamp, end - position
    raise ValueError(f"position {position} is beyond the cycle")


Turn = tuple[int, Callable[[], object]]


def lamps_at(tenth: int) -> tuple[dict[str, object], ...]:
    """The groups of the controller in a tenth of a second of the run."""
    groups: list[dict[str, object]] = []
    for phase in PHASES:
        position = (tenth + phase * CYCLE_DS // len(PHASES)) % CYCLE_DS
        lamp, left = _lamp(position)
        groups.append({"kind": "vehicle", "number": phase, "lamp": lamp, "min_ds": left, "max_ds": left})
    walks = (
        {"kind": "pedestrian", "number": n, "lamp": "RED", "min_ds": None, "max_ds": None}
        for n in (2, 4, 6, 8)
    )
    return (*groups, *walks)


def controller_turns(begin_ns: int, seconds: float, send: Callable[[bytes], Any]) -> Iterator[Turn]:
    """When to send what, in order."""
    before = PREFIX_NS // (NS_PER_S // 10)
    for tenth in range(-before, int(seconds * 10)):
        due_ns = begin_ns + tenth * NS_PER_S // 10

        def turn(tenth: int = tenth, due_ns: int = due_ns) -> None:
            state = WorldState(due_ns, (), empty_rows(0), groups=lamps_at(tenth))
            send(encode_tscbm(state, sequence=tenth % 256))

        yield due_ns, turn


def bsm_turns(
    begin_ns: int, datagrams: np.ndarray, send: Callable[[bytes], Any], *, share: int
) -> Iterator[Turn]:
    """When to send what, in order; the stamp is the time at which it is due."""
    mark = SecondMark()
    for number, datagram in enumerate(datagrams):
        turn, sender = divmod(number, SENDERS)
        if sender % share:
            continue
        due_ns = begin_ns + round(turn * NS_PER_S / BSM_HZ) + sender_offset_ms(sender) * NS_PER_MS
        octets = datagram.tobytes()
        yield due_ns, lambda octets=octets, due_ns=due_ns: send(mark.stamped(octets, due_ns))


def play(turns: Iterator[Turn]) -> tuple[int, list[float]]:
    """Do everything when it is due; how late each was, ms."""
    late_ms = []
    for due_ns, act in turns:
        wait_ns = due_ns - time.time_ns()
        if wait_ns > 0:
            time.sleep(wait_ns / NS_PER_S)
        act()
        late_ms.append((time.time_ns() - due_ns) / 1e6)
    return len(late_ms), late_ms


def main(options: dict[str, Any]) -> None:
    """Play the load."""
    seconds, folder = options["seconds"], Path(options["folder"])
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams = np.load(folder / "bsm.npy")
    encode_tscbm(WorldState(0, (), empty_rows(0), groups=lamps_at(0)), sequence=0)
    print("ready", flush=True)
    begin_ns = int(sys.stdin.readline())
    lamps = controller_turns(
        begin_ns, seconds, lambda octets: udp.sendto(octets, ("127.0.0.1", options["controller"]))
    )
    if "mqtt" in options:
        client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", options["mqtt"])
        client.loop_start()
        said = bsm_turns(
            begin_ns, datagrams, lambda octets: client.publish(options["topic"], octets), share=MQTT_SHARE
        )
    else:
        said = bsm_turns(
            begin_ns, datagrams, lambda octets: udp.sendto(octets, ("127.0.0.1", options["bsm"])), share=1
        )
    merged = heapq.merge(lamps, said, key=lambda turn: turn[0])
    count, late_ms = play(iter(merged))
    late_ms.sort()
    tenths = int(seconds * 10) + PREFIX_NS // (NS_PER_S // 10)
    figures = {"controller": tenths, "bsm": count - tenths, "late_p99_ms": late_ms[int(count * 0.99)]}
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
