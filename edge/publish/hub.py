"""The hub: one serialisation per update and layer, the newest value to every subscriber, signals first.

A subscriber that stops reading holds at most one waiting value per layer; when it reads again it gets the newest,
and never one that has expired.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

from edge.core.stamp import NS_PER_S
from edge.v1 import common_pb2, node_pb2

LAYERS = (
    common_pb2.LAYER_SIGNALS,
    common_pb2.LAYER_SCENE,
    common_pb2.LAYER_LANES,
    common_pb2.LAYER_RADIO_FRAMES,
    common_pb2.LAYER_HEALTH,
)
"""All layers, in the order in which a subscriber gets them when several wait."""
DEFAULT_LAYERS = frozenset(LAYERS) - {common_pb2.LAYER_RADIO_FRAMES}
VARIANTS = 64
"""Area variants kept per update; beyond it each is built for its subscriber alone."""
EARLY = 0.3
"""An update may go out this share of the period early, so that a fresh one never waits for its turn."""


@dataclass(frozen=True, slots=True)
class AreaFilter:
    """An area in the local frame: a box, and a radius around its centre when it is a circle.

    Attributes:
        west_m, south_m, east_m, north_m: bounds.
        radius_m: None for a box.
    """

    west_m: float
    south_m: float
    east_m: float
    north_m: float
    radius_m: float | None = None

    def contains(self, x_m: float, y_m: float) -> bool:
        """Whether a point is inside."""
        if not (self.west_m <= x_m <= self.east_m and self.south_m <= y_m <= self.north_m):
            return False
        if self.radius_m is None:
            return True
        dx, dy = x_m - (self.west_m + self.east_m) / 2, y_m - (self.south_m + self.north_m) / 2
        return dx * dx + dy * dy <= self.radius_m**2


@dataclass(frozen=True, slots=True)
class Wish:
    """What a subscriber wants.

    Attributes:
        layers: layers.
        area: None: everywhere.
        period_ns: shortest time between two updates of one layer; 0: as they come.
    """

    layers: frozenset[int] = DEFAULT_LAYERS
    area: AreaFilter | None = None
    period_ns: int = 0


class Published:
    """One update, serialised once, with its area variants."""

    def __init__(self, update: node_pb2.Update) -> None:
        self.layer, self.valid_until_ns = int(update.layer), update.valid_until_ns
        self.key = f"{update.layer}/{update.radio_frame.kind}/{update.radio_frame.dialect}"
        self._update = update
        self.raw = update.SerializeToString()
        self._variants: dict[AreaFilter, bytes] = {}

    def bytes_for(self, area: AreaFilter | None) -> bytes:
        """The serialised update, with only the road users of the area."""
        if area is None or self.layer != common_pb2.LAYER_SCENE:
            return self.raw
        known = self._variants.get(area)
        if known is None:
            known = self._filtered(area)
            if len(self._variants) < VARIANTS:
                self._variants[area] = known
        return known

    def _filtered(self, area: AreaFilter) -> bytes:
        copy = node_pb2.Update()
        copy.CopyFrom(self._update)
        inside = [user for user in self._update.scene.road_users if area.contains(user.x_m, user.y_m)]
        del copy.scene.road_users[:]
        copy.scene.road_users.extend(inside)
        return copy.SerializeToString()


class Subscriber:
    """One subscriber's waiting updates: the newest of each layer."""

    def __init__(self, wish: Wish, *, now_ns: Callable[[], int], counters: Counter[str]) -> None:
        self._wish, self._now_ns, self._counters = wish, now_ns, counters
        self._waiting: dict[str, Published] = {}
        self._due_ns: dict[str, int] = {}
        self._wake = asyncio.Event()
        self._closed = False

    def offer(self, published: Published) -> None:
        """Replace the waiting update of the layer."""
        if published.layer not in self._wish.layers:
            return
        if published.key in self._waiting:
            self._counters["conflated"] += 1
        self._waiting[published.key] = published
        self._wake.set()

    def close(self) -> None:
        """End the stream."""
        self._closed = True
        self._wake.set()

    async def updates(self) -> AsyncIterator[bytes]:
        """Serialised updates until closed."""
        while not self._closed:
            now_ns = self._now_ns()
            ready = self._take(now_ns)
            if ready is not None:
                self._counters["delivered"] += 1
                yield ready.bytes_for(self._wish.area)
                continue
            await self._wait(now_ns)

    def _take(self, now_ns: int) -> Published | None:
        """The first waiting update whose turn it is; expired ones are dropped."""
        for layer in LAYERS:
            for key, published in list(self._waiting.items()):
                if published.layer != layer:
                    continue
                if published.valid_until_ns < now_ns:
                    del self._waiting[key]
                    self._counters["expired"] += 1
                elif now_ns >= self._due_ns.get(key, 0) - self._early_ns:
                    del self._waiting[key]
                    self._schedule(key, now_ns)
                    return published
        return None

    @property
    def _early_ns(self) -> int:
        return int(self._wish.period_ns * EARLY)

    def _schedule(self, key: str, now_ns: int) -> None:
        period_ns, due_ns = self._wish.period_ns, self._due_ns.get(key, 0)
        late = now_ns - due_ns > period_ns
        self._due_ns[key] = now_ns + period_ns if late else due_ns + period_ns

    async def _wait(self, now_ns: int) -> None:
        """Wait for a new update, or for the turn of one that waits."""
        self._wake.clear()
        turns = [self._due_ns.get(key, 0) - self._early_ns for key in self._waiting]
        timeout_s = max(0.001, (min(turns) - now_ns) / NS_PER_S) if turns else None
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), timeout_s)


