"""JSON over MQTT: the hub's updates on a topic a layer, at a bounded rate, fresh or not at all.

Policy: quality of service 0, and one message on the way at a time: what the broker does not take in time is replaced by
the newest. No picture is retained, because it would outlive its validity; the word "online" is, and the broker changes
it to "offline" when the node is gone.
"""

from __future__ import annotations

from collections import Counter
from typing import Protocol

from edge.publish.hub import Hub, Interest
from edge.publish.update_json import LAYER_NAMES, NAMES_OF_LAYERS, JsonUpdates

STATUS = "status"
ONLINE, OFFLINE = b"online", b"offline"


class Publish(Protocol):
    """Hands a payload to the broker."""

    async def __call__(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Returns when it is on the wire. Raises `DeviceError` when the link is lost or too slow."""


class JsonFeed:
    """Publishes the layers of a hub.

    Args:
        name: of the feed, for the hub's limits.
        layers: by name, as in `LAYER_NAMES`.
        topic: with `{layer}`.

    Attributes:
        counters: `published`.
    """

    def __init__(
        self,
        hub: Hub,
        updates: JsonUpdates,
        *,
        name: str,
        layers: tuple[str, ...],
        topic: str,
        rate_hz: float,
    ) -> None:
        self._hub, self._updates, self._topic, self._name = hub, updates, topic, name
        self._interest = Interest(tuple(LAYER_NAMES[layer] for layer in layers), max_rate_hz=rate_hz)
        self.counters: Counter[str] = Counter({"published": 0})

    @property
    def status_topic(self) -> str:
        """Where "online" and "offline" stand, retained."""
        return self._topic.replace("{layer}", STATUS)

    async def run(self, publish: Publish) -> None:
        """Publish until the hub closes. Raises `DeviceError`."""
        await publish(self.status_topic, ONLINE, retain=True)
        with self._hub.subscribe(self._interest, peer=f"feed {self._name}") as subscription:
            while (publication := await subscription.next_publication()) is not None:
                topic = self._topic.replace("{layer}", NAMES_OF_LAYERS[publication.slot[0]])
                await publish(topic, self._updates.text(publication))
                self.counters["published"] += 1
