"""Turns detections and V2X reports into scans that the kernels take, and drops rows that cannot be true."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.core.detections import Detections
from edge.core.kinds import CLASS_COUNT, ObjectClass
from edge.core.v2x import V2xReport
from edge.fusion.compiled import kernel
from edge.fusion.table import (
    M_CLASSES,
    M_COLUMNS,
    M_CONFIDENCE,
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
    MAX_ROWS,
)

FloatArray = NDArray[np.float64]
SITE_LIMIT_M = 3000.0
SPEED_LIMIT_MPS = 90.0
SIGMA_LIMIT_M = 30.0
SPEED_SIGMA_LIMIT_MPS = 50.0
SIZE_LIMIT_M = 40.0
SENSOR_VELOCITY_SIGMA_MPS = 1.0
SPOKEN_POSITION_SIGMA_M = 1.5
SPOKEN_SPEED_SIGMA_MPS = 0.3
SPOKEN_YAW_SIGMA_RAD = math.radians(4.0)
STILL_MPS, LEAST_ACROSS_MPS = 0.3, 0.2
SPOKEN_CLASS, SPOKEN_OTHER = 4.0, -2.0
MAX_LOG_ODDS = 8.0
SEEN_CLASS_LIMIT = 4.0

Order = tuple[int, int, int, str]


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """Measurements of one sensor at one capture time.

    Attributes:
        order: capture time, sensor column, frame id, temporary id: the order of replay, whatever the arrival.
        column: the sensor.
        key: keys of tracks that begin here start at it.
        measured: (m, M_COLUMNS) float64.
        speakers: (m,) int64 number of the temporary id; 0 none.
        sight: see `Detections.sight`.
    """

    order: Order
    column: int
    key: int
    measured: FloatArray
    speakers: NDArray[np.int64]
    sight: float = 1.0

    @property
    def time_ns(self) -> int:
        return self.order[0]


def detections_to_rows(detections: Detections, *, counters: Counter[str]) -> FloatArray:
    """(m, M_COLUMNS) good rows of a scan; the others are counted."""
    covariance = detections.covariance_m2
    rows = np.full((len(detections), M_COLUMNS), np.nan)
    rows[:, M_X : M_Y + 1] = detections.position_m
    rows[:, M_XX], rows[:, M_YY] = covariance[:, 0, 0], covariance[:, 1, 1]
    rows[:, M_XY] = 0.5 * (covariance[:, 0, 1] + covariance[:, 1, 0])
    rows[:, M_VX : M_VY + 1] = detections.velocity_mps
    rows[:, M_VXX] = rows[:, M_VYY] = SENSOR_VELOCITY_SIGMA_MPS**2
    rows[:, M_VXY] = 0.0
    rows[:, M_YAW] = detections.yaw_rad
    rows[:, M_LENGTH : M_LENGTH + 3] = detections.size_m
    rows[:, M_CONFIDENCE] = detections.confidence
    rows[:, M_CLASSES:M_SHARES] = class_evidence(detections.class_log_odds)
    rows, good = checked_rows(rows, counters=counters)
    return np.ascontiguousarray(rows[good])


def checked_rows(rows: FloatArray, *, counters: Counter[str]) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Rows complete for the kernels, and (m,) which of them can be true; the others are counted."""
    if len(rows) > MAX_ROWS:
        counters["rows_dropped"] += len(rows) - MAX_ROWS
        rows = rows[:MAX_ROWS]
    good = np.ones(len(rows), dtype=np.bool_)
    bad = check_rows(rows, good)
    if bad:
        counters["bad_rows"] += bad
    return rows, good


@kernel
def check_rows(rows: FloatArray, good: NDArray[np.bool_]) -> int:
    """Bound the classes and complete the rows; `good` takes which can be true. Returns how many can not.

    A velocity or a size that cannot be true becomes unknown.
    """
    bad = 0
    for j in range(len(rows)):
        row = rows[j]
        xx, yy, xy = row[M_XX], row[M_YY], row[M_XY]
        sized = 1e-6 < xx < SIGMA_LIMIT_M**2 and 1e-6 < yy < SIGMA_LIMIT_M**2 and xx * yy - xy * xy > 1e-12
        near = abs(row[M_X]) < SITE_LIMIT_M and abs(row[M_Y]) < SITE_LIMIT_M
        good[j] = sized and near and 0.0 <= row[M_CONFIDENCE] <= 1.0
        bad += 0 if good[j] else 1
        if not (
            abs(row[M_VX]) < SPEED_LIMIT_MPS and abs(row[M_VY]) < SPEED_LIMIT_MPS and spread_is_sound(row)
        ):
            row[M_VX] = row[M_VY] = np.nan
        for k in range(M_LENGTH, M_LENGTH + 3):
            if not 0.0 < row[k] < SIZE_LIMIT_M:
                row[k] = np.nan
        bound_classes(row)
    return bad


