"""A radio whose messages subscribers of the gRPC stream get too, as they go on the air."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from edge.ports import RadioMessage, RsuRadio


class PublishedRadio:
    """Wraps a radio: every message is published first, then sent."""

    def __init__(self, radio: RsuRadio, publish: Callable[[RadioMessage], None]) -> None:
        self._radio, self._publish = radio, publish
        self.counters: dict[str, int] = radio.counters

    def connected(self) -> AbstractAsyncContextManager[None]:
        """Hold the radio's link open while inside. Raises `DeviceError`."""
        return self._radio.connected()

    async def send(self, message: RadioMessage) -> None:
        """Publish and send one message."""
        self._publish(message)
        await self._radio.send(message)
