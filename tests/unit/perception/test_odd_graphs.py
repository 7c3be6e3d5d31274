"""Detectors as people export them: with more outputs than are needed, odd class counts, one bad box, wrong metadata."""

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
from tests.unit.perception import test_layouts as layouts
from tests.unit.perception.graphs import save_answers

Outputs = dict[str, np.ndarray]
MAP = np.zeros((1, 16, 8, 12), np.float32)
VECTOR = np.zeros((1, 128), np.float32)
NUMBER = np.array([3.0], np.float32)
UINT8 = {"picture": ("n", layouts.HEIGHT, layouts.WIDTH, 3), "kind": TensorProto.UINT8}


def expect_known(model: OnnxModel, layout: str) -> None:
    assert model.card.layout == layout
    boxes = model.detect(layouts.PICTURE)
    order = np.argsort(boxes.box_px[:, 0])
    np.testing.assert_allclose(boxes.box_px[order], [box for box, _, _ in layouts.EXPECTED], atol=0.3)
    kinds = [ObjectClass(int(k)) for k in boxes.class_log_odds[order].argmax(axis=1)]
    assert kinds == [kind for _, _, kind in layouts.EXPECTED]


def map_behind(outputs: Outputs) -> Outputs:
    return {**outputs, "more": MAP}


def map_before(outputs: Outputs) -> Outputs:
    return {"more": MAP, **outputs}


def vector_behind(outputs: Outputs) -> Outputs:
    return {**outputs, "more": VECTOR}


def number_behind(outputs: Outputs) -> Outputs:
    return {**outputs, "more": NUMBER}


ADDED = [map_behind, map_before, vector_behind, number_behind]
# Boxes, labels, scores and a number are the lists of TensorFlow; a number changes what those of torchvision are.
UNCLEAR = {("labels_boxes_scores", "number_behind")}
NUMBERED = {"paddle"}  # it has a number already
CASES = [
    pytest.param(layout, make, add, id=f"{make.__name__}-{add.__name__}")
    for layout, makes in layouts.LAYOUTS.items()
    for make in makes
    for add in ADDED
    if (make.__name__, add.__name__) not in UNCLEAR and (layout not in NUMBERED or add is not number_behind)
]


@pytest.mark.parametrize(("layout", "make", "add"), CASES)
def test_outputs_that_are_not_needed_change_nothing(
    tmp_path: Path, layout: str, make: Callable[[], Any], add: Callable[[Outputs], Outputs]
) -> None:
    outputs, more = make()
    expect_known(OnnxModel.load(save_answers(tmp_path / "m.onnx", add(outputs), **more)), layout)


def tensorflow_two() -> Outputs:
    """The eight outputs of the TensorFlow 2 detection API, in their order."""
    lists = layouts.tensorflow_lists()
    rng = np.random.default_rng(1)
    return {
        "detection_anchor_indices": np.array([[5, 77, 1200, 4]], np.float32),
        "detection_boxes": lists["boxes"],
        "detection_classes": lists["classes"],
        "detection_multiclass_scores": np.zeros((1, 4, 91), np.float32),
        "detection_scores": lists["scores"],
        "num_detections": lists["number"],
        "raw_detection_boxes": rng.uniform(0, 1, (1, 1917, 4)).astype(np.float32),
        "raw_detection_scores": np.zeros((1, 1917, 91), np.float32),
    }


@pytest.mark.parametrize("seed", range(4))
def test_eight_outputs_of_tensorflow_two_in_any_order(tmp_path: Path, seed: int) -> None:
    outputs = tensorflow_two()
    names = list(outputs)
    if seed:
        names = [str(name) for name in np.random.default_rng(seed).permutation(names)]
    outputs = {name: outputs[name] for name in names}
    expect_known(OnnxModel.load(save_answers(tmp_path / "m.onnx", outputs, **UINT8)), "ssd")


def test_three_lists_that_nobody_can_tell_apart_are_refused(tmp_path: Path) -> None:
    outputs = {f"Identity_{k}": output for k, output in enumerate(tensorflow_two().values())}
    with pytest.raises(ModelError, match="no known layout"):
        OnnxModel.load(save_answers(tmp_path / "m.onnx", outputs, **UINT8))


