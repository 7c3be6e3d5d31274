"""Renders labelled pictures to disk.

    python -m models.train.dataset OUT --pictures 4000 --seed 1 [--placement any|demo] [--states FILE.poses]
    python -m models.train.dataset OUT --pictures 6000 --seed 2 --varied [--held]

`--varied` draws every weather, light, texture, pose and lens; with `--held` all of them from the held-out world
(`hw/sim/render_draws.py`).

Writes OUT.images.npy (n, 288, 480, 3) uint8 and OUT.labels.npz: offset (n + 1,), box_px (m, 4), kind (m,),
fraction (m,), height_px (m,), ground_m (m, 2), camera (n, 7), weather (n, 3) whether night, rain, fog.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from hw.sim.camera_placement import load_cameras
from hw.sim.pinhole import PinholeCamera
from hw.sim.poses import WorldState
from hw.sim.render import Renderer
from hw.sim.render_draws import Draws
from hw.sim.render_lens import LensCamera
from hw.sim.render_light import random_light
from hw.sim.render_varied import VariedRenderer
from hw.sim.render_visibility import Visibility, visibility
from hw.sim.render_weather import LEAST_FOG_PER_M
from models.train.crossings import random_crossing
from models.train.crowds import crowded_traffic
from models.train.shards import HEIGHT_PX, WIDTH_PX
from models.train.traffic import random_traffic, recorded_traffic

_PICTURES_A_PLACE = 4
Moment = tuple[np.ndarray, dict[str, np.ndarray], PinholeCamera, tuple[bool, bool, bool]]
"""Picture, labels, camera, and whether night, rain and fog."""


def random_camera(generator: np.random.Generator) -> PinholeCamera:
    """A pole somewhere round a crossing, looking at or over it."""
    bearing = generator.uniform(-math.pi, math.pi)
    distance = generator.uniform(9.0, 30.0)
    position = distance * np.array([math.cos(bearing), math.sin(bearing)])
    target = generator.normal(0.0, 9.0, 2)
    yaw = math.atan2(*(target - position)[::-1]) + generator.normal(0, 0.25)
    field = math.radians(generator.uniform(58.0, 98.0))
    return PinholeCamera(
        (float(position[0]), float(position[1]), float(generator.uniform(6.0, 11.0))),
        yaw,
        -math.radians(generator.uniform(12.0, 36.0)),
        math.radians(generator.normal(0.0, 1.0)),
        WIDTH_PX / 2 / math.tan(field / 2),
        WIDTH_PX,
        HEIGHT_PX,
    )


def varied_camera(draws: Draws) -> LensCamera:
    """A pole of 4 to 14 m anywhere round a crossing, a lens of 45 to 110 degrees, bent more the wider it is."""
    bearing, distance = draws.generator.uniform(-math.pi, math.pi), draws.uniform(5.0, 32.0)
    position = distance * np.array([math.cos(bearing), math.sin(bearing)])
    height, field = draws.uniform(4.0, 14.0), math.radians(draws.uniform(45.0, 110.0))
    target = draws.generator.normal(0.0, 9.0, 2)
    bend = float(np.clip(draws.uniform(0.05, 0.35) + 0.4 * (field - 0.8), 0.05, 0.85))
    # The lens presses the outer parts together: this focal length gives the wanted field at the picture's side.
    pressed = math.tan(field / 2) * math.atan(bend * 0.857) / (bend * 0.857)
    return LensCamera(
        (float(position[0]), float(position[1]), height),
        math.atan2(*(target - position)[::-1]) + float(draws.generator.normal(0, 0.25)),
        -math.atan(height / math.exp(draws.uniform(math.log(10.0), math.log(45.0)))),
        math.radians(draws.uniform(-4.0, 4.0)),
        WIDTH_PX / 2 / pressed,
        WIDTH_PX,
        HEIGHT_PX,
        bend,
    )


def demo_camera(generator: np.random.Generator, scene: Path, jitter: float) -> PinholeCamera:
    """One of the demo's cameras, moved and turned a little."""
    cameras = list(load_cameras(scene / "cameras.toml").values())
    exact = cameras[int(generator.integers(len(cameras)))]
    x, y, z = np.array(exact.position_m) + jitter * generator.normal(0, [1.5, 1.5, 0.5])
    return PinholeCamera(
        (float(x), float(y), float(z)),
        exact.yaw_rad + jitter * generator.normal(0, 0.08),
        exact.pitch_rad + jitter * generator.normal(0, 0.04),
        exact.roll_rad + jitter * generator.normal(0, 0.01),
        exact.focal_px * float(np.exp(jitter * generator.normal(0, 0.05))),
        WIDTH_PX,
        HEIGHT_PX,
    )


