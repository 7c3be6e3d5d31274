"""What stands on an empty road is found without weights."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge.core.kinds import TYPICAL_SIZE_M, ObjectClass
from edge.perception.background import BackgroundModel
from edge.perception.ground import GroundProjection
from edge.ports import Boxes, Image
from tests.unit.perception.simple_camera import SimpleCamera

CAMERA = SimpleCamera(focal_px=450.0, size=(640, 360))
FPS = 1.0


class Street:
    """A noisy road on which cuboids of one colour can stand."""

    def __init__(self) -> None:
        self._noise = np.random.default_rng(5)
        self._grain = [self._noise.normal(0, 2, (360, 640, 3)) for _ in range(5)]
        self._shown = 0
        self._road = self._noise.normal(110, 12, (360, 640, 1)).repeat(3, axis=2)

    def picture(self, *boxes: np.ndarray, gain: float = 1.0, shade: np.ndarray | None = None) -> Image:
        image = self._road.copy()
        if shade is not None:
            x1, y1, x2, y2 = np.rint(shade).astype(int)
            image[y1:y2, x1:x2] *= 0.65
        for box in boxes:
            x1, y1, x2, y2 = np.rint(box).astype(int)
            image[y1:y2, x1:x2] = (40, 60, 220)
        self._shown += 1
        image = image * gain + self._grain[self._shown % len(self._grain)]
        return np.clip(image, 0, 255).astype(np.uint8)


def cuboid(kind: ObjectClass, forward: float, yaw: float = 0.6) -> np.ndarray:
    return CAMERA.box(CAMERA.ahead(forward, 0.0), TYPICAL_SIZE_M[kind], yaw)


@pytest.fixture
def street() -> Street:
    return Street()


@pytest.fixture
def model(street: Street) -> BackgroundModel:
    projection = GroundProjection.from_points(CAMERA.points(), image_size=CAMERA.size)
    model = BackgroundModel(projection, fps=FPS)
    while model.learning:
        assert len(model.detect(street.picture()).confidence) == 0
    return model


def overlap(boxes: Boxes, box: np.ndarray) -> float:
    found = boxes.box_px[0]
    low, high = np.maximum(found[:2], box[:2]), np.minimum(found[2:], box[2:])
    shared = float(np.prod(np.maximum(high - low, 0)))
    return shared / float(np.prod(found[2:] - found[:2]) + np.prod(box[2:] - box[:2]) - shared)


@pytest.mark.parametrize("kind", [ObjectClass.CAR, ObjectClass.BUS, ObjectClass.PEDESTRIAN])
def test_road_user_is_found_with_its_class_by_size(
    model: BackgroundModel, street: Street, kind: ObjectClass
) -> None:
    box = cuboid(kind, 22.0)
    found = model.detect(street.picture(box))
    assert len(found.confidence) == 1
    assert overlap(found, box) > 0.7
    assert found.class_log_odds[0].argmax() == kind


def test_empty_road_stays_empty(model: BackgroundModel, street: Street) -> None:
    assert all(len(model.detect(street.picture()).confidence) == 0 for _ in range(20))


def test_stopped_road_user_is_still_seen_after_two_minutes(model: BackgroundModel, street: Street) -> None:
    box = cuboid(ObjectClass.CAR, 22.0)
    for _ in range(int(120 * FPS)):
        found = model.detect(street.picture(box))
    assert overlap(found, box) > 0.6


def test_change_of_light_over_the_whole_picture_is_no_road_user(
    model: BackgroundModel, street: Street
) -> None:
    for gain in np.linspace(1.0, 0.75, 10):
        assert len(model.detect(street.picture(gain=float(gain))).confidence) == 0


def test_shadow_is_no_road_user(model: BackgroundModel, street: Street) -> None:
    assert len(model.detect(street.picture(shade=cuboid(ObjectClass.CAR, 22.0))).confidence) == 0


def test_camera_that_was_turned_learns_again(model: BackgroundModel, street: Street) -> None:
    other = cv2.applyColorMap(street.picture(), cv2.COLORMAP_JET)
    assert len(model.detect(np.asarray(other, dtype=np.uint8)).confidence) == 0
    assert model.learning


def test_what_stood_there_from_the_start_leaves_no_ghost() -> None:
    street, box = Street(), cuboid(ObjectClass.CAR, 22.0)
    projection = GroundProjection.from_points(CAMERA.points(), image_size=CAMERA.size)
    model = BackgroundModel(projection, fps=FPS)
    while model.learning:
        model.detect(street.picture(box))
    assert len(model.detect(street.picture(box)).confidence) == 0
    seen = [len(model.detect(street.picture()).confidence) for _ in range(8)]
    assert seen[-4:] == [0, 0, 0, 0]
    assert overlap(model.detect(street.picture(box)), box) > 0.6


def test_shaking_camera_sees_no_road_users(street: Street) -> None:
    model = BackgroundModel(None, fps=FPS)
    image = street.picture()
    cv2.rectangle(image, (100, 0), (180, 200), (30, 200, 240), cv2.FILLED)
    while model.learning:
        model.detect(image)
    for shift in (-2, -1, 1, 2):
        assert len(model.detect(np.roll(image, shift, axis=1)).confidence) == 0


def test_without_calibration_what_is_upright_is_a_pedestrian(street: Street) -> None:
    model = BackgroundModel(None, fps=FPS)
    while model.learning:
        model.detect(street.picture())
    found = model.detect(street.picture(np.array([100, 100, 130, 180]), np.array([300, 200, 420, 260])))
    kinds = found.class_log_odds.argmax(axis=1)
    assert sorted(kinds.tolist()) == [ObjectClass.CAR, ObjectClass.PEDESTRIAN]
