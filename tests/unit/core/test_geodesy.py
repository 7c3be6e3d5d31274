"""The local frame is metric, reversible, and agrees with known distances."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.geodesy import LocalFrame, heading_to_yaw_rad, yaw_to_heading_deg

LATITUDES = st.floats(-70, 70)


@given(LATITUDES, st.floats(-180, 179.99), st.floats(-500, 500), st.floats(-500, 500))
def test_round_trip_is_exact_to_a_micrometre(latitude: float, longitude: float, x: float, y: float) -> None:
    frame = LocalFrame(latitude, longitude)
    found = frame.to_local(*frame.to_geodetic(x, y))
    assert found == pytest.approx((x, y), abs=1e-5)


def test_one_arc_minute_of_latitude_is_a_nautical_mile() -> None:
    frame = LocalFrame(45.0, 0.0)
    assert frame.to_local(45.0 + 1 / 60, 0.0)[1] == pytest.approx(1852.2, abs=0.5)


def test_degree_of_longitude_at_the_equator() -> None:
    assert LocalFrame(0.0, 0.0).to_local(0.0, 0.01)[0] == pytest.approx(1113.195, abs=0.01)


def test_antimeridian_is_no_edge() -> None:
    assert abs(LocalFrame(0.0, 179.9999).to_local(0.0, -179.9999)[0]) < 25.0


@given(st.floats(0, 359.99))
def test_heading_and_yaw_are_inverse(heading: float) -> None:
    back = yaw_to_heading_deg(heading_to_yaw_rad(heading))
    assert math.isclose((back - heading + 180) % 360 - 180, 0.0, abs_tol=1e-9)


@pytest.mark.parametrize(
    ("heading", "yaw"), [(0, math.pi / 2), (90, 0.0), (180, -math.pi / 2), (270, math.pi)]
)
def test_compass_points(heading: float, yaw: float) -> None:
    found = heading_to_yaw_rad(heading)
    assert (math.cos(found), math.sin(found)) == pytest.approx((math.cos(yaw), math.sin(yaw)), abs=1e-12)


def test_pole_is_refused() -> None:
    with pytest.raises(ValueError, match="not a position"):
        LocalFrame(91.0, 0.0)