class Refused(Exception):  # noqa: N818 - an outcome, not a bug
    """A subscriber cannot be taken."""


class Hub:
    """Newest update of each layer, and the subscribers."""

    def __init__(self, *, max_subscribers: int, max_per_peer: int, now_ns: Callable[[], int]) -> None:
        self._limits = (max_subscribers, max_per_peer)
        self._now_ns = now_ns
        self._newest: dict[str, Published] = {}
        self._subscribers: dict[Subscriber, str] = {}
        self.counters: Counter[str] = Counter()

    def publish(self, update: node_pb2.Update) -> Published:
        """Serialise an update once and offer it to every subscriber."""
        published = Published(update)
        self._newest[published.key] = published
        self.counters["published"] += 1
        for subscriber in self._subscribers:
            subscriber.offer(published)
        return published

    def newest(self, layer: int) -> Published | None:
        """The newest update of a layer that has not expired."""
        now_ns = self._now_ns()
        found = [p for p in self._newest.values() if p.layer == layer and p.valid_until_ns >= now_ns]
        return found[-1] if found else None

    def close(self) -> None:
        """End every stream."""
        for subscriber in self._subscribers:
            subscriber.close()

    @contextlib.contextmanager
    def subscription(self, wish: Wish, *, peer: str) -> Iterator[Subscriber]:
        """A subscriber for as long as it is inside; it gets the newest of each layer first.

        Raises:
            Refused: there are too many, in all or of this peer.
        """
        total, per_peer = self._limits
        of_peer = sum(1 for known in self._subscribers.values() if known == peer)
        if len(self._subscribers) >= total or of_peer >= per_peer:
            self.counters["refused"] += 1
            limit = (
                f"{total} subscribers"
                if len(self._subscribers) >= total
                else f"{per_peer} subscribers of one peer"
            )
            raise Refused(f"the limit of {limit} is reached")
        subscriber = Subscriber(wish, now_ns=self._now_ns, counters=self.counters)
        self._subscribers[subscriber] = peer
        self.counters["subscribers"] = len(self._subscribers)
        for published in self._newest.values():
            subscriber.offer(published)
        try:
            yield subscriber
        finally:
            del self._subscribers[subscriber]
            self.counters["subscribers"] = len(self._subscribers)
