"""The roadside-nano network: plain convolutions, three strides, the raw grid layout of YOLOX (arXiv:2107.08430)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

CLASSES = 6
STRIDES = (8, 16, 32)
WIDTH_PX, HEIGHT_PX = 480, 288
_WIDTHS = (16, 32, 64, 128, 192)
_NECK = 64
_KIND = 64


def _conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class _Residual(nn.Module):
    """Half the channels, a 3 x 3, and the input added."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(_conv(channels, channels // 2, 1), _conv(channels // 2, channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class _Head(nn.Module):
    """Box and objectness from one branch, classes from the other."""

    def __init__(self) -> None:
        super().__init__()
        self.box = nn.Sequential(_conv(_NECK, _NECK), nn.Conv2d(_NECK, 5, 1))
        self.kind = nn.Sequential(_conv(_NECK, _KIND), nn.Conv2d(_KIND, CLASSES, 1))
        nn.init.constant_(self.box[-1].bias[4:], -4.6)
        nn.init.constant_(self.kind[-1].bias, -2.0)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.box(x), self.kind(x)], 1)


class RoadsideNano(nn.Module):
    """Pictures (b, 3, 288, 480) of 0..255 blue green red to rows (b, 2835, 11) of logits: x y w h, object, classes."""

    def __init__(self) -> None:
        super().__init__()
        a, b, c, d, e = _WIDTHS
        self.to_4 = nn.Sequential(_conv(3, a, 3, 2), _conv(a, b, 3, 2), _Residual(b))
        self.to_8 = nn.Sequential(_conv(b, c, 3, 2), _Residual(c), _Residual(c))
        self.to_16 = nn.Sequential(_conv(c, d, 3, 2), _Residual(d), _Residual(d))
        self.to_32 = nn.Sequential(_conv(d, e, 3, 2), _Residual(e), _Residual(e))
        self.side = nn.ModuleList([_conv(c, _NECK, 1), _conv(d, _NECK, 1), _conv(e, _NECK, 1)])
        self.merge = nn.ModuleList([_conv(_NECK, _NECK), _conv(_NECK, _NECK)])
        self.heads = nn.ModuleList([_Head() for _ in STRIDES])

    def forward(self, picture: Tensor) -> Tensor:
        at_8 = self.to_8(self.to_4(picture * (1.0 / 128.0)))
        at_16 = self.to_16(at_8)
        coarse = self.side[2](self.to_32(at_16))
        middle = self.merge[1](self.side[1](at_16) + functional.interpolate(coarse, scale_factor=2.0))
        fine = self.merge[0](self.side[0](at_8) + functional.interpolate(middle, scale_factor=2.0))
        maps = (fine, middle, coarse)
        rows = [head(level).flatten(2) for head, level in zip(self.heads, maps, strict=True)]
        return torch.cat(rows, 2).transpose(1, 2)


class Exported(nn.Module):
    """The network as it is shipped: objectness and classes are probabilities."""

    def __init__(self, network: RoadsideNano) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        rows = self.network(images)
        return torch.cat([rows[..., :4], torch.sigmoid(rows[..., 4:])], -1)
