"""What a camera usually shows: learned over hours, so that neither a queue nor a stretch of fog becomes the rule."""

from __future__ import annotations

import math

import numpy as np

from edge.core.stamp import NS_PER_S
from edge.perception.picture import GRID, Cells, Floats, Measures

LEARN_S = 30.0
"""No picture is judged against what was learned in less time; until then the estimates are plain means."""
FIRST_S = 60.0
"""Pace after that; it slows with the time that has been learned from."""
SLOWEST_S = 30_000.0
HELD_S = 86_400.0
"""Pace while something is wrong: what stays wrong for days is a new site."""
PICTURE_S = 600.0
LOW_SHARE = 0.25
"""The usual contrast of a cell is the one that it is below for this share of the time: road users add to it."""


class Baseline:
    """Running estimates of one camera's usual picture.

    Attributes:
        contrast: (8, 12) usual contrast of each cell, see `Measures`.
        saturated: (8, 12) usual share that is overexposed.
        sharpness: usual sharpness.
        small: (96, 160) usual picture.
    """

    def __init__(self) -> None:
        self.contrast: Cells = np.full(GRID[::-1], np.nan)
        self.saturated: Cells = np.zeros(GRID[::-1])
        self.sharpness = math.nan
        self.small: Floats = np.empty((0, 0), np.float32)
        self._seconds = 0.0

    @property
    def ready(self) -> bool:
        """Whether enough has been seen to judge by."""
        return self._seconds >= LEARN_S

    def learn(self, now: Measures, small: Floats, *, elapsed_ns: int, held: bool) -> None:
        """Take a look into account; `held`: something is wrong with it."""
        if math.isnan(now.sharpness) or (held and not self.ready):
            return
        seconds = elapsed_ns / NS_PER_S
        contrast = np.maximum(now.contrast, 1e-4)
        if np.isnan(self.contrast).any() or self.small.shape != small.shape:
            self.contrast, self.saturated = contrast.copy(), now.saturated.copy()
            self.sharpness, self.small = max(now.sharpness, 1e-4), small.copy()
            return
        self._follow(contrast, now.sharpness, seconds, held=held)
        if held:
            return
        self._seconds += seconds
        share = seconds / min(FIRST_S + self._seconds, PICTURE_S)
        self.saturated += share * (now.saturated - self.saturated)
        self.small += np.float32(share) * (small - self.small)

    def _follow(self, contrast: Cells, sharpness: float, seconds: float, *, held: bool) -> None:
        """Plain geometric means first; then steps of one size up and down, whose balance is a quantile."""
        if not self.ready:
            share = seconds / (self._seconds + seconds)
            self.contrast *= (contrast / self.contrast) ** share
            self.sharpness *= (max(sharpness, 1e-4) / self.sharpness) ** share
            return
        pace = seconds / (HELD_S if held else min(FIRST_S + self._seconds, SLOWEST_S))
        self.contrast *= np.exp(np.where(contrast > self.contrast, LOW_SHARE, LOW_SHARE - 1.0) * pace)
        self.sharpness *= math.exp(math.copysign(0.5 * pace, sharpness - self.sharpness))
