"""Weather of a rendered scene: fog by distance, rain in the air and on the road, and what stands for night."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hw.sim.render_draws import Draws
from hw.sim.render_light import Light

Picture = NDArray[np.uint8]
Floats = NDArray[np.float64]
Colour = tuple[float, float, float]
LEAST_FOG_PER_M, MOST_FOG_PER_M = 0.012, 0.035
"""Fog proper: one sees 110 to 330 m; rain alone leaves more."""


@dataclass(frozen=True, slots=True)
class Weather:
    """Air, road and lamps.

    Attributes:
        fog_per_m: extinction; what lies d metres away keeps exp(-fog_per_m * d) of its contrast.
        fog_colour: blue green red 0..255.
        rain: 0..1 how dense the streaks are.
        wet: 0..1 how dark and how reflecting the road is.
        night: whether street lamps and head lamps are the light.
        lamp_colour: blue green red factors of the street lamps.
    """

    fog_per_m: float = 0.0
    fog_colour: Colour = (200.0, 200.0, 200.0)
    rain: float = 0.0
    wet: float = 0.0
    night: bool = False
    lamp_colour: Colour = (1.0, 1.0, 1.0)


def random_weather(draws: Draws) -> tuple[Weather, Light]:
    """A weather and a light that fit each other: half fine, the rest rain, fog and night in all combinations."""
    night, rainy, foggy = draws.chance(0.28), draws.chance(0.28), draws.chance(0.22)
    sunny = not (night or rainy or foggy) and draws.chance(0.65)
    light = _light(draws, night=night, sunny=sunny, dull=rainy or foggy)
    grey = (130.0 + 100.0 * draws.uniform(0, 1)) * light.exposure * (0.6 if night else 1.0)
    fog = 0.0
    if foggy:
        fog = draws.uniform(LEAST_FOG_PER_M, MOST_FOG_PER_M)
    elif rainy:
        fog = draws.uniform(0.004, LEAST_FOG_PER_M)
    sodium, led = (0.45, 0.8, 1.15), (1.1, 1.0, 0.95)
    weather = Weather(
        fog_per_m=fog,
        fog_colour=(grey * draws.uniform(0.95, 1.1), grey, grey * draws.uniform(0.92, 1.05)),
        rain=draws.uniform(0.15, 1.0) if rainy and draws.chance(0.8) else 0.0,
        wet=draws.uniform(0.3, 1.0) if rainy else 0.0,
        night=night,
        lamp_colour=draws.pick((sodium, led), ((0.75, 0.95, 1.05), (1.2, 1.05, 0.8))),
    )
    return weather, light


def _light(draws: Draws, *, night: bool, sunny: bool, dull: bool) -> Light:
    exposure = (
        draws.uniform(0.16, 0.4) if night else draws.uniform(0.45, 0.95) if dull else draws.uniform(0.6, 1.25)
    )
    tint = [draws.uniform(0.88, 1.12) for _ in range(3)]
    return Light(
        sun_yaw_rad=draws.uniform(-np.pi, np.pi),
        sun_elevation_rad=draws.uniform(0.2, 1.4),
        ambient=draws.uniform(0.35, 0.65) if sunny else draws.uniform(0.75, 0.98),
        shadow=draws.uniform(0.25, 0.65) if sunny else 0.0 if night else draws.uniform(0.0, 0.25),
        exposure=exposure,
        tint=(tint[0], tint[1], tint[2]),
        noise=draws.uniform(2.0, 11.0) if night else draws.uniform(0.5, 7.0),
        lamps=draws.uniform(0.75, 1.0)
        if night
        else draws.uniform(0.0, 1.0)
        if dull
        else draws.uniform(0, 0.5),
    )


def through_fog(colour: ArrayLike, distance_m: ArrayLike, weather: Weather) -> Floats:
    """(..., 3) colours as they look from (...) metres away."""
    kept = np.exp(-weather.fog_per_m * np.minimum(distance_m, 1e4))[..., None]
    return np.asarray(np.asarray(colour) * kept + np.array(weather.fog_colour) * (1.0 - kept))


def add_rain(picture: Picture, weather: Weather, generator: np.random.Generator) -> Picture:
    """Streaks of falling drops, all leaning the same way."""
    if weather.rain <= 0.0:
        return picture
    height, width = picture.shape[:2]
    veil = np.zeros((height, width), dtype=np.uint8)
    lean = generator.normal(0, 0.18)
    for _ in range(int(60 + 420 * weather.rain)):
        length = generator.uniform(4, 26)
        x, y = generator.uniform(-20, width + 20), generator.uniform(-20, height)
        end = (int(x + lean * length), int(y + length))
        cv2.line(veil, (int(x), int(y)), end, int(generator.integers(25, 110)), 1, cv2.LINE_AA)
    veil = np.asarray(cv2.GaussianBlur(veil, (0, 0), 0.5 + float(generator.uniform(0, 0.6))))
    level = float(picture.mean()) * 0.6 + 70.0
    share = (veil.astype(np.float32) / 255.0)[..., None]
    return np.asarray(picture * (1.0 - share) + level * share).astype(np.uint8)


def add_drops(picture: Picture, generator: np.random.Generator) -> Picture:
    """Drops on the glass: each shows a blurred, upside-down piece of the picture."""
    height, width = picture.shape[:2]
    blurred = cv2.flip(cv2.GaussianBlur(picture, (0, 0), 5.0), 0)
    mask = np.zeros((height, width), dtype=np.uint8)
    for _ in range(int(generator.integers(2, 22))):
        centre = (int(generator.integers(width)), int(generator.integers(height)))
        axes = (int(generator.integers(2, 11)), int(generator.integers(2, 15)))
        cv2.ellipse(mask, centre, axes, 0, 0, 360, int(generator.integers(120, 235)), -1)
    share = (cv2.GaussianBlur(mask, (0, 0), 1.5).astype(np.float32) / 255.0)[..., None]
    return np.asarray(picture * (1.0 - share) + blurred * share).astype(np.uint8)
