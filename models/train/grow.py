"""Puts the weights of a shipped, narrower roadside-nano into a wider network that computes the same.

    python -m models.train.grow models/roadside-nano/model.onnx OUT.pt --data A

Old filters keep their place, new filters start at random and no old filter listens to them yet (Net2Net,
arXiv:1511.05641). Batch normalisation, folded away in the file, is set again from pictures of A.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from models.train.network import RoadsideNano
from models.train.shards import Shard

_PICTURES = 32


def grow(shipped: Path, pictures: Tensor) -> RoadsideNano:
    """A network with the weights of the file; `pictures` (n, 3, h, w) set its batch normalisation."""
    network = RoadsideNano()
    modules = dict(network.named_modules())
    folded: dict[nn.Module, Tensor] = {}
    for name, weight, bias in _convolutions(shipped):
        convolution = modules[name]
        assert isinstance(convolution, nn.Conv2d)
        outputs, inputs = weight.shape[:2]
        with torch.no_grad():
            convolution.weight[:outputs] = 0.0
            convolution.weight[:outputs, :inputs] = weight
            if convolution.bias is not None:
                convolution.bias[:outputs] = bias
            else:
                folded[modules[name.removesuffix("0") + "1"]] = bias
    _set_normalisation(network, folded, pictures)
    return network


def _convolutions(shipped: Path) -> list[tuple[str, Tensor, Tensor]]:
    """Name in the network, weight and bias of every convolution of the file."""
    graph = onnx.load(str(shipped)).graph
    values = {each.name: torch.from_numpy(numpy_helper.to_array(each).copy()) for each in graph.initializer}
    return [
        (_module_name(node.name), values[node.input[1]], values[node.input[2]])
        for node in graph.node
        if node.op_type == "Conv"
    ]


def _module_name(node: str) -> str:
    """`/network/to_4/to_4.2/body/body.0/body.0.0/Conv` to `to_4.2.body.0.0`."""
    path: list[str] = []
    for part in node.split("/")[2:-1]:
        if path and part.startswith(path[-1] + "."):
            path[-1] = part
        else:
            path.append(part)
    return ".".join(path)


def _set_normalisation(network: nn.Module, folded: dict[nn.Module, Tensor], pictures: Tensor) -> None:
    """Statistics of each layer from the pictures, and the scale and offset that undo them for old filters."""

    def fit(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(layer, nn.BatchNorm2d)
        assert layer.running_mean is not None
        assert layer.running_var is not None
        mean, variance = inputs[0].mean((0, 2, 3)), inputs[0].var((0, 2, 3))
        layer.running_mean.copy_(mean)
        layer.running_var.copy_(variance)
        bias = folded[layer]
        old = len(bias)
        layer.weight[:old] = torch.sqrt(variance + layer.eps)[:old]
        layer.bias[:old] = mean[:old] + bias

    handles = [layer.register_forward_pre_hook(fit) for layer in folded]
    with torch.no_grad():
        network.eval()(pictures)
    for handle in handles:
        handle.remove()


def main() -> None:
    """Grow from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shipped", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    images = Shard(options.data).images
    chosen = np.linspace(0, len(images) - 1, _PICTURES).astype(int)
    pictures = torch.from_numpy(np.array(images[chosen])).permute(0, 3, 1, 2).float()
    torch.save(grow(options.shipped, pictures).state_dict(), options.out)


if __name__ == "__main__":
    main()
