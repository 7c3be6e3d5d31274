"""The way of signals through a node, live: driver, signal lane, hub, gRPC server, and a subscriber on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable

import numpy as np

from edge.app.front_signals import SignalDesk
from edge.core.geodesy import LocalFrame
from edge.core.intersection import Connection, Intersection, Lane, LaneKind, Maneuver
from edge.core.signals import GroupKind
from edge.core.stamp import NS_PER_MS
from edge.flow.board import HealthBoard
from edge.ports import SignalController
from edge.publish.grpc_server import IntersectionServer
from edge.publish.hub import Hub
from edge.sdk.client import EdgeClient
from edge.sdk.updates import Layer, SignalsUpdate
from edge.signals.lane import LaneLimits, SignalLane
from edge.signals.phases import GroupRule
from edge.sources.signals import pump_controller
from edge.wire.intersection import to_intersection
from edge.wire.update import signals_update

TIMEOUT_S = 20.0
DAY_MS = 86_400_000
_INGRESS, _EGRESS = 1, 2


class Subscriber:
    """What a gRPC client of the node has heard.

    Attributes:
        newest: the newest update; None before the first.
        arrivals: steady time at which each state of the controller was first heard, by its stamp, ms of the day.
    """

    def __init__(self) -> None:
        self.newest: SignalsUpdate | None = None
        self.arrivals: dict[int, float] = {}
        self._heard = asyncio.Event()
        self._at_s = 0.0

    async def read(self, client: EdgeClient) -> None:
        """Read for ever."""
        async for update in client.watch([Layer.SIGNALS]):
            self._at_s = time.monotonic()
            if isinstance(update, SignalsUpdate):
                self.newest = update
                if not update.withdrawn:
                    self.arrivals.setdefault(update.capture_ns // NS_PER_MS % DAY_MS, self._at_s)
                self._heard.set()

    async def shown(self, signal_group: int, *, green: bool) -> float:
        """Steady time of the first update from now on in which a signal group is green, or not.

        Raises:
            TimeoutError: there was none.
        """
        try:
            async with asyncio.timeout(TIMEOUT_S):
                while not self._shows(signal_group, green):
                    self._heard.clear()
                    await self._heard.wait()
        except TimeoutError as error:
            raise TimeoutError(f"signal group {signal_group}, green {green}: {self.newest}") from error
        return self._at_s

    def _shows(self, signal_group: int, green: bool) -> bool:
        if self.newest is None or self.newest.withdrawn:
            return False
        group = self.newest.group(signal_group)
        return group is not None and group.is_green is green


@contextlib.asynccontextmanager
async def live_node(
    controller: SignalController, *, groups: Iterable[tuple[GroupKind, int]], liveness_ms: int
) -> AsyncIterator[Subscriber]:
    """A node with one controller, and its subscriber. Signal groups are numbered from 1 in the order of `groups`."""
    rules = {key: GroupRule(number) for number, key in enumerate(groups, start=1)}
    crossing = _crossing(len(rules))
    # Lamps change far more often here than any crossing may: the course of the colours is judged, and only told.
    limits = LaneLimits(liveness_ns=liveness_ms * NS_PER_MS, course_withdraws=False)
    board, hub = HealthBoard(now_ns=time.time_ns), Hub()
    lane = SignalLane(crossing, groups=rules, limits=limits, conflicts=())
    desk = SignalDesk(lane, board=board, clock_error_ns=lambda: 0)
    hello = to_intersection(crossing, node_id="bench")
    server = IntersectionServer(hub, intersection=hello, frame=crossing.frame, listen="127.0.0.1:0")
    subscriber = Subscriber()
    async with server.serving(), EdgeClient(server.address) as client, asyncio.TaskGroup() as group:
        pump = pump_controller(controller, desk.take, component="controller", board=board, silent_after_s=5.0)
        work = (desk.run_ticks(), _publish(desk, hub), subscriber.read(client), pump)
        tasks = [group.create_task(task) for task in work]
        try:
            yield subscriber
        finally:
            for task in tasks:
                task.cancel()


async def _publish(desk: SignalDesk, hub: Hub) -> None:
    reader, epoch = desk.state.reader(), time.time_ns()
    while True:
        hub.publish(signals_update(await reader.next(), epoch=epoch))


def _crossing(signal_groups: int) -> Intersection:
    points_m = np.array([[0.0, -10.0], [0.0, -60.0]])
    ways = tuple(Connection(_EGRESS, number, Maneuver.STRAIGHT) for number in range(1, signal_groups + 1))
    lanes = (
        Lane(_INGRESS, LaneKind.VEHICLE, True, False, 3.5, points_m, connections=ways),
        Lane(_EGRESS, LaneKind.VEHICLE, False, True, 3.5, -points_m),
    )
    return Intersection(1, None, 0, "bench", LocalFrame(0.0, 0.0), lanes)
