"""A vehicle's view of bench_latency, in a process of its own: `... latency_client HOST:PORT SECONDS`.

Prints `ready` when the node fuses, `live` with the first valid scene and signals, measures for some seconds after a
line came in, prints one JSON object: milliseconds from capture to arrival, and the node's newest health counters.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import defaultdict

import grpc

from edge.core.stamp import NS_PER_MS
from edge.publish.grpc_server import SERVICE
from edge.sdk.connection import CHANNEL_OPTIONS
from edge.v1 import common_pb2, node_pb2

WAIT_S = 300.0
"""For kernels that have to be compiled, on a busy machine."""
LAYERS = (common_pb2.LAYER_SIGNALS, common_pb2.LAYER_SCENE, common_pb2.LAYER_HEALTH)


class View:
    """What was seen."""

    def __init__(self) -> None:
        self.late_ms: dict[str, list[float]] = defaultdict(list)
        self.counters: dict[str, dict[str, int]] = {}
        self.measuring, self.users = False, list[int]()
        self._captured: dict[int, int] = {}
        self._lamps: dict[int, int] = {}
        self.fusing = self.scene_seen = self.signals_seen = False

    def take(self, update: node_pb2.Update, now_ns: int) -> None:
        """One update came."""
        if update.layer == common_pb2.LAYER_SCENE:
            self._take_scene(update, now_ns)
        elif update.layer == common_pb2.LAYER_SIGNALS:
            self._take_signals(update, now_ns)
        else:
            states = {each.component: each.state for each in update.health.components}
            self.fusing |= states.get("fusion.tracker") == common_pb2.HEALTH_STATE_OK
            self.counters = {each.component: dict(each.counters) for each in update.health.components}

    def _take_scene(self, update: node_pb2.Update, now_ns: int) -> None:
        count = len(update.scene.road_users)
        self.scene_seen |= count > 0
        if self.measuring:
            self.users.append(count)
        for user in update.scene.road_users:
            capture_ns = user.capture_ns
            known, self._captured[user.track_id] = self._captured.get(user.track_id), capture_ns
            if self.measuring and known is not None and known != capture_ns:
                source = "detection" if capture_ns % NS_PER_MS else "bsm"
                self.late_ms[source].append((now_ns - capture_ns) / 1e6)

    def _take_signals(self, update: node_pb2.Update, now_ns: int) -> None:
        lamps = {group.signal_group: int(group.state) for group in update.signals.groups}
        changed, self._lamps = lamps != self._lamps, lamps
        self.signals_seen |= not update.signals.withdrawn
        if self.measuring:
            self.late_ms["withdrawn"] += [0.0] * update.signals.withdrawn
            if changed and not update.signals.withdrawn:
                self.late_ms["signal"].append((now_ns - update.capture_ns) / 1e6)


async def watch(address: str, view: View, ready: asyncio.Event, live: asyncio.Event) -> None:
    """Read for ever."""
    request = node_pb2.SubscribeRequest(layers=LAYERS)
    async with grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS) as channel:
        call = channel.unary_stream(f"/{SERVICE}/Subscribe")(request.SerializeToString(), wait_for_ready=True)
        while (payload := await call.read()) is not grpc.aio.EOF:
            view.take(node_pb2.Update.FromString(payload), time.time_ns())
            if view.fusing:
                ready.set()
            if view.scene_seen and view.signals_seen:
                live.set()


async def main(address: str, seconds: float) -> None:
    """Watch, measure, print."""
    view, ready, live, begin = View(), asyncio.Event(), asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(watch(address, view, ready, live))
    for event, word in ((ready, "ready"), (live, "live")):
        async with asyncio.timeout(WAIT_S):
            await event.wait()
        print(word, flush=True)
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), begin.set)
    await begin.wait()
    view.measuring = True
    await asyncio.sleep(seconds)
    view.measuring = False
    await asyncio.sleep(2.5)  # until the node has told the last counters
    print(json.dumps({"late_ms": view.late_ms, "counters": view.counters, "users": view.users}), flush=True)
    task.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
