"""The MQTT radio and receiver against a real broker."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import aiomqtt
import pytest

from edge.core.errors import ConfigError, DeviceError
from edge.ports import RadioMessage
from hw.rsu.mqtt_radio import MqttRadio
from hw.rsu.mqtt_session import Broker, cancellable
from hw.rsu.receivers import MqttReceiver
from hw.rsu.topics import check_template, fill_template
from tests.mosquitto import Mosquitto, mosquitto
from tests.waiting import until

__all__ = ["mosquitto"]
NOW = 1_000


def broker_of(mosquitto: Mosquitto) -> Broker:
    return Broker(mosquitto.host, mosquitto.port)


def radio_at(broker: Broker) -> MqttRadio:
    return MqttRadio(broker, name="radio", esn="R1", now_ns=lambda: NOW)


def spat(payload: bytes = b"\x00\x13", *, expires_ns: int = NOW) -> RadioMessage:
    return RadioMessage("SPAT", payload, expires_ns)


async def test_message_reaches_its_topic(mosquitto: Mosquitto) -> None:
    receiver = MqttReceiver(
        broker_of(mosquitto), link="link", topics=("V2X/RSU/+/SPAT/DOWN",), now_ns=lambda: 7
    )
    radio = radio_at(broker_of(mosquitto))
    async with asyncio.timeout(10), receiver.frames() as frames, radio.connected():
        await radio.send(spat(b"\x00\x13\x01"))
        frame = await anext(frames)
    assert (frame.link, frame.sender, frame.payload) == ("link", "V2X/RSU/R1/SPAT/DOWN", b"\x00\x13\x01")
    assert frame.arrival_ns == 7
    assert radio.counters == {"sent": 1}


async def test_expired_message_is_dropped_and_the_fresh_one_goes_out(mosquitto: Mosquitto) -> None:
    receiver = MqttReceiver(broker_of(mosquitto), link="link", topics=("#",))
    radio = radio_at(broker_of(mosquitto))
    async with asyncio.timeout(10), receiver.frames() as frames, radio.connected():
        await radio.send(spat(b"old", expires_ns=NOW - 1))
        await radio.send(spat(b"new"))
        assert (await anext(frames)).payload == b"new"
    assert radio.counters == {"expired": 1, "sent": 1}


async def test_envelope_wraps_the_payload(mosquitto: Mosquitto) -> None:
    receiver = MqttReceiver(broker_of(mosquitto), link="link", topics=("rsu/#",))
    radio = MqttRadio(
        broker_of(mosquitto),
        name="radio",
        esn="R1",
        topic="rsu/{kind}",
        envelope=lambda message: b"<" + message.payload + b">",
        now_ns=lambda: NOW,
    )
    async with asyncio.timeout(10), receiver.frames() as frames, radio.connected():
        await radio.send(spat(b"x"))
        assert (await anext(frames)).payload == b"<x>"


async def test_answers_of_the_rsu_are_counted(mosquitto: Mosquitto) -> None:
    radio = radio_at(broker_of(mosquitto))
    answers = (
        b'{"seqNum": "1", "errorCode": 0}',
        b'{"seqNum": "2", "errorCode": 7}',
        b"[" * 9_999,
        b"[]",
        b"\xff",
    )
    async with asyncio.timeout(10), radio.connected(), aiomqtt.Client("127.0.0.1", mosquitto.port) as rsu:
        for kind, payload in zip(("SPAT", "MAP", "SPAT", "SPAT", "MAP"), answers, strict=True):
            await rsu.publish(f"V2X/RSU/R1/{kind}/DOWN/ACK", payload)
        await rsu.publish("V2X/RSU/R2/SPAT/DOWN/ACK", answers[0])
        await until(lambda: radio.counters.get("answered_badly") == 3)
    assert radio.counters == {"answered": 1, "answered_error": 1, "answered_badly": 3}


async def test_flood_of_answers_is_forgotten_and_messages_go_on(mosquitto: Mosquitto) -> None:
    receiver = MqttReceiver(broker_of(mosquitto), link="link", topics=("V2X/RSU/+/SPAT/DOWN",))
    radio = radio_at(broker_of(mosquitto))
    async with (
        asyncio.timeout(20),
        receiver.frames() as frames,
        radio.connected(),
        aiomqtt.Client("127.0.0.1", mosquitto.port) as rsu,
    ):
        for _ in range(500):
            await rsu.publish("V2X/RSU/R1/SPAT/DOWN/ACK", b'{"errorCode": 0}')
        await radio.send(spat(b"x"))
        assert (await anext(frames)).payload == b"x"
    assert radio.counters["sent"] == 1


async def test_send_without_a_connection_drops_and_counts() -> None:
    radio = radio_at(Broker("127.0.0.1", 1))
    await radio.send(spat())
    assert radio.counters == {"not_connected": 1}


async def test_absent_broker_is_a_device_error() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        broker = Broker("127.0.0.1", closed.getsockname()[1])
        with pytest.raises(DeviceError, match="radio: MQTT broker"):
            async with radio_at(broker).connected():
                pass
        with pytest.raises(DeviceError, match="link: MQTT broker"):
            async with MqttReceiver(broker, link="link", topics=("#",)).frames():
                pass


async def test_slow_reader_loses_the_oldest_frames(mosquitto: Mosquitto) -> None:
    receiver = MqttReceiver(broker_of(mosquitto), link="link", topics=("t",), capacity=3)
    async with (
        asyncio.timeout(10),
        receiver.frames() as frames,
        aiomqtt.Client("127.0.0.1", mosquitto.port) as sender,
    ):
        for number in range(10):
            await sender.publish("t", bytes([number]))
        await until(lambda: receiver.counters.get("received") == 10)
        assert [(await anext(frames)).payload for _ in range(3)] == [b"\x07", b"\x08", b"\x09"]
    assert receiver.counters == {"received": 10, "dropped": 7}


async def test_retained_empty_and_oversized_messages_are_refused(mosquitto: Mosquitto) -> None:
    receiver = MqttReceiver(broker_of(mosquitto), link="link", topics=("t/#",))
    async with asyncio.timeout(10), aiomqtt.Client("127.0.0.1", mosquitto.port) as sender:
        await sender.publish("t/old", b"stale", qos=1, retain=True)
        async with receiver.frames() as frames:
            for payload in (b"", bytes(9_000), b"good"):
                await sender.publish("t/new", payload)
            assert (await anext(frames)).payload == b"good"
    assert receiver.counters == {"received": 4, "retained": 1, "empty": 1, "too_long": 1}


@pytest.mark.parametrize("template", ["", "V2X/{serial}/DOWN", "V2X/{}/DOWN", "V2X/+/{kind}", "V2X/{esn"])
def test_template_that_is_no_topic_is_refused(template: str) -> None:
    with pytest.raises(ConfigError, match=r"rsu\.topic"):
        check_template(template)


def test_template_is_filled() -> None:
    assert fill_template("V2X/RSU/{esn}/{kind}/DOWN", esn="R1", kind="MAP") == "V2X/RSU/R1/MAP/DOWN"


async def test_cancellation_that_a_call_swallowed_comes_back() -> None:
    entered, reached_end = asyncio.Event(), []

    async def swallow() -> None:
        entered.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    async def run() -> None:
        await cancellable(swallow())
        reached_end.append(True)

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(run(), name="run")
        await entered.wait()
        task.cancel()
    assert task.cancelled()
    assert reached_end == []


async def test_call_that_is_not_cancelled_returns_its_result() -> None:
    async def answer() -> int:
        return 42

    assert await cancellable(answer()) == 42
