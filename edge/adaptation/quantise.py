"""INT8 in place of float32, from pictures of the site, and only as far as the boxes stay the same; needs onnx.

Static quantisation with QuantizeLinear and DequantizeLinear round the convolutions, weights per channel. Which
convolutions stay float is tried in order: with plain settings small networks lose every box, because the first
layer, the last ones and those of one channel a group spread their values too widely for 256 steps.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import version_converter
from onnxruntime.quantization import (
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from edge.core.errors import ModelError
from edge.perception.runtime import first_line, runtime_errors

Feed = dict[str, NDArray[Any]]
LEAST_OPSET = 13
"""DequantizeLinear has an axis from there on."""
_ERRORS_ONLY = 3


@dataclass(frozen=True, slots=True)
class Recipe:
    """Which convolutions stay float, and how the range of values is chosen.

    Attributes:
        words: for people.
        stem, prediction, depthwise, neighbours: of the graph stay float: the first, the last, those of one channel a
            group, and those before the last.
        averaged: the range is the mean of the pictures' ranges, so that rare values do not widen it.
    """

    words: str
    stem: bool = False
    prediction: bool = False
    depthwise: bool = False
    neighbours: bool = False
    averaged: bool = False


RECIPES = (
    Recipe("every convolution"),
    Recipe("all but the last", prediction=True),
    Recipe("all but first and last", stem=True, prediction=True),
    Recipe("all but first, last and depthwise", stem=True, prediction=True, depthwise=True),
    Recipe(
        "all but first, last and depthwise, ranges averaged",
        stem=True,
        prediction=True,
        depthwise=True,
        averaged=True,
    ),
    Recipe("all but first, last two and depthwise, ranges averaged", True, True, True, True, True),
)


class _Reader:
    """Hands the pictures to ONNX Runtime."""

    def __init__(self, feeds: Sequence[Feed]) -> None:
        self._feeds = iter(feeds)

    def get_next(self) -> Feed | None:
        """The next picture, or None."""
        return next(self._feeds, None)


class Source:
    """A float model, made ready in `folder`.

    Raises:
        ModelError: it cannot be quantised.
    """

    def __init__(self, path: Path, folder: Path) -> None:
        self._name, self._folder = str(path), folder
        try:
            model = onnx.load(str(path))
        except (OSError, ValueError, DecodeError) as error:
            raise ModelError(self._name, f"does not read: {error}", remedy="give an .onnx file") from error
        kinds = {node.op_type for node in model.graph.node}
        if any("Quant" in kind or "Integer" in kind or kind.startswith("QLinear") for kind in kinds):
            raise ModelError(self._name, "is quantised already", remedy="give the float32 file")
        if "Conv" not in kinds:
            raise ModelError(self._name, "has no convolution to quantise", remedy="use it as it is")
        self.path = folder / "float.onnx"
        self._graph = self._made_ready(model).graph

    def quantised(self, recipe: Recipe, feeds: Sequence[Feed]) -> Path | None:
        """The file after a recipe; None where it leaves nothing to quantise.

        Raises:
            ModelError: ONNX Runtime refuses.
        """
        kept = self._kept_float(recipe)
        convolutions = [node.name for node in self._graph.node if node.op_type == "Conv"]
        chosen = [name for name in convolutions if name not in kept]
        if not chosen:
            return None
        out = self._folder / f"int8_{RECIPES.index(recipe)}.onnx"
        logging.disable(
            logging.WARNING
        )  # it tells everybody to run a step that `_made_ready` does in its place
        try:
            quantize_static(
                str(self.path),
                str(out),
                _Reader(feeds),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                op_types_to_quantize=["Conv"],
                nodes_to_quantize=chosen,
                calibrate_method=CalibrationMethod.MinMax,
                extra_options={"CalibMovingAverage": recipe.averaged},
            )
        except runtime_errors() as error:
            raise ModelError(
                self._name, f"cannot be quantised: {first_line(error)}", remedy="use the float32 file"
            ) from error
        finally:
            logging.disable(logging.NOTSET)
        return out

    def _made_ready(self, model: Any) -> Any:
        """Batch normalisation folded, opset and names as the quantiser needs them."""
        opset = max(
            (entry.version for entry in model.opset_import if entry.domain in {"", "ai.onnx"}), default=0
        )
        try:
            if opset < LEAST_OPSET:
                model = version_converter.convert_version(model, LEAST_OPSET)
            raw = self._folder / "raw.onnx"
            onnx.save(model, str(raw))
            options = onnxruntime.SessionOptions()
            options.log_severity_level = _ERRORS_ONLY
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
            options.optimized_model_filepath = str(self.path)
            onnxruntime.InferenceSession(str(raw), options, providers=["CPUExecutionProvider"])
        except runtime_errors() as error:
            raise ModelError(
                self._name,
                f"cannot be quantised: {first_line(error)}",
                remedy="export it with opset 13 or later",
            ) from error
        ready = onnx.load(str(self.path))
        for number, node in enumerate(ready.graph.node):
            node.name = f"{node.op_type}_{number}"
        onnx.save(ready, str(self.path))
        return ready

    def _kept_float(self, recipe: Recipe) -> set[str]:
        """Names of the convolutions that a recipe leaves alone."""
        kept: set[str] = set()
        entries = {entry.name for entry in self._graph.input}
        last = set(_nearest(self._graph, {entry.name for entry in self._graph.output}, towards_input=True))
        if recipe.stem:
            kept |= set(_nearest(self._graph, entries, towards_input=False))
        if recipe.prediction:
            kept |= last
        if recipe.neighbours:
            inputs = {name for node in self._graph.node if node.name in last for name in node.input[:1]}
            kept |= set(_nearest(self._graph, inputs, towards_input=True))
        if recipe.depthwise:
            kept |= {node.name for node in self._graph.node if node.op_type == "Conv" and _groups(node) > 1}
        return kept


def _groups(node: Any) -> int:
    return next((int(entry.i) for entry in node.attribute if entry.name == "group"), 1)


def _nearest(graph: Any, values: set[str], *, towards_input: bool) -> Iterator[str]:
    """Names of the convolutions that are met first from some values on, or back from them."""
    todo, seen = list(values), set(values)
    while todo:
        value = todo.pop()
        for node in graph.node:
            if value not in (node.output if towards_input else node.input):
                continue
            if node.op_type == "Conv":
                yield node.name
                continue
            further = [name for name in (node.input if towards_input else node.output) if name not in seen]
            seen.update(further)
            todo += further


def speed_ratio(first: list[float], second: list[float]) -> float:
    """Time of the second over that of the first, of runs taken in turns: medians, which a busy machine moves least."""
    return float(np.median(second) / np.median(first))
