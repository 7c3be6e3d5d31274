"""Average precision, against cases counted by hand by the rules of pycocotools."""

from __future__ import annotations

import numpy as np
import pytest

from models.train.precision import IGNORED, RIGHT, WRONG, Precision, iou_table, match

CAR = [0.0, 0.0, 10.0, 10.0]
FAR = [100.0, 100.0, 110.0, 110.0]


def boxes(*corners: list[float]) -> np.ndarray:
    return np.array(corners, dtype=float).reshape(-1, 4)


def value(found: list[tuple[list[float], float]], truth: list[list[float]], counts: list[bool]) -> float:
    table = Precision()
    table.add(
        boxes(*[box for box, _ in found]),
        np.array([confidence for _, confidence in found]),
        boxes(*truth),
        np.array(counts, dtype=bool),
    )
    return table.value()


@pytest.mark.parametrize(
    ("found", "truth", "counts", "wanted"),
    [
        pytest.param([(CAR, 0.9)], [CAR], [True], 1.0, id="one right box"),
        pytest.param([(FAR, 0.9)], [CAR], [True], 0.0, id="one wrong box"),
        pytest.param([], [CAR], [True], 0.0, id="nothing found"),
        # Precision is 1/2 at every recall: the wrong box comes first.
        pytest.param([(FAR, 0.9), (CAR, 0.8)], [CAR], [True], 0.5, id="wrong before right"),
        # Recall stays 1 at precision 1: what comes after the last road user costs nothing.
        pytest.param([(CAR, 0.9), (FAR, 0.8)], [CAR], [True], 1.0, id="wrong after right"),
        # Recall points 0.00 to 0.50 are reached with precision 1, the other 50 never: 51 of 101.
        pytest.param([(CAR, 0.9)], [CAR, FAR], [True, True], 51 / 101, id="half found"),
        # A second box on the same road user is wrong and comes before the second road user.
        pytest.param(
            [(CAR, 0.9), (CAR, 0.8), (FAR, 0.7)],
            [CAR, FAR],
            [True, True],
            (51 + 50 * 2 / 3) / 101,
            id="two boxes on one",
        ),
        pytest.param([(FAR, 0.9), (CAR, 0.8)], [CAR, FAR], [True, False], 1.0, id="box on an ignored one"),
        # The ignored one is used up by the first box, as in pycocotools for road users that are no crowd.
        pytest.param(
            [(FAR, 0.9), (FAR, 0.85), (CAR, 0.8)], [CAR, FAR], [True, False], 0.5, id="two on an ignored one"
        ),
    ],
)
def test_value_by_hand(
    found: list[tuple[list[float], float]], truth: list[list[float]], counts: list[bool], wanted: float
) -> None:
    assert value(found, truth, counts) == pytest.approx(wanted, abs=1e-12)


def test_boxes_of_all_pictures_are_ranked_together() -> None:
    table = Precision()
    table.add(boxes(FAR), np.array([0.95]), boxes(CAR), np.array([True]))
    table.add(boxes(CAR), np.array([0.90]), boxes(CAR), np.array([True]))
    # One wrong box leads, then one of two is found: precision 1/2 up to recall 1/2.
    assert table.value() == pytest.approx(0.5 * 51 / 101)
    assert table.counted == 2


def test_a_road_user_that_counts_is_preferred_to_a_better_overlap() -> None:
    overlap = np.array([[0.6, 0.9], [0.6, 0.9], [0.6, 0.9]])
    assert match(overlap, np.array([True, False]), 0.5).tolist() == [RIGHT, IGNORED, WRONG]


def test_overlap_of_exactly_half_is_enough() -> None:
    overlap = iou_table(boxes(CAR), boxes([0.0, 0.0, 10.0, 5.0]))
    assert overlap[0, 0] == pytest.approx(0.5)
    assert match(overlap, np.array([True]), 0.5).tolist() == [RIGHT]


def test_only_the_hundred_most_confident_boxes_of_a_picture_are_judged() -> None:
    many = [(FAR, 0.9)] * 100 + [(CAR, 0.1)]
    assert value(many, [CAR], [True]) == 0.0


def test_no_road_user_that_counts_gives_no_value() -> None:
    assert np.isnan(value([(CAR, 0.9)], [CAR], [False]))


def reference(pictures: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]) -> float:
    """The steps of `COCOeval.evaluateImg` and `accumulate` one by one, for one overlap and one class."""
    scores, hits, ignored, count = [], [], [], 0
    for found, confidence, truth, counts in pictures:
        order = np.argsort(-confidence, kind="mergesort")[:100]
        by_ignore = np.argsort(~counts, kind="mergesort")
        taken: set[int] = set()
        count += int(counts.sum())
        for d in order:
            best, mine = min(0.5, 1 - 1e-10), -1
            for g in by_ignore:
                if g in taken:
                    continue
                if mine > -1 and counts[mine] and not counts[g]:
                    break
                overlap = iou_table(found[d : d + 1], truth[g : g + 1])[0, 0]
                if overlap >= best:
                    best, mine = overlap, int(g)
            if mine > -1:
                taken.add(mine)
            scores.append(confidence[d])
            hits.append(mine > -1)
            ignored.append(mine > -1 and not counts[mine])
    ranked = np.argsort(-np.array(scores), kind="mergesort")
    use = [i for i in ranked if not ignored[i]]
    right = np.cumsum([hits[i] for i in use])
    recall, precision = right / count, (right / np.arange(1, len(use) + 1)).tolist()
    for i in range(len(precision) - 1, 0, -1):
        precision[i - 1] = max(precision[i - 1], precision[i])
    at = np.searchsorted(recall, np.linspace(0, 1, 101), side="left")
    return float(np.mean([precision[i] if i < len(precision) else 0.0 for i in at]))


def test_random_pictures_agree_with_the_steps_of_the_reference() -> None:
    generator = np.random.default_rng(7)
    for _ in range(20):
        table, pictures = Precision(), []
        for _ in range(6):
            corner = generator.uniform(0, 60, (int(generator.integers(1, 12)), 2))
            truth = np.concatenate([corner, corner + generator.uniform(8, 20, corner.shape)], axis=1)
            found = np.repeat(truth, 2, axis=0) + generator.normal(0, 2.0, (2 * len(truth), 4))
            counts = np.append(generator.random(len(truth) - 1) < 0.7, True)
            pictures.append((found, generator.random(len(found)), truth, counts))
            table.add(*pictures[-1])
        assert table.value() == pytest.approx(reference(pictures), abs=1e-12)
