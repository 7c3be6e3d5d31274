"""JSON over MQTT: fresh beats queued, and what the broker keeps is only whether the node is there."""

from __future__ import annotations

import asyncio
import json

from edge.publish.hub import Hub
from edge.publish.json_feed import JsonFeed
from edge.publish.update_json import JsonUpdates
from tests.unit.publish.feed import scene, signals
from tests.waiting import until


class Slow:
    """A broker that takes a message when it is let."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, bytes, bool]] = []
        self.open = asyncio.Event()

    async def __call__(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        await self.open.wait()
        self.taken.append((topic, payload, retain))


def feed_of(hub: Hub, *, layers: tuple[str, ...] = ("signals", "scene"), rate_hz: float = 50.0) -> JsonFeed:
    return JsonFeed(
        hub, JsonUpdates(), name="json", layers=layers, topic="edge/corner/{layer}", rate_hz=rate_hz
    )


async def test_layers_go_to_their_topics_and_only_the_word_online_is_kept() -> None:
    hub, broker = Hub(), Slow()
    broker.open.set()
    hub.publish(signals())
    hub.publish(scene((1.0, 2.0)))
    task = asyncio.create_task(feed_of(hub).run(broker))
    await until(lambda: len(broker.taken) == 3)
    hub.close()
    await task
    topics = [(topic, retain) for topic, _payload, retain in broker.taken]
    assert topics == [
        ("edge/corner/status", True),
        ("edge/corner/signals", False),
        ("edge/corner/scene", False),
    ]
    assert broker.taken[0][1] == b"online"
    assert json.loads(broker.taken[2][1])["scene"]["road_users"][0]["y_m"] == 2.0


async def test_what_a_slow_broker_did_not_take_is_overtaken() -> None:
    hub, broker = Hub(), Slow()
    feed = feed_of(hub, layers=("signals",))
    task = asyncio.create_task(feed.run(broker))
    broker.open.set()
    hub.publish(signals())
    await until(lambda: len(broker.taken) == 2)
    broker.open.clear()
    hub.publish(signals())
    await until(lambda: hub.counters["delivered"] == 2)
    for _ in range(20):
        hub.publish(signals())
    broker.open.set()
    await until(lambda: len(broker.taken) == 4)
    hub.close()
    await task
    sequences = [json.loads(payload)["sequence"] for _topic, payload, _retain in broker.taken[1:]]
    assert sequences == ["1", "2", "22"]
    assert feed.counters["published"] == 3
