"""A camera as a pose and a focal length, and the boxes that road users of known place, heading and size fill in it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.perception.view import View

Floats = NDArray[np.float64]
NEAREST_M = 1.0
"""A road user with a corner nearer than this, along the optical axis, has no box."""
LONG_M = 7.0
"""Longer vehicles are trucks and buses."""


def _corners(*level: tuple[tuple[float, float], float, float]) -> Floats:
    """(3, 16) corners in shares of length, width and height; per level rear and front, half the width, and height."""
    return np.array([[x, side, high] for ends, half, high in level for x in ends for side in (-half, half)]).T


_CAR = _corners(
    ((-0.47, 0.47), 0.46, 0.0), ((-0.5, 0.5), 0.5, 0.2), ((-0.5, 0.49), 0.49, 0.6), ((-0.37, 0.1), 0.4, 1.0)
)
_LONG = _corners(
    ((-0.47, 0.47), 0.46, 0.0), ((-0.5, 0.5), 0.5, 0.15), ((-0.5, 0.5), 0.5, 0.6), ((-0.5, 0.5), 0.5, 1.0)
)
_BODIES = np.stack([_CAR, _LONG], axis=2)
"""Wheels and bumpers, sill, belt line and roof, rounded from saloons, hatchbacks and estates; of trucks and buses."""


@dataclass(frozen=True, slots=True)
class CameraPose:
    """Where a camera stands and looks; square pixels, principal point in the middle of the picture.

    Attributes:
        x_m, y_m, z_m: lens, ENU metres of the site, z above the ground plane.
        yaw_rad: direction of the optical axis, counter-clockwise from east.
        pitch_rad: elevation of the optical axis; negative looks down.
        roll_rad: turn about the optical axis, clockwise as seen from behind the camera.
        focal_px: focal length.
    """

    x_m: float
    y_m: float
    z_m: float
    yaw_rad: float
    pitch_rad: float
    roll_rad: float
    focal_px: float

    def vector(self) -> Floats:
        """(7,) the attributes in their order, the focal length as its logarithm."""
        place = [self.x_m, self.y_m, self.z_m, self.yaw_rad, self.pitch_rad, self.roll_rad]
        return np.array([*place, math.log(self.focal_px)])


def pose_of_vector(vector: Floats) -> CameraPose:
    """The pose of a (7,) vector, see `CameraPose.vector`."""
    x, y, z, yaw, pitch, roll, log_focal = (float(v) for v in vector)
    return CameraPose(x, y, z, yaw, pitch, roll, math.exp(log_focal))


def pose_of_view(view: View, *, image_size: tuple[int, int]) -> CameraPose:
    """The pose in a (3, 4) projection of a camera with square pixels."""
    width, height = image_size
    centred = np.array([[1.0, 0.0, -width / 2], [0.0, 1.0, -height / 2], [0.0, 0.0, 1.0]]) @ view.projection
    axes = np.diag([1.0 / view.focal_px, 1.0 / view.focal_px, 1.0]) @ centred[:, :3]
    left, _, right = np.linalg.svd(axes)
    axes = left @ np.diag([1.0, 1.0, np.linalg.det(left @ right)]) @ right
    forward = axes[2]
    yaw, pitch = math.atan2(forward[1], forward[0]), math.asin(max(-1.0, min(1.0, float(forward[2]))))
    level_right, level_down = _level(yaw, pitch)
    roll = math.atan2(float(axes[0] @ level_down), float(axes[0] @ level_right))
    x, y, z = (float(v) for v in view.position_m)
    return CameraPose(x, y, z, yaw, pitch, roll, view.focal_px)


def projection_of_pose(pose: CameraPose, *, image_size: tuple[int, int]) -> Floats:
    """(3, 4) from x, y, z, 1 in metres to u, v, 1 times depth in metres."""
    return projection_of_vector(pose.vector(), image_size=image_size)


def projection_of_vector(vector: Floats, *, image_size: tuple[int, int]) -> Floats:
    """The same of a (7,) vector, see `CameraPose.vector`."""
    yaw, pitch, roll = (float(v) for v in vector[3:6])
    level_right, level_down = _level(yaw, pitch)
    cos_pitch = math.cos(pitch)
    forward = np.array([cos_pitch * math.cos(yaw), cos_pitch * math.sin(yaw), math.sin(pitch)])
    right = math.cos(roll) * level_right + math.sin(roll) * level_down
    down = math.cos(roll) * level_down - math.sin(roll) * level_right
    axes = np.stack([right, down, forward])
    focal = math.exp(float(vector[6]))
    lens = np.array([[focal, 0.0, image_size[0] / 2], [0.0, focal, image_size[1] / 2], [0.0, 0.0, 1.0]])
    return np.asarray(lens @ np.column_stack([axes, -axes @ vector[:3]]))


def _level(yaw: float, pitch: float) -> tuple[Floats, Floats]:
    """Right and down of a camera without roll."""
    level_right = np.array([math.sin(yaw), -math.cos(yaw), 0.0])
    level_down = np.array(
        [math.sin(pitch) * math.cos(yaw), math.sin(pitch) * math.sin(yaw), -math.cos(pitch)]
    )
    return level_right, level_down


def boxes_of(projection: Floats, centre_m: Floats, yaw_rad: Floats, size_m: Floats) -> Floats:
    """(n, 4) boxes x1 y1 x2 y2 of vehicles; NaN for one that reaches behind the lens. Not cut to the picture.

    Args:
        projection: (3, 4).
        centre_m: (n, 2) on the ground; yaw_rad: (n,); size_m: (n, 3) length, width, height.
    """
    along, aside, z = _BODIES[:, :, (size_m[:, 0] > LONG_M).astype(np.intp)] * size_m.T[:, None, :]
    cos, sin = np.cos(yaw_rad), np.sin(yaw_rad)
    x = centre_m[:, 0] + cos * along - sin * aside
    y = centre_m[:, 1] + sin * along + cos * aside
    u, v, depth = (row[0] * x + row[1] * y + row[2] * z + row[3] for row in projection)
    # A homography's own scale is no metre: its depth counts by the length of its third row.
    metres = depth / np.linalg.norm(projection[2, :3])
    inverse = 1.0 / np.where(metres > NEAREST_M, depth, np.nan)
    u, v = u * inverse, v * inverse
    box = np.stack([u.min(axis=0), v.min(axis=0), u.max(axis=0), v.max(axis=0)], axis=1)
    return np.asarray(box)