def main() -> None:
    """Render and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--pictures", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--placement", choices=("any", "demo"), default="any")
    parser.add_argument("--scene", type=Path, default=Path("hw/sim/scenes/four_arm"))
    parser.add_argument(
        "--states", type=Path, help="moments of the scene's own traffic in place of random ones"
    )
    parser.add_argument("--varied", action="store_true", help="every weather, light, texture, pose and lens")
    parser.add_argument("--held", action="store_true", help="draw --varied from the held-out world")
    parser.add_argument("--jitter", type=float, default=1.0, help="how far demo placements are moved")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    shape = (options.pictures, HEIGHT_PX, WIDTH_PX, 3)
    images = np.lib.format.open_memmap(f"{options.out}.images.npy", mode="w+", dtype=np.uint8, shape=shape)
    rows: list[dict[str, np.ndarray]] = []
    cameras: list[PinholeCamera] = []
    weather: list[tuple[bool, bool, bool]] = []
    recorded = recorded_traffic(options.states) if options.states else []
    for start in range(0, options.pictures, _PICTURES_A_PLACE):
        generator = np.random.default_rng((options.seed, start))
        count = min(_PICTURES_A_PLACE, options.pictures - start)
        moments = _varied if options.varied else _plain
        for index, moment in enumerate(moments(generator, options, recorded, start, count)):
            images[start + index], labels, camera, airs = moment
            rows.append(labels)
            cameras.append(camera)
            weather.append(airs)
    _save(options.out, rows, cameras, weather)


def _plain(
    generator: np.random.Generator, options: Any, recorded: list[WorldState], start: int, count: int
) -> Iterator[Moment]:
    """Moments at one place with the look of the demo."""
    geometry, camera = _place(generator, options)
    renderer = Renderer(
        camera, geometry, seed=int(generator.integers(1 << 31)), light=random_light(generator)
    )
    for index in range(start, start + count):
        state = recorded[index % len(recorded)] if recorded else random_traffic(geometry, generator)
        image = _soften(renderer.render(state, at_ns=state.stamp_ns), generator)
        yield image, _labels(state, visibility(state, camera)), camera, (False, False, False)


def _varied(
    generator: np.random.Generator, options: Any, recorded: list[WorldState], start: int, count: int
) -> Iterator[Moment]:
    """Moments at one place in one weather, with everything drawn."""
    geometry, camera = random_crossing(generator), varied_camera(Draws(generator, options.held))
    renderer = VariedRenderer(camera, geometry, seed=int(generator.integers(1 << 31)), held=options.held)
    weather = renderer.weather
    airs = (weather.night, weather.wet > 0, weather.fog_per_m >= LEAST_FOG_PER_M)
    for _ in range(count):
        state = crowded_traffic(geometry, generator)
        seen = renderer.render(state)
        yield seen.picture, _labels(state, seen.truth), camera, airs


def _labels(state: WorldState, seen: Visibility) -> dict[str, np.ndarray]:
    """What is in the picture."""
    keep = seen.height_px > 0
    return {
        "box_px": seen.box_px[keep],
        "kind": state.rows["kind"][keep],
        "fraction": seen.fraction[keep],
        "height_px": seen.height_px[keep],
        "ground_m": np.stack([state.rows["x"], state.rows["y"]], axis=1)[keep],
    }


def _place(generator: np.random.Generator, options: Any) -> tuple[dict[str, Any], PinholeCamera]:
    """A crossing and a camera at it."""
    scene = options.scene / "geometry.json"
    if options.placement == "any":
        return random_crossing(generator), random_camera(generator)
    geometry = json.loads(scene.read_text()) if scene.is_file() else random_crossing(generator)
    return geometry, demo_camera(generator, options.scene, options.jitter)


def _soften(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The blur of a cheap lens, sometimes."""
    if generator.random() < 0.3:
        return cv2.GaussianBlur(image, (0, 0), generator.uniform(0.3, 0.9))
    return image


def _save(
    out: Path,
    rows: list[dict[str, np.ndarray]],
    cameras: list[PinholeCamera],
    weather: list[tuple[bool, bool, bool]],
) -> None:
    offset = np.concatenate([[0], np.cumsum([len(row["kind"]) for row in rows])])
    joined = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    poses = [
        [*each.position_m, each.yaw_rad, each.pitch_rad, each.roll_rad, each.focal_px] for each in cameras
    ]
    np.savez(f"{out}.labels.npz", offset=offset, camera=np.array(poses), weather=np.array(weather), **joined)


if __name__ == "__main__":
    main()
