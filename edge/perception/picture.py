"""What can be measured of a still camera's picture: light, detail, sharpness, noise and how far it has moved.

Everything but the noise is measured on a running mean of a few seconds, in which traffic and noise fade. Detail is the
mean square of the difference of pixels four columns apart, sharpness that of the second difference of neighbours
relative to it: blur takes the fine part first, while fog, night and exposure take both alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.stamp import NS_PER_S
from edge.ports import Image

Floats = NDArray[np.float32]
Cells = NDArray[np.float64]

GRID = (12, 8)
"""Columns and rows of the cells in which a picture is judged."""
SMALL = (160, 96)
"""Width and height of the picture in which movement is measured."""
SAMPLE_PIXELS = 30_000
MEAN_S = 4.0
SATURATED = 245.0
_MAD_TO_SIGMA = 1.4826 / math.sqrt(2.0)
_NOISE_STEP = 17


@dataclass(frozen=True, slots=True)
class Measures:
    """One look at the picture.

    Attributes:
        level: (8, 12) mean grey level 0..255 of each cell.
        saturated: (8, 12) share of each cell that is overexposed.
        contrast: (8, 12) detail of each cell relative to its light.
        detail: mean square of the detail, grey levels, without the noise.
        sharpness: fine detail over coarse; NaN where the picture has no detail.
        noise: standard deviation between pictures, grey levels.
        channels: mean blue, green, red.
        shift: right and down, of this picture against the mean of the last seconds, as shares of the width.
        same: this picture is exactly the one of the last look.
    """

    level: Cells
    saturated: Cells
    contrast: Cells
    detail: float
    sharpness: float
    noise: float
    channels: tuple[float, float, float]
    shift: tuple[float, float]
    same: bool


class PictureGauge:
    """Measures one camera's pictures; memory is a few hundred kilobytes whatever their number and size."""

    def __init__(self) -> None:
        self._mean: Floats | None = None
        self._last: Floats = np.empty((0, 0), np.float32)
        self._mean_noise2, self._looks = 0.0, 0
        self.small_mean: Floats = np.empty((0, 0), np.float32)

    def measure(self, image: Image, *, elapsed_ns: int) -> Measures:
        """Measures of a picture taken `elapsed_ns` after the one before."""
        rows = _rows(image)
        small = _small(image)
        first = self._mean is None or self._mean.shape != rows.shape
        if first:
            self._mean, self._last, self._mean_noise2 = rows.copy(), rows, 0.0
            self.small_mean, self._looks = small.copy(), 0
        assert self._mean is not None
        share = 1.0 - math.exp(-max(elapsed_ns, 1) / NS_PER_S / MEAN_S)
        change = np.abs(rows - self._last)
        noise = float(np.median(change.ravel()[::_NOISE_STEP])) * _MAD_TO_SIGMA
        self._last = rows
        right, down, _ = displacement(self.small_mean, small)
        cv2.accumulateWeighted(rows, self._mean, share)
        cv2.accumulateWeighted(small, self.small_mean, share)
        # The first picture has the noise of one, which the second shows.
        before = noise**2 if self._looks == 1 else self._mean_noise2
        self._mean_noise2 = (1.0 - share) ** 2 * before + (share * noise) ** 2
        self._looks += 1
        return self._judged(
            noise=noise,
            channels=_channels(image),
            shift=(right, down),
            same=not first and not change.any(),
        )

    def _judged(
        self,
        *,
        noise: float,
        channels: tuple[float, float, float],
        shift: tuple[float, float],
        same: bool,
    ) -> Measures:
        mean = self._mean
        assert mean is not None
        coarse = _cells((mean[:, 4:] - mean[:, :-4]) ** 2) - 2.0 * self._mean_noise2
        bend = mean[:, 3:-1] * 2.0 - mean[:, 4:] - mean[:, 2:-2]
        fine = float(np.square(bend).mean()) - 6.0 * self._mean_noise2
        level = _cells(mean)
        detail = max(0.0, float(coarse.mean()))
        return Measures(
            level=level,
            saturated=_cells((mean >= SATURATED).astype(np.float32)),
            contrast=np.sqrt(np.maximum(coarse, 0.0)) / (level + 10.0),
            detail=detail,
            sharpness=max(0.0, fine) / detail if detail > 0.5 else math.nan,
            noise=noise,
            channels=channels,
            shift=shift,
            same=same,
        )


def displacement(reference: Floats, now: Floats) -> tuple[float, float, float]:
    """How far a small picture lies right of and below another, as shares of the width, and how alike they are, 0..1.

    Compared by their edges, which change less with the light, and with traffic, than the picture does.
    """
    (right, down), likeness = cv2.phaseCorrelate(_edges(reference), _edges(now))
    return right / SMALL[0], down / SMALL[0], float(likeness)


def _edges(small: Floats) -> Floats:
    edges = cv2.Laplacian(cv2.GaussianBlur(small, (0, 0), 1.0), cv2.CV_32F)
    return np.asarray(np.clip(edges, -12.0, 12.0), dtype=np.float32)


def _rows(image: Image) -> Floats:
    """(r, width) whole rows of the green channel, spread over the picture: fine detail must not be lost."""
    height, width = image.shape[:2]
    step = max(1, height * width // SAMPLE_PIXELS)
    return image[step // 2 :: step, :, 1].astype(np.float32)


def _small(image: Image) -> Floats:
    grey = cv2.cvtColor(cv2.resize(image, SMALL, interpolation=cv2.INTER_LINEAR), cv2.COLOR_BGR2GRAY)
    return np.asarray(grey, dtype=np.float32)


def _channels(image: Image) -> tuple[float, float, float]:
    blue, green, red, _ = cv2.mean(image[::8, ::8])
    return blue, green, red


def _cells(values: Floats) -> Cells:
    return np.asarray(cv2.resize(values, GRID, interpolation=cv2.INTER_AREA), dtype=np.float64)
