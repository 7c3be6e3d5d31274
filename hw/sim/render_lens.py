"""A wide-angle lens: straight lines bend towards the edge of the picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hw.sim.pinhole import Floats, PinholeCamera


@dataclass(frozen=True, slots=True)
class LensCamera(PinholeCamera):
    """A pinhole whose radii are pressed together: r' = R atan(b r / R) / b, R half the diagonal.

    The curve is the equidistant fish-eye's for large `bend` and a pinhole's for small; it never folds back.

    Attributes:
        bend: 0 (exclusive) .. 0.9, how strong.
    """

    bend: float = 0.3

    def to_pixels(self, camera_m: Floats) -> Floats:
        return self.distort(PinholeCamera.to_pixels(self, camera_m))

    def ground_points(self, pixels: Floats) -> Floats:
        return PinholeCamera.ground_points(self, self.straighten(pixels))

    def view_slopes(self) -> Floats:
        """Half width and half height of the view over its depth: the corners of the picture reach farthest."""
        return PinholeCamera.view_slopes(self) * self.margin()

    def margin(self) -> float:
        """How much larger a pinhole picture must be to hold all that this lens sees."""
        return float(np.tan(self.bend) / self.bend)

    def distort(self, pixels: Floats) -> Floats:
        """(..., 2) pinhole pixels as seen through the lens."""
        return self._scaled(pixels, lambda x: np.arctan(self.bend * x) / self.bend)

    def straighten(self, pixels: Floats) -> Floats:
        """(..., 2) pixels of the lens as pinhole pixels."""
        return self._scaled(pixels, lambda x: np.tan(np.minimum(self.bend * x, 1.5)) / self.bend)

    def _scaled(self, pixels: Floats, curve: Callable[[Floats], Floats]) -> Floats:
        centre = np.array([self.width / 2, self.height / 2])
        offset = np.asarray(pixels, dtype=float) - centre
        radius = np.linalg.norm(offset, axis=-1, keepdims=True) / np.linalg.norm(centre)
        return np.asarray(centre + offset * (curve(radius) / np.maximum(radius, 1e-9)))

    def pinhole(self, *, scale: float = 1.0) -> PinholeCamera:
        """The pinhole camera of the same pose that holds the whole view, `scale` times as fine."""
        wide = self.margin()
        return PinholeCamera(
            self.position_m,
            self.yaw_rad,
            self.pitch_rad,
            self.roll_rad,
            self.focal_px * scale,
            2 * round(self.width * wide * scale / 2),
            2 * round(self.height * wide * scale / 2),
        )
