"""The web process: updates of the front come out as a page's events and as JSON on a broker's topics."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiomqtt
import pytest

from edge.app.web_process import WebProcess
from edge.config import SiteConfig, load_site
from edge.core.errors import ConfigError
from edge.core.geodesy import LocalFrame
from edge.core.health import HealthState
from edge.flow.board import HealthBoard
from edge.flow.link import Kind
from edge.road import load_intersection
from tests.mosquitto import Mosquitto, mosquitto
from tests.unit.publish.feed import scene, signals
from tests.unit.publish.web_client import get, opened
from tests.waiting import until

__all__ = ["mosquitto"]
MAP = Path(__file__).resolve().parents[3] / "deploy" / "site" / "map.json"


def site_of(directory: Path, text: str) -> SiteConfig:
    path = directory / "site.toml"
    place = f'[site]\nid = "corner"\nlatitude_deg = 39.9\nlongitude_deg = 116.4\nmap = "{MAP}"\n'
    path.write_text(f"schema_version = 1\n{place}{text}")
    return load_site(path)


@contextlib.asynccontextmanager
async def running(site: SiteConfig) -> AsyncIterator[tuple[WebProcess, HealthBoard]]:
    board = HealthBoard(now_ns=lambda: 0)
    frame = LocalFrame(39.9, 116.4, 0.0)
    web = WebProcess(site, load_intersection(site.site.map, frame=frame), board=board)
    task = asyncio.create_task(web.run())
    try:
        yield web, board
    finally:
        task.cancel()
        await asyncio.wait({task})


def _port(web: WebProcess) -> int:
    assert web.page is not None
    return web.page.http.port


async def test_updates_keep_their_sequence_on_the_way_to_the_page(tmp_path: Path) -> None:
    async with running(site_of(tmp_path, '[web]\nlisten = "127.0.0.1:0"\n')) as (web, board):
        await until(lambda: board.state("web.page") is HealthState.OK)
        update = signals()
        update.sequence = 41
        web.receive(Kind.UPDATE, update.SerializeToString())
        async with opened(_port(web), "/events?layers=signals") as stream:
            assert (await stream.event("signals"))[0] == "1-signals-41"
        assert (await get(_port(web), "/intersection")).json()["node_id"] == "corner"
        web.receive(Kind.UPDATE, b"\xff\xff")
        assert [event.kind for event in board.events] == ["bad_message"]
        assert board.counters("web.streams")["published"] == 1


async def test_a_taken_port_is_told_and_tried_again(tmp_path: Path) -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with running(site_of(tmp_path, f'[web]\nlisten = "127.0.0.1:{port}"\n')) as (_web, board):
        await until(lambda: board.state("web.page") is HealthState.DOWN)
        server.close()
        await until(lambda: board.state("web.page") is HealthState.OK)
        assert (await get(port, "/time")).status == 200


def _feed(mosquitto: Mosquitto) -> str:
    return f'[[mqtt_feed]]\nname = "json"\nbroker = "{mosquitto.host}:{mosquitto.port}"\nrate_hz = 50\n'


async def test_json_reaches_the_topics_and_the_broker_knows_whether_the_node_is_there(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    async with asyncio.timeout(20), aiomqtt.Client(mosquitto.host, mosquitto.port) as client:
        await client.subscribe("edge/#")
        async with running(site_of(tmp_path, _feed(mosquitto))) as (web, board):
            status = await anext(client.messages)
            assert (str(status.topic), status.payload) == ("edge/corner/status", b"online")
            web.receive(Kind.UPDATE, scene((1.0, 2.0)).SerializeToString())
            message = await anext(client.messages)
            assert (str(message.topic), message.retain) == ("edge/corner/scene", False)
            assert isinstance(message.payload, bytes)
            assert json.loads(message.payload)["scene"]["road_users"][0]["x_m"] == 1.0
            assert board.state("web.json") is HealthState.OK
        farewell = await anext(client.messages)
        assert (str(farewell.topic), farewell.payload) == ("edge/corner/status", b"offline")


async def test_a_late_subscriber_finds_the_status_and_no_old_picture(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    async with running(site_of(tmp_path, _feed(mosquitto))) as (web, board):
        web.receive(Kind.UPDATE, scene((1.0, 2.0)).SerializeToString())
        await until(lambda: board.counters("web.json")["published"] == 1)
        async with asyncio.timeout(20), aiomqtt.Client(mosquitto.host, mosquitto.port) as client:
            await client.subscribe("edge/#")
            found = await anext(client.messages)
            assert (str(found.topic), found.payload, found.retain) == ("edge/corner/status", b"online", True)
            web.receive(Kind.UPDATE, signals().SerializeToString())
            assert str((await anext(client.messages)).topic) == "edge/corner/signals", "nothing was between"


async def test_a_lost_broker_is_told_and_found_again(tmp_path: Path, mosquitto: Mosquitto) -> None:
    async with running(site_of(tmp_path, _feed(mosquitto))) as (web, board):
        await until(lambda: board.state("web.json") is HealthState.OK)
        mosquitto.stop()
        web.receive(Kind.UPDATE, signals().SerializeToString())
        await until(lambda: board.state("web.json") is HealthState.DOWN)
        mosquitto.start()
        await until(lambda: board.state("web.json") is HealthState.OK)
        published = board.counters("web.json")["published"]
        web.receive(Kind.UPDATE, signals().SerializeToString())
        await until(lambda: board.counters("web.json")["published"] > published)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[web]\nlisten = "0.0.0.0:8080"\n', "web"),
        ('[web]\nlisten = "8080"\n', "web.listen"),
        ('[web]\nnames = ["http://crossing"]\n', r"web.names\[0\]"),
        ('[[mqtt_feed]]\nname = "json"\nbroker = "b:1883"\ntopic = "edge/#"\n', r"mqtt_feed\[0\].topic"),
        ('[[mqtt_feed]]\nname = "json"\nbroker = "b:1883"\nlayers = ["lamps"]\n', r"mqtt_feed\[0\].layers"),
        ('[[mqtt_feed]]\nname = "json"\nbroker = "b:1883"\npassword_file = "gone"\n', "password_file"),
        ('[[mqtt_feed]]\nname = "json"\n', r"mqtt_feed\[0\].broker"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        site_of(tmp_path, text)


def test_off_loopback_needs_a_word(tmp_path: Path) -> None:
    site = site_of(tmp_path, '[web]\nlisten = "0.0.0.0:8080"\nallow_plaintext = true\n')
    assert site.web is not None
    assert site.web.listen == "0.0.0.0:8080"
