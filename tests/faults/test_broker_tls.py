"""The shipped broker configuration for networks, with mosquitto: certificates are users, and each has its topics."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
from pathlib import Path

import aiomqtt
import pytest

from edge.access.roles import Role
from edge.app.site_secrets import broker_of
from edge.config.access import MqttTlsConfig
from edge.config.links import MqttLinkConfig
from edge.core.errors import ConfigError, DeviceError
from hw.rsu.mqtt_session import Broker, mqtt_session
from tests.certificates import Authority
from tests.mosquitto import Mosquitto, find_mosquitto

SHIPPED = Path(__file__).resolve().parents[2] / "deploy" / "mosquitto"
LARGE_SCENE = 143_000
"""Octets of JSON of a scene of 300 road users."""
UP, DOWN = "V2X/RSU/rsu-0001/BSM/UP", "V2X/RSU/rsu-0001/SPAT/DOWN"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "pki", node="crossing-0001")


@pytest.fixture
def secured(authority: Authority, tmp_path: Path) -> object:
    """mosquitto with the shipped files: paths and port are the only changes."""
    broker = find_mosquitto(tmp_path)
    if broker is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    files = tmp_path / "mosquitto"
    shutil.copytree(authority.issue("broker", server=True), files)
    shutil.copy(SHIPPED / "acl", files / "acl")
    for path in (files, *files.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)  # it gives up root
    tmp_path.chmod(0o755)
    text = (SHIPPED / "tls.conf").read_text(encoding="utf-8")
    text = text.replace("listener 8883", f"listener {broker.port} {broker.host}")
    text = text.replace("/etc/mosquitto/certs", str(files)).replace("/etc/mosquitto/acl", str(files / "acl"))
    broker.configure(text + "user root\n")
    broker.start()
    yield broker
    broker.stop()


def client_of(broker: Mosquitto, folder: Path) -> Broker:
    """What the node makes of its site file."""
    tls = MqttTlsConfig(
        authority=folder / "ca.pem", certificate=folder / "certificate.pem", key=folder / "key.pem"
    )
    config = MqttLinkConfig(
        type="mqtt", name="rsu", dialect="csae-a", broker=f"localhost:{broker.port}", tls=tls
    )
    return broker_of(config)


async def heard(listener: Broker, speaker: Broker, topic: str) -> bytes | None:
    """What a listener hears of a message on a topic; None: nothing before the end mark on one that it may hear."""
    async with (
        mqtt_session(listener, device="listener") as ears,
        mqtt_session(speaker, device="speaker") as mouth,
    ):
        await ears.subscribe("V2X/RSU/#", qos=1)
        await mouth.publish(topic, b"news", qos=1)
        await mouth.publish(UP, b"end", qos=1)
        async with asyncio.timeout(10):
            message: aiomqtt.Message = await anext(ears.messages)
        return None if message.payload == b"end" else message.payload


async def test_each_client_has_its_topics_and_no_other(authority: Authority, secured: Mosquitto) -> None:
    node = client_of(secured, authority.folder / "crossing-0001")
    rsu = client_of(secured, authority.issue("rsu-0001", Role.RSU))
    other = client_of(secured, authority.issue("rsu-0002", Role.RSU))
    assert await heard(node, rsu, UP) == b"news"
    assert await heard(node, rsu, "V2X/RSU/rsu-0002/BSM/UP") is None, "an RSU under the name of another"
    assert await heard(node, rsu, "elsewhere/commands") is None
    async with mqtt_session(other, device="other") as ears, mqtt_session(rsu, device="rsu") as own:
        await ears.subscribe("V2X/RSU/#", qos=1)
        await own.subscribe(DOWN, qos=1)
        async with mqtt_session(node, device="node") as mouth:
            await mouth.publish(DOWN, b"lights", qos=1)
            await mouth.publish("V2X/RSU/rsu-0002/SPAT/DOWN", b"not mine", qos=1)
        async with asyncio.timeout(10):
            assert (await anext(own.messages)).payload == b"lights"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await anext(ears.messages)


async def test_json_of_a_node_reaches_a_platform_and_nobody_speaks_under_its_name(
    authority: Authority, secured: Mosquitto
) -> None:
    node = client_of(secured, authority.folder / "crossing-0001")
    rsu = client_of(secured, authority.issue("rsu-0001", Role.RSU))
    platform = client_of(secured, authority.issue("platform-1", Role.OBSERVER))
    scene = b"x" * LARGE_SCENE
    async with (
        mqtt_session(platform, device="platform") as ears,
        mqtt_session(rsu, device="rsu") as other,
        mqtt_session(node, device="node") as mouth,
    ):
        await ears.subscribe("edge/#", qos=1)
        await other.publish("edge/crossing-0001/scene", b"false", qos=1)
        await mouth.publish("edge/crossing-0001/scene", scene, qos=1)
        async with asyncio.timeout(10):
            message = await anext(ears.messages)
    assert message.payload == scene


async def test_strangers_and_the_revoked_do_not_get_in(
    authority: Authority, secured: Mosquitto, tmp_path: Path
) -> None:
    known = client_of(secured, authority.folder / "crossing-0001")
    foreign = Authority(tmp_path / "foreign").issue("rsu-0001", Role.RSU)
    shutil.copy(authority.folder / "ca" / "ca.pem", foreign / "ca.pem")
    revoked = authority.issue("rsu-0003", Role.RSU)
    authority.revoke("rsu-0003")
    shutil.copy(authority.folder / "revoked.pem", tmp_path / "mosquitto" / "revoked.pem")
    secured.reload()
    async with mqtt_session(known, device="node"):
        pass
    for stranger in (
        dataclasses.replace(known, tls=None),
        client_of(secured, foreign),
        client_of(secured, revoked),
    ):
        with pytest.raises(DeviceError):
            await enter(dataclasses.replace(stranger, timeout_s=1.0))


async def enter(broker: Broker) -> None:
    async with mqtt_session(broker, device="stranger") as session:
        await session.subscribe("V2X/RSU/#", qos=1)


def test_wrong_key_is_told_before_anything_starts(authority: Authority) -> None:
    folder = authority.folder / "crossing-0001"
    other = authority.issue("rsu-0001", Role.RSU)
    tls = MqttTlsConfig(
        authority=folder / "ca.pem", certificate=folder / "certificate.pem", key=other / "key.pem"
    )
    config = MqttLinkConfig(type="mqtt", name="rsu", dialect="csae-a", broker="localhost:8883", tls=tls)
    with pytest.raises(ConfigError, match="certificates for localhost:8883 cannot be used"):
        broker_of(config)
