"""A radio behind an MQTT broker (OpenV2X topics): one message a publication, sent now or never."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable

import aiomqtt

from edge.core.errors import CodecError, DeviceError
from edge.ports import RadioMessage
from hw.rsu.mqtt_session import Broker, bounded_inbox, cancellable, mqtt_session
from hw.rsu.topics import check_template, fill_template

DEFAULT_TOPIC = "V2X/RSU/{esn}/{kind}/DOWN"
ACKNOWLEDGEMENT_TIMEOUT_S = 0.08
"""Below the 100 ms of a SPAT slot."""
UNACKNOWLEDGED_LIMIT = 3
DOWN = "/DOWN"
ANSWER = "/ACK"
"""OpenV2X: an RSU answers a message on its topic with this at the end: {"seqNum": ..., "errorCode": 0}."""
ANSWERS_LIMIT = 64
"""Answers that may wait; the oldest is forgotten."""


def plain_envelope(message: RadioMessage) -> bytes:
    """The UPER bytes alone."""
    return message.payload


class MqttRadio:
    """`RsuRadio` over MQTT.

    Nothing is queued here, and little can wait beyond our sight: each message asks for the broker's acknowledgement
    (quality of service 1), and after `UNACKNOWLEDGED_LIMIT` in a row without one the link is given up. A broker that
    stood still so has at most that many late messages to deliver. Nothing is ever sent twice: each connection
    starts empty.

    Counters: sent, expired, not_connected, unwrappable (does not fit the envelope), unacknowledged (in time), lost
    (links given up), answered, answered_error, answered_badly (what RSUs say on the OpenV2X topic for it).

    Args:
        broker: where to connect.
        name: radio name in the site configuration.
        esn: serial number of the RSU, for the topic.
        topic: template with `{esn}` and `{kind}`.
        envelope: message to publication payload.
        acknowledged: ask for acknowledgements; False for a broker farther away than their time-out.
        kinds: messages whose answers are listened for, where the topic ends in `/DOWN`.

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
        acknowledged: bool = True,
        kinds: tuple[str, ...] = ("SPAT", "MAP"),
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        check_template(topic)
        self._name, self._broker, self._esn, self._topic = name, broker, esn, topic
        self._envelope, self._now_ns = envelope, now_ns
        self._quality = 1 if acknowledged else 0
        topics = {fill_template(topic, esn=esn, kind=kind) for kind in kinds}
        self._answer_topics = sorted(name + ANSWER for name in topics if name.endswith(DOWN))
        self._client: aiomqtt.Client | None = None
        self._unacknowledged = 0
        self._counters: Counter[str] = Counter()
        self.counters: dict[str, int] = self._counters

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Hold the connection. Raises `DeviceError`."""
        inbox = bounded_inbox(ANSWERS_LIMIT)
        async with mqtt_session(self._broker, device=self._name, queue_type=inbox) as client:
            if self._answer_topics:
                await cancellable(client.subscribe([(topic, 0) for topic in self._answer_topics]))
            listener = asyncio.create_task(self._listen(client), name=f"{self._name} answers")
            self._client, self._unacknowledged = client, 0
            try:
                yield
            finally:
                self._client = None
                listener.cancel()
                await asyncio.wait({listener})

    async def _listen(self, client: aiomqtt.Client) -> None:
        """Count the answers of RSUs until the link is lost, which whoever sends will notice."""
        with contextlib.suppress(aiomqtt.MqttError):
            async for message in client.messages:
                self._counters[_verdict(message.payload)] += 1

    async def send(self, message: RadioMessage) -> None:
        """Publish at once, or drop and count; waits at most `ACKNOWLEDGEMENT_TIMEOUT_S`.

        Raises:
            DeviceError: the link is lost.
        """
        if self._client is None:
            self._counters["not_connected"] += 1
            return
        if self._now_ns() > message.expires_ns:
            self._counters["expired"] += 1
            return
        try:
            payload = self._envelope(message)
        except CodecError:
            self._counters["unwrappable"] += 1
            return
        topic = fill_template(self._topic, esn=self._esn, kind=message.kind)
        await self._publish(self._client, topic, payload)

    async def _publish(self, client: aiomqtt.Client, topic: str, payload: bytes) -> None:
        try:
            async with asyncio.timeout(ACKNOWLEDGEMENT_TIMEOUT_S):
                await cancellable(client.publish(topic, payload, qos=self._quality))
        except TimeoutError:
            self._counters["unacknowledged"] += 1
            self._unacknowledged += 1
            if self._unacknowledged >= UNACKNOWLEDGED_LIMIT:
                raise self._lost("the broker does not acknowledge") from None
            return
        except aiomqtt.MqttError as error:
            raise self._lost(str(error)) from error
        self._unacknowledged = 0
        self._counters["sent"] += 1

    def _lost(self, problem: str) -> DeviceError:
        self._counters["lost"] += 1
        return DeviceError(self._name, f"MQTT link lost: {problem}")


def _verdict(payload: object) -> str:
    """The counter for one answer."""
    try:
        answer = json.loads(payload) if isinstance(payload, bytes) else None
    except (ValueError, RecursionError):
        answer = None
    code = answer.get("errorCode") if isinstance(answer, dict) else None
    if not isinstance(code, int):
        return "answered_badly"
    return "answered_error" if code else "answered"
