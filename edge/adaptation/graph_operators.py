"""The operators of plain detectors, from ONNX to torch; each takes its inputs and its attributes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

Given = list[Any]
Attributes = dict[str, Any]
Operator = Callable[[Given, Attributes], Tensor]


def _conv(given: Given, a: Attributes) -> Tensor:
    pads = a.get("pads", [0, 0, 0, 0])
    picture, padding = given[0], (pads[0], pads[1])
    if pads[:2] != pads[2:]:
        picture, padding = functional.pad(picture, (pads[1], pads[3], pads[0], pads[2])), (0, 0)
    return functional.conv2d(
        picture,
        given[1],
        given[2] if len(given) > 2 else None,
        tuple(a.get("strides", [1, 1])),
        padding,
        tuple(a.get("dilations", [1, 1])),
        a.get("group", 1),
    )


def _max_pool(given: Given, a: Attributes) -> Tensor:
    pads = a.get("pads", [0, 0, 0, 0])
    return functional.max_pool2d(
        given[0], tuple(a["kernel_shape"]), tuple(a.get("strides", [1, 1])), (pads[0], pads[1])
    )


def _resize(given: Given, a: Attributes) -> Tensor:
    """Nearest, by whole factors; `GraphNetwork.check` finds out where that is not what the file means."""
    if len(given) > 3 and given[3] is not None:
        size = tuple(int(v) for v in given[3][-2:])
    else:
        scale = given[2] if len(given) > 2 else given[1]
        size = tuple(int(side * float(f)) for side, f in zip(given[0].shape[-2:], scale[-2:], strict=True))
    return functional.interpolate(given[0], size=size, mode="nearest")


def _reshape(given: Given, _a: Attributes) -> Tensor:
    picture, shape = given[0], [int(v) for v in given[1]]
    shape = [picture.shape[k] if side == 0 else side for k, side in enumerate(shape)]
    if shape[0] == 1 and picture.shape[0] != 1:
        shape[0] = picture.shape[0]  # the file was made for one picture
    return picture.reshape(shape)


def _slice(given: Given, _a: Attributes) -> Tensor:
    picture, starts, ends = given[0], given[1].tolist(), given[2].tolist()
    axes = given[3].tolist() if len(given) > 3 and given[3] is not None else list(range(len(starts)))
    steps = given[4].tolist() if len(given) > 4 and given[4] is not None else [1] * len(starts)
    cut = [slice(None)] * picture.dim()
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        cut[axis] = slice(start, end, step)
    return picture[tuple(cut)]


OPERATORS: dict[str, Operator] = {
    "Add": lambda given, _a: given[0] + given[1],
    "Clip": lambda given, _a: torch.clamp(given[0], *given[1:]),
    "Concat": lambda given, a: torch.cat(given, a["axis"]),
    "Conv": _conv,
    "HardSigmoid": lambda given, a: torch.clamp(a.get("alpha", 0.2) * given[0] + a.get("beta", 0.5), 0, 1),
    "HardSwish": lambda given, _a: functional.hardswish(given[0]),
    "Identity": lambda given, _a: given[0],
    "LeakyRelu": lambda given, a: functional.leaky_relu(given[0], a.get("alpha", 0.01)),
    "MaxPool": _max_pool,
    "Mul": lambda given, _a: given[0] * given[1],
    "Relu": lambda given, _a: torch.relu(given[0]),
    "Reshape": _reshape,
    "Resize": _resize,
    "Shape": lambda given, _a: torch.tensor(given[0].shape),
    "Sigmoid": lambda given, _a: torch.sigmoid(given[0]),
    "Slice": _slice,
    "Transpose": lambda given, a: given[0].permute(a["perm"]),
}
"""By their ONNX names (opset 10 and later)."""
