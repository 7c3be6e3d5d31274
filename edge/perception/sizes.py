"""How large a road user may be, given how sure the detector is of its class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.core.kinds import CLASS_COUNT, TYPICAL_SIZE_M, ObjectClass
from edge.perception.footprint import EDGE_NOISE_SHARE, Sizes

Floats = NDArray[np.float64]

_SCALES = np.array([0.85, 1.0, 1.15])
_SCALE_LOG_PRIOR = np.log([0.6, 1.0, 0.6])
_LEAST_SECOND = 0.02
_LEAST_SECOND_WHEN_CUT = 0.4
"""Half a bus at the border of the image passes for a truck."""

_WHEELS_NOISE_SHARE = 0.15
"""Detectors lose the lower half of thin wheels."""


def sizes_of(class_log_odds: Floats, cut: NDArray[np.bool_]) -> Sizes:
    """The likeliest class at three scales, and the second likeliest.

    Args:
        class_log_odds: (n, 6).
        cut: (n,) whether the border of the image or another road user hides a part.
    """
    order = np.argsort(-class_log_odds, axis=1, kind="stable")
    first, second = order[:, 0], order[:, 1]
    rows = np.arange(len(order))
    ratio = np.exp(np.minimum(class_log_odds[rows, second] - class_log_odds[rows, first], 0.0))
    ratio = np.maximum(ratio, np.where(cut, _LEAST_SECOND_WHEN_CUT, _LEAST_SECOND))
    scaled = TYPICAL_SIZE_M[first][:, None, :] * _SCALES[None, :, None]
    size_m = np.concatenate([scaled, TYPICAL_SIZE_M[second][:, None, :]], axis=1)
    prior = np.broadcast_to(_SCALE_LOG_PRIOR, (len(order), len(_SCALES)))
    return Sizes(size_m, np.concatenate([prior, np.log(ratio)[:, None]], axis=1), _lower_noise_share(first))


def sizes_of_every_class(count: int) -> Sizes:
    """For each of `count` boxes one row per class, classes fastest, at three scales."""
    scaled = TYPICAL_SIZE_M[:CLASS_COUNT, None, :] * _SCALES[None, :, None]
    prior = np.broadcast_to(_SCALE_LOG_PRIOR, (CLASS_COUNT * count, len(_SCALES)))
    kinds = np.tile(np.arange(CLASS_COUNT), count)
    return Sizes(np.tile(scaled, (count, 1, 1)), prior, _lower_noise_share(kinds))


def _lower_noise_share(kind: NDArray[np.int64]) -> Floats:
    thin = (kind == ObjectClass.BICYCLE) | (kind == ObjectClass.MOTORCYCLE)
    return np.where(thin, _WHEELS_NOISE_SHARE, EDGE_NOISE_SHARE)
