"""From the outputs of a network to boxes in input pixels and scores per `ObjectClass`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.perception.model_card import ModelCard

Floats = NDArray[np.float32]
Outputs = Sequence[NDArray[Any]]


class Decoder(Protocol):
    """One layout."""

    def decode(self, outputs: Outputs, *, confidence: float) -> tuple[Floats, Floats]:
        """(n, 4) boxes x1 y1 x2 y2 in input pixels and (n, 6) scores, for scores above `confidence`.

        Raises:
            ValueError, IndexError: the outputs are not those of the layout.
        """
        ...


def decoder_of(card: ModelCard, *, width: int, height: int) -> Decoder:
    """The decoder of a completed card for an input of this size."""
    from edge.perception import decode_grid, decode_lists, decode_queries  # noqa: PLC0415 - they need this module

    table: dict[str, type[Any]] = {
        "yolox_raw": decode_grid.YoloxDecoder,
        "yolox_decoded": decode_grid.YoloxDecoder,
        "yolov5": decode_grid.RowsDecoder,
        "yolov8": decode_grid.ColumnsDecoder,
        "nanodet": decode_grid.DistributionDecoder,
        "boxes_scores": decode_queries.BoxesScoresDecoder,
        "queries": decode_queries.QueriesDecoder,
        "detr": decode_lists.LabelsDecoder,
        "labels": decode_lists.LabelsDecoder,
        "ssd": decode_lists.SsdDecoder,
        "ssd_rows": decode_lists.RowsOfSevenDecoder,
        "yolov7_rows": decode_lists.RowsOfSevenDecoder,
        "end2end": decode_lists.RowsOfSixDecoder,
        "paddle": decode_lists.RowsOfSixDecoder,
    }
    decoder: Decoder = table[card.layout](card, width=width, height=height)
    return decoder


def corners_of(middle_size: Floats) -> Floats:
    """(n, 4) centre x, centre y, width, height to (n, 4) x1 y1 x2 y2."""
    half = middle_size[:, 2:4] * np.float32(0.5)
    with np.errstate(invalid="ignore"):  # what is infinite is left out later
        return np.concatenate([middle_size[:, :2] - half, middle_size[:, :2] + half], axis=1)


def no_candidates() -> tuple[Floats, Floats]:
    """Nothing found."""
    return np.empty((0, 4), np.float32), np.empty((0, 6), np.float32)
