"""Signal heads of a scene: poles, housings and lamps, lit by the state of the simulated controller.

A scene lists them in `signals.json`; `read_geometry` puts the list into the geometry as `signals`. Poles belong to the
still picture. Heads are painted over everything: they hang above road users, and cameras look down on both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.core.signals import LampState
from hw.sim.pinhole import NEAR_M, PinholeCamera
from hw.sim.poses import WorldState
from hw.sim.render_draw import fill, fill_world, to_fixed
from hw.sim.render_light import Light

Floats = NDArray[np.float64]
Picture = NDArray[np.uint8]
Colour = tuple[float, float, float]

FLASH_NS = 500_000_000
"""Half a period of a flashing lamp."""
_LIT: dict[str, Colour] = {
    "red": (70.0, 60.0, 255.0),
    "amber": (40.0, 185.0, 255.0),
    "green": (190.0, 255.0, 70.0),
}
_UNLIT: dict[str, Colour] = {
    "red": (32.0, 28.0, 70.0),
    "amber": (28.0, 58.0, 70.0),
    "green": (52.0, 62.0, 30.0),
}
_SHOWN: dict[LampState, tuple[str, ...]] = {
    LampState.RED: ("red",),
    LampState.FLASHING_RED: ("red",),
    LampState.RED_YELLOW: ("red", "amber"),
    LampState.GREEN: ("green",),
    LampState.FLASHING_GREEN: ("green",),
    LampState.YELLOW: ("amber",),
    LampState.FLASHING_YELLOW: ("amber",),
}
_FLASHING = {LampState.FLASHING_RED, LampState.FLASHING_GREEN, LampState.FLASHING_YELLOW}
_HOUSING: Colour = (30.0, 30.0, 28.0)
_POLE: Colour = (112.0, 116.0, 112.0)
_POLE_M = 0.18
_SPACING = 1.15
"""Distance of lamps in diameters."""
_CORNERS = 14


@dataclass(frozen=True, slots=True)
class SignalHead:
    """One head.

    Attributes:
        kind, number: the controller's group that drives it.
        middle_m: (3,) middle of the lamps, ENU metres of the site.
        facing_rad: direction that the lamps shine to, counter-clockwise from east.
        lamp_m: diameter of a lamp.
        colours: from the top.
    """

    kind: str
    number: int
    middle_m: Floats
    facing_rad: float
    lamp_m: float
    colours: tuple[str, ...]

    def centres_m(self) -> Floats:
        """(n, 3) middles of the lamps, from the top."""
        count = len(self.colours)
        rise = (0.5 * (count - 1) - np.arange(count)) * self.lamp_m * _SPACING
        return np.asarray(self.middle_m + rise[:, None] * np.array([0.0, 0.0, 1.0]))

    def faces(self, point_m: Floats) -> bool:
        """Whether its lamps are seen from a point."""
        to_point = point_m[:2] - self.middle_m[:2]
        return bool(to_point @ self._outward()[:2] > 0.2 * np.hypot(*to_point))

    def _outward(self) -> Floats:
        return np.array([math.cos(self.facing_rad), math.sin(self.facing_rad), 0.0])

    def disc(self, centre_m: Floats) -> Floats:
        """(k, 3) rim of a lamp."""
        angle = np.arange(_CORNERS) * (2 * math.pi / _CORNERS)
        aside = np.array([-math.sin(self.facing_rad), math.cos(self.facing_rad), 0.0])
        across = np.cos(angle)[:, None] * aside + np.sin(angle)[:, None] * np.array([0.0, 0.0, 1.0])
        return np.asarray(centre_m + 0.03 * self._outward() + across * self.lamp_m / 2)

    def housing(self) -> Floats:
        """(4, 3) corners of the box, seen from the front or from behind."""
        aside = np.array([-math.sin(self.facing_rad), math.cos(self.facing_rad), 0.0]) * 0.75 * self.lamp_m
        up = np.array([0.0, 0.0, (0.5 * len(self.colours) * _SPACING + 0.15) * self.lamp_m])
        middle = self.middle_m
        return np.array([middle - aside - up, middle + aside - up, middle + aside + up, middle - aside + up])


def signal_heads(geometry: dict[str, Any]) -> tuple[SignalHead, ...]:
    """The heads of a scene's geometry; none where it lists none."""
    listed = geometry.get("signals", {}).get("heads", [])
    return tuple(
        SignalHead(
            str(entry["kind"]),
            int(entry["number"]),
            np.array(entry["position_m"], dtype=float),
            math.radians(entry["facing_deg"]),
            float(entry["lamp_m"]),
            ("red", "green") if entry["kind"] == "pedestrian" else ("red", "amber", "green"),
        )
        for entry in listed
    )


