"""What a neighbouring station perceives (SDSM, CPM, SSM), as a scan of tracks."""

from __future__ import annotations

import math

import numpy as np

from edge.core.kinds import ObjectClass
from edge.core.perceived import PerceivedObject, PerceivedObjects
from edge.fusion.recorded import RecordedScan
from edge.fusion.scan import SEEN_CLASS_LIMIT, ellipse_terms, velocity_terms
from edge.fusion.table import (
    M_CLASSES,
    M_COLUMNS,
    M_CONFIDENCE,
    M_HEIGHT,
    M_LENGTH,
    M_SHARES,
    M_VX,
    M_VXX,
    M_VXY,
    M_VY,
    M_VYY,
    M_WIDTH,
    M_X,
    M_XX,
    M_XY,
    M_Y,
    M_YAW,
    M_YY,
)

LEAST_AXIS_M = 0.1
SPEED_SIGMA_MPS, YAW_SIGMA_RAD = 0.5, math.radians(6.0)
"""Taken where the sender states none."""


def neighbours_of(link: str) -> str:
    """Name of the sensor that stands for what a link's neighbours perceive."""
    return f"{link}.neighbours"


def shared_scan(perceived: PerceivedObjects, *, link: str, arrival_ns: int) -> RecordedScan:
    """The objects of one message at its reference time, each moved on by its own velocity."""
    rows = np.full((len(perceived.objects), M_COLUMNS), np.nan)
    for row, found in zip(rows, perceived.objects, strict=True):
        _fill(row, found, (perceived.stamp_ns - found.measured_ns) * 1e-9)
    ids = tuple(f"{perceived.station}/{found.object_id}" for found in perceived.objects)
    return RecordedScan(neighbours_of(link), "tracks", perceived.stamp_ns, arrival_ns, rows, ids)


def _fill(row: np.ndarray, found: PerceivedObject, seconds: float) -> None:
    row[M_X], row[M_Y] = found.x_m, found.y_m
    if found.ellipse_m is not None:
        axes = (max(found.ellipse_m[0], LEAST_AXIS_M), max(found.ellipse_m[1], LEAST_AXIS_M))
        row[M_XX], row[M_XY], row[M_YY] = ellipse_terms(axes, found.ellipse_yaw_rad)
    if found.speed_mps is not None and found.yaw_rad is not None:
        vx, vy = found.speed_mps * math.cos(found.yaw_rad), found.speed_mps * math.sin(found.yaw_rad)
        row[M_VX], row[M_VY] = vx, vy
        row[M_X] += vx * seconds
        row[M_Y] += vy * seconds
        along, turn = found.speed_sigma_mps or SPEED_SIGMA_MPS, found.yaw_sigma_rad or YAW_SIGMA_RAD
        spread = velocity_terms(along, abs(found.speed_mps) * turn, found.yaw_rad)
        row[M_VXX], row[M_VXY], row[M_VYY] = spread
    row[M_YAW] = math.nan if found.yaw_rad is None else found.yaw_rad
    for column, size_m in ((M_LENGTH, found.length_m), (M_WIDTH, found.width_m), (M_HEIGHT, found.height_m)):
        row[column] = math.nan if size_m is None else size_m
    row[M_CONFIDENCE] = 1.0 if found.existence is None else min(1.0, max(0.0, found.existence))
    row[M_CLASSES:M_SHARES] = 0.0
    if found.object_class is not ObjectClass.UNKNOWN:
        row[M_CLASSES:M_SHARES] = -0.5 * SEEN_CLASS_LIMIT
        row[M_CLASSES + int(found.object_class)] = SEEN_CLASS_LIMIT
