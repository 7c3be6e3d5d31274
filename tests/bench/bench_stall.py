"""Subscribers that stall: `python tests/bench/bench_stall.py [--rounds N] [--seconds S]`; the last line is JSON.

A state of about 1.5 kB at 10 Hz, valid for a second, goes through the node's hub and gRPC server to processes of their
own over TCP. For 15 s some of them read nothing (`hold`), and others are stopped by the system (`stop`: SIGSTOP, so
that nobody answers for them). Then they go on, and count what they find that is past its validity.

  sdk_expired, credit_expired, plain_expired   the most that one client found, of the vehicle client, of a foreign one
                                               with credit, of one that does nothing about it
  sdk_handed_out          expired updates that the vehicle client gave to its caller
  reader_missed_in_a_row  most updates in a row that a client missed which read on meanwhile
  sdk_hold_expired ...    the same, by the kind of stall
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.bench_broadcast import RATE_HZ, process
from tests.bench.proc import machine

STALL_S = 15.0
AFTER_S = 5.0
"""Enough to read what has waited, and to come back where the connection was lost."""
KINDS = ("sdk", "credit", "plain")
WAYS = ("hold", "stop")
TARGETS = {"sdk_expired": 2, "sdk_handed_out": 0, "credit_expired": 2, "reader_missed_in_a_row": 1}
Part = subprocess.Popen[str]


@contextlib.contextmanager
def subscriber(kind: str, port: int) -> Iterator[Part]:
    """A client that has read something."""
    with process("tests.bench.stall_client", kind, port) as started:
        assert started.stdout is not None
        if started.stdout.readline().strip() != "ready":
            raise RuntimeError(f"a subscriber of kind {kind} was not served")
        try:
            yield started
        finally:
            if started.poll() is None:
                started.send_signal(signal.SIGCONT)  # so that it sees its end


def say(part: Part, word: str) -> None:
    """Tell a part what to do."""
    assert part.stdin is not None
    part.stdin.write(f"{word}\n")
    part.stdin.flush()


def stall(parts: dict[tuple[str, str], Part], *, begin: bool) -> None:
    """Let all stall, or go on."""
    for (_, way), part in parts.items():
        if way == "stop":
            os.kill(part.pid, signal.SIGSTOP if begin else signal.SIGCONT)
        else:
            say(part, "hold" if begin else "go")


def told(part: Part) -> dict[str, int]:
    """What a client has counted."""
    assert part.stdout is not None
    say(part, "end")
    found = json.loads(part.stdout.readline())
    assert isinstance(found, dict)
    return found


def round_of(*, stall_s: float) -> dict[tuple[str, str], dict[str, int]]:
    """One stall of every kind, all at once; what each client counted."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(process("tests.bench.broadcast_server", "edge", 0, RATE_HZ))
        assert server.stdout is not None
        port = int(server.stdout.readline())
        reader = stack.enter_context(subscriber("plain", port))
        parts = {(kind, way): stack.enter_context(subscriber(kind, port)) for kind in KINDS for way in WAYS}
        stall(parts, begin=True)
        time.sleep(stall_s)
        stall(parts, begin=False)
        time.sleep(AFTER_S)
        return {key: told(part) for key, part in parts.items()} | {("reader", ""): told(reader)}


def figures_of(rounds: list[dict[tuple[str, str], dict[str, int]]]) -> dict[str, int]:
    """The worst of all rounds."""
    figures = {
        f"{kind}_{way}_expired": max(each[kind, way]["expired"] for each in rounds)
        for kind in KINDS
        for way in WAYS
    }
    worst = {f"{kind}_expired": max(figures[f"{kind}_{way}_expired"] for way in WAYS) for kind in KINDS}
    handed_out = max(each["sdk", way]["handed_out"] for each in rounds for way in WAYS)
    missed = max(each["reader", ""]["missed_in_a_row"] for each in rounds)
    return worst | {"sdk_handed_out": handed_out, "reader_missed_in_a_row": missed} | figures


def main() -> None:
    """Stall, print a table, then one JSON line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=STALL_S, help="length of the stall")
    options = parser.parse_args()
    print(machine())
    rounds = []
    for _ in range(options.rounds):
        rounds.append(round_of(stall_s=options.seconds))
        for (kind, way), tally in rounds[-1].items():
            words = "  ".join(f"{name} {count}" for name, count in tally.items())
            print(f"{kind:6} {way:4}  {words}", flush=True)
    figures = figures_of(rounds)
    for name, bound in TARGETS.items():
        print(f"{name:24} {figures[name]:4}  <= {bound}")
    print(json.dumps({"bench": "stall", "figures": figures}))


if __name__ == "__main__":
    main()
