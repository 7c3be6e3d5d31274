"""A picture scaled into a detector's fixed input without changing its shape, in kept buffers."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.perception.model_card import ModelCard
from edge.ports import Image


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the picture lies in the input: input pixel = picture pixel * scale + offset."""

    scale: float
    left_px: int
    top_px: int

    def to_picture(self, box_px: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, 4) boxes of the input in pixels of the picture."""
        offset = np.array([self.left_px, self.top_px] * 2, dtype=np.float32)
        return np.asarray((box_px - offset) / np.float32(self.scale), dtype=np.float32)


class Letterbox:
    """Fills one input tensor; it is overwritten by the next picture."""

    def __init__(self, card: ModelCard, *, width: int, height: int) -> None:
        self._card = card
        self._canvas = np.full((height, width, 3), card.pad_value, np.uint8)
        self._tensor = np.empty((1, 3, height, width), np.float32)
        self._shape: tuple[int, ...] = ()
        scale = np.array(card.scale, np.float32) / np.array(card.std, np.float32)
        self._scale = scale
        self._shift = -np.array(card.mean, np.float32) / np.array(card.std, np.float32)
        self._order = (0, 1, 2) if card.colour == "bgr" else (2, 1, 0)

    def fill(self, image: Image) -> tuple[NDArray[np.float32], Placement]:
        """(1, 3, height, width) float32 of an (h, w, 3) uint8 picture."""
        height, width = self._canvas.shape[:2]
        scale = min(height / image.shape[0], width / image.shape[1])
        rows = max(1, min(height, round(image.shape[0] * scale)))
        columns = max(1, min(width, round(image.shape[1] * scale)))
        centred = self._card.padding == "centre"
        top, left = ((height - rows) // 2, (width - columns) // 2) if centred else (0, 0)
        if image.shape != self._shape:
            self._canvas[:] = self._card.pad_value
            self._shape = image.shape
        window = self._canvas[top : top + rows, left : left + columns]
        if (rows, columns) == image.shape[:2]:
            window[:] = image
        else:
            window[:] = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_LINEAR)
        for plane, channel in enumerate(self._order):
            self._fill_plane(plane, self._canvas[:, :, channel])
        return self._tensor, Placement(scale, left, top)

    def _fill_plane(self, plane: int, values: NDArray[np.uint8]) -> None:
        target = self._tensor[0, plane]
        target[:] = values
        if self._scale[plane] != 1.0:
            target *= self._scale[plane]
        if self._shift[plane] != 0.0:
            target += self._shift[plane]
