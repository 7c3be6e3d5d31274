"""Prometheus metrics of the node, served over HTTP in the node's own event loop."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from edge.core.health import Health
from edge.publish.http_server import Exchange, HttpServer, RefusedError


class NodeCollector(Collector):
    """Turns health and hub counters into metric families.

    Args:
        health: health of every component, now.
        hub: the hub's counters; `subscribers` is a gauge, the others only grow.
    """

    def __init__(self, health: Callable[[], Sequence[Health]], hub: Mapping[str, int]) -> None:
        self._health, self._hub = health, hub

    def collect(self) -> Iterable[Metric]:
        """All families; called at each scrape."""
        state = GaugeMetricFamily(
            "edge_component_state", "0 ok, 1 starting, 2 degraded, 3 down", labels=["component"]
        )
        since = GaugeMetricFamily(
            "edge_component_state_since_seconds", "UTC time of the last change of state", labels=["component"]
        )
        events = CounterMetricFamily(
            "edge_component_events", "Monotonic counts of each component", labels=["component", "kind"]
        )
        for health in self._health():
            state.add_metric([health.component], int(health.state))
            since.add_metric([health.component], health.since_ns / 1e9)
            for kind, count in sorted(health.counters.items()):
                events.add_metric([health.component, kind], count)
        yield from (state, since, events)
        yield GaugeMetricFamily(
            "edge_subscribers", "Open subscriptions", value=self._hub.get("subscribers", 0)
        )
        updates = CounterMetricFamily("edge_subscriber_updates", "What became of updates", labels=["outcome"])
        for outcome, count in sorted(self._hub.items()):
            if outcome != "subscribers":
                updates.add_metric([outcome], count)
        yield updates


class MetricsServer:
    """Answers `GET /metrics`.

    Args:
        listen: `host:port`; port 0 takes a free one.

    Raises:
        ConfigError: not an address.
    """

    def __init__(self, collector: Collector, *, listen: str) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(collector)
        self._server = HttpServer(self._answer, listen=listen, key="metrics.listen")

    @property
    def port(self) -> int:
        """The true port while serving."""
        return self._server.port

    def serving(self) -> contextlib.AbstractAsyncContextManager[None]:
        """Serve while inside. Raises `DeviceError` when the address cannot be used."""
        return self._server.serving()

    async def _answer(self, exchange: Exchange) -> None:
        if exchange.request.path != "/metrics":
            raise RefusedError(HTTPStatus.NOT_FOUND, "see /metrics")
        await exchange.send(generate_latest(self._registry), kind=CONTENT_TYPE_LATEST)
