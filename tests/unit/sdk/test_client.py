"""What a client sees of a real node."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest

from edge.core.geodesy import LocalFrame
from edge.core.signals import GroupState, MovementState
from edge.publish.hub import Hub, HubLimits
from edge.sdk import (
    Circle,
    EdgeClient,
    EdgeClientError,
    GeoBox,
    GeoCircle,
    Layer,
    LocalBox,
    NotReachableError,
    RefusedError,
    SceneUpdate,
    SignalsUnavailableError,
    SignalsUpdate,
)
from edge.sdk.request import Area
from edge.sdk.retry import Retry
from edge.wire.update import signals_update
from tests.unit.publish.feed import FRAME, scene, served, signal_state, signals
from tests.waiting import until

S = 1_000_000_000
FAST = Retry(first_s=0.01, limit_s=0.05)


async def test_watch_gives_the_snapshot_and_then_news() -> None:
    hub = Hub()
    async with served(hub) as server, EdgeClient(server.address) as client:
        hub.publish(signals(life_s=60))
        hub.publish(scene((1.0, 2.0), life_s=60))
        async with contextlib.aclosing(client.watch([Layer.SIGNALS, Layer.SCENE])) as updates:
            first, second = await anext(updates), await anext(updates)
            hub.publish(scene((5.0, 6.0), (7.0, 8.0), life_s=60))
            third = await anext(updates)
    assert isinstance(first, SignalsUpdate)
    assert first.group(2) is not None
    assert first.capture_ns < first.published_ns < first.valid_until_ns
    assert isinstance(second, SceneUpdate)
    assert isinstance(third, SceneUpdate)
    assert [(u.x_m, u.y_m) for u in third.road_users] == [(5.0, 6.0), (7.0, 8.0)]
    assert client.counters.received == 3


def geo_areas() -> list[Area]:
    latitude, longitude = LocalFrame(FRAME.latitude_deg, FRAME.longitude_deg, 40.0).to_geodetic(1.0, 2.0)
    return [
        Circle(0.0, 0.0, 5.0),
        LocalBox(-5.0, -5.0, 5.0, 5.0),
        GeoCircle(latitude, longitude, 5.0),
        GeoBox(latitude - 1e-5, longitude - 1e-5, latitude + 1e-5, longitude + 1e-5),
    ]


@pytest.mark.parametrize("area", geo_areas(), ids=lambda a: type(a).__name__)
async def test_every_kind_of_area_selects(area: Area) -> None:
    hub = Hub()
    async with served(hub) as server, EdgeClient(server.address) as client:
        hub.publish(scene((1.0, 2.0), (50.0, 50.0), life_s=60))
        async with contextlib.aclosing(client.watch([Layer.SCENE], area=area)) as updates:
            update = await anext(updates)
    assert isinstance(update, SceneUpdate)
    assert [u.track_id for u in update.road_users] == [1]


async def test_geometry_has_metres_and_degrees() -> None:
    async with served(Hub()) as server, EdgeClient(server.address) as client:
        found = await client.intersection()
    lane = found.lane(3)
    assert lane is not None
    assert (found.node_id, found.signal_groups, lane.kind) == ("corner-1", (2, 5, 12), "vehicle")
    assert FRAME.to_local(*lane.points_deg[1]) == pytest.approx(lane.points_m[1])


async def test_next_green_by_lane_maneuver_and_group() -> None:
    now_ns = time.time_ns()
    red = GroupState(
        2,
        MovementState.STOP_AND_REMAIN,
        now_ns + 5 * S,
        now_ns + 9 * S,
        now_ns + 7 * S,
        0.8,
        MovementState.PROTECTED_MOVEMENT_ALLOWED,
    )
    green = GroupState(5, MovementState.PROTECTED_MOVEMENT_ALLOWED, likely_end_ns=now_ns + 3 * S)
    hub = Hub()
    async with served(hub) as server, EdgeClient(server.address, now_ns=lambda: now_ns) as client:
        hub.publish(signals(red, green, now_ns=now_ns, life_s=60))
        straight = await client.next_signal(3, maneuver="straight")
        left = await client.next_green(signal_group=5)
        with pytest.raises(ValueError, match=r"several signal groups: 2 \(straight\), 5 \(left\)"):
            await client.next_green(lane=3)
        with pytest.raises(ValueError, match="there is no signal group 99; signal groups: 2, 5"):
            await client.next_green(signal_group=99)
        with pytest.raises(ValueError, match="either signal_group or lane"):
            await client.next_green()
    assert (straight.earliest_ns, straight.likely_ns, straight.latest_ns) == (
        now_ns + 5 * S,
        now_ns + 7 * S,
        now_ns + 9 * S,
    )
    assert str(straight) == (
        "signal group 2 shows stop_and_remain, green in about 7.0 s, not before 5.0 s, within 9.0 s"
    )
    assert str(left) == "signal group 5 is green, ends in about 3.0 s"


async def test_withdrawn_signals_give_no_green() -> None:
    hub = Hub()
    withdrawn = signal_state(
        GroupState(2, MovementState.UNAVAILABLE), now_ns=hub.now_ns(), life_s=60, reasons=["silent"]
    )
    async with served(hub) as server, EdgeClient(server.address) as client:
        hub.publish(signals_update(withdrawn, epoch=1))
        assert (await client.signals()).withdrawn
        with pytest.raises(SignalsUnavailableError, match="withdrawn: silent"):
            await client.next_green(signal_group=2)


async def test_expired_updates_are_dropped_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    hub = Hub()
    ahead_ns = 10 * S  # this client's clock
    async with (
        served(hub) as server,
        EdgeClient(server.address, timeout_s=0.3, now_ns=lambda: time.time_ns() + ahead_ns) as client,
    ):
        hub.publish(signals(life_s=1))
        with pytest.raises(SignalsUnavailableError, match="no valid signals"):
            await client.signals()
    assert (client.counters.expired, client.counters.received) == (1, 0)


async def test_a_wrong_clock_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    hub = Hub()
    async with served(hub) as server, EdgeClient(server.address, now_ns=lambda: 2**62) as client:
        hub.publish(signals(life_s=60))
        hub.publish(scene(life_s=60))
        async with contextlib.aclosing(client.watch([Layer.SIGNALS])) as updates:
            waiting = anext(updates)
            async with asyncio.TaskGroup() as group:
                task = group.create_task(_ignore_stop(waiting), name="watch")
                for count in range(1, 24):
                    await until(lambda count=count: client.counters.expired >= count)
                    hub.publish(signals(life_s=60))
                task.cancel()
    assert caplog.text.count("is this clock right?") == 1


async def _ignore_stop(waiting: object) -> None:
    await waiting  # type: ignore[misc]


async def test_it_comes_back_after_a_restart_without_repeating() -> None:
    hub = Hub()
    async with contextlib.AsyncExitStack() as stack:
        first = contextlib.AsyncExitStack()
        server = await first.enter_async_context(served(hub))
        client = await stack.enter_async_context(EdgeClient(server.address, retry=FAST))
        hub.publish(signals(life_s=60))
        updates = await stack.enter_async_context(contextlib.aclosing(client.watch([Layer.SIGNALS])))
        assert (await anext(updates)).sequence == 1
        await first.aclose()
        again = Hub()
        again.publish(signals(life_s=60))
        await stack.enter_async_context(served(again, listen=server.address))
        async with asyncio.TaskGroup() as group:
            task = group.create_task(_next(updates), name="next")
            await until(lambda: client.counters.repeated == 1)
            again.publish(signals(life_s=60))
            update = await task
    assert update.sequence == 2
    assert client.counters.reconnects >= 1


async def _next(updates: object) -> SignalsUpdate:
    update = await anext(updates)  # type: ignore[call-overload]
    assert isinstance(update, SignalsUpdate)
    return update


async def test_a_node_that_is_not_there_is_said_in_words() -> None:
    async with served(Hub()) as server:
        address = server.address
    async with EdgeClient(address, timeout_s=0.3, retry=FAST) as client:
        with pytest.raises(NotReachableError, match=f"no answer from {address}"):
            await client.signals()
        with pytest.raises(NotReachableError, match=f"no answer from {address}.*Connection refused"):
            await client.intersection()


async def test_a_refusal_is_not_tried_again() -> None:
    async with (
        served(Hub(limits=HubLimits(subscribers=0))) as server,
        EdgeClient(server.address) as client,
    ):
        with pytest.raises(RefusedError, match="limit of 0 subscribers"):
            await client.signals()
    assert client.counters.reconnects == 0


async def test_a_closed_client_says_how_to_use_it() -> None:
    with pytest.raises(EdgeClientError, match="async with"):
        await EdgeClient("127.0.0.1:1").intersection()


async def test_a_stream_whose_client_is_closed_says_so() -> None:
    hub = Hub()
    async with served(hub) as server, contextlib.AsyncExitStack() as stack, asyncio.timeout(20):
        client = await stack.enter_async_context(EdgeClient(server.address))
        hub.publish(signals(life_s=60))
        async with contextlib.aclosing(client.watch([Layer.SIGNALS])) as updates:
            await anext(updates)
            waiting = asyncio.ensure_future(anext(updates))
            await asyncio.sleep(0)
            await stack.aclose()
            with pytest.raises(EdgeClientError, match="the client was closed"):
                await waiting
