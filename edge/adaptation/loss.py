"""Which cell of a grid answers for which road user, and how wrong it is; needs torch.

Assignment by least cost with a number of cells that follows the overlaps, as in YOLOX (arXiv:2107.08430, SimOTA).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

_MOST_CELLS = 10
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
        kinds_weight: of the classes against place and object.
    """

    def __init__(
        self, width: int, height: int, strides: tuple[int, ...], *, kinds_weight: float = 1.0
    ) -> None:
        self._size, self._steps, self._kinds_weight = (width, height), strides, kinds_weight
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
        self._follow(rows.device)
        boxes = boxes_of(rows, self.cells, self.strides)
        with torch.no_grad():
            owner, share = self._assign(rows, boxes, box_px, kind, use == 1)
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
        return (
            total
            + (
                5.0 * (1.0 - giou(guess, truth)).sum()
                + self._edges(guess, truth)
                + self._kinds_weight * kinds
            )
            / count
        )

    def _follow(self, device: torch.device) -> None:
        """Keep the grid where the rows are."""
        if self.cells.device != device:
            self.cells, self.strides = self.cells.to(device), self.strides.to(device)
            self._middle = self._middle.to(device)

    @staticmethod
    def _edges(guess: Tensor, truth: Tensor) -> Tensor:
        """Distance of the edges in units of the box size; the bottom counts twice, it places the object."""
        size = (truth[:, 2:] - truth[:, :2]).clamp(min=8.0).sqrt().repeat(1, 2)
        gap = functional.smooth_l1_loss(guess / size, truth / size, beta=0.2, reduction="none")
        return 0.5 * (gap * gap.new_tensor([1.0, 1.0, 1.0, 2.0])).sum()

    def _assign(
        self, rows: Tensor, boxes: Tensor, box_px: Tensor, kind: Tensor, use: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(b, a) index of the road user of each cell or -1, and their overlap."""
        index, near = self._near(box_px, use)
        flat = index.flatten(1)
        overlap = iou(_rows_at(boxes, flat).view(*index.shape, 4), box_px[:, :, None]) * near
        logits = _rows_at(rows[..., 4:], flat).view(*index.shape, rows.shape[-1] - 4)
        chosen = kind[:, :, None, None].expand(-1, -1, index.shape[2], 1)
        fits = functional.logsigmoid(torch.gather(logits[..., 1:], 3, chosen)) + functional.logsigmoid(
            logits[..., :1]
        )
        cost = -fits[..., 0] / 2 - 3.0 * torch.log(overlap + 1e-6) + _NEVER * ~near
        number = torch.topk(overlap, _MOST_CELLS, dim=2).values.sum(2).floor().clamp(1, _MOST_CELLS)
        rank = cost.argsort(2).argsort(2)
        cost = torch.where((rank < number[..., None]) & near, cost, _NEVER).flatten(1)
        lowest = torch.full_like(rows[..., 4], _NEVER).scatter_reduce(1, flat, cost, "amin")
        batch, place = torch.nonzero((cost < _NEVER / 2) & (cost == lowest.gather(1, flat)), as_tuple=True)
        cell = flat[batch, place]
        owner = torch.full_like(rows[..., 4], -1, dtype=torch.long)
        owner[batch, cell] = place // index.shape[2]
        share = torch.zeros_like(rows[..., 4])
        share[batch, cell] = overlap.flatten(1)[batch, place]
        return owner, share.clamp(0.05, 1.0)

    def _near(self, box_px: Tensor, use: Tensor) -> tuple[Tensor, Tensor]:
        """(b, m, 27) cells round the middle of each box, three by three a stride, and whether they may be taken."""
        centre = (box_px[..., :2] + box_px[..., 2:]) / 2
        found, valid, start = [], [], 0
        around = torch.stack(torch.meshgrid(*[torch.arange(-1, 2)] * 2, indexing="xy"), -1).reshape(9, 2)
        for stride in self._steps:
            size = torch.tensor([math.ceil(side / stride) for side in self._size], device=box_px.device)
            cell = (centre / stride).floor().long()[:, :, None] + around.to(box_px.device)
            valid.append(((cell >= 0) & (cell < size)).all(-1) & use[..., None])
            cell = torch.minimum(cell.clamp(min=0), size - 1)
            found.append(start + cell[..., 1] * size[0] + cell[..., 0])
            start += int(size.prod())
        return torch.cat(found, 2), torch.cat(valid, 2)

    def _free(self, box_px: Tensor, ignore: Tensor) -> Tensor:
        """(b, a) cells whose middle lies in no ignored box."""
        point = self._middle[None, None]
        inside = (point > box_px[:, :, None, :2]).all(-1) & (point < box_px[:, :, None, 2:]).all(-1)
        return ~(inside & ignore[..., None]).any(1)


def _rows_at(rows: Tensor, index: Tensor) -> Tensor:
    """(b, a, c) at (b, k) to (b, k, c)."""
    return torch.gather(rows, 1, index[..., None].expand(-1, -1, rows.shape[2]))


def iou(a: Tensor, b: Tensor) -> Tensor:
    """(...) overlap of (..., 4) pairs."""
    shared = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0)
    inner = shared.prod(-1)
    area_a, area_b = (a[..., 2:] - a[..., :2]).prod(-1), (b[..., 2:] - b[..., :2]).prod(-1)
    return inner / (area_a + area_b - inner + 1e-6)


def giou(a: Tensor, b: Tensor) -> Tensor:
    """(n,) generalised overlap of (n, 4) pairs (arXiv:1902.09630)."""
    shared = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0).prod(1)
    union = (a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - shared
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).prod(1)
    return shared / (union + 1e-6) - (hull - union) / (hull + 1e-6)
