"""Compiles or loads every kernel before the first measurement, and forbids compiling afterwards."""

from __future__ import annotations

import time

import numpy as np

from edge.core.detections import Detections
from edge.core.kinds import CLASS_COUNT
from edge.core.stamp import Stamp, TimeSource
from edge.fusion.compiled import forbid_compiling
from edge.fusion.motion import predict
from edge.fusion.scan import check_rows
from edge.fusion.sensors import SensorModel
from edge.fusion.step import step
from edge.fusion.tracker import Tracker

ENTRY_POINTS = (step, predict, check_rows)
"""Kernels that Python calls; the others are compiled into them."""


def warm() -> float:
    """Run two small scans; returns the seconds that it took."""
    began = time.perf_counter()
    tracker = Tracker((SensorModel("warm", "camera"),))
    for frame in range(2):
        tracker.ingest(_one_detection(frame))
        tracker.advance(frame * 100_000_000 + 1)
    for function in ENTRY_POINTS:
        forbid_compiling(function)
    return time.perf_counter() - began


def _one_detection(frame: int) -> Detections:
    unknown = np.full((1, 3), np.nan)
    return Detections(
        sensor="warm",
        stamp=Stamp(frame * 100_000_000, TimeSource.SENSOR),
        arrival_ns=frame * 100_000_000,
        frame_id=frame,
        position_m=np.zeros((1, 2)),
        covariance_m2=np.eye(2)[None] * 0.25,
        class_log_odds=np.zeros((1, CLASS_COUNT)),
        confidence=np.ones(1),
        box_px=np.full((1, 4), np.nan, dtype=np.float32),
        size_m=unknown,
        yaw_rad=unknown[:, 0],
        velocity_mps=unknown[:, :2],
        image_track=np.full(1, -1),
    )
