"""The node's gRPC server: IntersectionService over the hub, health per layer, and reflection."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

import grpc
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from edge.access.connections import peer_host
from edge.access.guard import Guard
from edge.access.local import LocalJudge
from edge.access.roles import current_peer
from edge.config.address import is_loopback, split_address
from edge.core.errors import ConfigError, DeviceError
from edge.core.geodesy import LocalFrame
from edge.core.v2x import VERIFIED_BY_TLS
from edge.publish.area import read_area
from edge.publish.credit import Credit
from edge.publish.health_service import HealthService
from edge.publish.hub import (
    DEFAULT_LAYERS,
    LAYER_ORDER,
    Hub,
    Interest,
    Subscription,
    SubscriptionRefusedError,
    rate_is_sane,
)
from edge.publish.priority import PriorityStreams
from edge.publish.vehicles import VehicleStreams
from edge.v1 import common_pb2, intersection_pb2, node_pb2

_log = logging.getLogger(__name__)

SERVICE = node_pb2.DESCRIPTOR.services_by_name["IntersectionService"].full_name
SERVER_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.so_reuseport", 0),  # a second server on the port is an error, not a silent share
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.max_receive_message_length", 64 * 1024),
    ("grpc.server_handshake_timeout_ms", 5_000),  # a connection that says nothing
    ("grpc.max_connection_idle_ms", 60_000),  # one that asks nothing
    ("grpc.max_concurrent_streams", 100),
    ("grpc.max_metadata_size", 16 * 1024),
)
SPARE = 100
"""Connections and calls beyond the subscribers: for questions, health and reflection."""
HEALTH_PERIOD_S = 0.25
STOPPING = "the node is stopping"
FIRST_S = 5.0
"""For the first message of a subscriber with credit."""
WATCHED_LAYERS = {"signals": common_pb2.LAYER_SIGNALS, "scene": common_pb2.LAYER_SCENE}
"""Services of the health protocol, besides "" and the service itself."""

Context: TypeAlias = grpc.aio.ServicerContext


class IntersectionServer:
    """Serves one intersection.

    Args:
        hub: where updates come from.
        intersection: answer to GetIntersection.
        frame: local frame of the site, for areas in WGS-84.
        listen: `host:port`; port 0 takes a free one.
        credentials: TLS; None: plaintext, on loopback only.
        guard: who may call what; None: every caller is local.
        vehicles: who takes reports of vehicles; None: nobody.
        priority: who takes requests for priority; None: nobody.

    Raises:
        ConfigError: not an address, or off loopback without TLS.
    """

    def __init__(
        self,
        hub: Hub,
        *,
        intersection: intersection_pb2.Intersection,
        frame: LocalFrame,
        listen: str,
        credentials: grpc.ServerCredentials | None = None,
        guard: Guard | None = None,
        vehicles: VehicleStreams | None = None,
        priority: PriorityStreams | None = None,
    ) -> None:
        try:
            host, self.port = split_address(listen)
        except ValueError as error:
            raise ConfigError("grpc.listen", str(error)) from error
        if credentials is None and not is_loopback(host):
            raise ConfigError(
                "grpc.listen",
                f"{listen} is not loopback and there is no TLS",
                remedy="listen on 127.0.0.1, or add [tls]",
            )
        self._host = f"[{host}]" if ":" in host else host
        self._hub, self._intersection, self._frame = hub, intersection, frame
        self._credentials, self._guard = credentials, guard or Guard(LocalJudge())
        self._vehicles, self._priority = vehicles, priority
        self._health = HealthService(watchers=SPARE // 2)
        self._server: grpc.aio.Server | None = None
        self._draining = False

    @property
    def address(self) -> str:
        """`host:port` that it serves on; the true port while serving."""
        return f"{self._host}:{self.port}"

    @contextlib.asynccontextmanager
    async def serving(self, *, grace_s: float = 0.5) -> AsyncIterator[None]:
        """Serve while inside; on leaving, calls get `grace_s` to end.

        Raises:
            DeviceError: the address cannot be used.
        """
        most = self._hub.limits.subscribers + SPARE
        options = (*SERVER_OPTIONS, ("grpc.max_allowed_incoming_connections", most))
        server = grpc.aio.server(options=options, maximum_concurrent_rpcs=most, interceptors=(self._guard,))
        server.add_generic_rpc_handlers((self._handlers(),))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        reflection.enable_server_reflection((SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
        try:
            self.port = self._listen(server)
        except RuntimeError as error:
            raise DeviceError(
                f"grpc {self.address}",
                "cannot listen on this address",
                remedy="stop the other program that uses the port, or choose another in grpc.listen",
            ) from error
        for name in ("", SERVICE, *WATCHED_LAYERS):
            self._health.set(name, serving=name not in WATCHED_LAYERS)
        await server.start()
        self._server = server
        _log.info("serving %s on %s", SERVICE, self.address)
        try:
            # No task group: it would wrap the errors of the caller's block.
            watch = asyncio.create_task(self._watch_layers(), name="layer health")
            try:
                yield
            finally:
                watch.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await watch
        finally:
            await self.drain(grace_s=grace_s)

    def _listen(self, server: grpc.aio.Server) -> int:
        if self._credentials is None:
            return int(server.add_insecure_port(self.address))
        return int(server.add_secure_port(self.address, self._credentials))

    async def drain(self, *, grace_s: float = 0.5) -> None:
        """Say that the node is going, deliver what is pending, end every call. Safe to call twice."""
        self._draining = True
        self._hub.close()
        self._health.close()
        if self._server is not None:
            await self._server.stop(grace_s)

    async def _watch_layers(self) -> None:
        """Keep the health service's word per layer: serving while there is valid data."""
        known: dict[str, bool] = {}
        while not self._draining:
            for name, layer in WATCHED_LAYERS.items():
                update = self._hub.current(layer)
                serving = update is not None and not update.signals.withdrawn
                if known.get(name) is not serving:
                    known[name] = serving
                    self._health.set(name, serving=serving)
            await asyncio.sleep(HEALTH_PERIOD_S)

    def _handlers(self) -> grpc.GenericRpcHandler:
        """Handlers by name; the stream's bytes go out as the hub made them."""

        def unary(answer: Callable[[Any, Context], Awaitable[Any]], request: Any) -> grpc.RpcMethodHandler:
            return grpc.unary_unary_rpc_method_handler(
                answer,
                request_deserializer=request.FromString,
                response_serializer=lambda message: message.SerializeToString(),
            )

        subscribe = grpc.unary_stream_rpc_method_handler(
            self._subscribe, request_deserializer=node_pb2.SubscribeRequest.FromString
        )
        with_credit = grpc.stream_stream_rpc_method_handler(
            self._subscribe_with_credit, request_deserializer=node_pb2.CreditRequest.FromString
        )
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "GetIntersection": unary(self._get_intersection, node_pb2.GetIntersectionRequest),
                "GetState": unary(self._get_state, node_pb2.GetStateRequest),
                "GetTime": unary(self._get_time, node_pb2.GetTimeRequest),
                "Subscribe": subscribe,
                "SubscribeWithCredit": with_credit,
                "ReportVehicle": grpc.stream_stream_rpc_method_handler(self._report_vehicle),
                "RequestPriority": grpc.stream_stream_rpc_method_handler(self._request_priority),
            },
        )

    async def _get_intersection(
        self, _request: node_pb2.GetIntersectionRequest, _context: Context
    ) -> intersection_pb2.Intersection:
        return self._intersection

    async def _get_time(self, _request: node_pb2.GetTimeRequest, _context: Context) -> node_pb2.NodeTime:
        received_ns = self._hub.now_ns()
        return node_pb2.NodeTime(received_ns=received_ns, sent_ns=self._hub.now_ns())

    async def _get_state(self, _request: node_pb2.GetStateRequest, _context: Context) -> node_pb2.State:
        found = {layer: self._hub.current(layer) for layer in DEFAULT_LAYERS}
        signals, scene, lanes, board = (found[layer] for layer in DEFAULT_LAYERS)
        return node_pb2.State(
            signals=None if signals is None else signals.signals,
            scene=None if scene is None else scene.scene,
            lanes=None if lanes is None else lanes.lanes,
            health=None if board is None else board.health,
        )

    async def _subscribe(self, request: node_pb2.SubscribeRequest, context: Context) -> None:
        try:
            interest = self._interest(request)
        except ValueError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        subscription = await self._opened(interest, context)
        try:
            while await subscription.news():
                if (payload := subscription.take()) is not None:
                    await context.write(payload)
        except grpc.aio.InternalError:
            self._hub.counters["lost"] += 1  # the subscriber left while it was written to
            return
        finally:
            subscription.close()
        await context.abort(grpc.StatusCode.UNAVAILABLE, STOPPING)

    async def _subscribe_with_credit(
        self, steps: AsyncIterator[node_pb2.CreditRequest], context: Context
    ) -> None:
        try:
            async with asyncio.timeout(FIRST_S):
                first = await anext(aiter(steps))
            credit, interest = Credit(first.window), self._interest(first.subscribe)
        except (ValueError, TimeoutError, StopAsyncIteration) as error:
            words = str(error) or "the first message must say what is wanted"
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, words)
        subscription = await self._opened(interest, context)
        following = asyncio.create_task(credit.follow(steps), name="credit")
        try:
            await _send_on_credit(subscription, credit, context)
        except grpc.aio.InternalError:
            self._hub.counters["lost"] += 1
            return
        except ValueError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except TimeoutError:
            self._hub.counters["silent"] += 1
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "nothing was read for too long")
        finally:
            following.cancel()
            subscription.close()
        await context.abort(grpc.StatusCode.UNAVAILABLE, STOPPING)

    async def _report_vehicle(self, reports: AsyncIterator[bytes], context: Context) -> None:
        if self._vehicles is None:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "this node takes no reports of vehicles")
            raise AssertionError  # abort raises
        await self._vehicles.serve(reports, context, sender=_sender(context))

    async def _request_priority(self, requests: AsyncIterator[bytes], context: Context) -> None:
        peer = current_peer.get()
        if self._priority is None or peer is None:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "this server takes no requests for priority")
            raise AssertionError  # abort raises
        await self._priority.serve(requests, context, peer=peer)

    async def _opened(self, interest: Interest, context: Context) -> Subscription:
        """A place in the hub; a refusal ends the call in words."""
        try:
            return self._hub.subscribe(interest, peer=_peer_key(context))
        except SubscriptionRefusedError as error:
            code = grpc.StatusCode.UNAVAILABLE if self._hub.closed else grpc.StatusCode.RESOURCE_EXHAUSTED
            await context.abort(code, str(error))
            raise AssertionError from error  # abort raises

    def _interest(self, request: node_pb2.SubscribeRequest) -> Interest:
        if len(request.layers) > len(LAYER_ORDER):  # it is kept as long as the stream
            raise ValueError(f"{len(request.layers)} layers are named, there are {len(LAYER_ORDER)}")
        unknown = [layer for layer in request.layers if layer not in LAYER_ORDER]
        if unknown:
            raise ValueError(f"layer {unknown[0]} is not known; see edge.v1.Layer")
        if not rate_is_sane(request.max_rate_hz):
            raise ValueError(f"max_rate_hz {request.max_rate_hz} must be 0, or 0.001 to 1000")
        area = read_area(request.area, frame=self._frame) if request.HasField("area") else None
        return Interest(tuple(request.layers) or DEFAULT_LAYERS, area, request.max_rate_hz)


async def _send_on_credit(subscription: Subscription, credit: Credit, context: Context) -> None:
    """The newest, whenever there is room for one more."""
    while True:
        await credit.room()
        payload = await subscription.next()
        if payload is None:
            return
        credit.sent()  # before it goes: it may be read, and said to be, before writing returns
        await context.write(payload)


def _sender(context: Context) -> str:
    """Who reports: what begins with `VERIFIED_BY_TLS` has shown its certificate."""
    peer = current_peer.get()
    proved = peer is not None and peer.fingerprint
    return f"{VERIFIED_BY_TLS}:{proved}" if proved else _peer_key(context)


def _peer_key(context: Context) -> str:
    """Who limits count for: the certificate where there is one, else the host."""
    peer = current_peer.get()
    return peer_host(context.peer()) if peer is None else peer.key