@kernel
def spread_is_sound(row: FloatArray) -> bool:
    """Whether the covariance of a velocity is positive definite and within bounds."""
    xx, yy, xy = row[M_VXX], row[M_VYY], row[M_VXY]
    most = SPEED_SIGMA_LIMIT_MPS**2
    return bool(1e-6 < xx < most and 1e-6 < yy < most and xx * yy - xy * xy > 1e-12)


@kernel
def bound_classes(row: FloatArray) -> None:
    """Class log odds within their bound, and as probabilities."""
    top, total = -MAX_LOG_ODDS, 0.0
    for c in range(M_CLASSES, M_SHARES):
        value = row[c] if row[c] == row[c] else 0.0
        row[c] = min(MAX_LOG_ODDS, max(-MAX_LOG_ODDS, value))
        top = max(top, row[c])
    for c in range(CLASS_COUNT):
        row[M_SHARES + c] = math.exp(row[M_CLASSES + c] - top)
        total += row[M_SHARES + c]
    for c in range(CLASS_COUNT):
        row[M_SHARES + c] /= total


def class_evidence(log_odds: FloatArray) -> FloatArray:
    """(n, 6) per-class log odds of a detector to evidence for each class against the others.

    A detector's scores may all be low and still say which class it is; zero in every column says nothing.
    """
    bounded = np.clip(np.nan_to_num(log_odds, nan=0.0), -MAX_LOG_ODDS, MAX_LOG_ODDS)
    share = np.exp(bounded - bounded.max(axis=1, keepdims=True, initial=-MAX_LOG_ODDS))
    share = np.clip(share / share.sum(axis=1, keepdims=True), 1e-4, 1.0 - 1e-4)
    evidence: FloatArray = np.log(share / (1.0 - share)) + math.log(CLASS_COUNT - 1)
    return np.clip(np.round(evidence, 9), -SEEN_CLASS_LIMIT, SEEN_CLASS_LIMIT)


def reports_to_rows(
    reports: Sequence[V2xReport], *, counters: Counter[str]
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """(m, M_COLUMNS) rows of m reports, and (m,) which of them can be true; the others are counted."""
    rows = np.full((len(reports), M_COLUMNS), np.nan)
    for row, report in zip(rows, reports, strict=True):
        _fill(row, report)
    return checked_rows(rows, counters=counters)


def _fill(row: FloatArray, report: V2xReport) -> None:
    row[M_X], row[M_Y] = report.x_m, report.y_m
    row[M_XX], row[M_XY], row[M_YY] = _ellipse(report)
    if report.speed_mps is not None and math.isfinite(report.speed_mps):
        _set_velocity(row, report.speed_mps, report.yaw_rad)
    row[M_YAW] = math.nan if report.yaw_rad is None else report.yaw_rad
    row[M_LENGTH] = math.nan if report.length_m is None else report.length_m
    row[M_WIDTH] = math.nan if report.width_m is None else report.width_m
    row[M_CONFIDENCE] = 1.0
    row[M_CLASSES:M_SHARES] = 0.0
    if report.object_class is not ObjectClass.UNKNOWN:
        row[M_CLASSES:M_SHARES] = SPOKEN_OTHER
        row[M_CLASSES + int(report.object_class)] = SPOKEN_CLASS


def _ellipse(report: V2xReport) -> tuple[float, float, float]:
    """Covariance xx, xy, yy of the position that a road user reports."""
    major, minor = report.ellipse_m or (SPOKEN_POSITION_SIGMA_M, SPOKEN_POSITION_SIGMA_M)
    return ellipse_terms((max(major, 0.1), max(minor, 0.1)), report.ellipse_yaw_rad)


def ellipse_terms(axes: tuple[float, float], yaw_rad: float) -> tuple[float, float, float]:
    """Covariance xx, xy, yy of one-sigma axes, the first of which points along `yaw_rad`."""
    a, b, c, s = axes[0] ** 2, axes[1] ** 2, math.cos(yaw_rad), math.sin(yaw_rad)
    return a * c * c + b * s * s, (a - b) * c * s, a * s * s + b * c * c


def velocity_terms(along_mps: float, across_mps: float, yaw_rad: float) -> tuple[float, float, float]:
    """Covariance xx, xy, yy of a velocity along `yaw_rad`; some of it stays across, for a yaw is never exact."""
    return ellipse_terms((along_mps, math.hypot(across_mps, LEAST_ACROSS_MPS)), yaw_rad)


def _set_velocity(row: FloatArray, speed_mps: float, yaw_rad: float | None) -> None:
    """Velocity and its covariance from speed and yaw; a road user that stands needs no yaw."""
    if abs(speed_mps) < STILL_MPS:
        yaw_rad = 0.0 if yaw_rad is None else yaw_rad
    if yaw_rad is None or not math.isfinite(yaw_rad):
        return
    row[M_VX], row[M_VY] = speed_mps * math.cos(yaw_rad), speed_mps * math.sin(yaw_rad)
    spread = velocity_terms(SPOKEN_SPEED_SIGMA_MPS, speed_mps * SPOKEN_YAW_SIGMA_RAD, yaw_rad)
    row[M_VXX], row[M_VXY], row[M_VYY] = spread
