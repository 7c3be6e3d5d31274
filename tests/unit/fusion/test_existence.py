"""Where a sensor looks, what hides a road user, and what a miss and a hit say."""

from __future__ import annotations

import numpy as np
import pytest

from edge.fusion.existence import fill_horizon, hit, inside, missed, occluded
from edge.fusion.sensors import SensorModel, SensorTerms, sensor_terms
from edge.fusion.settings import TrackerSettings
from edge.fusion.table import EXISTENCE, LENGTH, RESIDUALS, WIDTH

L_SHAPE = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 4.0], [4.0, 4.0], [4.0, 10.0], [0.0, 10.0]])
CAMERA = sensor_terms(SensorModel("cam", "camera", position_m=np.array([0.0, -20.0])), column=0)


def hidden(rows: np.ndarray, sensor: SensorTerms) -> bool:
    """Whether the last row is hidden by the others."""
    horizon = np.zeros(720)
    fill_horizon(rows, len(rows), sensor, horizon)
    return bool(occluded(rows, len(rows) - 1, sensor, horizon))


@pytest.mark.parametrize(
    ("x", "y", "expected"), [(2, 8, True), (8, 2, True), (8, 8, False), (-1, 1, False), (2, 2, True)]
)
def test_inside_of_a_polygon_with_a_notch(x: float, y: float, *, expected: bool) -> None:
    assert inside(L_SHAPE, float(x), float(y)) == expected


def test_no_polygon_is_everywhere() -> None:
    assert inside(np.empty((0, 2)), 1e4, -1e4)


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [(0.0, 20.0, True), (0.0, -10.0, False), (10.0, 20.0, False), (1.0, 0.5, False)],
    ids=["behind", "before", "beside", "at the same place"],
)
def test_truck_hides_what_is_behind_it(x: float, y: float, *, expected: bool) -> None:
    rows = np.zeros((2, RESIDUALS))
    rows[0, [LENGTH, WIDTH, EXISTENCE]] = [8.5, 2.5, 0.99]
    rows[1, 0], rows[1, 1] = x, y
    assert hidden(rows, CAMERA) == expected


def test_doubtful_road_user_hides_nothing() -> None:
    rows = np.zeros((2, RESIDUALS))
    rows[0, [LENGTH, WIDTH, EXISTENCE]] = [8.5, 2.5, 0.3]
    rows[1, 1] = 20.0
    assert not hidden(rows, CAMERA)


def test_sensor_without_position_knows_no_occlusion() -> None:
    rows = np.zeros((2, RESIDUALS))
    rows[0, EXISTENCE] = 0.99
    rows[1, 1] = 20.0
    assert not hidden(rows, sensor_terms(SensorModel("cam", "camera"), column=0))


def test_a_miss_lowers_and_a_hit_raises_existence() -> None:
    settings = TrackerSettings()
    assert missed(0.9, 0.0) == pytest.approx(0.9)
    assert missed(0.9, 0.5) == pytest.approx(0.45 / 0.55)
    assert hit(0.5, 0.0, 1.0, CAMERA, settings, 1e9) > 0.99
    assert hit(0.5, 60.0, 1.0, CAMERA, settings, 1e9) < 0.5
    assert hit(0.9999, 0.0, 0.01, CAMERA, settings, 1e9) == settings.highest_existence
