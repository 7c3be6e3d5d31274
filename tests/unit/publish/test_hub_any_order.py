"""The hub's promises, whatever happens in whatever order: the newest of each layer once, in order, never expired."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.publish.hub import LAYER_ORDER, Hub, Interest, Subscription
from edge.v1 import node_pb2

NOW_NS = 1_000_000_000_000
LAYERS = tuple(layer for number, layer in enumerate(LAYER_ORDER) if number != 1)
"""All but radio frames: one slot each."""
STEPS = st.lists(
    st.tuples(st.just("publish"), st.sampled_from(LAYERS), st.integers(0, 3))
    | st.tuples(st.just("pass"), st.integers(0, 2), st.just(0))
    | st.tuples(st.sampled_from(["read", "cancel", "again", "close"]), st.just(0), st.just(0)),
    max_size=40,
)


class Reader:
    """One subscriber beside a model of what it must get."""

    def __init__(self) -> None:
        self.now_ns = NOW_NS
        self.hub = Hub(now_ns=lambda: self.now_ns)
        self.newest: dict[int, tuple[int, int]] = {}
        self.untaken: dict[int, tuple[int, int]] = {}
        self.subscription = self.subscribe()
        self.reading: asyncio.Task[bytes | None] | None = None

    def subscribe(self) -> Subscription:
        self.untaken = dict(self.newest)
        return self.hub.subscribe(Interest(LAYERS), peer="a")

    def publish(self, layer: int, life_ns: int) -> None:
        until_ns = self.now_ns + life_ns
        self.hub.publish(node_pb2.Update(layer=layer, valid_until_ns=until_ns))  # type: ignore[arg-type]
        sequence = self.newest.get(layer, (0, 0))[0] + 1
        self.newest[layer] = self.untaken[layer] = sequence, until_ns

    async def read(self) -> None:
        """A reader gets what the model says, or waits."""
        if self.reading is None:
            self.reading = asyncio.create_task(self.subscription.next())
        await settle()
        self.untaken = {k: found for k, found in self.untaken.items() if found[1] >= self.now_ns}
        expected = next((layer for layer in LAYERS if layer in self.untaken), None)
        assert self.reading.done() == (expected is not None or self.hub.closed)
        if not self.reading.done():
            return
        payload, self.reading = await self.reading, None
        if expected is None:
            assert payload is None
            return
        assert payload is not None
        update = node_pb2.Update.FromString(payload)
        assert (update.layer, update.sequence) == (expected, self.untaken.pop(expected)[0])

    async def cancel(self) -> None:
        """Who was woken and is cancelled before it runs has taken nothing."""
        if self.reading is not None:
            self.reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.reading
            self.reading = None

    async def again(self) -> None:
        await self.cancel()
        self.subscription.close()
        if not self.hub.closed:
            self.subscription = self.subscribe()


async def settle() -> None:
    for _ in range(6):
        await asyncio.sleep(0)


async def follow(steps: list[tuple[str, int, int]]) -> None:
    reader = Reader()
    actions: dict[str, Callable[[], Awaitable[None]]] = {
        "read": reader.read,
        "cancel": reader.cancel,
        "again": reader.again,
    }
    for name, value, life_ns in steps:
        if name == "publish":
            reader.publish(value, life_ns)
        elif name == "pass":
            reader.now_ns += value
        elif name == "close":
            reader.hub.close()
        else:
            await actions[name]()
            if reader.hub.closed and name == "again":
                break
    await reader.cancel()
    reader.subscription.close()
    assert (reader.hub.counters["subscribers"], reader.hub._peers.total()) == (0, 0)
    assert not any(reader.hub._readers.values())


@settings(deadline=None, max_examples=400)
@given(STEPS)
def test_a_reader_gets_the_newest_of_each_layer_once_and_nothing_expired(
    steps: list[tuple[str, int, int]],
) -> None:
    asyncio.run(follow(steps))
