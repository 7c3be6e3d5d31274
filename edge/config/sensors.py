"""The sensors of recorded scans: what `edge fuse --sensors` reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from edge.config.load import read_checked
from edge.config.section import Section

Metres = Annotated[float, Field(ge=-1e8, le=1e8)]
Point = tuple[Metres, Metres]


class SensorConfig(Section):
    """`[[sensor]]`: one sensor; all but name and kind may be left out."""

    name: str = Field(min_length=1)
    kind: Literal["camera", "radar", "lidar", "v2x", "tracks"]
    position_m: Point | None = None
    visible_polygon_m: tuple[Point, ...] | None = None
    detection_probability: float = Field(default=0.9, gt=0.0, lt=1.0)
    clutter_per_scan: float = Field(default=0.5, gt=0.0, le=1000.0)
    position_sigma_m: float | None = Field(default=None, gt=0.0, le=30.0)
    bias_m: float | None = Field(default=None, ge=0.0, le=10.0)
    clock_sigma_s: float | None = Field(default=None, ge=0.0, le=2.0)

    @model_validator(mode="after")
    def _polygon_has_corners(self) -> SensorConfig:
        if self.visible_polygon_m is not None and len(self.visible_polygon_m) < 3:
            raise ValueError("visible_polygon_m needs at least three corners")
        return self


class SensorsConfig(Section):
    """The whole file."""

    sensor: tuple[SensorConfig, ...]

    @model_validator(mode="after")
    def _names_are_unique(self) -> SensorsConfig:
        if not self.sensor:
            raise ValueError("there is no [[sensor]]")
        names = [sensor.name for sensor in self.sensor]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"sensor name {sorted(twice)[0]!r} is used twice")
        return self


def load_sensors(path: Path) -> SensorsConfig:
    """Read and check a file of sensors.

    Raises:
        ConfigError: anything is wrong.
    """
    return read_checked(path, SensorsConfig, what="sensor file")[0]
