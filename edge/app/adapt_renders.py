"""Rendered pictures of the shipped crossing with their truth, mixed in so that a network does not forget."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from edge.adaptation.matching import Labels
from edge.ports import Image
from hw.sim.camera import load_cameras, read_geometry
from hw.sim.camera_placement import scene_directory
from hw.sim.pinhole import PinholeCamera
from hw.sim.poses import WorldState
from hw.sim.recording import RecordedTraffic
from hw.sim.render import Renderer
from hw.sim.render_light import random_light
from hw.sim.render_visibility import visibility

_SCENE = "four_arm"
_STEP_S = 7.0
_PICTURES_A_CAMERA = 4
_LEAST_FRACTION, _LEAST_HEIGHT_PX = 0.3, 7.5


def rendered_pictures(count: int, *, size: tuple[int, int], seed: int) -> Iterator[tuple[Image, Labels]]:
    """Moments of the recorded traffic through moved cameras in random light.

    Args:
        count: of pictures.
        size: width and height.
        seed: of cameras and light.
    """
    scene, generator = scene_directory(_SCENE), np.random.default_rng(seed)
    cameras, geometry = list(load_cameras(scene / "cameras.toml").values()), read_geometry(scene)
    traffic = RecordedTraffic(scene / "recorded.npz", step_s=_STEP_S)
    for _ in range(int(generator.integers(1, 9))):
        traffic.step()
    for number in range(count):
        if number % _PICTURES_A_CAMERA == 0:
            camera = _moved(cameras[int(generator.integers(len(cameras)))], size, generator)
            renderer = Renderer(
                camera, geometry, seed=int(generator.integers(1 << 31)), light=random_light(generator)
            )
        _, (names, rows) = traffic.step()
        state = WorldState((number + 1) * 10**9, names, rows)
        yield renderer.render(state, at_ns=state.stamp_ns), _labels(state, camera)


def _moved(camera: PinholeCamera, size: tuple[int, int], generator: np.random.Generator) -> PinholeCamera:
    x, y, z = np.array(camera.position_m) + generator.normal(0, [1.5, 1.5, 0.5])
    return dataclasses.replace(
        camera,
        position_m=(float(x), float(y), float(z)),
        yaw_rad=camera.yaw_rad + float(generator.normal(0, 0.08)),
        pitch_rad=camera.pitch_rad + float(generator.normal(0, 0.04)),
        focal_px=camera.focal_px * size[0] / camera.width,
        width=size[0],
        height=size[1],
    )


def _labels(state: WorldState, camera: PinholeCamera) -> Labels:
    seen = visibility(state, camera)
    there = seen.height_px > 0
    sure = (seen.fraction >= _LEAST_FRACTION) & (seen.height_px >= _LEAST_HEIGHT_PX)
    return Labels(
        seen.box_px[there].astype(np.float64),
        state.rows["kind"][there].astype(np.int64),
        np.asarray(sure[there], dtype=bool),
        np.ones(int(there.sum()), dtype=bool),
    )
