"""Boxes of one camera keep their ids and vote on their class."""

from __future__ import annotations

import numpy as np
import pytest

from edge.core.kinds import ObjectClass
from edge.perception.image_track import CAPACITY, LOST_NS, ImageTracker

START_NS, PERIOD_NS = 1_700_000_000_000_000_000, 100_000_000
CAR, TRUCK, WALKER = ObjectClass.CAR, ObjectClass.TRUCK, ObjectClass.PEDESTRIAN


def odds(*kinds: ObjectClass) -> np.ndarray:
    out = np.full((len(kinds), 6), -2.0)
    for row, kind in zip(out, kinds, strict=True):
        row[kind] = 1.5
    return out


def boxes(*middles: tuple[float, float], width: float = 60.0, height: float = 40.0) -> np.ndarray:
    half = np.array([width / 2, height / 2])
    return np.array([[*(np.array(m) - half), *(np.array(m) + half)] for m in middles], dtype=np.float32)


def show(tracker: ImageTracker, k: int, box: np.ndarray, *kinds: ObjectClass) -> tuple[list[int], np.ndarray]:
    ids, votes = tracker.track(
        box, odds(*kinds), np.linspace(0.9, 0.5, len(box)), capture_ns=START_NS + k * PERIOD_NS
    )
    return ids.tolist(), votes


@pytest.mark.parametrize("speed_px", [3.0, 25.0, 45.0], ids=["slow", "half a box", "no overlap at first"])
def test_box_that_moves_steadily_keeps_its_id(speed_px: float) -> None:
    tracker = ImageTracker()
    ids = {show(tracker, k, boxes((100 + speed_px * k, 200)), CAR)[0][0] for k in range(20)}
    assert len(ids) == 1


def test_two_that_cross_keep_their_ids() -> None:
    tracker = ImageTracker()
    places = [boxes((100 + 12 * k, 200), (580 - 12 * k, 212)) for k in range(40)]
    shown = [show(tracker, k, box, CAR, CAR)[0] for k, box in enumerate(places)]
    assert shown[-1] == shown[0]


def test_id_outlives_a_second_out_of_sight() -> None:
    tracker = ImageTracker()
    first, _ = show(tracker, 0, boxes((100, 200)), CAR)
    for k in range(1, 6):
        show(tracker, k, boxes((100 + 10 * k, 200)), CAR)
    for k in range(6, 14):
        show(tracker, k, boxes())
    again, _ = show(tracker, 14, boxes((240, 200)), CAR)
    assert again == first
    late, _ = show(tracker, 14 + LOST_NS // PERIOD_NS + 2, boxes((240, 200)), CAR)
    assert late != first


def test_class_is_voted_on() -> None:
    tracker, votes = ImageTracker(), np.empty((1, 6))
    for k in range(12):
        ids, votes = show(tracker, k, boxes((100 + 5 * k, 200)), TRUCK if k % 4 == 3 else CAR)
    assert ids == [1]
    assert votes.argmax() == CAR
    for k in range(12, 40):
        _, votes = show(tracker, k, boxes((100 + 5 * k, 200)), TRUCK)
    assert votes.argmax() == TRUCK, "and can change its mind"


def test_walker_in_front_of_a_car_is_another() -> None:
    tracker = ImageTracker()
    show(tracker, 0, boxes((100, 200)), CAR)
    ids, _ = show(
        tracker, 1, np.concatenate([boxes((100, 200)), boxes((100, 200), width=58, height=40)]), CAR, WALKER
    )
    assert ids == [1, 2]


def test_ids_are_never_used_twice() -> None:
    tracker, rng = ImageTracker(), np.random.default_rng(3)
    seen: dict[int, int] = {}
    for k in range(300):
        places = rng.uniform(50, 1200, (6, 2))
        ids, _ = show(tracker, k, boxes(*map(tuple, places)), *[CAR] * 6)
        assert len(set(ids)) == 6
        for number in ids:
            assert number not in seen or k - seen[number] <= LOST_NS // PERIOD_NS
            seen[number] = k


def test_more_boxes_than_tracks_leave_the_least_sure_without_id() -> None:
    tracker = ImageTracker()
    many = boxes(*[(70.0 * (k % 40), 50.0 * (k // 40)) for k in range(CAPACITY + 5)])
    ids, votes = show(tracker, 0, many, *[CAR] * len(many))
    assert ids[-5:] == [-1] * 5
    assert len(set(ids[:-5])) == CAPACITY
    assert tracker.count == CAPACITY
    assert np.isfinite(votes).all()


def test_time_that_goes_back_begins_anew() -> None:
    tracker = ImageTracker()
    show(tracker, 5, boxes((100, 200)), CAR)
    ids, _ = show(tracker, 2, boxes((100, 200)), CAR)
    assert ids == [2]
