"""Chooses pictures that differ most from each other, so that a few hundred stand for a long clip."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.adaptation.matching import Labels
from edge.ports import Image

_SIZE = (24, 14)
_GRID = (12, 7)
_ROAD_USERS = 1.5
"""Weight of where road users are against how the picture looks."""


def varied(images: Sequence[Image], labels: Sequence[Labels], *, most: int) -> list[int]:
    """Indices of at most so many pictures, each next one the farthest from those chosen (Gonzalez, 1985)."""
    if len(images) <= most:
        return list(range(len(images)))
    features = np.stack([_feature(image, each) for image, each in zip(images, labels, strict=True)])
    chosen = [int(np.argmax([label.sure.sum() for label in labels]))]
    distance = np.full(len(images), np.inf)
    while len(chosen) < most:
        distance = np.minimum(distance, ((features - features[chosen[-1]]) ** 2).sum(axis=1))
        chosen.append(int(distance.argmax()))
    return sorted(set(chosen))


def _feature(image: Image, labels: Labels) -> NDArray[np.float64]:
    grey = cv2.cvtColor(cv2.resize(image, _SIZE, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    light = grey.astype(np.float64) / 255.0
    places = np.zeros(_GRID)
    middle = (labels.box_px[labels.sure, :2] + labels.box_px[labels.sure, 2:]) / 2
    cell = (middle / (image.shape[1], image.shape[0]) * _GRID).astype(int).clip(0, np.array(_GRID) - 1)
    np.add.at(places, (cell[:, 0], cell[:, 1]), 1.0)
    return np.concatenate([light.ravel(), _ROAD_USERS * np.minimum(places, 2.0).ravel()])
