"""A whole camera from its ground homography: where it stands and how it sees heights.

A homography of the ground plane fixes the focal length and pose of a camera with square pixels and the principal
point in the middle of the image (Zhang, IEEE TPAMI 22(11), 2000, section 3.1, with one view).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_MIN_FOCAL_WIDTHS, _MAX_FOCAL_WIDTHS = 0.2, 10.0
_MIN_HEIGHT_M = 1.0


@dataclass(frozen=True, slots=True)
class View:
    """A camera above the ground plane.

    Attributes:
        projection: (3, 4) from x, y, z, 1 in metres to u, v, 1 times depth; depth is positive in front.
        position_m: (3,) lens, ENU metres.
        focal_px: focal length.
        assumed_focal: the homography did not tell the focal length (a view straight down): a usual lens is assumed.
    """

    projection: Floats
    position_m: Floats
    focal_px: float
    assumed_focal: bool


def view_from_homography(
    ground_to_pixel: Floats, *, image_size: tuple[int, int], focal_px: float | None = None
) -> View:
    """The camera that sees the ground by this (3, 3) homography, whose depth is positive on the visible ground.

    The focal length is taken from the homography where it is not given.
    """
    width, height = image_size
    centred = np.array([[1.0, 0.0, -width / 2], [0.0, 1.0, -height / 2], [0.0, 0.0, 1.0]]) @ ground_to_pixel
    focal, assumed = (focal_px, False) if focal_px is not None else _focal(centred, width)
    rays = np.diag([1.0 / focal, 1.0 / focal, 1.0]) @ centred
    scale = 0.5 * (np.linalg.norm(rays[:, 0]) + np.linalg.norm(rays[:, 1]))
    rays = rays / scale
    left, _, right = np.linalg.svd(np.column_stack([rays[:, :2], np.cross(rays[:, 0], rays[:, 1])]))
    rotation = left @ np.diag([1.0, 1.0, np.linalg.det(left @ right)]) @ right
    # Seen with image rows that grow downwards, ENU has its third axis up.
    position = -rotation.T @ rays[:, 2]
    position[2] = max(abs(position[2]), _MIN_HEIGHT_M)
    lens = np.array([[focal, 0.0, width / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]])
    vertical = lens @ rotation[:, 2] * scale
    # The measured homography stays as it is; only the column of heights is derived.
    projection = np.column_stack([ground_to_pixel[:, :2], vertical, ground_to_pixel[:, 2]])
    return View(projection, position, float(focal), assumed)


def _focal(centred: Floats, width: int) -> tuple[float, bool]:
    first, second = centred[:, 0], centred[:, 1]
    of_inverse_square = np.array([first[:2] @ second[:2], first[:2] @ first[:2] - second[:2] @ second[:2]])
    constant = np.array([first[2] * second[2], first[2] ** 2 - second[2] ** 2])
    weight = float(of_inverse_square @ of_inverse_square)
    inverse_square = -float(of_inverse_square @ constant) / weight if weight > 0 else 0.0
    if inverse_square > 0.0:
        focal = inverse_square**-0.5
        if _MIN_FOCAL_WIDTHS * width <= focal <= _MAX_FOCAL_WIDTHS * width:
            return focal, False
    return float(width), True
