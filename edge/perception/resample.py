"""A picture scaled into planes of float32 in one pass over it; compiled.

Bilinear between the four nearest pixels, as `cv2.resize` with INTER_LINEAR; weights of 8 bits down and 16 across, and
no rounding in between, so that a value is within about one grey level of OpenCV's, which rounds. It takes the rows in
pairs, mixes them eight octets at a time, and asks for the next pair meanwhile: the picture is not in the cache after
an inference.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.perception.compiled import kernel
from edge.perception.vectors import LANES, fetch, sample, spread

_OCTETS_READ, _CACHE_LINE = 8, 64


class Taps(NamedTuple):
    """Where each pixel of a window comes from.

    Attributes:
        column: (columns,) octet of the left pixel.
        across: (8 x columns,) uint16, see `vectors.sample`.
        safe: columns before this one may read eight octets.
        row: (rows,) upper row.
        down: (rows,) uint16 weight of the lower row, of 256.
        words: (4 x columns, and as many more as may be read,) uint16 scratch.
    """

    column: NDArray[np.int64]
    across: NDArray[np.uint16]
    safe: int
    row: NDArray[np.int64]
    down: NDArray[np.uint16]
    words: NDArray[np.uint16]


def plain_picture(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture as the kernels take it: what is read-only or a part of another is of another type to them."""
    return picture if picture.flags.c_contiguous and picture.flags.writeable else picture.copy()


def taps_of(*, picture: tuple[int, int], window: tuple[int, int]) -> Taps:
    """The taps from a picture's height and width, at least 2 each, to a window's."""
    row, down = _between(window[0], picture[0])
    column, right = _between(window[1], picture[1])
    octets = column * 3
    weight = np.rint(right * 65536.0)
    left, right = np.minimum(65536.0 - weight, 65535.0), np.minimum(weight, 65535.0)
    across = np.zeros((window[1], 8), np.uint16)
    across[:, :3], across[:, 3:6] = left[:, None], right[:, None]
    safe = int(np.searchsorted(octets, picture[1] * 3 - _OCTETS_READ, side="right"))
    words = np.zeros(4 * (window[1] + LANES), np.uint16)
    return Taps(octets, across.ravel(), safe, row, np.rint(down * 256.0).astype(np.uint16), words)


def _between(count: int, length: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """First of the two neighbours of each of `count` middles over `length` pixels, and the weight of the second."""
    middle = np.clip((np.arange(count) + 0.5) * (length / count) - 0.5, 0.0, length - 1.0)
    first = np.minimum(middle.astype(np.int64), length - 2)
    return first, middle - first


@kernel
def sample_row(upper: NDArray[np.uint8], lower: NDArray[np.uint8], down: np.uint16, taps: Taps) -> None:
    """Mix two rows into `taps.words`; the last columns octet by octet, for there the row ends."""
    for x in range(taps.safe):
        sample(upper, lower, taps.column[x], down, taps.across, taps.words, x)
    for x in range(taps.safe, len(taps.column)):
        for c in range(3):
            at = taps.column[x] + c
            left = upper[at] * (256 - down) + lower[at] * down + 1
            right = upper[at + 3] * (256 - down) + lower[at + 3] * down + 1
            value = (left * taps.across[8 * x] >> 16) + (right * taps.across[8 * x + 3] >> 16)
            taps.words[4 * x + c] = value


@kernel
def spread_row(
    words: NDArray[np.uint16],
    columns: int,
    rows: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]],
    left: int,
    factor: tuple[np.float32, np.float32, np.float32],
    shift: tuple[np.float32, np.float32, np.float32],
) -> None:
    """A row of pixels into a row of each channel's plane, from `left` on."""
    whole = columns - columns % LANES
    for x in range(0, whole, LANES):
        spread(words, x, rows, left + x, factor, shift)
    for x in range(whole, columns):
        for c in range(3):
            rows[c][left + x] = np.float32(words[4 * x + c]) * factor[c] + shift[c]


@kernel
def fetch_row(row: NDArray[np.uint8]) -> None:
    """Ask for a row of a picture ahead of its use."""
    for k in range(0, len(row), _CACHE_LINE):
        fetch(row, k)


@kernel
def fill_planes(
    picture: NDArray[np.uint8],
    taps: Taps,
    planes: NDArray[np.float32],
    corner: tuple[int, int],
    plane_of: tuple[int, int, int],
    factor: tuple[np.float32, np.float32, np.float32],
    shift: tuple[np.float32, np.float32, np.float32],
) -> None:
    """Scale a picture into a window of three planes.

    Args:
        picture: (h, w, 3) C-contiguous.
        taps: of this picture and window.
        planes: (3, height, width) C-contiguous.
        corner: top and left of the window.
        plane_of: of each channel of the picture.
        factor, shift: of each channel; the factor for values of 0..65280.
    """
    rows = picture.reshape(picture.shape[0], picture.shape[1] * 3)
    first, second, third = planes[plane_of[0]], planes[plane_of[1]], planes[plane_of[2]]
    top, left = corner
    for y in range(len(taps.row)):
        at = taps.row[y]
        if y + 1 < len(taps.row):
            after = taps.row[y + 1]
            fetch_row(rows[after])
            fetch_row(rows[after + 1])
        sample_row(rows[at], rows[at + 1], taps.down[y], taps)
        targets = (first[top + y], second[top + y], third[top + y])
        spread_row(taps.words, len(taps.column), targets, left, factor, shift)
