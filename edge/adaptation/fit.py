"""Trains a network for a given time; needs torch. The learning rate falls with the clock, not with the steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from edge.adaptation.examples import Batch, Examples
from edge.adaptation.graph_network import GraphNetwork
from edge.adaptation.loss import GridLoss
from edge.core.errors import ModelError

_WARM_UP = 0.05
_AVERAGE = 0.995
_LONGEST_GRADIENT = 10.0
_WEIGHT_DECAY = 0.01
PEAK_RATE = 6e-4


@dataclass(frozen=True, slots=True)
class Feed:
    """How pictures become the network's numbers: colour order, then x * factor + shift per channel."""

    order: tuple[int, int, int]
    factor: tuple[float, float, float]
    shift: tuple[float, float, float]

    def tensor(self, pictures: np.ndarray) -> Tensor:
        """(b, 3, h, w) float32 of (b, h, w, 3) uint8."""
        planes = torch.from_numpy(pictures[..., list(self.order)].copy()).permute(0, 3, 1, 2).float()
        factor, shift = torch.tensor(self.factor), torch.tensor(self.shift)
        fed = planes * factor[:, None, None] + shift[:, None, None]
        return fed.contiguous(memory_format=torch.channels_last)


def learning_rate(peak: float, progress: float) -> float:
    """Linear rise, then half a cosine down to a fiftieth."""
    if progress < _WARM_UP:
        return peak * (0.05 + 0.95 * progress / _WARM_UP)
    fall = (progress - _WARM_UP) / (1.0 - _WARM_UP)
    return peak * (0.02 + 0.98 * (1.0 + math.cos(math.pi * min(1.0, fall))) / 2)


def fit(
    network: GraphNetwork,
    examples: Examples,
    *,
    feed: Feed,
    criterion: GridLoss,
    progress_at: Callable[[], float],
    told: Callable[[int, float, float], None],
) -> int:
    """Train until `progress_at` reaches 1; the network keeps the averaged weights. Returns the steps.

    Args:
        network: changed in place.
        examples: to learn from.
        feed: of the network.
        criterion: of the network's grid.
        progress_at: 0 at the start, 1 when time is up.
        told: called after each step with step, loss and progress.

    Raises:
        ModelError: the loss is no number.
    """
    parameters = list(network.parameters.values())
    optimiser = torch.optim.AdamW(parameters, PEAK_RATE, weight_decay=_WEIGHT_DECAY)
    kept = [parameter.detach().clone() for parameter in parameters]
    step, progress, half = 0, 0.0, _has_half_precision()
    while progress < 1.0:
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(PEAK_RATE, progress)
        loss = _step(network, examples.draw(), feed=feed, criterion=criterion, optimiser=optimiser, half=half)
        if not math.isfinite(loss):
            raise ModelError("adaptation", "the loss is no number", remedy="give other clips, or less time")
        share = min(_AVERAGE, (1.0 + step) / (10.0 + step))
        for old, new in zip(kept, parameters, strict=True):
            old.mul_(share).add_(new.detach(), alpha=1.0 - share)
        step += 1
        progress = progress_at()
        told(step, loss, progress)
    with torch.no_grad():
        for parameter, old in zip(parameters, kept, strict=True):
            parameter.copy_(old)
    return step


def _step(
    network: GraphNetwork,
    batch: Batch,
    *,
    feed: Feed,
    criterion: GridLoss,
    optimiser: torch.optim.Optimizer,
    half: bool,
) -> float:
    """One batch."""
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        rows = network.rows(feed.tensor(batch.pictures), logits=True)
    loss = criterion(
        rows.float(),
        torch.from_numpy(batch.box_px),
        torch.from_numpy(batch.column),
        torch.from_numpy(batch.use),
    )
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(list(network.parameters.values()), _LONGEST_GRADIENT)
    optimiser.step()
    return float(loss.detach())


def _has_half_precision() -> bool:
    """Whether the processor computes bfloat16 itself; elsewhere it is slower than float32."""
    known = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(known is not None and known())
