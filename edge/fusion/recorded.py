"""One recorded scan, as a line of JSON, to the rows that the tracker takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast, get_args

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import CodecError
from edge.core.kinds import ObjectClass
from edge.fusion.scan import SEEN_CLASS_LIMIT, SENSOR_VELOCITY_SIGMA_MPS, SPOKEN_CLASS, SPOKEN_OTHER
from edge.fusion.sensors import SensorKind, SensorModel
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
)

FloatArray = NDArray[np.float64]
POSITION_SIGMA_M = {"camera": 1.0, "radar": 0.8, "lidar": 0.3, "v2x": 1.5, "tracks": 1.0}
"""Taken where neither the object nor the sensor states one."""
SPOKEN_VELOCITY_SIGMA_MPS = 0.4
SEEN_CLASS, SEEN_OTHER = 3.0, -1.5
DEFAULT_CONFIDENCE = 0.8
LATEST_NS = 2**62
CLASS_OF = {kind.name.lower(): kind for kind in ObjectClass}


@dataclass(frozen=True, slots=True)
class RecordedScan:
    """A line of a file of scans.

    Attributes:
        sensor, kind: who saw it.
        time_ns, arrival_ns: UTC ns of capture and of arrival.
        rows: (m, M_COLUMNS) measurements as they stand in the line; unknown is NaN, and so is a bad one.
        ids: m ids that the sensor gave; empty where it gave none.
        sight: see `Detections.sight`.
    """

    sensor: str
    kind: SensorKind
    time_ns: int
    arrival_ns: int
    rows: FloatArray
    ids: tuple[str, ...]
    sight: float = 1.0


def read_scan(line: dict[str, Any]) -> RecordedScan:
    """A scan of a decoded line.

    Raises:
        CodecError: a key is missing or has no such form.
    """
    try:
        kind = _kind(line["kind"])
        objects = line["objects"]
        if not isinstance(objects, list):
            raise ValueError("objects must be a list")  # noqa: TRY004, TRY301 - bad input, not a wrong call
        rows = np.full((len(objects), M_COLUMNS), np.nan)
        ids = tuple(_read_object(row, entry, kind) for row, entry in zip(rows, objects, strict=True))
        times = _time(line["t_meas_ns"]), _time(line["t_arrival_ns"])
        return RecordedScan(str(line["sensor"]), kind, *times, rows, ids, _sight(line.get("sight", 1.0)))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        what = f"has no {error}" if isinstance(error, KeyError) else str(error)
        raise CodecError("scan", what) from error


def _read_object(row: FloatArray, entry: Any, kind: SensorKind) -> str:
    """Fill a row in and give the object's id; an object that is none leaves a row that cannot be true."""
    try:
        _fill(row, entry, spoken=kind == "v2x")
        return str(entry.get("id") or "")
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        row[:] = np.nan
        return ""


def _fill(row: FloatArray, entry: dict[str, Any], *, spoken: bool) -> None:
    row[M_X], row[M_Y] = entry["x"], entry["y"]
    covariance = entry.get("cov")
    if covariance is not None:
        row[M_XX], row[M_XY], row[M_YY] = covariance
    row[M_VX], row[M_VY] = _number(entry.get("vx")), _number(entry.get("vy"))
    spread = (SPOKEN_VELOCITY_SIGMA_MPS if spoken else SENSOR_VELOCITY_SIGMA_MPS) ** 2
    row[M_VXX], row[M_VXY], row[M_VYY] = entry.get("vcov") or (spread, 0.0, spread)
    row[M_YAW] = _number(entry.get("yaw"))
    row[M_LENGTH], row[M_WIDTH] = _number(entry.get("length")), _number(entry.get("width"))
    confidence = entry.get("confidence")
    row[M_CONFIDENCE] = DEFAULT_CONFIDENCE if confidence is None else confidence
    row[M_CLASSES:M_SHARES] = 0.0
    kind = CLASS_OF.get(str(entry.get("class", "")).lower(), ObjectClass.UNKNOWN)
    if kind is ObjectClass.UNKNOWN:
        return
    here, other = (SPOKEN_CLASS, SPOKEN_OTHER) if spoken else (min(SEEN_CLASS, SEEN_CLASS_LIMIT), SEEN_OTHER)
    row[M_CLASSES:M_SHARES] = other
    row[M_CLASSES + int(kind)] = here


def _time(value: Any) -> int:
    time_ns = int(value)
    if not 0 < time_ns < LATEST_NS:
        raise ValueError(f"{time_ns} is no time in UTC ns")
    return time_ns


def _sight(value: Any) -> float:
    sight = float(value)
    if not 0.0 <= sight <= 1.0:
        raise ValueError(f"sight {sight} is not within 0..1")
    return sight


def _kind(value: Any) -> SensorKind:
    if value not in get_args(SensorKind):
        raise ValueError(f"kind {value!r} is not one of {', '.join(get_args(SensorKind))}")
    return cast(SensorKind, value)


def state_noise(rows: FloatArray, sensor: SensorModel) -> None:
    """Fill in the covariance of measurements that state none: the sensor's, or what is usual for its kind."""
    silent = np.isnan(rows[:, M_XX]) & np.isfinite(rows[:, M_X])
    sigma = sensor.position_sigma_m or POSITION_SIGMA_M[sensor.kind]
    rows[silent, M_XX] = rows[silent, M_YY] = sigma**2
    rows[silent, M_XY] = 0.0


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
