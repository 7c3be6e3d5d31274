"""Prometheus metrics of the node, served over HTTP in the node's own event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from edge.config.address import split_address
from edge.core.errors import ConfigError, DeviceError
from edge.core.health import Health

REQUEST_LIMIT_BYTES = 8192
REQUEST_TIMEOUT_S = 5.0
CONNECTION_LIMIT = 16


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
        try:
            self._host, self.port = split_address(listen)
        except ValueError as error:
            raise ConfigError("metrics.listen", str(error)) from error
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(collector)
        self._open = 0
        self.refused = 0

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Serve while inside.

        Raises:
            DeviceError: the address cannot be used.
        """
        try:
            server = await asyncio.start_server(
                self._answer, self._host, self.port, limit=REQUEST_LIMIT_BYTES
            )
        except OSError as error:
            raise DeviceError(
                f"metrics {self._host}:{self.port}",
                error.strerror or str(error),
                remedy="stop the other program that uses the port, or choose another in metrics.listen",
            ) from error
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._open >= CONNECTION_LIMIT:
            self.refused += 1
            writer.close()
            return
        self._open += 1
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._response(head))
                await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            self.refused += 1
        finally:
            self._open -= 1
            writer.close()

    def _response(self, head: bytes) -> bytes:
        method, _, rest = head.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0]
        if method != b"GET":
            return _http("405 Method Not Allowed", b"GET only\n")
        if path != b"/metrics":
            return _http("404 Not Found", b"see /metrics\n")
        return _http("200 OK", generate_latest(self._registry), kind=CONTENT_TYPE_LATEST)


def _http(status: str, body: bytes, *, kind: str = "text/plain; charset=utf-8") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body
