"""The vehicle client: `async with EdgeClient("host:port") as client`. Needs gRPC and protobuf, nothing else."""

from edge.sdk.client import ClientCounters, EdgeClient
from edge.sdk.credentials import Credentials
from edge.sdk.errors import (
    CredentialsError,
    EdgeClientError,
    NotReachableError,
    RefusedError,
    SignalsUnavailableError,
)
from edge.sdk.green import NextGreen, next_green
from edge.sdk.intersection import Connection, Intersection, Lane, Sensor
from edge.sdk.offset import ClockOffset
from edge.sdk.priority import PriorityCall, PriorityRequest, PriorityStatus
from edge.sdk.request import Circle, GeoBox, GeoCircle, LocalBox
from edge.sdk.route import EdgeRoute
from edge.sdk.updates import (
    ComponentHealth,
    HealthEvent,
    HealthUpdate,
    LaneMeasure,
    LanesUpdate,
    Layer,
    RadioFrameUpdate,
    RoadUser,
    SceneUpdate,
    SignalGroup,
    SignalsUpdate,
    Update,
)
from edge.sdk.vehicle import Advice, VehicleState

__all__ = [
    "Advice",
    "Circle",
    "ClientCounters",
    "ClockOffset",
    "ComponentHealth",
    "Connection",
    "Credentials",
    "CredentialsError",
    "EdgeClient",
    "EdgeClientError",
    "EdgeRoute",
    "GeoBox",
    "GeoCircle",
    "HealthEvent",
    "HealthUpdate",
    "Intersection",
    "Lane",
    "LaneMeasure",
    "LanesUpdate",
    "Layer",
    "LocalBox",
    "NextGreen",
    "NotReachableError",
    "PriorityCall",
    "PriorityRequest",
    "PriorityStatus",
    "RadioFrameUpdate",
    "RefusedError",
    "RoadUser",
    "SceneUpdate",
    "Sensor",
    "SignalGroup",
    "SignalsUnavailableError",
    "SignalsUpdate",
    "Update",
    "VehicleState",
    "next_green",
]
