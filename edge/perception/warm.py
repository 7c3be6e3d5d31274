"""Compiles or loads every kernel before the first picture, and forbids compiling afterwards."""

from __future__ import annotations

import time

import numpy as np

from edge.core.kinds import CLASS_COUNT
from edge.perception.compiled import forbid_compiling
from edge.perception.footprint import misfits, place_boxes
from edge.perception.ground import GroundProjection
from edge.perception.image_track import ImageTracker, step
from edge.perception.separation import separate, thin_out
from edge.perception.suppression import merge_boxes, prepare, suppress

ENTRY_POINTS = (place_boxes, misfits, step, prepare, suppress, thin_out)
"""Kernels that Python calls; the others are compiled into them."""
# A camera 6 m above a square of road.
_POINTS = np.array([
    [100.0, 700.0, -10.0, 10.0],
    [1180.0, 700.0, 10.0, 10.0],
    [440.0, 320.0, -10.0, 40.0],
    [840.0, 320.0, 10.0, 40.0],
])  # fmt: skip


def warm() -> float:
    """Use every kernel once; returns the seconds that it took."""
    began = time.perf_counter()
    projection = GroundProjection.from_points(_POINTS, image_size=(1280, 720))
    box = np.array([[600.0, 400.0, 680.0, 450.0]])
    projection.project(box, np.zeros((1, CLASS_COUNT)))
    projection.size_misfit(box)
    ImageTracker().track(box.astype(np.float32), np.zeros((1, CLASS_COUNT)), np.ones(1), capture_ns=1)
    merge_boxes(
        box.astype(np.float32), np.ones((1, CLASS_COUNT), np.float32), nms_iou=0.5, image_size=(1280, 720)
    )
    separate(np.zeros((2, 2)), np.ones(2), np.zeros((2, CLASS_COUNT)))
    for function in ENTRY_POINTS:
        forbid_compiling(function)
    return time.perf_counter() - began
