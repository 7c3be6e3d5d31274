"""A whole node as processes, for fault tests: the demo's site, a simulated world, a radio, a subscriber."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import re
import signal
import sys
import time
import urllib.request
from collections import deque
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from edge.app.demo_processes import Processes
from edge.app.demo_site import SCENE, DemoPorts, free_ports, write_site
from edge.sdk import Credentials, EdgeClient, HealthEvent, HealthUpdate, Layer, SceneUpdate, SignalsUpdate
from edge.v2x import j2735
from edge.v2x.spat import SpatView
from hw.sim.rsu import FakeRsu
from tests.mosquitto import Mosquitto, find_mosquitto

FPS = 2.0
"""Of the simulated cameras: enough to see them count, little enough for two cores."""
START_TIMEOUT_S = 90.0
"""Kernels may have to be compiled first."""
RUN_TIMEOUT_S = 60.0
SERVICE_NICE = -10
"""Nice= of deploy/systemd/roadside-edge.service; the node gives its children less."""
RADIO = "rsu.radio-j2735"
_SAMPLE = re.compile(
    r'^edge_component_events_total\{component="([^"]+)",kind="([^"]+)"\} (\S+)$', re.MULTILINE
)


def write_test_site(
    directory: Path,
    ports: DemoPorts,
    *,
    cameras: bool,
    web: bool = False,
    fps: float = FPS,
    state: Path | None = None,
    history: bool = False,
) -> Path:
    """The demo's site file, with or without cameras; without history, whose file lies in the shared state directory.

    Args:
        web: with the live page and JSON over MQTT.
        state: state directory with compiled kernels to share; None: one of its own.
    """
    path = write_site(directory, ports, fps=fps)
    text = path.read_text(encoding="utf-8")
    if not cameras:
        text = text.split("\n[[camera]]")[0] + "\n"
    if not history:
        text = text.replace("\n[centre]\n", "\n[centre]\nhistory = false\n")
    if not web:
        text = re.sub(r"^\[web\]\n.*?(?=^\[centre\])", "", text, count=1, flags=re.MULTILINE | re.DOTALL)
    if state is not None:
        text = re.sub(r"^state_dir = .*$", f'state_dir = "{state}"', text, count=1, flags=re.MULTILINE)
    path.write_text(text, encoding="utf-8")
    return path


def children_of(pid: int) -> dict[int, list[str]]:
    """Process id and command line of every child of a process."""
    found: dict[int, list[str]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        # A process may end while we look at it.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            if parent == pid:
                line = (stat.parent / "cmdline").read_bytes().decode().rstrip("\0").split("\0")
                found[int(stat.parent.name)] = line
    return found


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def node_children(pid: int) -> dict[str, int]:
    """Process ids of a node's children by component: `fusion`, `web`, `camera.<name>`."""
    named = {}
    for child, line in children_of(pid).items():
        if "edge.app.fusion_process" in line:
            named["fusion"] = child
        elif "edge.app.web_process" in line:
            named["web"] = child
        elif "edge.app.camera_process" in line:
            named[f"camera.{line[-1]}"] = child
    return named


