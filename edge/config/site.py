"""The site file: one TOML that describes one intersection's box."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationInfo, model_validator

from edge.config.links import (
    CentreLinkConfig,
    GrpcConfig,
    MetricsConfig,
    RsuConfig,
    TscbmConfig,
    V2xLinkConfig,
)
from edge.config.section import Name, Section

Point = tuple[float, float, float, float]
DRAFT = {"draft": True}
"""Validation context of a site file whose cameras may still lack their marks."""


class SiteSection(Section):
    """Where the box stands and which MAP it serves."""

    id: Name = Field(description="name of the node; unique at the centre")
    name: str = Field(default="", description="for people")
    latitude_deg: float = Field(gt=-90, lt=90, description="WGS-84, origin of the local frame")
    longitude_deg: float = Field(ge=-180, le=180, description="WGS-84, origin of the local frame")
    elevation_m: float = 0.0
    map: Path = Field(description="J2735 MAP as JSON, or a SUMO .net.xml")


class CameraConfig(Section):
    """One camera."""

    name: Name
    source: str = Field(
        description="rtsp://..., file:/path?pace=real|fast&loop=1, v4l2:/dev/video0 or sim://host:port/name"
    )
    fps: float = Field(default=10.0, gt=0, le=60)
    latency_ms: int = Field(
        default=100, ge=0, le=2000, description="exposure to arrival, where the stream gives no time"
    )
    clock: Literal["auto", "trust", "arrival"] = Field(
        default="auto",
        description="the camera's own time (RTCP): believed within bounds, always, or never",
    )
    transport: Literal["tcp", "udp"] = Field(default="tcp", description="of RTSP pictures")
    model: str = Field(
        default="roadside-nano", description="folder in models/, path of an .onnx, or `background`"
    )
    model_threads: int = Field(default=1, ge=1, le=16)
    confidence: float | None = Field(
        default=None, gt=0, lt=1, description="threshold; default: the model's own"
    )
    range_m: float = Field(default=70.0, gt=1, le=500, description="detections farther than this are dropped")
    points: tuple[Point, ...] = Field(
        default=(), description="ground points [u px, v px, x m, y m], local frame"
    )
    points_wgs84: tuple[Point, ...] = Field(
        default=(), description="ground points [u px, v px, latitude, longitude]"
    )
    image_size: tuple[int, int] | None = Field(
        default=None, description="width, height that the points refer to"
    )

    @model_validator(mode="after")
    def _enough(self, info: ValidationInfo) -> Self:
        if info.context == DRAFT:
            return self
        if len(self.points) + len(self.points_wgs84) < 4:
            raise ValueError(
                "needs at least 4 point pairs in points or points_wgs84: mark them with edge calibrate"
            )
        return self


class FusionConfig(Section):
    """The fusion process."""

    rate_hz: float = Field(default=20.0, ge=1, le=50)
    v2x_limit_hz: float = Field(default=25.0, gt=0, le=1000, description="reports per second and road user")
    replay_ms: int = Field(default=400, ge=0, le=2000, description="how late a measurement may come")


class SiteConfig(Section):
    """A whole site file."""

    schema_version: Literal[1]
    site: SiteSection
    state_dir: Path = Field(default=Path("state"), description="writable directory; $STATE_DIRECTORY wins")
    grpc: GrpcConfig = GrpcConfig()
    metrics: MetricsConfig | None = None
    controller: TscbmConfig | None = None
    camera: tuple[CameraConfig, ...] = ()
    v2x: tuple[V2xLinkConfig, ...] = ()
    rsu: tuple[RsuConfig, ...] = ()
    centre: CentreLinkConfig | None = None
    fusion: FusionConfig = FusionConfig()

    @model_validator(mode="after")
    def _unique_names(self) -> Self:
        names = [c.name for c in self.camera] + [v.name for v in self.v2x] + [r.name for r in self.rsu]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"name {name!r} is used twice: every camera, v2x link and rsu needs its own")
        return self

    @property
    def state_directory(self) -> Path:
        """Where the node may write; systemd's choice wins."""
        given = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
        return Path(given) if given else self.state_dir
