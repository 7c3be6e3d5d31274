"""A radio behind an MQTT broker (OpenV2X topics): one message a publication, sent now or never."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable

import aiomqtt

from edge.core.errors import CodecError, DeviceError
from edge.ports import RadioMessage
from hw.rsu.mqtt_session import Broker, mqtt_session
from hw.rsu.topics import check_template, fill_template

DEFAULT_TOPIC = "V2X/RSU/{esn}/{kind}/DOWN"
SEND_TIMEOUT_S = 0.05


def plain_envelope(message: RadioMessage) -> bytes:
    """The UPER bytes alone."""
    return message.payload


class MqttRadio:
    """`RsuRadio` over MQTT, quality of service 0.

    Nothing is queued here: a message that the socket does not take within `SEND_TIMEOUT_S` gives the link up, and
    what waited goes with it. Fresh messages start on a fresh connection.

    Counters: sent, expired, not_connected, unwrappable (does not fit the envelope), lost (links given up).

    Args:
        broker: where to connect.
        name: radio name in the site configuration.
        esn: serial number of the RSU, for the topic.
        topic: template with `{esn}` and `{kind}`.
        envelope: message to publication payload.

    Raises:
        ConfigError: the topic template is not one.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        name: str,
        esn: str,
        topic: str = DEFAULT_TOPIC,
        envelope: Callable[[RadioMessage], bytes] = plain_envelope,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        check_template(topic)
        self._name, self._broker, self._esn, self._topic = name, broker, esn, topic
        self._envelope, self._now_ns = envelope, now_ns
        self._client: aiomqtt.Client | None = None
        self._counters: Counter[str] = Counter()
        self.counters: dict[str, int] = self._counters

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Hold the connection. Raises `DeviceError`."""
        async with mqtt_session(self._broker, device=self._name) as client:
            self._client = client
            try:
                yield
            finally:
                self._client = None

    async def send(self, message: RadioMessage) -> None:
        """Publish at once, or drop and count.

        Raises:
            DeviceError: the link is lost.
        """
        if self._client is None:
            self._counters["not_connected"] += 1
            return
        if self._now_ns() > message.expires_ns:
            self._counters["expired"] += 1
            return
        topic = fill_template(self._topic, esn=self._esn, kind=message.kind)
        try:
            payload = self._envelope(message)
        except CodecError:
            self._counters["unwrappable"] += 1
            return
        try:
            await self._client.publish(topic, payload, timeout=SEND_TIMEOUT_S)
        except aiomqtt.MqttError as error:
            self._counters["lost"] += 1
            raise DeviceError(self._name, f"MQTT link lost: {error}") from error
        self._counters["sent"] += 1
