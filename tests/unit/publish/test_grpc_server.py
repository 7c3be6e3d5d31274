"""What subscribers of a real server get."""

from __future__ import annotations

import asyncio
import math

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from edge.core.errors import ConfigError, DeviceError
from edge.core.signals import GroupState, MovementState
from edge.publish.grpc_server import IntersectionServer, peer_host
from edge.publish.hub import Hub, HubLimits
from edge.v1 import common_pb2, intersection_pb2, node_pb2, node_pb2_grpc
from edge.wire.update import signals_update
from tests.unit.publish.feed import FRAME, raw_stream, scene, served, signal_state, signals
from tests.waiting import until

SIGNALS, SCENE = common_pb2.LAYER_SIGNALS, common_pb2.LAYER_SCENE


async def receive(call: grpc.aio.UnaryStreamCall) -> node_pb2.Update:
    async with asyncio.timeout(5):
        return node_pb2.Update.FromString(await call.read())


async def test_snapshot_comes_first_with_signals_in_front_then_updates() -> None:
    hub = Hub()
    async with served(hub) as server:
        hub.publish(scene((1.0, 2.0), life_s=60))
        hub.publish(signals(life_s=60))
        async with raw_stream(server.address, node_pb2.SubscribeRequest()) as call:
            snapshot = [(await receive(call)).layer for _ in range(2)]
            hub.publish(scene((3.0, 4.0), life_s=60))
            update = await receive(call)
    assert snapshot == [SIGNALS, SCENE]
    assert (update.layer, update.sequence, update.scene.road_users[0].x_m) == (SCENE, 2, 3.0)


async def test_all_subscribers_get_the_same_bytes() -> None:
    hub = Hub()
    request = node_pb2.SubscribeRequest(layers=[SCENE])
    async with served(hub) as server:
        hub.publish(update := scene((1.0, 2.0), (3.0, 4.0), life_s=60))
        async with raw_stream(server.address, request) as one, raw_stream(server.address, request) as other:
            assert await one.read() == await other.read() == update.SerializeToString()


async def test_an_area_keeps_what_is_outside_away() -> None:
    hub = Hub()
    latitude, longitude = FRAME.to_geodetic(100.0, 0.0)
    far = common_pb2.GeoPoint(latitude_deg=latitude, longitude_deg=longitude)
    areas = {
        (1,): node_pb2.Area(circle=node_pb2.Circle(centre=common_pb2.LocalPoint(), radius_m=10.0)),
        (2,): node_pb2.Area(geo_circle=node_pb2.GeoCircle(centre=far, radius_m=10.0)),
        (1, 2): node_pb2.Area(
            box=node_pb2.Box(
                south_west=common_pb2.LocalPoint(x_m=-5, y_m=-5),
                north_east=common_pb2.LocalPoint(x_m=105, y_m=5),
            )
        ),
    }
    async with served(hub) as server:
        hub.publish(scene((1.0, 2.0), (100.0, 1.0), (1.0, 60.0), life_s=60))
        hub.publish(signals(life_s=60))
        for expected, area in areas.items():
            request = node_pb2.SubscribeRequest(layers=[SIGNALS, SCENE], area=area)
            async with raw_stream(server.address, request) as call:
                assert len((await receive(call)).signals.groups) == 1
                assert tuple(u.track_id for u in (await receive(call)).scene.road_users) == expected


def around(x_m: float, radius_m: float) -> node_pb2.SubscribeRequest:
    circle = node_pb2.Circle(centre=common_pb2.LocalPoint(x_m=x_m), radius_m=radius_m)
    return node_pb2.SubscribeRequest(area=node_pb2.Area(circle=circle))


def near(latitude_deg: float, longitude_deg: float) -> node_pb2.SubscribeRequest:
    centre = common_pb2.GeoPoint(latitude_deg=latitude_deg, longitude_deg=longitude_deg)
    circle = node_pb2.GeoCircle(centre=centre, radius_m=1.0)
    return node_pb2.SubscribeRequest(area=node_pb2.Area(geo_circle=circle))


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (node_pb2.SubscribeRequest(layers=[99]), "layer 99 is not known"),
        (node_pb2.SubscribeRequest(layers=[1] * 60_000), "60000 layers are named, there are 5"),
        (node_pb2.SubscribeRequest(max_rate_hz=-1.0), "max_rate_hz"),
        (node_pb2.SubscribeRequest(max_rate_hz=float("nan")), "max_rate_hz"),
        (node_pb2.SubscribeRequest(max_rate_hz=1e9), "max_rate_hz"),
        (node_pb2.SubscribeRequest(area=node_pb2.Area()), "no shape"),
        (node_pb2.SubscribeRequest(area=node_pb2.Area(circle=node_pb2.Circle())), "radius"),
        (around(0.0, math.inf), "radius"),
        (around(math.nan, 1.0), "radius"),
        (near(math.inf, 0.0), "not a WGS-84 position"),
        (near(0.0, 1e300), "not a WGS-84 position"),
    ],
    ids=[
        "layer",
        "layers",
        "negative rate",
        "rate not a number",
        "huge rate",
        "no shape",
        "no radius",
        "endless radius",
        "nowhere",
        "off the globe",
        "round the globe",
    ],
)
async def test_a_wrong_request_is_refused_in_words(request_: node_pb2.SubscribeRequest, words: str) -> None:
    async with served(Hub()) as server, raw_stream(server.address, request_) as call:
        with pytest.raises(grpc.aio.AioRpcError, match=words) as caught:
            await receive(call)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_subscribers_beyond_the_limit_are_refused_and_places_are_freed() -> None:
    hub = Hub(limits=HubLimits(subscribers_per_peer=1))
    request = node_pb2.SubscribeRequest()
    async with served(hub) as server:
        hub.publish(signals(life_s=60))
        async with raw_stream(server.address, request) as first:
            await receive(first)
            async with raw_stream(server.address, request) as second:
                with pytest.raises(grpc.aio.AioRpcError, match="limit of 1 subscriptions") as caught:
                    await receive(second)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        await until(lambda: hub.counters["subscribers"] == 0)
        async with raw_stream(server.address, request) as third:
            await receive(third)
    assert hub.counters["refused"] == 1


