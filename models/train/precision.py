"""Average precision by COCO's rule: one class at a time, over all pictures, 101 recall points.

Follows `COCOeval` of pycocotools 2.0 at one overlap: boxes most confident first; each takes the free road user of its
class that it overlaps most, one that counts before one to be ignored; a box on an ignored one is left out; at most 100
boxes a picture. Unlike there, an unmatched box is wrong whatever its size.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

RECALLS = np.linspace(0.0, 1.0, 101)
MOST_BOXES = 100


@dataclass(slots=True)
class Precision:
    """Collects the boxes of one class over many pictures."""

    least_overlap: float = 0.5
    counted: int = 0
    _confidence: list[np.ndarray] = field(default_factory=list)
    _right: list[np.ndarray] = field(default_factory=list)

    def add(self, boxes: np.ndarray, confidence: np.ndarray, truth: np.ndarray, counts: np.ndarray) -> None:
        """One picture.

        Args:
            boxes: (n, 4) found corners.
            confidence: (n,) of the boxes.
            truth: (m, 4) corners of the road users of this class.
            counts: (m,) false where a road user is to be ignored.
        """
        order = np.argsort(-confidence, kind="stable")[:MOST_BOXES]
        outcome = match(iou_table(boxes[order], truth), counts, self.least_overlap)
        judged = outcome != IGNORED
        self.counted += int(counts.sum())
        self._confidence.append(confidence[order][judged])
        self._right.append(outcome[judged] == RIGHT)

    def value(self) -> float:
        """0..1; NaN when no road user counts."""
        if not self.counted:
            return float("nan")
        confidence = np.concatenate([np.zeros(0), *self._confidence])
        right = np.concatenate([np.zeros(0, dtype=bool), *self._right])
        right = right[np.argsort(-confidence, kind="stable")]
        hits = np.cumsum(right)
        precision = hits / np.arange(1, len(hits) + 1)
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        at = np.searchsorted(hits / self.counted, RECALLS, side="left")
        return float(np.append(envelope, 0.0)[np.minimum(at, len(envelope))].mean())


WRONG, RIGHT, IGNORED = 0, 1, 2


def match(overlap: np.ndarray, counts: np.ndarray, least: float) -> np.ndarray:
    """(n,) WRONG, RIGHT or IGNORED for boxes in falling confidence, from (n, m) overlaps."""
    outcome = np.full(len(overlap), WRONG)
    free = np.ones(len(counts), dtype=bool)
    for number, row in enumerate(overlap):
        for wanted, result in ((counts, RIGHT), (~counts, IGNORED)):
            fit = np.where(free & wanted, row, -1.0)
            if len(fit) and fit.max() >= least:
                free[int(np.argmax(fit))] = False
                outcome[number] = result
                break
    return outcome


def iou_table(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(n, 4) and (m, 4) to (n, m)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    area_a, area_b = (a[:, 2:] - a[:, :2]).prod(axis=1), (b[:, 2:] - b[:, :2]).prod(axis=1)
    return np.asarray(shared / np.maximum(area_a[:, None] + area_b[None] - shared, 1e-9))
