"""Decodes the outputs of YOLOX detectors (Ge et al., arXiv:2107.08430): raw grids and decoded boxes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import ModelError
from edge.core.kinds import CLASS_COUNT
from edge.perception.model_card import ModelCard

Floats = NDArray[np.float32]
_MAX_LOG_SIZE = 10.0
_REMEDY = (
    "bring a YOLOX export with one output [1, cells, 5 + classes], "
    "or set layout, input_size, strides and classes in model.toml beside it"
)


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
    """The cells of an input of this size."""
    cells, lengths = [], []
    for stride in strides:
        rows, columns = np.mgrid[: height // stride, : width // stride]
        cells.append(np.stack([columns, rows], axis=-1).reshape(-1, 2))
        lengths.append(np.full((len(cells[-1]), 1), stride))
    return Grid(np.concatenate(cells).astype(np.float32), np.concatenate(lengths).astype(np.float32))


class YoloxDecoder:
    """Turns one output into boxes of the input and scores per `ObjectClass`.

    Args:
        card: of the model.
        width, height: of the input.
    """

    def __init__(self, card: ModelCard, *, width: int, height: int) -> None:
        self._card = card
        self._size = (width, height)
        self._grid = make_grid(width=width, height=height, strides=card.strides)
        columns = card.columns()
        self._members = [np.flatnonzero(columns == kind) + 5 for kind in range(CLASS_COUNT)]
        self._decoded = card.layout == "yolox_decoded"
        self._decided = card.layout != "auto"

    def decode(self, outputs: list[Floats], *, confidence: float) -> tuple[Floats, Floats]:
        """(n, 4) boxes x1 y1 x2 y2 in input pixels and (n, 6) scores, for scores above `confidence`.

        Raises:
            ModelError: the output has another shape.
        """
        rows = self._rows(outputs)
        # Objectness first: it bounds every score, and leaves a handful of rows to decode.
        chosen = np.flatnonzero(rows[:, 4] > confidence)
        picked = rows[chosen]
        score = self._scores(picked)
        strong = score.max(axis=1, initial=0.0) > confidence
        chosen, picked, score = chosen[strong], picked[strong], score[strong]
        if not self._decided:
            self._decide(rows)
        middle, size = picked[:, :2], picked[:, 2:4]
        if not self._decoded:
            stride = self._grid.stride[chosen]
            middle = (middle + self._grid.cell[chosen]) * stride
            size = np.exp(np.minimum(size, _MAX_LOG_SIZE)) * stride
        return np.concatenate([middle - size / 2, middle + size / 2], axis=1), score

    def _scores(self, picked: Floats) -> Floats:
        score = np.zeros((len(picked), CLASS_COUNT), np.float32)
        for kind, members in enumerate(self._members):
            if len(members):
                score[:, kind] = picked[:, members].max(axis=1)
        return np.asarray(score * picked[:, 4:5], dtype=np.float32)

    def _rows(self, outputs: list[Floats]) -> Floats:
        shapes = [tuple(np.shape(output)) for output in outputs]
        columns = 5 + len(self._card.classes)
        if len(outputs) == 1:
            rows = np.asarray(outputs[0], dtype=np.float32)
            rows = (
                rows.reshape(rows.shape[-2:])
                if rows.ndim > 2 and rows.size == np.prod(rows.shape[-2:])
                else rows
            )
            rows = rows[None] if rows.ndim == 1 else rows
            whole_grid = len(rows) == len(self._grid.cell)
            if rows.ndim == 2 and rows.shape[1] == columns and (whole_grid or self._decoded):
                return rows
        width, height = self._size
        raise ModelError(
            self._card.name,
            f"outputs {shapes} are no YOLOX grid of {len(self._grid.cell)} x {columns} for {width}x{height}",
            remedy=_REMEDY,
        )

    def _decide(self, rows: Floats) -> None:
        """Raw sizes are logarithms and centres are cell offsets; decoded ones are pixels.

        The mean of the horizontal centres tells: of decoded boxes it is near half the width of the input, of raw
        ones near half a cell.
        """
        self._decoded = bool(np.median(np.abs(rows[:, :2])) > 0.05 * min(self._size))
        self._decided = True
