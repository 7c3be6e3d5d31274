"""Pictures in every weather, light and texture."""

from __future__ import annotations

import ast
import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

import hw.sim
from edge.core.kinds import ObjectClass
from hw.sim.pinhole import PinholeCamera
from hw.sim.poses import WorldState
from hw.sim.render_draws import HELD_PARTS, PARTS, Draws
from hw.sim.render_lens import LensCamera
from hw.sim.render_light import Light
from hw.sim.render_textures import HELD, TRAINED, Texture
from hw.sim.render_varied import Varied, VariedRenderer
from hw.sim.render_visibility import visibility
from hw.sim.render_weather import Weather, add_rain, random_weather, through_fog
from tests.unit.hw.render_scene import CAMERA, GEOMETRY, state_of

LENS = LensCamera(*(getattr(CAMERA, field.name) for field in dataclasses.fields(CAMERA)), bend=0.3)
FINE = Weather()
FOG = Weather(fog_per_m=0.03, fog_colour=(180.0, 180.0, 180.0))
RAIN = Weather(fog_per_m=0.006, rain=0.8, wet=0.9)
NIGHT = Weather(night=True, lamp_colour=(0.5, 0.8, 1.1))
DAY_LIGHT, NIGHT_LIGHT = Light(noise=0.0), Light(noise=0.0, exposure=0.25, shadow=0.0, ambient=0.9, lamps=1.0)
STREET = state_of(
    [
        (ObjectClass.CAR, 8.0, 1.7, 180.0),
        (ObjectClass.BUS, 30.0, 1.7, 180.0),
        (ObjectClass.CAR, 45.0, -1.7, 0.0),
        (ObjectClass.PEDESTRIAN, 11.0, -4.0, 90.0),
        (ObjectClass.BICYCLE, 22.0, 7.6, 180.0),
    ]
)


def rendered(
    weather: Weather, light: Light = DAY_LIGHT, *, seed: int = 4, state: WorldState = STREET
) -> Varied:
    return VariedRenderer(LENS, GEOMETRY, seed=seed, weather=weather, light=light).render(state)


def test_the_seed_decides_everything() -> None:
    first, again, other = (VariedRenderer(LENS, GEOMETRY, seed=seed).render(STREET) for seed in (4, 4, 5))
    assert first.picture.shape == (288, 480, 3)
    assert first.picture.dtype == np.uint8
    assert np.array_equal(first.picture, again.picture)
    assert not np.array_equal(first.picture, other.picture)


@pytest.mark.parametrize(
    ("weather", "light"),
    [(RAIN, DAY_LIGHT), (FOG, DAY_LIGHT), (NIGHT, NIGHT_LIGHT)],
    ids=["rain", "fog", "night"],
)
def test_weather_changes_the_picture_but_not_the_truth(weather: Weather, light: Light) -> None:
    fine, changed = rendered(FINE), rendered(weather, light)
    assert np.abs(fine.picture.astype(int) - changed.picture).mean() > 4.0
    for name in ("box_px", "height_px", "fraction"):
        assert np.array_equal(getattr(fine.truth, name), getattr(changed.truth, name), equal_nan=True)


def test_fog_takes_more_contrast_from_what_is_far() -> None:
    black, white = np.zeros((3, 3)), np.full((3, 3), 255.0)
    distance_m = np.array([10.0, 50.0, 200.0])
    kept = (through_fog(white, distance_m, FOG) - through_fog(black, distance_m, FOG))[:, 0] / 255.0
    assert kept == pytest.approx(np.exp(-0.03 * distance_m))


def test_night_is_darker_and_lamps_are_bright() -> None:
    night, day = rendered(NIGHT, NIGHT_LIGHT).picture, rendered(FINE).picture
    assert night.mean() < 0.7 * day.mean()
    assert night.max() > 180


def test_denser_rain_has_more_streaks() -> None:
    grey = np.full((288, 480, 3), 60, dtype=np.uint8)
    light, heavy = (
        add_rain(grey, Weather(rain=rain), np.random.default_rng(1)).astype(int) - 60 for rain in (0.1, 1.0)
    )
    assert np.count_nonzero(heavy) > 2 * np.count_nonzero(light) > 0
    assert add_rain(grey, FINE, np.random.default_rng(1)) is grey


