"""Labels of a teacher: what stays counts, with the class that it was mostly given."""

from __future__ import annotations

import itertools

import numpy as np

from edge.adaptation.examples import Example, Examples, changed
from edge.adaptation.labels import Shrink, consistent, split, watch
from edge.adaptation.matching import Labels
from edge.adaptation.variety import varied
from edge.perception.suppression import log_odds, no_boxes
from edge.ports import Boxes, Image

CAR, TRUCK, PERSON = 0, 1, 5
GREY = np.full((144, 240, 3), 90, np.uint8)


class Teacher:
    """Answers what it was given, picture by picture."""

    name = "teacher"

    def __init__(self, *answers: list[tuple[float, float, float, int]]) -> None:
        self._answers = iter(answers)

    def detect(self, image: Image) -> Boxes:
        rows = next(self._answers)
        if not rows:
            return no_boxes()
        score = np.zeros((len(rows), 6), np.float32)
        for k, row in enumerate(rows):
            score[k, row[3]] = row[2]
        boxes = np.array([[x, y, x + 40, y + 30] for x, y, _, _ in rows], np.float32)
        odds = np.empty((len(rows), 6))
        for k in range(len(rows)):
            log_odds(score[k], odds[k])
        return Boxes(boxes, score.max(axis=1).astype(np.float64), odds)


def labels_of(
    *answers: list[tuple[float, float, float, int]], size: tuple[int, int] = (240, 144)
) -> list[Labels]:
    pictures = [(0.2 * k, GREY) for k in range(len(answers))]
    shrink = Shrink(width=size[0], height=size[1], stretch=False)
    return consistent(watch("clip", pictures, teacher=Teacher(*answers), shrink=shrink), confidence=0.4)


def test_road_user_that_stays_counts_with_the_class_of_most_boxes() -> None:
    kinds = [CAR, TRUCK, CAR, CAR]
    found = labels_of(*([(10.0 + 8 * k, 20.0, 0.8, kind)] for k, kind in enumerate(kinds)))
    assert [label.sure.tolist() for label in found] == [[True]] * 4
    assert [label.kind.tolist() for label in found] == [[CAR]] * 4
    assert all(label.moving.all() for label in found)


def test_box_that_does_not_stay_is_uncertain() -> None:
    found = labels_of([(10, 20, 0.9, CAR)], [(12, 20, 0.9, CAR)], [], [])
    assert [label.sure.tolist() for label in found] == [[False], [False], [], []]


def test_box_that_was_never_sure_is_uncertain() -> None:
    assert not any(label.sure.any() for label in labels_of(*([[(10, 20, 0.3, CAR)]] * 5)))


def test_low_boxes_carry_a_sure_track_on_and_gaps_are_uncertain() -> None:
    found = labels_of(
        [(10, 20, 0.9, CAR)], [(10, 20, 0.3, CAR)], [], [(20, 20, 0.3, CAR)], [(22, 20, 0.9, CAR)]
    )
    assert [label.sure.tolist() for label in found] == [[True], [True], [False], [True], [True]]
    np.testing.assert_allclose(found[2].box_px, [[15, 20, 55, 50]])
    assert not found[0].moving.any()


def test_labels_are_in_pixels_of_the_small_picture_and_low_ones_are_uncertain() -> None:
    found = labels_of(*([[(40, 20, 0.9, CAR)]] * 4), size=(120, 100))
    np.testing.assert_allclose(found[0].box_px, [[20, 10, 40, 25]])
    assert found[0].sure.all()
    assert not labels_of(*([[(40, 20, 0.9, CAR)]] * 4), size=(48, 48))[0].sure.any()


def test_held_out_part_is_the_later_one_after_a_gap() -> None:
    second = [0.2 * k for k in range(301)]
    learnt, held = split(second)
    assert set(learnt).isdisjoint(held)
    assert second[held[0]] - second[learnt[-1]] >= 5.0
    assert len(held) >= 85
    assert learnt[0] == 0
    assert held[-1] == 300
    assert split([]) == ([], [])


def test_varied_pictures_are_chosen() -> None:
    nothing = Labels(np.empty((0, 4)), np.empty(0, np.int64), np.empty(0, bool), np.empty(0, bool))
    images = [np.full((28, 48, 3), value, np.uint8) for value in (10, 11, 12, 200, 201, 100)]
    assert varied(images, [nothing] * 6, most=3) == [0, 4, 5]
    assert varied(images, [nothing] * 6, most=9) == list(range(6))


def test_change_of_view_moves_picture_and_boxes_alike() -> None:
    image = np.zeros((96, 160, 3), np.uint8)
    box = np.array([[60, 30, 90, 60]], np.float32)
    image[30:60, 60:90] = 255
    for seed in range(20):
        picture, boxes, inside = changed(image, box, np.random.default_rng(seed))
        bright = np.argwhere(picture[..., 0] > 180)
        if not inside[0] or not len(bright):
            continue
        seen = np.array(
            [bright[:, 1].min(), bright[:, 0].min(), bright[:, 1].max() + 1, bright[:, 0].max() + 1]
        )
        np.testing.assert_allclose(boxes[0], seen, atol=1.5)


def test_batch_holds_the_asked_share_of_rendered_pictures() -> None:
    site, rendered = (
        Example(
            np.full((8, 8, 3), value, np.uint8),
            np.array([[1, 1, 6, 6]], np.float32),
            np.array([0]),
            np.array([1]),
        )
        for value in (0, 255)
    )
    examples = Examples([site], [rendered], share=0.25, size=8, seed=1)
    batches = list(itertools.islice(iter(examples.draw, None), 40))
    share = np.mean([(batch.pictures.mean(axis=(1, 2, 3)) > 128).mean() for batch in batches])
    assert 0.18 < share < 0.32
    assert batches[0].box_px.shape == (8, 1, 4)
    assert set(np.unique(batches[0].use)) <= {-1, 0, 1}
