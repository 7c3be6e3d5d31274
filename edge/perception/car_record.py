"""Keeps what self-calibration needs of the last minutes: bounded tables of boxes and reports, thinned as they come."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from edge.core.detections import Detections
from edge.core.stamp import NS_PER_S
from edge.core.v2x import V2xReport
from edge.perception.car_data import BOX_COLUMNS, REPORT_COLUMNS, CarData, hidden_edges

Floats = NDArray[np.float64]
BOX_CAPACITY, REPORT_CAPACITY, NAMES = 24_000, 24_000, 2_000
BOX_PERIOD_S, REPORT_PERIOD_S, STANDING_PERIOD_S = 0.2, 0.1, 1.0
STANDING_MPS = 0.3
BEYOND_M = 30.0
"""Vehicles that much beyond a camera's range are kept, too: their way into the picture is of use."""


class Table:
    """The newest rows of numbers; the oldest go."""

    def __init__(self, capacity: int, columns: int) -> None:
        self._rows: Floats = np.empty((capacity, columns))
        self._next, self._full = 0, False

    def add(self, row: list[float]) -> None:
        """Take a row."""
        self._rows[self._next] = row
        self._next += 1
        if self._next == len(self._rows):
            self._next, self._full = 0, True

    def rows(self) -> Floats:
        """(n, columns), in no order."""
        return self._rows.copy() if self._full else self._rows[: self._next].copy()


class CarRecord:
    """Boxes of one camera and reports near it. Times are seconds since the first of them.

    Args:
        image_size: of the calibration, to which boxes are brought.
        position_m: (2,) foot of the camera.
        range_m: of the camera.
    """

    def __init__(self, *, image_size: tuple[int, int], position_m: Floats, range_m: float) -> None:
        self._size, self._position_m, self._reach_m = image_size, position_m, range_m + BEYOND_M
        self._boxes = Table(BOX_CAPACITY, len(BOX_COLUMNS))
        self._reports = Table(REPORT_CAPACITY, len(REPORT_COLUMNS))
        self._start_ns: int | None = None
        self._heard_s = -math.inf
        self._seen: dict[int, float] = {}
        self._said: dict[str, tuple[int, float]] = {}
        self._numbered = 0

    @property
    def vehicles(self) -> int:
        """Connected vehicles that were heard near the camera, since the start."""
        return self._numbered

    def data(self) -> CarData:
        """What is kept now."""
        return CarData(self._boxes.rows(), self._reports.rows())

    def see(self, detections: Detections) -> None:
        """Take the boxes of a picture; without connected vehicles near they are of no use."""
        time_s = self._seconds(detections.stamp.capture_ns)
        if not -1.0 < time_s - self._heard_s < 5.0 or not len(detections):
            return
        frame = detections.frame_size or self._size
        scale = np.tile(np.array(self._size, dtype=float) / np.array(frame, dtype=float), 2)
        box = detections.box_px.astype(np.float64) * scale
        hidden = hidden_edges(box)
        kind = np.argmax(detections.class_log_odds, axis=1)
        for row, track in enumerate(detections.image_track.tolist()):
            if track < 0 or time_s - self._seen.get(track, -math.inf) < BOX_PERIOD_S:
                continue
            _put(self._seen, track, time_s)
            self._boxes.add([time_s, track, *box[row].tolist(), float(kind[row]), float(hidden[row])])

    def hear(self, reports: Iterable[V2xReport]) -> None:
        """Take reports."""
        for report in reports:
            away = math.hypot(report.x_m - self._position_m[0], report.y_m - self._position_m[1])
            if away <= self._reach_m and report.yaw_rad is not None:
                self._take(report, report.yaw_rad)

    def _take(self, report: V2xReport, yaw_rad: float) -> None:
        time_s = self._seconds(report.stamp.capture_ns)
        speed = math.nan if report.speed_mps is None else report.speed_mps
        name = f"{report.link}/{report.temporary_id}"
        number, last_s = self._said.get(name, (-1, -math.inf))
        period = STANDING_PERIOD_S if speed < STANDING_MPS else REPORT_PERIOD_S
        # Half a period of leave: reports of 10 Hz do not come on the dot.
        if 0.0 <= time_s - last_s < 0.5 * period:
            return
        if number < 0:
            number, self._numbered = self._numbered, self._numbered + 1
        _put(self._said, name, (number, time_s))
        self._heard_s = max(self._heard_s, time_s)
        sigma = math.nan if report.ellipse_m is None else math.hypot(*report.ellipse_m) / math.sqrt(2.0)
        size = [math.nan if v is None else v for v in (report.length_m, report.width_m)]
        self._reports.add(
            [time_s, number, report.x_m, report.y_m, yaw_rad, speed, *size, float(report.object_class), sigma]
        )

    def _seconds(self, stamp_ns: int) -> float:
        if self._start_ns is None:
            self._start_ns = stamp_ns
        return (stamp_ns - self._start_ns) / NS_PER_S


def _put(names: dict, key: object, value: object) -> None:  # type: ignore[type-arg]
    """Remember the newest names only."""
    names.pop(key, None)
    names[key] = value
    if len(names) > NAMES:
        del names[next(iter(names))]
