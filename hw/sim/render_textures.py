"""Procedural textures: fields of brightness without any picture from outside.

Two families that share no method: `TRAINED` and `HELD` (see `render_draws`).
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
Texture = Callable[[tuple[int, int], np.random.Generator], Field]
"""(height, width) and a generator to a field of mean 0 and a standard deviation of about 1."""


def _standard(field: NDArray[np.generic]) -> Field:
    values = np.asarray(field, dtype=np.float32)
    mean, spread = cv2.meanStdDev(values)
    return np.asarray((values - mean[0, 0]) / max(1e-6, float(spread[0, 0])), dtype=np.float32)


def _stretched(small: NDArray[np.generic], shape: tuple[int, int]) -> Field:
    return np.asarray(
        cv2.resize(np.asarray(small, dtype=np.float32), shape[::-1], interpolation=cv2.INTER_CUBIC)
    )


def clouds(shape: tuple[int, int], generator: np.random.Generator) -> Field:
    """Octaves of smooth noise."""
    total = np.zeros(shape, dtype=np.float32)
    for cell in (4, 11, 30, 80):
        small = generator.normal(0, cell**0.35, (shape[0] // cell + 2, shape[1] // cell + 2))
        total += _stretched(small, shape)
    return _standard(total)


def grains(shape: tuple[int, int], generator: np.random.Generator) -> Field:
    """Fine grain with a few stains."""
    grain = generator.normal(0, 1, shape).astype(np.float32)
    stains = _stretched(generator.normal(0, 1, (shape[0] // 50 + 2, shape[1] // 50 + 2)) ** 3 * 0.5, shape)
    return _standard(cv2.GaussianBlur(grain, (0, 0), 0.8) + stains)


def cracks(shape: tuple[int, int], generator: np.random.Generator) -> Field:
    """Dark crooked lines and tarred seams on a mottled ground."""
    field = clouds(shape, generator) * 0.8
    for _ in range(shape[0] * shape[1] // 9000):
        steps = generator.normal(0, 6, (12, 2)) + generator.normal(0, 5, 2)
        line = np.cumsum(steps, axis=0) + generator.uniform(0, 1, 2) * shape[::-1]
        cv2.polylines(
            field,
            [line.astype(np.int32)],
            isClosed=False,
            color=float(generator.uniform(-4.0, -1.5)),
            thickness=int(generator.integers(1, 3)),
        )
    return _standard(field)


def slabs(shape: tuple[int, int], generator: np.random.Generator) -> Field:
    """Square slabs of different tone with joints."""
    size = int(generator.integers(4, 14))
    tones = generator.normal(0, 1, (shape[0] // size + 1, shape[1] // size + 1)).astype(np.float32)
    field = np.repeat(np.repeat(tones, size, 0), size, 1)[: shape[0], : shape[1]].copy()
    field[::size] = field[:, ::size] = -2.0
    return _standard(field)


def cells(shape: tuple[int, int], generator: np.random.Generator) -> Field:
    """Stones: the cells of random points, darker towards their borders."""
    points = np.full(shape, 255, dtype=np.uint8)
    count = shape[0] * shape[1] // int(generator.integers(60, 700))
    points[generator.integers(0, shape[0], count), generator.integers(0, shape[1], count)] = 0
    distance, labels = cv2.distanceTransformWithLabels(points, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    tones = generator.normal(0, 1, int(labels.max()) + 1).astype(np.float32)
    return _standard(tones[labels] - 0.25 * distance)


def waves(shape: tuple[int, int], generator: np.random.Generator) -> Field:
    """Bent waves that cross each other."""
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    field = np.zeros(shape, dtype=np.float32)
    for _ in range(5):
        angle, length = generator.uniform(0, np.pi), generator.uniform(5, 90)
        bend = 6.0 * np.sin((columns * np.sin(angle) - rows * np.cos(angle)) / (length * 1.7))
        field += np.sin((columns * np.cos(angle) + rows * np.sin(angle) + bend) / length * 6.28).astype(
            np.float32
        )
    return _standard(field)


def brushed(shape: tuple[int, int], generator: np.random.Generator) -> Field:
    """Noise drawn out in one direction."""
    grain = generator.normal(0, 1, shape).astype(np.float32)
    length = int(generator.integers(7, 31)) | 1
    kernel = cv2.getRotationMatrix2D((length / 2 - 0.5,) * 2, float(generator.uniform(0, 180)), 1.0)
    line = np.zeros((length, length), dtype=np.float32)
    line[length // 2] = 1.0
    return _standard(cv2.filter2D(grain, -1, cv2.warpAffine(line, kernel, (length, length))))


def bricks(shape: tuple[int, int], generator: np.random.Generator) -> Field:
    """Rows of stones, each row shifted by half a stone."""
    height, width = int(generator.integers(3, 9)), int(generator.integers(8, 20))
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    course = rows // height
    along = columns + (course % 2) * (width // 2)
    tones = generator.normal(0, 1, (shape[0] // height + 1, (shape[1] + width) // width + 2))
    field = tones[course, along // width].astype(np.float32)
    field[(rows % height == 0) | (along % width == 0)] = 1.8
    return _standard(field)


TRAINED: tuple[Texture, ...] = (clouds, grains, cracks, slabs)
HELD: tuple[Texture, ...] = (cells, waves, brushed, bricks)
