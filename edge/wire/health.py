"""Health and events to `edge.v1.Health`."""

from __future__ import annotations

from collections.abc import Iterable

from edge.core.health import Event, Health
from edge.v1 import common_pb2

EVENTS = 32


def to_health(components: Iterable[Health], events: Iterable[Event]) -> common_pb2.Health:
    """The message of the node's health with its newest events."""
    newest = list(events)[-EVENTS:]
    return common_pb2.Health(
        components=[
            common_pb2.ComponentHealth(
                component=health.component,
                state=f"HEALTH_STATE_{health.state.name}",
                since_ns=health.since_ns,
                message=health.message,
                counters=health.counters,
            )
            for health in components
        ],
        events=[
            common_pb2.HealthEvent(stamp_ns=e.stamp_ns, component=e.component, kind=e.kind, text=e.text)
            for e in newest
        ],
    )
