"""A lens that does not draw straight lines straight, and the ideal picture that everything after it is reckoned in."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import ConfigError
from edge.perception import lens_kernel
from edge.perception.lens_kernel import WIDEST_RAD

Floats = NDArray[np.float64]
NO_LENS: Floats = np.empty(0)
_NEVER = 20.0
"""Radius, in focal lengths, that stands for a lens without end: 87 degrees from the axis."""
_GRID = 20_001
_REMEDY = "check the coefficients and that model and image_size are those of the calibration"


class Lens:
    """A lens after OpenCV's models.

    The ideal picture has square pixels of the mean focal length and its principal point in the middle of
    `image_size`, wherever the lens has it: a `View` then needs no more parameters.

    Args:
        model: `pinhole` (coefficients k1 k2 p1 p2 k3) or `fisheye` (k1 k2 k3 k4).
        focal_px: fx, fy.
        centre_px: cx, cy.
        coefficients: as the model says.
        image_size: width and height that all of it refers to.
        key: configuration key, for messages.

    Raises:
        ConfigError: the lens folds inside the picture: two directions would share a pixel.
    """

    def __init__(
        self,
        model: str,
        *,
        focal_px: tuple[float, float],
        centre_px: tuple[float, float],
        coefficients: tuple[float, ...],
        image_size: tuple[int, int],
        key: str = "lens",
    ) -> None:
        self.focal_px = float(np.sqrt(focal_px[0] * focal_px[1]))
        given = np.zeros(5)
        given[: len(coefficients)] = coefficients
        fisheye = model == "fisheye"
        limit = _limit(_powers(given, fisheye=fisheye), WIDEST_RAD if fisheye else _NEVER)
        middle = (0.5 * image_size[0], 0.5 * image_size[1])
        self.terms: Floats = np.array(
            [float(fisheye), *focal_px, *centre_px, *given, self.focal_px, *middle, limit]
        )
        self._refuse_fold(image_size, key)

    def undistort(self, pixels: Floats) -> Floats:
        """(..., 2) pixels to the ideal picture; NaN where the lens shows what no pinhole could."""
        return self._mapped(lens_kernel.undistort_all, pixels)

    def distort(self, ideal: Floats) -> Floats:
        """(..., 2) pixels of the ideal picture to the lens's; NaN outside its field."""
        return self._mapped(lens_kernel.distort_all, ideal)

    def stretch(self, pixels: Floats) -> Floats:
        """(n,) ideal pixels to a pixel of the lens, at (n, 2) pixels: what its noise is multiplied by."""
        step = np.array([[0.5, 0.0], [-0.5, 0.0], [0.0, 0.5], [0.0, -0.5]])
        right, left, down, up = (self.undistort(pixels + offset) for offset in step)
        across, along = right - left, down - up
        return np.asarray(np.sqrt(np.abs(across[:, 0] * along[:, 1] - across[:, 1] * along[:, 0])))

    def facts(self) -> dict[str, float | bool | list[float]]:
        """All of it in plain values, for a page that distorts by itself."""
        t = [float(v) for v in self.terms]
        k = lens_kernel
        return {
            "fisheye": bool(t[k.FISHEYE]),
            "fx": t[k.FX], "fy": t[k.FY], "cx": t[k.CX], "cy": t[k.CY],
            "k": t[k.K : k.K + 5],
            "focal": t[k.FOCAL], "mid_u": t[k.MID_U], "mid_v": t[k.MID_V], "limit": t[k.LIMIT],
        }  # fmt: skip

    def _mapped(self, function: Callable[[Floats, Floats, Floats], None], points: Floats) -> Floats:
        flat = np.ascontiguousarray(np.asarray(points, dtype=float).reshape(-1, 2))
        out = np.empty_like(flat)
        function(self.terms, flat, out)
        return out.reshape(np.shape(points))

    def _refuse_fold(self, image_size: tuple[int, int], key: str) -> None:
        width, height = image_size
        share = np.linspace(0.0, 1.0, 9)
        border = np.concatenate([
            np.stack([share * width, 0.0 * share], axis=1), np.stack([share * width, height + 0.0 * share], axis=1),
            np.stack([0.0 * share, share * height], axis=1), np.stack([width + 0.0 * share, share * height], axis=1),
        ])  # fmt: skip
        ends_by_itself = self.terms[lens_kernel.LIMIT] < (WIDEST_RAD if self.terms[0] else _NEVER)
        lost = np.isnan(self.undistort(border)).any(axis=1)
        if ends_by_itself and lost.any():
            u, v = border[int(np.argmax(lost))]
            raise ConfigError(
                key, f"the lens folds inside the picture, before pixel {u:.0f}, {v:.0f}", remedy=_REMEDY
            )


def _powers(given: Floats, *, fisheye: bool) -> Floats:
    """Factors of the squares of the radius (fisheye: angle) in the radial polynomial."""
    return given[:4] if fisheye else given[[0, 1, 4]]


def _limit(factors: Floats, widest: float) -> float:
    """Where r (1 + f0 r^2 + f1 r^4 ...) stops growing, at most `widest`."""
    radius = np.linspace(0.0, widest, _GRID)
    square = radius**2
    slope = np.ones(_GRID)
    for k, factor in enumerate(factors, start=1):
        slope += (2 * k + 1) * factor * square**k
    folds = np.flatnonzero(slope <= 0.0)
    return float(radius[folds[0] - 1]) if len(folds) else widest
