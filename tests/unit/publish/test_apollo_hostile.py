"""What an Apollo car, or somebody in its place, may send that is no status: refused, and nobody else's loss."""

from __future__ import annotations

import asyncio
import contextlib
import math

import grpc
import pytest

from edge.core.stamp import NS_PER_S, TimeSource
from edge.publish import apollo
from edge.publish.apollo import SPACING_NS
from tests.unit.publish.apollo_car import PUSH, point, push, status
from tests.unit.publish.protobuf_by_hand import field
from tests.unit.publish.test_apollo import GRID, Site, car_at, on_map, running
from tests.waiting import until


def turned(*last: float) -> bytes:
    """A status with an orientation around the vertical alone: qz, and qw or not."""
    quaternion = field(1, 0.0) + field(2, 0.0) + b"".join(field(n, q) for n, q in enumerate(last, start=3))
    pose = field(1, point(*on_map(0.0, -60.0))) + field(2, quaternion)
    return field(1, field(2, pose))


async def test_an_orientation_without_its_scalar_is_completed() -> None:
    yaw_rad = 1.0
    half = (yaw_rad + GRID.turn_rad - math.pi / 2) / 2
    async with running() as site:
        await push(site.gateway.port, turned(math.sin(half)))
        (report,) = site.reports
        assert report.yaw_rad == pytest.approx(yaw_rad, abs=1e-6)


async def test_a_time_beyond_all_numbers_is_not_believed() -> None:
    async with running() as site:
        await push(site.gateway.port, car_at(0.0, -60.0, measured_s=1e308))
        (report,) = site.reports
        assert report.stamp.source is TimeSource.ARRIVAL


@pytest.mark.parametrize(
    "octets",
    [
        b"\xff\xff\xff",
        b"",
        field(1, b""),
        status((math.nan, 1.0), heading=0.0),
        field(1, field(2, b"\x08")),
        turned(1e200, 0.0),
        turned(0.0, 0.0),
        turned(1e200),
        status((1.0, 1.0), heading=0.0, junction=b"J" * 100_000),
    ],
    ids=["no protobuf", "empty", "no pose", "no number", "cut off", "huge", "no length", "open", "long id"],
)
async def test_a_broken_status_is_counted_and_no_report(octets: bytes) -> None:
    async with running() as site:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await push(site.gateway.port, octets)
        assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert (site.counters["bad"], site.reports) == (1, [])


async def half_calls(
    port: int, stack: contextlib.AsyncExitStack, count: int
) -> list[grpc.aio.StreamUnaryCall]:
    """Calls of which nothing but the head comes."""
    options = (("grpc.use_local_subchannel_pool", 1),)
    channel = await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options))
    await asyncio.wait_for(channel.channel_ready(), 10.0)
    return [channel.stream_unary(PUSH)() for _ in range(count)]


async def test_calls_whose_status_never_comes_end_and_take_no_place_from_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(apollo, "STATUS_TIMEOUT_S", 0.2)
    async with running(max_cars=2) as site, contextlib.AsyncExitStack() as stack:
        calls = await half_calls(site.gateway.port, stack, 8)
        codes = [await asyncio.wait_for(call.code(), 10.0) for call in calls]
        assert grpc.StatusCode.DEADLINE_EXCEEDED in codes
        assert await push(site.gateway.port, car_at(0.0, -60.0))
        assert site.counters["bad"] == codes.count(grpc.StatusCode.DEADLINE_EXCEEDED)


async def test_a_stranger_is_refused_before_its_message_has_come() -> None:
    async with running(allow=["192.0.2.0/24"]) as site, contextlib.AsyncExitStack() as stack:
        (call,) = await half_calls(site.gateway.port, stack, 1)
        assert await asyncio.wait_for(call.code(), 10.0) is grpc.StatusCode.PERMISSION_DENIED
        assert site.counters["strangers"] == 1


async def test_a_clock_that_is_set_back_shuts_no_car_out() -> None:
    async with running() as site:
        assert await push(site.gateway.port, car_at(0.0, -60.0))
        site.clock_set_by_ns = -3600 * NS_PER_S
        await until(lambda: site.gateway._steady_ns() - heard_ns(site) > SPACING_NS)
        assert await push(site.gateway.port, car_at(0.0, -60.0))


def heard_ns(site: Site) -> int:
    (known,) = site.gateway._known.values()
    return known.heard_ns
