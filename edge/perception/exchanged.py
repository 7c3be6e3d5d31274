"""Two marked points that have each other's place on the map: the mistake of a list in the wrong order."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from edge.perception import homography
from edge.perception.homography import DegenerateError
from edge.perception.lens import Lens
from edge.perception.plane_fit import fit_plane

Floats = NDArray[np.float64]
FEWEST = 6
"""With fewer points some exchange nearly always fits."""
MOST = 24
"""More points than anybody marks by hand are not searched: a fit for each pair."""
_GOOD_SHARE = 0.01
"""Clicks agree to this share of the picture's width."""
_CLEARLY = 3.0
"""The next best exchange must leave this many times more."""


def exchanged_points(
    points: Floats, *, image_size: tuple[int, int], lens: Lens | None = None
) -> tuple[int, int] | None:
    """The two of (n, 4) rows u v x y that agree with all others once their x y are exchanged; None: no such two."""
    if not FEWEST <= len(points) <= MOST:
        return None
    spreads = {
        pair: _spread_px(_exchanged(points, pair), image_size=image_size, lens=lens)
        for pair in combinations(range(len(points)), 2)
    }
    best, second, *_ = sorted(spreads, key=lambda pair: spreads[pair])
    good = spreads[best] <= _GOOD_SHARE * image_size[0]
    return best if good and spreads[best] * _CLEARLY <= spreads[second] else None


def _exchanged(points: Floats, pair: tuple[int, int]) -> Floats:
    changed = points.copy()
    changed[list(pair), 2:] = points[list(reversed(pair)), 2:]
    return changed


def _spread_px(points: Floats, *, image_size: tuple[int, int], lens: Lens | None) -> float:
    """One-sigma error of a pixel; endless where no camera above the ground sees the points so."""
    try:
        plane = fit_plane(points, image_size=image_size, lens=lens, kind="homography").plane
    except (DegenerateError, np.linalg.LinAlgError):
        return math.inf
    if (np.linalg.det(homography.point_jacobian(plane.matrix, points[:, 2:])) > 0).all():
        return math.inf
    return float(np.sqrt((plane.residual**2).sum() / (2 * len(points) - 8)))
