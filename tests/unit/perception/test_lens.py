"""Lenses are undone as OpenCV does it, and road users seen through them come out where they are."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.errors import ConfigError
from edge.core.kinds import CLASS_COUNT, TYPICAL_SIZE_M, ObjectClass
from edge.perception.ground import GroundProjection
from edge.perception.lens import Lens
from edge.perception.plane_fit import fit_plane
from tests.unit.perception.wide_camera import BARREL, FISHEYE, WideCamera, opencv_distort

SIZE = (1280, 720)
MIDDLE = np.array([640.0, 360.0])
MATRIX = np.array([[700.0, 0, 652], [0, 690, 351], [0, 0, 1]])
BARREL_CAMERA = WideCamera()
FISHEYE_CAMERA = WideCamera(model="fisheye", coefficients=FISHEYE, focal_px=560.0)


def lens_of(model: str, coefficients: tuple[float, ...]) -> Lens:
    return Lens(model, focal_px=(700, 690), centre_px=(652, 351), coefficients=coefficients, image_size=SIZE)


def random_pixels(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform((0, 0), SIZE, (200, 2))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    k1=st.floats(-0.12, 0.2),
    k2=st.floats(0.0, 0.15),
    p1=st.floats(-0.003, 0.003),
    p2=st.floats(-0.003, 0.003),
    k3=st.floats(0.0, 0.03),
    seed=st.integers(0, 9),
)
def test_pinhole_is_undone_as_opencv_does_it(
    k1: float, k2: float, p1: float, p2: float, k3: float, seed: int
) -> None:
    lens = lens_of("pinhole", (k1, k2, p1, p2, k3))
    pixels = random_pixels(seed)
    ideal = lens.undistort(pixels)
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 500, 1e-13)
    rays = cv2.undistortPoints(pixels[:, None], MATRIX, np.array([k1, k2, p1, p2, k3]), criteria=criteria)
    np.testing.assert_allclose(ideal, rays[:, 0] * lens.focal_px + MIDDLE, atol=1e-5)
    np.testing.assert_allclose(lens.distort(ideal), pixels, atol=1e-6)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    k1=st.floats(-0.04, 0.1),
    k2=st.floats(-0.01, 0.02),
    k3=st.floats(-0.004, 0.004),
    k4=st.floats(-0.0005, 0.001),
    seed=st.integers(0, 9),
)
def test_fisheye_is_undone_as_opencv_does_it(k1: float, k2: float, k3: float, k4: float, seed: int) -> None:
    lens = lens_of("fisheye", (k1, k2, k3, k4))
    pixels = random_pixels(seed)
    ideal = lens.undistort(pixels)
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-13)
    rays = cv2.fisheye.undistortPoints(pixels[:, None], MATRIX, np.array([k1, k2, k3, k4]), criteria=criteria)
    np.testing.assert_allclose(ideal, rays[:, 0] * lens.focal_px + MIDDLE, rtol=1e-7, atol=1e-5)
    np.testing.assert_allclose(lens.distort(ideal), pixels, atol=1e-6)


@pytest.mark.parametrize(("model", "coefficients"), [("pinhole", BARREL), ("fisheye", FISHEYE)])
def test_ideal_points_come_back_and_agree_with_opencv(model: str, coefficients: tuple[float, ...]) -> None:
    lens = lens_of(model, coefficients)
    ideal = lens.undistort(random_pixels(3))
    seen = opencv_distort(model, (ideal - MIDDLE) / lens.focal_px, MATRIX, coefficients)
    np.testing.assert_allclose(lens.distort(ideal), seen, atol=1e-6)


def test_lens_that_folds_inside_the_picture_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"lens.*folds inside the picture"):
        lens_of("pinhole", (-0.6, 0.0, 0.0, 0.0, 0.0))
    with pytest.raises(ConfigError, match=r"lens.*folds inside the picture"):
        lens_of("fisheye", (-0.5, 0.0, 0.0, 0.0))


def test_ground_beyond_the_fold_is_not_drawn_back_into_the_picture() -> None:
    lens = lens_of("pinhole", (-0.1, 0.0, 0.0, 0.0, 0.0))
    assert np.isnan(lens.distort(np.array([[640.0 + 20 * 700, 360.0]]))).all()


def test_what_a_fisheye_shows_behind_the_picture_plane_is_no_ground() -> None:
    lens = Lens("fisheye", focal_px=(330, 330), centre_px=(640, 360), coefficients=(0.0,), image_size=SIZE)
    assert np.isnan(lens.undistort(np.array([[5.0, 360.0]]))).all()
    assert np.isfinite(lens.undistort(np.array([[300.0, 360.0]]))).all()


@pytest.mark.parametrize("camera", [BARREL_CAMERA, FISHEYE_CAMERA], ids=["barrel", "fisheye"])
def test_ground_at_the_border_is_right_with_the_lens_and_wrong_without(camera: WideCamera) -> None:
    spots = np.array([camera.ahead(f, s * f) for f in (7, 12, 18, 30, 45) for s in (-1.6, -0.7, 0, 0.7, 1.6)])
    rows = camera.visible(spots)
    rows[:, :2] += np.random.default_rng(5).normal(0, 0.3, (len(rows), 2))
    with_lens = GroundProjection.from_points(rows, image_size=SIZE, lens=camera.lens())
    dense = np.array(
        [camera.ahead(f, s * f) for f in np.arange(8, 24, 2) for s in np.arange(-2.4, 2.41, 0.1)]
    )
    truth = camera.visible(dense)
    border = (np.abs(truth[:, 0] - 640) > 480) | (truth[:, 1] > 600)
    assert border.sum() > 10

    def worst(projection: GroundProjection) -> float:
        return float(
            np.linalg.norm(projection.ground_points(truth[:, :2]) - truth[:, 2:], axis=1)[border].max()
        )

    assert worst(with_lens) < 0.1
    # Without the refusal of points that disagree, which the fisheye's do by far.
    found = fit_plane(rows, image_size=SIZE)
    without = GroundProjection(
        found.plane, image_size=SIZE, point_noise_px=1.0, point_error_m=found.point_error_m
    )
    assert worst(without) > 1.0
    back = with_lens.pixels(with_lens.ground_points(truth[:, :2]))
    np.testing.assert_allclose(back, truth[:, :2], atol=1e-6)


@pytest.mark.parametrize("camera", [BARREL_CAMERA, FISHEYE_CAMERA], ids=["barrel", "fisheye"])
def test_cuboids_are_found_across_the_whole_picture_of_a_wide_lens(camera: WideCamera) -> None:
    spots = np.array([camera.ahead(f, s * f) for f in (8, 14, 25, 45) for s in (-0.8, -0.3, 0.3, 0.8)])
    projection = GroundProjection.from_points(camera.visible(spots), image_size=SIZE, lens=camera.lens())
    odds = np.full((1, CLASS_COUNT), -5.0)
    odds[0, ObjectClass.CAR] = 4.0
    error, squared = [], []
    for forward in (10.0, 14.0, 20.0, 30.0):
        for side in np.linspace(-0.95, 0.95, 9):
            for yaw in (0.2, 1.1, 2.3):
                centre = camera.ahead(forward, side * forward)
                box = camera.box(centre, TYPICAL_SIZE_M[ObjectClass.CAR], yaw)
                if (box[:2] < 4).any() or (box[2:] > np.array(SIZE) - 4).any():
                    continue
                found = projection.project(box[None], odds)
                assert len(found.index) == 1
                off = found.position_m[0] - centre
                error.append(math.hypot(*off))
                squared.append(off @ np.linalg.inv(found.covariance_m2[0]) @ off)
    assert len(error) > 40
    assert np.median(error) < 0.3
    assert np.max(error) < 1.0
    assert np.max(squared) < 12.0