async def run_to_the_end(site: Path) -> tuple[int, str]:
    """`edge run` of a site that cannot run: exit status and standard error."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "edge.app", "run", str(site)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _out, errors = await asyncio.wait_for(process.communicate(), RUN_TIMEOUT_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, errors.decode()


class NodeRig:
    """A running node and what is around it.

    Attributes:
        radio: what the node's radio would put on the air.
        signals: UTC ns of receipt and update, newest last; likewise `scenes`.
        health: newest health.
        events: every event that the subscriber saw, by stamp and component.
        credentials: of the subscriber; None: plaintext.
        centre_certificates: arguments of the centre that say how it is reached.
    """

    def __init__(
        self,
        ports: DemoPorts,
        site: Path,
        processes: Processes,
        radio: FakeRsu,
        *,
        mosquitto: Mosquitto | None = None,
    ) -> None:
        self.ports, self.site, self.processes, self.radio = ports, site, processes, radio
        self._mosquitto = mosquitto
        self.signals: deque[tuple[int, SignalsUpdate]] = deque(maxlen=5000)
        self.scenes: deque[tuple[int, SceneUpdate]] = deque(maxlen=5000)
        self.health: HealthUpdate | None = None
        self.events: dict[tuple[int, str], HealthEvent] = {}
        self.credentials: Credentials | None = None
        self.clock_ahead_s = 0.0
        """Of the follower, to see on what a node does whose own clock is wrong."""
        self.centre_certificates: tuple[str, ...] = ("--allow-plaintext",)

    async def start_node(self, *program: str) -> None:
        """Start the node with `edge run`, where permitted at the priority of its service unit.

        Args:
            program: what stands for `edge`; empty: `-m edge.app`.
        """
        await self.processes.start("node", *(program or ("-m", "edge.app")), "run", str(self.site))
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, self.pid, SERVICE_NICE)

    async def start_broker(self) -> None:
        """Start the MQTT broker of the site: mosquitto, else the demo's own."""
        if self._mosquitto is not None:
            await asyncio.to_thread(self._mosquitto.start)
            return
        address = f"127.0.0.1:{self.ports.broker}"
        await self.processes.start("broker", "-m", "hw.sim.broker", address, wait_ready=True)

    async def start_centre(self, *options: str) -> None:
        """Start the traffic centre of the site."""
        addresses = ("--grpc", f"127.0.0.1:{self.ports.centre}", "--web", f"127.0.0.1:{self.ports.web}")
        await self.processes.start(
            "centre", "-m", "edge.app", "centre", *self.centre_certificates, *addresses, *options
        )

    async def start_world(self, *, broker: bool) -> None:
        """Start the simulated world: controller, radios of vehicles, and poses for the cameras."""
        ports = self.ports
        arguments = ("--scene", SCENE, "--source", "recorded", "--pose-port", str(ports.poses))
        outlets: tuple[str, ...] = (
            "--tscbm",
            f"127.0.0.1:{ports.controller}",
            "--bsm-udp",
            f"127.0.0.1:{ports.bsm}",
        )
        if broker:
            outlets = (*outlets, "--bsm-mqtt", f"127.0.0.1:{ports.broker}")
        await self.processes.start("world", "-m", "hw.sim.world", *arguments, *outlets, wait_ready=True)

    @property
    def pid(self) -> int:
        """Of the front process."""
        return self.processes.pid("node")

    def children(self) -> dict[str, int]:
        """Of the node, by component."""
        return node_children(self.pid)

    def pause_world(self) -> None:
        """Let controller, vehicles and poses fall silent at once."""
        os.kill(self.processes.pid("world"), signal.SIGSTOP)

    def resume_world(self) -> None:
        """Let them go on."""
        os.kill(self.processes.pid("world"), signal.SIGCONT)

    def _now_ns(self) -> int:
        return time.time_ns() + round(self.clock_ahead_s * 1e9)

    async def follow(self) -> None:
        """Subscribe to the node for ever."""
        layers = (Layer.SIGNALS, Layer.SCENE, Layer.HEALTH)
        address = f"127.0.0.1:{self.ports.grpc}"
        async with EdgeClient(address, credentials=self.credentials, now_ns=self._now_ns) as client:
            async for update in client.watch(layers, max_rate_hz=20.0):
                if isinstance(update, SignalsUpdate):
                    self.signals.append((time.time_ns(), update))
                elif isinstance(update, SceneUpdate):
                    self.scenes.append((time.time_ns(), update))
                elif isinstance(update, HealthUpdate):
                    self.health = update
                    self.events |= {(e.stamp_ns, e.component): e for e in update.events}

    def shows_signals(self) -> bool:
        """Whether the newest signals are not withdrawn."""
        return bool(self.signals) and not self.signals[-1][1].withdrawn

    def state(self, component: str) -> str:
        """State of a component in the newest health; empty when it is not in it."""
        found = self.health.components if self.health is not None else ()
        return next((c.state for c in found if c.component == component), "")

    def message(self, component: str) -> str:
        """Message of a component in the newest health."""
        found = self.health.components if self.health is not None else ()
        return next((c.message for c in found if c.component == component), "")

    def counter(self, component: str, kind: str) -> int:
        """A component's counter in the newest health; 0 when it is not in it."""
        found = self.health.components if self.health is not None else ()
        return next((c.counters.get(kind, 0) for c in found if c.component == component), 0)

    async def metrics(self) -> dict[tuple[str, str], int]:
        """Counters by component and kind, read from the metrics port now."""
        text = await asyncio.to_thread(_get, f"http://127.0.0.1:{self.ports.metrics}/metrics")
        return {(component, kind): int(float(value)) for component, kind, value in _SAMPLE.findall(text)}

    async def layer_serves(self, layer: str) -> bool:
        """What the gRPC health service says about a layer."""
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self.ports.grpc}") as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            answer = await stub.Check(health_pb2.HealthCheckRequest(service=layer), timeout=5.0)
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    def spats(self, *, since_ns: int) -> list[tuple[int, SpatView]]:
        """UTC ns of arrival at the radio and content of every SPAT since then, oldest first."""
        heard = (item for item in self.radio.heard("SPAT") if item.arrival_ns >= since_ns)
        return [(item.arrival_ns, j2735.decode_spat(item.message.payload)) for item in heard]

    async def until(self, condition: Callable[[], object], *, timeout_s: float, what: str) -> float:
        """Wait for a condition; returns the seconds that it took.

        Raises:
            AssertionError: it did not come, or a process ended; with the end of the node's log.
        """
        began = time.monotonic()
        while not condition():
            if time.monotonic() - began > timeout_s or self.processes.ended():
                tail = (self.site.parent / "logs" / "node.log").read_text(errors="replace")[-2000:]
                raise AssertionError(f"{what}: not within {timeout_s} s; log of the node:\n{tail}")
            await asyncio.sleep(0.02)
        return time.monotonic() - began

    async def until_serves(self, layer: str, *, serving: bool, timeout_s: float) -> float:
        """Wait for the gRPC health service's word on a layer; returns the seconds."""
        began = time.monotonic()
        async with asyncio.timeout(timeout_s):
            while await self.layer_serves(layer) is not serving:  # noqa: ASYNC110 - another process changes it
                await asyncio.sleep(0.1)
        return time.monotonic() - began


