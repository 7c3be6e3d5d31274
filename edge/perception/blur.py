"""Makes road users in a picture unrecognisable: faces and plates lie in their boxes, and the boxes lose their detail.

A box is averaged into a few cells, which are spread again without edges: nothing that is smaller than a cell is left in
the picture. Detectors miss; so boxes are wider than found, a low threshold counts, and a box stays for a moment after
the road user was last found, growing meanwhile.
"""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.stamp import NS_PER_S
from edge.ports import Boxes, Image

CONFIDENCE = 0.15
"""Threshold for blurring: a box too many does no harm."""
MARGIN = 0.15
"""Share of the box's side that is added to each side of it."""
CELLS = 6
"""Cells along the longer side of a box: a walker's face is about one, a car's plate less than one."""
LEAST_CELL_PX = 8
KEPT_NS = NS_PER_S
"""How long a box is blurred after it was found last."""
GROWTH = 0.5
"""Share of the box's side that it grows by in a second, to each side."""
_MOST_BOXES = 2_000


class BoxMemory:
    """Boxes to blur in the pictures of one camera: those of this picture and of the last second."""

    def __init__(self) -> None:
        self._seen: deque[tuple[int, NDArray[np.float32]]] = deque()

    def regions(self, boxes: Boxes, *, capture_ns: int) -> NDArray[np.float64]:
        """(n, 4) x1 y1 x2 y2 to blur.

        Args:
            boxes: of this picture.
            capture_ns: UTC ns; after a picture from the future of this one, everything is kept.
        """
        self._seen.append((capture_ns, boxes.box_px))
        while (
            abs(capture_ns - self._seen[0][0]) > KEPT_NS or sum(len(b) for _, b in self._seen) > _MOST_BOXES
        ):
            if len(self._seen) == 1:
                break
            self._seen.popleft()
        grown = [
            padded(box_px, margin=MARGIN + GROWTH * abs(capture_ns - at_ns) / NS_PER_S)
            for at_ns, box_px in self._seen
        ]
        return np.concatenate(grown)


def padded(box_px: NDArray[np.float32], *, margin: float) -> NDArray[np.float64]:
    """(n, 4) boxes, wider on each side by a share of their sides."""
    box = box_px.astype(np.float64)
    side = (box[:, 2:] - box[:, :2]) * margin
    return np.concatenate([box[:, :2] - side, box[:, 2:] + side], axis=1)


def blurred(image: Image, regions: NDArray[np.float64]) -> Image:
    """A copy of the picture without any detail in the (n, 4) regions; the rest is untouched."""
    out = image.copy()
    height, width = image.shape[:2]
    low = np.floor(np.clip(regions[:, :2], 0, [width, height])).astype(int)
    high = np.ceil(np.clip(regions[:, 2:], 0, [width, height])).astype(int)
    for (x1, y1), (x2, y2) in zip(low.tolist(), high.tolist(), strict=True):
        if x2 > x1 and y2 > y1:
            out[y1:y2, x1:x2] = without_detail(out[y1:y2, x1:x2])
    return out


def without_detail(region: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A region averaged into cells and spread again."""
    height, width = region.shape[:2]
    cell = max(LEAST_CELL_PX, max(height, width) / CELLS)
    size = (max(1, round(width / cell)), max(1, round(height / cell)))
    few = cv2.resize(region, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(few, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
