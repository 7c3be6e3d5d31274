"""Weights to the ONNX file that is shipped.

python -m models.train.export weights.pt model.onnx
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import torch

from models.train.network import HEIGHT_PX, WIDTH_PX, Exported, RoadsideNano


def export(weights: Path, out: Path) -> None:
    """Write the network with batch normalisation folded and probabilities at the output."""
    network = RoadsideNano()
    network.load_state_dict(torch.load(weights, weights_only=True))
    shipped = Exported(network).eval()
    example = torch.zeros(1, 3, HEIGHT_PX, WIDTH_PX)
    with warnings.catch_warnings():
        # The tracing exporter is deprecated but needs no further packages.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            shipped,
            (example,),
            str(out),
            dynamo=False,
            opset_version=17,
            input_names=["images"],
            output_names=["output"],
        )


def main() -> None:
    """Export from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    export(options.weights, options.out)


if __name__ == "__main__":
    main()
