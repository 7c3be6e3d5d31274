"""The web process: the live page, its event stream and JSON over MQTT, away from the lights.

Run by the front as `python -m edge.app.web_process SITE.toml`. The front sends it every update; JSON is made here, so
neither the work nor a browser that misbehaves can delay a signal.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from functools import partial
from pathlib import Path

import aiomqtt
from google.protobuf.message import DecodeError

from edge.app.child_process import ChildProcess, prepare_child
from edge.app.site_secrets import broker_of
from edge.app.site_sensors import sensors_of
from edge.config import SiteConfig, load_site
from edge.config.web import MqttFeedConfig
from edge.core.errors import DeviceError
from edge.core.geodesy import LocalFrame
from edge.core.health import HealthState
from edge.core.intersection import Intersection
from edge.flow.board import HealthBoard
from edge.flow.link import Kind
from edge.flow.supervise import supervise
from edge.publish.hub import Hub, HubLimits
from edge.publish.json_feed import OFFLINE, JsonFeed
from edge.publish.update_json import JsonUpdates
from edge.publish.web import WebServer
from edge.road import load_intersection
from edge.v1 import node_pb2
from edge.wire.intersection import to_intersection
from hw.rsu.mqtt_session import cancellable, mqtt_session

PUBLISH_TIMEOUT_S = 2.0
"""A broker that does not take a message for so long is lost."""


class WebProcess:
    """A hub that follows the front's, with everything that is served from it in JSON.

    Attributes:
        page: the server, while the page is served.
    """

    def __init__(self, site: SiteConfig, intersection: Intersection, *, board: HealthBoard) -> None:
        self._site, self._board, self._intersection = site, board, intersection
        clients = (0, 1) if site.web is None else (site.web.max_clients, site.web.max_clients_per_host)
        self.hub = Hub(limits=HubLimits(clients[0] + len(site.mqtt_feed), clients[1]))
        self._updates = JsonUpdates()
        self.page: WebServer | None = None
        board.attach("web.streams", self.hub.counters)

    def receive(self, kind: Kind, payload: bytes) -> None:
        """Take an update of the front."""
        if kind is not Kind.UPDATE:
            return
        try:
            update = node_pb2.Update.FromString(payload)
        except DecodeError as error:
            self._board.event("web", "bad_message", str(error))
            return
        self.hub.publish(update, keep_sequence=True)

    async def run(self) -> None:
        """Serve until cancelled; what fails is tried again."""
        async with asyncio.TaskGroup() as group:
            if self._site.web is not None:
                group.create_task(supervise("web.page", self._serve_page, board=self._board), name="page")
            for feed in self._site.mqtt_feed:
                component = f"web.{feed.name}"
                run = partial(self._feed, feed, component)
                group.create_task(supervise(component, run, board=self._board), name=component)

    async def _serve_page(self) -> None:
        config = self._site.web
        assert config is not None
        sensors = sensors_of(self._site)
        server = WebServer(
            self.hub,
            intersection=to_intersection(self._intersection, node_id=self._site.site.id, sensors=sensors),
            updates=self._updates,
            listen=config.listen,
            names=config.names,
        )
        self._board.attach("web.page", server.http.counters)
        self._board.attach("web.events", server.events.counters)
        async with server.serving():
            self.page = server
            self._board.set("web.page", HealthState.OK)
            await asyncio.Event().wait()

    async def _feed(self, config: MqttFeedConfig, component: str) -> None:
        """Publish to one broker until the link is lost. Raises `DeviceError`."""
        topic = config.topic.replace("{node}", self._site.site.id)
        feed = JsonFeed(
            self.hub,
            self._updates,
            name=config.name,
            layers=config.layers,
            topic=topic,
            rate_hz=config.rate_hz,
        )
        will = aiomqtt.Will(feed.status_topic, OFFLINE, qos=0, retain=True)
        async with mqtt_session(broker_of(config), device=component, will=will, large=True) as client:
            self._board.attach(component, feed.counters)
            self._board.set(component, HealthState.OK)
            publish = _Publisher(client, component)
            try:
                await feed.run(publish)
            finally:  # a broker sends no will for a client that takes its leave
                with contextlib.suppress(DeviceError, aiomqtt.MqttError):
                    await publish(feed.status_topic, OFFLINE, retain=True)


class _Publisher:
    """One message at a time to a broker, quality of service 0."""

    def __init__(self, client: aiomqtt.Client, component: str) -> None:
        self._client, self._component = client, component

    async def __call__(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT_S):
                await cancellable(self._client.publish(topic, payload, retain=retain))
        except TimeoutError:
            problem = f"the broker took nothing for {PUBLISH_TIMEOUT_S:g} s"
            raise DeviceError(self._component, problem) from None


async def _main(site_path: Path) -> None:
    site = load_site(site_path)
    child = ChildProcess()
    frame = LocalFrame(site.site.latitude_deg, site.site.longitude_deg, site.site.elevation_m)
    web = WebProcess(site, load_intersection(site.site.map, frame=frame), board=child.board)
    child.board.set("web.process", HealthState.OK)
    await child.run(receive=web.receive, work=web.run)


def main() -> None:
    """Entry point of the process."""
    prepare_child()
    asyncio.run(_main(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
