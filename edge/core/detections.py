"""What one sensor saw at one instant, on the ground plane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.core.kinds import CLASS_COUNT
from edge.core.stamp import Stamp

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Detections:
    """n detections of one frame (camera) or one scan (radar, lidar list), struct of arrays.

    Attributes:
        sensor: name of the sensor in the site configuration.
        stamp: capture time.
        arrival_ns: UTC ns at which the node had the raw frame.
        frame_id: counter of the sensor's frames; with the row it names a detection.
        position_m: (n, 2) float64, ENU metres, centre of the road user on the ground.
        covariance_m2: (n, 2, 2) float64.
        class_log_odds: (n, 6) float64, natural log odds per `ObjectClass` column.
        confidence: (n,) float64 in 0..1.
        box_px: (n, 4) float32, x1 y1 x2 y2 in the frame's pixels; NaN where there is no image.
        size_m: (n, 3) float64 length width height; NaN unknown.
        yaw_rad: (n,) float64; NaN unknown.
        velocity_mps: (n, 2) float64; NaN unknown.
        image_track: (n,) int64 track id within the sensor; -1 none.
        frame_size: width and height of the frame in pixels; None where there is no image.
        sight: 0..1 by which dirt, glare, darkness and the like lower the sensor's usual detection probability in this
            scan; 1: it sees as it usually does, 0: it was no look at all.
    """

    sensor: str
    stamp: Stamp
    arrival_ns: int
    frame_id: int
    position_m: FloatArray
    covariance_m2: FloatArray
    class_log_odds: FloatArray
    confidence: FloatArray
    box_px: NDArray[np.float32]
    size_m: FloatArray
    yaw_rad: FloatArray
    velocity_mps: FloatArray
    image_track: NDArray[np.int64]
    frame_size: tuple[int, int] | None = None
    sight: float = 1.0

    def __post_init__(self) -> None:
        n = len(self.position_m)
        shapes = {
            "position_m": (n, 2),
            "covariance_m2": (n, 2, 2),
            "class_log_odds": (n, CLASS_COUNT),
            "confidence": (n,),
            "box_px": (n, 4),
            "size_m": (n, 3),
            "yaw_rad": (n,),
            "velocity_mps": (n, 2),
            "image_track": (n,),
        }
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"Detections.{name}: shape {getattr(self, name).shape}, expected {shape}")
        if not 0.0 <= self.sight <= 1.0:
            raise ValueError(f"Detections.sight: {self.sight} is not within 0..1")

    def __len__(self) -> int:
        return len(self.position_m)


def no_detections(sensor: str, *, stamp: Stamp, arrival_ns: int, frame_id: int) -> Detections:
    """A look at nothing."""
    return Detections(
        sensor=sensor,
        stamp=stamp,
        arrival_ns=arrival_ns,
        frame_id=frame_id,
        position_m=np.empty((0, 2)),
        covariance_m2=np.empty((0, 2, 2)),
        class_log_odds=np.empty((0, CLASS_COUNT)),
        confidence=np.empty(0),
        box_px=np.empty((0, 4), dtype=np.float32),
        size_m=np.empty((0, 3)),
        yaw_rad=np.empty(0),
        velocity_mps=np.empty((0, 2)),
        image_track=np.empty(0, dtype=np.int64),
    )
