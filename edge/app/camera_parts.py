"""Builds one camera's parts from the site file: the one place of the camera process that knows drivers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.app.models import model_path
from edge.config.site import CameraConfig, SiteConfig
from edge.core.geodesy import LocalFrame
from edge.core.stamp import NS_PER_MS
from edge.perception.ground import GroundProjection
from edge.ports import Camera, Model

POLYGON_COLUMNS = 9


def open_camera(config: CameraConfig) -> Camera:
    """The camera's driver, not yet open. Raises `DeviceError` for a source that no driver knows."""
    if config.source.startswith("sim://"):
        from hw.sim.camera import open_source  # noqa: PLC0415 - only where the world is simulated

        return open_source(config.source, fps=config.fps)
    from hw.camera.source import camera_from_source  # noqa: PLC0415 - heavy

    return camera_from_source(
        config.source,
        name=config.name,
        fps=config.fps,
        latency_ns=config.latency_ms * NS_PER_MS,
        transport=config.transport,
        clock=config.clock,
    )


def open_model(config: CameraConfig, projection: GroundProjection) -> Model:
    """The detector. Raises `ModelError`."""
    if config.model == "background":
        from edge.perception.background import BackgroundModel  # noqa: PLC0415 - heavy

        return BackgroundModel(projection, fps=config.fps)
    from edge.perception.onnx_model import OnnxModel  # noqa: PLC0415 - heavy

    return OnnxModel.load(
        model_path(config.model), threads=config.model_threads, confidence=config.confidence
    )


def projection_of(config: CameraConfig, site: SiteConfig, *, image_size: tuple[int, int]) -> GroundProjection:
    """The ground projection from the marked points. Raises `ConfigError`."""
    frame = LocalFrame(site.site.latitude_deg, site.site.longitude_deg, site.site.elevation_m)
    marked = [*config.points]
    marked += [
        (u, v, *frame.to_local(latitude, longitude)) for u, v, latitude, longitude in config.points_wgs84
    ]
    points = np.array(marked, dtype=np.float64)
    if config.image_size is not None:
        points[:, 0] *= image_size[0] / config.image_size[0]
        points[:, 1] *= image_size[1] / config.image_size[1]
    return GroundProjection.from_points(
        points, image_size=image_size, range_m=config.range_m, key=f"camera {config.name}: points"
    )


def visible_polygon(
    projection: GroundProjection, *, image_size: tuple[int, int], range_m: float
) -> NDArray[np.float64]:
    """(k, 2) ground that the camera sees, no farther than `range_m` from its nearest visible ground.

    Rays along the border of the picture: the side columns from the bottom up, and columns across at the far end.
    """
    width, height = image_size
    columns = np.linspace(0.02, 0.98, POLYGON_COLUMNS) * width
    near = projection.ground_points(np.stack([columns, np.full(POLYGON_COLUMNS, 0.98 * height)], axis=1))
    foot = near[POLYGON_COLUMNS // 2]
    rows = np.linspace(0.97 * height, 0.0, 96)
    far = []
    for column in columns:
        ray = projection.ground_points(np.stack([np.full(len(rows), column), rows], axis=1))
        distance = np.hypot(*(ray - foot).T)
        seen = np.flatnonzero(np.isfinite(distance) & (distance <= range_m))
        far.append(ray[seen[np.argmax(distance[seen])]] if len(seen) else near[0])
    return np.concatenate([near, np.array(far)[::-1]])
