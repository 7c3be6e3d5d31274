"""Compiles or loads every kernel before the first picture, and forbids compiling afterwards."""

from __future__ import annotations

import time

import numpy as np

from edge.core.kinds import CLASS_COUNT
from edge.perception.candidates import (
    Candidates,
    cell_boxes,
    distribution_boxes,
    listed_rows,
    middle_boxes,
    strong_rows,
)
from edge.perception.classes import ClassMap
from edge.perception.compiled import forbid_compiling
from edge.perception.footprint import misfits, place_all
from edge.perception.ground import GroundProjection
from edge.perception.image_track import ImageTracker, step
from edge.perception.letterbox import Letterbox
from edge.perception.model_card import ModelCard
from edge.perception.motion import MotionGate, block_means, blocks_moved
from edge.perception.resample import fill_planes
from edge.perception.separation import separate, thin_out
from edge.perception.suppression import merge, merge_boxes

ENTRY_POINTS = (
    fill_planes,
    strong_rows,
    listed_rows,
    middle_boxes,
    cell_boxes,
    distribution_boxes,
    merge,
    step,
    place_all,
    misfits,
    thin_out,
    block_means,
    blocks_moved,
)
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
    Letterbox(ModelCard(), width=32, height=32).fill(np.zeros((8, 8, 3), np.uint8))
    _warm_decoding()
    gate = MotionGate()
    for at_ns in (1, 2):
        gate.rests(np.zeros((8, 8, 3), np.uint8), capture_ns=at_ns, live=0)
    for function in ENTRY_POINTS:
        forbid_compiling(function)
    return time.perf_counter() - began


def _warm_decoding() -> None:
    candidates, table = Candidates(ClassMap(("car",))), np.ones((1, 8), np.float32)
    chosen, _ = candidates.strong(table, 0.5)
    candidates.listed(np.zeros(1, np.int64), np.ones(1, np.float32), 0.5)
    middle_boxes(table, chosen)
    cell_boxes(table, chosen, np.zeros((1, 2), np.float32), np.ones((1, 1), np.float32))
    distribution_boxes(table, chosen, 1, 8, 0.0)
