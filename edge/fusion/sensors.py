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


CLOCK_SIGMA_S = {"camera": 0.1, "radar": 0.05, "lidar": 0.05, "v2x": 0.01, "tracks": 0.05}
"""One-sigma error of capture times that stays; V2X stations have GNSS time, cameras are stamped on arrival at worst."""
SCANS_THAT_ERR_ALIKE = {"camera": 10.0, "radar": 10.0, "lidar": 10.0, "v2x": 300.0, "tracks": 30.0}
"""Scans in a row whose errors on one road user are so alike that they tell as much as one."""


@dataclass(frozen=True, slots=True, eq=False)
class SensorModel:
    """One sensor or V2X link.

    Attributes:
        name: `Detections.sensor` or `V2xReport.link`.
        kind: a V2X link is evidence of presence only: silence says nothing. `tracks` are those of a neighbouring
            node: they carry errors in common with ours, and nothing is published on their word alone.
        detection_probability: share of visible road users that one scan reports, between 0 and 1.
        clutter_per_m2: false detections per scan and square metre.
        visible_polygon: (k, 2) float64 ENU metres within which a missed road user counts against it;
            None: learned from what it sees (for a V2X link it is not used).
        position_m: (2,) float64 of the sensor; None: unknown, and then nothing hides anything from it.
        bias_m: one-sigma error that stays the same from scan to scan (calibration, GNSS); it widens gates and
            published covariance and is estimated where sensors overlap.
        clock_sigma_s: the same of its capture times; None: by kind.
        position_sigma_m: one-sigma error of a measurement that states none; None: by kind.
    """

    name: str
    kind: SensorKind
    detection_probability: float = 0.9
    clutter_per_m2: float = 1e-4
    visible_polygon: FloatArray | None = None
    position_m: FloatArray | None = None
    bias_m: float = 0.4
    clock_sigma_s: float | None = None
    position_sigma_m: float | None = None

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

    @property
    def clock_sigma(self) -> float:
        """One-sigma error of the capture times that stays, s."""
        return CLOCK_SIGMA_S[self.kind] if self.clock_sigma_s is None else self.clock_sigma_s


class SensorTerms(NamedTuple):
    """A sensor as the kernels take it: plain numbers.

    Attributes:
        column: place in `Tracks.last_seen_ns`.
        speaks, shared, moving_only: 1 for a V2X link, for a neighbour's tracks, for one that overlooks what stands.
        detection, clutter: as in `SensorModel`.
        bias_x, bias_y: estimated constant error, m.
        bias_variance, bias_left: what is left of it, m2 per axis: against our other sensors, and in all.
        late_s: by how much it shows the world later than its stamps say; late_variance, late_left: as for the bias, s2.
        noise: factor on the covariance that it states.
        x, y: where it stands; NaN unknown.
        sight: share of its detection probability that is left in this scan, see `Detections.sight`.
    """

    column: float
    speaks: float
    shared: float
    moving_only: float
    detection: float
    clutter: float
    bias_x: float
    bias_y: float
    bias_variance: float
    bias_left: float
    late_s: float
    late_variance: float
    late_left: float
    noise: float
    x: float
    y: float
    sight: float


def sensor_terms(model: SensorModel, *, column: int) -> SensorTerms:
    """Numbers of one sensor of which nothing has been learned."""
    x, y = (math.nan, math.nan) if model.position_m is None else (float(v) for v in model.position_m)
    return SensorTerms(
        column=float(column),
        speaks=float(model.kind == "v2x"),
        shared=float(model.kind == "tracks"),
        moving_only=float(model.kind == "radar"),
        detection=model.detection_probability,
        clutter=max(model.clutter_per_m2, 1e-7),
        bias_x=0.0,
        bias_y=0.0,
        bias_variance=model.bias_m**2,
        bias_left=model.bias_m**2,
        late_s=0.0,
        late_variance=model.clock_sigma**2,
        late_left=model.clock_sigma**2,
        noise=1.0,
        x=x,
        y=y,
        sight=1.0,
    )


def sensor_polygon(model: SensorModel) -> FloatArray:
    """(k, 2) C-contiguous polygon; empty: everywhere."""
    polygon = UNBOUNDED if model.visible_polygon is None else model.visible_polygon
    return np.ascontiguousarray(polygon, dtype=np.float64)
