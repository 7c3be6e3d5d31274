"""One camera's way from a frame to detections on the ground."""

from __future__ import annotations

from collections import Counter

import numpy as np

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

    def process(self, frame: Frame) -> Detections:
        """What the frame shows, with the frame's own stamps."""
        boxes = self.model.detect(frame.image)
        self.last_boxes = boxes
        size = (frame.image.shape[1], frame.image.shape[0])
        ids, votes = self._tracker.track(
            boxes.box_px, boxes.class_log_odds, boxes.confidence, capture_ns=frame.stamp.capture_ns
        )
        found = self.projection.project(boxes.box_px, votes, frame_size=size)
        log_odds, confidence = boxes.class_log_odds[found.index], boxes.confidence[found.index]
        kept = separate(found.position_m, confidence, log_odds)
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
            position_m=found.position_m[kept],
            covariance_m2=found.covariance_m2[kept],
            class_log_odds=log_odds[kept],
            confidence=confidence[kept],
            box_px=boxes.box_px[found.index][kept],
            size_m=found.size_m[kept],
            yaw_rad=found.yaw_rad[kept],
            velocity_mps=np.full((n, 2), np.nan),
            image_track=ids[found.index][kept],
            frame_size=size,
        )
