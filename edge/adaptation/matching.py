"""Which boxes of two answers to one picture are the same road user, and what follows from many pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.core.kinds import CLASS_COUNT, ObjectClass
from edge.ports import Boxes

Floats = NDArray[np.float64]
LEAST_IOU = 0.5
KIND_NAMES = tuple(ObjectClass(kind).name.lower() for kind in range(CLASS_COUNT))
_EXCUSED_IOU = 0.3
"""A box that overlaps an uncertain one so much is neither right nor wrong."""
_RECALLS = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True, slots=True)
class Found:
    """n boxes of one picture: box_px (n, 4) float64, confidence (n,), kind (n,) columns of `ObjectClass`."""

    box_px: Floats
    confidence: Floats
    kind: NDArray[np.int64]

    def surer_than(self, confidence: float) -> Found:
        """Those above a threshold."""
        kept = self.confidence > confidence
        return Found(self.box_px[kept], self.confidence[kept], self.kind[kept])


@dataclass(frozen=True, slots=True)
class Labels:
    """n labels of one picture.

    Attributes:
        box_px: (n, 4).
        kind: (n,) columns of `ObjectClass`.
        sure: (n,) whether to count on it or to leave it out.
        moving: (n,) whether the road user went somewhere in the clip.
    """

    box_px: Floats
    kind: NDArray[np.int64]
    sure: NDArray[np.bool_]
    moving: NDArray[np.bool_]


def found_of(boxes: Boxes) -> Found:
    """The boxes of a detector, each with its likeliest class."""
    return Found(
        boxes.box_px.astype(np.float64),
        boxes.confidence.astype(np.float64),
        boxes.class_log_odds.argmax(axis=1).astype(np.int64).reshape(len(boxes.confidence)),
    )


def overlaps(a: Floats, b: Floats) -> Floats:
    """(n, m) intersection over union of (n, 4) and (m, 4) boxes."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.clip(high - low, 0.0, None).prod(axis=2)
    area_a, area_b = (a[:, 2:] - a[:, :2]).prod(axis=1), (b[:, 2:] - b[:, :2]).prod(axis=1)
    return np.asarray(shared / np.maximum(area_a[:, None] + area_b[None] - shared, 1e-9))


def matched(found: Found, box_px: Floats, kind: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) index of the box that each found one stands for, or -1: same class, IoU >= 0.5, the surest first."""
    partner = np.full(len(found.kind), -1)
    if not len(kind):
        return partner
    fit = overlaps(found.box_px, box_px) * (found.kind[:, None] == kind[None])
    for row in np.argsort(-found.confidence, kind="stable"):
        best = int(fit[row].argmax())
        if fit[row, best] >= LEAST_IOU:
            partner[row] = best
            fit[:, best] = 0.0
    return partner


class Agreement:
    """How much two detectors agree over pictures."""

    def __init__(self) -> None:
        self.first = self.second = self.both = 0

    def add(self, first: Found, second: Found) -> None:
        """One picture."""
        self.first += len(first.kind)
        self.second += len(second.kind)
        self.both += int((matched(second, first.box_px, first.kind) >= 0).sum())

    @property
    def share(self) -> float:
        """Boxes that both have, of those that the one with more has: lost boxes count as much as new ones."""
        return self.both / max(self.first, self.second, 1)


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one class: labels, average precision at IoU 0.5 (COCO's 101 points), recall and precision at a threshold."""

    labels: int
    ap50: float
    recall: float
    precision: float


class Score:
    """Compares a detector with labels, class by class."""

    def __init__(self, *, confidence: float) -> None:
        self._threshold = confidence
        self._labels = np.zeros(CLASS_COUNT, dtype=np.int64)
        self._rows: list[tuple[int, float, bool]] = []

    def add(self, found: Found, labels: Labels) -> None:
        """One picture; boxes on labels that are not sure are left out."""
        sure = labels.sure
        self._labels += np.bincount(labels.kind[sure], minlength=CLASS_COUNT)
        partner = matched(found, labels.box_px[sure], labels.kind[sure])
        unsure = overlaps(found.box_px, labels.box_px[~sure]).max(axis=1, initial=0.0) > _EXCUSED_IOU
        for row in np.flatnonzero((partner >= 0) | ~unsure):
            self._rows.append((int(found.kind[row]), float(found.confidence[row]), bool(partner[row] >= 0)))

    def figures(self) -> dict[str, Figures]:
        """Per class that is there or was found, and `all`: every box with its class compared."""
        kinds = {row[0] for row in self._rows} | set(np.flatnonzero(self._labels).tolist())
        table = {KIND_NAMES[kind]: self._of({kind}) for kind in sorted(kinds)}
        return {**table, "all": self._of(set(range(CLASS_COUNT)))}

    def _of(self, kinds: set[int]) -> Figures:
        rows = [(sure, right) for kind, sure, right in self._rows if kind in kinds]
        labels = int(self._labels[sorted(kinds)].sum())
        sure = np.array([row[0] for row in rows])
        right = np.array([row[1] for row in rows], dtype=bool)
        above = sure > self._threshold if rows else right
        hits = int(right[above].sum())
        return Figures(
            labels=labels,
            ap50=average_precision(sure, right, labels),
            recall=hits / max(labels, 1),
            precision=hits / max(int(above.sum()), 1),
        )


def average_precision(confidence: Floats, right: NDArray[np.bool_], labels: int) -> float:
    """Mean over 101 recalls of the best precision at that recall or above, as COCO does it."""
    if not labels or not len(confidence):
        return 0.0
    hits = np.cumsum(right[np.argsort(-confidence, kind="stable")])
    precision = hits / np.arange(1, len(hits) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(hits / labels, _RECALLS - 1e-12)
    return float(np.where(at < len(best), best[np.minimum(at, len(best) - 1)], 0.0).mean())
