"""A camera's parts follow from its section of the site file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.app.camera_parts import open_camera, open_model, projection_of, visible_polygon
from edge.app.demo_site import SCENE_DIRECTORY, free_ports, write_site
from edge.config import SiteConfig, load_site
from edge.core.errors import DeviceError, ModelError
from hw.sim.camera_placement import load_cameras
from hw.sim.pinhole import PinholeCamera
from hw.sim.rtsp_server import RtspServer


@pytest.fixture
def site(tmp_path: Path) -> SiteConfig:
    return load_site(write_site(tmp_path, free_ports()))


@pytest.fixture
def pinhole(site: SiteConfig) -> PinholeCamera:
    return load_cameras(SCENE_DIRECTORY / "cameras.toml")[site.camera[0].name]


def inside(polygon: np.ndarray, x: float, y: float) -> bool:
    """Even-odd rule."""
    result = False
    for (ax, ay), (bx, by) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if (ay > y) != (by > y) and x < ax + (y - ay) / (by - ay) * (bx - ax):
            result = not result
    return result


def test_projection_agrees_with_the_camera_that_the_points_came_from(
    site: SiteConfig, pinhole: PinholeCamera
) -> None:
    config = site.camera[0]
    projection = projection_of(config, site, image_size=(pinhole.width, pinhole.height))
    pixel = np.array([[pinhole.width / 2, pinhole.height * 0.7]])
    assert projection.ground_points(pixel)[0] == pytest.approx(pinhole.ground_points(pixel)[0], abs=0.05)


def test_points_follow_the_size_of_the_picture(site: SiteConfig, pinhole: PinholeCamera) -> None:
    config = site.camera[0]
    double = projection_of(config, site, image_size=(2 * pinhole.width, 2 * pinhole.height))
    pixel = np.array([[pinhole.width / 2, pinhole.height * 0.7]])
    assert double.ground_points(2 * pixel)[0] == pytest.approx(pinhole.ground_points(pixel)[0], abs=0.05)


def test_visible_polygon_holds_what_the_camera_sees_within_range(
    site: SiteConfig, pinhole: PinholeCamera
) -> None:
    size = (pinhole.width, pinhole.height)
    polygon = visible_polygon(
        projection_of(site.camera[0], site, image_size=size), image_size=size, range_m=60.0
    )
    rows = np.linspace(0.45, 0.9, 6) * pinhole.height
    seen = pinhole.ground_points(np.stack([np.full(6, pinhole.width / 2), rows], axis=1))
    foot = pinhole.ground_points(np.array([[pinhole.width / 2, 0.98 * pinhole.height]]))[0]
    for x, y in seen:
        assert inside(polygon, x, y) == (np.hypot(x - foot[0], y - foot[1]) < 59.0)
    behind = np.array(pinhole.position_m[:2]) - (foot - np.array(pinhole.position_m[:2]))
    assert not inside(polygon, *behind)


def test_unknown_model_is_refused_with_the_known_names(site: SiteConfig, pinhole: PinholeCamera) -> None:
    config = site.camera[0].model_copy(update={"model": "nobody"})
    projection = projection_of(config, site, image_size=(pinhole.width, pinhole.height))
    with pytest.raises(ModelError, match="use one of background, roadside-nano"):
        open_model(config, projection)


def test_shipped_model_and_the_one_without_weights_load(site: SiteConfig, pinhole: PinholeCamera) -> None:
    config = site.camera[0]
    projection = projection_of(config, site, image_size=(pinhole.width, pinhole.height))
    assert open_model(config, projection).name == "roadside-nano"
    assert open_model(config.model_copy(update={"model": "background"}), projection).name == "background"


def test_source_of_no_known_scheme_is_refused(site: SiteConfig) -> None:
    with pytest.raises(DeviceError, match="not known"):
        open_camera(site.camera[0].model_copy(update={"source": "gopher://camera"}))


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_transport_of_the_site_file_is_used(site: SiteConfig, transport: str) -> None:
    with RtspServer() as server:
        camera = open_camera(site.camera[0].model_copy(update={"source": server.url, "transport": transport}))
        camera.open()
        assert camera.read(timeout_s=5.0) is not None
        camera.close()
    assert server.played == [transport]
