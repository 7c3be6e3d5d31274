"""Figures of prediction from samples: how far off, how often inside, how far the claim would hold on other days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.signals.prediction_replay import Sample

Floats = NDArray[np.float64]
RESAMPLES = 2000
BOOTSTRAP_SEED = 20240513


@dataclass(frozen=True, slots=True)
class PredictionFigures:
    """Figures of a set of samples.

    Attributes:
        samples: seconds of green that were predicted.
        mae_s, baseline_mae_s, mae_ratio: mean absolute error of the likely end, that of the mean of the last ten
            greens, and the first over the second.
        ratio_low, ratio_high: 95 % interval of the ratio, a bootstrap over cycles of each controller.
        coverage_90: share of ends inside the learned interval.
        interval_s: mean length of that interval.
        confidence_gap: mean difference between confidence and how often the end was within a second, over ten bins.
    """

    samples: int
    mae_s: float
    baseline_mae_s: float
    mae_ratio: float
    ratio_low: float
    ratio_high: float
    coverage_90: float
    interval_s: float
    confidence_gap: float


def figures_of(samples: Sequence[Sample]) -> PredictionFigures | None:
    """The figures of samples; None where there are none."""
    if not samples:
        return None
    rest, likely, early, late, baseline, confidence = (
        np.array([getattr(sample, name) for sample in samples])
        for name in ("rest_s", "likely_s", "early_s", "late_s", "baseline_s", "confidence")
    )
    error, other = np.abs(likely - rest), np.abs(baseline - rest)
    clusters = np.array([(sample.device, sample.cycle) for sample in samples])
    low, high = _ratio_interval(error, other, clusters)
    finite = np.isfinite(late)
    return PredictionFigures(
        samples=len(samples),
        mae_s=float(error.mean()),
        baseline_mae_s=float(other.mean()),
        mae_ratio=float(error.sum() / max(other.sum(), 1e-9)),
        ratio_low=low,
        ratio_high=high,
        coverage_90=float(((early <= rest) & (rest <= late)).mean()),
        interval_s=float((late - early)[finite].mean()) if finite.any() else float("nan"),
        confidence_gap=_confidence_gap(confidence, error <= 1.0),
    )


def _ratio_interval(error: Floats, other: Floats, clusters: NDArray[np.int64]) -> tuple[float, float]:
    """2.5 and 97.5 % points of the ratio when whole cycles are drawn anew with replacement."""
    _, index = np.unique(clusters, axis=0, return_inverse=True)
    index = index.ravel()
    ours, theirs = np.bincount(index, error), np.bincount(index, other)
    drawn = np.random.default_rng(BOOTSTRAP_SEED).integers(0, len(ours), (RESAMPLES, len(ours)))
    ratios = ours[drawn].sum(axis=1) / np.maximum(theirs[drawn].sum(axis=1), 1e-9)
    low, high = np.quantile(ratios, (0.025, 0.975))
    return float(low), float(high)


def _confidence_gap(confidence: Floats, hit: NDArray[np.bool_]) -> float:
    bins = np.minimum((confidence * 10).astype(int), 9)
    counts = np.bincount(bins, minlength=10)
    gaps = np.abs(np.bincount(bins, confidence, 10) - np.bincount(bins, hit.astype(float), 10))
    return float(gaps.sum() / counts.sum())
