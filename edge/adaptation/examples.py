"""Labelled pictures to learn from, changed a little in view and light each time."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.ports import Image

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
LEAST_INSIDE = 0.6
"""Share of a box that must stay in the picture for the road user to be demanded."""
PAD_VALUE = 114


@dataclass(frozen=True, slots=True)
class Example:
    """A picture of the network's size, and n boxes.

    Attributes:
        image: (h, w, 3) uint8.
        box_px: (n, 4) float32.
        column: (n,) of the network's classes.
        use: (n,) 1 learn it, 0 leave it out.
    """

    image: Image
    box_px: Floats
    column: Ints
    use: Ints


def changed(
    image: Image, box_px: Floats, generator: np.random.Generator
) -> tuple[Image, Floats, NDArray[np.bool_]]:
    """Mirrored, moved, brighter or darker by chance; boxes clipped, and whether each is still there to be found."""
    width, inside = image.shape[1], np.ones(len(box_px))
    boxes = box_px.astype(np.float32).copy()
    if generator.random() < 0.5:
        image = np.ascontiguousarray(image[:, ::-1])
        boxes[:, [0, 2]] = width - boxes[:, [2, 0]]
    if generator.random() < 0.5:
        image, boxes, inside = moved(image, boxes, generator)
    contrast, brightness = generator.uniform(0.75, 1.25), generator.uniform(-25, 25)
    image = np.clip(image * np.float32(contrast) + np.float32(brightness), 0, 255).astype(np.uint8)
    return image, boxes, np.asarray(inside > LEAST_INSIDE)


def moved(
    image: Image, box_px: Floats, generator: np.random.Generator
) -> tuple[Image, Floats, NDArray[np.float64]]:
    """Scaled and shifted picture, clipped boxes, and the share of each box that stayed inside."""
    height, width = image.shape[:2]
    scale = float(np.exp(generator.uniform(-0.25, 0.35)))
    shift = generator.uniform(-0.15, 0.15, 2) * (width, height) + (1 - scale) / 2 * np.array([width, height])
    # Box coordinates are continuous, `warpAffine` counts pixel centres.
    matrix = np.array([[scale, 0, shift[0] + (scale - 1) / 2], [0, scale, shift[1] + (scale - 1) / 2]])
    picture = cv2.warpAffine(image, matrix, (width, height), borderValue=(PAD_VALUE,) * 3)
    wide = box_px * scale + np.tile(shift, 2)
    clipped = np.clip(wide, 0, np.array([width, height] * 2))
    area = (clipped[:, 2] - clipped[:, 0]) * (clipped[:, 3] - clipped[:, 1])
    inside = area / np.maximum((wide[:, 2] - wide[:, 0]) * (wide[:, 3] - wide[:, 1]), 1e-6)
    return np.asarray(picture, np.uint8), clipped.astype(np.float32), np.asarray(inside, np.float64)


@dataclass(frozen=True, slots=True)
class Batch:
    """Pictures (b, h, w, 3) uint8, boxes (b, m, 4), columns (b, m), use (b, m) 1 learn, 0 leave out, -1 no box."""

    pictures: NDArray[np.uint8]
    box_px: Floats
    column: Ints
    use: Ints


class Examples:
    """Draws random batches.

    Args:
        site: pictures of the site.
        rendered: pictures that keep the network from forgetting what it knew.
        share: of `rendered` in a batch, about.
        size: of a batch.
        seed: of the generator.
    """

    def __init__(
        self, site: list[Example], rendered: list[Example], *, share: float, size: int, seed: int
    ) -> None:
        self._site, self._rendered, self._size = site, rendered, size
        self._share = share if rendered else 0.0
        self._generator = np.random.default_rng(seed)

    def draw(self) -> Batch:
        """The next batch."""
        rows = [self._one() for _ in range(self._size)]
        most = max(1, *(len(row.column) for row in rows))
        box_px = np.zeros((self._size, most, 4), dtype=np.float32)
        column, use = np.zeros((self._size, most), np.int64), np.full((self._size, most), -1, np.int64)
        for k, row in enumerate(rows):
            count = len(row.column)
            box_px[k, :count], column[k, :count], use[k, :count] = row.box_px, row.column, row.use
        return Batch(np.stack([row.image for row in rows]), box_px, column, use)

    def _one(self) -> Example:
        pool = self._rendered if self._generator.random() < self._share else self._site
        example = pool[int(self._generator.integers(len(pool)))]
        image, boxes, inside = changed(example.image, example.box_px, self._generator)
        kept = (boxes[:, 2] - boxes[:, 0] > 1) & (boxes[:, 3] - boxes[:, 1] > 1)
        use = np.where(inside, example.use, 0)
        return Example(image, boxes[kept], example.column[kept], use[kept])
