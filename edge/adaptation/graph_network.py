"""A network read from its ONNX file, trained, and written back into the same graph; needs torch and onnx.

Nothing but the numbers of the convolutions changes, so that the new file is used as the old one was.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import Tensor

from edge.adaptation.graph_operators import OPERATORS
from edge.core.errors import ModelError

_SHAPING = {"Concat", "Identity", "Reshape", "Slice", "Transpose"}
"""What may stand between the last sigmoid and the output."""
_TOLERANCE = 2e-3
REMEDY = "start from roadside-nano, or from another YOLOX file of raw rows without own operators"


class GraphNetwork:
    """The graph of a detector that answers raw YOLOX rows.

    Attributes:
        parameters: weights and biases of the convolutions by their names.

    Raises:
        ModelError: the file does not read, or has an operator that is not known here.
    """

    def __init__(self, path: Path) -> None:
        self._name = str(path)
        try:
            self._model = onnx.load(str(path))
        except (OSError, ValueError, DecodeError) as error:
            raise ModelError(self._name, f"does not read: {error}", remedy="give an .onnx file") from error
        graph = self._model.graph
        unknown = sorted({node.op_type for node in graph.node} - set(OPERATORS) - {"Constant"})
        if unknown or len(graph.output) != 1:
            what = f"operators {', '.join(unknown)}" if unknown else f"{len(graph.output)} outputs"
            raise ModelError(self._name, f"cannot be trained: {what}", remedy=REMEDY)
        self._values = {entry.name: _tensor(numpy_helper.to_array(entry)) for entry in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant":
                self._values[node.output[0]] = _constant(node)
        names = {name for node in graph.node if node.op_type == "Conv" for name in node.input[1:]}
        self.parameters = {
            name: self._values[name].requires_grad_() for name in sorted(names & set(self._values))
        }
        self._input = next(entry.name for entry in graph.input if entry.name not in self._values)
        self._left_out = self._last_sigmoids()
        self._steps = [
            (OPERATORS[node.op_type], list(node.input), list(node.output), _attributes(node))
            for node in graph.node
            if node.op_type != "Constant"
        ]

    def rows(self, pictures: Tensor, *, logits: bool) -> Tensor:
        """(b, rows, 5 + classes) answers to (b, 3, h, w); with `logits` without the last sigmoid."""
        values: dict[str, Any] = {**self._values, self._input: pictures, "": None}
        for operator, inputs, outputs, attributes in self._steps:
            given = [values[name] for name in inputs]
            if logits and outputs[0] in self._left_out:
                values[outputs[0]] = given[0]
            else:
                values[outputs[0]] = operator(given, attributes)
        answer: Tensor = values[self._model.graph.output[0].name]
        return answer

    def check(
        self, answer_of: Callable[[NDArray[np.float32]], NDArray[np.float32]], size: tuple[int, int]
    ) -> None:
        """Compare with another runtime's answer to a picture of `size`, width and height.

        Raises:
            ModelError: it differs.
        """
        width, height = size
        picture = np.random.default_rng(1).uniform(0, 255, (1, 3, height, width)).astype(np.float32)
        with torch.no_grad():
            own = self.rows(torch.from_numpy(picture), logits=False).numpy()
        other = answer_of(picture)
        if own.shape != other.shape or not np.allclose(own, other, rtol=_TOLERANCE, atol=_TOLERANCE):
            raise ModelError(self._name, "cannot be trained: it computes otherwise here", remedy=REMEDY)

    def save(self, path: Path, *, metadata: dict[str, str]) -> None:
        """Write the graph with the present numbers, and further metadata."""
        model = copy.deepcopy(self._model)
        for entry in model.graph.initializer:
            if entry.name in self.parameters:
                values = self.parameters[entry.name].detach().float().contiguous().numpy()
                entry.CopyFrom(numpy_helper.from_array(values, entry.name))
        kept = {entry.key: entry.value for entry in model.metadata_props}
        helper.set_model_props(model, {**kept, **metadata})
        onnx.save(model, str(path))

    def _last_sigmoids(self) -> set[str]:
        """Outputs of the sigmoids after which nothing is computed any more."""
        makers = {name: node for node in self._model.graph.node for name in node.output}
        found, todo = set(), [self._model.graph.output[0].name]
        while todo:
            node = makers.get(todo.pop())
            if node is None:
                continue
            if node.op_type == "Sigmoid":
                found.add(node.output[0])
            elif node.op_type in _SHAPING:
                todo += list(node.input)
        return found


def _tensor(values: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.array(values))


def _constant(node: Any) -> Tensor:
    attributes = _attributes(node)
    value = attributes.get("value")
    if value is None:
        return torch.tensor(next(iter(attributes.values())))
    return _tensor(numpy_helper.to_array(value))


def _attributes(node: Any) -> dict[str, Any]:
    return {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}
