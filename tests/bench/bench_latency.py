"""From measurement to a vehicle in another process: `python tests/bench/bench_latency.py [--full]`.

A whole node as it is shipped, its cameras replaced by a process that sends detections: four cameras at 15 Hz with 300
road users in all, 200 vehicles, half of them beyond the cameras, that say BSM at 10 Hz over UDP, a TSCBM controller at
10 Hz whose lamps change 2.7 times a second. The load is made before and played from files. A client subscribes to
signals, scene and health over gRPC. The last line is JSON.

  detection_to_client_*    from capture to the arrival of the first scene that contains the measurement, ms
  bsm_to_client_*          the same, from the time in the BSM
  signal_to_client_*       from the controller's stamp of a change to the update that shows it
  dropped_pct              of all that was sent (scans, BSM, snapshots), what the node did not take
  load_late_ms_p99         validity: how late the load was sent; it is part of the latencies
  road_users_*             validity: in a scene; 400 are sent
  mqtt_bsm_to_client_p99_ms   report: 20 of the vehicles over MQTT, 200 messages a second
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from edge.app.demo_processes import free_port
from edge.app.demo_site import SCENE_DIRECTORY
from tests.bench import latency_street as street
from tests.bench.proc import cpu_s, machine
from tests.mosquitto import find_mosquitto

ROOT = Path(__file__).parents[2]
SECONDS, FULL_SECONDS, MQTT_SECONDS, SETTLE_S, START_S = 40.0, 240.0, 20.0, 6.0, 4.0
TOPIC = "V2X/RSU/BENCH/BSM/UP"
TARGETS = {
    "detection_to_client_p50_ms": 50.0,
    "detection_to_client_p99_ms": 100.0,
    "bsm_to_client_p99_ms": 100.0,
    "signal_to_client_p99_ms": 40.0,
    "dropped_pct": 0.1,
}


def write_site(folder: Path, *, mqtt: int | None) -> dict[str, int]:
    """The site file; returns the ports."""
    udp = socket.SOCK_DGRAM
    ports = {"grpc": free_port(), "controller": free_port(udp), "bsm": free_port(udp)}
    groups = json.loads((SCENE_DIRECTORY / "controller.json").read_text(encoding="utf-8"))
    text = [
        f'schema_version = 1\nstate_dir = "{folder / "state"}"\n[site]\nid = "bench"\nname = "bench"',
        f"latitude_deg = {street.ORIGIN[0]}\nlongitude_deg = {street.ORIGIN[1]}",
        f'map = "{SCENE_DIRECTORY / "map.json"}"',
        f'[grpc]\nlisten = "127.0.0.1:{ports["grpc"]}"\nallow_plaintext = true',
        f'[controller]\ntype = "tscbm"\nlisten = "127.0.0.1:{ports["controller"]}"\nconflict = []',
        "require_synchronised_clock = false",
    ]
    text += [
        f'[[controller.group]]\nkind = "{g["kind"]}"\nnumber = {g["number"]}\nsignal_group = {g["signal_group"]}'
        for g in groups
    ]
    text += [
        f'[[camera]]\nname = "{name}"\nsource = "file:/nowhere"\nfps = {street.CAMERA_HZ}\n'
        f"image_size = {list(street.IMAGE_SIZE)}\nrange_m = {street.RANGE_M}\n"
        f"points = {street.camera_points(number)}"
        for number, name in enumerate(street.CAMERAS)
    ]
    link = f'type = "udp"\nlisten = "127.0.0.1:{ports["bsm"]}"'
    if mqtt is not None:
        link = f'type = "mqtt"\nbroker = "127.0.0.1:{mqtt}"\ntopics = ["{TOPIC}"]'
    text.append(f'[[v2x]]\nname = "bsm"\ndialect = "j2735"\nrate_limit_hz = 20000\n{link}')
    (folder / "site.toml").write_text("\n".join(text) + "\n", encoding="utf-8")
    return ports


def prepare(folder: Path, seconds: float) -> None:
    """Make the load."""
    for number, name in enumerate(street.CAMERAS):
        street.write_camera(folder / f"{name}.npy", number, seconds)
    street.write_bsm(folder / "bsm.npy", seconds)


@contextlib.contextmanager
def started(*words: object, folder: Path, log: str) -> Iterator[subprocess.Popen[str]]:
    """A part of the bench in a process of its own, with its errors in a file."""
    environment = os.environ | {"BENCH_LATENCY_FOLDER": str(folder), "EDGE_PARENT_PID": str(os.getpid())}
    with (folder / log).open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", *map(str, words)],
            cwd=ROOT,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def measure(folder: Path, seconds: float, *, mqtt: int | None) -> dict[str, Any]:
    """One run: node, load and client."""
    (folder / "begin").unlink(missing_ok=True)
    ports = write_site(folder, mqtt=mqtt)
    load = {"seconds": seconds, "folder": str(folder), **ports}
    if mqtt is not None:
        load |= {"mqtt": mqtt, "topic": TOPIC}
    client = ("tests.bench.latency_client", f"127.0.0.1:{ports['grpc']}", seconds - SETTLE_S - 1.0)
    with (
        started("tests.bench.latency_node", folder / "site.toml", folder=folder, log="node.log") as node,
        started("tests.bench.latency_load", json.dumps(load), folder=folder, log="load.log") as sender,
        started(*client, folder=folder, log="client.log") as viewer,
    ):
        for process in (viewer, sender):
            expect(process, "ready", folder)
        begin_ns = time.time_ns() + int(START_S * 1e9)
        say(sender, str(begin_ns))
        (folder / "begin.part").write_text(str(begin_ns), encoding="ascii")
        (folder / "begin.part").rename(folder / "begin")
        expect(viewer, "live", folder)
        time.sleep(max(0.0, begin_ns / 1e9 + SETTLE_S - time.time()))
        before_s = cpu_s(node.pid)
        say(viewer, "go")
        seen: dict[str, Any] = json.loads(read(viewer))
        return seen | {"sent": json.loads(read(sender)), "front_cpu_s": cpu_s(node.pid) - before_s}


def read(process: subprocess.Popen[str]) -> str:
    """Its next line."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def say(process: subprocess.Popen[str], line: str) -> None:
    """Tell it a line."""
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()


