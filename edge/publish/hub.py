"""The hub: the newest update of every layer, serialised once, handed to each subscriber at its own pace.

Policy: newest wins per subscriber and layer, signals first, nothing past its validity is handed out. What a subscriber
did not take in time is counted as conflated. A subscriber costs one small table, however slowly it reads.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from edge.core.errors import EdgeError
from edge.publish.area import Area
from edge.publish.tiles import TiledScene, Tiles, tiles_of
from edge.v1 import common_pb2, node_pb2

Slot = tuple[int, str]
"""What newest-wins applies to: a layer; for radio frames also their kind and dialect."""

DEFAULT_LAYERS = (
    common_pb2.LAYER_SIGNALS,
    common_pb2.LAYER_SCENE,
    common_pb2.LAYER_LANES,
    common_pb2.LAYER_HEALTH,
)
LAYER_ORDER = (
    common_pb2.LAYER_SIGNALS,
    common_pb2.LAYER_RADIO_FRAMES,
    common_pb2.LAYER_SCENE,
    common_pb2.LAYER_LANES,
    common_pb2.LAYER_HEALTH,
)
"""What goes first when several layers have news."""
KINDS_PER_LAYER = 16
"""Kinds and dialects of radio frames that have a slot of their own."""
RATE_SLACK = 0.2
"""Share of a period by which an update may come early, so that jitter does not halve a rate."""


class SubscriptionRefusedError(EdgeError):
    """A limit is reached; the message says which."""


@dataclass(frozen=True, slots=True)
class HubLimits:
    """How much the hub takes on.

    Attributes:
        subscribers, subscribers_per_peer: open subscriptions, in all and per network peer.
    """

    subscribers: int = 500
    subscribers_per_peer: int = 50


@dataclass(frozen=True, slots=True)
class Interest:
    """What a subscriber wants.

    Attributes:
        layers: `edge.v1.Layer` values.
        area: applies to scenes; None everywhere. Road users up to a tile outside may come along.
        max_rate_hz: updates per second and layer; 0 as they come.
    """

    layers: tuple[int, ...] = DEFAULT_LAYERS
    area: Area | None = None
    max_rate_hz: float = 0.0


@dataclass(slots=True, eq=False)
class Publication:
    """One published update.

    Attributes:
        slot, version: place among the slots, and count of publications in it.
        update: the message; never changed after publication.
        payload: its bytes.
        expires_ns: end of its validity by a clock that nobody sets.
    """

    slot: Slot
    version: int
    update: node_pb2.Update
    payload: bytes
    expires_ns: int
    _tiled: TiledScene | None = None

    def bytes_for(self, tiles: Tiles | None) -> bytes:
        """The bytes with some tiles of a scene; it is divided when the first subscriber needs a part."""
        if tiles is None or self.slot[0] != common_pb2.LAYER_SCENE:
            return self.payload
        if self._tiled is None:
            self._tiled = TiledScene(self.update)
        return self._tiled.payload(tiles)


class Hub:
    """Holds the newest of every layer and wakes subscribers. One event loop; never blocks.

    Attributes:
        counters: `subscribers` (open now), `delivered`, `conflated`, `expired` (dropped at sending), `refused`,
            `published`, `kinds_dropped`.
    """

    def __init__(
        self,
        *,
        limits: HubLimits | None = None,
        now_ns: Callable[[], int] | None = None,
        steady_ns: Callable[[], int] | None = None,
    ) -> None:
        self.limits, self.now_ns = limits or HubLimits(), now_ns or time.time_ns
        self._steady_ns = steady_ns or now_ns or time.monotonic_ns
        self._newest: dict[int, dict[str, Publication]] = {layer: {} for layer in LAYER_ORDER}
        self._sequences: Counter[int] = Counter()
        self._subscriptions: set[Subscription] = set()
        self._peers: Counter[str] = Counter()
        self.closed = False
        self.counters: Counter[str] = Counter(
            dict.fromkeys(("subscribers", "delivered", "conflated", "expired", "refused", "published"), 0)
        )

    def publish(self, update: node_pb2.Update, *, keep_sequence: bool = False) -> None:
        """Make an update the newest of its layer. The hub sets its sequence and owns it from now on.

        Args:
            keep_sequence: it has one, from the hub that it comes from.
        """
        frame = update.radio_frame
        kind = f"{frame.dialect}/{frame.kind}" if update.layer == common_pb2.LAYER_RADIO_FRAMES else ""
        slot = (int(update.layer), kind)
        of_layer = self._newest[slot[0]]
        previous = of_layer.get(kind)
        if previous is None and len(of_layer) >= KINDS_PER_LAYER:
            self.counters["kinds_dropped"] += 1
            return
        if not keep_sequence:
            self._sequences[slot[0]] += 1
            update.sequence = self._sequences[slot[0]]
        version = 1 if previous is None else previous.version + 1
        expires_ns = self._steady_ns() + update.valid_until_ns - self.now_ns()
        of_layer[kind] = Publication(slot, version, update, update.SerializeToString(), expires_ns)
        self.counters["published"] += 1
        for subscription in self._subscriptions:
            subscription.wake(slot[0])

    def current(self, layer: int) -> node_pb2.Update | None:
        """The newest valid update of a layer (not for radio frames); None when there is none. Do not change it."""
        found = self._newest[layer].get("")
        return found.update if found is not None and self.is_valid(found) else None

    def is_valid(self, publication: Publication) -> bool:
        """Whether it may still be handed out; a clock that was set back prolongs nothing."""
        return (
            self.now_ns() <= publication.update.valid_until_ns and self._steady_ns() <= publication.expires_ns
        )

    def newest(self, layers: Sequence[int]) -> Iterator[Publication]:
        """Newest publication of every slot of some layers, in the order of the layers."""
        for layer in layers:
            yield from self._newest[layer].values()

    @contextlib.contextmanager
    def subscribe(self, interest: Interest, *, peer: str) -> Iterator[Subscription]:
        """Open a subscription while inside; it starts with a snapshot.

        Args:
            peer: who the limit per peer counts for.

        Raises:
            SubscriptionRefusedError: a limit is reached.
        """
        self._admit(peer)
        subscription = Subscription(self, interest)
        self._subscriptions.add(subscription)
        self._peers[peer] += 1
        self.counters["subscribers"] = len(self._subscriptions)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
            self._peers[peer] -= 1
            self._peers += Counter()
            self.counters["subscribers"] = len(self._subscriptions)

    def close(self) -> None:
        """No more subscriptions; open ones deliver what is pending, and end."""
        self.closed = True
        for subscription in self._subscriptions:
            subscription.wake(None)

    def _admit(self, peer: str) -> None:
        limits, problem = self.limits, ""
        if self.closed:
            problem = "the node is stopping"
        elif len(self._subscriptions) >= limits.subscribers:
            problem = f"the node serves its limit of {limits.subscribers} subscribers"
        elif self._peers[peer] >= limits.subscribers_per_peer:
            problem = f"{peer} has its limit of {limits.subscribers_per_peer} subscriptions"
        if problem:
            self.counters["refused"] += 1
            raise SubscriptionRefusedError(problem)


class Subscription:
    """One subscriber's place in every slot."""

    def __init__(self, hub: Hub, interest: Interest) -> None:
        self._hub = hub
        self._tiles = None if interest.area is None else tiles_of(interest.area)
        self._layers = tuple(layer for layer in LAYER_ORDER if layer in interest.layers)
        self._period_s = 1.0 / interest.max_rate_hz if interest.max_rate_hz > 0.0 else 0.0
        self._seen: dict[Slot, int] = {}
        self._due_s: dict[Slot, float] = {}
        self._waiter: asyncio.Future[None] | None = None

    def wake(self, layer: int | None) -> None:
        """Something was published in a layer; None: the hub closed."""
        if self._waiter is not None and (layer is None or layer in self._layers):
            self._ring()

    async def next(self) -> bytes | None:
        """The bytes of `next_publication`, cut to the area."""
        publication = await self.next_publication()
        return None if publication is None else publication.bytes_for(self._tiles)

    async def next_publication(self) -> Publication | None:
        """The most important news, waiting for some; None when the hub has closed and nothing is pending.

        For one reader at a time. Cancelling it loses nothing.
        """
        loop = asyncio.get_running_loop()
        while True:
            now_s = loop.time()
            found, due_s = self._choose(now_s)
            if found is not None:
                return self._take(found, now_s)
            if self._hub.closed:
                return None
            # No event and no timeout context: this runs for every message and subscriber.
            self._waiter = loop.create_future()
            timer = None if due_s is None else loop.call_at(due_s, self._ring)
            try:
                await self._waiter
            finally:
                self._waiter = None
                if timer is not None:
                    timer.cancel()

    def _ring(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _choose(self, now_s: float) -> tuple[Publication | None, float | None]:
        """The first pending publication that is due, else when the first one will be."""
        first_due_s: float | None = None
        for publication in self._hub.newest(self._layers):
            slot = publication.slot
            if self._seen.get(slot, 0) >= publication.version:
                continue
            if not self._hub.is_valid(publication):
                self._seen[slot] = publication.version
                self._hub.counters["expired"] += 1
                continue
            due_s = self._due_s.get(slot, now_s)
            if due_s <= now_s or self._hub.closed:
                return publication, None
            first_due_s = due_s if first_due_s is None else min(first_due_s, due_s)
        return None, first_due_s

    def _take(self, publication: Publication, now_s: float) -> Publication:
        slot, counters = publication.slot, self._hub.counters
        seen = self._seen.get(slot)
        if seen is not None and publication.version > seen + 1:
            counters["conflated"] += publication.version - seen - 1
        counters["delivered"] += 1
        self._seen[slot] = publication.version
        if self._period_s:
            due_s = self._due_s.get(slot, now_s)
            self._due_s[slot] = max(due_s, now_s - RATE_SLACK * self._period_s) + self._period_s
        return publication


def rate_is_sane(max_rate_hz: float) -> bool:
    """Whether a requested rate can be kept: 0 (as they come) or 0.001 to 1000 Hz."""
    return max_rate_hz == 0.0 or 0.001 <= max_rate_hz <= 1000.0