def test_lists_of_a_single_box(tmp_path: Path) -> None:
    lists = layouts.tensorflow_lists()
    outputs = {name: output[:, :1] if output.ndim > 1 else np.array([1.0]) for name, output in lists.items()}
    outputs["number"] = outputs["number"].astype(np.float32)
    model = OnnxModel.load(save_answers(tmp_path / "m.onnx", outputs, **UINT8, free=True))
    (box,) = model.detect(layouts.PICTURE).box_px
    np.testing.assert_allclose(box, layouts.EXPECTED[0][0], atol=1e-3)


@pytest.mark.parametrize("name", ["im_info", "input.1", "target_sizes"])
@pytest.mark.parametrize("kind", [TensorProto.INT64, TensorProto.INT32])
@pytest.mark.parametrize("shape", [(1, 2), (2,)])
def test_input_that_wants_the_size_may_have_any_name(
    tmp_path: Path, name: str, kind: int, shape: tuple[int, ...]
) -> None:
    outputs, _ = layouts.detr()
    path = save_answers(tmp_path / "m.onnx", outputs, others={name: (kind, shape)})
    expect_known(OnnxModel.load(path), "detr")


@pytest.mark.parametrize("first", ["boxes", "scores"])
@pytest.mark.parametrize("shares", [False, True])
def test_four_classes_are_told_from_four_sides(tmp_path: Path, first: str, shares: bool) -> None:
    rng = np.random.default_rng(1)
    rows = 300 if shares else layouts.CELLS
    boxes = rng.uniform(0.1, 0.6, (1, rows, 4)).astype(np.float32) * (1.0 if shares else 50.0)
    scores = np.full((1, rows, 4), -9.0 if shares else 0.001, np.float32)
    for at, (known, column) in enumerate(((layouts.KNOWN[0], 2), (layouts.KNOWN[1], 0))):
        sure = known[4]
        size = [layouts.WIDTH, layouts.HEIGHT] * 2
        boxes[0, at] = np.array(layouts.middle(known)) / size if shares else known[:4]
        scores[0, at, column] = np.log(sure / (1 - sure)) if shares else sure
    both = {"boxes": boxes, "scores": scores}
    outputs = {name: both[name] for name in (first, *(set(both) - {first}))}
    metadata = {"names": "['person', 'sign', 'car', 'tree']"}
    path = save_answers(tmp_path / "m.onnx", outputs, metadata=metadata)
    expect_known(OnnxModel.load(path), "queries" if shares else "boxes_scores")


@pytest.mark.parametrize("classes", [1, 2, 6])
def test_classes_of_the_card_tell_the_columns_of_a_turned_table(tmp_path: Path, classes: int) -> None:
    table = np.full((layouts.CELLS, 4 + classes), 0.001, np.float32)
    table[:, :4] = np.random.default_rng(1).uniform(5, 60, (layouts.CELLS, 4))
    table[2, :4], table[2, 4] = layouts.middle(layouts.KNOWN[0]), 0.9
    names = ["car", *(f"sign{k}" for k in range(classes - 1))]
    (tmp_path / "model.toml").write_text(f"classes = {names!r}".replace("'", '"'))
    model = OnnxModel.load(save_answers(tmp_path / "m.onnx", {"o": table[None]}))
    assert model.card.layout == "yolov8"
    (box,) = model.detect(layouts.PICTURE).box_px
    np.testing.assert_allclose(box, layouts.EXPECTED[0][0], atol=1e-3)


@pytest.mark.parametrize("bad", [np.inf, 1e30, 3.0])
def test_one_bad_box_of_a_list_does_not_take_the_others_with_it(tmp_path: Path, bad: float) -> None:
    rows = np.zeros((1, 300, 6), np.float32)
    for k, known in enumerate(layouts.KNOWN):
        rows[0, k] = [*layouts.shares(known), known[4], known[5]]
    rows[0, 3] = [0.1, 0.9, 0.11, bad, 0.9, layouts.DOG]
    rows[0, 4] = [0.1, 0.9, bad, 0.95, 0.5, layouts.CAR]
    boxes = OnnxModel.load(save_answers(tmp_path / "m.onnx", {"o": rows})).detect(layouts.PICTURE)
    for box, score, _ in layouts.EXPECTED:
        near = np.abs(boxes.box_px - box).max(axis=1) < 0.01
        assert boxes.confidence[near] == pytest.approx([score])


