"""Builds one camera's parts from the site file: the one place of the camera process that knows drivers."""

from __future__ import annotations

import numpy as np

from edge.app.models import model_path
from edge.config.site import CameraConfig, SiteConfig
from edge.core.geodesy import LocalFrame
from edge.core.stamp import NS_PER_MS
from edge.perception.ground import GroundProjection
from edge.ports import Camera, Model


def open_camera(config: CameraConfig) -> Camera:
    """The camera's driver, not yet open. Raises `DeviceError` for a source that no driver knows."""
    if config.source.startswith("sim://"):
        from hw.sim.camera import open_source  # noqa: PLC0415 - only where the world is simulated

        return open_source(config.source, fps=config.fps)
    from hw.camera.open import camera_from_source  # noqa: PLC0415 - heavy

    return camera_from_source(
        config.source, name=config.name, fps=config.fps, latency_ns=config.latency_ms * NS_PER_MS
    )


def open_model(config: CameraConfig) -> Model:
    """The detector. Raises `ModelError`."""
    if config.model == "background":
        from edge.perception.background import BackgroundModel  # noqa: PLC0415 - heavy

        return BackgroundModel()
    from edge.perception.onnx_model import OnnxModel  # noqa: PLC0415 - heavy

    return OnnxModel(model_path(config.model), threads=config.model_threads, confidence=config.confidence)


def projection_of(config: CameraConfig, site: SiteConfig, *, image_size: tuple[int, int]) -> GroundProjection:
    """The ground projection from the marked points. Raises `ConfigError`."""
    frame = LocalFrame(site.site.latitude_deg, site.site.longitude_deg, site.site.elevation_m)
    marked = [*config.points]
    marked += [
        (u, v, *frame.to_local(latitude, longitude)) for u, v, latitude, longitude in config.points_wgs84
    ]
    points = np.array(marked)
    if config.image_size is not None:
        points[:, 0] *= image_size[0] / config.image_size[0]
        points[:, 1] *= image_size[1] / config.image_size[1]
    return GroundProjection.from_points(points, image_size=image_size)
