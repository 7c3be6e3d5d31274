"""Pictures of the simulated world as a roadside camera would take them."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hw.sim.pinhole import NEAR_M, PinholeCamera
from hw.sim.poses import WorldState
from hw.sim.render_background import draw_background
from hw.sim.render_draw import Fixed, clip_near, fill, to_fixed
from hw.sim.render_light import Light
from hw.sim.render_polygons import Faces, Placed, faces_of, footprints, place
from hw.sim.render_signals import draw_heads, draw_poles, signal_heads

Picture = NDArray[np.uint8]
_NOISE_MARGIN_PX = 64
_SMALLEST_FACE_PX = 0.6
"""Painted faces of less area than this are left out."""


class Renderer:
    """Draws the world for one camera; the still background is drawn once.

    Args:
        camera: pose and lens.
        geometry: lanes, junction, stop lines and signals of the scene, see `read_geometry`.
        seed: of the background, the light and the noise.
        light: sun, sky and sensor; a fine day when not given.
    """

    def __init__(
        self, camera: PinholeCamera, geometry: dict[str, Any], *, seed: int, light: Light | None = None
    ) -> None:
        self.camera = camera
        self.light = Light() if light is None else light
        self._seed = seed
        generator = np.random.default_rng(seed)
        self._background = draw_background(camera, geometry, self.light, generator)
        self._heads = signal_heads(geometry)
        draw_poles(self._background, camera, geometry, self.light)
        self._shaded = np.asarray(cv2.convertScaleAbs(self._background, alpha=1.0 - self.light.shadow))
        height, width = camera.height + _NOISE_MARGIN_PX, camera.width + _NOISE_MARGIN_PX
        grain = generator.normal(0.0, self.light.noise, (height, width, 3))
        self._brighter = np.clip(np.rint(grain), 0, 255).astype(np.uint8)
        self._darker = np.clip(np.rint(-grain), 0, 255).astype(np.uint8)

    def render(self, state: WorldState, *, at_ns: int) -> Picture:
        """(height, width, 3) uint8 blue green red at `at_ns`; road users move on by their speed and heading."""
        placed = place(state, self.camera, at_ns=at_ns)
        picture = self._background.copy()
        self._cast_shadows(picture, placed)
        draw_faces(picture, self.camera, faces_of(placed, self.camera, self.light))
        draw_heads(picture, self.camera, self._heads, state, self.light, at_ns=at_ns)
        self._add_noise(picture, at_ns)
        return picture

    def _cast_shadows(self, picture: Picture, placed: Placed) -> None:
        if not len(placed.row) or self.light.shadow < 0.02:
            return
        outlines = _shadow_outlines(placed, self.light)
        camera_m = self.camera.to_camera(outlines)
        corners = to_fixed(self.camera.to_pixels(camera_m))
        mask = np.zeros(picture.shape[:2], dtype=np.uint8)
        for points, shadow in zip(camera_m, corners, strict=True):
            if points[:, 2].min() > NEAR_M:
                fill(mask, cv2.convexHull(shadow), 255.0, smooth=False)
        cv2.copyTo(self._shaded, mask, picture)

    def _add_noise(self, picture: Picture, at_ns: int) -> None:
        """Another piece of the grain for every instant."""
        row, column = np.random.default_rng((self._seed, at_ns)).integers(0, _NOISE_MARGIN_PX, 2)
        window = np.s_[row : row + picture.shape[0], column : column + picture.shape[1]]
        cv2.add(picture, self._brighter[window], dst=picture)
        cv2.subtract(picture, self._darker[window], dst=picture)


def draw_faces(picture: Picture, camera: PinholeCamera, faces: Faces) -> None:
    """Paint faces over a picture in their order."""
    corners = to_fixed(faces.pixels)
    area = _area_px(faces.pixels)
    wanted = (faces.solid | (area > _SMALLEST_FACE_PX)).tolist()
    colours = faces.colour.tolist()
    cut = faces.cut.tolist()
    for i, use in enumerate(wanted):
        if use:
            outline = _clipped(camera, faces, i) if cut[i] else corners[i]
            fill(picture, outline, colours[i])


def _clipped(camera: PinholeCamera, faces: Faces, index: int) -> Fixed:
    """Corners of a face that reaches behind the lens."""
    return to_fixed(camera.to_pixels(clip_near(faces.camera_m[index])))


def _area_px(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """(q,) area of (q, 4, 2) quadrilaterals."""
    first, second = pixels[:, 2] - pixels[:, 0], pixels[:, 3] - pixels[:, 1]
    return np.asarray(np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) / 2)


def _shadow_outlines(placed: Placed, light: Light) -> NDArray[np.float64]:
    """(n, 8, 3) ground points whose hull is the shadow of each road user."""
    ground = footprints(placed)
    shift = placed.size_m[:, 2, None, None] * light.shadow_shift()
    level = np.concatenate([ground, ground + shift], axis=1)
    return np.concatenate([level, np.zeros((*level.shape[:2], 1))], axis=-1)