def test_what_stands_in_front_hides_road_users() -> None:
    clear = visibility(STREET, LENS)
    wall = np.full((288, 480), 25.0, dtype=np.float32)
    behind = visibility(STREET, LENS, screen_m=wall)
    assert clear.fraction[1] > 0.5
    assert behind.fraction[1] == 0.0  # 42 m away
    assert behind.fraction[0] == pytest.approx(clear.fraction[0])  # 22 m away
    assert np.array_equal(behind.box_px, clear.box_px, equal_nan=True)


def test_lens_bends_towards_the_middle_and_back() -> None:
    pixels = np.stack(np.meshgrid(np.linspace(0, 480, 9), np.linspace(0, 288, 7)), axis=-1)
    bent = LENS.distort(pixels)
    centre = np.array([240.0, 144.0])
    assert (np.linalg.norm(bent - centre, axis=-1) <= np.linalg.norm(pixels - centre, axis=-1) + 1e-9).all()
    assert LENS.straighten(bent) == pytest.approx(pixels, abs=1e-6)
    ground = LENS.ground_points(np.array([[100.0, 250.0], [400.0, 200.0]]))
    again, _ = LENS.project(np.column_stack([ground, np.zeros(2)]))
    assert again == pytest.approx(np.array([[100.0, 250.0], [400.0, 200.0]]), abs=1e-6)


def test_a_slight_bend_is_nearly_a_pinhole() -> None:
    slight = dataclasses.replace(LENS, bend=0.01)
    points = np.array([[20.0, 3.0, 0.0], [40.0, -6.0, 1.5]])
    assert slight.project(points)[0] == pytest.approx(CAMERA.project(points)[0], abs=0.05)
    assert isinstance(slight.pinhole(), PinholeCamera)


def test_held_out_draws_never_meet_those_of_training() -> None:
    def parts(*, held: bool) -> set[int]:
        draws = Draws(np.random.default_rng(3), held)
        return {math.floor((draws.uniform(4.0, 14.0) - 4.0) / 10.0 * PARTS) for _ in range(400)}

    assert parts(held=True) == set(HELD_PARTS)
    assert parts(held=False) == set(range(PARTS)) - set(HELD_PARTS)
    assert not set(TRAINED) & set(HELD)


@pytest.mark.parametrize("texture", [*TRAINED, *HELD], ids=lambda texture: str(texture.__name__))
def test_textures_are_centred_and_not_flat(texture: Texture) -> None:
    field = texture((90, 130), np.random.default_rng(2))
    assert field.shape == (90, 130)
    assert abs(float(field.mean())) < 0.05
    assert float(field.std()) == pytest.approx(1.0, abs=0.05)


def test_all_weathers_are_drawn() -> None:
    draws = Draws(np.random.default_rng(5))
    drawn = [random_weather(draws)[0] for _ in range(300)]
    for flags in (
        [w.night for w in drawn],
        [w.rain > 0 for w in drawn],
        [w.fog_per_m > 0.012 for w in drawn],
    ):
        assert 0.1 < np.mean(flags) < 0.5
    assert any(w.night and w.rain > 0 for w in drawn)


def test_the_demo_renderer_has_nothing_to_do_with_it() -> None:
    """The plain look costs what it cost: none of the new drawing is reached from the simulated camera."""
    folder = Path(hw.sim.__file__).parent
    reached, waiting = set(), ["camera", "render"]
    while waiting:
        name = waiting.pop()
        if name in reached or not (folder / f"{name}.py").is_file():
            continue
        reached.add(name)
        tree = ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"))
        modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        waiting += [module.removeprefix("hw.sim.") for module in modules if module.startswith("hw.sim.")]
    varied = {"varied", "street", "weather", "glow", "decals", "sensor", "lens", "textures", "draws"}
    assert "render_background" in reached
    assert not reached & {f"render_{name}" for name in varied}
