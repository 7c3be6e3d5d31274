"""The demo's vehicle client: subscribes like any vehicle, keeps what came, and the truth beside it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, field

import grpc

from edge.app.demo_site import DemoPorts
from edge.core.errors import DeviceError
from edge.sdk import EdgeClient, HealthUpdate, Layer, SceneUpdate, SignalsUpdate
from edge.v1 import centre_pb2, centre_pb2_grpc
from hw.sim.pose_client import pose_stream
from hw.sim.poses import WorldState

RATE_HZ = 10.0
KEPT = 20 * 60 * 60
"""World states and scenes kept: an hour at 20 Hz; a longer run forgets its beginning."""


@dataclass(slots=True)
class DemoLog:
    """What came while the figures ran.

    Attributes:
        scenes: client's time of receipt in UTC ns, and scene.
        truth: world states.
        signal_updates, centre_updates: counts.
        begin_ns, end_ns: when the figures began and ended.
        counters: counters of the node's components at the end.
    """

    scenes: list[tuple[int, SceneUpdate]] = field(default_factory=list)
    truth: list[WorldState] = field(default_factory=list)
    signal_updates: int = 0
    centre_updates: int = 0
    begin_ns: int = 0
    end_ns: int = 0
    counters: dict[str, dict[str, int]] = field(default_factory=dict)


class DemoClient:
    """One subscriber at 10 Hz with all layers, a query at the centre, and the pose stream of the world."""

    def __init__(self, ports: DemoPorts, cameras: Collection[str]) -> None:
        self._ports = ports
        self._wanted = [f"camera.{name}.source" for name in cameras]
        self._news = asyncio.Event()
        self.log = DemoLog()
        self._running = False
        self._scene: SceneUpdate | None = None
        self._signals: SignalsUpdate | None = None
        self._health: HealthUpdate | None = None

    @contextlib.asynccontextmanager
    async def connected(self, *, timeout_s: float, alive: Callable[[], None]) -> AsyncIterator[None]:
        """Receive in the background while inside; enters when a scene has come and every camera delivers.

        Args:
            timeout_s: for that; compiling the kernels for the first time takes a while.
            alive: called while waiting; raises when there is nothing to wait for.

        Raises:
            DeviceError: not within the time.
        """
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._receive(), name="subscriber"),
                group.create_task(self._receive_truth(), name="truth"),
                group.create_task(self._receive_centre(), name="centre query"),
            ]
            try:
                await self._wait_ready(timeout_s, alive)
                yield
            finally:
                for task in tasks:
                    task.cancel()

    async def _wait_ready(self, timeout_s: float, alive: Callable[[], None]) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                while missing := self._missing():
                    alive()
                    self._news.clear()
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._news.wait(), 0.5)
        except TimeoutError as error:
            raise DeviceError("node", f"no {missing} within {timeout_s:.0f} s") from error

    def _missing(self) -> str:
        """What must still come before the node's picture is complete; empty when nothing."""
        if self._scene is None:
            return "scene"
        health = self._health.components if self._health is not None else ()
        delivering = {component.component for component in health if component.state == "ok"}
        return next((name for name in self._wanted if name not in delivering), "")

    def begin(self) -> None:
        """The figures begin."""
        self.log = DemoLog(begin_ns=time.time_ns())
        self._running = True

    def end(self) -> None:
        """The figures end."""
        self._running = False
        self.log.end_ns = time.time_ns()
        if self._health is not None:
            self.log.counters = {c.component: dict(c.counters) for c in self._health.components}

    def line(self) -> str:
        """One line for a person: what the node says now."""
        users = self._scene.road_users if self._scene is not None else ()
        both = sum(bool(u.cameras) and bool(u.v2x_links) for u in users)
        cameras = sum(bool(u.cameras) for u in users) - both
        radio = sum(bool(u.v2x_links) for u in users) - both
        return f"{len(users):3d} road users: {cameras} by camera, {radio} by radio, {both} by both; {self._lights()}"

    def _lights(self) -> str:
        if self._signals is None:
            return "no signals"
        if self._signals.withdrawn:
            return "signals withdrawn"
        green = [str(group.signal_group) for group in self._signals.groups if group.is_green]
        return f"green: {' '.join(green) or 'none'}"

    async def _receive(self) -> None:
        layers = (Layer.SIGNALS, Layer.SCENE, Layer.LANES, Layer.HEALTH)
        async with EdgeClient(f"127.0.0.1:{self._ports.grpc}") as client:
            async for update in client.watch(layers=layers, max_rate_hz=RATE_HZ):
                self._news.set()
                if isinstance(update, SceneUpdate):
                    self._scene = update
                    if self._running and len(self.log.scenes) < KEPT:
                        self.log.scenes.append((time.time_ns(), update))
                elif isinstance(update, SignalsUpdate):
                    self._signals = update
                    self.log.signal_updates += self._running
                elif isinstance(update, HealthUpdate):
                    self._health = update

    async def _receive_truth(self) -> None:
        async for state in pose_stream("127.0.0.1", self._ports.poses):
            if self._running and len(self.log.truth) < KEPT:
                self.log.truth.append(state)

    async def _receive_centre(self) -> None:
        """Watch the node through the centre, as a city application would."""
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self._ports.centre}") as channel:
            stub = centre_pb2_grpc.QueryServiceStub(channel)  # type: ignore[no-untyped-call]
            while True:
                with contextlib.suppress(grpc.aio.AioRpcError):
                    async for state in stub.WatchIntersections(centre_pb2.WatchIntersectionsRequest()):
                        self.log.centre_updates += self._running and state.state.HasField("scene")
                await asyncio.sleep(0.5)
