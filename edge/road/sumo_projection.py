"""Coordinates of a SUMO network: netOffset and the projection that netconvert used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import ConfigError
from edge.core.geodesy import LocalFrame
from edge.core.mercator import TransverseMercator, utm

KEY = "net.location.projParameter"


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
            return utm(int(given["zone"]), south="south" in given)
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
