"""Builds the fusion process's parts from the site file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from edge.app.camera_parts import projection_of, visible_polygon
from edge.app.security_parts import build_gates
from edge.config.site import CameraConfig, SiteConfig
from edge.core.intersection import Intersection
from edge.core.mercator import map_grid
from edge.core.stamp import NS_PER_MS
from edge.core.v2x import VEHICLES, RadioFrame
from edge.fusion import SensorModel, Tracker
from edge.fusion.shared import neighbours_of
from edge.fusion.warm import warm
from edge.road import LaneLookup
from edge.situation import SceneBuilder
from edge.sources.limiter import SenderLimiter
from edge.v2x.decoder import ReportDecoder
from edge.v2x.fast_report import Heard
from edge.v2x.openv2x_link import OpenV2xDecoder
from edge.v2x.security.gate import Gate
from edge.wire.apollo_status import CarStatusDecoder
from edge.wire.vehicle import VehicleReportDecoder

CAMERA_BIAS_M = 0.4
NEIGHBOUR_BIAS_M = 0.5
GNSS_BIAS_M = 0.8
"""One-sigma error that stays for tens of seconds; typical of code GNSS with corrections."""
APOLLO_BIAS_M = 0.3
"""The same of cars that locate themselves on their own map: of the map against ours."""


class Decoder(Protocol):
    """Frames of one link to what was heard; `ReportDecoder` of radios is one."""

    @property
    def counters(self) -> Mapping[str, int]:
        """What became of the frames."""
        ...

    def prepare(self) -> None:
        """Compile what has to be."""
        ...

    def decode(self, frame: RadioFrame) -> Heard:
        """What a frame says. Raises `CodecError`."""
        ...


@dataclass(frozen=True, slots=True)
class FusionParts:
    """What a fusion cycle needs.

    Attributes:
        tracker: fuses.
        scene: builds the scene.
        decoders: per V2X link.
        limiter: reports per second and road user.
        gates: of the links whose signatures are checked.
        warm: compiles the decoders and compiles or loads the kernels; returns the seconds that the kernels took.
    """

    tracker: Tracker
    scene: SceneBuilder
    decoders: dict[str, Decoder]
    limiter: SenderLimiter
    gates: dict[str, Gate]
    warm: Callable[[], float]


def build_fusion(site: SiteConfig, intersection: Intersection, *, epoch: int) -> FusionParts:
    """The parts of one site."""
    sensors = [_camera_model(camera, site) for camera in site.camera if camera.detects]
    sensors += [SensorModel(link.name, "v2x", bias_m=GNSS_BIAS_M) for link in site.v2x]
    sensors += [SensorModel(neighbours_of(link.name), "tracks", bias_m=NEIGHBOUR_BIAS_M) for link in site.v2x]
    gates = build_gates(site)
    decoders: dict[str, Decoder] = {
        link.name: ReportDecoder(
            intersection.frame, dialect=link.dialect, framing=link.framing, gate=gates.get(link.name)
        )
        for link in site.v2x
    }

    if site.grpc.vehicle_reports:
        sensors.append(SensorModel(VEHICLES, "v2x", bias_m=GNSS_BIAS_M))
        decoders[VEHICLES] = VehicleReportDecoder(intersection.frame)

    if site.apollo is not None:
        sensors.append(SensorModel(site.apollo.name, "v2x", bias_m=APOLLO_BIAS_M))
        grid = map_grid(intersection.frame, zone=site.apollo.utm_zone)
        decoders[site.apollo.name] = CarStatusDecoder(grid, site.apollo.shape)

    if site.openv2x is not None:
        name = site.openv2x.name
        sensors.append(SensorModel(neighbours_of(name), "tracks", bias_m=NEIGHBOUR_BIAS_M))
        decoders[name] = OpenV2xDecoder(intersection.frame, times=site.openv2x.times)

    def warm_all() -> float:
        for decoder in decoders.values():
            decoder.prepare()
        return warm()

    return FusionParts(
        tracker=Tracker(tuple(sensors), replay_ns=site.fusion.replay_ms * NS_PER_MS),
        scene=SceneBuilder(intersection, LaneLookup(intersection), epoch=epoch),
        decoders=decoders,
        limiter=SenderLimiter(rate_hz=site.fusion.v2x_limit_hz),
        gates=gates,
        warm=warm_all,
    )


def _camera_model(camera: CameraConfig, site: SiteConfig) -> SensorModel:
    if camera.image_size is None:
        return SensorModel(camera.name, "camera", bias_m=CAMERA_BIAS_M)
    projection = projection_of(camera, site, image_size=camera.image_size)
    polygon = visible_polygon(projection, image_size=camera.image_size, range_m=camera.range_m)
    position = projection.view.position_m[:2]
    return SensorModel(
        camera.name, "camera", visible_polygon=polygon, position_m=position, bias_m=CAMERA_BIAS_M
    )
