"""Which cell of a grid answers for which road user, and how wrong it is; needs torch.

Assignment by least cost with a number of cells that follows the overlaps, as in YOLOX (arXiv:2107.08430, SimOTA).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

_MOST_CELLS = 10
_CENTRE_CELLS = 1.5
_NEVER = 1e6


def grid(width: int, height: int, strides: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Cell (a, 2) and stride (a, 1) of every row of a raw YOLOX output."""
    cells, steps = [], []
    for stride in strides:
        y, x = torch.meshgrid(
            torch.arange(math.ceil(height / stride)), torch.arange(math.ceil(width / stride)), indexing="ij"
        )
        cells.append(torch.stack([x, y], -1).reshape(-1, 2).float())
        steps.append(torch.full((len(cells[-1]), 1), float(stride)))
    return torch.cat(cells), torch.cat(steps)


def boxes_of(rows: Tensor, cells: Tensor, strides: Tensor) -> Tensor:
    """(..., a, 4) corners x1 y1 x2 y2 in pixels."""
    middle = (rows[..., :2] + cells) * strides
    half = torch.exp(rows[..., 2:4].clamp(-5, 5)) * strides / 2
    return torch.cat([middle - half, middle + half], -1)


class GridLoss:
    """Loss of a batch; boxes that are not to be used are neither demanded nor punished.

    Args:
        width, height: of the network's input.
        strides: of its grids.
    """

    def __init__(self, width: int, height: int, strides: tuple[int, ...]) -> None:
        self.cells, self.strides = grid(width, height, strides)
        self._middle = (self.cells + 0.5) * self.strides

    def __call__(self, rows: Tensor, box_px: Tensor, kind: Tensor, use: Tensor) -> Tensor:
        """Mean loss.

        Args:
            rows: (b, a, 5 + classes) logits.
            box_px: (b, m, 4) true corners.
            kind: (b, m) class columns.
            use: (b, m) 1 learn it, 0 ignore it, -1 no box.
        """
        boxes = boxes_of(rows, self.cells, self.strides)
        with torch.no_grad():
            overlap = pairwise_iou(box_px, boxes)
            owner, share = self._assign(rows, overlap, box_px, kind, use == 1)
            free = self._free(box_px, use == 0) | (owner >= 0)
        batch, cell = torch.nonzero(owner >= 0, as_tuple=True)
        own = owner[batch, cell]
        wanted_object = torch.zeros_like(rows[..., 4])
        wanted_object[batch, cell] = share[batch, cell]
        weight = free.float()
        objects = functional.binary_cross_entropy_with_logits(rows[..., 4], wanted_object, reduction="none")
        count = max(1.0, float(len(own)))
        total = (objects * weight).sum() / count
        if len(own) == 0:
            return total
        truth, guess = box_px[batch, own], boxes[batch, cell]
        wanted_kind = functional.one_hot(kind[batch, own], rows.shape[-1] - 5).float()
        kinds = functional.binary_cross_entropy_with_logits(
            rows[batch, cell, 5:], wanted_kind, reduction="sum"
        )
        return total + (5.0 * (1.0 - giou(guess, truth)).sum() + self._edges(guess, truth) + kinds) / count

    @staticmethod
    def _edges(guess: Tensor, truth: Tensor) -> Tensor:
        """Distance of the edges in units of the box size; the bottom counts twice, it places the object."""
        size = (truth[:, 2:] - truth[:, :2]).clamp(min=8.0).sqrt().repeat(1, 2)
        gap = functional.smooth_l1_loss(guess / size, truth / size, beta=0.2, reduction="none")
        return 0.5 * (gap * gap.new_tensor([1.0, 1.0, 1.0, 2.0])).sum()

    def _assign(
        self, rows: Tensor, overlap: Tensor, box_px: Tensor, kind: Tensor, use: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(b, a) index of the road user of each cell or -1, and their overlap."""
        centre = (box_px[..., :2] + box_px[..., 2:]) / 2
        offset = (self._middle[None, None] - centre[:, :, None]).abs().amax(-1)
        near = (offset < _CENTRE_CELLS * self.strides[:, 0]) & use[..., None]
        fits = (functional.logsigmoid(rows[..., 5:]) + functional.logsigmoid(rows[..., 4:5])) / 2
        chosen = kind[:, None, :].expand(-1, rows.shape[1], -1)
        surprise = -torch.gather(fits, 2, chosen).transpose(1, 2)
        cost = surprise - 3.0 * torch.log(overlap + 1e-6) + _NEVER * ~near
        best = torch.topk(overlap * near, _MOST_CELLS, dim=2).values
        number = best.sum(2).floor().clamp(1, _MOST_CELLS)
        least, index = torch.topk(cost, _MOST_CELLS, dim=2, largest=False)
        kept = (torch.arange(_MOST_CELLS) < number[..., None]) & (least < _NEVER / 2)
        table = torch.full_like(cost, _NEVER).scatter(2, index, torch.where(kept, least, _NEVER))
        lowest, owner = table.min(1)
        share = torch.gather(overlap, 1, owner[:, None])[:, 0]
        return torch.where(lowest < _NEVER / 2, owner, -1), share.clamp(0.05, 1.0)

    def _free(self, box_px: Tensor, ignore: Tensor) -> Tensor:
        """(b, a) cells whose middle lies in no ignored box."""
        point = self._middle[None, None]
        inside = (point > box_px[:, :, None, :2]).all(-1) & (point < box_px[:, :, None, 2:]).all(-1)
        return ~(inside & ignore[..., None]).any(1)


def pairwise_iou(a: Tensor, b: Tensor) -> Tensor:
    """(b, m, 4) and (b, n, 4) to (b, m, n)."""
    low = torch.maximum(a[:, :, None, :2], b[:, None, :, :2])
    high = torch.minimum(a[:, :, None, 2:], b[:, None, :, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    area_a, area_b = (a[..., 2:] - a[..., :2]).prod(-1), (b[..., 2:] - b[..., :2]).prod(-1)
    return shared / (area_a[:, :, None] + area_b[:, None] - shared + 1e-6)


def giou(a: Tensor, b: Tensor) -> Tensor:
    """(n,) generalised overlap of (n, 4) pairs (arXiv:1902.09630)."""
    shared = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0).prod(1)
    union = (a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - shared
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).prod(1)
    return shared / (union + 1e-6) - (hull - union) / (hull + 1e-6)