def table_of(change: Callable[[np.ndarray], None]) -> Outputs:
    table = layouts.yolov8()[0]["output0"].copy()
    change(table)
    return {"o": table}


def test_scores_that_are_no_probabilities_are_refused(tmp_path: Path) -> None:
    def percent(table: np.ndarray) -> None:
        table[:, 4:] *= 100.0

    with pytest.raises(ModelError, match=r"up to 90.* no probabilities"):
        OnnxModel.load(save_answers(tmp_path / "m.onnx", table_of(percent)))


@pytest.mark.parametrize(
    "layout", ["yolov5", "nanodet", "ssd_rows", "yolov7_rows", "yolox_decoded", "queries"]
)
def test_layout_that_a_card_states_wrongly_is_refused(tmp_path: Path, layout: str) -> None:
    (tmp_path / "model.toml").write_text(f'layout = "{layout}"\n')
    with pytest.raises(ModelError):
        OnnxModel.load(save_answers(tmp_path / "m.onnx", layouts.yolov8()[0]))


@pytest.mark.parametrize(
    "names", ["{'a': 'car'}", "{2000000000: 'car'}", "{None: 1}", "[" * 100_000, "{-1: 'car'}"]
)
def test_names_that_make_no_sense_are_left_out(tmp_path: Path, names: str) -> None:
    metadata = {"names": names}
    path = save_answers(tmp_path / "m.onnx", layouts.yolov8()[0], metadata=metadata)
    try:
        model = OnnxModel.load(path)
    except ModelError:
        return
    expect_known(model, "yolov8")


@pytest.mark.parametrize(
    "told", ["[True, True]", "[100000000, 100000000]", "[0, 0]", "(" * 100_000, "['a', 'b']"]
)
def test_size_that_makes_no_sense_is_refused(tmp_path: Path, told: str) -> None:
    path = save_answers(
        tmp_path / "m.onnx",
        layouts.yolov8()[0],
        picture=(1, 3, "h", "w"),
        metadata={"imgsz": told},
    )
    with pytest.raises(ModelError):
        OnnxModel.load(path)


@pytest.mark.parametrize("sides", [(200_000, 200_000), (3, 1_000_000_000)])
def test_input_that_no_machine_has_room_for_is_refused(tmp_path: Path, sides: tuple[int, int]) -> None:
    path = save_answers(tmp_path / "m.onnx", layouts.yolov8()[0], picture=(1, 3, *sides))
    with pytest.raises(ModelError, match="pixels"):
        OnnxModel.load(path)


@pytest.mark.parametrize(
    "line", ["mean = [nan, 0, 0]", "scale = inf", "std = [inf, 1, 1]", "mean = [0, inf, 0]"]
)
def test_numbers_of_a_card_are_finite(tmp_path: Path, line: str) -> None:
    (tmp_path / "model.toml").write_text(line)
    with pytest.raises(ModelError, match=line.split(maxsplit=1)[0]):
        OnnxModel.load(save_answers(tmp_path / "m.onnx", layouts.yolov8()[0]))


def test_number_of_boxes_that_is_none_is_an_error_of_the_model(tmp_path: Path) -> None:
    outputs = {**layouts.tensorflow_lists(), "number": np.array([np.inf], np.float32)}
    with pytest.raises(ModelError):
        OnnxModel.load(save_answers(tmp_path / "m.onnx", outputs, **UINT8))


def test_box_that_is_infinite_is_left_out(tmp_path: Path) -> None:
    def infinite(table: np.ndarray) -> None:
        table[0, :4, 50], table[0, 6, 50] = np.inf, 0.99

    expect_known(OnnxModel.load(save_answers(tmp_path / "m.onnx", table_of(infinite))), "yolov8")
