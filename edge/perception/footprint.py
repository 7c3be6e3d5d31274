"""Where on the ground the road user stands whose cuboid fills an image box.

For every likely heading and size of the class, Gauss-Newton moves a cuboid over the ground until the edges of its
silhouette meet the edges of the box; the candidates are then weighed by how well they fit. The spread of the
candidates, the pixel noise and the fit's own geometry give the covariance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.perception.view import View

Floats = NDArray[np.float64]

HEADINGS = 16
"""Headings tried over half a turn; a cuboid looks the same from both ends."""
_ITERATIONS = 2
"""More move nothing: the start is near, and the fit is nearly linear."""
_MAX_STEP_M = 6.0
_PRIOR_M = 8.0
_MIN_DEPTH_SHARE = 0.05
EDGE_NOISE_SHARE = 0.04
"""How far a detector's edge is off, as a share of the box."""
_TOP_NOISE_SHARE = 0.12
"""Heights within a class differ more than the other extents do."""
_BORDER_PX = 2.0
_HIDDEN_NOISE_SHARE = 0.5
"""An edge behind another road user's box only looks like an edge."""
_EDGE_SAMPLES = np.array([0.2, 0.5, 0.8])

_CORNERS = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (0.0, 1.0)])


@dataclass(frozen=True, slots=True)
class Sizes:
    """What each of n road users may measure.

    Attributes:
        size_m: (n, s, 3) length, width, height.
        log_prior: (n, s).
        lower_noise_share: (n,) one-sigma noise of the lower edge, as a share of the height of the box.
    """

    size_m: Floats
    log_prior: Floats
    lower_noise_share: Floats


@dataclass(frozen=True, slots=True)
class Footprints:
    """n road users on the ground.

    Attributes:
        position_m: (n, 2) centre.
        covariance_m2: (n, 2, 2) from pixel noise, unknown heading and size; without the calibration's share.
        size_m: (n, 3) length, width, height.
        misfit: (n,) how badly such cuboids fit: minus the log of their mean likelihood, without constants.
    """

    position_m: Floats
    covariance_m2: Floats
    size_m: Floats
    misfit: Floats


def fit_footprints(
    view: View,
    box_px: Floats,
    near_m: Floats,
    sizes: Sizes,
    *,
    hidden: NDArray[np.bool_],
    image_size: tuple[int, int],
    noise_px: float,
) -> Footprints:
    """Fit n cuboids.

    Args:
        view: the camera.
        box_px: (n, 4) x1 y1 x2 y2.
        near_m: (n, 2) ground point of the middle of the lower edge.
        sizes: what each one may measure.
        hidden: (n, 4) edges x1 y1 x2 y2 that lie behind another road user, see `hidden_edges`.
        image_size: width and height; an edge at the image border says only that the road user goes on beyond it.
        noise_px: one-sigma noise of a box edge.
    """
    offset_m, size_k, log_prior = _candidates(sizes)
    position = near_m[:, None, :] + _half_depth(view, near_m, offset_m)
    limit = np.array([image_size[0], image_size[1]] * 2, dtype=float)
    measured = np.clip(box_px, 0.0, limit)
    noise = _edge_noise(measured, limit, noise_px, hidden, sizes.lower_noise_share)
    lifted = offset_m @ view.projection[:, :3].T
    start = position
    residual = information = np.empty(0)
    for _ in range(_ITERATIONS):
        edge, slope = _silhouette(view, lifted, position)
        outside = (edge <= 0.0) | (edge >= limit)
        residual = (measured[:, None, :] - np.clip(edge, 0.0, limit)) / noise[:, None, :]
        scaled = np.where(outside[..., None], 0.0, slope) / noise[:, None, :, None]
        information = np.einsum("nkea,nkeb->nkab", scaled, scaled) + np.eye(2) / _PRIOR_M**2
        gradient = np.einsum("nkea,nke->nka", scaled, residual) + (start - position) / _PRIOR_M**2
        step = _solve(information, gradient)
        length = np.linalg.norm(step, axis=-1, keepdims=True)
        position = position + step * np.minimum(1.0, _MAX_STEP_M / np.maximum(length, 1e-9))
    edge, _slope = _silhouette(view, lifted, position)
    residual = (measured[:, None, :] - np.clip(edge, 0.0, limit)) / noise[:, None, :]
    cost = 0.5 * (residual**2).sum(axis=-1) - log_prior
    return _moments(position, information, size_k, cost)


def at_border(box_px: Floats, image_size: tuple[int, int]) -> NDArray[np.bool_]:
    """(n,) whether the image cuts the box."""
    limit = np.array([image_size[0], image_size[1]])
    low = (box_px[:, :2] <= _BORDER_PX).any(axis=1)
    return np.asarray(low | (box_px[:, 2:] >= limit - _BORDER_PX).any(axis=1))


def hidden_edges(box_px: Floats) -> NDArray[np.bool_]:
    """(n, 4) edges x1 y1 x2 y2 of which most lies inside the box of a nearer road user, one whose box ends lower."""
    x1, y1, x2, y2 = (box_px[:, column, None] for column in range(4))
    across, down = x1 + (x2 - x1) * _EDGE_SAMPLES, y1 + (y2 - y1) * _EDGE_SAMPLES
    x = np.stack(
        [np.broadcast_to(x1, across.shape), across, np.broadcast_to(x2, across.shape), across], axis=1
    )
    y = np.stack([down, np.broadcast_to(y1, down.shape), down, np.broadcast_to(y2, down.shape)], axis=1)
    other = box_px[None, None, None, :, :]
    inside = (x[..., None] > other[..., 0]) & (x[..., None] < other[..., 2])
    inside &= (y[..., None] > other[..., 1]) & (y[..., None] < other[..., 3])
    nearer = y2[None, :, 0] > y2 + 0.05 * (y2 - y1)
    covered = (inside & nearer[:, None, None, :]).any(axis=-1)
    return np.asarray(covered.sum(axis=-1) >= 2)