@contextlib.asynccontextmanager
async def surroundings(
    directory: Path,
    *,
    cameras: bool = True,
    broker: bool = True,
    web: bool = False,
    state: Path | None = None,
    fps: float = FPS,
    history: bool = False,
) -> AsyncIterator[NodeRig]:
    """Everything around a node, which is not started yet; all of it ends on leaving."""
    ports, mosquitto = free_ports(), find_mosquitto(directory)
    if mosquitto is not None:
        ports = dataclasses.replace(ports, broker=mosquitto.port)
    site = write_test_site(directory, ports, cameras=cameras, web=web, fps=fps, state=state, history=history)
    async with contextlib.AsyncExitStack() as stack:
        if mosquitto is not None:
            stack.callback(mosquitto.stop)
        processes = await stack.enter_async_context(Processes(directory / "logs"))
        radio = await stack.enter_async_context(FakeRsu(port=ports.radio))
        rig = NodeRig(ports, site, processes, radio, mosquitto=mosquitto)
        if broker:
            await rig.start_broker()
        await rig.start_world(broker=broker)
        yield rig


@contextlib.asynccontextmanager
async def followed(rig: NodeRig) -> AsyncIterator[None]:
    """Subscribe to the node while inside."""
    follower = asyncio.create_task(rig.follow(), name="subscriber")
    try:
        yield
    finally:
        follower.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await follower


@contextlib.asynccontextmanager
async def node_rig(
    directory: Path,
    *,
    cameras: bool = True,
    broker: bool = True,
    web: bool = False,
    state: Path | None = None,
) -> AsyncIterator[NodeRig]:
    """A node that shows signals, and all around it."""
    around = surroundings(directory, cameras=cameras, broker=broker, web=web, state=state)
    async with around as rig, followed(rig):
        await rig.start_node()
        await rig.until(rig.shows_signals, timeout_s=START_TIMEOUT_S, what="signals")
        yield rig


def exit_event(rig: NodeRig, component: str, *, since_ns: int) -> HealthEvent | None:
    """The event that tells of the end of a child."""
    found = (e for e in rig.events.values() if e.component == component and e.kind == "child_exited")
    return next((event for event in found if event.stamp_ns >= since_ns), None)


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5.0) as answer:  # noqa: S310 - http of loopback
        return str(answer.read().decode())
