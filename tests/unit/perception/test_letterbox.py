"""Pictures keep their shape in the input of a detector."""

from __future__ import annotations

import numpy as np
import pytest

from edge.core.kinds import CLASS_COUNT
from edge.perception.letterbox import Letterbox
from edge.perception.model_card import ModelCard
from edge.perception.suppression import merge_boxes

BLUE = np.full((50, 100, 3), (200, 20, 10), np.uint8)


def test_wide_picture_fills_the_width_and_the_rest_is_grey() -> None:
    tensor, placement = Letterbox(ModelCard(), width=50, height=40).fill(BLUE)
    assert tensor.shape == (1, 3, 40, 50)
    np.testing.assert_array_equal(tensor[0, :, 10, 10], [200, 20, 10])
    np.testing.assert_array_equal(tensor[0, :, 30, 10], [114, 114, 114])
    assert (placement.across, placement.down, placement.left_px, placement.top_px) == (0.5, 0.5, 0, 0)


@pytest.mark.parametrize("padding", ["corner", "centre", "stretch"])
def test_box_returns_to_where_it_was(padding: str) -> None:
    _, placement = Letterbox(ModelCard(padding=padding), width=64, height=64).fill(BLUE)  # type: ignore[arg-type]
    box = np.array([[10.0, 5.0, 60.0, 45.0]], np.float32)
    scale = np.array([placement.across, placement.down] * 2)
    there = box * scale + np.array([placement.left_px, placement.top_px] * 2)
    score = np.full((1, CLASS_COUNT), 0.5, np.float32)
    back = merge_boxes(
        there.astype(np.float32), score, nms_iou=0.5, image_size=(100, 50), placement=placement
    )
    np.testing.assert_allclose(back.box_px, box, atol=1e-4)


def test_colours_scale_mean_and_deviation_are_applied() -> None:
    card = ModelCard(colour="rgb", scale=0.5, mean=(5.0, 0.0, 0.0), std=(2.0, 1.0, 4.0))
    tensor, _ = Letterbox(card, width=100, height=50).fill(BLUE)
    np.testing.assert_allclose(tensor[0, :, 0, 0], [(10 * 0.5 - 5) / 2, 20 * 0.5, 200 * 0.5 / 4])


def test_smaller_picture_leaves_nothing_of_the_one_before() -> None:
    box = Letterbox(ModelCard(), width=50, height=50)
    box.fill(np.full((100, 100, 3), 255, np.uint8))
    tensor, _ = box.fill(BLUE)
    assert tensor[0, 0, 40, 25] == 114


@pytest.mark.parametrize(
    ("dtype", "channels_last"), [(np.uint8, True), (np.float16, False), (np.float32, True)]
)
def test_other_tensors_hold_the_same_picture(dtype: type, channels_last: bool) -> None:
    card = ModelCard(colour="rgb")
    tensor, _ = Letterbox(card, width=100, height=50, dtype=dtype, channels_last=channels_last).fill(BLUE)
    assert tensor.dtype == dtype
    pixel = tensor[0, 10, 10] if channels_last else tensor[0, :, 10, 10]
    np.testing.assert_array_equal(pixel, [10, 20, 200])


def test_stretched_picture_fills_the_input() -> None:
    tensor, placement = Letterbox(ModelCard(padding="stretch"), width=50, height=50).fill(BLUE)
    assert (tensor[0, 0] == 200).all()
    assert (placement.across, placement.down) == (0.5, 1.0)


@pytest.mark.parametrize("padding", ["corner", "centre", "stretch"])
@pytest.mark.parametrize(
    "shape", [(720, 1280), (90, 160), (41, 17), (2, 2), (1, 5), (288, 480)], ids=lambda s: f"{s[1]}x{s[0]}"
)
def test_one_pass_fills_what_opencv_fills(padding: str, shape: tuple[int, int]) -> None:
    card = ModelCard(colour="rgb", scale=0.5, mean=(5.0, 0.0, 9.0), std=(2.0, 1.0, 4.0), padding=padding)  # type: ignore[arg-type]
    plain = Letterbox(card, width=208, height=96, one_pass=False)
    quick = Letterbox(card, width=208, height=96)
    rng = np.random.default_rng(1)
    for _ in range(2):  # buffers are kept
        image = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
        expected, where = plain.fill(image)
        tensor, place = quick.fill(image)
        assert place == where
        step = np.array([0.25, 0.5, 0.125]).reshape(1, 3, 1, 1)  # of one grey level
        difference = np.abs(tensor - expected) / step
        assert difference.max() <= 1.5  # OpenCV rounds to whole grey levels, we do not
        assert difference.mean() <= 0.3


@pytest.mark.parametrize("kind", ["read-only", "every other column", "flipped"])
def test_pictures_of_any_memory_layout_are_taken(kind: str) -> None:
    whole = np.random.default_rng(1).integers(0, 256, (60, 160, 3), dtype=np.uint8)
    image = {"read-only": whole.copy(), "every other column": whole[:, ::2], "flipped": whole[:, ::-1]}[kind]
    if kind == "read-only":
        image.flags.writeable = False
    tensor, _ = Letterbox(ModelCard(), width=64, height=64).fill(image)
    again, _ = Letterbox(ModelCard(), width=64, height=64).fill(np.ascontiguousarray(image).copy())
    np.testing.assert_array_equal(tensor, again)


def test_sizes_that_alternate_leave_nothing_of_each_other() -> None:
    box = Letterbox(ModelCard(), width=64, height=64)
    wide, tall = np.full((20, 60, 3), 250, np.uint8), np.full((60, 20, 3), 3, np.uint8)
    for _ in range(2):
        assert sorted(np.unique(box.fill(wide)[0])) == [114.0, 250.0]
        assert sorted(np.unique(box.fill(tall)[0])) == [3.0, 114.0]
