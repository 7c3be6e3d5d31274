"""Boxes and a score per class for each of n queries or anchors, without objectness."""

from __future__ import annotations

import math

import numpy as np

from edge.perception.classes import ClassMap
from edge.perception.decoding import Floats, Outputs, corners_of
from edge.perception.model_card import ModelCard
from edge.perception.needed import squeezed


def boxes_and_scores(outputs: Outputs) -> tuple[Floats, Floats]:
    """(n, 4) and (n, classes), whichever comes first and whether or not scores are transposed."""
    first, second = (squeezed(output, 2) for output in outputs if np.ndim(output) >= 2)
    boxes, scores = (first, second) if first.shape[1] == 4 else (second, first)
    return boxes, scores if len(scores) == len(boxes) else scores.T


class QueriesDecoder:
    """DETR and its kin as trained (Carion et al., arXiv:2005.12872; RF-DETR): centres and sizes as shares, logits."""

    def __init__(self, card: ModelCard, *, width: int, height: int) -> None:
        self._classes = ClassMap(card.classes or ())
        self._scale = np.array([width, height, width, height], np.float32)
        self._activation = card.activation
        self._corners = card.corners == "xyxy" and card.normalised is True

    def decode(self, outputs: Outputs, *, confidence: float) -> tuple[Floats, Floats]:
        """See `Decoder`."""
        boxes, value = boxes_and_scores(outputs)
        if self._activation == "softmax":
            share = np.exp(value - value.max(axis=1, keepdims=True))
            score = (share / share.sum(axis=1, keepdims=True))[:, self._classes.columns]
            chosen = np.flatnonzero(score.max(axis=1, initial=0.0) > confidence)
            picked = score[chosen]
        else:
            members = value[:, self._classes.columns]
            limit = math.log(confidence / (1.0 - confidence)) if self._activation == "sigmoid" else confidence
            chosen = np.flatnonzero(members.max(axis=1, initial=-math.inf) > limit)
            picked = members[chosen]
            if self._activation == "sigmoid":
                picked = 1.0 / (1.0 + np.exp(-picked))
        scaled = boxes[chosen] * self._scale
        return scaled if self._corners else corners_of(scaled), self._classes.spread(picked)


class BoxesScoresDecoder:
    """YOLO-NAS, PP-YOLOE and others: corners in pixels and a probability per class."""

    def __init__(self, card: ModelCard, *, width: int, height: int) -> None:
        self._classes = ClassMap(card.classes or ())
        self._scale = np.array([width, height, width, height], np.float32)
        self._shares = card.normalised is True
        self._middle = card.corners == "cxcywh"

    def decode(self, outputs: Outputs, *, confidence: float) -> tuple[Floats, Floats]:
        """See `Decoder`."""
        boxes, value = boxes_and_scores(outputs)
        score = value[:, self._classes.columns]
        chosen = np.flatnonzero(score.max(axis=1, initial=0.0) > confidence)
        picked = boxes[chosen] * self._scale if self._shares else boxes[chosen]
        return corners_of(picked) if self._middle else picked, self._classes.spread(score[chosen])
