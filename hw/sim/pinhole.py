"""An ideal camera: world points to pixels, and pixels back to the ground."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NEAR_M = 0.4
"""Points nearer than this along the optical axis are not projected."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PinholeCamera:
    """Pose and lens of a camera without distortion.

    Pixel coordinates are continuous: pixel column i covers i to i + 1, the optical axis meets the middle of the image.

    Attributes:
        position_m: x, y, z of the lens, ENU metres of the site, z above the ground plane.
        yaw_rad: direction of the optical axis, counter-clockwise from east.
        pitch_rad: elevation of the optical axis; negative looks down.
        roll_rad: turn about the optical axis, clockwise as seen from behind the camera.
        focal_px: focal length in pixels.
        width, height: size of the image in pixels.
    """

    position_m: tuple[float, float, float]
    yaw_rad: float
    pitch_rad: float
    roll_rad: float
    focal_px: float
    width: int = 480
    height: int = 288

    def axes(self) -> Floats:
        """(3, 3) rows: right, down and forward in the world."""
        cos_yaw, sin_yaw = math.cos(self.yaw_rad), math.sin(self.yaw_rad)
        cos_pitch, sin_pitch = math.cos(self.pitch_rad), math.sin(self.pitch_rad)
        cos_roll, sin_roll = math.cos(self.roll_rad), math.sin(self.roll_rad)
        forward = np.array([cos_pitch * cos_yaw, cos_pitch * sin_yaw, sin_pitch])
        level_right = np.array([sin_yaw, -cos_yaw, 0.0])
        level_down = np.array([sin_pitch * cos_yaw, sin_pitch * sin_yaw, -cos_pitch])
        right = cos_roll * level_right + sin_roll * level_down
        down = cos_roll * level_down - sin_roll * level_right
        return np.stack([right, down, forward])

    def to_camera(self, points_m: Floats) -> Floats:
        """(..., 3) world points as (..., 3) metres to the right, down and forward of the lens."""
        return np.asarray((points_m - np.array(self.position_m)) @ self.axes().T)

    def to_pixels(self, camera_m: Floats) -> Floats:
        """(..., 3) points in camera axes as (..., 2) pixels; the depth is taken as at least `NEAR_M`."""
        depth_m = np.maximum(camera_m[..., 2:3], NEAR_M)
        centre_px = np.array([self.width / 2, self.height / 2])
        return np.asarray(camera_m[..., :2] * (self.focal_px / depth_m) + centre_px)

    def view_slopes(self) -> Floats:
        """(2,) half the width and half the height of the view at a depth of one metre."""
        return np.array([self.width, self.height]) / (2 * self.focal_px)

    def project(self, points_m: Floats) -> tuple[Floats, Floats]:
        """(..., 3) world points as (..., 2) pixels and (...) depth in metres; only depths over `NEAR_M` are seen."""
        camera_m = self.to_camera(np.asarray(points_m, dtype=float))
        return self.to_pixels(camera_m), camera_m[..., 2]

    def ground_to_pixel(self) -> Floats:
        """(3, 3) homography from ground x, y, 1 to pixel u, v, 1 (times depth)."""
        axes = self.axes()
        rotation = np.column_stack([axes[:, 0], axes[:, 1], -axes @ np.array(self.position_m)])
        lens = np.array(
            [
                [self.focal_px, 0.0, self.width / 2],
                [0.0, self.focal_px, self.height / 2],
                [0.0, 0.0, 1.0],
            ]
        )
        return np.asarray(lens @ rotation)

    def ground_points(self, pixels: Floats) -> Floats:
        """(..., 2) pixels as (..., 2) x, y on the ground; NaN at and above the horizon."""
        offset = np.asarray(pixels, dtype=float) - np.array([self.width / 2, self.height / 2])
        rays = (
            np.concatenate([offset / self.focal_px, np.ones((*offset.shape[:-1], 1))], axis=-1) @ self.axes()
        )
        down = -rays[..., 2]
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = np.where(down > 1e-6, self.position_m[2] / down, np.nan)
        return np.asarray(np.array(self.position_m[:2]) + rays[..., :2] * scale[..., None])

    def in_frame(self, points_m: Floats) -> NDArray[np.bool_]:
        """(..., 3) world points: whether each is in front of the lens and inside the image."""
        pixels, depth_m = self.project(points_m)
        size = np.array([self.width, self.height])
        return np.asarray((depth_m > NEAR_M) & np.all((pixels >= 0) & (pixels < size), axis=-1))

    def clip_boxes(self, box_px: Floats) -> Floats:
        """(n, 4) boxes x1 y1 x2 y2 cut to the image."""
        limit = np.array([self.width, self.height, self.width, self.height], dtype=float)
        return np.clip(box_px, 0.0, limit)

    def fraction_in_frame(self, box_px: Floats) -> Floats:
        """(n,) share of the area of each (n, 4) box that lies inside the image."""
        clipped = self.clip_boxes(box_px)
        inside = (clipped[:, 2] - clipped[:, 0]) * (clipped[:, 3] - clipped[:, 1])
        whole = (box_px[:, 2] - box_px[:, 0]) * (box_px[:, 3] - box_px[:, 1])
        return np.asarray(inside / np.maximum(whole, 1e-9))
