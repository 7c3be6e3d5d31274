"""The node's event stream: what 300 road users cost as JSON, and what browsers find, from a process of their own.

Prints one JSON object. `json_ms` and `protobuf_json_ms`: one scene of 300 road users, ours and protobuf's own.
`clients_*`: CLIENTS streams of that scene at 10 Hz and signals at 10 Hz, from the web process's server to clients in
another process: age of an update when it was read whole, processor time of the server, memory.

    .venv/bin/python tests/bench/bench_web.py --seconds 10
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import platform
import resource
import sys
import time
from pathlib import Path
from typing import Any

from google.protobuf import json_format

sys.path.insert(0, str(Path(__file__).parents[2]))
from edge.publish.hub import Hub, HubLimits
from edge.publish.update_json import JsonUpdates, to_json
from edge.publish.web import WebServer
from edge.v1 import intersection_pb2, node_pb2, scene_pb2
from tests.unit.publish.feed import scene, signals
from tests.waiting import until

USERS, RATE_HZ = 300, 10.0


def full_scene() -> node_pb2.Update:
    """A scene in which every field of every road user is set."""
    update = scene(*((i * 0.7 - 100.0, i * 0.3 - 50.0) for i in range(USERS)))
    for user in update.scene.road_users:
        user.MergeFrom(
            scene_pb2.RoadUser(
                object_class=1,  # type: ignore[arg-type]
                class_probability=0.93,
                latitude_deg=39.90421,
                longitude_deg=116.40741,
                covariance_xx_m2=0.21,
                covariance_xy_m2=0.02,
                covariance_yy_m2=0.18,
                speed_mps=8.31,
                course_rad=1.571,
                yaw_rad=1.57,
                length_m=4.6,
                width_m=1.8,
                height_m=1.5,
                existence=0.99,
                trust=0.97,
                cameras=["north_east", "south_west"],
                v2x_links=["rsu-j2735"],
                v2x_id="0a1b2c3d",
                lane=3,
                capture_ns=update.capture_ns,
            )
        )
    return update


def best_ms(work: Any, *, turns: int = 30) -> float:
    """Least processor time of some turns, ms."""
    spent = []
    for _ in range(turns):
        started = time.thread_time()
        work()
        spent.append(time.thread_time() - started)
    return round(min(spent) * 1000, 2)


async def _client(port: int, ages_ms: dict[str, list[float]], seconds: float) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**21)
    writer.write(f"GET /events?max_rate_hz={RATE_HZ} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while line := await reader.readline():
                if line.startswith(b'data: {"sequence"'):
                    at = line.index(b'"published_ns":"') + 16
                    published_ns = int(line[at : line.index(b'"', at)])
                    name = "signals" if b"LAYER_SIGNALS" in line[:200] else "scene"
                    ages_ms[name].append((time.time_ns() - published_ns) / 1e6)
    writer.close()


def _read(port: int, clients: int, seconds: float, told: Any) -> None:
    async def read() -> None:
        ages: dict[str, list[float]] = {"signals": [], "scene": []}
        async with asyncio.TaskGroup() as group:
            for _ in range(clients):
                group.create_task(_client(port, ages, seconds))
        told.send(ages)

    asyncio.run(read())


async def _publish(hub: Hub, seconds: float) -> None:
    end, due = time.monotonic() + seconds, time.monotonic()
    while due < end:
        hub.publish(signals())
        hub.publish(full_scene())
        due += 1.0 / RATE_HZ
        await asyncio.sleep(due - time.monotonic())


async def serve(clients: int, seconds: float) -> dict[str, float]:
    """Ages and costs with some clients."""
    hub = Hub(limits=HubLimits(clients, clients))
    message = intersection_pb2.Intersection(node_id="bench")
    server = WebServer(hub, intersection=message, updates=JsonUpdates(), listen="127.0.0.1:0")
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    async with server.serving():
        arguments = (server.http.port, clients, seconds, theirs)
        readers = multiprocessing.get_context("spawn").Process(target=_read, args=arguments)
        readers.start()
        await until(lambda: hub.counters["subscribers"] == clients, timeout_s=30.0)
        started_cpu, started = time.process_time(), time.monotonic()
        await _publish(hub, seconds - 1.0)
        cpu = (time.process_time() - started_cpu) / (time.monotonic() - started)
        ages = await asyncio.to_thread(ours.recv)
        readers.join()
    found = {"cpu_share": round(cpu, 3), "conflated": float(hub.counters["conflated"])}
    for name, values in ages.items():
        ordered = sorted(values)
        for share, word in ((0.5, "p50"), (0.99, "p99")):
            found[f"{name}_{word}_ms"] = round(ordered[int(share * (len(ordered) - 1))], 1)
        found[f"{name}_read"] = float(len(ordered))
    return found


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--clients", type=int, nargs="*", default=[1, 10, 50])
    arguments = parser.parse_args()
    update = full_scene()
    names: dict[str, Any] = {
        "preserving_proto_field_name": True,
        "indent": None,
        "always_print_fields_with_no_presence": True,
    }
    figures: dict[str, Any] = {
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "json_ms": best_ms(lambda: to_json(update)),
        "protobuf_json_ms": best_ms(lambda: json_format.MessageToJson(update, **names), turns=5),
        "json_kb": round(len(to_json(update)) / 1000, 1),
    }
    for clients in arguments.clients:
        figures[f"clients_{clients}"] = asyncio.run(serve(clients, arguments.seconds))
    figures["memory_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
