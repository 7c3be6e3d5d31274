"""Updates to publish, a node that serves them, and plain gRPC subscribers."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Sequence

import grpc
import numpy as np

from edge.core.geodesy import LocalFrame
from edge.core.intersection import Connection, Intersection, Lane, LaneKind, Maneuver
from edge.core.signals import GroupState, IntersectionStatus, MovementState, SignalState
from edge.core.stamp import NS_PER_S, Stamp, TimeSource
from edge.publish.grpc_server import IntersectionServer
from edge.publish.hub import Hub
from edge.publish.vehicles import VehicleStreams
from edge.v1 import common_pb2, node_pb2, scene_pb2
from edge.wire.intersection import to_intersection
from edge.wire.update import signals_update

FRAME = LocalFrame(39.9, 116.4, 40.0)
SUBSCRIBE = "/edge.v1.IntersectionService/Subscribe"


def corner() -> Intersection:
    """One lane with two movements, and a crosswalk."""
    way = np.array([[0.0, -10.0], [0.5, -80.0]])
    ways = (Connection(7, 2, Maneuver.STRAIGHT), Connection(8, 5, Maneuver.LEFT))
    lane = Lane(3, LaneKind.VEHICLE, ingress=True, egress=False, width_m=3.5, points_m=way, connections=ways)
    walk = Lane(
        9, LaneKind.CROSSWALK, ingress=True, egress=True, width_m=4.0, points_m=way[::-1], signal_group=12
    )
    return Intersection(5, None, 3, "corner", FRAME, (lane, walk))


def signal_state(
    *groups: GroupState, now_ns: int, life_s: float = 1.0, reasons: Sequence[str] = ()
) -> SignalState:
    """Signals at `now_ns`; withdrawn where there are reasons."""
    return SignalState(
        intersection=5,
        revision=1,
        map_revision=3,
        stamp=Stamp(now_ns - 20_000_000, TimeSource.SENSOR),
        alive_ns=now_ns,
        published_ns=now_ns,
        valid_until_ns=now_ns + int(life_s * NS_PER_S),
        groups=groups or (GroupState(2, MovementState.STOP_AND_REMAIN),),
        status=IntersectionStatus.NO_VALID_SPAT if reasons else IntersectionStatus.NONE,
        reasons=tuple(reasons),
    )


def signals(*groups: GroupState, now_ns: int | None = None, life_s: float = 1.0) -> node_pb2.Update:
    """An update of the signals."""
    at_ns = time.time_ns() if now_ns is None else now_ns
    return signals_update(signal_state(*groups, now_ns=at_ns, life_s=life_s), epoch=1)


def scene(
    *places_m: tuple[float, float], now_ns: int | None = None, life_s: float = 1.0, padding: int = 0
) -> node_pb2.Update:
    """An update of the scene: one car per place, tracks 1, 2 ...; `padding` characters make it large."""
    at_ns = time.time_ns() if now_ns is None else now_ns
    users = [
        scene_pb2.RoadUser(track_id=i, x_m=x, y_m=y, v2x_id="x" * padding)
        for i, (x, y) in enumerate(places_m, start=1)
    ]
    until_ns = at_ns + int(life_s * NS_PER_S)
    return node_pb2.Update(
        layer=common_pb2.LAYER_SCENE,
        epoch=1,
        capture_ns=at_ns - 50_000_000,
        published_ns=at_ns,
        valid_until_ns=until_ns,
        scene=scene_pb2.Scene(stamp_ns=at_ns, valid_until_ns=until_ns, epoch=1, road_users=users),
    )


@contextlib.asynccontextmanager
async def served(
    hub: Hub, *, listen: str = "127.0.0.1:0", vehicles: VehicleStreams | None = None
) -> AsyncIterator[IntersectionServer]:
    """A node's server on a free port."""
    message = to_intersection(corner(), node_id="corner-1", sensors=[("north", "camera")])
    server = IntersectionServer(hub, intersection=message, frame=FRAME, listen=listen, vehicles=vehicles)
    async with server.serving(grace_s=0.2):
        yield server


@contextlib.asynccontextmanager
async def raw_stream(
    address: str, request: node_pb2.SubscribeRequest, *, options: Sequence[tuple[str, int]] = ()
) -> AsyncIterator[grpc.aio.UnaryStreamCall]:
    """A Subscribe call whose messages are the bytes of the wire."""
    own = ("grpc.use_local_subchannel_pool", 1)
    async with grpc.aio.insecure_channel(address, options=[own, *options]) as channel:
        subscribe = channel.unary_stream(
            SUBSCRIBE, request_serializer=node_pb2.SubscribeRequest.SerializeToString
        )
        call = subscribe(request)
        try:
            yield call
        finally:
            call.cancel()
