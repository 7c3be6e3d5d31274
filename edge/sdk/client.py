"""A client of one intersection's node: typed updates, no stale ones, reconnects by itself."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import grpc

from edge.sdk.convert import intersection_of, update_of
from edge.sdk.errors import EdgeUnavailableError, SubscriptionRefusedError
from edge.sdk.types import Box, Circle, IntersectionInfo, Layer, NextGreen, SignalGroup, SignalsUpdate, Update
from edge.v1 import common_pb2, intersection_pb2, node_pb2

_SERVICE = "/edge.v1.IntersectionService"
_CHANNEL_OPTIONS = (
    # Without these, HTTP/2 buffers tens of old updates for a client that pauses.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 4096),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)
_REFUSALS = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNAUTHENTICATED,
}


class EdgeClient:
    """Connects to one node. Use as an async context manager.

    Counters in `counters`: received, expired (dropped because their validity was over), unknown, reconnects.

    Args:
        address: `host:port`.
        timeout_s: for unary calls.
        now_ns: clock that `valid_until_ns` is compared with; pass a synchronised one if the system's is not.
    """

    def __init__(
        self, address: str, *, timeout_s: float = 5.0, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self.address, self._timeout_s, self._now_ns = address, timeout_s, now_ns
        self._channel: grpc.aio.Channel | None = None
        self.counters: Counter[str] = Counter()

    async def __aenter__(self) -> EdgeClient:
        self._channel = grpc.aio.insecure_channel(self.address, options=_CHANNEL_OPTIONS)
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self._channel is not None:
            await self._channel.close()

    async def intersection(self) -> IntersectionInfo:
        """Geometry, signal groups and sensors. Raises `EdgeUnavailableError`."""
        call = self._open.unary_unary(
            f"{_SERVICE}/GetIntersection",
            request_serializer=node_pb2.GetIntersectionRequest.SerializeToString,
            response_deserializer=intersection_pb2.Intersection.FromString,
        )
        try:
            return intersection_of(await call(node_pb2.GetIntersectionRequest(), timeout=self._timeout_s))
        except grpc.aio.AioRpcError as error:
            raise EdgeUnavailableError(self.address, error.details() or error.code().name) from error

    async def watch(
        self,
        *,
        layers: Iterable[Layer] = (),
        area: Circle | Box | None = None,
        max_rate_hz: float = 0.0,
        reconnect: bool = True,
    ) -> AsyncIterator[Update]:
        """Updates as they come; expired ones are dropped and counted.

        Args:
            layers: empty: signals, scene, lanes and health.
            area: only road users inside; None: all.
            max_rate_hz: per layer; 0: as they come.
            reconnect: come back when the node goes away; else raise.

        Raises:
            SubscriptionRefusedError: the request makes no sense.
            EdgeUnavailableError: with `reconnect=False`, the node is away or full.
        """
        request = _request(layers, area, max_rate_hz)
        attempt = 0
        while True:
            try:
                async for update in self._stream(request):
                    attempt = 0
                    yield update
                reason = "the node ended the stream"
            except grpc.aio.AioRpcError as error:
                reason = error.details() or error.code().name
                if error.code() in _REFUSALS:
                    raise SubscriptionRefusedError(self.address, reason) from error
            if not reconnect:
                raise EdgeUnavailableError(self.address, reason)
            self.counters["reconnects"] += 1
            await asyncio.sleep(min(5.0, 0.2 * 2**attempt) * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
            attempt = min(attempt + 1, 6)

    async def signals(self) -> AsyncIterator[SignalsUpdate]:
        """Signal updates only."""
        async for update in self.watch(layers=(Layer.SIGNALS,)):
            if isinstance(update, SignalsUpdate):
                yield update

    async def next_green(self, *, lane: int | None = None, signal_group: int | None = None) -> NextGreen:
        """When the lane's straight-on movement (or a signal group) may go, from the next valid update.

        Raises:
            ValueError: neither or both given, or the lane has no signal.
            EdgeUnavailableError: the geometry cannot be had.
        """
        if (lane is None) == (signal_group is None):
            raise ValueError("give lane or signal_group, one of them")
        wanted = signal_group if signal_group is not None else await self._group_of(lane)
        async for update in self.signals():
            group = update.groups.get(wanted)
            if group is not None and not update.withdrawn:
                return _next_green(group, self._now_ns())
        raise EdgeUnavailableError(self.address, "the stream ended")

    async def _group_of(self, lane: int | None) -> int:
        info = (await self.intersection()).lanes.get(lane or 0)
        groups = info.signal_groups if info else ()
        if info is None or not groups:
            raise ValueError(f"lane {lane} has no signal group")
        straight = [
            group for _to, group, turns in info.connections if group is not None and "straight" in turns
        ]
        return straight[0] if straight else groups[0]

    async def _stream(self, request: node_pb2.SubscribeRequest) -> AsyncIterator[Update]:
        call: Any = self._open.unary_stream(
            f"{_SERVICE}/Subscribe",
            request_serializer=node_pb2.SubscribeRequest.SerializeToString,
            response_deserializer=node_pb2.Update.FromString,
        )(request)
        try:
            async for message in call:
                now_ns = self._now_ns()
                if message.valid_until_ns < now_ns:
                    self.counters["expired"] += 1
                    continue
                update = update_of(message, received_ns=now_ns)
                if update is None:
                    self.counters["unknown"] += 1
                    continue
                self.counters["received"] += 1
                yield update
        finally:
            call.cancel()

    @property
    def _open(self) -> grpc.aio.Channel:
        if self._channel is None:
            raise RuntimeError("use the client as a context manager: async with EdgeClient(...) as client")
        return self._channel


def _next_green(group: SignalGroup, now_ns: int) -> NextGreen:
    """Green now, or red whose end is known and leads to green."""
    certain = group.min_end_ns is not None and group.min_end_ns == group.max_end_ns
    leads_to_green = group.green or group.state in {"STOP_AND_REMAIN", "PRE_MOVEMENT", "STOP_THEN_PROCEED"}
    seconds = group.seconds_left(now_ns) if leads_to_green else None
    return NextGreen(group.signal_group, group.green, seconds, certain and seconds is not None)


def _request(
    layers: Iterable[Layer], area: Circle | Box | None, max_rate_hz: float
) -> node_pb2.SubscribeRequest:
    names = [common_pb2.Layer.Name(layer) for layer in layers]
    request = node_pb2.SubscribeRequest(layers=names, max_rate_hz=max_rate_hz)
    if isinstance(area, Circle):
        request.area.circle.centre.x_m, request.area.circle.centre.y_m = area.x_m, area.y_m
        request.area.circle.radius_m = area.radius_m
    elif isinstance(area, Box):
        request.area.box.south_west.x_m, request.area.box.south_west.y_m = area.west_m, area.south_m
        request.area.box.north_east.x_m, request.area.box.north_east.y_m = area.east_m, area.north_m
    return request
