"""Transverse Mercator and UTM grids of WGS-84, and a site's local frame laid on one.

Series of Krueger in the third flattening, to n^3 (below 1 mm at 300 km): L. Krueger, Konforme Abbildung des
Erdellipsoids in der Ebene, 1912.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.core.geodesy import WGS84_A_M, WGS84_E2, LocalFrame

_ECCENTRICITY = math.sqrt(WGS84_E2)
_FLATTENING = 1.0 - math.sqrt(1.0 - WGS84_E2)
_N = _FLATTENING / (2.0 - _FLATTENING)
_RADIUS_M = WGS84_A_M / (1.0 + _N) * (1.0 + _N**2 / 4.0 + _N**4 / 64.0)
_ALPHA = (
    _N / 2 - 2 * _N**2 / 3 + 5 * _N**3 / 16,
    13 * _N**2 / 48 - 3 * _N**3 / 5,
    61 * _N**3 / 240,
)
_BETA = (
    _N / 2 - 2 * _N**2 / 3 + 37 * _N**3 / 96,
    _N**2 / 48 + _N**3 / 15,
    17 * _N**3 / 480,
)
_DELTA = (
    2 * _N - 2 * _N**2 / 3 - 2 * _N**3,
    7 * _N**2 / 3 - 8 * _N**3 / 5,
    56 * _N**3 / 15,
)
_PROBE_M = 100.0
"""Distance at which the grid's turn and scale at a site are taken; they change by 1e-8 a metre."""


@dataclass(frozen=True, slots=True)
class TransverseMercator:
    """A transverse Mercator projection of WGS-84.

    Attributes:
        meridian_deg: central meridian.
        scale: on the central meridian.
        false_east_m, false_north_m: added to the coordinates.
    """

    meridian_deg: float
    scale: float
    false_east_m: float
    false_north_m: float

    def to_geodetic(self, east_m: float, north_m: float) -> tuple[float, float]:
        """Latitude and longitude in degrees."""
        xi = (north_m - self.false_north_m) / (self.scale * _RADIUS_M)
        eta = (east_m - self.false_east_m) / (self.scale * _RADIUS_M)
        xi_0, eta_0 = xi, eta
        for order, beta in enumerate(_BETA, start=1):
            xi_0 -= beta * math.sin(2 * order * xi) * math.cosh(2 * order * eta)
            eta_0 -= beta * math.cos(2 * order * xi) * math.sinh(2 * order * eta)
        conformal = math.asin(math.sin(xi_0) / math.cosh(eta_0))
        latitude = conformal + sum(d * math.sin(2 * o * conformal) for o, d in enumerate(_DELTA, start=1))
        longitude = math.atan2(math.sinh(eta_0), math.cos(xi_0))
        return math.degrees(latitude), self.meridian_deg + math.degrees(longitude)

    def to_grid(self, latitude_deg: float, longitude_deg: float) -> tuple[float, float]:
        """East and north in metres."""
        latitude = math.radians(latitude_deg)
        turn = math.radians((longitude_deg - self.meridian_deg + 180.0) % 360.0 - 180.0)
        sine = math.sin(latitude)
        tangent = math.sinh(math.atanh(sine) - _ECCENTRICITY * math.atanh(_ECCENTRICITY * sine))
        xi_0 = math.atan2(tangent, math.cos(turn))
        eta_0 = math.asinh(math.sin(turn) / math.hypot(tangent, math.cos(turn)))
        xi, eta = xi_0, eta_0
        for order, alpha in enumerate(_ALPHA, start=1):
            xi += alpha * math.sin(2 * order * xi_0) * math.cosh(2 * order * eta_0)
            eta += alpha * math.cos(2 * order * xi_0) * math.sinh(2 * order * eta_0)
        reach = self.scale * _RADIUS_M
        return self.false_east_m + reach * eta, self.false_north_m + reach * xi


def utm(zone: int, *, south: bool) -> TransverseMercator:
    """The projection of a UTM zone, 1 to 60. Raises `ValueError`."""
    if not 1 <= zone <= 60:
        raise ValueError(f"UTM zone {zone}, must be 1 to 60")
    return TransverseMercator(zone * 6.0 - 183.0, 0.9996, 500_000.0, 10_000_000.0 if south else 0.0)


def utm_zone(longitude_deg: float) -> int:
    """The zone that a longitude lies in; the exceptions of Norway are not made."""
    return int((longitude_deg + 180.0) // 6.0) % 60 + 1


class SiteGrid:
    """A site's local frame on a grid: one turn, scale and shift, good to millimetres within a kilometre.

    Attributes:
        origin_m: (2,) float64, the frame's origin on the grid.
        turn_rad: of the frame's east against the grid's, counter-clockwise; added to a yaw it gives the grid's.
        rotation: (2, 2) float64, of directions and speeds from the frame to the grid.
    """

    def __init__(self, frame: LocalFrame, grid: TransverseMercator) -> None:
        def on_grid(x_m: float, y_m: float) -> NDArray[np.float64]:
            return np.array(grid.to_grid(*frame.to_geodetic(x_m, y_m)))

        self.origin_m: NDArray[np.float64] = on_grid(0.0, 0.0)
        east = (on_grid(_PROBE_M, 0.0) - on_grid(-_PROBE_M, 0.0)) / (2 * _PROBE_M)
        north = (on_grid(0.0, _PROBE_M) - on_grid(0.0, -_PROBE_M)) / (2 * _PROBE_M)
        self._matrix = np.column_stack((east, north))
        self._inverse = np.linalg.inv(self._matrix)
        self.turn_rad = math.atan2(east[1], east[0])
        cosine, sine = math.cos(self.turn_rad), math.sin(self.turn_rad)
        self.rotation: NDArray[np.float64] = np.array([[cosine, -sine], [sine, cosine]])

    def to_grid(self, points_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, 2) metres of the frame to (n, 2) metres of the grid."""
        found: NDArray[np.float64] = points_m @ self._matrix.T + self.origin_m
        return found

    def to_frame(self, points_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, 2) metres of the grid to (n, 2) metres of the frame."""
        found: NDArray[np.float64] = (points_m - self.origin_m) @ self._inverse.T
        return found


def map_grid(frame: LocalFrame, *, zone: int | None) -> SiteGrid:
    """The site on a map in UTM; in its own zone where none is given."""
    return SiteGrid(frame, utm(zone or utm_zone(frame.longitude_deg), south=frame.latitude_deg < 0))
