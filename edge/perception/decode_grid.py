"""Dense outputs: one row or column per cell of the grids, with boxes raw, decoded or as distributions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edge.perception.candidates import Candidates, cell_boxes, distribution_boxes, middle_boxes, plain
from edge.perception.classes import ClassMap
from edge.perception.decoding import Floats, Outputs, corners_of, no_candidates
from edge.perception.layout import cells_of
from edge.perception.model_card import ModelCard
from edge.perception.needed import squeezed

GRID_STRIDES = (4, 8, 16, 32, 64, 128)


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells of all strides in the order of the output rows.

    Attributes:
        cell: (rows, 2) column and row of the cell.
        stride: (rows, 1) pixels per cell.
    """

    cell: Floats
    stride: Floats


def make_grid(*, width: int, height: int, strides: tuple[int, ...]) -> Grid:
    """The cells of an input of this size; a rest of the input has a cell of its own."""
    cells, lengths = [], []
    for stride in strides:
        rows, columns = np.mgrid[: math.ceil(height / stride), : math.ceil(width / stride)]
        cells.append(np.stack([columns, rows], axis=-1).reshape(-1, 2))
        lengths.append(np.full((len(cells[-1]), 1), stride))
    return Grid(np.concatenate(cells).astype(np.float32), np.concatenate(lengths).astype(np.float32))


def _table(outputs: Outputs) -> Floats:
    """The first output that is a table of rows. Raises `StopIteration` where none is."""
    return plain(next(table for output in outputs if (table := squeezed(output, 2)).ndim == 2))


class YoloxDecoder:
    """YOLOX (Ge et al., arXiv:2107.08430): [cells, 5 + classes], raw or with boxes in pixels."""

    def __init__(self, card: ModelCard, *, width: int, height: int) -> None:
        self._grid = make_grid(width=width, height=height, strides=card.strides or ())
        self._candidates = Candidates(ClassMap(card.classes or ()), first=5)
        self._decoded = card.layout == "yolox_decoded"

    def decode(self, outputs: Outputs, *, confidence: float) -> tuple[Floats, Floats]:
        """See `Decoder`."""
        rows = _table(outputs)
        if not self._decoded and len(rows) != len(self._grid.cell):
            raise ValueError(f"{len(rows)} rows for {len(self._grid.cell)} cells")
        chosen, score = self._candidates.strong(rows, confidence, objectness=4)
        if self._decoded:
            return middle_boxes(rows, chosen), score
        return cell_boxes(rows, chosen, self._grid.cell, self._grid.stride), score


class RowsDecoder:
    """YOLOv5, v6 and v7: [rows, 5 + classes], centres and sizes in pixels."""

    def __init__(self, card: ModelCard, *, width: int, height: int) -> None:
        del width, height
        self._candidates = Candidates(ClassMap(card.classes or ()), first=5)

    def decode(self, outputs: Outputs, *, confidence: float) -> tuple[Floats, Floats]:
        """See `Decoder`."""
        rows = _table(outputs)
        chosen, score = self._candidates.strong(rows, confidence, objectness=4)
        return middle_boxes(rows, chosen), score


class ColumnsDecoder:
    """YOLOv8 and later: [4 + classes, cells] or its transpose, centres and sizes in pixels, no objectness."""

    def __init__(self, card: ModelCard, *, width: int, height: int) -> None:
        del width, height
        self._classes = ClassMap(card.classes or ())
        self._columns = self._classes.columns + 4

    def decode(self, outputs: Outputs, *, confidence: float) -> tuple[Floats, Floats]:
        """See `Decoder`."""
        table = next(squeezed(output, 2) for output in outputs if np.ndim(output) <= 3)
        if table.shape[0] > table.shape[1]:
            table = table.T
        score = table[self._columns]
        chosen = np.flatnonzero(score.max(axis=0) > confidence)
        return corners_of(table[:4, chosen].T), self._classes.spread(score[:, chosen].T)


class DistributionDecoder:
    """NanoDet: class probabilities and, per side of the box, a distribution over distances in strides.

    Generalised focal loss (Li et al., arXiv:2006.04388, section 3.2). Outputs are one table [cells, classes + 4 bins]
    or a pair of tables a grid, told apart by their widths; NanoDet puts the points of its cells in their middle,
    NanoDet-Plus (the single table) at their corner.
    """

    def __init__(self, card: ModelCard, *, width: int, height: int) -> None:
        self._classes = ClassMap(card.classes or ())
        self._candidates = Candidates(self._classes)
        self._strides, self._size = card.strides or (), (width, height)

    def decode(self, outputs: Outputs, *, confidence: float) -> tuple[Floats, Floats]:
        """See `Decoder`."""
        boxes, scores = [], []
        for table, bins, stride, offset in self._grids(outputs):
            chosen, score = self._candidates.strong(plain(table), confidence)
            if self._candidates.least < 0.0:
                members = np.asarray(1.0 / (1.0 + np.exp(-table)), dtype=np.float32)
                chosen, score = self._candidates.strong(members, confidence)
            if len(chosen):
                across = math.ceil(self._size[0] / stride)
                boxes.append(distribution_boxes(plain(bins), chosen, across, stride, offset))
                scores.append(score.copy())
        if not boxes:
            return no_candidates()
        return np.concatenate(boxes), np.concatenate(scores)

    def _grids(self, outputs: Outputs) -> Iterator[tuple[Floats, Floats, int, float]]:
        """Scores, bins, stride and offset of the points, grid by grid."""
        tables = [squeezed(output, 2) for output in outputs]
        if len(tables) == 1:
            first = 0
            for stride in self._strides:
                last = first + cells_of(*self._size, (stride,))
                rows = tables[0][first:last]
                yield rows[:, : self._classes.count], rows[:, self._classes.count :], stride, 0.0
                first = last
            return
        for stride in GRID_STRIDES:
            cells = cells_of(*self._size, (stride,))
            pair = [table for table in tables if len(table) == cells]
            if len(pair) == 2:
                scored = 0 if pair[0].shape[1] == self._classes.count else 1
                yield pair[scored], pair[1 - scored], stride, 0.5 * (stride - 1)
