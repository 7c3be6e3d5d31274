"""Batches of labelled pictures from disk, with cheap changes of view and light."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from edge.core.kinds import ObjectClass
from models.train.shards import HEIGHT_PX, WIDTH_PX, Shard

LEAST_FRACTION, LEAST_HEIGHT_PX = 0.35, 9.0
_MOST_RARE = 4


@dataclass(frozen=True, slots=True)
class Batch:
    """Pictures (b, 3, h, w) float32 0..255, boxes (b, m, 4), kinds (b, m), use (b, m) 1 learn, 0 ignore, -1 none."""

    pictures: Tensor
    box_px: Tensor
    kind: Tensor
    use: Tensor


class Batches:
    """Draws random batches from shards."""

    def __init__(self, shards: list[Shard], *, size: int, seed: int) -> None:
        self._shards, self._size = shards, size
        self._generator = np.random.default_rng(seed)
        self._reached = [np.cumsum(_shares(shard)) for shard in shards]
        totals = np.array([reached[-1] for reached in self._reached])
        self._weights = totals / totals.sum()

    def draw(self) -> Batch:
        examples = [self._example() for _ in range(self._size)]
        most = max(1, *(len(kind) for _, _, kind, _ in examples))
        box_px = np.zeros((self._size, most, 4), dtype=np.float32)
        kinds, uses = np.zeros((self._size, most), dtype=np.int64), np.full((self._size, most), -1)
        for i, (_, boxes, kind, use) in enumerate(examples):
            box_px[i, : len(kind)], kinds[i, : len(kind)], uses[i, : len(kind)] = boxes, kind, use
        pictures = torch.from_numpy(np.stack([example[0] for example in examples])).permute(0, 3, 1, 2)
        channels_last = pictures.float().contiguous(memory_format=torch.channels_last)
        return Batch(channels_last, torch.from_numpy(box_px), torch.from_numpy(kinds), torch.from_numpy(uses))

    def _example(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        generator = self._generator
        number = int(generator.choice(len(self._shards), p=self._weights))
        shard, reached = self._shards[number], self._reached[number]
        index = int(np.searchsorted(reached, generator.uniform(0, reached[-1]), side="right"))
        rows = shard.rows(index)
        image, boxes = np.array(shard.images[index]), shard.box_px[rows].copy()
        if generator.random() < 0.5:
            image = np.ascontiguousarray(image[:, ::-1])
            boxes[:, [0, 2]] = WIDTH_PX - boxes[:, [2, 0]]
        good = (shard.fraction[rows] >= LEAST_FRACTION) & (shard.height_px[rows] >= LEAST_HEIGHT_PX)
        if generator.random() < 0.5:
            image, boxes, inside = _moved(image, boxes, generator)
            good &= inside > 0.6
        kept = (boxes[:, 2] - boxes[:, 0] > 1) & (boxes[:, 3] - boxes[:, 1] > 1)
        contrast, brightness = generator.uniform(0.85, 1.2), generator.uniform(-10, 15)
        image = np.clip(image * np.float32(contrast) + np.float32(brightness), 0, 255).astype(np.uint8)
        return image, boxes[kept], shard.kind[rows][kept], good[kept].astype(np.int64)


def _shares(shard: Shard) -> np.ndarray:
    """(n,) how often each picture is drawn: more often with motorcycles, the rarest class and the hardest."""
    usable = (shard.fraction >= LEAST_FRACTION) & (shard.height_px >= LEAST_HEIGHT_PX)
    rare = np.concatenate([[0], np.cumsum(usable & (shard.kind == ObjectClass.MOTORCYCLE))])
    number = rare[shard.offset[1:]] - rare[shard.offset[:-1]]
    return np.asarray(1.0 + np.minimum(number, _MOST_RARE) / 2)


def _moved(
    image: np.ndarray, boxes: np.ndarray, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scaled and shifted picture, clipped boxes, and the share of each box that stayed inside."""
    scale = float(np.exp(generator.uniform(-0.25, 0.35)))
    shift = generator.uniform(-0.15, 0.15, 2) * (WIDTH_PX, HEIGHT_PX) + (1 - scale) / 2 * np.array(
        [WIDTH_PX, HEIGHT_PX]
    )
    # Box coordinates are continuous, `warpAffine` counts pixel centres.
    matrix = np.array([[scale, 0, shift[0] + (scale - 1) / 2], [0, scale, shift[1] + (scale - 1) / 2]])
    moved = cv2.warpAffine(image, matrix, (WIDTH_PX, HEIGHT_PX), borderValue=(114, 114, 114))
    wide = boxes * scale + np.tile(shift, 2)
    limit = np.array([WIDTH_PX, HEIGHT_PX] * 2)
    clipped = np.clip(wide, 0, limit)
    area = (clipped[:, 2] - clipped[:, 0]) * (clipped[:, 3] - clipped[:, 1])
    inside = area / np.maximum((wide[:, 2] - wide[:, 0]) * (wide[:, 3] - wide[:, 1]), 1e-6)
    return moved, clipped, inside
