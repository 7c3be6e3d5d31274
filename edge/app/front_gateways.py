"""The gateways of the front: systems that others built, each supervised, each with the newest or nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from edge.app.site_secrets import broker_of
from edge.app.site_sensors import sensors_of
from edge.config import SiteConfig
from edge.core.intersection import Intersection
from edge.core.road_events import RoadEvent
from edge.core.signals import SignalState
from edge.core.situation import Scene
from edge.core.v2x import RadioFrame
from edge.flow.board import HealthBoard
from edge.publish.apollo import ApolloGateway
from edge.publish.openv2x import OpenV2xGateway
from hw.rsu.mqtt_bus import open_bus


class Gateways:
    """Builds what the site file asks for, and hands on signals and scenes.

    Args:
        send: hands fusion what road users say of themselves; never waits.
    """

    def __init__(
        self,
        site: SiteConfig,
        intersection: Intersection,
        *,
        board: HealthBoard,
        send: Callable[[RadioFrame], None],
    ) -> None:
        self._apollo: ApolloGateway | None = None
        self._openv2x: OpenV2xGateway | None = None
        self.tasks: dict[str, Callable[[], Awaitable[None]]] = {}
        if site.apollo is not None:
            self._apollo = ApolloGateway(
                site.apollo,
                intersection,
                node_id=site.site.id,
                sensor_kinds=dict(sensors_of(site)),
                send=send,
                board=board,
            )
            self.tasks[site.apollo.name] = self._apollo.run

        if site.openv2x is not None:
            broker = partial(open_bus, broker_of(site.openv2x), device=site.openv2x.name)
            self._openv2x = OpenV2xGateway(
                site.openv2x,
                intersection,
                sensor_kinds=dict(sensors_of(site)),
                open_bus=lambda topics: broker(topics=topics),
                send=send,
                on_events=self._events,
                state=site.state_directory,
                board=board,
            )
            self.tasks[site.openv2x.name] = self._openv2x.run

    def _events(self, events: tuple[RoadEvent, ...]) -> None:
        """Events that one gateway heard, for the others."""
        if self._apollo is not None:
            self._apollo.events(events)

    def signals(self, state: SignalState) -> None:
        """Hand on a signal state; never waits."""
        if self._apollo is not None:
            self._apollo.signals(state)

    def scene(self, scene: Scene) -> None:
        """Hand on a scene; never waits."""
        if self._apollo is not None:
            self._apollo.scene(scene)
        if self._openv2x is not None:
            self._openv2x.scene(scene)
