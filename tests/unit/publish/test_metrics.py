"""What a Prometheus server reads from the node."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from prometheus_client.parser import text_string_to_metric_families

from edge.core.errors import ConfigError, DeviceError
from edge.core.health import Health, HealthState
from edge.publish.metrics import MetricsServer, NodeCollector


def metrics(*, listen: str = "127.0.0.1:0") -> MetricsServer:
    health = (
        Health("camera.north", HealthState.DOWN, 5_000_000_000, "gone", {"frames": 7}),
        Health("signals", HealthState.OK, 0),
    )
    hub = Counter({"subscribers": 2, "delivered": 40, "conflated": 3})
    return MetricsServer(NodeCollector(lambda: health, hub), listen=listen)


async def ask(port: int, request: bytes) -> tuple[str, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    async with asyncio.timeout(5):
        answer = (await reader.read()).decode()
    writer.close()
    head, _, body = answer.partition("\r\n\r\n")
    return head.splitlines()[0] if head else "", body


async def test_health_and_hub_are_metrics() -> None:
    server = metrics()
    async with server.serving():
        status, body = await ask(server.port, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    assert status == "HTTP/1.1 200 OK"
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(body)
        for sample in family.samples
    }
    assert found["edge_component_state", "camera.north"] == 3
    assert found["edge_component_state", "signals"] == 0
    assert found["edge_component_state_since_seconds", "camera.north"] == 5
    assert found["edge_component_events_total", "camera.north", "frames"] == 7
    assert found["edge_subscribers",] == 2
    assert found["edge_subscriber_updates_total", "delivered"] == 40


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 404 Not Found"),
        (b"POST /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 405 Method Not Allowed"),
        (b"GET /" + b"x" * 20_000 + b"\r\n\r\n", ""),
    ],
    ids=["other path", "other method", "endless head"],
)
async def test_other_requests_are_answered_or_closed(request_: bytes, status: str) -> None:
    server = metrics()
    async with server.serving():
        try:
            answer, _ = await ask(server.port, request_)
        except ConnectionResetError:
            answer = ""
        assert answer == status
        good, _ = await ask(server.port, b"GET /metrics HTTP/1.1\r\n\r\n")
    assert good == "HTTP/1.1 200 OK"


async def test_a_taken_port_is_a_device_error_and_a_wrong_address_a_config_error() -> None:
    server = metrics()
    async with server.serving():
        with pytest.raises(DeviceError, match=r"metrics\.listen"):
            async with metrics(listen=f"127.0.0.1:{server.port}").serving():
                pass
    with pytest.raises(ConfigError, match=r"metrics\.listen"):
        metrics(listen="nowhere")
