"""The hub's promises: newest wins, signals first, rates kept, nothing expired, limits."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from edge.publish.area import Circle
from edge.publish.hub import Hub, HubLimits, Interest, Subscription, SubscriptionRefusedError
from edge.v1 import common_pb2, node_pb2
from tests.unit.publish.feed import scene, signals

SIGNALS, SCENE, RADIO = common_pb2.LAYER_SIGNALS, common_pb2.LAYER_SCENE, common_pb2.LAYER_RADIO_FRAMES
NOW_NS = 1_000_000_000_000


class FixedClock:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.ns = NOW_NS

    def __call__(self) -> int:
        return self.ns


def radio(kind: str) -> node_pb2.Update:
    return node_pb2.Update(
        layer=RADIO,
        valid_until_ns=NOW_NS + 1,
        radio_frame=node_pb2.RadioFrame(kind=kind, dialect="j2735", payload=b"x"),
    )


async def take(subscription: Subscription) -> node_pb2.Update:
    async with asyncio.timeout(2):
        payload = await subscription.next()
    assert payload is not None
    return node_pb2.Update.FromString(payload)


async def has_nothing(subscription: Subscription) -> bool:
    try:
        async with asyncio.timeout(0.02):
            await subscription.next()
    except TimeoutError:
        return True
    return False


async def has_ended(reading: asyncio.Task[Any]) -> bool:
    """Whether a reader has ended by now, given every chance that needs no time."""
    for _ in range(10):
        await asyncio.sleep(0)
    return reading.done()


async def test_slow_reader_gets_the_newest_and_the_rest_is_counted() -> None:
    hub = Hub(now_ns=FixedClock())
    with hub.subscribe(Interest(), peer="a") as subscription:
        hub.publish(scene(now_ns=NOW_NS))
        await take(subscription)
        for _ in range(5):
            hub.publish(scene(now_ns=NOW_NS))
        hub.publish(signals(now_ns=NOW_NS))
        first, second = await take(subscription), await take(subscription)
        assert await has_nothing(subscription)
    assert (first.layer, second.layer, second.sequence) == (SIGNALS, SCENE, 6)
    assert hub.counters["conflated"] == 4
    assert hub.counters["delivered"] == 3


async def test_what_expires_before_sending_is_not_sent() -> None:
    clock = FixedClock()
    hub = Hub(now_ns=clock)
    hub.publish(signals(now_ns=NOW_NS, life_s=1))
    clock.ns += 1_000_000_001
    with hub.subscribe(Interest(), peer="a") as subscription:
        assert await has_nothing(subscription)
    assert hub.current(SIGNALS) is None
    assert hub.counters["expired"] == 1


async def test_each_subscriber_keeps_its_own_rate() -> None:
    hub = Hub(now_ns=FixedClock())
    loop = asyncio.get_running_loop()
    received = {"all": 0, "slow": 0}

    async def read(name: str, subscription: Subscription) -> None:
        while await subscription.next() is not None:
            received[name] += 1

    with (
        hub.subscribe(Interest((SIGNALS,)), peer="a") as everything,
        hub.subscribe(Interest((SIGNALS,), max_rate_hz=20.0), peer="a") as slow,
    ):
        began_s = loop.time()
        async with asyncio.TaskGroup() as group:
            group.create_task(read("all", everything), name="all")
            group.create_task(read("slow", slow), name="slow")
            for _ in range(60):
                hub.publish(signals(now_ns=NOW_NS))
                await asyncio.sleep(0.005)
            took_s = loop.time() - began_s
            hub.close()
    assert received["all"] == 60
    assert 2 <= received["slow"] <= took_s * 20 + 2  # first at once, last at closing


async def test_radio_frames_of_different_kinds_do_not_replace_each_other() -> None:
    hub = Hub(now_ns=FixedClock())
    for kind in ("SPAT", "MAP", "SPAT"):
        hub.publish(radio(kind))
    with hub.subscribe(Interest((RADIO,)), peer="a") as subscription:
        found = [(await take(subscription)).radio_frame.kind for _ in range(2)]
        assert await has_nothing(subscription)
    assert sorted(found) == ["MAP", "SPAT"]


async def test_kinds_of_radio_frames_are_bounded() -> None:
    hub = Hub(now_ns=FixedClock())
    for number in range(40):
        hub.publish(radio(f"K{number}"))
    assert len(list(hub.newest([RADIO]))) == 16
    assert hub.counters["kinds_dropped"] == 24


async def test_areas_with_the_same_road_users_share_the_octets() -> None:
    hub = Hub(now_ns=FixedClock())
    hub.publish(scene((0.0, 0.0), (50.0, 0.0), now_ns=NOW_NS))
    near, wider = Interest((SCENE,), Circle(0.0, 0.0, 10.0)), Interest((SCENE,), Circle(-9.0, 0.0, 30.0))
    with hub.subscribe(near, peer="a") as one, hub.subscribe(wider, peer="b") as other:
        first, second = await one.next(), await other.next()
    assert first is second
    assert len(node_pb2.Update.FromString(first or b"").scene.road_users) == 1


@pytest.mark.parametrize(
    ("limits", "interest", "peer", "words"),
    [
        (HubLimits(subscribers=1), Interest(), "b", "limit of 1 subscribers"),
        (HubLimits(subscribers_per_peer=1), Interest(), "a", "a has its limit of 1"),
    ],
    ids=["in all", "per peer"],
)
async def test_limits_refuse_and_count(limits: HubLimits, interest: Interest, peer: str, words: str) -> None:
    hub = Hub(limits=limits)
    with hub.subscribe(Interest(area=Circle(0, 0, 1)), peer="a"):
        with pytest.raises(SubscriptionRefusedError, match=words), hub.subscribe(interest, peer=peer):
            pass
        assert hub.counters["subscribers"] == 1
    with hub.subscribe(interest, peer=peer):
        assert hub.counters["subscribers"] == 1
    assert (hub.counters["subscribers"], hub.counters["refused"]) == (0, 1)


async def test_a_closed_hub_gives_what_is_pending_and_takes_nobody() -> None:
    hub = Hub(now_ns=FixedClock())
    with contextlib.ExitStack() as stack:
        subscription = stack.enter_context(hub.subscribe(Interest(), peer="a"))
        hub.publish(signals(now_ns=NOW_NS))
        hub.close()
        assert (await take(subscription)).layer == SIGNALS
        assert await subscription.next() is None
        with pytest.raises(SubscriptionRefusedError, match="stopping"):
            stack.enter_context(hub.subscribe(Interest(), peer="b"))


async def test_clock_that_is_set_back_prolongs_no_validity() -> None:
    clock, steady = FixedClock(), FixedClock()
    hub = Hub(now_ns=clock, steady_ns=steady)
    update = signals(now_ns=NOW_NS)
    life_ns = update.valid_until_ns - NOW_NS
    hub.publish(update)
    clock.ns -= 3_600_000_000_000
    steady.ns += life_ns
    assert hub.current(SIGNALS) is not None
    steady.ns += 1
    assert hub.current(SIGNALS) is None
    with hub.subscribe(Interest(), peer="a") as subscription:
        assert await has_nothing(subscription)
    assert hub.counters["expired"] == 1


async def test_an_important_layer_does_not_wait_for_the_rate_of_another() -> None:
    hub = Hub(now_ns=FixedClock())
    with hub.subscribe(Interest((SIGNALS, SCENE), max_rate_hz=0.001), peer="a") as subscription:
        hub.publish(scene(now_ns=NOW_NS))
        assert (await take(subscription)).layer == SCENE
        hub.publish(scene(now_ns=NOW_NS))
        reading = asyncio.create_task(take(subscription))
        assert await has_ended(reading) is False
        hub.publish(signals(now_ns=NOW_NS))
        assert (await reading).layer == SIGNALS


async def test_an_update_that_waits_for_its_rate_is_overtaken_and_not_sent_at_once() -> None:
    hub = Hub(now_ns=FixedClock())
    with hub.subscribe(Interest((SCENE,), max_rate_hz=0.001), peer="a") as subscription:
        hub.publish(scene(now_ns=NOW_NS))
        await take(subscription)
        reading = asyncio.create_task(take(subscription))
        for _ in range(3):
            hub.publish(scene(now_ns=NOW_NS))
            assert await has_ended(reading) is False
        hub.close()
        assert (await reading).sequence == 4
    assert hub.counters["conflated"] == 2


async def test_what_comes_between_waking_and_taking_is_taken() -> None:
    hub = Hub(now_ns=FixedClock())
    with hub.subscribe(Interest(), peer="a") as subscription:
        reading = asyncio.create_task(take(subscription))
        assert await has_ended(reading) is False
        hub.publish(scene(now_ns=NOW_NS))
        hub.publish(scene(now_ns=NOW_NS))
        hub.publish(signals(now_ns=NOW_NS))
        assert (await reading).layer == SIGNALS
        assert (await take(subscription)).sequence == 2
        assert await has_nothing(subscription)


@pytest.mark.parametrize("rate_hz", [0.0, 1000.0], ids=["as they come", "with a rate"])
async def test_a_reader_that_is_cancelled_as_it_is_woken_loses_nothing(rate_hz: float) -> None:
    hub = Hub(now_ns=FixedClock())
    with hub.subscribe(Interest(max_rate_hz=rate_hz), peer="a") as subscription:
        reading = asyncio.create_task(subscription.next())
        assert await has_ended(reading) is False
        hub.publish(signals(now_ns=NOW_NS))
        reading.cancel()
        assert await has_ended(reading) is True
        hub.publish(scene(now_ns=NOW_NS))
        assert [(await take(subscription)).layer for _ in range(2)] == [SIGNALS, SCENE]


async def test_one_that_expires_between_waking_and_taking_is_not_sent_and_the_reader_goes_on_waiting() -> (
    None
):
    clock = FixedClock()
    hub = Hub(now_ns=clock)
    with hub.subscribe(Interest(), peer="a") as subscription:
        reading = asyncio.create_task(take(subscription))
        assert await has_ended(reading) is False
        hub.publish(signals(now_ns=NOW_NS, life_s=1))
        clock.ns += 1_000_000_001
        assert await has_ended(reading) is False
        hub.publish(scene(now_ns=clock.ns))
        assert (await reading).layer == SCENE
    assert (hub.counters["expired"], hub.counters["delivered"]) == (1, 1)


async def test_closing_the_hub_ends_who_waits() -> None:
    hub = Hub(now_ns=FixedClock())
    with hub.subscribe(Interest(), peer="a") as subscription:
        reading = asyncio.create_task(subscription.next())
        assert await has_ended(reading) is False
        hub.close()
        assert await reading is None


async def test_order_of_the_layers_is_signals_radio_frames_scene() -> None:
    hub = Hub(now_ns=FixedClock())
    with hub.subscribe(Interest((SCENE, RADIO, SIGNALS)), peer="a") as subscription:
        for update in (scene(now_ns=NOW_NS), radio("SPAT"), radio("MAP"), signals(now_ns=NOW_NS)):
            hub.publish(update)
        found = [(await take(subscription)).layer for _ in range(4)]
    assert found == [SIGNALS, RADIO, RADIO, SCENE]


async def test_a_subscription_that_is_closed_twice_frees_one_place() -> None:
    hub = Hub(limits=HubLimits(subscribers_per_peer=1))
    first = hub.subscribe(Interest(), peer="a")
    first.close()
    with hub.subscribe(Interest(), peer="a"):
        first.close()
        assert hub.counters["subscribers"] == 1
        with pytest.raises(SubscriptionRefusedError):
            hub.subscribe(Interest(), peer="a")