def draw_poles(picture: Picture, camera: PinholeCamera, geometry: dict[str, Any], light: Light) -> None:
    """Paint the poles and arms over the still picture; each is a line of points."""
    colour = tuple(channel * light.exposure for channel in _POLE)
    for pole in geometry.get("signals", {}).get("poles", []):
        line = np.array(pole, dtype=float)
        for start, end in pairwise(line):
            along = (end - start) / np.linalg.norm(end - start)
            sight = (start + end) / 2 - np.array(camera.position_m)
            aside = np.cross(along, sight)
            aside *= _POLE_M / 2 / max(float(np.linalg.norm(aside)), 1e-9)
            fill_world(
                picture, camera, np.array([start - aside, start + aside, end + aside, end - aside]), colour
            )


def draw_heads(
    picture: Picture,
    camera: PinholeCamera,
    heads: tuple[SignalHead, ...],
    state: WorldState,
    light: Light,
    *,
    at_ns: int,
) -> None:
    """Paint the heads as the controller of the world drives them at `at_ns`, the farthest first."""
    eye = np.array(camera.position_m)
    lamps = {(str(group["kind"]), int(str(group["number"]))): group["lamp"] for group in state.groups}
    for head in sorted(heads, key=lambda each: -float(np.linalg.norm(each.middle_m - eye))):
        if camera.to_camera(head.middle_m)[2] < 2 * NEAR_M:
            continue
        fill_world(picture, camera, head.housing(), tuple(channel * light.exposure for channel in _HOUSING))
        if head.faces(eye):
            shown = lit_lamps(LampState[str(lamps.get((head.kind, head.number), "DARK"))], at_ns=at_ns)
            _draw_lamps(picture, camera, head, shown, light)


def lit_lamps(lamp: LampState, *, at_ns: int) -> tuple[str, ...]:
    """Colours that are lit at this instant; a flashing lamp is lit during even halves of its period."""
    if lamp in _FLASHING and at_ns // FLASH_NS % 2:
        return ()
    return _SHOWN.get(lamp, ())


def _draw_lamps(
    picture: Picture, camera: PinholeCamera, head: SignalHead, shown: tuple[str, ...], light: Light
) -> None:
    for colour, centre in zip(head.colours, head.centres_m(), strict=True):
        rim = camera.to_pixels(camera.to_camera(head.disc(centre)))
        if colour not in shown:
            fill(picture, to_fixed(rim), tuple(channel * light.exposure for channel in _UNLIT[colour]))
            continue
        fill(picture, to_fixed(rim), _LIT[colour])
        middle = rim.mean(axis=0)
        core = tuple(0.5 * channel + 127.0 for channel in _LIT[colour])
        fill(picture, to_fixed(middle + 0.5 * (rim - middle)), core)


def lamps_px(camera: PinholeCamera, head: SignalHead) -> tuple[tuple[tuple[float, float], ...], float] | None:
    """Centres and radius of a head's lamps in the picture; None where they are not seen from the front."""
    centres = head.centres_m()
    if not head.faces(np.array(camera.position_m)) or not camera.in_frame(centres).all():
        return None
    pixels, depth = camera.project(centres)
    radius = camera.focal_px * head.lamp_m / 2 / float(depth.mean())
    return tuple((float(u), float(v)) for u, v in pixels), radius