async def test_state_has_valid_layers_only_and_geometry_has_both_frames() -> None:
    hub = Hub()
    async with served(hub) as server, grpc.aio.insecure_channel(server.address) as channel:
        stub = node_pb2_grpc.IntersectionServiceStub(channel)
        hub.publish(signals(life_s=60))
        hub.publish(scene((1.0, 2.0), life_s=-1))
        state = await stub.GetState(node_pb2.GetStateRequest(), timeout=5)
        found = await stub.GetIntersection(node_pb2.GetIntersectionRequest(), timeout=5)
    assert state.HasField("signals")
    assert not state.HasField("scene")
    assert list(found.signal_groups) == [2, 5, 12]
    point, local = found.lanes[0].geo_points[1], found.lanes[0].points[1]
    assert FRAME.to_local(point.latitude_deg, point.longitude_deg) == pytest.approx((local.x_m, local.y_m))


async def test_health_says_which_layers_are_served() -> None:
    hub = Hub()
    async with served(hub) as server, grpc.aio.insecure_channel(server.address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)

        async def state(name: str) -> str:
            answer = await stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=5)
            return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)

        async def becomes(name: str, expected: str) -> None:
            watch = stub.Watch(health_pb2.HealthCheckRequest(service=name), timeout=5)
            async for answer in watch:
                if health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status) == expected:
                    watch.cancel()
                    return

        assert await state("") == await state("edge.v1.IntersectionService") == "SERVING"
        hub.publish(signals(life_s=60))
        await becomes("signals", "SERVING")
        assert await state("scene") == "NOT_SERVING"
        group = GroupState(2, MovementState.UNAVAILABLE)
        withdrawn = signal_state(group, now_ns=hub.now_ns(), life_s=60, reasons=["controller is silent"])
        hub.publish(signals_update(withdrawn, epoch=1))
        await becomes("signals", "NOT_SERVING")


async def test_reflection_lists_the_service() -> None:
    async with served(Hub()) as server, grpc.aio.insecure_channel(server.address) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        call = stub.ServerReflectionInfo(iter([asked]), timeout=5)
        answer = await call.read()
    names = {service.name for service in answer.list_services_response.service}
    assert {"edge.v1.IntersectionService", "grpc.health.v1.Health"} <= names


async def test_a_taken_port_is_a_device_error_with_a_remedy() -> None:
    async with served(Hub()) as server:
        with pytest.raises(DeviceError, match="stop the other program"):
            async with served(Hub(), listen=server.address):
                pass


@pytest.mark.parametrize("listen", ["0.0.0.0:0", ":0", "nowhere", "192.0.2.1:5"])
def test_plaintext_off_loopback_is_refused(listen: str) -> None:
    with pytest.raises(ConfigError, match=r"grpc\.listen"):
        IntersectionServer(Hub(), intersection=intersection_pb2.Intersection(), frame=FRAME, listen=listen)


async def test_drain_delivers_what_is_pending_then_ends_the_stream() -> None:
    hub = Hub()
    async with served(hub) as server:
        hub.publish(signals(life_s=60))
        request = node_pb2.SubscribeRequest(layers=[SIGNALS], max_rate_hz=0.01)
        async with raw_stream(server.address, request) as call:
            first = await receive(call)
            hub.publish(signals(GroupState(2, MovementState.UNAVAILABLE), life_s=60))
            await server.drain(grace_s=2.0)
            last = await receive(call)
            with pytest.raises(grpc.aio.AioRpcError, match="stopping") as caught:
                await receive(call)
    assert (first.sequence, last.sequence) == (1, 2)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


class GoneContext:
    """A call whose client left between the update and its writing."""

    def peer(self) -> str:
        return "ipv4:192.0.2.1:5000"

    async def write(self, _payload: bytes) -> None:
        raise grpc.aio.InternalError("Failed execute_batch")


async def test_subscriber_that_leaves_in_the_middle_of_a_write_is_counted() -> None:
    hub = Hub()
    async with served(hub) as server:
        hub.publish(signals(life_s=60))
        await server._subscribe(node_pb2.SubscribeRequest(), GoneContext())
    assert (hub.counters["lost"], hub.counters["subscribers"]) == (1, 0)


@pytest.mark.parametrize(
    ("peer", "host"),
    [
        ("ipv4:192.0.2.1:5000", "192.0.2.1"),
        ("ipv6:%5B::1%5D:5000", "%5B::1%5D"),
        ("unix:/run/x", "unix:/run/x"),
    ],
)
def test_the_limit_counts_hosts_not_connections(peer: str, host: str) -> None:
    assert peer_host(peer) == host
