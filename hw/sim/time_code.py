"""A picture that says when it was taken: black and white cells that survive any video codec.

The cells, row by row, are 48 bits of the time in milliseconds and 12 bits of its check sum; so the error of a capture
time can be measured picture by picture, through encoder, network and decoder.
"""

from __future__ import annotations

import zlib

import numpy as np

from edge.core.stamp import NS_PER_MS
from edge.ports import Image

COLUMNS, ROWS = 10, 6
_TIME_BITS, _CHECK_BITS = 48, 12
_DARK, _BRIGHT = 40, 215


def draw_time(when_ns: int, *, size: tuple[int, int]) -> Image:
    """A (height, width, 3) BGR picture of `size` (width, height) that shows a UTC time, to the millisecond."""
    when_ms = when_ns // NS_PER_MS
    bits = (when_ms << _CHECK_BITS) | _check(when_ms)
    shifts = np.arange(COLUMNS * ROWS - 1, -1, -1)
    cells = ((bits >> shifts.astype(object)) & 1).astype(np.uint8).reshape(ROWS, COLUMNS)
    levels = np.where(cells == 1, _BRIGHT, _DARK).astype(np.uint8)
    width, height = size
    rows = np.arange(height) * ROWS // height
    columns = np.arange(width) * COLUMNS // width
    grey = levels[rows[:, None], columns[None, :]]
    return np.ascontiguousarray(np.repeat(grey[:, :, None], 3, axis=2))


def read_time(image: Image) -> int | None:
    """UTC ns that a picture shows; None where its check sum does not fit, as after packet loss."""
    height, width = image.shape[:2]
    rows = ((np.arange(ROWS) + 0.5) * height / ROWS).astype(int)
    columns = ((np.arange(COLUMNS) + 0.5) * width / COLUMNS).astype(int)
    reach = max(1, min(height // ROWS, width // COLUMNS) // 4)
    bits = 0
    for row in rows:
        for column in columns:
            cell = image[row - reach : row + reach, column - reach : column + reach]
            bits = bits << 1 | int(float(cell.mean()) > (_DARK + _BRIGHT) / 2)
    when_ms = bits >> _CHECK_BITS
    return when_ms * NS_PER_MS if _check(when_ms) == bits & ((1 << _CHECK_BITS) - 1) else None


def _check(when_ms: int) -> int:
    return zlib.crc32(when_ms.to_bytes(_TIME_BITS // 8, "big")) & ((1 << _CHECK_BITS) - 1)
