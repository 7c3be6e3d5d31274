"""A frame comes out as detections on the ground, with its own times."""

from __future__ import annotations

import numpy as np

from edge.core.kinds import CLASS_COUNT, TYPICAL_SIZE_M, ObjectClass
from edge.core.stamp import Stamp, TimeSource
from edge.perception.draw import draw_detections
from edge.perception.ground import GroundProjection
from edge.perception.pipeline import CameraPipeline
from edge.ports import Boxes, Frame, Image
from tests.unit.perception.simple_camera import SimpleCamera

CAMERA = SimpleCamera()
NOWHERE = np.array([600.0, -60.0, 640.0, -40.0])


class KnownBoxes:
    """A detector that finds what it was given."""

    name = "known"

    def __init__(self, boxes: np.ndarray, kinds: list[ObjectClass]) -> None:
        log_odds = np.full((len(kinds), CLASS_COUNT), -5.0)
        log_odds[np.arange(len(kinds)), kinds] = 5.0
        self._boxes = Boxes(boxes.astype(np.float32), np.linspace(0.9, 0.5, len(kinds)), log_odds)

    def detect(self, image: Image) -> Boxes:
        return self._boxes


def frame(width: int = 1280, height: int = 720) -> Frame:
    stamp = Stamp(1_000, TimeSource.RTCP, 20)
    return Frame(np.zeros((height, width, 3), np.uint8), stamp, 1_050, 7)


def test_detections_carry_the_frames_times_and_only_what_is_on_the_ground() -> None:
    centre = CAMERA.ahead(20.0, 1.0)
    boxes = np.stack([NOWHERE, CAMERA.box(centre, TYPICAL_SIZE_M[ObjectClass.CAR], 0.2)])
    projection = GroundProjection.from_points(CAMERA.points(), image_size=CAMERA.size)
    pipeline = CameraPipeline("north", KnownBoxes(boxes, [ObjectClass.BUS, ObjectClass.CAR]), projection)
    found = pipeline.process(frame())
    assert (found.sensor, found.stamp.capture_ns, found.arrival_ns, found.frame_id) == (
        "north",
        1_000,
        1_050,
        7,
    )
    assert len(found) == 1
    assert np.linalg.norm(found.position_m[0] - centre) < 0.8
    assert found.class_log_odds[0].argmax() == ObjectClass.CAR
    assert found.confidence.tolist() == [0.5]
    np.testing.assert_allclose(found.box_px[0], boxes[1], rtol=1e-5)
    assert found.image_track.tolist() == [2]
    assert np.isnan(found.yaw_rad).all()
    assert pipeline.counters == {
        "frames": 1,
        "boxes": 2,
        "detections": 1,
        "in_each_other": 0,
        "above_horizon": 1,
        "out_of_range": 0,
    }


def test_smaller_stream_than_the_calibration_gives_the_same_place() -> None:
    centre = CAMERA.ahead(20.0, 1.0)
    box = CAMERA.box(centre, TYPICAL_SIZE_M[ObjectClass.CAR], 0.2)[None]
    projection = GroundProjection.from_points(CAMERA.points(), image_size=CAMERA.size)
    small = CameraPipeline("north", KnownBoxes(box / 2, [ObjectClass.CAR]), projection).process(
        frame(640, 360)
    )
    assert np.linalg.norm(small.position_m[0] - centre) < 0.8


def test_empty_frame_gives_empty_detections() -> None:
    projection = GroundProjection.from_points(CAMERA.points(), image_size=CAMERA.size)
    found = CameraPipeline("north", KnownBoxes(np.empty((0, 4)), []), projection).process(frame())
    assert len(found) == 0


def test_drawing_marks_a_copy() -> None:
    box = CAMERA.box(CAMERA.ahead(20.0, 1.0), TYPICAL_SIZE_M[ObjectClass.CAR], 0.2)[None]
    projection = GroundProjection.from_points(CAMERA.points(), image_size=CAMERA.size)
    shown = frame()
    found = CameraPipeline("north", KnownBoxes(box, [ObjectClass.CAR]), projection).process(shown)
    drawn = draw_detections(shown.image, found)
    assert not shown.image.any()
    x, y = round(float(box[0, 0])), round(float((box[0, 1] + box[0, 3]) / 2))
    assert drawn[y, x].any()
