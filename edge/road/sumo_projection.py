"""Coordinates of a SUMO network: netOffset and the projection that netconvert used.

Inverse transverse Mercator by the series of Krueger in the third flattening, to n^3 (below 1 mm at 300 km):
L. Krueger, Konforme Abbildung des Erdellipsoids in der Ebene, 1912.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import ConfigError
from edge.core.geodesy import WGS84_A_M, WGS84_E2, LocalFrame

_FLATTENING = 1.0 - math.sqrt(1.0 - WGS84_E2)
_N = _FLATTENING / (2.0 - _FLATTENING)
_RADIUS_M = WGS84_A_M / (1.0 + _N) * (1.0 + _N**2 / 4.0 + _N**4 / 64.0)
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
KEY = "net.location.projParameter"


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


@dataclass(frozen=True, slots=True)
class NetProjection:
    """From network coordinates to a local frame.

    Attributes:
        offset_m: netOffset, which netconvert added to the projected coordinates.
        mercator: the projection; None: the network is plain metres around the site's origin.
    """

    offset_m: tuple[float, float]
    mercator: TransverseMercator | None

    @classmethod
    def of(cls, location: Element | None) -> Self:
        """Read the `location` element; without one the network is plain metres."""
        if location is None:
            return cls((0.0, 0.0), None)
        try:
            x, y = (float(part) for part in location.get("netOffset", "0,0").split(","))
        except ValueError as error:
            raise ConfigError(
                "net.location.netOffset",
                f"is {location.get('netOffset')!r}",
                remedy="two numbers, as netconvert writes",
            ) from error
        return cls((x, y), _mercator(location.get("projParameter", "!")))

    def frame_at(self, point: tuple[float, float]) -> LocalFrame:
        """A frame with its origin at a point of the network."""
        if self.mercator is None:
            raise ConfigError(KEY, "the network has no projection", remedy="give the site's position")
        return LocalFrame(
            *self.mercator.to_geodetic(point[0] - self.offset_m[0], point[1] - self.offset_m[1])
        )

    def to_frame(self, points_m: NDArray[np.float64], frame: LocalFrame) -> NDArray[np.float64]:
        """(k, 2) network coordinates to (k, 2) metres in `frame`."""
        projected: NDArray[np.float64] = points_m - np.array(self.offset_m, dtype=np.float64)
        if self.mercator is None:
            return projected
        return np.array([frame.to_local(*self.mercator.to_geodetic(x, y)) for x, y in projected]).reshape(
            -1, 2
        )


def _mercator(text: str) -> TransverseMercator | None:
    if text.strip() in ("!", "-", ""):
        return None
    given = dict(part.lstrip("+").partition("=")[::2] for part in text.split())
    try:
        if given.get("proj") == "utm":
            south = 10_000_000.0 if "south" in given else 0.0
            return TransverseMercator(int(given["zone"]) * 6.0 - 183.0, 0.9996, 500_000.0, south)
        if given.get("proj") == "tmerc" and float(given.get("lat_0", 0)) == 0.0:
            return TransverseMercator(
                float(given["lon_0"]),
                float(given.get("k", given.get("k_0", 1))),
                float(given.get("x_0", 0)),
                float(given.get("y_0", 0)),
            )
    except (KeyError, ValueError) as error:
        raise ConfigError(KEY, f"is {text!r}", remedy="as netconvert writes it") from error
    raise ConfigError(KEY, f"{text!r} is not supported", remedy="use netconvert --proj.utm, or no projection")
