"""What travels in `models/roadside-nano`: small, and made of plain parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

MODEL = Path(__file__).resolve().parents[3] / "models" / "roadside-nano" / "model.onnx"
PLAIN = {
    *("Conv", "Relu", "Add", "Mul", "Concat", "Resize", "Sigmoid"),
    *("Transpose", "Reshape", "Slice", "Shape", "Constant"),
}


@pytest.fixture(scope="module")
def graph() -> onnx.GraphProto:
    return onnx.load(str(MODEL)).graph


def test_at_most_a_million_and_a_half_parameters(graph: onnx.GraphProto) -> None:
    count = sum(int(np.prod(value.dims)) for value in graph.initializer)
    assert 100_000 < count <= 1_500_000


def test_only_plain_operators(graph: onnx.GraphProto) -> None:
    assert {node.op_type for node in graph.node} <= PLAIN


def test_convolutions_are_not_grouped(graph: onnx.GraphProto) -> None:
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    groups = [a.i for node in convolutions for a in node.attribute if a.name == "group"]
    assert len(groups) == len(convolutions)
    assert set(groups) == {1}
