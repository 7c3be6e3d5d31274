"""Tiny ONNX graphs whose answer is known, in the layouts of real detectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

IR_VERSION, OPSET = 8, 13


def save_constant(
    path: Path,
    output: np.ndarray,
    *,
    height: int | str = 64,
    width: int | str = 96,
    rank: int | None = None,
) -> Path:
    """A graph that answers `output` whatever it is shown; its declared output shape may be free (rank only)."""
    picture = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, height, width])
    shape = list(output.shape) if rank is None else [f"d{i}" for i in range(rank)]
    answer = helper.make_tensor_value_info("unhelpful_name", TensorProto.FLOAT, shape)
    # The picture is used, so that the runtime does not drop the input.
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["answer", "nothing"], ["unhelpful_name"]),
    ]
    constants = [
        numpy_helper.from_array(np.float32(0.0), "zero"),
        numpy_helper.from_array(output.astype(np.float32), "answer"),
    ]
    return _save(path, nodes, [picture], [answer], constants)


def save_answers(
    path: Path,
    outputs: dict[str, np.ndarray],
    *,
    picture: tuple[int | str, ...] = (1, 3, 64, 96),
    kind: int = TensorProto.FLOAT,
    others: dict[str, tuple[int, tuple[int, ...]]] | None = None,
    metadata: dict[str, str] | None = None,
    free: bool = False,
) -> Path:
    """A graph that answers `outputs` in their own types, whatever it is shown.

    `kind`: type of the picture; `others`: further inputs, type and shape; `free`: output shapes are not declared.
    """
    names = helper.make_tensor_value_info("picture", kind, list(picture))
    inputs = [names] + [helper.make_tensor_value_info(k, v[0], list(v[1])) for k, v in (others or {}).items()]
    nodes, answers, constants = [], [], []
    for k, (name, output) in enumerate(outputs.items()):
        element = helper.np_dtype_to_tensor_dtype(output.dtype)
        shape = [f"d{k}_{i}" for i in range(output.ndim)] if free else list(output.shape)
        answers.append(helper.make_tensor_value_info(name, element, shape))
        constants.append(numpy_helper.from_array(output, f"answer_{k}"))
        nodes.append(helper.make_node("Identity", [f"answer_{k}"], [name]))
    return _save(path, nodes, inputs, answers, constants, metadata)


def save_echo(path: Path, *, height: int, width: int) -> Path:
    """A graph that answers the picture itself, as (1, 3, height, width)."""
    picture = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, height, width])
    answer = helper.make_tensor_value_info("echo", TensorProto.FLOAT, [1, 3, height, width])
    return _save(path, [helper.make_node("Identity", ["images"], ["echo"])], [picture], [answer], [])


def _save(
    path: Path,
    nodes: list,
    inputs: list,
    outputs: list,
    constants: list,
    metadata: dict[str, str] | None = None,
) -> Path:
    graph = helper.make_graph(nodes, "known", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    helper.set_model_props(model, metadata or {})
    model.ir_version = IR_VERSION
    onnx.save(model, str(path))
    return path


def raw_rows(
    boxes: list[tuple[float, float, float, float, float, int]],
    *,
    height: int = 64,
    width: int = 96,
    classes: int = 80,
    strides: tuple[int, ...] = (8, 16, 32),
    decoded: bool = False,
) -> np.ndarray:
    """(1, cells, 5 + classes) YOLOX output that holds boxes (centre x, centre y, w, h, score, class).

    Every other cell holds a box of its own size with no objectness, as a trained network leaves it.
    """
    rows = []
    for stride in strides:
        for y in range(height // stride):
            for x in range(width // stride):
                middle = [0.5, 0.5] if not decoded else [(x + 0.5) * stride, (y + 0.5) * stride]
                size = [0.0, 0.0] if not decoded else [float(stride)] * 2
                rows.append(middle + size + [0.01] + [0.1] * classes)
    answer = np.array(rows, dtype=np.float32)
    first_stride = strides[0]
    for centre_x, centre_y, box_w, box_h, score, kind in boxes:
        column, row = int(centre_x // first_stride), int(centre_y // first_stride)
        cell = row * (width // first_stride) + column
        where = [centre_x, centre_y, box_w, box_h]
        if not decoded:
            where = [
                centre_x / first_stride - column,
                centre_y / first_stride - row,
                np.log(box_w / first_stride),
                np.log(box_h / first_stride),
            ]
        answer[cell, :5] = [*where, 1.0]
        answer[cell, 5:] = 0.0
        answer[cell, 5 + kind] = score
    return answer[None]
