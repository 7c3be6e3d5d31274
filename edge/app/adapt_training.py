"""The training of `edge models adapt`, between the parts that need no torch."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from edge.adaptation.examples import Example, Examples
from edge.adaptation.fit import Feed, fit
from edge.adaptation.graph_network import GraphNetwork
from edge.adaptation.loss import GridLoss
from edge.adaptation.matching import Labels
from edge.perception.classes import kinds_of
from edge.perception.model_card import ModelCard
from edge.perception.onnx_model import OnnxModel
from edge.ports import Image

BATCH = 8
Pair = tuple[Image, Labels]


def train(
    source: Path,
    start: OnnxModel,
    pictures: tuple[list[Pair], list[Pair]],
    out: Path,
    *,
    share: float,
    threads: int,
    progress_at: Callable[[], float],
    labels_from: str,
) -> int:
    """Train a copy of a network and write it; returns the steps.

    Args:
        source: file of the network.
        start: the same, loaded.
        pictures: of the site, and rendered ones.
        out: the new file.
        share: of rendered pictures.
        threads: of torch.
        progress_at: 0 at the start, 1 when time is up.
        labels_from: for the file's metadata.

    Raises:
        ModelError: the network cannot be trained.
    """
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    network, (width, height) = GraphNetwork(source), start.input_size
    network.check(lambda picture: start.runtime.run(picture)[0], start.input_size)
    site, rendered = ([_example(*pair, start=start) for pair in part] for part in pictures)
    steps = fit(
        network,
        Examples(site, rendered, share=share, size=BATCH, seed=0),
        feed=_feed(start.card),
        criterion=GridLoss(width, height, start.card.strides or (8, 16, 32)),
        progress_at=progress_at,
        told=_Teller(),
    )
    network.save(out, metadata={"adapted_from": start.name, "labels_from": labels_from})
    return steps


def _feed(card: ModelCard) -> Feed:
    scale, mean, std = card.scale or 1.0, card.mean or (0.0,) * 3, card.std or (1.0,) * 3
    return Feed(
        (2, 1, 0) if card.colour == "rgb" else (0, 1, 2),
        (scale / std[0], scale / std[1], scale / std[2]),
        (-mean[0] / std[0], -mean[1] / std[1], -mean[2] / std[2]),
    )


class _Teller:
    """Says how training goes, every tenth."""

    def __init__(self) -> None:
        self._loss, self._next = 0.0, 0.1

    def __call__(self, step: int, loss: float, progress: float) -> None:
        self._loss = loss if step == 1 else 0.95 * self._loss + 0.05 * loss
        if progress >= self._next:
            self._next = 0.1 * (int(10 * progress) + 1)
            print(
                f"step {step}, loss {self._loss:.3f}, {min(progress, 1.0):.0%}", file=sys.stderr, flush=True
            )


def _example(image: Image, labels: Labels, *, start: OnnxModel) -> Example:
    """A picture on the network's canvas; classes that it does not have are left out."""
    width, height = start.input_size
    centred = start.card.padding == "centre"
    top = (height - image.shape[0]) // 2 if centred else 0
    left = (width - image.shape[1]) // 2 if centred else 0
    canvas = np.full((height, width, 3), start.card.pad_value, np.uint8)
    canvas[top : top + image.shape[0], left : left + image.shape[1]] = image
    kinds = kinds_of(start.card.classes or ()).tolist()
    column = np.array([kinds.index(k) if k in kinds else -1 for k in labels.kind.tolist()], dtype=np.int64)
    use = (labels.sure & (column >= 0)).astype(np.int64)
    box_px = (labels.box_px + np.array([left, top] * 2)).astype(np.float32)
    return Example(canvas, box_px, np.maximum(column, 0), use)
