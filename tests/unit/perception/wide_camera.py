"""A camera with a real lens for tests: OpenCV draws its picture."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.perception.lens import Lens
from tests.unit.perception.simple_camera import SimpleCamera

Floats = NDArray[np.float64]
BARREL = (-0.30, 0.10, 0.001, -0.0015, -0.006)
FISHEYE = (-0.02, 0.004, -0.003, 0.0006)


def opencv_distort(model: str, rays: Floats, matrix: Floats, coefficients: tuple[float, ...]) -> Floats:
    """(n, 2) rays x, y of x, y, 1 to (n, 2) pixels."""
    if model == "fisheye":
        return cv2.fisheye.distortPoints(rays[:, None], matrix, np.array(coefficients))[:, 0]
    world = np.column_stack([rays, np.ones(len(rays))])
    return cv2.projectPoints(world[:, None], np.zeros(3), np.zeros(3), matrix, np.array(coefficients))[0][
        :, 0
    ]


@dataclass(frozen=True)
class WideCamera(SimpleCamera):
    """Sees 100 degrees across, more with the fisheye."""

    focal_px: float = 620.0
    tilt_deg: float = 26.0
    model: str = "pinhole"
    coefficients: tuple[float, ...] = BARREL
    centre: tuple[float, float] = (655.0, 348.0)
    aspect: float = 1.01
    straight: SimpleCamera = field(init=False)

    def __post_init__(self) -> None:
        plain = SimpleCamera(self.x, self.y, self.height_m, self.yaw_deg, self.tilt_deg, 1.0, (0, 0))
        object.__setattr__(self, "straight", plain)

    def pixels(self, points_m: Floats) -> Floats:
        """(n, 3) world to (n, 2) pixels of the lens."""
        matrix = np.array([
            [self.focal_px, 0, self.centre[0]], [0, self.aspect * self.focal_px, self.centre[1]], [0, 0, 1.0]
        ])  # fmt: skip
        return opencv_distort(self.model, self.straight.pixels(points_m), matrix, self.coefficients)

    def lens(self) -> Lens:
        """What its calibration would say."""
        return Lens(
            self.model,
            focal_px=(self.focal_px, self.aspect * self.focal_px),
            centre_px=self.centre,
            coefficients=self.coefficients,
            image_size=self.size,
        )

    def visible(self, spots: Floats) -> Floats:
        """Those of (n, 2) ground points that are in the picture: (k, 4) rows u v x y."""
        pixels = self.pixels(np.column_stack([spots, np.zeros(len(spots))]))
        inside = ((pixels > 2) & (pixels < np.array(self.size) - 2)).all(axis=1)
        return np.column_stack([pixels[inside], spots[inside]])
