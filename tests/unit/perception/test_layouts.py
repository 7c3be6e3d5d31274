"""Every layout of detector, made as a graph: known boxes in, the same boxes out, nothing said but the shapes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from edge.core.errors import ModelError
from edge.core.kinds import ObjectClass
from edge.perception.onnx_model import OnnxModel
from tests.unit.perception.graphs import raw_rows, save_answers

WIDTH, HEIGHT = 96, 64
STRIDES = (8, 16, 32)
PICTURE = np.zeros((2 * HEIGHT, 2 * WIDTH, 3), np.uint8)
"""Twice the size of the graphs' input and of its shape, so that padding plays no part."""
PERSON, CAR, DOG = 0, 2, 16
# x1 y1 x2 y2 in the input, score, COCO class.
KNOWN = [
    (8.0, 16.0, 40.0, 36.0, 0.9, CAR),
    (60.0, 10.0, 68.0, 40.0, 0.75, PERSON),
    (70.0, 40.0, 90.0, 60.0, 0.8, DOG),
]
EXPECTED = [([16, 32, 80, 72], 0.9, ObjectClass.CAR), ([120, 20, 136, 80], 0.75, ObjectClass.PEDESTRIAN)]
CELLS = sum((WIDTH // s) * (HEIGHT // s) for s in STRIDES)
Graph = tuple[dict[str, np.ndarray], dict[str, Any]]


def middle(box: tuple[float, ...]) -> list[float]:
    x1, y1, x2, y2 = box[:4]
    return [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1]


def shares(box: tuple[float, ...]) -> list[float]:
    return [box[0] / WIDTH, box[1] / HEIGHT, box[2] / WIDTH, box[3] / HEIGHT]


def yolox() -> Graph:
    return {"o": raw_rows([(*middle(box), box[4], int(box[5])) for box in KNOWN])}, {}


def yolox_decoded() -> Graph:
    return {"o": raw_rows([(*middle(box), box[4], int(box[5])) for box in KNOWN], decoded=True)}, {}


def yolov5(*, anchors: int = 3, objectness: float = 0.95) -> Graph:
    rows = np.full((anchors * CELLS, 85), 0.001, np.float32)
    rows[:, :4] = np.random.default_rng(1).uniform(5, 60, (len(rows), 4))
    rows[:, 4] = 1.0 if objectness == 1.0 else 0.001
    for k, box in enumerate(KNOWN):
        rows[7 * k + 3, :4], rows[7 * k + 3, 4] = middle(box), objectness
        rows[7 * k + 3, 5 + int(box[5])] = box[4] / objectness
    return {"output0": rows[None], "feature_map": np.zeros((1, 3, 8, 12, 85), np.float32)}, {}


def yolov6() -> Graph:
    return {"outputs": yolov5(anchors=1, objectness=1.0)[0]["output0"]}, {}


def yolov8(*, more: int = 0) -> Graph:
    table = np.full((84 + more, CELLS), 0.001, np.float32)
    table[:4] = np.random.default_rng(1).uniform(5, 60, (4, CELLS))
    table[84:] = 5.0
    for k, box in enumerate(KNOWN):
        table[:4, 11 * k + 2], table[4 + int(box[5]), 11 * k + 2] = middle(box), box[4]
    return {"output0": table[None]}, {}


def yolov8_turned() -> Graph:
    return {"output0": np.ascontiguousarray(yolov8()[0]["output0"].transpose(0, 2, 1))}, {}


def yolov8_segments() -> Graph:
    names = {i: f"thing_{i}" for i in range(80)} | {PERSON: "person", CAR: "car"}
    masks = np.zeros((1, 32, 16, 24), np.float32)
    metadata = {"names": str(names), "task": "segment"}
    return {**yolov8(more=32)[0], "output1": masks}, {"metadata": metadata}


def end_to_end() -> Graph:
    rows = np.zeros((1, 300, 6), np.float32)
    rows[0, : len(KNOWN)] = KNOWN
    return {"output0": rows}, {}


def yolov7_rows() -> Graph:
    return {"output": np.array([[0, *b[:4], b[5], b[4]] for b in KNOWN], np.float32)}, {"free": True}


def detr() -> Graph:
    others = {"orig_target_sizes": (TensorProto.INT64, (1, 2))}
    outputs = {
        "labels": np.array([[b[5] for b in KNOWN]], np.int64),
        "boxes": np.array([[b[:4] for b in KNOWN]], np.float32),
        "scores": np.array([[b[4] for b in KNOWN]], np.float32),
    }
    return outputs, {"others": others}


def detr_squeezed() -> Graph:
    outputs, more = detr()
    return {name: value[0] for name, value in outputs.items()}, {**more, "free": True}


def detr_of_four() -> Graph:
    """Four boxes: labels and scores end in an axis of four too."""
    outputs, more = detr()
    last = {"labels": [[DOG]], "boxes": [[[1.0, 1.0, 2.0, 2.0]]], "scores": [[0.01]]}
    return {
        name: np.concatenate([value, np.array(last[name], value.dtype)], axis=1)
        for name, value in outputs.items()
    }, more


def queries(*, softmax: bool = False) -> Graph:
    """RF-DETR: shares of the picture, logits of COCO's 91 ids."""
    boxes = np.random.default_rng(1).uniform(0.1, 0.6, (1, 300, 4)).astype(np.float32)
    logits = np.full((1, 300, 92 if softmax else 91), -9.0, np.float32)
    if softmax:
        logits[:, :, 91] = 0.0
    for k, box in enumerate(KNOWN):
        boxes[0, 5 * k] = np.array(middle(box)) / [WIDTH, HEIGHT, WIDTH, HEIGHT]
        odds = np.log(box[4] / (1 - box[4]))
        logits[0, 5 * k, int(box[5]) + 1] = odds + (np.log1p(90 * np.exp(-9.0)) if softmax else 0.0)
    return {"dets": boxes, "labels": logits}, {}


def queries_softmax() -> Graph:
    return queries(softmax=True)


def boxes_scores() -> Graph:
    boxes = np.random.default_rng(1).uniform(5, 60, (1, CELLS, 4)).astype(np.float32)
    scores = np.full((1, CELLS, 80), 0.001, np.float32)
    for k, box in enumerate(KNOWN):
        boxes[0, 9 * k], scores[0, 9 * k, int(box[5])] = box[:4], box[4]
    return {"a": boxes, "b": scores}, {}


def scores_boxes_turned() -> Graph:
    outputs, _ = boxes_scores()
    return {"a": np.ascontiguousarray(outputs["b"].transpose(0, 2, 1)), "b": outputs["a"]}, {}


def distributions(box: tuple[float, ...], stride: int, point: tuple[float, float], bins: int) -> np.ndarray:
    """Logits whose expected values are the distances from the point to the sides, linear between two bins."""
    x, y = point
    logits = np.full((4, bins), -60.0)
    for side, distance in enumerate((x - box[0], y - box[1], box[2] - x, box[3] - y)):
        low = int(distance / stride)
        part = distance / stride - low
        logits[side, low] = np.log(1.0 - part)
        logits[side, min(low + 1, bins - 1)] = np.log(max(part, 1e-12))
    return logits.reshape(-1)


def nanodet_grids(strides: tuple[int, ...], offset: float) -> tuple[list[np.ndarray], list[np.ndarray]]:
    scores, sides = [], []
    for stride in strides:
        rows = -(-WIDTH // stride) * -(-HEIGHT // stride)
        scores.append(np.full((rows, 80), 0.001, np.float32))
        sides.append(np.random.default_rng(1).normal(0, 1, (rows, 32)).astype(np.float32))
    for box in KNOWN:
        column, row = int(middle(box)[0] // 8), int(middle(box)[1] // 8)
        at = row * (WIDTH // 8) + column
        scores[0][at, int(box[5])] = box[4]
        sides[0][at] = distributions(box, 8, (column * 8 + offset * 7, row * 8 + offset * 7), 8)
    return scores, sides


def nanodet() -> Graph:
    """Six tables; the names are wrong, as in a file that is about."""
    scores, sides = nanodet_grids(STRIDES, 0.5)
    named = zip(("cls0", "box0", "cls1", "box1", "cls2", "box2"), [*scores, *sides], strict=True)
    return dict(named), {}


def nanodet_plus() -> Graph:
    scores, sides = nanodet_grids((*STRIDES, 64), 0.0)
    rows = np.concatenate([np.concatenate(pair, axis=1) for pair in zip(scores, sides, strict=True)])
    return {"output": rows[None]}, {}


def tensorflow_lists(*, coco_offset: int = 1) -> dict[str, np.ndarray]:
    filled = [*KNOWN, (0.0, 0.0, 0.0, 0.0, 0.0, 0)]
    boxes = [[shares(b)[i] for i in (1, 0, 3, 2)] for b in filled]
    return {
        "boxes": np.array([boxes], np.float32),
        "classes": np.array([[b[5] + coco_offset for b in filled]], np.float32),
        "scores": np.array([[b[4] for b in filled]], np.float32),
        "number": np.array([len(KNOWN)], np.float32),
    }


def ssd() -> Graph:
    return tensorflow_lists(), {"picture": ("n", HEIGHT, WIDTH, 3), "kind": TensorProto.UINT8}


def ssd_of_scores_first() -> Graph:
    lists = tensorflow_lists()
    order = ("number", "boxes", "scores", "classes")
    return {name: lists[name] for name in order}, {
        "picture": (1, HEIGHT, WIDTH, 3),
        "kind": TensorProto.UINT8,
    }


def ssd_of_tflite() -> Graph:
    lists = tensorflow_lists(coco_offset=0)
    names = ["TFLite_Detection_PostProcess" + more for more in ("", ":1", ":2", ":3")]
    return dict(zip(names, lists.values(), strict=True)), {"picture": (1, HEIGHT, WIDTH, 3)}


def ssd_rows() -> Graph:
    rows = np.array([[0, b[5] + 1, b[4], *shares(b)] for b in KNOWN] + [[-1] * 7], np.float32)
    return {"detection_out": rows[None, None]}, {}


def labels_boxes_scores() -> Graph:
    """torchvision: COCO ids, pixels of the input, no axis for the picture."""
    return {
        "boxes": np.array([b[:4] for b in KNOWN], np.float32),
        "labels": np.array([b[5] + 1 for b in KNOWN], np.int64),
        "scores": np.array([b[4] for b in KNOWN], np.float32),
    }, {}


def paddle() -> Graph:
    others = {"im_shape": (TensorProto.FLOAT, (1, 2)), "scale_factor": (TensorProto.FLOAT, (1, 2))}
    rows = np.array([[b[5], b[4], *b[:4]] for b in KNOWN], np.float32)
    return {"bbox": rows, "bbox_num": np.array([len(KNOWN)], np.int32)}, {"others": others, "free": True}


def doubles() -> Graph:
    return {**yolox()[0]}, {"kind": TensorProto.DOUBLE}


def half_precision() -> Graph:
    return {"output0": yolov8()[0]["output0"].astype(np.float16)}, {"kind": TensorProto.FLOAT16}


LAYOUTS: dict[str, list[Callable[[], Graph]]] = {
    "yolox_raw": [yolox, doubles],
    "yolox_decoded": [yolox_decoded],
    "yolov5": [yolov5, yolov6],
    "yolov8": [yolov8, yolov8_turned, yolov8_segments, half_precision],
    "end2end": [end_to_end],
    "yolov7_rows": [yolov7_rows],
    "detr": [detr, detr_squeezed, detr_of_four],
    "queries": [queries, queries_softmax],
    "boxes_scores": [boxes_scores, scores_boxes_turned],
    "nanodet": [nanodet, nanodet_plus],
    "ssd": [ssd, ssd_of_scores_first, ssd_of_tflite],
    "ssd_rows": [ssd_rows],
    "labels": [labels_boxes_scores],
    "paddle": [paddle],
}
CASES = [pytest.param(layout, make, id=make.__name__) for layout, makes in LAYOUTS.items() for make in makes]


@pytest.mark.parametrize(("layout", "make"), CASES)
def test_layout_is_found_and_its_boxes_come_out(
    tmp_path: Path, layout: str, make: Callable[[], Graph]
) -> None:
    outputs, more = make()
    model = OnnxModel.load(save_answers(tmp_path / "m.onnx", outputs, **more))
    assert model.card.layout == layout
    assert model.input_size == (WIDTH, HEIGHT)
    boxes = model.detect(PICTURE)
    atol, rtol = (0.3, 2e-3) if make is half_precision else (1e-3, 1e-4)
    order = np.argsort(boxes.box_px[:, 0])
    np.testing.assert_allclose(boxes.box_px[order], [box for box, _, _ in EXPECTED], atol=atol)
    np.testing.assert_allclose(boxes.confidence[order], [score for _, score, _ in EXPECTED], rtol=rtol)
    kinds = [ObjectClass(int(k)) for k in boxes.class_log_odds[order].argmax(axis=1)]
    assert kinds == [kind for _, _, kind in EXPECTED]


@pytest.mark.parametrize(("layout", "make"), CASES)
def test_answer_without_road_users_gives_no_boxes(
    tmp_path: Path, layout: str, make: Callable[[], Graph], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.unit.perception.test_layouts.KNOWN", KNOWN[2:])
    outputs, more = make()
    model = OnnxModel.load(save_answers(tmp_path / "m.onnx", outputs, **more))
    assert model.card.layout == layout
    assert len(model.detect(PICTURE).confidence) == 0


def test_card_overrides_what_the_shapes_say(tmp_path: Path) -> None:
    (tmp_path / "model.toml").write_text(
        'layout = "boxes_scores"\ncorners = "cxcywh"\nnormalised = true\nclasses = ["car", "tree"]\n'
    )
    boxes = np.array([[[0.25, 0.5, 0.2, 0.4], [0.7, 0.5, 0.1, 0.1]]], np.float32)
    scores = np.array([[[0.8, 0.1], [0.1, 0.9]]], np.float32)
    model = OnnxModel.load(save_answers(tmp_path / "m.onnx", {"a": boxes, "b": scores}))
    found = model.detect(PICTURE)
    np.testing.assert_allclose(found.box_px, [[28.8, 38.4, 67.2, 89.6]], rtol=1e-5)


def test_names_in_the_metadata_are_the_classes(tmp_path: Path) -> None:
    table = np.full((1, 7, CELLS), 0.001, np.float32)
    table[0, :4, 5], table[0, 6, 5] = [20.0, 20.0, 10.0, 10.0], 0.9
    names = {"names": "{0: 'tree', 1: 'sign', 2: 'Truck'}", "license": "AGPL-3.0"}
    model = OnnxModel.load(save_answers(tmp_path / "m.onnx", {"o": table}, metadata=names))
    assert model.detect(PICTURE).class_log_odds.argmax() == ObjectClass.TRUCK
    assert "AGPL-3.0" in model.summary()


@pytest.mark.parametrize(
    ("outputs", "more", "said"),
    [
        ({"probabilities": np.zeros((1, 1000), np.float32)}, {}, "no known layout: .*classifier"),
        ({"mask": np.zeros((1, 21, 64, 96), np.float32)}, {}, "no known layout: .*segmentation"),
        ({"damaged": np.full((1, CELLS, 85), np.nan, np.float32)}, {}, "no number"),
        ({"o": yolov8()[0]["output0"]}, {"metadata": {"task": "classify"}}, "classify"),
        ({"o": np.zeros((1, 12, CELLS), np.float32)}, {}, "8 classes without names"),
        ({"o": np.zeros((1, 6, CELLS), np.float32)}, {"metadata": {"names": "['cat', 'dog']"}}, "road user"),
        ({"o": yolox()[0]["o"]}, {"picture": (4, 3, 64, 96)}, "4 pictures at once"),
        ({"o": yolox()[0]["o"]}, {"picture": (1, 1, 64, 96)}, "no input is a picture"),
        ({"o": yolox()[0]["o"]}, {"others": {"mask": (TensorProto.FLOAT, (1, 5))}}, "input mask"),
    ],
)
def test_other_networks_are_refused_with_the_reason(
    tmp_path: Path, outputs: dict[str, np.ndarray], more: dict[str, Any], said: str
) -> None:
    with pytest.raises(ModelError, match=said) as caught:
        OnnxModel.load(save_answers(tmp_path / "m.onnx", outputs, **more))
    assert caught.value.remedy
