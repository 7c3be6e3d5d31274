"""Site configuration of the box itself: its clock, its place, its board. Every key has a default that needs nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from edge.config.address import Target
from edge.config.section import Section

Latitude = Annotated[float, Field(gt=-90, lt=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]


class ClockConfig(Section):
    """Who vouches for the clock, and how long it may run alone."""

    source: Literal["auto", "chrony", "ptp", "kernel"] = Field(
        default="auto", description="who is asked; auto: each that is there"
    )
    synchronised_below_ms: int = Field(default=50, ge=1, le=1000, description="error bound, ms")
    holdover_s: int = Field(default=1800, ge=0, le=86_400, description="longest run without a reference, s")
    drift_ppm: float = Field(default=10.0, gt=0, le=500, description="of the free-running clock")
    ptp_domain: int = Field(default=0, ge=0, le=127)
    ptp_socket: str = Field(default="/var/run/ptp4l", min_length=1, max_length=100, description="of ptp4l")


class GnssConfig(Section):
    """The receiver behind gpsd, and where its antenna was surveyed."""

    gpsd: Target = Field(default="127.0.0.1:2947", description="address of gpsd")
    antenna: tuple[Latitude, Longitude] | None = Field(
        default=None, description="surveyed [latitude, longitude] of the antenna, WGS-84; default: no watch"
    )
    move_limit_m: float = Field(default=10.0, gt=0, le=1000, description="farther is an alarm, m")
    worst_error_m: float = Field(
        default=30.0, gt=0, le=1000, description="fixes with a larger error are ignored"
    )


class PowerFailConfig(Section):
    """The line that tells that the mains is gone; needs the package gpiod."""

    chip: str = Field(default="/dev/gpiochip0", pattern=r"^/dev/", max_length=64)
    line: int = Field(ge=0, le=1023)
    active_low: bool = Field(default=False, description="the line is low when the mains fails")


class BoardConfig(Section):
    """Heat, storage and power of the box."""

    hot_c: float = Field(default=85.0, ge=30, le=150, description="warm enough for a warning, degrees C")
    critical_c: float = Field(default=95.0, ge=30, le=150, description="close to switching off, degrees C")
    disk_low_percent: float = Field(default=10.0, ge=0, le=100, description="free space for a warning")
    disk_full_percent: float = Field(default=2.0, ge=0, le=100, description="free space that counts as full")
    wear_percent: int = Field(default=80, ge=1, le=100, description="used life of flash for a warning")
    root: Path = Field(default=Path("/"), description="where sys and dev are; for tests")
    power_fail: PowerFailConfig | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.hot_c >= self.critical_c:
            raise ValueError("hot_c must be below critical_c")
        if self.disk_full_percent > self.disk_low_percent:
            raise ValueError("disk_full_percent must not be above disk_low_percent")
        return self
