"""The gRPC server of the node: IntersectionService over the hub's raw bytes, health and reflection."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from edge.core.errors import ConfigError, DeviceError
from edge.core.stamp import NS_PER_S
from edge.publish.hub import DEFAULT_LAYERS, AreaFilter, Hub, Refused, Wish
from edge.v1 import common_pb2, intersection_pb2, node_pb2

SERVICE = "edge.v1.IntersectionService"
SIGNALS_SERVICE, SCENE_SERVICE = f"{SERVICE}/signals", f"{SERVICE}/scene"
"""Names under which the health service answers for the layers."""
MAX_REQUEST_BYTES = 64 * 1024
MAX_RATE_HZ = 100.0
_OPTIONS = (
    ("grpc.so_reuseport", 0),  # a second node on the port must fail, not share it
    ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
    ("grpc.max_concurrent_streams", 1024),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
)


class GrpcServer:
    """Serves one intersection.

    Args:
        address: `host:port`; port 0 takes a free one, see `port`.
        allow_plaintext: serve without TLS on other than loopback addresses.

    Raises:
        ConfigError: plaintext off loopback without `allow_plaintext`.
    """

    def __init__(
        self,
        hub: Hub,
        intersection: intersection_pb2.Intersection,
        *,
        address: str,
        allow_plaintext: bool = False,
    ) -> None:
        if not allow_plaintext and not _is_loopback(address):
            raise ConfigError(
                "grpc.listen",
                f"{address} is not loopback and there is no TLS",
                remedy="set grpc.allow_plaintext = true",
            )
        self._hub, self._intersection, self._address = hub, intersection, address
        self._server = grpc.aio.server(options=_OPTIONS)
        self._health = health.aio.HealthServicer()
        self.port = 0

    async def start(self) -> None:
        """Bind and serve. Raises `DeviceError` when the port is in use."""
        handlers = {
            "GetIntersection": grpc.unary_unary_rpc_method_handler(
                self._get_intersection,
                request_deserializer=node_pb2.GetIntersectionRequest.FromString,
                response_serializer=intersection_pb2.Intersection.SerializeToString,
            ),
            "GetState": grpc.unary_unary_rpc_method_handler(
                self._get_state,
                request_deserializer=node_pb2.GetStateRequest.FromString,
                response_serializer=node_pb2.State.SerializeToString,
            ),
            "Subscribe": grpc.unary_stream_rpc_method_handler(
                self._subscribe, request_deserializer=node_pb2.SubscribeRequest.FromString
            ),
        }
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(
            (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server
        )
        try:
            self.port = self._server.add_insecure_port(self._address)
        except RuntimeError as error:
            raise DeviceError(
                f"gRPC on {self._address}",
                "cannot listen",
                remedy="stop the other program or change grpc.listen",
            ) from error
        await self._server.start()
        await self.set_serving("", serving=True)
        await self.set_serving(SERVICE, serving=True)

    async def set_serving(self, service: str, *, serving: bool) -> None:
        """Answer of the health service for a service or layer."""
        states = health_pb2.HealthCheckResponse
        await self._health.set(service, states.SERVING if serving else states.NOT_SERVING)

    async def stop(self, grace_s: float = 1.0) -> None:
        """Say that we are going, let streams end, stop."""
        await self._health.enter_graceful_shutdown()
        self._hub.close()
        await self._server.stop(grace_s)

    async def _get_intersection(self, _request: Any, _context: Any) -> intersection_pb2.Intersection:
        return self._intersection

    async def _get_state(self, _request: Any, _context: Any) -> node_pb2.State:
        state = node_pb2.State()
        for layer, name in _STATE_FIELDS.items():
            newest = self._hub.newest(layer)
            if newest is not None:
                update = node_pb2.Update.FromString(newest.raw)
                getattr(state, name).CopyFrom(getattr(update, name))
        return state

    async def _subscribe(self, request: node_pb2.SubscribeRequest, context: Any) -> AsyncIterator[bytes]:
        try:
            wish = wish_of(request)
        except ValueError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            return
        try:
            with self._hub.subscription(wish, peer=_host(context.peer())) as subscriber:
                async for update in subscriber.updates():
                    yield update
        except Refused as refused:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, str(refused))


_STATE_FIELDS = {
    int(common_pb2.LAYER_SIGNALS): "signals",
    int(common_pb2.LAYER_SCENE): "scene",
    int(common_pb2.LAYER_LANES): "lanes",
    int(common_pb2.LAYER_HEALTH): "health",
}


def wish_of(request: node_pb2.SubscribeRequest) -> Wish:
    """What a request asks for. Raises `ValueError` for what makes no sense."""
    layers = frozenset(int(layer) for layer in request.layers) or frozenset(
        int(layer) for layer in DEFAULT_LAYERS
    )
    known = set(common_pb2.Layer.values()) - {0}
    if layers - known:
        raise ValueError(f"unknown layer {min(layers - known)}")
    rate_hz = request.max_rate_hz
    if not 0 <= rate_hz <= MAX_RATE_HZ:
        raise ValueError(f"max_rate_hz {rate_hz} is not in 0 to {MAX_RATE_HZ:.0f}")
    return Wish(layers, _area_of(request.area), int(NS_PER_S / rate_hz) if rate_hz else 0)


def _area_of(area: node_pb2.Area) -> AreaFilter | None:
    if area.HasField("circle"):
        centre, radius_m = area.circle.centre, area.circle.radius_m
        if not radius_m > 0:
            raise ValueError(f"radius_m {radius_m} must be positive")
        return AreaFilter(
            centre.x_m - radius_m,
            centre.y_m - radius_m,
            centre.x_m + radius_m,
            centre.y_m + radius_m,
            radius_m,
        )
    if area.HasField("box"):
        low, high = area.box.south_west, area.box.north_east
        if not (low.x_m < high.x_m and low.y_m < high.y_m):
            raise ValueError("the box is empty: south_west must be south and west of north_east")
        return AreaFilter(low.x_m, low.y_m, high.x_m, high.y_m)
    return None


def _host(peer: str) -> str:
    """`ipv4:10.0.0.1:4711` to `ipv4:10.0.0.1`."""
    return peer.rpartition(":")[0]


def _is_loopback(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    if host == "localhost" or address.startswith("unix:"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
