"""What the front publishes, in one place: every value becomes one update, for subscribers and for the centre."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from edge.access.audit import AuditLog
from edge.access.entrance import Entrance
from edge.app.front_centre import CentreLink, CentreWants
from edge.app.front_priority import PriorityDesk
from edge.app.front_vehicles import VehicleDesk
from edge.app.site_sensors import sensors_of
from edge.config import SiteConfig
from edge.core.health import Event
from edge.core.intersection import Intersection
from edge.core.signals import SignalState
from edge.core.situation import Scene
from edge.flow.board import HealthBoard
from edge.flow.supervise import supervise
from edge.ports import RadioMessage
from edge.publish.grpc_server import IntersectionServer
from edge.publish.hub import LAYER_ORDER, Hub, HubLimits, Interest
from edge.publish.metrics import MetricsServer, NodeCollector
from edge.publish.priority import PriorityStreams
from edge.publish.pseudonyms import Pseudonyms
from edge.publish.vehicles import VehicleStreams
from edge.v1 import node_pb2
from edge.wire.intersection import to_intersection
from edge.wire.update import health_update, lanes_update, radio_update, scene_update, signals_update


class Publisher:
    """Hub, gRPC server, uplink and metrics of one node."""

    def __init__(
        self,
        site: SiteConfig,
        intersection: Intersection,
        *,
        board: HealthBoard,
        vehicles: VehicleDesk | None = None,
        priority: PriorityDesk | None = None,
        clock_is_good: Callable[[], bool] = lambda: True,
    ) -> None:
        self._site, self._board, self._frame = site, board, intersection.frame
        self._epoch = time.time_ns()
        self._pseudonyms = Pseudonyms(period_s=60.0 * site.privacy.pseudonym_minutes)
        self.last_s = 0.0
        sensors = sensors_of(site)
        self._kinds = dict(sensors)
        hello = to_intersection(intersection, node_id=site.site.id, sensors=sensors)
        site.check_transport()
        grpc = site.grpc
        self._hub = Hub(
            limits=HubLimits(
                subscribers=grpc.max_subscribers + site.speaks_json,
                subscribers_per_peer=grpc.max_subscribers_per_peer,
            )
        )
        board.attach("grpc", self._hub.counters)
        self._entrance = _entrance(site, board)
        self._vehicle_desk = vehicles
        self._vehicles = None if vehicles is None else self._vehicle_streams(vehicles)
        self._shown: tuple[int, bool] | None = None
        self._server = IntersectionServer(
            self._hub,
            intersection=hello,
            frame=intersection.frame,
            listen=grpc.listen,
            credentials=self._entrance.credentials,
            guard=self._entrance.guard,
            vehicles=self._vehicles,
            priority=None if priority is None else self._priority_streams(priority),
        )
        self._collector = NodeCollector(board.snapshot, self._hub.counters)
        self._centre: CentreLink | None = None
        if site.centre is not None:
            wanted = CentreWants(site, site.centre, intersection, clock_is_good, self._audit)
            self._centre = CentreLink(wanted, hub=self._hub, hello=hello, epoch=self._epoch, board=board)

    def _vehicle_streams(self, desk: VehicleDesk) -> VehicleStreams:
        streams = VehicleStreams(desk)
        self._board.attach("grpc.vehicles", streams.counters)
        return streams

    def _priority_streams(self, desk: PriorityDesk) -> PriorityStreams:
        streams = PriorityStreams(desk, audit=self._entrance.log)
        desk.on_step = streams.stepped
        self._board.attach("grpc.priority", streams.counters)
        return streams

    @property
    def _audit(self) -> AuditLog:
        """A node always has one."""
        assert self._entrance.log is not None
        return self._entrance.log

    @property
    def address(self) -> str:
        """Where gRPC is served."""
        return self._server.address

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Serve gRPC and metrics while inside. Raises `DeviceError` when a port is in use."""
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(self._server.serving())
            if self._site.metrics is not None:
                metrics = MetricsServer(self._collector, listen=self._site.metrics.listen)
                await stack.enter_async_context(metrics.serving())
            yield

    async def relay(self, send: Callable[[bytes], None]) -> None:
        """Hand every update to another process of the node, for ever."""
        with self._hub.subscribe(Interest(LAYER_ORDER), peer="web") as subscription:
            while (payload := await subscription.next()) is not None:
                send(payload)
            await asyncio.Event().wait()  # the hub has closed: the node is stopping, and this is cancelled

    def tasks(self) -> list[Coroutine[Any, Any, None]]:
        """What must run beside: certificates, guard, audit log, and all that goes to the centre."""
        watches = [supervise(name, run, board=self._board) for name, run in self._entrance.tasks().items()]
        return watches if self._centre is None else [*watches, *self._centre.tasks()]

    async def drain(self) -> None:
        """Let subscribers take what waits, then end their streams; then keep what is not on disk yet."""
        await self._server.drain()
        if self._centre is not None:
            await self._centre.close()

    def event(self, event: Event) -> None:
        """Keep an event of health."""
        if self._centre is not None:
            self._centre.event(event)

    def signals(self, state: SignalState) -> None:
        """Publish a signal state."""
        self._publish(signals_update(state, epoch=self._epoch))
        shown = state.revision, state.withdrawn
        if self._vehicles is not None and shown != self._shown:
            self._vehicles.lights_changed()
        self._shown = shown

    def scene(self, scene: Scene) -> None:
        """Publish a scene and its lane measures."""
        if self._vehicle_desk is not None:
            self._vehicle_desk.take_scene(scene)
        covered = self._pseudonyms.cover(scene)
        self._publish(scene_update(covered, frame=self._frame, sensor_kinds=self._kinds))
        self._publish(lanes_update(scene))

    def radio(self, message: RadioMessage, *, dialect: str) -> None:
        """Publish a message that goes to a radio of the dialect."""
        self._publish(radio_update(message, dialect=dialect, epoch=self._epoch, now_ns=time.time_ns()))

    def health(self, board: HealthBoard) -> None:
        """Publish the health of every component."""
        self._publish(health_update(board.snapshot(), board.events, epoch=self._epoch, now_ns=time.time_ns()))

    def _publish(self, update: node_pb2.Update) -> None:
        self.last_s = time.monotonic()
        self._hub.publish(update)
        if self._centre is not None:
            self._centre.update(update)


def _entrance(site: SiteConfig, board: HealthBoard) -> Entrance:
    """TLS, guard and audit log of the gRPC server. Raises `ConfigError`."""
    tls = None if site.tls is None or site.grpc.allow_plaintext else site.tls.files
    return Entrance(
        tls,
        board=board,
        limits=site.grpc.limits.limits,
        audit=site.state_directory / "audit.jsonl",
        audit_bytes=site.audit.max_mb * 1_000_000,
        audit_files=site.audit.files,
    )
