"""A camera that turned by half a degree is found; dusk, night, other shadows and shaking are not taken for it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from edge.core.stamp import NS_PER_S
from edge.perception.drift import WINDOW, DriftWatch
from hw.sim.camera import read_geometry
from hw.sim.camera_placement import load_cameras, scene_directory
from hw.sim.pinhole import PinholeCamera
from hw.sim.poses import WorldState
from hw.sim.recording import RecordedTraffic
from hw.sim.render import Renderer
from hw.sim.render_light import Light

SCENE = scene_directory("four_arm")
CAMERA = load_cameras(SCENE / "cameras.toml")["south_west"]
DAY = Light()
DUSK = Light(sun_elevation_rad=0.15, ambient=0.9, shadow=0.1, exposure=0.5, noise=6.0, lamps=0.9)
EVENING = Light(sun_yaw_rad=-2.0, sun_elevation_rad=0.4)


def _turned(yaw_deg: float = 0.0, pitch_deg: float = 0.0, roll_deg: float = 0.0) -> PinholeCamera:
    return replace(
        CAMERA,
        yaw_rad=CAMERA.yaw_rad + math.radians(yaw_deg),
        pitch_rad=CAMERA.pitch_rad + math.radians(pitch_deg),
        roll_rad=CAMERA.roll_rad + math.radians(roll_deg),
    )


def _pictures(camera: PinholeCamera, light: Light, *, first: int, windows: int = 1) -> list[np.ndarray]:
    """Pictures of the crossing with traffic, every fifth drawn: the others repeat it."""
    traffic = RecordedTraffic(SCENE / "recorded.npz", step_s=4.0)
    renderer = Renderer(camera, read_geometry(SCENE), seed=7, light=light)
    for _ in range(first):
        traffic.step()
    drawn = []
    for k in range(windows * WINDOW // 5):
        _, (names, rows) = traffic.step()
        drawn.append(renderer.render(WorldState(k * NS_PER_S, names, rows), at_ns=k * NS_PER_S))
    return [picture for picture in drawn for _ in range(5)]


def _watch(*parts: list[np.ndarray]) -> DriftWatch:
    watch, now = DriftWatch(), 10**18
    for picture in [picture for part in parts for picture in part]:
        now += NS_PER_S + 1
        watch.look(picture, now_ns=now)
    return watch


@pytest.mark.parametrize(
    "camera",
    [_turned(yaw_deg=0.5), _turned(pitch_deg=-0.5), _turned(roll_deg=1.0)],
    ids=["yaw", "pitch", "roll"],
)
def test_turned_camera_is_found(camera: PinholeCamera) -> None:
    watch = _watch(_pictures(CAMERA, DAY, first=0), _pictures(camera, DUSK, first=9, windows=2))
    assert watch.drifted
    assert watch.shift is not None
    assert 2.0 < watch.shift.moved_px < 4.0


@pytest.mark.parametrize("light", [DUSK, EVENING], ids=["dusk", "other shadows"])
def test_other_light_is_no_drift(light: Light) -> None:
    watch = _watch(_pictures(CAMERA, DAY, first=0), _pictures(CAMERA, light, first=9, windows=2))
    assert not watch.drifted
    assert watch.shift is not None
    assert watch.shift.moved_px < 0.5


def test_shaking_is_no_drift() -> None:
    left = _pictures(_turned(yaw_deg=-0.4), DAY, first=9, windows=2)
    right = _pictures(_turned(yaw_deg=0.4), DAY, first=9, windows=2)
    shaken = [picture for pair in zip(left, right, strict=True) for picture in pair][: 2 * WINDOW]
    assert not _watch(_pictures(CAMERA, DAY, first=0), shaken).drifted


def test_one_average_is_no_alarm() -> None:
    watch = _watch(_pictures(CAMERA, DAY, first=0), _pictures(_turned(yaw_deg=1.0), DAY, first=9))
    assert not watch.drifted
