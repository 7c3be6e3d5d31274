"""Whether a picture differs from the last one that the network saw; compiled.

A still scene without road users need not be looked at ten times a second. A picture is compared with the last one that
was looked at, not with the one before, so that what creeps is seen once it has crept far enough. One picture a second
is looked at whatever moves (as Frigate checks standing objects again), so that nothing is overlooked for longer.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.core.stamp import NS_PER_S
from edge.perception.compiled import kernel
from edge.perception.resample import plain_picture
from edge.ports import Image

BLOCK_PX = 8
LEAST_DIFFERENCE = 6.0
"""Grey levels by which the mean of a block must differ: the noise of a pixel is an eighth of itself there."""
LEAST_BLOCKS = 1
LONGEST_NS = NS_PER_S
"""Between two pictures that are looked at."""


class MotionGate:
    """Decides picture by picture whether the network may rest.

    Attributes:
        counters: `gated` pictures that were not looked at, `forced` ones that only time made worth a look.
    """

    def __init__(self) -> None:
        self.counters = {"gated": 0, "forced": 0}
        self._seen = np.empty((0, 0), np.float32)
        self._now = np.empty((0, 0), np.float32)
        self._looked_ns = self._before_ns = 0

    def rests(self, image: Image, *, capture_ns: int, live: int) -> bool:
        """Whether this picture may be left out.

        Args:
            image: (h, w, 3) uint8.
            capture_ns: UTC ns of capture.
            live: image tracks that are alive: with one, every picture is looked at.
        """
        shape = (image.shape[0] // BLOCK_PX, image.shape[1] // BLOCK_PX)
        known = shape == self._seen.shape and capture_ns > self._before_ns
        if self._now.shape != shape:
            self._now = np.empty(shape, np.float32)
        block_means(plain_picture(image), self._now)
        # The next picture may come as late after this one as this one after the one before.
        due = not known or 2 * capture_ns - self._before_ns - self._looked_ns > LONGEST_NS
        self._before_ns = capture_ns
        moved = known and blocks_moved(self._now, self._seen, LEAST_DIFFERENCE) >= LEAST_BLOCKS
        if known and not (due or moved or live):
            self.counters["gated"] += 1
            return True
        self.counters["forced"] += int(known and not (moved or live))
        self._seen, self._now = self._now, self._seen
        self._looked_ns = capture_ns
        return False


@kernel
def block_means(image: NDArray[np.uint8], out: NDArray[np.float32]) -> None:
    """Mean of the green channel of each block, from every other row and column."""
    for by in range(out.shape[0]):
        for bx in range(out.shape[1]):
            total = 0
            for y in range(by * BLOCK_PX, (by + 1) * BLOCK_PX, 2):
                for x in range(bx * BLOCK_PX, (bx + 1) * BLOCK_PX, 2):
                    total += image[y, x, 1]
            out[by, bx] = np.float32(total) / np.float32((BLOCK_PX // 2) ** 2)


@kernel
def blocks_moved(now: NDArray[np.float32], seen: NDArray[np.float32], least: float) -> int:
    """Blocks that differ, less what the whole picture does: the camera's exposure is no motion."""
    whole = 0.0
    for y in range(now.shape[0]):
        for x in range(now.shape[1]):
            whole += now[y, x] - seen[y, x]
    whole /= max(now.size, 1)
    count = 0
    for y in range(now.shape[0]):
        for x in range(now.shape[1]):
            if abs(now[y, x] - seen[y, x] - whole) > least:
                count += 1
    return count
