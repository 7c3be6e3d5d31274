"""Batches of labelled pictures from disk, with cheap changes of view and light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from edge.adaptation.examples import changed
from models.train.shards import Shard

LEAST_FRACTION, LEAST_HEIGHT_PX = 0.3, 7.5


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
        counts = np.array([len(shard.images) for shard in shards], dtype=float)
        self._weights = counts / counts.sum()

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
        shard = self._shards[int(generator.choice(len(self._shards), p=self._weights))]
        index = int(generator.integers(len(shard.images)))
        rows = shard.rows(index)
        image, boxes = np.array(shard.images[index]), shard.box_px[rows].copy()
        good = (shard.fraction[rows] >= LEAST_FRACTION) & (shard.height_px[rows] >= LEAST_HEIGHT_PX)
        image, boxes, inside = changed(image, boxes, generator)
        good &= inside
        kept = (boxes[:, 2] - boxes[:, 0] > 1) & (boxes[:, 3] - boxes[:, 1] > 1)
        return image, boxes[kept], shard.kind[rows][kept], good[kept].astype(np.int64)
