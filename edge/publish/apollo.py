"""The gateway to Apollo cars: takes their status, and calls back those that are near. `edge/publish/APOLLO.md`."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import math
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

import grpc
import numpy as np

from edge.apollo import v2x_pb2
from edge.config.address import split_address
from edge.config.apollo import ApolloConfig
from edge.core.errors import CodecError, DeviceError
from edge.core.health import HealthState
from edge.core.intersection import Intersection
from edge.core.mercator import map_grid
from edge.core.road_events import RoadEvent
from edge.core.signals import SignalState
from edge.core.situation import Scene
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.core.v2x import RadioFrame, V2xReport
from edge.flow.board import HealthBoard
from edge.publish.apollo_cars import CarCaller, Feed
from edge.publish.radio_ids import EPOCH_NS
from edge.road import LaneLookup
from edge.wire.apollo_lights import LightTable
from edge.wire.apollo_status import CarWord, read_status

_log = logging.getLogger(__name__)
PUSH = "/apollo.v2x.CarToObu/PushCarStatus"
LARGEST_STATUS = 128 * 1024
SPACING_NS = 20 * NS_PER_MS
"""Between two messages of a car that are looked at; Apollo sends every 100 ms."""
STATUS_TIMEOUT_S = 1.0
OPEN_CALLS = 4
"""Of one host at a time: a status that comes in halves takes no place from other cars."""
FORGET_NS = 10 * NS_PER_S
JUNCTION_NEAR_M = 80.0
"""A junction whose middle is farther from ours than this is another one."""
SWEEP_S = 1.0
_UPDATED = v2x_pb2.UpdateStatus(updated=True).SerializeToString()
_NOT_UPDATED = v2x_pb2.UpdateStatus(updated=False).SerializeToString()
_OPTIONS = (
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", LARGEST_STATUS),
    ("grpc.server_handshake_timeout_ms", 5_000),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.max_connection_idle_ms", 10_000),  # cars call ten times a second
)


@dataclass(slots=True)
class _Known:
    """A car that speaks to us; times are of a clock that nobody sets."""

    temporary_id: str
    since_ns: int
    heard_ns: int = -FORGET_NS


class ApolloGateway:
    """Serves `CarToObu` and calls `ObuToCar` of each car.

    Counters on the board: those of `CarCaller`, and statuses, bad, limited, strangers (not from `allow`), crowded (over
    `max_cars`), far (beyond `range_m`), other_junction, cars.

    Args:
        node_id: name under which the node speaks.
        sensor_kinds: kind per sensor of the site.
        send: hands fusion what a car says of itself, under its pseudonym; never waits.
        steady_ns: a clock that nobody sets.
    """

    def __init__(
        self,
        config: ApolloConfig,
        intersection: Intersection,
        *,
        node_id: str,
        sensor_kinds: Mapping[str, str],
        send: Callable[[RadioFrame], None],
        board: HealthBoard,
        now_ns: Callable[[], int] = time.time_ns,
        steady_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._config, self._board, self._send = config, board, send
        self._now_ns, self._steady_ns = now_ns, steady_ns
        self._component = config.name
        self._counters = board.counters(self._component)
        self._grid = map_grid(intersection.frame, zone=config.utm_zone)
        self._allowed = [ipaddress.ip_network(network) for network in config.allow]
        self._feed = Feed(
            LightTable(intersection, self._grid),
            self._grid,
            node_id=node_id,
            sensor_kinds=sensor_kinds,
            elevation_m=intersection.frame.elevation_m,
            edition=config.edition,
        )
        self._lookup = LaneLookup(intersection) if config.edition < 6 else None
        self._known: dict[str, _Known] = {}
        self._called: dict[str, tuple[CarCaller, asyncio.Task[None]]] = {}
        self._fixed = {split_address(address)[0]: address for address in config.cars}
        self._group: asyncio.TaskGroup | None = None
        self._open: Counter[str] = Counter()
        self.port = split_address(config.listen)[1]

    def signals(self, state: SignalState) -> None:
        """Give cars a signal state; never waits."""
        self._feed.signals.set(state)

    def scene(self, scene: Scene) -> None:
        """Give cars a scene; never waits."""
        self._feed.scenes.set(scene)

    def events(self, events: tuple[RoadEvent, ...]) -> None:
        """Give cars events that others told of; never waits."""
        self._feed.heard_events = events

    async def run(self) -> None:
        """Serve and call until cancelled. Raises `DeviceError` when the port is in use."""
        rooms = 4 * self._config.max_cars
        options = (*_OPTIONS, ("grpc.max_allowed_incoming_connections", rooms))
        server = grpc.aio.server(options=options, maximum_concurrent_rpcs=rooms)
        server.add_generic_rpc_handlers((_Handler(self._push),))
        host = split_address(self._config.listen)[0]
        address = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        try:
            self.port = server.add_insecure_port(address)
        except RuntimeError as error:
            raise DeviceError(
                self._component, f"cannot listen on {address}", remedy="choose another apollo.listen"
            ) from error
        await server.start()
        self._board.set(self._component, HealthState.OK)
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for fixed in self._fixed.values():
                    self._call(fixed)
                group.create_task(self._sweep(), name="apollo sweep")
        finally:
            self._group = None
            self._called.clear()
            await server.stop(0.2)

    async def _push(self, requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> bytes:
        """One call: who calls is looked at before a status is read, and one that does not come is not waited for."""
        host = _host(context.peer())
        if not self._is_allowed(host):
            self._counters["strangers"] += 1
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "not from a network of apollo.allow")
        if self._open[host] >= OPEN_CALLS:
            self._counters["limited"] += 1
            return _NOT_UPDATED
        self._open[host] += 1
        try:
            async with asyncio.timeout(STATUS_TIMEOUT_S):
                octets = await anext(requests)
        except (TimeoutError, StopAsyncIteration):
            self._counters["bad"] += 1
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, f"no status within {STATUS_TIMEOUT_S:g} s")
            raise
        finally:
            self._open[host] -= 1
            if not self._open[host]:
                del self._open[host]
        return await self._read(octets, host, context)

    async def _read(self, octets: bytes, host: str, context: grpc.aio.ServicerContext) -> bytes:
        """One status of a car."""
        now_ns, steady_ns = self._now_ns(), self._steady_ns()
        known = self._meet(host, steady_ns)
        if known is None:
            self._counters["crowded"] += 1
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "as many cars as apollo.max_cars")
        assert known is not None
        if steady_ns - known.heard_ns < SPACING_NS:
            self._counters["limited"] += 1
            return _NOT_UPDATED
        known.heard_ns = steady_ns
        try:
            word = read_status(
                octets,
                self._grid,
                shape=self._config.shape,
                link=self._component,
                temporary_id=known.temporary_id,
                arrival_ns=now_ns,
            )
        except CodecError as error:
            self._counters["bad"] += 1
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            raise
        return self._take(word, host, octets)

    def _take(self, word: CarWord, host: str, octets: bytes) -> bytes:
        report = word.report
        if math.hypot(report.x_m, report.y_m) > self._config.range_m:
            self._counters["far"] += 1
            self._hang_up(host)
            return _NOT_UPDATED
        self._counters["statuses"] += 1
        self._send(RadioFrame(self._component, report.arrival_ns, report.temporary_id, octets))
        caller = self._call(self._fixed.get(host) or _join(host, self._config.car_port))
        if caller is not None:
            caller.ego = report
            if self._lookup is not None:
                caller.lane = _lane(self._lookup, report)
            else:
                caller.junction_id = self._junction(word)
        return _UPDATED

    def _junction(self, word: CarWord) -> bytes:
        """Our intersection on the car's map; empty where the car heads for another."""
        if self._config.junction_id:
            return self._config.junction_id.encode()
        if word.junction_m is not None and math.hypot(*word.junction_m) <= JUNCTION_NEAR_M:
            return word.junction_id
        self._counters["other_junction"] += 1
        return b""

    def _is_allowed(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self._allowed)

    def _meet(self, host: str, steady_ns: int) -> _Known | None:
        """The car at a host, under a pseudonym that changes; None where there is no room for one more."""
        known = self._known.get(host)
        if known is None and len(self._known) >= self._config.max_cars:
            return None
        if known is None or steady_ns - known.since_ns > EPOCH_NS:
            known = _Known(secrets.token_hex(4), steady_ns)
            self._known[host] = known
        return known

    def _call(self, address: str) -> CarCaller | None:
        """The caller of a car, started where there is none; None where there is no room, or we are stopping."""
        found = self._called.get(address)
        if found is not None:
            return found[0]
        if self._group is None or len(self._called) >= self._config.max_cars:
            return None
        caller = CarCaller(
            address,
            self._feed,
            counters=self._counters,
            rate_hz=self._config.rate_hz,
            now_ns=self._now_ns,
        )
        caller.junction_id = self._config.junction_id.encode()
        self._called[address] = caller, self._group.create_task(caller.run(), name="apollo car")
        return caller

    async def _sweep(self) -> None:
        """Forget cars that are silent, and say how it goes."""
        while True:
            self._forget(self._steady_ns())
            self._counters["cars"] = len(self._called)
            mute = sum(caller.answers is False for caller, _task in self._called.values())
            if mute:
                self._board.set(
                    self._component,
                    HealthState.DEGRADED,
                    f"{mute} of {len(self._called)} cars do not answer: is their grpc_server_host reachable from here?",
                )
            else:
                self._board.set(self._component, HealthState.OK)
            await asyncio.sleep(SWEEP_S)

    def _forget(self, steady_ns: int) -> None:
        silent = [host for host, car in self._known.items() if steady_ns - car.heard_ns > FORGET_NS]
        for host in silent:
            del self._known[host]
            self._hang_up(host)

    def _hang_up(self, host: str) -> None:
        """Call a car no more that is not here; one that is always called is only not known to be anywhere."""
        if host in self._fixed:
            caller = self._called[self._fixed[host]][0]
            caller.ego, caller.junction_id = None, self._config.junction_id.encode()
            return
        _caller, task = self._called.pop(_join(host, self._config.car_port), (None, None))
        if task is not None:
            task.cancel()


class _Handler(grpc.GenericRpcHandler):  # type: ignore[misc]
    """One method, whose messages stay octets: what does not parse is ours to count. On the wire one message and a
    stream of one are the same, and a handler of streams begins before the message has come."""

    def __init__(self, push: Callable[[AsyncIterator[bytes], grpc.aio.ServicerContext], object]) -> None:
        self._push = grpc.stream_unary_rpc_method_handler(push)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        return self._push if handler_call_details.method == PUSH else None


def _lane(lookup: LaneLookup, report: V2xReport) -> int:
    """LaneID of where a car is; 0: on none."""
    yaw = np.array([math.nan if report.yaw_rad is None else report.yaw_rad])
    found = lookup.find(np.array([[report.x_m, report.y_m]]), yaw_rad=yaw, walking=np.array([False]))
    return int(found.lane[0])


def _host(peer: str) -> str:
    """The address in a gRPC peer name, `ipv4:192.0.2.1:5000` or `ipv6:%5B::1%5D:5000`."""
    return unquote(peer).partition(":")[2].rpartition(":")[0].strip("[]")


def _join(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
