"""What the tracker knows about each sensor: how often it sees, how often it errs, and where it looks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
SensorKind = Literal["camera", "radar", "lidar", "v2x", "tracks"]
UNBOUNDED = np.empty((0, 2))
"""Polygon of a sensor that sees everywhere."""


@dataclass(frozen=True, slots=True, eq=False)
class SensorModel:
    """One sensor or V2X link.

    Attributes:
        name: `Detections.sensor` or `V2xReport.link`.
        kind: a V2X link is evidence of presence only: silence says nothing.
        detection_probability: share of visible road users that one scan reports, between 0 and 1.
        clutter_per_m2: false detections per scan and square metre.
        visible_polygon: (k, 2) float64 ENU metres within which a missed road user counts against it;
            None: everywhere (for a V2X link it is not used).
        position_m: (2,) float64 of the sensor; None: unknown, and then nothing hides anything from it.
        bias_m: one-sigma error that stays the same from scan to scan (calibration, GNSS); treated as consider
            state: it widens gates and published covariance but is never averaged away.
    """

    name: str
    kind: SensorKind
    detection_probability: float = 0.9
    clutter_per_m2: float = 1e-4
    visible_polygon: FloatArray | None = None
    position_m: FloatArray | None = None
    bias_m: float = 0.4

    def __post_init__(self) -> None:
        if not 0.0 < self.detection_probability < 1.0:
            raise ValueError(
                f"{self.name}: detection_probability {self.detection_probability} is not within 0..1"
            )
        if not (self.clutter_per_m2 > 0.0 and math.isfinite(self.clutter_per_m2)):
            raise ValueError(f"{self.name}: clutter_per_m2 {self.clutter_per_m2} is not positive")
        polygon = self.visible_polygon
        if polygon is not None and (polygon.ndim != 2 or polygon.shape[1] != 2 or len(polygon) < 3):
            raise ValueError(f"{self.name}: visible_polygon has shape {polygon.shape}, expected (k >= 3, 2)")


class SensorTerms(NamedTuple):
    """A sensor as the kernels take it: plain numbers."""

    column: float
    speaks: float
    detection: float
    clutter: float
    bias_variance: float
    x: float
    y: float


def sensor_terms(model: SensorModel, *, column: int) -> SensorTerms:
    """Numbers of one sensor; `column` is its place in `Tracks.last_seen_ns`."""
    x, y = (math.nan, math.nan) if model.position_m is None else (float(v) for v in model.position_m)
    return SensorTerms(
        column=float(column),
        speaks=1.0 if model.kind == "v2x" else 0.0,
        detection=model.detection_probability,
        clutter=max(model.clutter_per_m2, 1e-7),
        bias_variance=model.bias_m**2,
        x=x,
        y=y,
    )


def sensor_polygon(model: SensorModel) -> FloatArray:
    """(k, 2) C-contiguous polygon; empty: everywhere."""
    polygon = UNBOUNDED if model.visible_polygon is None else model.visible_polygon
    return np.ascontiguousarray(polygon, dtype=np.float64)
