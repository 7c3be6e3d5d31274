"""What dirt, glare, weather, night and a loose mount make of a camera's picture."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Fault = Callable[[Picture, np.random.Generator], Picture]


def _bounded(values: NDArray[Any]) -> Picture:
    return np.asarray(np.clip(values, 0.0, 255.0), dtype=np.uint8)


def defocused(sigma_px: float) -> Fault:
    """A lens out of focus."""
    return lambda picture, _chance: np.asarray(
        cv2.GaussianBlur(picture, (0, 0), sigma_px, borderType=cv2.BORDER_REPLICATE), dtype=np.uint8
    )


def veiled(contrast: float) -> Fault:
    """Fog, spray or a dusty lens that leaves this share of the contrast."""
    return lambda picture, _chance: _bounded(picture * contrast + 190.0 * (1.0 - contrast))


def dirty(share: float) -> Fault:
    """A smear that hides this share of the picture."""

    def fault(picture: Picture, chance: np.random.Generator) -> Picture:
        soiled = picture.copy()
        height, width = (round(math.sqrt(share) * side) for side in picture.shape[:2])
        top, left = (picture.shape[0] - height) // 3, (picture.shape[1] - width) // 3
        mud = np.array([60.0, 70.0, 75.0]) + 2.0 * chance.standard_normal((height, width, 1), np.float32)
        soiled[top : top + height, left : left + width] = _bounded(mud)
        return soiled

    return fault


def covered() -> Fault:
    """A bag over the lens."""

    def fault(picture: Picture, chance: np.random.Generator) -> Picture:
        slope = np.linspace(30.0, 60.0, picture.shape[1])[None, :, None] * np.ones(3)
        return _bounded(slope + 2.0 * chance.standard_normal((*picture.shape[:2], 1), np.float32))

    return fault


def glaring(radius: float) -> Fault:
    """A low sun whose burnt spot has this radius, as a share of the width, with its veil."""

    def fault(picture: Picture, _chance: np.random.Generator) -> Picture:
        height, width = picture.shape[:2]
        rows, columns = np.mgrid[:height, :width]
        distance = np.hypot(columns - 0.6 * width, rows - 0.35 * height) / width
        light = 330.0 * np.exp(-((distance / radius) ** 2)) + 64.0 * np.exp(-distance / 0.3)
        return _bounded(picture + light[..., None])

    return fault


def dark(light: float, *, noise: float) -> Fault:
    """Less light, and the noise of a gain that makes up for it."""
    return lambda picture, chance: _bounded(
        picture * light + noise * chance.standard_normal(picture.shape, np.float32)
    )


def shaken(pixels: int) -> Fault:
    """A mount that swings by up to so many pixels each way."""
    return lambda picture, chance: np.asarray(
        np.roll(picture, chance.integers(-pixels, pixels + 1, 2), (0, 1)), dtype=np.uint8
    )


def turned(pixels: int) -> Fault:
    """A camera that was turned aside."""
    return lambda picture, _chance: np.asarray(np.roll(picture, pixels, 1), dtype=np.uint8)


def elsewhere() -> Fault:
    """A camera that looks at something else."""
    return lambda picture, _chance: np.asarray(cv2.flip(picture, 1), dtype=np.uint8)


def blank(level: int) -> Fault:
    """No picture."""
    return lambda picture, _chance: np.full_like(picture, level)


def magenta() -> Fault:
    """A stuck infrared filter."""
    return lambda picture, _chance: _bounded(picture * np.array([1.0, 0.4, 1.0]))


def frozen() -> Fault:
    """An encoder that repeats its picture."""
    kept: list[Picture] = []

    def fault(picture: Picture, _chance: np.random.Generator) -> Picture:
        if not kept:
            kept.append(picture)
        return kept[0]

    return fault
