"""From boxes in an image to centres of road users on the ground plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import ConfigError
from edge.core.kinds import CLASS_COUNT
from edge.perception import footprint, homography
from edge.perception.exchanged import exchanged_points
from edge.perception.footprint import CameraTerms, fit_space
from edge.perception.homography import DegenerateError, Homography
from edge.perception.lens import NO_LENS, Lens
from edge.perception.plane_fit import FitKind, PlaneFit, fit_plane
from edge.perception.view import View, view_from_homography

Floats = NDArray[np.float64]

DEFAULT_RANGE_M = 70.0
MAX_MEDIAN_ERROR_M = 3.0
"""Half of the points must come out this well when left out of the fit."""
MAX_WORST_ERROR_M = 15.0
DEFAULT_NOISE_PX = 2.0
DEFAULT_GROUND_SIGMA_M = 0.03
"""How far the road lies above or below the plane through the marked points."""
_ASSUMED_POINT_NOISE_PX = 2.0
_MIN_POINT_NOISE_PX = 0.5
_GROUND_FLOOR_M = 0.15
"""The road is no plane: a camber of 2 % over 7 m."""
_CUT_LENGTH_SHARE = 0.2
"""What is cut by the image or hidden may be longer than its class."""
_REMEDY = "mark at least 6 points spread over the whole road area, and check u v x y of each"


@dataclass(frozen=True, slots=True)
class GroundObjects:
    """n road users of one image, and which boxes they come from.

    Attributes:
        index: (n,) rows of the boxes that were given.
        position_m: (n, 2) centre on the ground, ENU metres.
        covariance_m2: (n, 2, 2).
        size_m: (n, 3) length width height, mostly the class's usual size.
        yaw_rad: (n,) NaN: both ends of a road user look alike in a box.
        above_horizon, out_of_range: boxes dropped, for the counters.
    """

    index: NDArray[np.int64]
    position_m: Floats
    covariance_m2: Floats
    size_m: Floats
    yaw_rad: Floats
    above_horizon: int
    out_of_range: int


class GroundProjection:
    """A calibrated camera over the ground plane.

    Args:
        plane: the fitted map from ground to pixels.
        image_size: width and height that the calibration refers to.
        point_noise_px: one-sigma error of the calibration points.
        point_error_m: (n,) leave-one-out ground error of each point; NaN with four points only.
        range_m: road users farther from the foot of the camera are dropped.
        noise_px: one-sigma noise of a box edge, pixels of `image_size`.
        ground_sigma_m: one-sigma height of the road above the plane.
        lens: of the camera; `plane` then leads to its ideal picture. None: the picture is a pinhole's.
        fit_kind: `homography` or `pose`: how the plane was found.
    """

    def __init__(  # noqa: PLR0913 - a camera has that many
        self,
        plane: Homography,
        *,
        image_size: tuple[int, int],
        point_noise_px: float,
        point_error_m: Floats,
        range_m: float = DEFAULT_RANGE_M,
        noise_px: float = DEFAULT_NOISE_PX,
        ground_sigma_m: float = DEFAULT_GROUND_SIGMA_M,
        lens: Lens | None = None,
        fit_kind: str = "homography",
    ) -> None:
        self.image_size = image_size
        self.lens, self.fit_kind = lens, fit_kind
        self.point_noise_px = point_noise_px
        self.point_error_m = point_error_m
        self.view: View = view_from_homography(
            plane.matrix, image_size=image_size, focal_px=None if lens is None else lens.focal_px
        )
        self._plane = plane
        # The third coordinate of this map is one over the depth: positive on the visible side of the horizon.
        self._to_ground: Floats = np.asarray(np.linalg.inv(plane.matrix), dtype=np.float64)
        self._range_m = range_m
        self._terms = CameraTerms(
            np.ascontiguousarray(self.view.projection),
            np.ascontiguousarray(self._to_ground),
            np.ascontiguousarray(self.view.position_m[:2]),
            np.array(image_size, dtype=float),
            float(noise_px),
            np.ascontiguousarray(plane.matrix),
            np.ascontiguousarray(plane.covariance * point_noise_px**2),
            _GROUND_FLOOR_M,
            _CUT_LENGTH_SHARE,
            float(ground_sigma_m / self.view.position_m[2]),
            NO_LENS if lens is None else lens.terms,
        )
        self._space = fit_space()

    @classmethod
    def from_points(
        cls,
        points: Sequence[Sequence[float]] | Floats,
        *,
        image_size: tuple[int, int],
        range_m: float = DEFAULT_RANGE_M,
        noise_px: float = DEFAULT_NOISE_PX,
        ground_sigma_m: float = DEFAULT_GROUND_SIGMA_M,
        lens: Lens | None = None,
        fit: FitKind = "auto",
        key: str = "points",
    ) -> GroundProjection:
        """Calibrate from n >= 4 rows u px, v px, x m, y m.

        Args:
            points: (n, 4) pairs of pixel and ground point.
            image_size: width and height that u and v refer to.
            range_m: see `GroundProjection`.
            noise_px: see `GroundProjection`.
            ground_sigma_m: see `GroundProjection`.
            lens: see `GroundProjection`.
            fit: see `fit_plane`.
            key: configuration key, for messages.

        Raises:
            ConfigError: too few, on a line, mirrored, or inconsistent points.
        """
        array = np.asarray(points, dtype=float)
        if array.ndim != 2 or array.shape[1] != 4 or len(array) < 4 or not np.isfinite(array).all():
            raise ConfigError(key, "needs at least 4 rows of finite u, v, x, y", remedy=_REMEDY)
        try:
            found = _fit(array, key, image_size=image_size, lens=lens, kind=fit)
            _refuse_bad(found.plane, array, found.point_error_m, key)
        except ConfigError as error:
            pair = exchanged_points(array, image_size=image_size, lens=lens)
            if pair is None:
                raise
            first, second = (row + 1 for row in pair)
            raise ConfigError(
                key,
                f"points {first} and {second} have each other's place",
                remedy=f"exchange the map places of {first} and {second}",
            ) from error
        noise = _ASSUMED_POINT_NOISE_PX
        if found.freedom > 0:
            noise = float(np.sqrt((found.plane.residual**2).sum() / found.freedom))
            # Few degrees of freedom say little: lean on the usual click error.
            noise = float(np.hypot(noise, _ASSUMED_POINT_NOISE_PX / np.sqrt(1 + found.freedom)))
        return cls(
            found.plane,
            image_size=image_size,
            point_noise_px=max(noise, _MIN_POINT_NOISE_PX),
            point_error_m=found.point_error_m,
            range_m=range_m,
            noise_px=noise_px,
            ground_sigma_m=ground_sigma_m,
            lens=lens,
            fit_kind=found.kind,
        )

    def ground_points(self, pixels: Floats) -> Floats:
        """(..., 2) pixels of `image_size` to (..., 2) metres; NaN at and above the horizon."""
        seen = np.asarray(pixels, dtype=float)
        return homography.apply(self._to_ground, seen if self.lens is None else self.lens.undistort(seen))

    def pixels(self, ground_m: Floats) -> Floats:
        """(..., 2) metres to (..., 2) pixels of `image_size`; NaN where the camera cannot see."""
        ideal = self._plane.apply(np.asarray(ground_m, dtype=float))
        return ideal if self.lens is None else self.lens.distort(ideal)

    def project(
        self,
        box_px: NDArray[np.float32] | Floats,
        class_log_odds: Floats,
        *,
        frame_size: tuple[int, int] | None = None,
    ) -> GroundObjects:
        """Place road users on the ground.

        Args:
            box_px: (n, 4) x1 y1 x2 y2.
            class_log_odds: (n, 6); the likeliest class tells the size.
            frame_size: width and height that the boxes refer to, when not the calibration's.
        """
        boxes = self._calibrated(box_px, frame_size)
        odds = np.ascontiguousarray(class_log_odds, dtype=float).reshape(-1, CLASS_COUNT)
        index, position, covariance, size, above, far = footprint.place_all(
            self._terms, boxes, odds, self._range_m, self._space
        )
        return GroundObjects(
            index,
            position,
            covariance,
            size,
            np.full(len(index), np.nan),
            above_horizon=above,
            out_of_range=far,
        )

    def size_misfit(self, box_px: Floats, *, frame_size: tuple[int, int] | None = None) -> Floats:
        """(n, 6) how badly a road user of each class would fill each of the (n, 4) boxes; infinite off the ground.

        The values are minus log likelihoods without constants.
        """
        boxes = self._calibrated(box_px, frame_size)
        misfit = np.empty((len(boxes), CLASS_COUNT))
        footprint.misfits(self._terms, boxes, self._space, misfit)
        return misfit

    def calibration_covariance(self, ground_m: Floats) -> Floats:
        """(n, 2) ground points to (n, 2, 2) covariance that the calibration points leave there."""
        if not len(ground_m):
            return np.empty((0, 2, 2))
        pixel_covariance = self._plane.target_covariance(ground_m) * self.point_noise_px**2
        jacobian = np.linalg.inv(homography.point_jacobian(self._plane.matrix, ground_m))
        return np.asarray(jacobian @ pixel_covariance @ jacobian.transpose(0, 2, 1))

    def _calibrated(self, box_px: NDArray[np.float32] | Floats, frame_size: tuple[int, int] | None) -> Floats:
        """Boxes in pixels of `image_size`."""
        boxes = np.asarray(box_px, dtype=float).reshape(-1, 4)
        if frame_size is None or frame_size == self.image_size:
            return np.ascontiguousarray(boxes)
        scale = np.array(self.image_size, dtype=float) / np.array(frame_size, dtype=float)
        return np.ascontiguousarray(boxes * np.tile(scale, 2))


def _fit(
    array: Floats, key: str, *, image_size: tuple[int, int], lens: Lens | None, kind: FitKind
) -> PlaneFit:
    try:
        return fit_plane(array, image_size=image_size, lens=lens, kind=kind)
    except (DegenerateError, np.linalg.LinAlgError) as error:
        raise ConfigError(key, f"no ground plane fits: {error}", remedy=_REMEDY) from error


def _off(error_m: float) -> str:
    """An error in words; what lies beyond the horizon of the others is endlessly far off."""
    return f"{error_m:.1f} m" if np.isfinite(error_m) else "more than can be told"


def _refuse_bad(plane: Homography, array: Floats, error_m: Floats, key: str) -> None:
    jacobian = homography.point_jacobian(plane.matrix, array[:, 2:])
    if (np.linalg.det(jacobian) > 0).all():
        raise ConfigError(
            key,
            "the ground is seen from below",
            remedy="u and v, or x and y (latitude and longitude), are swapped, or two points have each other's place",
        )
    known = error_m[~np.isnan(error_m)]
    if not len(known):
        return
    worst = int(np.nanargmax(error_m))
    if float(np.median(known)) > MAX_MEDIAN_ERROR_M or float(known.max()) > MAX_WORST_ERROR_M:
        raise ConfigError(
            key,
            f"points disagree: median {_off(float(np.median(known)))}, "
            f"worst point {worst + 1} by {_off(error_m[worst])}",
            remedy=_REMEDY,
        )
