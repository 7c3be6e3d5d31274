"""The camera pose and time offset under which matched vehicles fill their boxes: robust nonlinear least squares.

Unknown are the seven numbers of `CameraPose`, the time offset, how tight boxes are drawn, and the GNSS error of every
vehicle, which wanders slowly (an Ornstein-Uhlenbeck process held by a node every `NODE_S`). Levenberg-Marquardt
with Cauchy weights per edge.

A detector that draws its boxes tight makes all vehicles look far: taken as noise, that would push the camera away from
the road. Only the sides are freed: tight lower edges look like a camera that stands higher.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.perception.car_data import Track, Vehicle
from edge.perception.car_match import Pair, edge_sigma, tightened
from edge.perception.pose import boxes_of, projection_of_vector

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
POSE, OFFSET, TIGHT, SHARED = slice(0, 7), 7, 8, 9
PRIOR_SIGMA = np.array([1.0, 1.0, 0.7, 0.07, 0.07, 0.07, 0.02, 0.5, 0.03])
"""How far the pose may be from the present one: metres, radians, share of the focal length; seconds; share of a box's
width by which each side is drawn in."""
_STEPS = np.array([0.02, 0.02, 0.02, 2e-4, 2e-4, 2e-4, 2e-4, 0.01, 1e-3])
NODE_S, WANDER_S = 4.0, 30.0
GNSS_NOISE_M = 0.15
"""White error of a smoothed position."""
CAUCHY = 2.0
WORTH = 15.0
"""A track counts as at most that many independent boxes: a detector errs alike from picture to picture."""
ROUNDS, CONVERGED = 25, 1e-4


@dataclass(frozen=True, slots=True)
class Samples:
    """All boxes of matched tracks, struct of arrays.

    Attributes:
        time_s: (n,); box: (n, 4); sigma: (n, 4) with infinity where an edge cannot be used; worth: (n,) 0..1.
        vehicle: (n,) index; size_m: (n, 3); node: (n,) index of the GNSS error.
        node_sigma_m: (k,); follows: (k,) the node before of the same vehicle, -1 none.
    """

    time_s: Floats
    box: Floats
    sigma: Floats
    worth: Floats
    vehicle: Ints
    size_m: Floats
    node: Ints
    node_sigma_m: Floats
    follows: Ints


@dataclass(frozen=True, slots=True)
class Solution:
    """A pose, its time offset, and how well they are known.

    Attributes:
        vector: (9,) see `CameraPose.vector`, then the time offset in seconds: a picture shows the world of its stamp
            plus this; then `tight`.
        covariance: (9, 9).
        scale: one-sigma residual of an edge over its expected noise; 1 is as expected.
        residual_px: median size of the residual of an edge.
    """

    vector: Floats
    covariance: Floats
    scale: float
    residual_px: float

    @property
    def tight(self) -> float:
        """Share of its width by which each side of a box is drawn in; negative: wide."""
        return float(self.vector[TIGHT])


def start_of(pose: Floats, offset_s: float = 0.0) -> Floats:
    """(9,) vector of a (7,) pose and a time offset, boxes neither tight nor wide."""
    return np.concatenate([pose, [offset_s, 0.0]])


def gather(tracks: list[Track], vehicles: list[Vehicle], pairs: list[Pair]) -> Samples:
    """The boxes of pairs; there must be at least one."""
    time, box, sigma, worth, owner, bucket = [], [], [], [], [], []
    for pair in pairs:
        track, rows = tracks[pair.track], pair.rows
        time.append(track.time_s[rows])
        box.append(track.box[rows])
        sigma.append(
            np.where(track.usable[rows], edge_sigma(track.box[rows], vehicles[pair.vehicle].size_m), np.inf)
        )
        worth.append(np.full(len(rows), min(1.0, WORTH / len(rows))))
        owner.append(np.full(len(rows), pair.vehicle))
        bucket.append(np.floor(track.time_s[rows] / NODE_S).astype(np.int64))
    vehicle = np.concatenate(owner)
    keys, node = np.unique(np.stack([vehicle, np.concatenate(bucket)]), axis=1, return_inverse=True)
    # Sorted keys: the node before of the same vehicle is the one in front.
    same = np.concatenate([[False], keys[0, 1:] == keys[0, :-1]])
    return Samples(
        np.concatenate(time),
        np.concatenate(box),
        np.concatenate(sigma),
        np.concatenate(worth),
        vehicle,
        np.array([vehicles[j].size_m for j in vehicle]),
        node.reshape(-1),
        np.array([vehicles[j].gnss_m for j in keys[0]]),
        np.where(same, np.arange(len(same)) - 1, -1),
    )


def solve(
    start: Floats,
    vehicles: list[Vehicle],
    samples: Samples,
    *,
    image_size: tuple[int, int],
    prior: Floats,
    blur: float = 1.0,
) -> Solution:
    """Find the pose.

    Args:
        start: (9,) where to begin.
        vehicles, samples: see `gather`.
        image_size: of the calibration.
        prior: (9,) the present calibration.
        blur: factor on the noise of the edges, while the start is far off.
    """
    problem = _Problem(vehicles, samples, image_size, prior, blur)
    vector, errors = start.copy(), np.zeros((len(samples.node_sigma_m), 2))
    damping, cost = 1e-3, problem.cost(vector, errors)
    for _ in range(ROUNDS):
        matrix, pull = problem.normal(vector, errors)
        diagonal = np.diag(np.diag(matrix))
        step = np.linalg.solve(matrix + damping * diagonal, pull)
        moved, wandered = vector + step[:SHARED], errors + step[SHARED:].reshape(-1, 2)
        new = problem.cost(moved, wandered)
        if not new < cost:
            damping = min(damping * 8.0, 1e6)
            if damping >= 1e6:
                break
            continue
        done = cost - new < CONVERGED * cost
        vector, errors, cost, damping = moved, wandered, new, max(damping / 4.0, 1e-9)
        if done:
            break
    return problem.solution(vector, errors)


class _Problem:
    """The equations of one fit."""

    def __init__(
        self, vehicles: list[Vehicle], samples: Samples, size: tuple[int, int], prior: Floats, blur: float
    ) -> None:
        self._vehicles, self._samples, self._size, self._prior = vehicles, samples, size, prior
        self._sigma = samples.sigma * blur
        self._rows = [(j, np.flatnonzero(samples.vehicle == j)) for j in np.unique(samples.vehicle)]
        self._state, self._offset_s = np.empty((len(samples.time_s), 3)), np.nan
        keep = float(np.exp(-NODE_S / WANDER_S))
        self._keep = np.where(samples.follows >= 0, keep, 0.0)
        self._node_weight = 1.0 / (samples.node_sigma_m**2 * (1.0 - self._keep**2))

    def boxes(self, vector: Floats, errors: Floats) -> Floats:
        """(n, 4) boxes as they should be."""
        samples = self._samples
        state = self._states(float(vector[OFFSET]))
        place = state[:, :2] - errors[samples.node]
        projection = projection_of_vector(vector[POSE], image_size=self._size)
        return tightened(boxes_of(projection, place, state[:, 2], samples.size_m), float(vector[TIGHT]))

    def _states(self, offset_s: float) -> Floats:
        """(n, 3) where the vehicles say they were; of all unknowns only the time offset changes it."""
        if offset_s != self._offset_s:
            for j, rows in self._rows:
                self._state[rows] = self._vehicles[j].at(self._samples.time_s[rows] + offset_s)
            self._offset_s = offset_s
        return self._state

    def residual(self, vector: Floats, errors: Floats) -> Floats:
        """(n, 4) in one-sigma noise; 0 where an edge is not known."""
        return np.nan_to_num((self._samples.box - self.boxes(vector, errors)) / self._sigma, nan=0.0)

    def _wander(self, errors: Floats) -> Floats:
        before = errors[np.maximum(self._samples.follows, 0)]
        return np.asarray(errors - self._keep[:, None] * before)

    def cost(self, vector: Floats, errors: Floats) -> float:
        """Half of the robust squares."""
        squares = CAUCHY**2 * np.log1p((self.residual(vector, errors) / CAUCHY) ** 2)
        wander = (self._wander(errors) ** 2 * self._node_weight[:, None]).sum()
        away = (((vector - self._prior) / PRIOR_SIGMA) ** 2).sum()
        return float(0.5 * ((squares.sum(axis=1) * self._samples.worth).sum() + wander + away))

    def normal(self, vector: Floats, errors: Floats) -> tuple[Floats, Floats]:
        """(p, p) information and (p,) pull of the whole: pose, offset, then x and y of every node."""
        base = self.boxes(vector, errors)
        slope = np.empty((*base.shape, SHARED + 2))
        for k in range(SHARED):
            moved = vector.copy()
            moved[k] += _STEPS[k]
            slope[..., k] = (self.boxes(moved, errors) - base) / _STEPS[k]
        for k in range(2):
            moved = errors.copy()
            moved[:, k] += 0.02
            slope[..., SHARED + k] = (self.boxes(vector, moved) - base) / 0.02
        slope = np.nan_to_num(slope, nan=0.0)
        error = np.nan_to_num(self._samples.box - base, nan=0.0)
        spread = self._sigma**2 + GNSS_NOISE_M**2 * (slope[..., SHARED:] ** 2).sum(axis=2)
        robust = 1.0 / (1.0 + (error / self._sigma) ** 2 / CAUCHY**2)
        weight = robust / spread * self._samples.worth[:, None]
        return self._assemble(slope, error, weight, vector, errors)

    def _assemble(
        self, slope: Floats, error: Floats, weight: Floats, vector: Floats, errors: Floats
    ) -> tuple[Floats, Floats]:
        node, count = self._samples.node, len(errors)
        block = np.einsum("ne,nei,nej->nij", weight, slope, slope)
        gain = np.einsum("ne,nei,ne->ni", weight, slope, error)
        size = SHARED + 2 * count
        matrix, pull = np.zeros((size, size)), np.zeros(size)
        matrix[:SHARED, :SHARED] = block[:, :SHARED, :SHARED].sum(axis=0) + np.diag(1.0 / PRIOR_SIGMA**2)
        pull[:SHARED] = gain[:, :SHARED].sum(axis=0) - (vector - self._prior) / PRIOR_SIGMA**2
        wander = self._wander(errors) * self._node_weight[:, None]
        follows, keep = self._samples.follows, self._keep
        for k in range(2):
            place = SHARED + 2 * np.arange(count) + k
            cross = np.zeros((count, SHARED))
            np.add.at(cross, node, block[:, SHARED + k, :SHARED])
            matrix[place, :SHARED] = cross
            matrix[:SHARED, place] = cross.T
            for other in range(2):
                own = np.bincount(node, block[:, SHARED + k, SHARED + other], minlength=count)
                matrix[place, SHARED + 2 * np.arange(count) + other] += own
            pull[place] = np.bincount(node, gain[:, SHARED + k], minlength=count) - wander[:, k]
            matrix[place, place] += self._node_weight
            late = np.flatnonzero(follows >= 0)
            before, coupling = place[follows[late]], keep[late] * self._node_weight[late]
            np.add.at(matrix, (before, before), keep[late] * coupling)
            matrix[place[late], before] -= coupling
            matrix[before, place[late]] -= coupling
            np.add.at(pull, before, keep[late] * wander[late, k])
        return matrix, pull

    def solution(self, vector: Floats, errors: Floats) -> Solution:
        """With what the fit says of itself."""
        matrix, _ = self.normal(vector, errors)
        used = np.isfinite(self._sigma)
        residual = np.abs(self.residual(vector, errors))[used]
        pixels = np.abs(np.nan_to_num(self._samples.box - self.boxes(vector, errors)))[used]
        # The median of normal noise lies at 0.6745 sigma.
        scale = float(np.median(residual)) / 0.6745
        covariance: Floats = np.asarray(
            np.linalg.inv(matrix)[:SHARED, :SHARED] * max(1.0, scale) ** 2, dtype=np.float64
        )
        return Solution(vector, covariance, scale, float(np.median(pixels)))
