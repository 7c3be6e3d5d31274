"""WGS-84 to and from a local tangent plane (east, north) of the site.

Equirectangular projection with the radii of curvature of the reference latitude:
about 5 mm of error within 200 m of the origin (measured against a transverse Mercator).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

WGS84_A_M = 6378137.0
WGS84_E2 = 6.69437999014e-3


@dataclass(frozen=True, slots=True)
class LocalFrame:
    """ENU frame with its origin at a surveyed point.

    Attributes:
        latitude_deg, longitude_deg, elevation_m: the origin, WGS-84.
    """

    latitude_deg: float
    longitude_deg: float
    elevation_m: float = 0.0
    _east_m_per_deg: float = field(init=False, repr=False, compare=False)
    _north_m_per_deg: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not (-90.0 < self.latitude_deg < 90.0 and -180.0 <= self.longitude_deg <= 180.0):
            raise ValueError(f"not a position: {self.latitude_deg}, {self.longitude_deg}")
        sine = math.sin(math.radians(self.latitude_deg))
        w2 = 1.0 - WGS84_E2 * sine * sine
        prime_vertical = WGS84_A_M / math.sqrt(w2) + self.elevation_m
        meridian = WGS84_A_M * (1.0 - WGS84_E2) / (w2 * math.sqrt(w2)) + self.elevation_m
        east = math.radians(prime_vertical * math.cos(math.radians(self.latitude_deg)))
        object.__setattr__(self, "_east_m_per_deg", east)
        object.__setattr__(self, "_north_m_per_deg", math.radians(meridian))

    def to_local(self, latitude_deg: float, longitude_deg: float) -> tuple[float, float]:
        """Degrees to (east, north) metres."""
        turn = (longitude_deg - self.longitude_deg + 180.0) % 360.0 - 180.0
        return turn * self._east_m_per_deg, (latitude_deg - self.latitude_deg) * self._north_m_per_deg

    def to_geodetic(self, x_m: float, y_m: float) -> tuple[float, float]:
        """(east, north) metres to (latitude, longitude) degrees."""
        longitude = self.longitude_deg + x_m / self._east_m_per_deg
        return self.latitude_deg + y_m / self._north_m_per_deg, (longitude + 180.0) % 360.0 - 180.0


def heading_to_yaw_rad(heading_deg: float) -> float:
    """Clockwise from north in degrees to counter-clockwise from east in radians, in [-pi, pi]."""
    yaw = math.radians(90.0 - heading_deg)
    return math.atan2(math.sin(yaw), math.cos(yaw))


def yaw_to_heading_deg(yaw_rad: float) -> float:
    """Counter-clockwise from east in radians to clockwise from north in degrees, in [0, 360)."""
    return (90.0 - math.degrees(yaw_rad)) % 360.0
