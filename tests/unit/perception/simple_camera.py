"""A pinhole camera of its own for the tests of the ground projection, written apart from what they check."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SimpleCamera:
    """Looks from (x, y, height_m) towards yaw_deg, tilted down by tilt_deg."""

    x: float = 0.0
    y: float = 0.0
    height_m: float = 7.0
    yaw_deg: float = 90.0
    tilt_deg: float = 22.0
    focal_px: float = 900.0
    size: tuple[int, int] = (1280, 720)

    def pixels(self, points_m: Floats) -> Floats:
        """(n, 3) world to (n, 2) pixels."""
        yaw, tilt = math.radians(self.yaw_deg), math.radians(self.tilt_deg)
        relative = points_m - np.array([self.x, self.y, self.height_m])
        ahead = relative[:, 0] * math.cos(yaw) + relative[:, 1] * math.sin(yaw)
        right = relative[:, 0] * math.sin(yaw) - relative[:, 1] * math.cos(yaw)
        up = relative[:, 2]
        depth = ahead * math.cos(tilt) - up * math.sin(tilt)
        down = -up * math.cos(tilt) - ahead * math.sin(tilt)
        assert (depth > 0.2).all(), "behind the camera"
        return np.column_stack(
            [
                self.size[0] / 2 + self.focal_px * right / depth,
                self.size[1] / 2 + self.focal_px * down / depth,
            ]
        )

    def ahead(self, forward_m: float, right_m: float) -> Floats:
        """(2,) ground point so far in front of the foot of the camera and to the right."""
        yaw = math.radians(self.yaw_deg)
        return np.array(
            [
                self.x + forward_m * math.cos(yaw) + right_m * math.sin(yaw),
                self.y + forward_m * math.sin(yaw) - right_m * math.cos(yaw),
            ]
        )

    def points(self) -> Floats:
        """(9, 4) exact calibration points u v x y."""
        ground = np.array([self.ahead(f, r) for f in (12.0, 22.0, 45.0) for r in (-0.4 * f, 0.0, 0.4 * f)])
        return np.column_stack([self.pixels(np.column_stack([ground, np.zeros(9)])), ground])

    def box(self, centre_m: Floats, size_m: Floats, yaw_rad: float) -> Floats:
        """(4,) x1 y1 x2 y2 round a cuboid on the ground, not cut to the image."""
        corners = np.array([[a, b, c] for a in (-0.5, 0.5) for b in (-0.5, 0.5) for c in (0, 1)]) * size_m
        cos, sin = math.cos(yaw_rad), math.sin(yaw_rad)
        world = np.column_stack(
            [
                centre_m[0] + corners[:, 0] * cos - corners[:, 1] * sin,
                centre_m[1] + corners[:, 0] * sin + corners[:, 1] * cos,
                corners[:, 2],
            ]
        )
        pixels = self.pixels(world)
        return np.concatenate([pixels.min(axis=0), pixels.max(axis=0)])
