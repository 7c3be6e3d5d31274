"""The hub: the newest update of every layer, serialised once, handed to each subscriber at its own pace.

Policy: newest wins per subscriber and layer, signals first, nothing past its validity is handed out. What a subscriber
did not take in time is counted as conflated. A subscriber costs one small table, however slowly it reads.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

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
    """One published update, made ready once for all subscribers.

    Attributes:
        slot, version: place among the slots, and count of publications in it.
        rank: number of the slot; the lowest goes first.
        update: the message; never changed after publication.
        payload: its bytes.
        valid_until_ns: end of its validity.
        expires_ns: the same by a clock that nobody sets.
    """

    slot: Slot
    version: int
    rank: int
    update: node_pb2.Update
    payload: bytes
    valid_until_ns: int
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
        # In the order that they came, in which their memory lies too: another order costs hundreds of them 4 %.
        self._readers: dict[int, dict[Subscription, None]] = {layer: {} for layer in LAYER_ORDER}
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
        layer = int(update.layer)
        of_layer = self._newest[layer]
        previous = of_layer.get(kind)
        if previous is None and len(of_layer) >= KINDS_PER_LAYER:
            self.counters["kinds_dropped"] += 1
            return
        if not keep_sequence:
            self._sequences[layer] += 1
            update.sequence = self._sequences[layer]
        version = 1 if previous is None else previous.version + 1
        rank = (
            LAYER_ORDER.index(layer) * KINDS_PER_LAYER + len(of_layer) if previous is None else previous.rank
        )
        valid_until_ns = update.valid_until_ns
        expires_ns = self._steady_ns() + valid_until_ns - self.now_ns()
        payload = update.SerializeToString()
        publication = Publication((layer, kind), version, rank, update, payload, valid_until_ns, expires_ns)
        of_layer[kind] = publication
        self.counters["published"] += 1
        for subscription in self._readers[layer]:
            subscription.offer(publication)

    def current(self, layer: int) -> node_pb2.Update | None:
        """The newest valid update of a layer (not for radio frames); None when there is none. Do not change it."""
        found = self._newest[layer].get("")
        return found.update if found is not None and self.is_valid(found) else None

    def is_valid(self, publication: Publication) -> bool:
        """Whether it may still be handed out; a clock that was set back prolongs nothing."""
        return self.now_ns() <= publication.valid_until_ns and self._steady_ns() <= publication.expires_ns

    def newest(self, layers: Sequence[int]) -> Iterator[Publication]:
        """Newest publication of every slot of some layers, in the order of the layers."""
        for layer in layers:
            yield from self._newest[layer].values()

    def subscribe(self, interest: Interest, *, peer: str) -> Subscription:
        """Open a subscription; it starts with a snapshot. Use it in a `with` statement, or close it.

        Args:
            peer: who the limit per peer counts for.

        Raises:
            SubscriptionRefusedError: a limit is reached.
        """
        self._admit(peer)
        subscription = Subscription(self, interest, peer)
        self._subscriptions.add(subscription)
        for layer in subscription.layers:
            self._readers[layer][subscription] = None
        self._peers[peer] += 1
        self.counters["subscribers"] = len(self._subscriptions)
        return subscription

    def leave(self, subscription: Subscription) -> None:
        """A subscription was closed: its place is free."""
        if subscription not in self._subscriptions:
            return
        self._subscriptions.discard(subscription)
        for layer in subscription.layers:
            self._readers[layer].pop(subscription)
        self._peers[subscription.peer] -= 1
        self._peers += Counter()
        self.counters["subscribers"] = len(self._subscriptions)

    def close(self) -> None:
        """No more subscriptions; open ones deliver what is pending, and end."""
        self.closed = True
        for subscription in self._subscriptions:
            subscription.ring()

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
    """One subscriber's news: the newest of each slot that it has not taken. For one reader at a time.

    Attributes:
        peer: who the limit per peer counts for.
        layers: what it wants, in the order of importance.
    """

    __slots__ = (
        "_due_s",
        "_hub",
        "_loop",
        "_pending",
        "_period_s",
        "_tiles",
        "_timer",
        "_waiter",
        "layers",
        "peer",
    )

    def __init__(self, hub: Hub, interest: Interest, peer: str) -> None:
        self._hub, self.peer = hub, peer
        self._tiles = None if interest.area is None else tiles_of(interest.area)
        self.layers = tuple(layer for layer in LAYER_ORDER if layer in interest.layers)
        self._period_s = 1.0 / interest.max_rate_hz if interest.max_rate_hz > 0.0 else 0.0
        self._pending = {publication.rank: publication for publication in hub.newest(self.layers)}
        self._due_s: dict[int, float] = {}
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[bool] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Nobody reads any more."""
        self._hub.leave(self)
        self._pending.clear()
        self._stop_timer()

    def offer(self, publication: Publication) -> None:
        """There is something newer. Who waits is woken, unless an older one in the slot is not due either."""
        rank, pending = publication.rank, self._pending
        if rank in pending:
            self._hub.counters["conflated"] += 1
            pending[rank] = publication
            return
        pending[rank] = publication
        if self._waiter is not None:
            self.ring()

    def ring(self) -> None:
        """Wake who waits for news."""
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(True)

    def news(self) -> asyncio.Future[bool]:
        """Done when it is worth to `take`; False: the hub has closed, and nothing is pending.

        A future, because every message to every subscriber would pay for a coroutine. Cancelling it loses nothing.
        """
        waiter: asyncio.Future[bool] = self._loop.create_future()
        self._waiter = waiter
        if self._pending or self._hub.closed:
            self._settle()
        return waiter

    def take(self) -> bytes | None:
        """The bytes of `take_publication`, cut to the area."""
        publication = self.take_publication()
        if publication is None or self._tiles is None:
            return None if publication is None else publication.payload
        return publication.bytes_for(self._tiles)

    def take_publication(self) -> Publication | None:
        """The most important news that may go now; None without any."""
        hub = self._hub
        while (publication := self._first()) is not None:
            if hub.is_valid(publication):
                hub.counters["delivered"] += 1
                if self._period_s:
                    self._delay(publication.rank)
                return publication
            hub.counters["expired"] += 1
        return None

    async def next(self) -> bytes | None:
        """The bytes of `next_publication`, cut to the area."""
        publication = await self.next_publication()
        return None if publication is None else publication.bytes_for(self._tiles)

    async def next_publication(self) -> Publication | None:
        """The most important news, waiting for some; None when the hub has closed and nothing is pending."""
        while await self.news():
            if (publication := self.take_publication()) is not None:
                return publication
        return None

    def _settle(self) -> None:
        """Something is pending, or nothing will be: wake the waiter now, or when the first of it is due."""
        waiter = self._waiter
        self._stop_timer()
        due_s = min((self._due_s.get(rank, 0.0) for rank in self._pending), default=0.0)
        if not self._hub.closed and due_s > self._loop.time():
            self._timer = self._loop.call_at(due_s, self.ring)
        elif waiter is not None:
            waiter.set_result(bool(self._pending))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _first(self) -> Publication | None:
        """The most important that is due by its rate, no longer pending."""
        pending = self._pending
        if not pending:
            return None
        if self._period_s and not self._hub.closed:
            now_s = self._loop.time()
            due = [rank for rank in pending if self._due_s.get(rank, now_s) <= now_s]
            return pending.pop(min(due)) if due else None
        return pending.popitem()[1] if len(pending) == 1 else pending.pop(min(pending))

    def _delay(self, rank: int) -> None:
        """One has gone now: when the next one of its slot may."""
        now_s = self._loop.time()
        due_s = max(self._due_s.get(rank, now_s), now_s - RATE_SLACK * self._period_s)
        self._due_s[rank] = due_s + self._period_s


def rate_is_sane(max_rate_hz: float) -> bool:
    """Whether a requested rate can be kept: 0 (as they come) or 0.001 to 1000 Hz."""
    return max_rate_hz == 0.0 or 0.001 <= max_rate_hz <= 1000.0
