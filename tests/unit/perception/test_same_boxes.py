"""The quick way from a picture to boxes finds what the plain one does."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.app.model_commands import rendered_crossing
from edge.app.models import model_path
from edge.perception.letterbox import Letterbox
from edge.perception.onnx_model import OnnxModel
from edge.ports import Boxes, Image

DATA = Path(os.environ.get("EDGE_DATA", Path(__file__).parents[4] / "shared" / "data"))
NEAR_THRESHOLD = 0.03
"""A box so near the threshold may be found one way and not the other: a grey level of rounding moves it."""


def both_ways(model: OnnxModel, image: Image) -> tuple[Boxes, Boxes]:
    """What the model finds through the kernel, and through OpenCV."""
    quick = model.detect(image)
    kernel, (width, height) = model._letterbox, model.input_size
    model._letterbox = Letterbox(model.card, width=width, height=height, one_pass=False)
    plain = model.detect(image)
    model._letterbox = kernel
    return quick, plain


def unmatched(found: Boxes, other: Boxes) -> list[float]:
    """Confidence of boxes that have no counterpart."""
    alone = []
    for box, sure in zip(found.box_px, found.confidence, strict=True):
        low, high = np.maximum(box[:2], other.box_px[:, :2]), np.minimum(box[2:], other.box_px[:, 2:])
        shared = np.clip(high - low, 0, None).prod(axis=1)
        whole = (box[2:] - box[:2]).prod() + (other.box_px[:, 2:] - other.box_px[:, :2]).prod(axis=1) - shared
        same = (shared / whole > 0.85) & (np.abs(other.confidence - sure) < 0.05)
        if not same.any():
            alone.append(float(sure))
    return alone


def assert_same(model: OnnxModel, images: list[Image]) -> None:
    total = 0
    for image in images:
        quick, plain = both_ways(model, image)
        total += len(plain.confidence)
        for value in unmatched(quick, plain) + unmatched(plain, quick):
            assert abs(value - model.card.confidence) < NEAR_THRESHOLD
    assert total >= 2 * len(images)


def test_own_model_on_rendered_crossings() -> None:
    picture = rendered_crossing()
    images = [picture, np.ascontiguousarray(picture[:, ::-1]), cv2.resize(picture, (1280, 720))]
    assert_same(OnnxModel.load(model_path("roadside-nano")), images)


@pytest.mark.data
@pytest.mark.parametrize("file", ["yolox_nano.onnx", "nanodet_hpc.onnx"])
def test_models_of_others_on_a_real_street(file: str) -> None:
    if not (DATA / "models" / file).is_file():
        pytest.skip(f"{DATA} is absent")
    capture = cv2.VideoCapture(str(DATA / "media" / "ahmetozlu_highway.mp4"))
    images = []
    for number in (10, 130, 250, 370):
        capture.set(cv2.CAP_PROP_POS_FRAMES, number)
        good, picture = capture.read()
        assert good
        images.append(cv2.resize(picture, (1280, 720)))
    assert_same(OnnxModel.load(DATA / "models" / file), images)
