"""From marked points to the ground plane: by a homography, or by the pose of a camera whose lens is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge.perception import homography
from edge.perception.homography import DegenerateError, Homography
from edge.perception.lens import Lens
from edge.perception.pose import pose_of_view, projection_of_vector
from edge.perception.view import view_from_homography

Floats = NDArray[np.float64]
FitKind = Literal["auto", "homography", "pose"]
PREFERENCE = 1.2
"""Leave-one-out errors of a few points are noisy: the pose may be that much worse before the homography is taken."""
_STEPS = 60
_CONVERGED = 1e-10
_POOR_PX = 20.0
"""A start that leaves more than this is not trusted: others are tried."""
_START_HEIGHT_M = 7.0
_START_DISTANCES_M = (12.0, 30.0)
_START_HEADINGS = 8
_LEAST_HEIGHT_M = 0.5


@dataclass(frozen=True, slots=True)
class PlaneFit:
    """A fitted ground plane.

    Attributes:
        kind: `homography` or `pose`.
        plane: ground to pixels of the ideal picture; its residual and noise are in pixels of the lens.
        point_error_m: (n,) leave-one-out ground error of each point, see `leave_one_out`.
        freedom: degrees of freedom that the points have left.
    """

    kind: Literal["homography", "pose"]
    plane: Homography
    point_error_m: Floats
    freedom: int


def fit_plane(
    points: Floats, *, image_size: tuple[int, int], lens: Lens | None = None, kind: FitKind = "auto"
) -> PlaneFit:
    """Fit to (n, 4) rows u v x y, n >= 4.

    `auto` takes the pose where the lens is known and points left out of the fit do not come out clearly worse by it.

    Raises:
        DegenerateError: the points do not determine the plane.
    """
    if lens is None:
        return _by_homography(points, None)
    if kind == "homography":
        return _by_homography(points, lens)
    try:
        plane = None if kind == "pose" else _by_homography(points, lens)
    except (DegenerateError, np.linalg.LinAlgError):
        plane = None
    try:
        pose = _by_pose(points, lens, image_size)
    except (DegenerateError, np.linalg.LinAlgError):
        if plane is None:
            raise
        return plane
    return pose if plane is None or _worth(pose) <= PREFERENCE * _worth(plane) else plane


def _worth(found: PlaneFit) -> float:
    """Root mean square of the leave-one-out errors; endless where nothing is known, as with four points."""
    known = found.point_error_m[~np.isnan(found.point_error_m)]
    return float(np.sqrt((known**2).mean())) if len(known) else math.inf


def _by_homography(points: Floats, lens: Lens | None) -> PlaneFit:
    def fitted(rows: Floats) -> Homography:
        if lens is None:
            return homography.fit(rows[:, 2:], rows[:, :2])
        ideal = lens.undistort(rows[:, :2])
        stretch = lens.stretch(rows[:, :2])
        if not (np.isfinite(ideal).all() and np.isfinite(stretch).all()):
            raise DegenerateError("a point lies where the lens shows nothing of the ground")
        return homography.fit(rows[:, 2:], ideal, 1.0 / stretch)

    plane = fitted(points)
    return PlaneFit("homography", plane, leave_one_out(points, fitted, lens, least=4), 2 * len(points) - 8)


def _by_pose(points: Floats, lens: Lens, image_size: tuple[int, int]) -> PlaneFit:
    solver = _PoseFit(lens, image_size)
    vector = solver.solve(points)

    def fitted(rows: Floats) -> Homography:
        return solver.plane(solver.descend(vector, rows), rows)

    plane = solver.plane(vector, points)
    return PlaneFit("pose", plane, leave_one_out(points, fitted, lens, least=3), 2 * len(points) - 6)


def leave_one_out(
    points: Floats, fitted: Callable[[Floats], Homography], lens: Lens | None, *, least: int
) -> Floats:
    """(n, 4) rows u v x y to (n,) metres between each ground point and where the other points put its pixel.

    NaN where the others do not say (fewer than `least`, or the rest on a line), infinite above their horizon.
    """
    error = np.full(len(points), np.nan)
    if len(points) <= least:
        return error
    ideal = points[:, :2] if lens is None else lens.undistort(points[:, :2])
    for row in range(len(points)):
        try:
            plane = fitted(np.delete(points, row, axis=0))
        except (DegenerateError, np.linalg.LinAlgError):
            continue  # without this point the rest lie on a line: nothing can be said about it
        back: Floats = np.asarray(np.linalg.inv(plane.matrix), dtype=np.float64)
        found = homography.apply(back, ideal[row])
        error[row] = np.linalg.norm(found - points[row, 2:]) if np.isfinite(found).all() else np.inf
    return error


class _PoseFit:
    """Levenberg and Marquardt's method over x, y, z, yaw, pitch and roll, on the error in pixels of the lens."""

    def __init__(self, lens: Lens, image_size: tuple[int, int]) -> None:
        self._lens, self._size = lens, image_size
        self._log_focal = math.log(lens.focal_px)

    def solve(self, points: Floats) -> Floats:
        """(6,) the pose that fits best. Raises `DegenerateError`."""
        best: tuple[float, Floats] | None = None
        for start in self._starts(points):
            try:
                found = self.descend(start, points)
            except (DegenerateError, np.linalg.LinAlgError):
                continue
            left = float(np.sqrt((self._error(found, points) ** 2).mean()))
            if best is None or left < best[0]:
                best = (left, found)
            if left < _POOR_PX:
                break
        if best is None:
            raise DegenerateError("no camera above the ground sees the points so")
        return best[1]

    def descend(self, start: Floats, points: Floats) -> Floats:
        """From a start to the nearest best pose. Raises `DegenerateError`."""
        vector, damping = start, 1e-3
        error = self._error(vector, points)
        if not np.isfinite(error).all():
            raise DegenerateError("the start does not see the points")
        for _ in range(_STEPS):
            jacobian = self._jacobian(vector, points)
            information = jacobian.T @ jacobian
            step = np.linalg.solve(information + damping * np.diag(np.diag(information)), -jacobian.T @ error)
            moved = self._error(vector + step, points)
            if not (np.isfinite(moved).all() and moved @ moved <= error @ error):
                damping *= 10.0
                if damping > 1e8:
                    break
                continue
            vector, error, damping = vector + step, moved, max(damping / 10.0, 1e-12)
            if float(np.abs(step).max()) < _CONVERGED:
                break
        if vector[2] < _LEAST_HEIGHT_M:
            raise DegenerateError("the camera would lie below the ground")
        return vector

    def plane(self, vector: Floats, points: Floats) -> Homography:
        """The ground plane of a pose, with what the points leave uncertain."""
        jacobian = self._jacobian(vector, points)
        if np.linalg.matrix_rank(jacobian, tol=1e-9 * float(np.linalg.norm(jacobian))) < 6:
            raise DegenerateError("the points leave the pose undetermined")
        covariance = np.linalg.inv(jacobian.T @ jacobian)
        spread = _slope(lambda v: self._matrix(v).reshape(-1), vector)
        residual = self._error(vector, points).reshape(-1, 2)
        return Homography(self._matrix(vector), spread @ covariance @ spread.T, residual)

    def _matrix(self, vector: Floats) -> Floats:
        whole = projection_of_vector(np.append(vector, self._log_focal), image_size=self._size)
        return np.asarray(whole[:, [0, 1, 3]])

    def _error(self, vector: Floats, points: Floats) -> Floats:
        ideal = homography.apply(self._matrix(vector), points[:, 2:])
        return np.asarray((self._lens.distort(ideal) - points[:, :2]).reshape(-1))

    def _jacobian(self, vector: Floats, points: Floats) -> Floats:
        return _slope(lambda v: self._error(v, points), vector)

    def _starts(self, points: Floats) -> list[Floats]:
        """The pose in the homography, and poses around the points that look at their middle."""
        starts = []
        try:
            plane = homography.fit(points[:, 2:], self._lens.undistort(points[:, :2]))
            view = view_from_homography(plane.matrix, image_size=self._size, focal_px=self._lens.focal_px)
            starts.append(pose_of_view(view, image_size=self._size).vector()[:6])
        except (DegenerateError, np.linalg.LinAlgError):
            pass  # three of four points on a line: the pose may be told all the same
        middle = points[:, 2:].mean(axis=0)
        for distance in _START_DISTANCES_M:
            for heading in np.arange(_START_HEADINGS) * (2.0 * math.pi / _START_HEADINGS):
                x, y = middle - distance * np.array([math.cos(heading), math.sin(heading)])
                pitch = -math.atan2(_START_HEIGHT_M, distance)
                starts.append(np.array([x, y, _START_HEIGHT_M, heading, pitch, 0.0]))
        return starts


def _slope(function: Callable[[Floats], Floats], vector: Floats) -> Floats:
    """(m, k) central differences."""
    columns = []
    for k in range(len(vector)):
        step = np.zeros(len(vector))
        step[k] = 1e-5
        columns.append((function(vector + step) - function(vector - step)) / 2e-5)
    return np.stack(columns, axis=1)
