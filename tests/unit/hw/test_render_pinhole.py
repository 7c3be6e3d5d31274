"""Projection of the ideal camera."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hw.sim.camera_placement import calibration_points
from hw.sim.pinhole import NEAR_M, PinholeCamera

cameras = st.builds(
    PinholeCamera,
    position_m=st.tuples(st.floats(-50, 50), st.floats(-50, 50), st.floats(3, 20)),
    yaw_rad=st.floats(-math.pi, math.pi),
    pitch_rad=st.floats(-1.2, -0.1),
    roll_rad=st.floats(-0.2, 0.2),
    focal_px=st.floats(150, 900),
)


@given(cameras, st.floats(0, 480), st.floats(0, 288))
def test_ground_point_of_a_pixel_projects_back_to_it(camera: PinholeCamera, u: float, v: float) -> None:
    ground = camera.ground_points(np.array([u, v]))
    assume(not np.isnan(ground[0]) and np.linalg.norm(ground) < 5000)
    pixels, depth_m = camera.project(np.array([*ground, 0.0]))
    assert depth_m > 0
    assert pixels == pytest.approx([u, v], abs=1e-5)


@given(cameras, st.floats(-60, 60), st.floats(-60, 60))
def test_homography_agrees_with_projection(camera: PinholeCamera, x: float, y: float) -> None:
    pixels, depth_m = camera.project(np.array([x, y, 0.0]))
    assume(depth_m > NEAR_M)
    u, v, scale = camera.ground_to_pixel() @ np.array([x, y, 1.0])
    assert scale == pytest.approx(depth_m, abs=1e-6)
    assert [u / scale, v / scale] == pytest.approx(list(pixels), abs=1e-4)


@given(cameras)
def test_axes_are_a_right_handed_rotation(camera: PinholeCamera) -> None:
    axes = camera.axes()
    assert axes @ axes.T == pytest.approx(np.eye(3), abs=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1.0)


def test_left_of_the_axis_is_left_in_the_picture_and_up_is_up() -> None:
    camera = PinholeCamera((0.0, 0.0, 8.0), 0.0, -0.3, 0.0, 300.0)
    pixels, _ = camera.project(
        np.array([[20.0, 0.0, 0.0], [20.0, 5.0, 0.0], [20.0, 0.0, 2.0], [40.0, 0.0, 0.0]])
    )
    middle, left, high, far = pixels
    assert middle[0] == pytest.approx(240.0)
    assert left[0] < middle[0]
    assert high[1] < middle[1]
    assert far[1] < middle[1]


def test_roll_clockwise_turns_the_scene_the_other_way() -> None:
    level = PinholeCamera((0.0, 0.0, 8.0), 0.0, -0.3, 0.0, 300.0)
    rolled = PinholeCamera((0.0, 0.0, 8.0), 0.0, -0.3, 0.1, 300.0)
    left = np.array([30.0, 10.0, 0.0])
    assert rolled.project(left)[0][1] > level.project(left)[0][1]


def test_pixels_above_the_horizon_have_no_ground() -> None:
    camera = PinholeCamera((0.0, 0.0, 8.0), 0.0, -0.1, 0.0, 300.0)
    assert np.isnan(camera.ground_points(np.array([[240.0, 0.0]]))).all()


def test_points_behind_the_lens_are_not_in_frame() -> None:
    camera = PinholeCamera((0.0, 0.0, 8.0), 0.0, -0.3, 0.0, 300.0)
    inside = camera.in_frame(np.array([[20.0, 0.0, 0.0], [-20.0, 0.0, 0.0], [20.0, 100.0, 0.0]]))
    assert inside.tolist() == [True, False, False]


def test_fraction_in_frame_is_the_share_of_the_area() -> None:
    camera = PinholeCamera((0.0, 0.0, 8.0), 0.0, -0.3, 0.0, 300.0)
    boxes = np.array([[10.0, 10.0, 20.0, 20.0], [-10.0, 10.0, 10.0, 20.0], [-30.0, -30.0, -10.0, -10.0]])
    assert camera.fraction_in_frame(boxes) == pytest.approx([1.0, 0.5, 0.0])


def test_calibration_points_are_spread_and_recover_the_homography() -> None:
    camera = PinholeCamera((-17.0, -17.0, 9.5), 0.8, -0.35, 0.01, 257.0)
    points = np.array(calibration_points(camera))
    assert len(points) >= 6
    assert np.ptp(points[:, 0]) > 0.7 * camera.width
    assert np.ptp(points[:, 1]) > 0.5 * camera.height
    ones = np.ones(len(points))
    image = camera.ground_to_pixel() @ np.stack([points[:, 2], points[:, 3], ones])
    assert image[:2] / image[2] == pytest.approx(points[:, :2].T, abs=1e-6)
