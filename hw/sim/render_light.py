"""The light of a rendered scene and what the sensor makes of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Light:
    """Sun, sky and sensor.

    Attributes:
        sun_yaw_rad: direction towards the sun, counter-clockwise from east.
        sun_elevation_rad: height of the sun.
        ambient: 0..1 share of the light that comes from the whole sky.
        shadow: 0..1 darkness of cast shadows.
        exposure: factor on all colours.
        tint: blue, green, red factors.
        noise: standard deviation of the sensor noise in grey levels.
        lamps: 0..1 brightness of vehicle lamps.
    """

    sun_yaw_rad: float = 0.9
    sun_elevation_rad: float = 0.85
    ambient: float = 0.55
    shadow: float = 0.4
    exposure: float = 1.0
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    noise: float = 3.0
    lamps: float = 0.3

    def sun_vector(self) -> np.ndarray:
        """(3,) unit vector towards the sun."""
        level = math.cos(self.sun_elevation_rad)
        return np.array(
            [
                level * math.cos(self.sun_yaw_rad),
                level * math.sin(self.sun_yaw_rad),
                math.sin(self.sun_elevation_rad),
            ]
        )

    def shadow_shift(self) -> np.ndarray:
        """(2,) metres by which the shadow of a point lies aside per metre of height, at most 2.5."""
        length = min(2.5, 1.0 / math.tan(max(self.sun_elevation_rad, 0.05)))
        return -length * np.array([math.cos(self.sun_yaw_rad), math.sin(self.sun_yaw_rad)])

    def shade(self, normals: np.ndarray) -> np.ndarray:
        """Brightness factor of faces: (..., 3) unit normals to (...) factors around 1."""
        direct = np.maximum(normals @ self.sun_vector(), 0.0)
        sky = 0.75 + 0.25 * normals[..., 2]
        return np.asarray(
            self.exposure * (self.ambient * sky + (1.0 - self.ambient) * (0.35 + 0.95 * direct))
        )


def random_light(generator: np.random.Generator) -> Light:
    """Light of some hour and weather: sun, overcast, dusk or night under street lamps."""
    weather = generator.choice(["sun", "cloud", "dusk", "night"], p=[0.5, 0.3, 0.12, 0.08])
    sunny = weather == "sun"
    exposure = {"sun": 1.0, "cloud": 0.9, "dusk": 0.6, "night": 0.42}[str(weather)] * generator.uniform(
        0.82, 1.18
    )
    tint = 1.0 + generator.normal(0.0, 0.03, 3)
    return Light(
        sun_yaw_rad=float(generator.uniform(-math.pi, math.pi)),
        sun_elevation_rad=float(generator.uniform(0.3, 1.4)),
        ambient=float(generator.uniform(0.4, 0.65) if sunny else generator.uniform(0.75, 0.95)),
        shadow=float(generator.uniform(0.25, 0.6) if sunny else generator.uniform(0.0, 0.2)),
        exposure=float(exposure),
        tint=(float(tint[0]), float(tint[1]), float(tint[2])),
        noise=float(generator.uniform(0.5, 7.0)),
        lamps=float(
            generator.uniform(0.0, 0.5) if weather in {"sun", "cloud"} else generator.uniform(0.5, 1.0)
        ),
    )
