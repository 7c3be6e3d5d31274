"""The simulated world as a process: `python -m hw.sim.world --scene four_arm`.

When ready it prints one JSON line: {"ready": true, "pose_port": N, "source": "sumo" or "recorded"}.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
import time
from pathlib import Path

from edge.core.errors import EdgeError
from edge.core.stamp import NS_PER_S
from hw.sim.bsm_sender import BsmSender, MqttOutlet
from hw.sim.lifetime import end_with_parent
from hw.sim.lockstep import World, open_world
from hw.sim.pose_server import PoseServer
from hw.sim.tscbm_sender import TscbmSender

__all__ = ["World", "open_world", "serve"]

REANCHOR_NS = 2 * NS_PER_S
"""Beyond this lag the world goes on from now; below it catches up step by step."""


def address_of(text: str) -> tuple[str, int]:
    """HOST:PORT as a pair."""
    host, _, port = text.rpartition(":")
    return host, int(port)


async def serve(options: argparse.Namespace) -> None:
    """Run the world until its time is over or it is cancelled."""
    world = open_world(options.scene, seed=options.seed, rate_hz=options.rate_hz, source=options.source)
    poses = PoseServer()
    controller = TscbmSender(options.tscbm) if options.tscbm else None
    outlet = MqttOutlet(options.bsm_mqtt) if options.bsm_mqtt else None
    radios = BsmSender(world.scene.frame, seed=options.seed, udp=options.bsm_udp, mqtt=outlet)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(world.close)
        stack.callback(radios.close)
        if controller is not None:
            stack.callback(controller.close)
        radios.prepare()
        port = await poses.start(port=options.pose_port)
        stack.push_async_callback(poses.close)
        if outlet is not None:
            task = asyncio.create_task(outlet.run())
            stack.callback(task.cancel)
        _announce({"ready": True, "pose_port": port, "source": world.source}, options.ready_file)
        deadline_ns = time.time_ns() + int((options.duration or 10**9) * NS_PER_S)
        stamp_ns = time.time_ns()
        while stamp_ns < deadline_ns:
            stamp_ns = _next_stamp_ns(stamp_ns, world.step_ns)
            state = world.step(stamp_ns=stamp_ns)
            await asyncio.sleep(max(0.0, (stamp_ns - time.time_ns()) / NS_PER_S))
            poses.publish(state)
            if controller is not None:
                controller.offer(state)
            radios.offer(state)


def _next_stamp_ns(stamp_ns: int, step_ns: int) -> int:
    """One step on; from now when the wall clock went far away from the world's."""
    lag_ns = time.time_ns() - stamp_ns
    return (time.time_ns() if abs(lag_ns) > REANCHOR_NS else stamp_ns) + step_ns


def _announce(ready: dict[str, object], path: Path | None) -> None:
    line = json.dumps(ready) + "\n"
    sys.stdout.write(line)
    sys.stdout.flush()
    if path is not None:
        path.write_text(line, encoding="utf-8")


async def _until_stopped(options: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(serve(options))
    for sent in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sent, task.cancel)
    if options.exit_with_stdin:
        loop.add_reader(sys.stdin, lambda: os.read(sys.stdin.fileno(), 4096) or task.cancel())
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="hw.sim.world", description="The simulated world.")
    parser.add_argument("--scene", default="four_arm")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--source", choices=("auto", "sumo", "recorded"), default="auto")
    parser.add_argument("--pose-port", type=int, default=0)
    parser.add_argument("--rate-hz", type=float, default=20.0)
    parser.add_argument("--duration", type=float, help="seconds; without it the world goes on")
    parser.add_argument("--ready-file", type=Path, help="also write the ready line here")
    parser.add_argument("--exit-with-stdin", action="store_true", help="end when standard input ends")
    for name in ("--tscbm", "--bsm-udp", "--bsm-mqtt"):
        parser.add_argument(name, type=address_of, metavar="HOST:PORT")
    return parser.parse_args()


def main() -> int:
    """Entry point of `python -m hw.sim.world`."""
    end_with_parent()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        asyncio.run(_until_stopped(_options()))
    except EdgeError as error:
        logging.getLogger(__name__).error("%s", error)  # noqa: TRY400 - one line, the stack says nothing more
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