def expect(process: subprocess.Popen[str], word: str, folder: Path) -> None:
    """Wait for a word; raises `RuntimeError` with the end of the node's log where something else comes."""
    if read(process) != word:
        raise RuntimeError(f"no {word!r}: {(folder / 'node.log').read_text(encoding='utf-8')[-2000:]}")


def quantile(values: list[float], q: float) -> float:
    """By rank; not a number where there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * q))] if ordered else math.nan


def dropped_pct(seen: dict[str, Any]) -> float:
    """Of all that was sent, what was not taken."""
    counters, sent = seen["counters"], seen["sent"]
    scans = sum(counters[f"camera.{name}"]["sent"] for name in street.CAMERAS)
    lost: int = scans - counters["fusion.input"]["scans"] + counters["fusion.input"].get("scans_dropped", 0)
    heard: dict[str, int] = counters["fusion.v2x.bsm"]
    lost += sent["bsm"] - heard["decoded"] + heard.get("limited", 0) + heard.get("dropped", 0)
    lost += counters["controller"].get("sequence_gaps", 0) + counters["controller"].get("dropped", 0)
    return 100.0 * lost / float(scans + sent["bsm"] + sent["controller"])


def main() -> None:
    """Run, print, end with one JSON line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--full", action="store_true", help=f"{FULL_SECONDS:g} s")
    options = parser.parse_args()
    seconds = FULL_SECONDS if options.full else SECONDS
    print(machine())
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as name:
        folder = Path(name)
        prepare(folder, seconds)
        seen = measure(folder, seconds, mqtt=None)
        figures = {
            f"{kind}_to_client_p{q}_ms": quantile(seen["late_ms"].get(kind, []), q / 100)
            for kind in ("detection", "bsm", "signal")
            for q in (50, 95, 99)
        }
        figures |= {
            "dropped_pct": dropped_pct(seen),
            "load_late_ms_p99": seen["sent"]["late_p99_ms"],
            "road_users_p50": quantile(seen["users"], 0.5),
            "road_users_max": max(seen["users"], default=0),
            "signal_changes": len(seen["late_ms"].get("signal", [])),
            "withdrawn": len(seen["late_ms"].get("withdrawn", [])),
            "front_cpu_pct": 100.0 * seen["front_cpu_s"] / (seconds - SETTLE_S - 1.0),
        }
        broker = find_mosquitto(folder)
        if broker is not None:
            broker.start()
            try:
                prepare(folder, MQTT_SECONDS)
                seen = measure(folder, MQTT_SECONDS, mqtt=broker.port)
            finally:
                broker.stop()
            figures["mqtt_bsm_to_client_p99_ms"] = quantile(seen["late_ms"].get("bsm", []), 0.99)
    for key, value in figures.items():
        bound = f"  <= {TARGETS[key]:g}" if key in TARGETS else ""
        print(f"{key:30} {value:9.3f}{bound}")
    print(
        json.dumps({"bench": "latency", "figures": {key: round(value, 4) for key, value in figures.items()}})
    )


if __name__ == "__main__":
    main()
