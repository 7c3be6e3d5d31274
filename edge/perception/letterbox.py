"""A picture scaled into a detector's fixed input without changing its shape, in kept buffers.

Planes of float32 are filled by a kernel in one pass; other tensors, and all of them under NUMBA_DISABLE_JIT=1, by
OpenCV.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numba
import numpy as np
from numpy.typing import DTypeLike, NDArray

from edge.perception.model_card import ModelCard
from edge.perception.resample import Taps, fill_planes, plain_picture, taps_of
from edge.ports import Image


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the picture lies in the input: input pixel = picture pixel * scale + offset."""

    across: float
    down: float
    left_px: int
    top_px: int


class Letterbox:
    """Fills one input tensor; it is overwritten by the next picture.

    Args:
        card: completed, so that nothing is left to the file.
        width, height: of the input.
        dtype: of the tensor: float32, float16 or uint8.
        channels_last: (1, height, width, 3) instead of (1, 3, height, width).
        one_pass: use the kernel where it can fill the tensor.
    """

    def __init__(
        self,
        card: ModelCard,
        *,
        width: int,
        height: int,
        dtype: DTypeLike = np.float32,
        channels_last: bool = False,
        one_pass: bool = True,
    ) -> None:
        self._padding, self._pad = card.padding, card.pad_value
        self._canvas = np.full((height, width, 3), card.pad_value, np.uint8)
        self._split: list[NDArray[np.uint8]] = []
        self._planes = np.empty((3, height, width), np.float32)
        self._dtype, self._last = np.dtype(dtype), channels_last
        shape = (1, height, width, 3) if channels_last else (1, 3, height, width)
        plain = self._dtype == np.float32 and not channels_last
        self._tensor = self._planes[None] if plain else np.empty(shape, self._dtype)
        configured: Any = numba.config
        self._one_pass = plain and one_pass and not configured.DISABLE_JIT
        self._taps: Taps | None = None
        std, mean = np.array(card.std or (1.0,) * 3), np.array(card.mean or (0.0,) * 3)
        self._factor: list[float] = ((card.scale or 1.0) / std).tolist()
        self._shift: list[float] = (-mean / std).tolist()
        self._order = (2, 1, 0) if card.colour == "rgb" else (0, 1, 2)
        # Either order is its own inverse, so that it tells the plane of a channel as well.
        self._step = _three(np.array(self._factor)[list(self._order)] / 256.0)
        self._offset = _three(np.array(self._shift)[list(self._order)])
        self._placement = Placement(1.0, 1.0, 0, 0)
        self._inside: tuple[slice, ...] = np.s_[:, :]
        self._shape: tuple[int, ...] = ()

    def fill(self, image: Image) -> tuple[NDArray[Any], Placement]:
        """The tensor of an (h, w, 3) uint8 picture, and where the picture lies in it."""
        if image.shape != self._shape:
            self._prepare(image.shape)
        if self._taps is None:
            self._fill_by_opencv(image)
            return self._tensor, self._placement
        corner = (self._placement.top_px, self._placement.left_px)
        fill_planes(
            plain_picture(image), self._taps, self._planes, corner, self._order, self._step, self._offset
        )
        return self._tensor, self._placement

    def _prepare(self, shape: tuple[int, ...]) -> None:
        """Place pictures of this shape and fill what they leave free."""
        height, width = self._canvas.shape[:2]
        across, down = width / shape[1], height / shape[0]
        if self._padding != "stretch":
            across = down = min(across, down)
        rows = max(1, min(height, round(shape[0] * down)))
        columns = max(1, min(width, round(shape[1] * across)))
        centred = self._padding == "centre"
        top, left = ((height - rows) // 2, (width - columns) // 2) if centred else (0, 0)
        self._placement = Placement(across, down, left, top)
        self._inside = np.s_[top : top + rows, left : left + columns]
        self._canvas[:] = self._pad
        for plane, (factor, shift) in enumerate(zip(self._factor, self._shift, strict=True)):
            self._planes[plane] = self._pad * factor + shift
        self._split = [np.empty((rows, columns), np.uint8) for _ in range(3)]
        able = self._one_pass and min(shape[:2]) >= 2
        self._taps = taps_of(picture=(shape[0], shape[1]), window=(rows, columns)) if able else None
        self._shape = shape

    def _fill_by_opencv(self, image: Image) -> None:
        window = self._canvas[self._inside]
        if window.shape == image.shape:
            window[:] = image
        else:
            cv2.resize(image, window.shape[1::-1], dst=window, interpolation=cv2.INTER_LINEAR)
        if self._dtype == np.uint8 and self._last:
            self._tensor[0] = self._canvas if self._order[0] == 0 else self._canvas[:, :, ::-1]
            return
        cv2.split(window, self._split)
        for plane, channel in enumerate(self._order):
            self._fill_plane(self._planes[plane][self._inside], self._split[channel], plane)
        if self._tensor.base is not self._planes:
            self._tensor[0] = self._planes.transpose(1, 2, 0) if self._last else self._planes

    def _fill_plane(self, target: NDArray[np.float32], values: NDArray[np.uint8], plane: int) -> None:
        factor, shift = self._factor[plane], self._shift[plane]
        if factor == 1.0 and shift == 0.0:
            target[:] = values
        else:
            cv2.addWeighted(values, factor, values, 0.0, shift, dst=target, dtype=cv2.CV_32F)


def _three(values: NDArray[np.float64]) -> tuple[np.float32, np.float32, np.float32]:
    return np.float32(values[0]), np.float32(values[1]), np.float32(values[2])
