"""The loss of roadside-nano: that of every raw YOLOX grid, on its own grid."""

from __future__ import annotations

from edge.adaptation.loss import GridLoss
from models.train.network import HEIGHT_PX, STRIDES, WIDTH_PX

_KINDS = 1.5
"""Weight of the classes: vehicles of one size are taken for each other before they are misplaced."""


class DetectionLoss(GridLoss):
    """Loss of a batch; boxes that are barely visible are neither demanded nor punished."""

    def __init__(self) -> None:
        super().__init__(WIDTH_PX, HEIGHT_PX, STRIDES, kinds_weight=_KINDS)
