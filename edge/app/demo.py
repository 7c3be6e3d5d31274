"""`edge demo`: a whole intersection on one machine, over the interfaces that real devices use.

Processes: MQTT broker, traffic centre, simulated world (SUMO or its recording; sends TSCBM and BSMs), and the node
with its children. This process is one vehicle client at 10 Hz and keeps what it received and the truth; when the
time is over it stops everything, scores the run and prints one JSON object as the last line.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
import signal
import socket
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from edge.app.demo_client import DemoClient
from edge.app.demo_figures import demo_figures
from edge.app.demo_processes import Processes
from edge.app.demo_site import SCENE, SCENE_DIRECTORY, DemoPorts, free_ports, write_site
from edge.core.errors import DeviceError
from hw.sim.camera_placement import load_cameras
from hw.sim.rsu import FakeRsu

SETTLE_S = 3.0
"""Time that a client gives the node to fill its picture before the figures begin."""
USUAL_PORTS = {"grpc": 50051, "centre": 50060}
START_TIMEOUT_S = 240.0
"""The first start compiles the fusion kernels: half a minute, more on a small or busy machine."""


async def run_demo(*, seconds: float, seed: int, keep: Path | None, web_port: int) -> int:
    """Run the demo; `seconds` 0 runs until Ctrl-C. Returns the exit status."""
    console = Console(stderr=True)
    with contextlib.ExitStack() as stack:
        directory = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edge-demo-")))
        directory.mkdir(parents=True, exist_ok=True)
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for sent in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(sent, stop.set)
        figures = await _run(
            directory, seconds=seconds, seed=seed, web_port=web_port, stop=stop, console=console
        )
        if keep is not None:
            (directory / "figures.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(figures), flush=True)
    return 0


async def _run(
    directory: Path, *, seconds: float, seed: int, web_port: int, stop: asyncio.Event, console: Console
) -> dict[str, object]:
    ports = choose_ports(web_port)
    async with Processes(directory / "logs") as processes, FakeRsu(port=ports.radio) as radio:
        await _start(processes, ports, directory, seed=seed, console=console)
        console.print(
            "starting the node; the first time its kernels are compiled, which takes about half a minute"
        )
        cameras = load_cameras(SCENE_DIRECTORY / "cameras.toml")
        client = DemoClient(ports, cameras)
        async with client.connected(timeout_s=START_TIMEOUT_S, alive=lambda: _check(processes)):
            _say_addresses(console, ports)
            await _pause(SETTLE_S, stop)
            client.begin()
            await _watch(client, processes, seconds=seconds, stop=stop, console=console)
            client.end()
        await processes.stop("node")
        heard = radio.counts()
    with console.status("scoring the run against the truth"):
        figures = await asyncio.to_thread(demo_figures, client.log, list(cameras.values()))
    return figures | {"spat_at_radio": heard.get("SPAT", 0), "map_at_radio": heard.get("MAP", 0)}


def _say_addresses(console: Console, ports: DemoPorts) -> None:
    here = "127.0.0.1"
    console.print(f"live page      http://{here}:{ports.page}/")
    console.print(f"centre         http://{here}:{ports.web}/, gRPC {here}:{ports.centre}")
    console.print(f"JSON           http://{here}:{ports.page}/events, MQTT {here}:{ports.broker} edge/demo/#")
    console.print(f"vehicles       gRPC {here}:{ports.grpc}")
    console.print(f"in a terminal  edge watch {here}:{ports.grpc}")


def _state(directory: Path) -> Path:
    """Where compiled kernels stay between demos; beside the site file where there is no cache directory."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "roadside-edge"
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError:
        return directory / "state"
    return cache if os.access(cache, os.W_OK) else directory / "state"


def choose_ports(web_port: int) -> DemoPorts:
    """Where `web_port` is one, the usual ports as far as nobody uses them: what is written for a node works here."""
    ports = free_ports()
    wanted = {"page": web_port, **USUAL_PORTS} if web_port else {}
    return dataclasses.replace(ports, **{name: port for name, port in wanted.items() if _is_free(port)})


def _is_free(port: int) -> bool:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


async def _start(
    processes: Processes, ports: DemoPorts, directory: Path, *, seed: int, console: Console
) -> None:
    """Start everything; the node last, as on a real site."""
    broker = f"127.0.0.1:{ports.broker}"
    with console.status("starting the MQTT broker and the traffic centre"):
        await processes.start("broker", "-m", "hw.sim.broker", broker, wait_ready=True)
        centre = ("--grpc", f"127.0.0.1:{ports.centre}", "--web", f"127.0.0.1:{ports.web}")
        kept = ("--allow-plaintext", "--state", str(directory / "centre"))
        await processes.start("centre", "-m", "edge.app", "centre", *centre, *kept)
    with console.status("starting the simulated world"):
        ready = await processes.start("world", *_world(ports, seed=seed), wait_ready=True)
    source = "SUMO" if ready.get("source") == "sumo" else "a recorded scene (libsumo cannot be imported here)"
    console.print(f"road users come from {source}")
    site = write_site(directory, ports, state=_state(directory))
    await processes.start("node", "-m", "edge.app", "run", str(site))


def _world(ports: DemoPorts, *, seed: int) -> list[str]:
    return [
        *("-m", "hw.sim.world", "--scene", SCENE, "--seed", str(seed), "--pose-port", str(ports.poses)),
        *("--tscbm", f"127.0.0.1:{ports.controller}", "--bsm-udp", f"127.0.0.1:{ports.bsm}"),
        *("--bsm-mqtt", f"127.0.0.1:{ports.broker}"),
    ]


async def _pause(seconds: float, stop: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


async def _watch(
    client: DemoClient, processes: Processes, *, seconds: float, stop: asyncio.Event, console: Console
) -> None:
    """Show progress until the time is over, Ctrl-C, or a process ends.

    Raises:
        DeviceError: one of the demo's processes ended.
    """
    end = time.monotonic() + seconds if seconds else float("inf")
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("running", total=None)
        while time.monotonic() < end and not stop.is_set():
            await _pause(min(0.5, max(0.0, end - time.monotonic())), stop)
            progress.update(task, description=client.line())
            _check(processes)


def _check(processes: Processes) -> None:
    """Raises `DeviceError` when one of the demo's processes has ended."""
    if ended := processes.ended():
        raise DeviceError(f"demo {ended[0]}", f"its process ended: {processes.log_tail(ended[0])}")
