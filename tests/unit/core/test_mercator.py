"""UTM against published points, and a site's frame on it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge.core.geodesy import LocalFrame
from edge.core.mercator import SiteGrid, utm, utm_zone


@pytest.mark.parametrize(
    ("place", "zone", "east_m", "north_m"),
    [
        ((0.0, 3.0), 31, 500_000.0, 0.0),  # on the central meridian
        # The meridian arc of WGS-84 from the equator to 45 degrees is 4,984,944.378 m.
        ((45.0, 9.0), 32, 500_000.0, 0.9996 * 4_984_944.378),
        ((-45.0, 9.0), 32, 500_000.0, 10_000_000.0 - 0.9996 * 4_984_944.378),
    ],
    ids=["equator", "north", "south"],
)
def test_points_of_the_meridian(place: tuple[float, float], zone: int, east_m: float, north_m: float) -> None:
    found = utm(zone, south=place[0] < 0).to_grid(*place)
    assert found == pytest.approx((east_m, north_m), abs=2e-3)


@pytest.mark.parametrize("latitude", [-60.0, -1.0, 0.0, 31.2, 51.5, 78.0])
@pytest.mark.parametrize("turn", [-3.0, -0.7, 0.0, 2.9])
def test_there_and_back(latitude: float, turn: float) -> None:
    grid = utm(50, south=latitude < 0)
    east, north = grid.to_grid(latitude, 117.0 + turn)
    assert grid.to_geodetic(east, north) == pytest.approx((latitude, 117.0 + turn), abs=2e-8)


def test_the_grid_turns_away_from_north_beside_its_meridian() -> None:
    frame = LocalFrame(39.9, 116.4, 40.0)
    site = SiteGrid(frame, utm(utm_zone(116.4), south=False))
    expected = math.radians(116.4 - 117.0) * math.sin(math.radians(39.9))  # convergence, first order
    assert site.turn_rad == pytest.approx(expected, rel=1e-3)


def test_places_of_a_site_agree_with_the_projection_to_millimetres() -> None:
    frame, grid = LocalFrame(39.9, 116.4, 40.0), utm(50, south=False)
    site = SiteGrid(frame, grid)
    points = np.array([[0.0, 0.0], [180.0, -20.0], [-300.0, 250.0]])
    exact = [grid.to_grid(*frame.to_geodetic(x, y)) for x, y in points]
    assert site.to_grid(points) == pytest.approx(np.array(exact), abs=0.02)
    assert site.to_frame(site.to_grid(points)) == pytest.approx(points, abs=1e-6)


def test_a_zone_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="1 to 60"):
        utm(61, south=False)
