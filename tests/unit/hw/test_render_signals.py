"""Signal heads in the rendered world show what the simulated controller says, where the camera sees their front."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.core.errors import DeviceError
from edge.core.signals import LampState
from hw.sim.camera import read_geometry
from hw.sim.camera_placement import load_cameras, load_lamp_cameras, scene_directory
from hw.sim.poses import WorldState, empty_rows
from hw.sim.render import Renderer
from hw.sim.render_signals import FLASH_NS, lamps_px, lit_lamps, signal_heads

SCENE = scene_directory("four_arm")
GEOMETRY = read_geometry(SCENE)
TELE = load_lamp_cameras(SCENE)["south_west_lamps"]
WIDE = load_cameras(SCENE / "cameras.toml")
BLUE, GREEN, RED = 0, 1, 2


def state(lamp: LampState) -> WorldState:
    groups = tuple(
        {"kind": head.kind, "number": head.number, "lamp": lamp.name, "min_ds": None, "max_ds": None}
        for head in signal_heads(GEOMETRY)
    )
    return WorldState(0, (), empty_rows(0), "", groups)


def colour_at(picture: np.ndarray, place: tuple[float, float]) -> np.ndarray:
    u, v = round(place[0] - 0.5), round(place[1] - 0.5)
    return np.asarray(picture[v - 1 : v + 2, u - 1 : u + 2].reshape(-1, 3).mean(axis=0))


def test_the_long_lens_sees_two_vehicle_heads_and_a_walkers_head_ten_pixels_a_lamp() -> None:
    seen = {(h.kind, h.number): place for h in signal_heads(GEOMETRY) if (place := lamps_px(TELE, h))}
    assert set(seen) == {("vehicle", 4), ("vehicle", 7), ("pedestrian", 4)}
    assert all(4.5 < radius < 6.0 for _, radius in seen.values())


@pytest.mark.parametrize(
    ("lamp", "index", "channel"),
    [(LampState.RED, 0, RED), (LampState.GREEN, 2, GREEN), (LampState.YELLOW, 1, RED)],
    ids=["red", "green", "yellow"],
)
def test_lit_lamp_shines_at_its_place(lamp: LampState, index: int, channel: int) -> None:
    head = next(h for h in signal_heads(GEOMETRY) if (h.kind, h.number) == ("vehicle", 4))
    place = lamps_px(TELE, head)
    assert place is not None
    picture = Renderer(TELE, GEOMETRY, seed=3).render(state(lamp), at_ns=0)
    colours = [colour_at(picture, centre) for centre in place[0]]
    assert [int(colour.max() > 200) for colour in colours] == [int(i == index) for i in range(3)]
    assert colours[index][channel] > colours[index][BLUE] + 30


def test_walkers_head_has_no_amber_and_a_flashing_lamp_is_dark_half_of_the_time() -> None:
    assert {h.colours for h in signal_heads(GEOMETRY) if h.kind == "pedestrian"} == {("red", "green")}
    assert [lit_lamps(LampState.FLASHING_RED, at_ns=half * FLASH_NS) for half in range(4)] == [
        ("red",),
        (),
    ] * 2
    assert lit_lamps(LampState.DARK, at_ns=0) == ()


def test_heads_hang_beyond_the_range_of_the_wide_cameras() -> None:
    """The detector may take a small head for a walker; its foot then lies too far away to count."""
    for camera in WIDE.values():
        for head in signal_heads(GEOMETRY):
            pixels, depth = camera.project(head.housing())
            if depth.min() < 1.0 or not camera.in_frame(head.middle_m):
                continue
            foot = camera.ground_points(np.array([pixels[:, 0].mean(), pixels[:, 1].max()]))
            distance_m = np.hypot(*(foot - np.array(camera.position_m[:2])))
            assert np.isnan(distance_m) or distance_m > 75.0


def test_a_scene_without_signals_has_none() -> None:
    assert signal_heads({}) == ()
    assert load_lamp_cameras(scene_directory("four_arm").parent / "roundabout") == {}


def test_signals_that_do_not_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "geometry.json").write_text("{}")
    (tmp_path / "signals.json").write_text("[")
    with pytest.raises(DeviceError, match=r"signals\.json"):
        read_geometry(tmp_path)
