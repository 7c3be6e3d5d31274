"""Known boxes in a graph come out as those boxes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge.core.errors import ModelError
from edge.core.kinds import ObjectClass
from edge.perception.model_card import ModelCard
from edge.perception.onnx_model import OnnxModel
from edge.ports import Boxes
from tests.unit.perception.graphs import raw_rows, save_constant, save_echo

PERSON, BICYCLE, CAR, MOTORCYCLE, BUS, TRUCK, DOG = 0, 1, 2, 3, 5, 7, 16
PICTURE = np.zeros((128, 192, 3), np.uint8)
"""Twice the size of the graphs' input."""


def kinds(boxes: Boxes) -> list[ObjectClass]:
    return [ObjectClass(int(k)) for k in boxes.class_log_odds.argmax(axis=1)]


@pytest.mark.parametrize("decoded", [False, True], ids=["raw grid", "decoded"])
def test_boxes_come_out_in_pixels_of_the_picture(tmp_path: Path, decoded: bool) -> None:
    rows = raw_rows(
        [(20.0, 30.0, 12.0, 10.0, 0.9, CAR), (70.0, 40.0, 6.0, 20.0, 0.8, PERSON)], decoded=decoded
    )
    boxes = OnnxModel.load(save_constant(tmp_path / "m.onnx", rows)).detect(PICTURE)
    order = np.argsort(boxes.box_px[:, 0])
    np.testing.assert_allclose(boxes.box_px[order], [[28, 50, 52, 70], [134, 60, 146, 100]], atol=1e-3)
    np.testing.assert_allclose(boxes.confidence[order], [0.9, 0.8], atol=1e-6)
    assert [kinds(boxes)[i] for i in order] == [ObjectClass.CAR, ObjectClass.PEDESTRIAN]
    assert boxes.box_px.dtype == np.float32


@pytest.mark.parametrize("rank", [3, 2], ids=["batch of one", "squeezed"])
def test_free_output_shapes_are_read_at_run_time(tmp_path: Path, rank: int) -> None:
    rows = raw_rows([(20.0, 30.0, 12.0, 10.0, 0.9, BUS)])
    rows = rows if rank == 3 else rows[0]
    model = OnnxModel.load(save_constant(tmp_path / "m.onnx", rows, rank=rank))
    assert kinds(model.detect(PICTURE)) == [ObjectClass.BUS]


def test_free_input_size_is_taken_from_the_card(tmp_path: Path) -> None:
    path = save_constant(tmp_path / "m.onnx", raw_rows([]), height="h", width="w")
    (tmp_path / "model.toml").write_text("input_size = [96, 64]")
    assert OnnxModel.load(path).input_size == (96, 64)


def test_free_input_size_without_a_card_is_the_usual_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = save_constant(tmp_path / "m.onnx", raw_rows([], height=640, width=640), height="h", width="w")
    assert OnnxModel.load(path).input_size == (640, 640)
    assert "input_size in model.toml" in caplog.text


def test_own_classes_of_a_card_are_mapped(tmp_path: Path) -> None:
    (tmp_path / "model.toml").write_text('classes = ["tree", "pedestrian", "van"]\nlayout = "yolox_raw"')
    rows = raw_rows(
        [
            (20.0, 30.0, 12.0, 10.0, 0.9, 0),
            (50.0, 30.0, 12.0, 10.0, 0.9, 1),
            (80.0, 30.0, 12.0, 10.0, 0.9, 2),
        ],
        classes=3,
    )
    boxes = OnnxModel.load(save_constant(tmp_path / "m.onnx", rows)).detect(PICTURE)
    assert sorted(kinds(boxes)) == [ObjectClass.CAR, ObjectClass.PEDESTRIAN]


def test_what_is_no_road_user_is_left_out(tmp_path: Path) -> None:
    rows = raw_rows([(20.0, 30.0, 12.0, 10.0, 0.9, DOG)])
    assert len(OnnxModel.load(save_constant(tmp_path / "m.onnx", rows)).detect(PICTURE).confidence) == 0


def test_threshold_can_be_given(tmp_path: Path) -> None:
    path = save_constant(tmp_path / "m.onnx", raw_rows([(20.0, 30.0, 12.0, 10.0, 0.5, CAR)]))
    assert len(OnnxModel.load(path, confidence=0.4).detect(PICTURE).confidence) == 1
    assert len(OnnxModel.load(path, confidence=0.6).detect(PICTURE).confidence) == 0


def test_boxes_are_clipped_to_the_picture(tmp_path: Path) -> None:
    path = save_constant(tmp_path / "m.onnx", raw_rows([(4.0, 60.0, 30.0, 30.0, 0.9, CAR)]))
    box = OnnxModel.load(path).detect(PICTURE).box_px[0]
    assert (box[0], box[3]) == (0.0, 128.0)


def test_card_that_contradicts_the_file_is_refused(tmp_path: Path) -> None:
    path = save_constant(tmp_path / "m.onnx", raw_rows([]))
    with pytest.raises(ModelError, match=r"the file has 96x64") as caught:
        OnnxModel.load(path, card=ModelCard(input_size=(480, 288)))
    assert caught.value.remedy


def test_classes_that_do_not_fit_the_output_are_refused_at_load(tmp_path: Path) -> None:
    path = save_constant(tmp_path / "m.onnx", raw_rows([], classes=6))
    with pytest.raises(ModelError, match="6 classes without names") as caught:
        OnnxModel.load(path)
    assert "classes" in caught.value.remedy


def test_package_is_imported_without_the_runtime() -> None:
    code = (
        "import sys; import edge.perception.onnx_model, edge.perception.pipeline, edge.perception.background; "
        "sys.exit('onnxruntime' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_another_network_is_refused_at_load(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no known layout"):
        OnnxModel.load(save_echo(tmp_path / "m.onnx", height=64, width=96))
