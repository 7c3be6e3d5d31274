"""The pose of a camera whose lens is known, from few points; and whether the covariance says how well."""

from __future__ import annotations

import numpy as np
import pytest

from edge.core.errors import ConfigError
from edge.perception.ground import GroundProjection
from edge.perception.plane_fit import fit_plane
from tests.unit.perception.wide_camera import WideCamera

CAMERA = WideCamera(x=3.0, y=-8.0, yaw_deg=70.0)
SIZE = CAMERA.size
CLICK_PX = 1.5
FAR = np.array([CAMERA.ahead(50.0, s) for s in (-15.0, 0.0, 15.0)])


def marked(rng: np.random.Generator, count: int) -> np.ndarray:
    """So many clicked points of the near road, spread over it."""
    while True:
        forward = rng.uniform(9, 30, count)
        spots = np.array(
            [CAMERA.ahead(f, s * f) for f, s in zip(forward, rng.uniform(-0.8, 0.8, count), strict=True)]
        )
        rows = CAMERA.visible(spots)
        area = np.linalg.svd(spots - spots.mean(axis=0))[1]
        if len(rows) == count and area[1] > 6.0:
            rows[:, :2] += rng.normal(0, CLICK_PX, (count, 2))
            return rows


def far_error(projection: GroundProjection) -> float:
    """Mean error at pixels of ground 50 m away; 100 where that is said to be sky."""
    pixels = CAMERA.pixels(np.column_stack([FAR, np.zeros(len(FAR))]))
    off = np.linalg.norm(projection.ground_points(pixels) - FAR, axis=1)
    return float(np.nan_to_num(off, nan=100.0).mean())


@pytest.mark.parametrize("count", [4, 5])
def test_pose_beats_the_homography_far_away_with_few_points(count: int) -> None:
    errors: dict[str, list[float]] = {"pose": [], "homography": [], "auto": []}
    for seed in range(25):
        rows = marked(np.random.default_rng(seed), count)
        for kind, found in errors.items():
            try:
                projection = GroundProjection.from_points(rows, image_size=SIZE, lens=CAMERA.lens(), fit=kind)
            except ConfigError:
                found.append(100.0)
                continue
            found.append(far_error(projection))
    pose, plane, auto = (np.array(errors[kind]) for kind in ("pose", "homography", "auto"))
    assert np.median(pose) < 0.7 * np.median(plane)
    assert (pose < plane).mean() > 0.7
    assert np.median(auto) <= 1.2 * np.median(pose)


@pytest.mark.parametrize("kind", ["pose", "homography"])
def test_covariance_of_the_calibration_is_honest(kind: str) -> None:
    squared = []
    spots = np.array([CAMERA.ahead(f, s * f) for f in (12.0, 20.0, 30.0) for s in (-0.5, 0.3)])
    pixels = CAMERA.pixels(np.column_stack([spots, np.zeros(len(spots))]))
    for seed in range(80):
        rows = marked(np.random.default_rng(1000 + seed), 8)
        found = fit_plane(rows, image_size=SIZE, lens=CAMERA.lens(), kind=kind)
        projection = GroundProjection(
            found.plane, image_size=SIZE, point_noise_px=CLICK_PX, point_error_m=found.point_error_m,
            lens=CAMERA.lens(),
        )  # fmt: skip
        off = projection.ground_points(pixels) - spots
        covariance = projection.calibration_covariance(spots)
        squared += list(np.einsum("ni,nij,nj->n", off, np.linalg.inv(covariance), off))
    assert 1.4 < np.mean(squared) < 2.6  # two in the mean, of two dimensions


def test_exact_points_give_the_exact_pose_even_with_three_on_a_line() -> None:
    spots = np.array([CAMERA.ahead(f, s) for f, s in ((12, -4), (18, -4), (24, -4), (16, 5))])
    rows = CAMERA.visible(spots)
    assert len(rows) == 4
    projection = GroundProjection.from_points(rows, image_size=SIZE, lens=CAMERA.lens())
    assert projection.fit_kind == "pose"
    np.testing.assert_allclose(projection.view.position_m, [CAMERA.x, CAMERA.y, CAMERA.height_m], atol=1e-3)
    with pytest.raises(ConfigError, match="no ground plane fits"):
        GroundProjection.from_points(rows, image_size=SIZE, lens=CAMERA.lens(), fit="homography")


def test_homography_is_taken_where_the_lens_is_wrong() -> None:
    spots = np.array([CAMERA.ahead(f, s * f) for f in (9, 14, 22, 34) for s in (-0.5, 0.0, 0.5)])
    straight = WideCamera(x=3.0, y=-8.0, yaw_deg=70.0, coefficients=(0.0,) * 5)
    wrong = WideCamera(focal_px=900.0, coefficients=(0.0,) * 5).lens()
    projection = GroundProjection.from_points(straight.visible(spots), image_size=SIZE, lens=wrong)
    assert projection.fit_kind == "homography"
    assert np.nanmax(projection.point_error_m) < 0.01


def test_points_with_a_lens_are_left_out_one_by_one() -> None:
    rows = CAMERA.visible(np.array([CAMERA.ahead(f, s * f) for f in (9, 14, 22, 34) for s in (-0.5, 0.5)]))
    rows[3, 2:] += [4.0, 0.0]
    found = fit_plane(rows, image_size=SIZE, lens=CAMERA.lens())
    # The others are exact: without it, it comes out wrong by just what it is wrong by.
    assert found.point_error_m[3] == pytest.approx(4.0, abs=1e-3)
    assert found.point_error_m[0] > 0.1


def test_road_that_is_no_plane_widens_the_covariance_along_the_line_of_sight() -> None:
    rows = CAMERA.visible(np.array([CAMERA.ahead(f, s * f) for f in (9, 14, 22, 34) for s in (-0.5, 0.5)]))
    spot = CAMERA.ahead(30.0, 4.0)
    box = CAMERA.box(spot, np.array([4.5, 1.8, 1.5]), 0.4)[None]
    odds = np.full((1, 6), -5.0)
    odds[0, 0] = 4.0
    flat, rough = (
        GroundProjection.from_points(rows, image_size=SIZE, lens=CAMERA.lens(), ground_sigma_m=sigma)
        .project(box, odds)
        .covariance_m2[0]
        for sigma in (0.0, 0.2)
    )
    sight = spot - np.array([CAMERA.x, CAMERA.y])
    depression = np.arctan2(CAMERA.height_m, np.linalg.norm(sight))
    variance, direction = np.linalg.eigh(rough - flat)
    assert np.sqrt(variance[1]) == pytest.approx(0.2 / np.tan(depression), rel=0.05)
    assert abs(variance[0]) < 1e-6
    assert abs(direction[:, 1] @ sight) / np.linalg.norm(sight) > 0.999