def _candidates(sizes: Sizes) -> tuple[Floats, Floats, Floats]:
    """(n, k, 8, 3) corners about the centre, (n, k, 3) sizes and (n, k) log prior."""
    heading = np.arange(HEADINGS) * (np.pi / HEADINGS)
    cos, sin = np.cos(heading), np.sin(heading)
    turn = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)
    size_k = sizes.size_m.repeat(HEADINGS, axis=1)
    local = size_k[:, :, None, :] * _CORNERS
    turned = np.empty_like(local)
    turns = np.tile(turn, (sizes.size_m.shape[1], 1, 1))
    turned[..., :2] = local[..., :2] @ turns.transpose(0, 2, 1)[None]
    turned[..., 2] = local[..., 2]
    return turned, size_k, sizes.log_prior.repeat(HEADINGS, axis=1)


def _half_depth(view: View, near_m: Floats, offset_m: Floats) -> Floats:
    """(n, k, 2) from the near edge of each candidate to its centre, along the view."""
    away = near_m - view.position_m[:2]
    away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6)
    depth = (offset_m[..., :2] * away[:, None, None, :]).sum(axis=-1).max(axis=-1)
    return np.asarray(away[:, None, :] * depth[..., None])


def _edge_noise(
    box_px: Floats, limit: Floats, noise_px: float, hidden: NDArray[np.bool_], lower_share: Floats
) -> Floats:
    """(n, 4) one-sigma noise of the edges x1 y1 x2 y2."""
    extent = np.tile(box_px[:, 2:] - box_px[:, :2], 2)
    share = np.full(box_px.shape, EDGE_NOISE_SHARE)
    share[:, 1], share[:, 3] = _TOP_NOISE_SHARE, lower_share
    share = np.where(hidden, _HIDDEN_NOISE_SHARE, share)
    border = (box_px <= _BORDER_PX) | (box_px >= limit - _BORDER_PX)
    return np.asarray(np.hypot(noise_px, extent * share) * np.where(border, 1.5, 1.0))


def _silhouette(view: View, lifted: Floats, position: Floats) -> tuple[Floats, Floats]:
    """(n, k, 4) edges x1 y1 x2 y2 of the projected cuboids and (n, k, 4, 2) their derivative by the position."""
    matrix = view.projection
    base = position @ matrix[:, :2].T + matrix[:, 3]
    corner = lifted + base[:, :, None, :]
    depth = np.maximum(corner[..., 2], _MIN_DEPTH_SHARE * np.abs(base[:, :, None, 2]) + 1e-12)
    pixel = corner[..., :2] / depth[..., None]
    low, high = pixel.argmin(axis=2), pixel.argmax(axis=2)
    which = np.concatenate([low, high], axis=-1)
    axis = np.array([0, 1, 0, 1])
    rows, columns = np.ogrid[: len(pixel), : pixel.shape[1]]
    edge = pixel[rows[..., None], columns[..., None], which, axis]
    edge_depth = depth[rows[..., None], columns[..., None], which]
    slope = (matrix[axis, :2] - edge[..., None] * matrix[2, :2]) / edge_depth[..., None]
    return edge, slope


def _solve(information: Floats, gradient: Floats) -> Floats:
    """Solve (n, k, 2, 2) symmetric systems in closed form."""
    a, b, c = information[..., 0, 0], information[..., 0, 1], information[..., 1, 1]
    determinant = a * c - b * b
    x, y = gradient[..., 0], gradient[..., 1]
    return np.asarray(np.stack([c * x - b * y, a * y - b * x], -1) / determinant[..., None])


def _inverse(matrix: Floats) -> Floats:
    """Inverse of (n, k, 2, 2) symmetric matrices in closed form."""
    inverse = np.empty_like(matrix)
    a, b, c = matrix[..., 0, 0], matrix[..., 0, 1], matrix[..., 1, 1]
    determinant = a * c - b * b
    inverse[..., 0, 0], inverse[..., 1, 1] = c / determinant, a / determinant
    inverse[..., 0, 1] = inverse[..., 1, 0] = -b / determinant
    return inverse


def _moments(position: Floats, information: Floats, size_k: Floats, cost: Floats) -> Footprints:
    best = cost.min(axis=1, keepdims=True)
    weight = np.exp(best - cost)
    misfit = best[:, 0] - np.log(weight.mean(axis=1))
    weight /= weight.sum(axis=1, keepdims=True)
    mean = (weight[..., None] * position).sum(axis=1)
    apart = position - mean[:, None, :]
    spread = np.einsum("nk,nka,nkb->nab", weight, apart, apart)
    noise = (weight[..., None, None] * _inverse(information)).sum(axis=1)
    # Headings between those that were tried move the centre of a long road user.
    between_m = 0.5 * size_k[:, :, 0].max(axis=1) * (np.pi / HEADINGS) / np.sqrt(12.0)
    noise += np.eye(2) * between_m[:, None, None] ** 2
    return Footprints(mean, spread + noise, (weight[..., None] * size_k).sum(axis=1), misfit)
