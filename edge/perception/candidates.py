"""Which rows of an output are sure enough, what they say of each class, and where their boxes are; compiled."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edge.core.kinds import CLASS_COUNT
from edge.perception.classes import ClassMap
from edge.perception.compiled import kernel

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
MAX_LOG_SIZE = 10.0


class Candidates:
    """Room for the sure rows of one output; it is overwritten by the next picture.

    Args:
        classes: of the model.
        first: column of the output that holds the first class.
    """

    def __init__(self, classes: ClassMap, *, first: int = 0) -> None:
        self._columns = np.ascontiguousarray(classes.columns + first, dtype=np.int64)
        self._kinds, self._kind_of_label = np.ascontiguousarray(classes.of_columns), classes.kinds
        self._index, self._score = np.empty(0, np.int64), np.empty((0, CLASS_COUNT), np.float32)
        self.least = 0.0
        """Least value of all classes and rows of the last table: below zero they are no probabilities."""

    def strong(self, table: Floats, confidence: float, *, objectness: int = -1) -> tuple[Ints, Floats]:
        """(n,) rows of which a score is above `confidence`, and their (n, 6) scores.

        Args:
            table: (rows, columns) C-contiguous probabilities.
            confidence: threshold.
            objectness: column that every score is multiplied with; -1: none.
        """
        self._make_room(len(table))
        count, self.least = strong_rows(
            table, self._columns, self._kinds, objectness, confidence, self._index, self._score
        )
        return self._index[:count], self._score[:count]

    def listed(self, label: Ints, score: Floats, confidence: float) -> tuple[Ints, Floats]:
        """The same for a list of (n,) labels with a score each."""
        self._make_room(len(label))
        count = listed_rows(label, score, self._kind_of_label, confidence, self._index, self._score)
        return self._index[:count], self._score[:count]

    def _make_room(self, rows: int) -> None:
        if rows > len(self._index):
            self._index, self._score = np.empty(rows, np.int64), np.empty((rows, CLASS_COUNT), np.float32)


def plain(table: NDArray[np.generic]) -> Floats:
    """A table as the kernels take it."""
    if table.flags.c_contiguous and table.flags.writeable and table.dtype == np.float32:
        return table  # type: ignore[return-value]
    return np.array(table, dtype=np.float32, order="C")


@kernel
def strong_rows(
    table: Floats,
    columns: Ints,
    kinds: Ints,
    objectness: int,
    confidence: float,
    index: Ints,
    score: Floats,
) -> tuple[int, float]:
    """Write the sure rows and their scores; returns how many, and the least value of a class.

    Objectness bounds every score, so it goes first; rows whose classes are not all finite say nothing.
    """
    count, least = 0, 0.0
    limit = np.float32(confidence)
    for i in range(len(table)):
        sure = table[i, objectness] if objectness >= 0 else np.float32(1.0)
        if not sure > limit:
            continue
        best, total = np.float32(0.0), np.float32(0.0)
        for k in range(len(columns)):
            value = table[i, columns[k]]
            best, total = max(best, value * sure), total + value
            least = min(least, value)
        if not best > limit or not math.isfinite(total):
            continue
        score[count] = np.float32(0.0)
        for k in range(len(columns)):
            score[count, kinds[k]] = max(score[count, kinds[k]], table[i, columns[k]] * sure)
        index[count] = i
        count += 1
    return count, least


@kernel
def listed_rows(
    label: Ints, value: Floats, kind_of_label: Ints, confidence: float, index: Ints, score: Floats
) -> int:
    """Write the sure rows whose label is a road user; returns how many."""
    count = 0
    limit = np.float32(confidence)
    for i in range(len(label)):
        if not value[i] > limit or not 0 <= label[i] < len(kind_of_label) or kind_of_label[label[i]] < 0:
            continue
        score[count] = np.float32(0.0)
        score[count, kind_of_label[label[i]]] = value[i]
        index[count] = i
        count += 1
    return count


@kernel
def middle_boxes(table: Floats, index: Ints) -> Floats:
    """Rows of centre x, centre y, width, height in pixels to x1 y1 x2 y2."""
    out = np.empty((len(index), 4), dtype=np.float32)
    for n in range(len(index)):
        row = table[index[n]]
        for k in range(2):
            half = row[2 + k] * np.float32(0.5)
            out[n, k], out[n, 2 + k] = row[k] - half, row[k] + half
    return out


@kernel
def cell_boxes(table: Floats, index: Ints, cell: Floats, stride: Floats) -> Floats:
    """Raw rows of YOLOX, offsets within a cell and logarithms of sizes in cells, to x1 y1 x2 y2 in pixels."""
    out = np.empty((len(index), 4), dtype=np.float32)
    for n in range(len(index)):
        i = index[n]
        row = table[i]
        for k in range(2):
            middle = (row[k] + cell[i, k]) * stride[i, 0]
            half = np.exp(min(row[2 + k], np.float32(MAX_LOG_SIZE))) * stride[i, 0] * np.float32(0.5)
            out[n, k], out[n, 2 + k] = middle - half, middle + half
    return out


@kernel
def distribution_boxes(table: Floats, index: Ints, across: int, stride: int, offset: float) -> Floats:
    """(cells, 4 x bins) logits of distances in strides to x1 y1 x2 y2 in pixels, `across` cells a row of the grid."""
    out = np.empty((len(index), 4), dtype=np.float32)
    bins = table.shape[1] // 4
    for n in range(len(index)):
        row = table[index[n]]
        for side in range(4):
            top = np.float32(-np.inf)
            for b in range(bins):
                top = max(top, row[side * bins + b])
            total = moment = np.float32(0.0)
            for b in range(bins):
                share = np.exp(row[side * bins + b] - top)
                total += share
                moment += share * np.float32(b)
            place = index[n] % across if side & 1 == 0 else index[n] // across
            distance = moment / total * np.float32(stride)
            point = np.float32(place * stride + offset)
            out[n, side] = point - distance if side < 2 else point + distance
    return out
