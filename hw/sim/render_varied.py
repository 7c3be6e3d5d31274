"""Pictures of the simulated world in every weather, light and texture: to train and to score detectors.

The plain `render.Renderer` is what the demo's cameras use, at a tenth of the cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hw.sim.pinhole import NEAR_M, PinholeCamera
from hw.sim.poses import WorldState
from hw.sim.render_decals import Decals
from hw.sim.render_draw import clip_near, fill, to_fixed
from hw.sim.render_draws import Draws
from hw.sim.render_glow import add_beams, add_glare, add_mirror
from hw.sim.render_lens import LensCamera
from hw.sim.render_light import Light
from hw.sim.render_polygons import Faces, Placed, faces_of, footprints, place
from hw.sim.render_sensor import through_sensor
from hw.sim.render_street import draw_street, lamp_light
from hw.sim.render_textures import HELD, TRAINED
from hw.sim.render_visibility import Visibility, visibility
from hw.sim.render_weather import Weather, add_drops, add_rain, random_weather, through_fog

Picture = NDArray[np.uint8]
Floats = NDArray[np.float64]
_NOBODY = np.iinfo(np.uint16).max
_FINER = 1.5
"""How much finer the street is drawn than the picture."""


@dataclass(frozen=True, slots=True)
class Varied:
    """A picture (h, w, 3) uint8 blue green red and what can be seen in it."""

    picture: Picture
    truth: Visibility


class VariedRenderer:
    """Draws one place in one weather for one camera.

    Args:
        camera: pose and lens.
        geometry: lanes, junction and stop lines.
        seed: of everything that is random.
        held: draw from the held-out world (see `render_draws`).
        weather, light: given together, or drawn.
    """

    def __init__(
        self,
        camera: LensCamera,
        geometry: dict[str, Any],
        *,
        seed: int,
        held: bool = False,
        weather: Weather | None = None,
        light: Light | None = None,
    ) -> None:
        self.camera, self._seed, self._held = camera, seed, held
        draws = Draws(np.random.default_rng(seed), held)
        drawn_weather, drawn_light = random_weather(draws)
        self.weather = drawn_weather if weather is None else weather
        self.light = drawn_light if light is None else light
        street = draw_street(camera.pinhole(scale=_FINER), geometry, self.light, self.weather, draws)
        self._lamps_m = street.lamps_m
        self._background = self._through_lens(street.picture, cv2.INTER_LINEAR)
        self._screen_m = self._through_lens(street.screen_m, cv2.INTER_NEAREST)
        texture = draws.pick(TRAINED, HELD)
        self._grime = 1.0 + np.float32(draws.uniform(0.0, 0.12)) * texture(
            self._background.shape[:2], draws.generator
        ).clip(-2.5, 2.5)
        self._drops = self.weather.rain > 0 and draws.chance(0.5)

    def render(self, state: WorldState) -> Varied:
        """One moment, at the stamp of the state."""
        draws = Draws(np.random.default_rng((self._seed, state.stamp_ns, len(state.ids))), self._held)
        placed = place(state, self.camera, at_ns=state.stamp_ns)
        truth = visibility(state, self.camera, screen_m=self._screen_m)
        picture = self._background.copy()
        self._cast_shadows(picture, placed)
        add_beams(picture, self.camera, placed, self.light, self.weather)
        owners = self._draw(picture, placed, draws)
        boxes = truth.box_px[placed.row]
        add_mirror(picture, boxes[~np.isnan(boxes).any(axis=1)], owners, self.weather)
        add_glare(picture, self.camera, placed, owners, self.light, self.weather)
        picture = add_rain(picture, self.weather, draws.generator)
        if self._drops:
            picture = add_drops(picture, draws.generator)
        return Varied(through_sensor(picture, self.light.noise, draws), truth)

    def _through_lens(self, wide: Any, how: int) -> Any:
        """A pinhole picture, `_FINER` times as fine, bent to this camera's."""
        camera = self.camera
        rows, columns = np.mgrid[: camera.height, : camera.width] + 0.5
        straight = camera.straighten(np.stack([columns, rows], axis=-1))
        offset = (straight - np.array([camera.width, camera.height]) / 2) * _FINER
        at = (offset + np.array(wide.shape[1::-1]) / 2 - 0.5).astype(np.float32)
        soft = wide if how == cv2.INTER_NEAREST else cv2.GaussianBlur(wide, (0, 0), 0.6)
        return cv2.remap(soft, at[..., 0], at[..., 1], how, borderMode=cv2.BORDER_REPLICATE)

    def _cast_shadows(self, picture: Picture, placed: Placed) -> None:
        if not len(placed.row):
            return
        ground = footprints(placed)
        mask = np.zeros(picture.shape[:2], dtype=np.uint8)
        drops = placed.size_m[:, 2, None, None] * self.light.shadow_shift() * (self.light.shadow >= 0.02)
        for outline in np.concatenate([ground, ground + drops], axis=1):
            points = self.camera.to_camera(np.column_stack([outline, np.zeros(8)]))
            if points[:, 2].min() > NEAR_M:
                hull = cv2.convexHull(to_fixed(self.camera.to_pixels(points)))
                fill(mask, np.asarray(hull, dtype=np.int32), 255.0, smooth=False)
        soft = cv2.GaussianBlur(mask, (0, 0), 0.8).astype(np.float32)[..., None] / 255.0
        dark = max(self.light.shadow, 0.25)
        fogged = np.exp(-self.weather.fog_per_m * 30.0)
        picture[:] = (picture * (1.0 - soft * dark * fogged)).astype(np.uint8)

    def _draw(self, picture: Picture, placed: Placed, draws: Draws) -> NDArray[np.uint16]:
        """Paint the road users and whatever stands before them; (h, w) whose pixel each is."""
        owners = np.full(picture.shape[:2], _NOBODY, dtype=np.uint16)
        if not len(placed.row):
            return owners
        faces = faces_of(placed, self.camera, self.light)
        distance = np.hypot(
            np.linalg.norm(placed.centre_m - np.array(self.camera.position_m[:2]), axis=1),
            self.camera.position_m[2],
        )
        faces = self._in_this_air(faces, placed, distance)
        clean, decals = picture.copy(), Decals(placed, draws)
        for i in range(len(faces.owner)):
            corners = _outline(self.camera, faces, i)
            if len(corners) >= 3:
                fill(picture, corners, faces.colour[i].tolist())
                if faces.solid[i]:
                    fill(owners, corners, float(faces.owner[i]), smooth=False)
                decals.paint(picture, faces, i)
        theirs = owners != _NOBODY
        picture[:] = np.where(
            theirs[..., None], np.clip(picture * self._grime[..., None], 0, 255), picture
        ).astype(np.uint8)
        away = np.append(distance, np.inf)[np.minimum(owners, len(distance))]
        hidden = self._screen_m < away
        near = np.isfinite(self._screen_m) & hidden
        picture[near] = clean[near]
        owners[near] = _NOBODY
        return owners

    def _in_this_air(self, faces: Faces, placed: Placed, distance_m: Floats) -> Faces:
        lamp = lamp_light(placed.centre_m, self.weather, self._lamps_m)[faces.owner]
        dull = 1.0 - 0.15 * self.weather.wet
        colour = through_fog(faces.colour * (lamp * dull)[:, None], distance_m[faces.owner], self.weather)
        return Faces(
            faces.pixels, faces.camera_m, faces.owner, np.clip(colour, 0, 255), faces.solid, faces.cut
        )


def _outline(camera: PinholeCamera, faces: Faces, index: int) -> Any:
    if not faces.cut[index]:
        return to_fixed(faces.pixels[index])
    return to_fixed(camera.to_pixels(clip_near(faces.camera_m[index])))
