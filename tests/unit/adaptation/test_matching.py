"""Which boxes are the same, and the figures that follow."""

from __future__ import annotations

import numpy as np
import pytest

from edge.adaptation.matching import Agreement, Found, Labels, Score, average_precision

CAR, PERSON = 0, 5


def found(*rows: tuple[float, float, float, int]) -> Found:
    """Boxes 20 px wide at x, y with confidence and class."""
    table = np.array([row[:3] for row in rows], dtype=float).reshape(-1, 3)
    boxes = np.column_stack([table[:, :2], table[:, :2] + 20.0])
    return Found(boxes, table[:, 2], np.array([row[3] for row in rows], dtype=np.int64))


def labels(*rows: tuple[float, float, int, bool]) -> Labels:
    boxes = found(*((x, y, 1.0, kind) for x, y, kind, _ in rows))
    sure = np.array([row[3] for row in rows], dtype=bool)
    return Labels(boxes.box_px, boxes.kind, sure, sure)


@pytest.mark.parametrize(
    ("second", "share"),
    [
        (found((0, 0, 0.9, CAR), (50, 0, 0.8, CAR)), 1.0),
        (found((3, 0, 0.9, CAR), (50, 2, 0.8, CAR)), 1.0),
        (found((0, 0, 0.9, CAR)), 0.5),
        (found((0, 0, 0.9, CAR), (50, 0, 0.8, PERSON)), 0.5),
        (found((0, 0, 0.9, CAR), (50, 0, 0.8, CAR), (90, 0, 0.7, CAR), (90, 50, 0.7, CAR)), 0.5),
        (found((0, 0, 0.9, CAR), (2, 0, 0.8, CAR)), 0.5),
        (found(), 0.0),
    ],
    ids=["same", "moved a little", "lost", "other class", "new boxes", "two for one", "nothing"],
)
def test_agreement_counts_lost_and_new_boxes(second: Found, share: float) -> None:
    agreement = Agreement()
    agreement.add(found((0, 0, 0.9, CAR), (50, 0, 0.8, CAR)), second)
    assert agreement.share == share


def test_average_precision_is_that_of_coco() -> None:
    # Right, wrong, right of two: precision 1 up to recall 0.5, then 2/3; 51 of 101 recalls lie up to 0.5.
    value = average_precision(np.array([0.9, 0.8, 0.7]), np.array([True, False, True]), 2)
    assert value == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert average_precision(np.array([]), np.array([], dtype=bool), 2) == 0.0


def test_score_leaves_out_what_is_not_sure() -> None:
    score = Score(confidence=0.5)
    truth = labels((0, 0, CAR, True), (50, 0, PERSON, True), (90, 0, CAR, False))
    score.add(found((0, 0, 0.9, CAR), (50, 0, 0.3, PERSON), (92, 0, 0.9, PERSON), (150, 0, 0.8, CAR)), truth)
    figures = score.figures()
    assert (figures["car"].labels, figures["car"].recall, figures["car"].precision) == (1, 1.0, 0.5)
    assert (figures["pedestrian"].recall, figures["pedestrian"].ap50) == (0.0, pytest.approx(1.0))
    assert figures["all"].labels == 2
    assert figures["all"].precision == 0.5
