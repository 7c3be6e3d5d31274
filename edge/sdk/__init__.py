"""The vehicle client: subscribe to an intersection with nothing but gRPC and protobuf installed.

async with EdgeClient("127.0.0.1:50051") as client:
    async for update in client.watch(layers={Layer.SIGNALS}):
        ...
"""

from edge.sdk.client import EdgeClient
from edge.sdk.errors import EdgeUnavailableError, SubscriptionRefusedError
from edge.sdk.types import (
    Box,
    Circle,
    Component,
    HealthUpdate,
    IntersectionInfo,
    LaneInfo,
    LaneMeasure,
    LanesUpdate,
    Layer,
    NextGreen,
    RadioFrameUpdate,
    RoadUser,
    SceneUpdate,
    SignalGroup,
    SignalsUpdate,
    Update,
)

__all__ = [
    "Box",
    "Circle",
    "Component",
    "EdgeClient",
    "EdgeUnavailableError",
    "HealthUpdate",
    "IntersectionInfo",
    "LaneInfo",
    "LaneMeasure",
    "LanesUpdate",
    "Layer",
    "NextGreen",
    "RadioFrameUpdate",
    "RoadUser",
    "SceneUpdate",
    "SignalGroup",
    "SignalsUpdate",
    "SubscriptionRefusedError",
    "Update",
]
