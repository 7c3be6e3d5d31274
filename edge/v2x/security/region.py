"""Where a certificate is valid: the regions of IEEE 1609.2, and whether a place lies in them.

IEEE Std 1609.2-2022 clause 6.4.17 and following. Angles are tenths of a microdegree, as they are written.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from edge.core.errors import CodecError
from edge.v2x.security import oer
from edge.v2x.security.oer import Reader

METRES_PER_UNIT = 0.011132
"""Of latitude, on a sphere of 6378 km: exact enough for a fence."""
_WHAT = "IEEE 1609.2"


@dataclass(frozen=True, slots=True)
class Place:
    """A point on the earth in units of 1e-7 degree, WGS-84."""

    latitude: int
    longitude: int


@dataclass(frozen=True, slots=True)
class Region:
    """A GeographicRegion.

    Attributes:
        circle: centre and radius in metres.
        rectangles: north-west and south-east corners; inside any of them is inside.
        polygon: corners in order.
        identified: octets of the named countries and regions as they came: no map of them is here.
    """

    circle: tuple[Place, int] | None = None
    rectangles: tuple[tuple[Place, Place], ...] = ()
    polygon: tuple[Place, ...] = ()
    identified: bytes | None = None

    def contains(self, place: Place) -> bool | None:
        """Whether a place lies inside; None: the region is named, and nobody here knows where that is."""
        if self.circle is not None:
            centre, radius_m = self.circle
            return _distance_m(centre, place) <= radius_m
        if self.rectangles:
            return any(
                south_east.latitude <= place.latitude <= north_west.latitude
                and north_west.longitude <= place.longitude <= south_east.longitude
                for north_west, south_east in self.rectangles
            )
        if self.polygon:
            return _inside(self.polygon, place)
        return None


def read_region(reader: Reader) -> Region:
    """The region that comes next."""
    kind = reader.tag()
    if kind == 0:
        return Region(circle=(_read_place(reader), reader.unsigned(2)))
    if kind == 1:
        corners = [(_read_place(reader), _read_place(reader)) for _ in range(reader.quantity())]
        if not corners:
            raise reader.error("a region has no rectangle")
        return Region(rectangles=tuple(corners))
    if kind == 2:
        polygon = tuple(_read_place(reader) for _ in range(reader.quantity()))
        if len(polygon) < 3:
            raise reader.error("a polygon has fewer than three corners")
        return Region(polygon=polygon)
    if kind == 3:
        start = reader.position
        for _ in range(reader.quantity()):
            _skip_identified(reader)
        return Region(identified=reader.data[start : reader.position])
    raise reader.error(f"region alternative {kind} is unknown")


def write_region(region: Region) -> bytes:
    """The octets of a region."""
    if region.circle is not None:
        centre, radius_m = region.circle
        return oer.tag(0) + _place(centre) + oer.unsigned(radius_m, 2)
    if region.rectangles:
        corners = b"".join(
            _place(north_west) + _place(south_east) for north_west, south_east in region.rectangles
        )
        return oer.tag(1) + oer.quantity(len(region.rectangles)) + corners
    if region.polygon:
        return oer.tag(2) + oer.quantity(len(region.polygon)) + b"".join(map(_place, region.polygon))
    if region.identified is not None:
        return oer.tag(3) + region.identified
    raise CodecError(_WHAT, "a region is empty")


def _skip_identified(reader: Reader) -> None:
    """Read past one IdentifiedRegion: a country, its regions, or their subregions."""
    kind = reader.tag()
    if kind > 2:
        raise reader.error(f"identified region alternative {kind} is unknown")
    reader.unsigned(2)
    if kind == 1:
        reader.octets(reader.quantity(most=255))
    elif kind == 2:
        for _ in range(reader.quantity()):
            reader.unsigned(1)
            reader.octets(2 * reader.quantity(most=255))


def _read_place(reader: Reader) -> Place:
    latitude, longitude = reader.signed(4), reader.signed(4)
    if not -900_000_000 <= latitude <= 900_000_001 or not -1_799_999_999 <= longitude <= 1_800_000_001:
        raise reader.error(f"{latitude}, {longitude} is no place on earth")
    return Place(latitude, longitude)


def _place(place: Place) -> bytes:
    return oer.signed(place.latitude, 4) + oer.signed(place.longitude, 4)


def _distance_m(one: Place, other: Place) -> float:
    """Distance on a plane tangent at `one`: regions of this kind are at most 65 km wide."""
    turn = 3_600_000_000
    east = (other.longitude - one.longitude + turn // 2) % turn - turn // 2
    scale = math.cos(math.radians(one.latitude * 1e-7))
    return math.hypot((other.latitude - one.latitude) * METRES_PER_UNIT, east * METRES_PER_UNIT * scale)


def _inside(corners: tuple[Place, ...], place: Place) -> bool:
    """Even-odd rule, in exact integers."""
    inside = False
    for a, b in zip(corners, corners[1:] + corners[:1], strict=True):
        if (a.latitude > place.latitude) == (b.latitude > place.latitude):
            continue
        rise = b.latitude - a.latitude
        run = (b.longitude - a.longitude) * (place.latitude - a.latitude)
        if (place.longitude - a.longitude) * rise * (1 if rise > 0 else -1) < run * (1 if rise > 0 else -1):
            inside = not inside
    return inside
