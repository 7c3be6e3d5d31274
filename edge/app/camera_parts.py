"""Builds one camera's parts from the site file: the one place of the camera process that knows drivers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.app.calibration_store import points_in, proposal_path, read_document
from edge.app.models import model_path
from edge.config.site import CameraConfig, SiteConfig
from edge.core.geodesy import LocalFrame
from edge.core.health import HealthState
from edge.core.stamp import NS_PER_MS
from edge.perception.ground import GroundProjection
from edge.perception.network import Wish
from edge.perception.onnx_model import OnnxModel
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
    return Models().open(config, projection)


class Models:
    """The detectors of one process: cameras with the same file on the same provider share its session.

    Only for cameras that one thread serves.
    """

    def __init__(self) -> None:
        self._loaded: dict[tuple[Path, str], OnnxModel] = {}

    def open(self, config: CameraConfig, projection: GroundProjection) -> Model:
        """The detector of a camera. Raises `ModelError`."""
        if config.model == "background":
            from edge.perception.background import BackgroundModel  # noqa: PLC0415 - heavy

            return BackgroundModel(projection, fps=config.fps)
        path, wish = model_path(config.model), wish_of(config)
        key = (path, repr(wish))
        if key not in self._loaded:
            self._loaded[key] = OnnxModel.load(path, wish=wish)
        return self._loaded[key].shared(confidence=config.confidence)


def wish_of(config: CameraConfig) -> Wish:
    """What the camera's model is to run on."""
    return Wish(config.providers, config.provider_options, config.model_threads)


def model_health(model: Model) -> tuple[HealthState, str]:
    """Where the model runs; degraded where that is not where it was wanted."""
    if not isinstance(model, OnnxModel):
        return HealthState.OK, "needs no network"
    return HealthState.DEGRADED if model.refused else HealthState.OK, model.runs_on


def projection_of(
    config: CameraConfig, site: SiteConfig, *, image_size: tuple[int, int], marked_only: bool = False
) -> GroundProjection:
    """The ground projection from the marked points, or from what cars told where that is to be used.

    Args:
        marked_only: whatever cars told.

    Raises:
        ConfigError: the points do not fit.
    """
    told = None if marked_only else _told_by_cars(config, site)
    if told is not None:
        points, size = told
        points[:, :2] *= np.array(image_size, dtype=float) / np.array(size, dtype=float)
        return GroundProjection.from_points(
            points,
            image_size=image_size,
            range_m=config.range_m,
            key=f"camera {config.name}: applied calibration",
        )
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


def _told_by_cars(
    config: CameraConfig, site: SiteConfig
) -> tuple[NDArray[np.float64], tuple[int, int]] | None:
    if config.self_calibrate != "apply":
        return None
    document = read_document(proposal_path(site.state_directory, config.name, "applied"), config)
    return None if document is None else points_in(document)


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
