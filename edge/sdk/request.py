"""What a client asks for: layers, area and rate."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edge.sdk.updates import Layer
from edge.v1 import common_pb2, node_pb2


@dataclass(frozen=True, slots=True)
class Circle:
    """Around a point of the site's frame."""

    x_m: float
    y_m: float
    radius_m: float


@dataclass(frozen=True, slots=True)
class LocalBox:
    """Between two corners of the site's frame."""

    west_m: float
    south_m: float
    east_m: float
    north_m: float


@dataclass(frozen=True, slots=True)
class GeoCircle:
    """Around a WGS-84 position."""

    latitude_deg: float
    longitude_deg: float
    radius_m: float


@dataclass(frozen=True, slots=True)
class GeoBox:
    """Between two parallels and two meridians, WGS-84."""

    south_deg: float
    west_deg: float
    north_deg: float
    east_deg: float


Area = Circle | LocalBox | GeoCircle | GeoBox


def subscribe_request(
    layers: Iterable[Layer], area: Area | None, max_rate_hz: float
) -> node_pb2.SubscribeRequest:
    """The message of a request."""
    return node_pb2.SubscribeRequest(
        layers=[f"LAYER_{layer.name}" for layer in layers],
        area=None if area is None else _area(area),
        max_rate_hz=max_rate_hz,
    )


def _area(area: Area) -> node_pb2.Area:
    if isinstance(area, Circle):
        centre = common_pb2.LocalPoint(x_m=area.x_m, y_m=area.y_m)
        return node_pb2.Area(circle=node_pb2.Circle(centre=centre, radius_m=area.radius_m))
    if isinstance(area, LocalBox):
        box = node_pb2.Box(
            south_west=common_pb2.LocalPoint(x_m=area.west_m, y_m=area.south_m),
            north_east=common_pb2.LocalPoint(x_m=area.east_m, y_m=area.north_m),
        )
        return node_pb2.Area(box=box)
    if isinstance(area, GeoCircle):
        place = common_pb2.GeoPoint(latitude_deg=area.latitude_deg, longitude_deg=area.longitude_deg)
        return node_pb2.Area(geo_circle=node_pb2.GeoCircle(centre=place, radius_m=area.radius_m))
    geo_box = node_pb2.GeoBox(
        south_west=common_pb2.GeoPoint(latitude_deg=area.south_deg, longitude_deg=area.west_deg),
        north_east=common_pb2.GeoPoint(latitude_deg=area.north_deg, longitude_deg=area.east_deg),
    )
    return node_pb2.Area(geo_box=geo_box)
