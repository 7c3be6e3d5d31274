"""The part of the site that a subscriber asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass

from edge.core.geodesy import LocalFrame
from edge.v1 import common_pb2, node_pb2

Span = tuple[float, float]
"""From, to."""
SLACK = 1e-9
"""Share by which a reach is taken longer than it is computed."""


@dataclass(frozen=True, slots=True)
class Circle:
    """All points within `radius_m` of (`x_m`, `y_m`), local frame."""

    x_m: float
    y_m: float
    radius_m: float

    def bounds_m(self) -> tuple[float, float, float, float]:
        """West, south, east, north."""
        x, y, radius = self.x_m, self.y_m, self.radius_m
        return x - radius, y - radius, x + radius, y + radius

    def reach(self, x_m: Span) -> Span | None:
        """From where to where it reaches north of some piece of the x axis; None: nowhere."""
        away_m = max(x_m[0] - self.x_m, 0.0, self.x_m - x_m[1])
        if away_m > self.radius_m:
            return None
        half_m = math.sqrt(self.radius_m - away_m) * math.sqrt(self.radius_m + away_m)
        half_m += SLACK * (1.0 + half_m + abs(self.y_m))
        return self.y_m - half_m, self.y_m + half_m


@dataclass(frozen=True, slots=True)
class Box:
    """All points between two corners, local frame."""

    west_m: float
    south_m: float
    east_m: float
    north_m: float

    def bounds_m(self) -> tuple[float, float, float, float]:
        """West, south, east, north."""
        return self.west_m, self.south_m, self.east_m, self.north_m

    def reach(self, x_m: Span) -> Span | None:
        """From where to where it reaches north of some piece of the x axis; None: nowhere."""
        beside = x_m[1] < self.west_m or self.east_m < x_m[0]
        return None if beside else (self.south_m, self.north_m)


Area = Circle | Box


def read_area(message: node_pb2.Area, *, frame: LocalFrame) -> Area:
    """The area of a request.

    Raises:
        ValueError: no shape, a value that is no number, or a shape without inside.
    """
    shape = message.WhichOneof("shape")
    if shape == "circle":
        circle = message.circle
        return _circle((circle.centre.x_m, circle.centre.y_m), circle.radius_m)
    if shape == "geo_circle":
        return _circle(_local(message.geo_circle.centre, frame), message.geo_circle.radius_m)
    if shape == "box":
        corners = message.box.south_west, message.box.north_east
        return _box((corners[0].x_m, corners[0].y_m), (corners[1].x_m, corners[1].y_m))
    if shape == "geo_box":
        box = message.geo_box
        return _box(_local(box.south_west, frame), _local(box.north_east, frame))
    raise ValueError("the area has no shape: give a circle or a box")


def _local(point: common_pb2.GeoPoint, frame: LocalFrame) -> tuple[float, float]:
    if not (abs(point.latitude_deg) <= 90.0 and abs(point.longitude_deg) <= 180.0):
        raise ValueError(f"{point.latitude_deg}, {point.longitude_deg} is not a WGS-84 position")
    return frame.to_local(point.latitude_deg, point.longitude_deg)


def _circle(centre_m: tuple[float, float], radius_m: float) -> Circle:
    if not (math.isfinite(centre_m[0] + centre_m[1] + radius_m) and radius_m > 0.0):
        raise ValueError(f"circle at {centre_m} with radius {radius_m} m: the radius must be greater than 0")
    return Circle(*centre_m, radius_m)


def _box(south_west_m: tuple[float, float], north_east_m: tuple[float, float]) -> Box:
    box = Box(*south_west_m, *north_east_m)
    if not (box.west_m <= box.east_m and box.south_m <= box.north_m):
        raise ValueError("the box's south_west must be south and west of its north_east")
    return box
