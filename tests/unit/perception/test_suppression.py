"""One road user gives one box."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edge.core.kinds import CLASS_COUNT, ObjectClass
from edge.perception.suppression import CANDIDATE_CAP, GROUPS, log_odds, merge_boxes
from edge.ports import Boxes

SIZE = (640, 360)


def merged(*entries: tuple[list[float], ObjectClass, float]) -> Boxes:
    box = np.array([e[0] for e in entries], np.float32)
    score = np.zeros((len(entries), CLASS_COUNT), np.float32)
    for row, (_box, kind, value) in enumerate(entries):
        score[row, kind] = value
    return merge_boxes(box, score, nms_iou=0.5, image_size=SIZE)


def kinds(boxes: Boxes) -> list[int]:
    return sorted(boxes.class_log_odds.argmax(axis=1).tolist())


def test_same_vehicle_as_car_truck_and_bus_is_one() -> None:
    boxes = merged(
        ([100, 100, 200, 160], ObjectClass.CAR, 0.5),
        ([102, 101, 203, 160], ObjectClass.TRUCK, 0.8),
        ([99, 99, 199, 161], ObjectClass.BUS, 0.6),
    )
    assert kinds(boxes) == [ObjectClass.TRUCK]


def test_pedestrian_beside_a_car_is_kept() -> None:
    boxes = merged(
        ([100, 100, 140, 180], ObjectClass.CAR, 0.9), ([102, 100, 141, 181], ObjectClass.PEDESTRIAN, 0.6)
    )
    assert kinds(boxes) == [ObjectClass.CAR, ObjectClass.PEDESTRIAN]


def test_rider_and_bicycle_are_one_cyclist() -> None:
    boxes = merged(
        ([100, 130, 150, 170], ObjectClass.BICYCLE, 0.7), ([108, 100, 140, 160], ObjectClass.PEDESTRIAN, 0.9)
    )
    assert kinds(boxes) == [ObjectClass.BICYCLE]


def test_pedestrian_in_front_of_a_bicycle_is_kept() -> None:
    boxes = merged(
        ([100, 130, 150, 170], ObjectClass.BICYCLE, 0.7), ([108, 110, 140, 200], ObjectClass.PEDESTRIAN, 0.9)
    )
    assert kinds(boxes) == [ObjectClass.BICYCLE, ObjectClass.PEDESTRIAN]


def test_likeliest_class_has_the_highest_log_odds_and_all_are_finite() -> None:
    odds = np.empty(CLASS_COUNT)
    log_odds(np.array([0.0, 0.3, 0.6, 0.0, 0.0, 0.0], np.float32), odds)
    assert odds.argmax() == 2
    assert np.isfinite(odds).all()
    np.testing.assert_allclose((1 / (1 + np.exp(-odds))).sum(), 1.0)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    box=hnp.arrays(np.float32, (12, 4), elements=st.floats(width=32)),
    score=hnp.arrays(np.float32, (12, CLASS_COUNT), elements=st.floats(0, 1, width=32)),
)
def test_whatever_a_network_answers_gives_sound_boxes(box: np.ndarray, score: np.ndarray) -> None:
    boxes = merge_boxes(box, score, nms_iou=0.5, image_size=SIZE)
    assert np.isfinite(boxes.box_px).all()
    assert (boxes.box_px[:, 2:] > boxes.box_px[:, :2]).all()
    assert (boxes.box_px >= 0).all()
    assert (boxes.box_px <= [*SIZE, *SIZE]).all()


def test_flood_of_boxes_is_bounded() -> None:
    count = 3 * CANDIDATE_CAP
    left = np.arange(count, dtype=np.float32) % 600
    box = np.column_stack([left, left / 2, left + 2, left / 2 + 2]).astype(np.float32)
    score = np.random.default_rng(0).uniform(0.4, 0.9, (count, CLASS_COUNT)).astype(np.float32)
    assert len(merge_boxes(box, score, nms_iou=0.99, image_size=SIZE).confidence) <= CANDIDATE_CAP


def test_unsure_car_between_two_sure_ones_in_a_queue_goes() -> None:
    box = np.array([[22, 84, 44, 100], [26, 86, 54, 104], [35, 92, 63, 110]], dtype=np.float32)
    score = np.zeros((3, 6), dtype=np.float32)
    score[:, 0] = (0.85, 0.55, 0.8)
    boxes = merge_boxes(box, score, nms_iou=0.6, image_size=SIZE, floor=0.35)
    assert sorted(boxes.confidence.round(2).tolist()) == [0.8, 0.85]


def test_overlapping_cars_that_are_all_sure_stay() -> None:
    box = np.array([[20, 80, 50, 100], [30, 88, 60, 108], [40, 96, 70, 116]], dtype=np.float32)
    score = np.zeros((3, 6), dtype=np.float32)
    score[:, 0] = (0.85, 0.8, 0.82)
    assert len(merge_boxes(box, score, nms_iou=0.6, image_size=SIZE, floor=0.35).confidence) == 3


@pytest.mark.parametrize("seed", range(20))
def test_suppression_keeps_what_opencv_keeps(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 250))
    corner, size = rng.uniform(0, 300, (count, 2)), rng.uniform(10, 90, (count, 2))
    box = np.concatenate([corner, corner + size], axis=1).astype(np.float32)
    score = rng.uniform(0.05, 0.95, (count, 6)).astype(np.float32)
    merged = merge_boxes(box, score, nms_iou=0.45, image_size=(1000, 1000))
    group = GROUPS[score.argmax(axis=1)]
    sides = np.concatenate([corner, size], axis=1)
    kept = cv2.dnn.NMSBoxesBatched(sides.tolist(), score.max(axis=1).tolist(), group.tolist(), 0.0, 0.45)
    wheels = {tuple(row) for row, i in zip(box[kept].tolist(), kept, strict=True) if group[i] != 2}
    found = {tuple(row) for row in merged.box_px.tolist()}
    everything = {tuple(row) for row in box[kept].tolist()}
    assert wheels <= found <= everything, "persons may be riders"
