"""Blurred road users cannot be made out, and everything else is as it was."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge.core.kinds import CLASS_COUNT
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.perception.blur import KEPT_NS, BoxMemory, blurred, padded
from edge.ports import Boxes, Image

START_NS = 1_700_000_000 * NS_PER_S


def boxes(*rows: tuple[float, float, float, float]) -> Boxes:
    n = len(rows)
    return Boxes(np.array(rows, np.float32).reshape(n, 4), np.full(n, 0.5), np.zeros((n, CLASS_COUNT)))


def letters() -> Image:
    """A picture full of fine detail: text on noise."""
    picture = np.random.default_rng(4).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    for y in range(12, 240, 12):
        cv2.putText(
            picture, "AB 1234 XYZ 5678 QRS", (0, y), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1
        )
    return picture


def detail(picture: Image) -> float:
    """Variance of what differs from neighbour to neighbour."""
    return float(cv2.Laplacian(picture, cv2.CV_64F).var())


@pytest.mark.parametrize(
    "box", [(40, 40, 100, 190), (10, 60, 310, 200), (200, 100, 212, 124), (290, 200, 340, 300)]
)
def test_detail_in_the_box_is_gone_and_the_rest_is_untouched(box: tuple[float, float, float, float]) -> None:
    picture = letters()
    region = np.array([box], float)
    out = blurred(picture, region)
    x1, y1, x2, y2 = (int(v) for v in np.clip(region[0], 0, [320, 240, 320, 240]))
    assert detail(out[y1:y2, x1:x2]) < 0.01 * detail(picture[y1:y2, x1:x2])
    rest = np.ones(picture.shape[:2], bool)
    rest[y1:y2, x1:x2] = False
    np.testing.assert_array_equal(out[rest], picture[rest])


def test_two_different_faces_of_the_same_mean_look_alike() -> None:
    """What is left of a box is a few means: nothing tells apart what had the same ones."""
    rng = np.random.default_rng(5)
    one, other = np.full((200, 200, 3), 90, np.uint8), np.full((200, 200, 3), 90, np.uint8)
    face = rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)
    one[60:80, 90:110] = face
    other[60:80, 90:110] = rng.permutation(face.reshape(-1, 3)).reshape(20, 20, 3)
    region = np.array([[60.0, 60.0, 180.0, 180.0]])  # cells of 20 px
    difference = blurred(one, region).astype(int) - blurred(other, region).astype(int)
    assert np.abs(one.astype(int) - other.astype(int)).max() > 200
    assert np.abs(difference).max() <= 12


def test_blurring_again_and_sharpening_bring_nothing_back() -> None:
    picture = letters()
    region = np.array([[40.0, 40.0, 160.0, 160.0]])
    out = blurred(picture, region)[40:160, 40:160]
    sharpened = cv2.addWeighted(out, 3.0, cv2.GaussianBlur(out, (0, 0), 5), -2.0, 0)
    truth = picture[40:160, 40:160].astype(float)
    likeness = np.corrcoef(sharpened.astype(float).ravel(), truth.ravel())[0, 1]
    assert likeness < 0.4


def test_boxes_are_wider_than_found() -> None:
    np.testing.assert_allclose(padded(np.array([[10, 20, 30, 60]], np.float32), margin=0.5), [[0, 0, 40, 80]])


def test_road_user_that_is_missed_for_a_moment_stays_blurred_and_the_box_grows() -> None:
    memory = BoxMemory()
    found = memory.regions(boxes((100, 100, 140, 200)), capture_ns=START_NS)
    missed = memory.regions(boxes(), capture_ns=START_NS + 500 * NS_PER_MS)
    assert len(missed) == 1
    assert (missed[0, :2] < found[0, :2]).all()
    assert (missed[0, 2:] > found[0, 2:]).all()
    gone = memory.regions(boxes(), capture_ns=START_NS + KEPT_NS + NS_PER_MS)
    assert len(gone) == 0


def test_memory_is_bounded_and_survives_a_clock_that_jumps() -> None:
    memory = BoxMemory()
    many = boxes(*[(1.0, 1.0, 9.0, 9.0)] * 300)
    for k in range(100):
        assert len(memory.regions(many, capture_ns=START_NS + k * NS_PER_MS)) <= 2_000
    assert len(memory.regions(many, capture_ns=START_NS - 3600 * NS_PER_S)) == 300
