"""What glass, sensor and coder do to a picture: dirt, blur, vignette, noise, colour, JPEG."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hw.sim.render_draws import Draws

Picture = NDArray[np.uint8]


def through_sensor(picture: Picture, noise: float, draws: Draws) -> Picture:
    """A picture as a real camera might deliver it; every effect comes and goes by chance."""
    seen = picture
    if draws.chance(0.15):
        seen = _dirt(seen, draws)
    if draws.chance(0.45):
        seen = _blur(seen, draws)
    values = seen.astype(np.float32)
    if draws.chance(0.4):
        values *= _vignette(seen.shape, draws.uniform(0.1, 0.55))
    if draws.chance(0.5):
        grey = values.mean(axis=2, keepdims=True)
        values = grey + (values - grey) * np.float32(draws.uniform(0.0, 1.6))
    if draws.chance(0.5):
        values = 255.0 * np.power(np.clip(values / 255.0, 0, 1), np.float32(draws.uniform(0.65, 1.5)))
    height, width = seen.shape[:2]
    coarse = draws.chance(0.3)
    grain = draws.generator.standard_normal(
        (height // 2, width // 2, 3) if coarse else (height, width, 3), dtype=np.float32
    )
    values += noise * (cv2.resize(grain, (width, height)) if coarse else grain)
    out = np.clip(values, 0, 255).astype(np.uint8)
    return _coded(out, draws) if draws.chance(0.7) else out


def _dirt(picture: Picture, draws: Draws) -> Picture:
    """Soft smears on the glass, darker or milky."""
    height, width = picture.shape[:2]
    mask = np.zeros((height // 4, width // 4), dtype=np.float32)
    for _ in range(int(draws.generator.integers(1, 9))):
        centre = (int(draws.generator.integers(width // 4)), int(draws.generator.integers(height // 4)))
        axes = (int(draws.generator.integers(2, 14)), int(draws.generator.integers(2, 10)))
        turn = float(draws.generator.uniform(0, 180))
        cv2.ellipse(mask, centre, axes, turn, 0, 360, float(draws.generator.uniform(0.15, 0.6)), -1)
    share = cv2.resize(cv2.GaussianBlur(mask, (0, 0), 2.5), (width, height))[..., None]
    return np.asarray(picture * (1.0 - share) + draws.uniform(15, 180) * share).astype(np.uint8)


def _blur(picture: Picture, draws: Draws) -> Picture:
    """Out of focus, or fewer pixels than the picture claims."""
    if draws.chance(0.5):
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), draws.uniform(0.3, 1.4)), dtype=np.uint8)
    height, width = picture.shape[:2]
    share = draws.uniform(0.5, 0.95)
    small = cv2.resize(picture, (int(width * share), int(height * share)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height)), dtype=np.uint8)


def _vignette(shape: tuple[int, ...], strength: float) -> NDArray[np.float32]:
    rows, columns = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    return np.asarray(1.0 - strength * (rows**2 + columns**2)[..., None] / 2, dtype=np.float32)


def _coded(picture: Picture, draws: Draws) -> Picture:
    """JPEG and back."""
    quality = int(draws.uniform(22, 96))
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)
