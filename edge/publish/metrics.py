"""Prometheus metrics and probes over a small HTTP server: `/metrics`, `/healthz`, `/readyz`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from edge.core.errors import DeviceError
from edge.core.health import Health, HealthState

REQUEST_TIMEOUT_S = 5.0
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_STATES = {HealthState.OK: 1.0, HealthState.STARTING: 0.5, HealthState.DEGRADED: 0.5, HealthState.DOWN: 0.0}


class HealthCollector:
    """Health components and event totals as metric families.

    Args:
        snapshot: health of every component.
        events: totals per kind of event.
    """

    def __init__(
        self, snapshot: Callable[[], tuple[Health, ...]], *, events: Callable[[], Mapping[str, int]]
    ) -> None:
        self._snapshot, self._events = snapshot, events

    def collect(self) -> Iterator[Metric]:
        """Called by the registry for each scrape."""
        up = GaugeMetricFamily(
            "edge_component_up", "1 ok, 0.5 starting or degraded, 0 down", labels=["component"]
        )
        counts = CounterMetricFamily("edge_count", "counters of each component", labels=["component", "name"])
        for health in self._snapshot():
            up.add_metric([health.component], _STATES[health.state])
            for name, value in health.counters.items():
                counts.add_metric([health.component, name], value)
        events = CounterMetricFamily("edge_events", "events by kind", labels=["kind"])
        for kind, total in self._events().items():
            events.add_metric([kind], total)
        yield from (up, counts, events)


class MetricsServer:
    """Serves metrics and probes."""

    def __init__(self, collector: HealthCollector, *, ready: Callable[[], bool]) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(collector)
        self._ready = ready
        self.port = 0

    @contextlib.asynccontextmanager
    async def serving(self, host: str, port: int) -> AsyncIterator[None]:
        """Serve while inside. Raises `DeviceError` when the port is in use."""
        try:
            server = await asyncio.start_server(self._answer, host, port, limit=8192)
        except OSError as error:
            raise DeviceError(
                f"metrics on {host}:{port}", error.strerror or "cannot listen", remedy="change metrics.listen"
            ) from error
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(TimeoutError, ConnectionError, ValueError, asyncio.IncompleteReadError):
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                request = await reader.readuntil(b"\r\n")
                parts = request.decode("latin-1").split()
                status, kind, body = self._page(parts[1] if len(parts) > 1 else "")
                head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close"
                writer.write(head.encode() + b"\r\n\r\n" + body)
                await writer.drain()
        writer.close()

    def _page(self, path: str) -> tuple[str, str, bytes]:
        if path == "/metrics":
            return "200 OK", CONTENT_TYPE, generate_latest(self._registry)
        if path == "/healthz":
            return "200 OK", "text/plain", b"ok\n"
        if path == "/readyz":
            ready = self._ready()
            return (
                ("200 OK" if ready else "503 Service Unavailable"),
                "text/plain",
                b"ready\n" if ready else b"not ready\n",
            )
        return "404 Not Found", "text/plain", b"not found: try /metrics, /healthz, /readyz\n"
