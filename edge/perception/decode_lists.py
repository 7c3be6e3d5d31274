"""Lists of finished boxes with a label and a score each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.perception.candidates import Candidates
from edge.perception.classes import ClassMap
from edge.perception.decoding import Floats, Outputs, corners_of
from edge.perception.model_card import ModelCard
from edge.perception.needed import is_count, squeezed

_SHARES = 1.6
"""Boxes whose values all lie below are shares of the input."""


class _Listed:
    """What all lists have in common: labels, threshold, units."""

    def __init__(self, card: ModelCard, *, width: int, height: int) -> None:
        self._candidates = Candidates(ClassMap(card.classes or ()))
        self._scale = np.array([width, height, width, height], np.float32)
        self._normalised, self._corners = card.normalised, card.corners
        self._layout = card.layout

    def _chosen(
        self, boxes: Floats, label: NDArray[Any], score: Floats, confidence: float
    ) -> tuple[Floats, Floats]:
        with np.errstate(invalid="ignore"):  # a label that is no number is none of ours
            whole = (label if label.dtype.kind in "iu" else np.rint(label)).astype(np.int64)
        chosen, spread = self._candidates.listed(whole, score.astype(np.float32), confidence)
        return self._pixels(boxes[chosen].astype(np.float32)), spread

    def _pixels(self, boxes: Floats) -> Floats:
        """Corners in pixels of the input."""
        shares = self._normalised
        if shares is None:
            # One box that is off, or no number, says nothing of the others.
            shares = bool(len(boxes)) and float(np.median(np.abs(boxes).max(axis=1))) < _SHARES
        if self._corners == "yxyx":
            boxes = boxes[:, [1, 0, 3, 2]]
        elif self._corners == "cxcywh":
            boxes = corners_of(boxes)
        return boxes * self._scale if shares else boxes


class LabelsDecoder(_Listed):
    """Three outputs: labels (n,), boxes (n, 4) and scores (n,), in any order.

    RT-DETR, D-FINE and DEIM give them in pixels of the size that they are told, torchvision in pixels of the input.
    """

    def decode(self, outputs: Outputs, *, confidence: float) -> tuple[Floats, Floats]:
        """See `Decoder`."""
        arrays = [np.asarray(output) for output in outputs]
        boxes = arrays.pop(box_output(arrays)).reshape(-1, 4)
        label, score = label_and_score(arrays[0].reshape(-1), arrays[1].reshape(-1))
        return self._chosen(boxes, label, score, confidence)


class SsdDecoder(_Listed):
    """Four outputs of the TensorFlow detection API: boxes (n, 4), labels (n,), scores (n,) and their number."""

    def decode(self, outputs: Outputs, *, confidence: float) -> tuple[Floats, Floats]:
        """See `Decoder`."""
        parts = [np.asarray(output) for output in outputs]
        # Where one box is all there is, every list looks like a number: the last one is it.
        at = (
            len(parts) - 1
            if is_count(parts[-1])
            else next(k for k, part in enumerate(parts) if is_count(part))
        )
        number = int(parts.pop(at).reshape(-1)[0])
        boxes = parts.pop(box_output(parts)).reshape(-1, 4)
        flat = [array.reshape(-1) for array in parts if array.size == len(boxes)]
        label, score = label_and_score(flat[0], flat[1])
        return self._chosen(boxes[:number], label[:number], score[:number], confidence)


class RowsOfSixDecoder(_Listed):
    """Rows of six: x1 y1 x2 y2 score label (YOLOv10 and other end-to-end exports); label score x1 y1 x2 y2 (Paddle)."""

    def decode(self, outputs: Outputs, *, confidence: float) -> tuple[Floats, Floats]:
        """See `Decoder`."""
        rows = next(squeezed(o, 2) for o in outputs if np.shape(o)[-1:] == (6,)).reshape(-1, 6)
        if self._layout == "paddle":
            return self._chosen(rows[:, 2:], rows[:, 0], rows[:, 1], confidence)
        return self._chosen(rows[:, :4], rows[:, 5], rows[:, 4], confidence)


class RowsOfSevenDecoder(_Listed):
    """Rows of seven: picture x1 y1 x2 y2 label score (YOLOv7); picture label score x1 y1 x2 y2 (SSD of Caffe)."""

    def decode(self, outputs: Outputs, *, confidence: float) -> tuple[Floats, Floats]:
        """See `Decoder`."""
        if np.shape(outputs[0])[-1:] != (7,):
            raise ValueError("rows are not of seven")
        rows = np.asarray(outputs[0]).reshape(-1, 7)
        rows = rows[rows[:, 0] == 0.0]
        if self._layout == "ssd_rows":
            return self._chosen(rows[:, 3:], rows[:, 1], rows[:, 2], confidence)
        return self._chosen(rows[:, 1:5], rows[:, 5], rows[:, 6], confidence)


def box_output(arrays: list[NDArray[Any]]) -> int:
    """Which output holds boxes: the last axis is four, and there is an axis more than in the others."""
    fours = [at for at, array in enumerate(arrays) if array.ndim >= 2 and array.shape[-1] == 4]
    return max(fours, key=lambda at: arrays[at].ndim)


def label_and_score(first: NDArray[Any], second: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Which of two lists holds labels: the one of integers; of two with fractions, the one that is whole."""
    if first.dtype.kind in "iu":
        return first, second
    if second.dtype.kind in "iu":
        return second, first
    for label, score in ((first, second), (second, first)):
        if float(np.max(label, initial=0.0)) > 1.0 or bool((score != np.rint(score)).any()):
            return label, score
    return first, second
