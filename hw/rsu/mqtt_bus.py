"""An MQTT connection as a bus: publications out with the broker's acknowledgement, publications in, bounded."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiomqtt

from edge.core.errors import DeviceError
from edge.ports import BusMessage
from hw.rsu.mqtt_session import Broker, bounded_inbox, cancellable, mqtt_session

PUBLISH_TIMEOUT_S = 1.0
CAPACITY = 256
"""Publications that may wait; the oldest is forgotten."""


class MqttBus:
    """One open connection.

    Args:
        client: connected.
        device: name for errors.
    """

    def __init__(self, client: aiomqtt.Client, *, device: str) -> None:
        self._client, self._device = client, device

    async def publish(self, topic: str, payload: bytes) -> None:
        """Publish, acknowledged. Raises `DeviceError` when that takes longer than a second."""
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT_S):
                await cancellable(self._client.publish(topic, payload, qos=1))
        except TimeoutError as error:
            raise DeviceError(self._device, "the broker does not acknowledge") from error
        except aiomqtt.MqttError as error:
            raise DeviceError(self._device, f"MQTT link lost: {error}") from error

    async def messages(self) -> AsyncIterator[BusMessage]:
        """Publications on what was subscribed. Raises `DeviceError` when the broker is lost."""
        try:
            async for message in self._client.messages:
                payload = message.payload if isinstance(message.payload, bytes) else b""
                yield BusMessage(str(message.topic), payload, message.retain)
        except aiomqtt.MqttError as error:
            raise DeviceError(self._device, f"MQTT link lost: {error}") from error


@contextlib.asynccontextmanager
async def open_bus(broker: Broker, topics: tuple[str, ...], *, device: str) -> AsyncIterator[MqttBus]:
    """Connect and subscribe. Raises `DeviceError`."""
    async with mqtt_session(broker, device=device, queue_type=bounded_inbox(CAPACITY)) as client:
        await cancellable(client.subscribe([(topic, 1) for topic in topics]))
        yield MqttBus(client, device=device)
