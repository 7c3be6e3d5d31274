"""Every radio driver keeps the promises of the `RsuRadio` port, every receiver those of `RadioReceiver`."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass

import aiomqtt
import paho.mqtt.publish
import pytest

from edge.core.errors import DeviceError
from edge.core.stamp import NS_PER_S
from edge.ports import RadioMessage, RadioReceiver, RsuRadio
from hw.rsu.ifm41 import Ifm41Radio
from hw.rsu.mqtt_radio import MqttRadio
from hw.rsu.mqtt_session import Broker
from hw.rsu.ntcip1218 import Ntcip1218Radio
from hw.rsu.ntcip1218_link import SnmpUser
from hw.rsu.ntcip1218_rows import IfmRow
from hw.rsu.ntcip1218_snmp import snmp_v3
from hw.rsu.receivers import MqttReceiver, UdpReceiver
from hw.sim.rsu import FakeRsu
from hw.sim.rsu_1218 import FakeRsu1218
from tests.mosquitto import Mosquitto, mosquitto
from tests.waiting import until

__all__ = ["mosquitto"]
INTERVAL_S = 0.1


@dataclass(frozen=True)
class AirUnderTest:
    """A radio and the payloads that came out at its far end, oldest first."""

    radio: RsuRadio
    heard: Callable[[], list[bytes]]


@contextlib.asynccontextmanager
async def ifm41(request: pytest.FixtureRequest) -> AsyncIterator[AirUnderTest]:
    del request
    async with FakeRsu() as fake:
        radio = Ifm41Radio(*fake.address, name="radio")
        yield AirUnderTest(radio, lambda: [heard.message.payload for heard in fake.heard()])


@contextlib.asynccontextmanager
async def mqtt(request: pytest.FixtureRequest) -> AsyncIterator[AirUnderTest]:
    broker: Mosquitto = request.getfixturevalue("mosquitto")
    payloads: list[bytes] = []

    async def listen(client: aiomqtt.Client) -> None:
        async for published in client.messages:
            assert isinstance(published.payload, bytes)
            payloads.append(published.payload)

    async with aiomqtt.Client(broker.host, broker.port) as client, asyncio.TaskGroup() as tasks:
        await client.subscribe("V2X/RSU/R1/SPAT/DOWN")
        task = tasks.create_task(listen(client), name="listener")
        radio = MqttRadio(Broker(broker.host, broker.port), name="radio", esn="R1")
        yield AirUnderTest(radio, lambda: list(payloads))
        task.cancel()


@contextlib.asynccontextmanager
async def ntcip1218(request: pytest.FixtureRequest) -> AsyncIterator[AirUnderTest]:
    del request
    user = SnmpUser("edge", "sha512", "auth secret", "aes256-blumenthal", "privacy secret")
    rows = {"SPAT": IfmRow(1, psid=0x8002, channel=183, priority=6, rsu_signs=True)}
    async with FakeRsu1218(user) as fake:
        radio = Ntcip1218Radio(
            lambda: snmp_v3(*fake.address, user=user, device="radio"), name="radio", rows=rows
        )
        yield AirUnderTest(radio, lambda: [sent.payload for sent in fake.unit.heard()])


RADIOS: dict[str, Callable[[pytest.FixtureRequest], AbstractAsyncContextManager[AirUnderTest]]] = {
    "ifm41": ifm41,
    "mqtt": mqtt,
    "ntcip1218": ntcip1218,
}
radios = pytest.mark.parametrize("make", RADIOS.values(), ids=RADIOS)
MakeAir = Callable[[pytest.FixtureRequest], AbstractAsyncContextManager[AirUnderTest]]


def spat(payload: bytes, *, valid_for_ns: int = NS_PER_S) -> RadioMessage:
    return RadioMessage("SPAT", payload, time.time_ns() + valid_for_ns)


@radios
async def test_messages_come_out_whole_and_in_order(make: MakeAir, request: pytest.FixtureRequest) -> None:
    wanted = [bytes([number]) * (number + 1) * 100 for number in range(10)]
    async with make(request) as air:
        async with air.radio.connected():
            for payload in wanted:
                await air.radio.send(spat(payload))
            await until(lambda: len(air.heard()) >= 10)
        assert air.heard() == wanted
        assert air.radio.counters["sent"] == 10


@radios
async def test_expired_message_is_never_sent(make: MakeAir, request: pytest.FixtureRequest) -> None:
    async with make(request) as air:
        async with air.radio.connected():
            await air.radio.send(spat(b"late", valid_for_ns=-1))
            await air.radio.send(spat(b"fresh"))
            await until(air.heard)
        assert air.heard() == [b"fresh"]
        assert air.radio.counters["expired"] == 1


@radios
async def test_without_a_link_sending_drops_and_counts(make: MakeAir, request: pytest.FixtureRequest) -> None:
    async with make(request) as air:
        await air.radio.send(spat(b"before"))
        async with air.radio.connected():
            pass
        await air.radio.send(spat(b"after"))
        assert isinstance(air.radio.counters, Counter)
        assert air.radio.counters["not_connected"] == 2
        assert air.heard() == []


@radios
async def test_link_can_be_opened_again(make: MakeAir, request: pytest.FixtureRequest) -> None:
    async with make(request) as air:
        for payload in (b"first", b"second"):
            async with air.radio.connected():
                await air.radio.send(spat(payload))
                await until(lambda wanted=payload: wanted in air.heard())


@radios
async def test_sending_does_not_wait_for_an_interval(make: MakeAir, request: pytest.FixtureRequest) -> None:
    async with make(request) as air, air.radio.connected():
        for _ in range(20):
            async with asyncio.timeout(INTERVAL_S):
                await air.radio.send(spat(bytes(200)))


def _send_udp(receiver: RadioReceiver, payload: bytes) -> None:
    assert isinstance(receiver, UdpReceiver)
    assert receiver.address is not None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(payload, receiver.address)


@dataclass(frozen=True)
class EarUnderTest:
    """A receiver and a way to say something to it (from a thread)."""

    receiver: RadioReceiver
    say: Callable[[bytes], None]


@contextlib.contextmanager
def udp_ear(request: pytest.FixtureRequest) -> Iterator[EarUnderTest]:
    del request
    receiver = UdpReceiver("127.0.0.1", 0, link="link", capacity=4)
    yield EarUnderTest(receiver, lambda payload: _send_udp(receiver, payload))


@contextlib.contextmanager
def mqtt_ear(request: pytest.FixtureRequest) -> Iterator[EarUnderTest]:
    broker: Mosquitto = request.getfixturevalue("mosquitto")
    receiver = MqttReceiver(Broker(broker.host, broker.port), link="link", topics=("V2X/#",), capacity=4)

    def say(payload: bytes) -> None:
        paho.mqtt.publish.single("V2X/RSU/R1/BSM/UP", payload, hostname=broker.host, port=broker.port)

    yield EarUnderTest(receiver, say)


EARS: dict[str, Callable[[pytest.FixtureRequest], AbstractContextManager[EarUnderTest]]] = {
    "udp": udp_ear,
    "mqtt": mqtt_ear,
}
ears = pytest.mark.parametrize("make", EARS.values(), ids=EARS)
MakeEar = Callable[[pytest.FixtureRequest], AbstractContextManager[EarUnderTest]]


@ears
async def test_frame_is_whole_named_and_stamped(make: MakeEar, request: pytest.FixtureRequest) -> None:
    before_ns = time.time_ns()
    with make(request) as ear:
        async with asyncio.timeout(10), ear.receiver.frames() as frames:
            await asyncio.to_thread(ear.say, b"\x00\x14\x01")
            frame = await anext(frames)
    assert (frame.link, frame.payload) == ("link", b"\x00\x14\x01")
    assert frame.sender
    assert before_ns <= frame.arrival_ns <= time.time_ns()


@ears
async def test_receiver_can_be_opened_again(make: MakeEar, request: pytest.FixtureRequest) -> None:
    with make(request) as ear:
        for payload in (b"first", b"second"):
            async with asyncio.timeout(10), ear.receiver.frames() as frames:
                await asyncio.to_thread(ear.say, payload)
                assert (await anext(frames)).payload == payload


@ears
async def test_slow_reader_loses_the_oldest(make: MakeEar, request: pytest.FixtureRequest) -> None:
    with make(request) as ear:
        async with asyncio.timeout(20), ear.receiver.frames() as frames:
            for number in range(6):
                await asyncio.to_thread(ear.say, bytes([number]))
            await until(lambda: ear.receiver.counters.get("received") == 6)
            assert [(await anext(frames)).payload[0] for _ in range(4)] == [2, 3, 4, 5]
    assert ear.receiver.counters["dropped"] == 2


async def test_lost_broker_ends_the_iteration_with_a_device_error(mosquitto: Mosquitto) -> None:
    receiver = MqttReceiver(Broker(mosquitto.host, mosquitto.port), link="link", topics=("#",))
    async with asyncio.timeout(10), receiver.frames() as frames:
        mosquitto.stop()
        with pytest.raises(DeviceError, match="link"):
            await anext(frames)


async def test_lost_broker_makes_sending_a_device_error(mosquitto: Mosquitto) -> None:
    radio = MqttRadio(Broker(mosquitto.host, mosquitto.port), name="radio", esn="R1")

    async def send_until_lost() -> None:
        while True:
            await radio.send(spat(b"x"))
            await asyncio.sleep(0.01)

    async with asyncio.timeout(10), radio.connected():
        mosquitto.stop()
        with pytest.raises(DeviceError, match="radio"):
            await send_until_lost()
    assert radio.counters["lost"] == 1
