"""Units, sensors and classes of PerceivedObject, which CPMs carry (ETSI TS 102 894-2 V2.4.1, TS 103 324 V2.1.1).

Positions are those of the middle of the object's box, in centimetres east (x) and north (y) of the reference position;
this is so of vehicles that send, too (annex A of TS 103 324, CPM-PerceivedObjectContainer). Angles are
counter-clockwise from east. Each confidence is a half width of 95 % of one quantity; what makes an ellipse of those of
x and y is their correlation.
"""

from __future__ import annotations

import math

from edge.core.kinds import ObjectClass
from edge.core.perceived import Sensing
from edge.v2x.etsi_elements import CONFIDENCE_UNAVAILABLE

Covariance = tuple[float, float, float]
"""Of x with itself, y with itself, and x with y; square metres."""

OFFSET_STEP_M = 0.01
FARTHEST = 131_070
"""Of CartesianCoordinateLarge; 131071 and -131072 are out of range."""
LATEST_MS = 2046
"""Of DeltaTimeMilliSecondSigned; 2047 and -2048 mean that much or more."""
OFFSET_CONFIDENCE_LAST, CONFIDENCE_LAST = 4094, CONFIDENCE_UNAVAILABLE - 2
"""CoordinateConfidence; SpeedConfidence and AngleConfidence. One above means out of range, two above unavailable."""
SIZE_SATURATED = 255
LEVEL_UNAVAILABLE = 101
BEST_QUALITY = 15
CORRELATION_LAST = 100

PROFILES = {
    ObjectClass.PEDESTRIAN: "pedestrian",
    ObjectClass.BICYCLE: "bicyclistAndLightVruVehicle",
    ObjectClass.MOTORCYCLE: "motorcyclist",
}
"""VruProfileAndSubprofile."""

SENSORS = {
    Sensing.CAMERA: (1, 3),
    Sensing.RADAR: (2, 1),
    Sensing.LIDAR: (3, 2),
    Sensing.LOOP: (4, 8),
    Sensing.V2X: (5, 13),
}
"""Our sensorId and its SensorType: monovideo, radar, lidar, inductionLoop, itsAggregation."""


def covariance_of(axes_m: tuple[float, float] | None, yaw_rad: float) -> Covariance:
    """One-sigma ellipse to a covariance; zero where it is not known."""
    if axes_m is None:
        return 0.0, 0.0, 0.0
    along, across = axes_m[0] ** 2, axes_m[1] ** 2
    cosine, sine = math.cos(yaw_rad), math.sin(yaw_rad)
    return (
        along * cosine**2 + across * sine**2,
        along * sine**2 + across * cosine**2,
        (along - across) * cosine * sine,
    )
