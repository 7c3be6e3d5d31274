"""The gateways of the front: systems that others built, each supervised, each with the newest or nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from edge.app.front_publish import sensors_of
from edge.config import SiteConfig
from edge.core.intersection import Intersection
from edge.core.signals import SignalState
from edge.core.situation import Scene
from edge.core.v2x import RadioFrame
from edge.flow.board import HealthBoard
from edge.publish.apollo import ApolloGateway


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

    def signals(self, state: SignalState) -> None:
        """Hand on a signal state; never waits."""
        if self._apollo is not None:
            self._apollo.signals(state)

    def scene(self, scene: Scene) -> None:
        """Hand on a scene; never waits."""
        if self._apollo is not None:
            self._apollo.scene(scene)
