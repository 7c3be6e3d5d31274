"""One camera's way from a frame to detections on the ground."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.core.detections import Detections
from edge.perception.ground import GroundProjection
from edge.perception.image_track import ImageTracker
from edge.perception.separation import separate
from edge.ports import Boxes, Frame, Model


class CameraPipeline:
    """Runs the detector on a frame and places what it finds on the ground.

    Args:
        name: of the camera in the site configuration.
        model: the detector.
        projection: calibration of the camera.
    """

    def __init__(self, name: str, model: Model, projection: GroundProjection) -> None:
        self.name = name
        self.model = model
        self.projection = projection
        self.counters: Counter[str] = Counter(
            {
                "frames": 0,
                "boxes": 0,
                "detections": 0,
                "in_each_other": 0,
                "above_horizon": 0,
                "out_of_range": 0,
            }
        )
        self.last_boxes: Boxes | None = None
        self._tracker = ImageTracker()

    @property
    def live_tracks(self) -> int:
        """Image tracks that are alive, seen or not in the last picture."""
        return self._tracker.count

    def process(self, frame: Frame) -> Detections:
        """What the frame shows, with the frame's own stamps."""
        boxes = self.model.detect(frame.image)
        self.last_boxes = boxes
        size = (frame.image.shape[1], frame.image.shape[0])
        ids, votes = self._tracker.track(
            boxes.box_px, boxes.class_log_odds, boxes.confidence, capture_ns=frame.stamp.capture_ns
        )
        found = self.projection.project(boxes.box_px, votes, frame_size=size)
        # Mostly everything is on the ground and apart: then nothing is copied.
        on_ground = None if len(found.index) == len(ids) else found.index
        log_odds, confidence = _rows(boxes.class_log_odds, on_ground), _rows(boxes.confidence, on_ground)
        kept = separate(found.position_m, confidence, log_odds)
        apart = None if kept.all() else kept
        n = int(kept.sum())
        self.counters["frames"] += 1
        self.counters["boxes"] += len(boxes.confidence)
        self.counters["detections"] += n
        self.counters["in_each_other"] += len(kept) - n
        self.counters["above_horizon"] += found.above_horizon
        self.counters["out_of_range"] += found.out_of_range
        return Detections(
            sensor=self.name,
            stamp=frame.stamp,
            arrival_ns=frame.arrival_ns,
            frame_id=frame.frame_id,
            position_m=_rows(found.position_m, apart),
            covariance_m2=_rows(found.covariance_m2, apart),
            class_log_odds=_rows(log_odds, apart),
            confidence=_rows(confidence, apart),
            box_px=_rows(_rows(boxes.box_px, on_ground), apart),
            size_m=_rows(found.size_m, apart),
            yaw_rad=_rows(found.yaw_rad, apart),
            velocity_mps=np.full((n, 2), np.nan),
            image_track=_rows(_rows(ids, on_ground), apart),
            frame_size=size,
        )


def _rows(array: NDArray[Any], which: NDArray[Any] | None) -> NDArray[Any]:
    """Some rows of an array; None: the array itself."""
    return array if which is None else array[which]
