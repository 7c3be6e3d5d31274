"""A plane-to-plane projective map fitted to point pairs, with its covariance.

Normalised direct linear transform (Hartley and Zisserman, Multiple View Geometry, 2nd edition, algorithm 4.2), then
Gauss-Newton on the error in the target plane (section 4.2.3); the covariance of the parameters follows from the
same Jacobian (section 5.2.3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_MAX_REFINEMENTS = 30
_CONVERGED = 1e-10
_DEGENERATE_SINGULAR_VALUE = 1e-3


class DegenerateError(ValueError):
    """The points lie on a line, or otherwise do not determine the map."""


@dataclass(frozen=True, slots=True)
class Homography:
    """The map source -> target and how well it is known.

    Attributes:
        matrix: (3, 3) source x, y, 1 -> target u, v, 1 times depth; depth is positive at the points.
        covariance: (9, 9) covariance of the row-major elements of `matrix` for a target noise of one unit.
        residual: (n, 2) target-plane residuals of the points, times their weights.
    """

    matrix: Floats
    covariance: Floats
    residual: Floats

    def apply(self, source: Floats) -> Floats:
        """(..., 2) source points to (..., 2) target points; NaN where depth is not positive."""
        return apply(self.matrix, source)

    def target_covariance(self, source: Floats) -> Floats:
        """(n, 2) source points to (n, 2, 2) covariance of their images, for a target noise of one unit."""
        jacobian = _element_jacobian(self.matrix, source)
        return np.asarray(jacobian @ self.covariance @ jacobian.transpose(0, 2, 1))


def apply(matrix: Floats, source: Floats) -> Floats:
    """Map (..., 2) points by a (3, 3) matrix; NaN where the third coordinate is not positive."""
    mapped = source @ matrix[:, :2].T + matrix[:, 2]
    depth = np.where(mapped[..., 2:] > 0.0, mapped[..., 2:], np.nan)
    return np.asarray(mapped[..., :2] / depth)


def point_jacobian(matrix: Floats, source: Floats) -> Floats:
    """(n, 2) points to (n, 2, 2) derivative of the mapped point by the point."""
    mapped = source @ matrix[:, :2].T + matrix[:, 2]
    image = mapped[:, :2] / mapped[:, 2:]
    return np.asarray(
        (matrix[None, :2, :2] - image[:, :, None] * matrix[None, 2:, :2]) / mapped[:, 2, None, None]
    )


def fit(source: Floats, target: Floats, weight: Floats | None = None) -> Homography:
    """Fit to (n, 2) pairs, n >= 4.

    Args:
        source, target: the pairs.
        weight: (n,) one over the target noise of each point, in the unit of `covariance`; None: all one.

    Raises:
        DegenerateError: the pairs do not determine the map, or no single view shows them all.
    """
    to_source, from_target = _normaliser(source), _normaliser(target)
    source_n = apply(to_source, source)
    target_n = apply(from_target, target)
    twice = np.ones(2 * len(source)) if weight is None else np.repeat(weight, 2)
    matrix = _refine(_direct(source_n, target_n), source_n, target_n, twice)
    jacobian = twice[:, None] * _element_jacobian(matrix, source_n).reshape(-1, 9)
    covariance = _gauged_covariance(jacobian, matrix)
    back = np.linalg.inv(from_target)
    whole = back @ matrix @ to_source
    spread = np.kron(back, to_source.T)
    unit = float(from_target[0, 0])
    residual = (apply(whole, source) - target) * twice.reshape(-1, 2)
    if not np.isfinite(residual).all():
        raise DegenerateError("the points do not all lie in front of one camera")
    return Homography(whole, spread @ covariance @ spread.T * unit**2, residual)


def _normaliser(points: Floats) -> Floats:
    """Similarity that moves the mean to 0 and the mean distance to the square root of 2."""
    mean = points.mean(axis=0)
    distance = float(np.linalg.norm(points - mean, axis=1).mean())
    if not distance > 1e-9:
        raise DegenerateError("all points are the same")
    scale = np.sqrt(2.0) / distance
    return np.array([[scale, 0.0, -scale * mean[0]], [0.0, scale, -scale * mean[1]], [0.0, 0.0, 1.0]])


def _direct(source: Floats, target: Floats) -> Floats:
    ones = np.column_stack([source, np.ones(len(source))])
    zeros = np.zeros_like(ones)
    rows = np.concatenate(
        [
            np.hstack([ones, zeros, -target[:, :1] * ones]),
            np.hstack([zeros, ones, -target[:, 1:] * ones]),
        ]
    )
    _, singular, vectors = np.linalg.svd(rows)
    if singular[7] < _DEGENERATE_SINGULAR_VALUE * singular[0]:
        raise DegenerateError("three or more points lie on one line and leave the map undetermined")
    matrix = vectors[-1].reshape(3, 3)
    depth = ones @ matrix[2]
    if (depth > 0).sum() < len(depth) / 2:
        matrix = -matrix
    depth = ones @ matrix[2]
    if not (depth > 1e-9).all():
        raise DegenerateError("the points do not all lie in front of one camera")
    return np.asarray(matrix / np.linalg.norm(matrix))


def _element_jacobian(matrix: Floats, source: Floats) -> Floats:
    """(n, 2, 9) derivative of the mapped points by the row-major elements of the matrix."""
    ones = np.column_stack([source, np.ones(len(source))])
    mapped = ones @ matrix.T
    image = mapped[:, :2] / mapped[:, 2:]
    scaled = ones / mapped[:, 2:]
    jacobian = np.zeros((len(source), 2, 9))
    jacobian[:, 0, 0:3] = scaled
    jacobian[:, 1, 3:6] = scaled
    jacobian[:, :, 6:9] = -image[:, :, None] * scaled[:, None, :]
    return jacobian


def _refine(matrix: Floats, source: Floats, target: Floats, weight: Floats) -> Floats:
    for _ in range(_MAX_REFINEMENTS):
        error = weight * (target - apply(matrix, source)).reshape(-1)
        jacobian = weight[:, None] * _element_jacobian(matrix, source).reshape(-1, 9)
        # The scale of the matrix is free: its direction is held by one more equation.
        step = np.linalg.lstsq(
            np.vstack([jacobian, matrix.reshape(1, 9)]), np.append(error, 0.0), rcond=None
        )[0]
        candidate = matrix + step.reshape(3, 3)
        if not _improves(candidate, source, target, weight, error):
            return matrix
        matrix = np.asarray(candidate / np.linalg.norm(candidate))
        if float(np.abs(step).max()) < _CONVERGED:
            return matrix
    return matrix


def _improves(candidate: Floats, source: Floats, target: Floats, weight: Floats, error: Floats) -> bool:
    found = weight * (target - apply(candidate, source)).reshape(-1)
    return bool(np.isfinite(found).all() and found @ found < error @ error)


def _gauged_covariance(jacobian: Floats, matrix: Floats) -> Floats:
    """Inverse information on the eight directions that change the map."""
    _, _, vectors = np.linalg.svd(matrix.reshape(1, 9))
    free = vectors[1:].T
    information = free.T @ (jacobian.T @ jacobian) @ free
    return np.asarray(free @ np.linalg.inv(information) @ free.T)
