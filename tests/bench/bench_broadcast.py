"""Fan-out to hundreds of subscribers: `python tests/bench/bench_broadcast.py [--full]`; the last line is JSON.

A state of about 1.5 kB at 10 Hz goes to subscribers in another process, each with a TCP connection of its own. Servers
take turns in one run: the node's hub and gRPC server (`edge`), the same behind mutual TLS (`mtls`), the least that
grpcio-aio needs for the same bytes (`bare`), asyncio TCP (`tcp`) and mosquitto (`mqtt`). Server and clients share the
machine.

  p99_ratio_N          p99 of the time from publication to arrival, ours over bare, at N subscribers
  mtls_p99_ratio       p99 at 500 with mutual TLS over p99 without
  us_cpu_ratio         CPU of the serving process per delivered message at 500, ours over bare
  delivered_1000_pct   of 10,000 messages a second to 1,000 subscribers
  p99_ratio_vs_mosquitto_500, p99_ratio_vs_tcp_500
  edge_N_p50_ms ...    absolutes; edge_kb_per_subscriber; saturation_per_s: most messages a second that 200 got
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from edge.access.roles import Role
from tests.bench.broadcast_server import PKI
from tests.bench.proc import cpu_s, machine, pss_mb
from tests.certificates import Authority
from tests.mosquitto import find_mosquitto

ROOT = Path(__file__).parents[2]
RATE_HZ = 10.0
ROUNDS, SECONDS, FULL_SECONDS = 5, 4.0, 20.0
SATURATING_HZ = 200.0
CLIENTS = {"edge": "grpc", "bare": "grpc", "mtls": "mtls", "tcp": "tcp", "mqtt": "mqtt"}
TURNS = (
    ("edge", 200),
    ("bare", 200),
    ("edge", 500),
    ("mtls", 500),
    ("bare", 500),
    ("tcp", 500),
    ("mqtt", 500),
    ("edge", 1000),
)
TARGETS = {
    "p99_ratio_200": ("<=", 1.3),
    "p99_ratio_500": ("<=", 1.3),
    "us_cpu_ratio": ("<=", 1.2),
    "mtls_p99_ratio": ("<=", 2.5),
    "delivered_1000_pct": (">=", 95.0),
    "p99_ratio_vs_mosquitto_500": ("<=", 5.0),
}


@dataclass(frozen=True)
class Turn:
    """One server with its subscribers, measured for a while.

    Attributes:
        kind, count: which server, how many subscribers.
        quantile_ms: by `p50_ms`, `p95_ms`, `p99_ms`.
        per_s: messages that came, a second.
        us_cpu: microseconds of the serving process's CPU per message.
        kb: memory of the serving process per subscriber.
    """

    kind: str
    count: int
    quantile_ms: dict[str, float]
    per_s: float
    us_cpu: float
    kb: float


@contextlib.contextmanager
def process(*words: object) -> Iterator[subprocess.Popen[str]]:
    """A part of the bench in a process of its own; it ends when its input does."""
    started = subprocess.Popen(
        [sys.executable, "-m", *map(str, words)],
        cwd=ROOT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with started:
        try:
            yield started
        finally:
            assert started.stdin is not None
            started.stdin.close()
            try:
                started.wait(10)
            except subprocess.TimeoutExpired:
                started.kill()


@contextlib.contextmanager
def broker() -> Iterator[tuple[int, int]]:
    """Port and process id of mosquitto; zeros where it is not installed."""
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as directory:
        found = find_mosquitto(Path(directory))
        if found is None:
            yield 0, 0
            return
        found.start()
        try:
            yield found.port, found.pid
        finally:
            found.stop()


@contextlib.contextmanager
def authority() -> Iterator[None]:
    """Certificates for server and subscribers, in a directory that both are told of."""
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as directory:
        found = Authority(Path(directory) / "pki", node="node")
        found.issue("bus", Role.VEHICLE)
        os.environ[PKI] = str(found.folder)
        yield


def take_turn(
    kind: str, count: int, *, seconds: float, rate_hz: float = RATE_HZ, mqtt: tuple[int, int]
) -> Turn:
    """Start a server and its subscribers, measure, end both."""
    with process("tests.bench.broadcast_server", kind, mqtt[0], rate_hz) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        serving = mqtt[1] if kind == "mqtt" else server.pid
        empty_mb = pss_mb(serving)
        with process("tests.bench.broadcast_client", CLIENTS[kind], port, count, seconds) as client:
            assert client.stdin is not None
            assert client.stdout is not None
            if client.stdout.readline().strip() != "ready":
                raise RuntimeError(f"{count} subscribers of {kind} were not served")
            kb = (pss_mb(serving) - empty_mb) * 1000 / count
            before_s = cpu_s(serving)
            client.stdin.write("go\n")
            client.stdin.flush()
            found = json.loads(client.stdout.readline())
            used_s = cpu_s(serving) - before_s
    messages = found.pop("messages")
    return Turn(kind, count, found, messages / seconds, 1e6 * used_s / messages, kb)


def figures_of(turns: list[Turn]) -> dict[str, float]:
    """Medians over the rounds; ratios are medians of the ratios of a round."""
    by = defaultdict(list)
    for turn in turns:
        by[turn.kind, turn.count].append(turn)

    def ratio(one: tuple[str, int], other: tuple[str, int], name: str) -> float:
        pairs = zip(by[one], by[other], strict=True)
        values = [
            (a.us_cpu / b.us_cpu) if name == "us_cpu" else a.quantile_ms[name] / b.quantile_ms[name]
            for a, b in pairs
        ]
        return statistics.median(values)

    figures = {
        "p99_ratio_200": ratio(("edge", 200), ("bare", 200), "p99_ms"),
        "p99_ratio_500": ratio(("edge", 500), ("bare", 500), "p99_ms"),
        "mtls_p99_ratio": ratio(("mtls", 500), ("edge", 500), "p99_ms"),
        "us_cpu_ratio": ratio(("edge", 500), ("bare", 500), "us_cpu"),
        "delivered_1000_pct": statistics.median(
            100 * turn.per_s / (RATE_HZ * turn.count) for turn in by["edge", 1000]
        ),
        "p99_ratio_vs_tcp_500": ratio(("edge", 500), ("tcp", 500), "p99_ms"),
    }
    if by["mqtt", 500]:
        figures["p99_ratio_vs_mosquitto_500"] = ratio(("edge", 500), ("mqtt", 500), "p99_ms")
    for (kind, count), measured in by.items():
        for name in ("p50_ms", "p99_ms"):
            figures[f"{kind}_{count}_{name}"] = statistics.median(t.quantile_ms[name] for t in measured)
        figures[f"{kind}_{count}_us_cpu"] = statistics.median(t.us_cpu for t in measured)
        figures[f"{kind}_{count}_pct"] = statistics.median(
            100 * t.per_s / (RATE_HZ * count) for t in measured
        )
    figures["edge_kb_per_subscriber"] = statistics.median(t.kb for t in by["edge", 1000])
    return figures


def main() -> None:
    """Take turns, print a table, then one JSON line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--full", action="store_true", help=f"{FULL_SECONDS:g} s a turn")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    seconds = FULL_SECONDS if options.full else SECONDS
    print(machine())
    turns: list[Turn] = []
    chance = random.Random(1)
    with broker() as mqtt, authority():
        for _ in range(options.rounds):
            plan = [turn for turn in TURNS if turn[0] != "mqtt" or mqtt[1]]
            chance.shuffle(plan)
            for kind, count in plan:
                turn = take_turn(kind, count, seconds=seconds, mqtt=mqtt)
                turns.append(turn)
                print(
                    f"{kind:5} {count:5}  p50 {turn.quantile_ms['p50_ms']:7.1f} ms"
                    f"  p99 {turn.quantile_ms['p99_ms']:7.1f} ms  {turn.per_s:7.0f}/s  {turn.us_cpu:5.1f} us CPU",
                    flush=True,
                )
        most = [take_turn("edge", 200, seconds=seconds, rate_hz=SATURATING_HZ, mqtt=mqtt) for _ in range(3)]
    figures = figures_of(turns)
    figures["saturation_per_s"] = statistics.median(turn.per_s for turn in most)
    for name, (sign, bound) in TARGETS.items():
        if name in figures:
            print(f"{name:28} {figures[name]:8.3f}  {sign} {bound:g}")
    print(
        json.dumps(
            {"bench": "broadcast", "figures": {key: round(value, 4) for key, value in figures.items()}}
        )
    )


if __name__ == "__main__":
    main()
