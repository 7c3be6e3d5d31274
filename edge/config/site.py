"""The site file: one TOML that describes one intersection's box."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationInfo, model_validator

from edge.config.access import AuditConfig, TlsConfig
from edge.config.apollo import ApolloConfig
from edge.config.box import BoardConfig, ClockConfig, GnssConfig
from edge.config.controllers import ControllerConfig
from edge.config.lamps import LampConfig
from edge.config.lens import LensConfig
from edge.config.links import (
    CentreLinkConfig,
    GrpcConfig,
    MetricsConfig,
    V2xLinkConfig,
)
from edge.config.openv2x import OpenV2xConfig
from edge.config.priority import PriorityConfig
from edge.config.privacy import PrivacyConfig
from edge.config.radios import RsuConfig
from edge.config.section import Name, Provider, ProviderOptions, Section
from edge.config.sharing import SharingConfig
from edge.config.web import MqttFeedConfig, WebConfig
from edge.core.errors import ConfigError
from edge.core.geodesy import LocalFrame
from edge.core.v2x import VEHICLES

Point = tuple[float, float, float, float]
_FARTHEST_M = 5_000.0
"""A mark farther from the origin than this has other units than it should."""
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
        default="roadside-nano",
        description="folder in models/, path of an .onnx, `background`, or `none` for a camera that only reads lamps",
    )
    model_threads: int = Field(default=1, ge=1, le=16)
    providers: tuple[Provider, ...] = Field(
        default=("cpu",), min_length=1, description="what the model runs on, best first; cpu is always last"
    )
    provider_options: ProviderOptions = Field(default={}, description="of each provider, as its manual says")
    group: Name | None = Field(
        default=None, description="cameras of one group share a process; default: a process of its own"
    )
    motion_gate: bool = Field(
        default=False, description="skip inference while nothing moves and no road user is in view"
    )
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
    self_calibrate: Literal["off", "propose", "apply"] = Field(
        default="propose",
        description="what to do with a pose that connected cars tell: nothing, keep it for edge calibrate, use it",
    )
    lamp: tuple[LampConfig, ...] = Field(default=(), max_length=64, description="signal heads in view")
    quality: bool = Field(default=True, description="judge dirt, glare, night, defocus and movement")
    lens: LensConfig | None = Field(default=None, description="default: a pinhole of unknown focal length")
    fit: Literal["auto", "homography", "pose"] = Field(
        default="auto", description="of the points; pose needs lens, auto takes what leaves out points best"
    )
    ground_sigma_m: float = Field(
        default=0.03, ge=0, le=2, description="how far the road lies above or below a plane, one sigma"
    )

    @model_validator(mode="after")
    def _lens_has_its_picture(self) -> Self:
        if self.lens is not None and self.image_size is None:
            raise ValueError("lens needs image_size: the width and height that fx, fy, cx and cy refer to")
        if self.fit == "pose" and self.lens is None:
            raise ValueError('fit = "pose" needs lens: give at least lens = { fx = FOCAL_LENGTH_PX }')
        if self.lens is not None and self.image_size is not None:
            self.lens.check_width(self.image_size[0])
        return self

    @model_validator(mode="after")
    def _enough(self, info: ValidationInfo) -> Self:
        if self.lamp and self.image_size is None:
            raise ValueError("lamp needs image_size: the size of the picture that its pixels refer to")
        for lamp in self.lamp:
            lamp.check_size(self.image_size or (0, 0))
        if not self.detects and not self.lamp:
            raise ValueError(
                "model none is for cameras that read lamps: add [[camera.lamp]], or name a model"
            )
        if info.context == DRAFT or not self.detects:
            return self
        if len(self.points) + len(self.points_wgs84) < 4:
            raise ValueError(
                "needs at least 4 point pairs in points or points_wgs84: mark them with edge calibrate"
            )
        return self

    def check_marks(self, frame: LocalFrame) -> None:
        """Raises `ValueError`, which names the point, where a mark is far from the origin: it has other units."""
        for number, (_u, _v, east_m, north_m) in enumerate(self.points, start=1):
            if math.hypot(east_m, north_m) > _FARTHEST_M:
                raise ValueError(
                    f"camera {self.name!r}: point {number} of points lies {math.hypot(east_m, north_m):.0f} m from the "
                    "site's origin: write [u px, v px, x m, y m]"
                )
        for number, (_u, _v, latitude, longitude) in enumerate(self.points_wgs84, start=1):
            if not math.hypot(*frame.to_local(latitude, longitude)) <= _FARTHEST_M:
                raise ValueError(
                    f"camera {self.name!r}: point {number} of points_wgs84 is not near the site's origin: "
                    "write [u px, v px, latitude, longitude], in degrees"
                )

    @property
    def detects(self) -> bool:
        """Whether the camera looks for road users."""
        return self.model != "none"


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
    tls: TlsConfig | None = None
    audit: AuditConfig = AuditConfig()
    grpc: GrpcConfig = GrpcConfig()
    metrics: MetricsConfig | None = None
    web: WebConfig | None = None
    mqtt_feed: tuple[MqttFeedConfig, ...] = Field(default=(), max_length=8)
    controller: ControllerConfig | None = None
    priority: PriorityConfig | None = None
    camera: tuple[CameraConfig, ...] = ()
    v2x: tuple[V2xLinkConfig, ...] = ()
    rsu: tuple[RsuConfig, ...] = ()
    apollo: ApolloConfig | None = None
    openv2x: OpenV2xConfig | None = None
    sharing: SharingConfig | None = None
    centre: CentreLinkConfig | None = None
    fusion: FusionConfig = FusionConfig()
    privacy: PrivacyConfig = PrivacyConfig()
    clock: ClockConfig = ClockConfig()
    gnss: GnssConfig | None = None
    board: BoardConfig = BoardConfig()

    @model_validator(mode="after")
    def _unique_names(self) -> Self:
        names = [c.name for c in self.camera] + [v.name for v in self.v2x] + [r.name for r in self.rsu]
        names += [gateway.name for gateway in (self.apollo, self.openv2x) if gateway is not None]
        names += [f.name for f in self.mqtt_feed]
        if self.grpc.vehicle_reports and VEHICLES in names:
            raise ValueError(
                f"name {VEHICLES!r} belongs to the vehicles that report over gRPC: choose another, "
                "or set grpc.vehicle_reports = false"
            )
        for name in names:
            if names.count(name) > 1:
                raise ValueError(
                    f"name {name!r} is used twice: every camera, v2x link, rsu, mqtt_feed and gateway needs its own"
                )
        return self

    @model_validator(mode="after")
    def _known_radios(self) -> Self:
        known = [radio.name for radio in self.rsu]
        for name in self.sharing.radios if self.sharing else ():
            if name not in known:
                raise ValueError(
                    f"sharing.radios: {name!r} is no rsu of this site: use some of {', '.join(known) or 'none'}, "
                    "or add a [[rsu]]"
                )
        return self

    @model_validator(mode="after")
    def _priority_by_radio_is_verified(self) -> Self:
        verifies = any(link.dialect in ("j2735", "etsi") and link.verify != "off" for link in self.v2x)
        if self.priority is not None and self.priority.radio and not verifies:
            raise ValueError(
                "priority.radio: no [[v2x]] of dialect j2735 or etsi verifies who asks: set verify and trust of one, "
                "or leave radio out"
            )
        return self

    @model_validator(mode="after")
    def _marks_are_here(self, info: ValidationInfo) -> Self:
        if info.context == DRAFT:
            return self
        frame = LocalFrame(self.site.latitude_deg, self.site.longitude_deg, self.site.elevation_m)
        for camera in self.camera:
            camera.check_marks(frame)
        return self

    @model_validator(mode="after")
    def _gate_needs_network(self) -> Self:
        for camera in self.camera:
            if camera.motion_gate and camera.model == "background":
                raise ValueError(
                    f"camera {camera.name!r}: motion_gate is for networks, and background must see every frame: "
                    "leave it out"
                )
        return self

    @model_validator(mode="after")
    def _known_lamps(self) -> Self:
        lamps = {(camera.name, lamp.signal_group) for camera in self.camera for lamp in camera.lamp}
        known = {group.signal_group for group in self.controller.group} if self.controller else set()
        for camera, number in sorted(lamps):
            if number not in known:
                raise ValueError(
                    f"camera {camera}: lamp.signal_group {number} is no signal_group of controller.group: "
                    "correct it, or add a [[controller.group]]"
                )
        return self

    def check_transport(self) -> None:
        """Refuse a node that would talk in the clear without being told to.

        Raises:
            ConfigError: there is neither `[tls]` nor `allow_plaintext`.
        """
        if self.tls is not None:
            return
        asked = {"grpc": self.grpc.allow_plaintext}
        if self.centre is not None:
            asked["centre"] = self.centre.allow_plaintext
        for section, plaintext in asked.items():
            if not plaintext:
                raise ConfigError(
                    f"{section}.allow_plaintext",
                    "there is no [tls], and plaintext is not asked for",
                    remedy="add [tls] (edge certs makes certificates), or write allow_plaintext = true for programs "
                    "of this machine",
                )

    @property
    def speaks_json(self) -> bool:
        """Whether there is a page or a feed, which a process of its own serves."""
        return self.web is not None or bool(self.mqtt_feed)

    @property
    def state_directory(self) -> Path:
        """Where the node may write; systemd's choice wins."""
        given = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
        return Path(given) if given else self.state_dir
