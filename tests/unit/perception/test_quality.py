"""A camera says what is wrong with its picture, and says nothing of what is only traffic, night or weather."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.core.stamp import NS_PER_MS
from edge.perception.quality import BEGINS_AFTER_S, CLEAR, Condition, Quality, QualityWatch
from edge.ports import Image
from hw.sim import picture_faults as faults
from hw.sim.camera import read_geometry
from hw.sim.camera_placement import load_cameras, scene_directory
from hw.sim.lockstep import open_world
from hw.sim.poses import WorldState, empty_rows
from hw.sim.render import Renderer
from hw.sim.render_light import Light

MEDIA = Path(os.environ.get("EDGE_DATA", Path(__file__).resolve().parents[4] / "shared" / "data")) / "media"
STEP_NS = 500 * NS_PER_MS
LEARN, WRONG = 90, 290
"""Looks at the clean picture, and at the one with the fault: 45 s and 145 s."""
NIGHT = Light(exposure=0.42, noise=5.0, lamps=1.0, ambient=0.9, shadow=0.1)


@cache
def pictures(source: str) -> tuple[Image, ...]:
    """Some 40 clean pictures, two a second."""
    if source in {"day", "night"}:
        scene = scene_directory("four_arm")
        camera = load_cameras(scene / "cameras.toml")["south_west"]
        light = NIGHT if source == "night" else None
        renderer = Renderer(camera, read_geometry(scene), seed=3, light=light)
        world = open_world("four_arm", source="recorded", rate_hz=2.0)
        states = [world.step() for _ in range(40)]
        return tuple(renderer.render(state, at_ns=state.stamp_ns) for state in states)
    path = MEDIA / f"{source}.mp4"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    return tuple(_clip(path))


def _clip(path: Path) -> Iterator[Image]:
    video = cv2.VideoCapture(str(path))
    step = max(1, round(video.get(cv2.CAP_PROP_FPS) / 2.0))
    count = 0
    while (read := video.read())[0]:
        if count % step == 0:
            yield read[1]
        count += 1


class Camera:
    """Shows pictures to a watch, two a second."""

    def __init__(self, source: str) -> None:
        self.watch, self.seen = QualityWatch(), set[Condition]()
        self._pictures, self._count = pictures(source), 0
        self._chance = np.random.default_rng(5)

    def show(self, looks: int, change: faults.Fault | None = None) -> Quality:
        """Show that many pictures; returns the last judgement."""
        for _ in range(looks):
            picture = self._pictures[self._count % len(self._pictures)]
            self.show_one(picture if change is None else change(picture, self._chance))
        return self.watch.quality

    def show_one(self, picture: Image) -> None:
        self.watch.look(picture, capture_ns=self._count * STEP_NS)
        self._count += 1
        self.seen.update(self.watch.quality.conditions)


TABLE: tuple[tuple[str, Callable[[], faults.Fault], set[Condition]], ...] = (
    ("dirt on 25 %", lambda: faults.dirty(0.25), {Condition.DIRT}),
    ("dirt on 50 %", lambda: faults.dirty(0.5), {Condition.DIRT}),
    ("covered", faults.covered, {Condition.COVERED, Condition.VEIL}),
    ("glare 10 %", lambda: faults.glaring(0.1), {Condition.GLARE}),
    ("glare 20 %", lambda: faults.glaring(0.2), {Condition.GLARE}),
    ("blur 1 px", lambda: faults.defocused(1.0), {Condition.DEFOCUS}),
    ("blur 2 px", lambda: faults.defocused(2.0), {Condition.DEFOCUS}),
    ("contrast 0.4", lambda: faults.veiled(0.4), {Condition.VEIL}),
    ("contrast 0.2", lambda: faults.veiled(0.2), {Condition.VEIL, Condition.COVERED}),
    ("light 0.12", lambda: faults.dark(0.12, noise=4.0), {Condition.DARK}),
    ("light 0.4, noise 30", lambda: faults.dark(0.4, noise=30.0), {Condition.NOISE}),
    ("shake 1 px", lambda: faults.shaken(1), {Condition.SHAKE}),
    ("shake 3 px", lambda: faults.shaken(3), {Condition.SHAKE}),
    ("turned 12 px", lambda: faults.turned(12), {Condition.TURNED}),
    ("another view", faults.elsewhere, {Condition.TURNED}),
    ("frozen", faults.frozen, {Condition.FROZEN}),
    ("black", lambda: faults.blank(0), {Condition.BLANK}),
    ("blue screen", lambda: faults.blank(120), {Condition.BLANK}),
    ("magenta", faults.magenta, {Condition.COLOUR}),
)
ON_A_REAL_CLIP = {
    *("dirt on 50 %", "glare 20 %", "blur 2 px", "contrast 0.2", "light 0.12"),
    *("shake 3 px", "turned 12 px", "frozen", "black"),
}
CASES = [pytest.param("day", *row[1:], id=row[0]) for row in TABLE] + [
    pytest.param("cvtrafficcam", *row[1:], id=f"{row[0]}, real clip", marks=pytest.mark.data)
    for row in TABLE
    if row[0] in ON_A_REAL_CLIP
]


@pytest.mark.parametrize(("source", "change", "expected"), CASES)
def test_each_fault_is_named_and_lowers_the_sight(
    source: str, change: Callable[[], faults.Fault], expected: set[Condition]
) -> None:
    camera = Camera(source)
    assert camera.show(LEARN) == Quality(1.0, (), camera.watch.quality.severity)
    lasting_s = max(BEGINS_AFTER_S[condition] for condition in expected) + 20.0
    found = camera.show(round(2 * lasting_s), change())
    assert expected & set(found.conditions), found
    assert found.sight < 1.0
    assert found.message
    clean = camera.show(40)
    assert (clean.conditions, clean.sight) == ((), 1.0)


@pytest.mark.parametrize(
    "source",
    [
        "day",
        "night",
        pytest.param("cvtrafficcam", marks=pytest.mark.data),
        pytest.param("ahmetozlu_highway", marks=pytest.mark.data),
    ],
)
def test_a_clean_camera_raises_nothing(source: str) -> None:
    camera = Camera(source)
    camera.show(400)
    assert camera.seen == set()


@pytest.mark.parametrize(
    "change",
    [faults.dirty(0.05), faults.veiled(0.75), faults.dark(0.5, noise=3.0)],
    ids=["a spot", "haze", "dusk"],
)
def test_mild_changes_raise_nothing(change: faults.Fault) -> None:
    camera = Camera("day")
    camera.show(LEARN)
    camera.show(WRONG, change)
    assert camera.seen == set()


def test_worse_dirt_leaves_less_sight() -> None:
    def sight(share: float) -> float:
        camera = Camera("day")
        camera.show(LEARN)
        return camera.show(WRONG, faults.dirty(share)).sight

    assert 1.0 > sight(0.25) > sight(0.5) > 0.0


def test_dusk_and_dawn_raise_nothing() -> None:
    """From day to street lamps and back, over three minutes each."""
    camera = Camera("day")
    camera.show(LEARN)
    day, night = pictures("day"), pictures("night")
    for share in (*np.linspace(0.0, 1.0, 400), *np.linspace(1.0, 0.0, 400)):
        index = int(share * 1e6) % len(day)
        camera.show_one(cv2.addWeighted(day[index], 1.0 - share, night[index], share, 0.0))
    assert camera.seen == set()


def test_empty_road_after_a_jam_raises_nothing() -> None:
    camera = Camera("day")
    camera.show(LEARN)
    jam = pictures("day")[7]
    chance = np.random.default_rng(1)
    for _ in range(600):
        grain = chance.integers(-3, 4, jam.shape[:2])[..., None]
        camera.show_one(np.clip(jam + grain, 0, 255).astype(np.uint8))
    scene = scene_directory("four_arm")
    view = load_cameras(scene / "cameras.toml")["south_west"]
    empty = Renderer(view, read_geometry(scene), seed=3)
    for count in range(300):
        camera.show_one(empty.render(WorldState(0, (), empty_rows(0)), at_ns=count))
    assert camera.seen == set()


def test_a_bus_before_the_camera_for_a_minute_raises_nothing() -> None:
    camera = Camera("day")
    camera.show(LEARN)

    def bus(picture: Image, chance: np.random.Generator) -> Image:
        seen = picture.copy()
        seen[90:260, 60:420] = (40, 60, 200)
        for left in range(80, 400, 60):
            seen[110:160, left : left + 45] = (60, 50, 40)
        noise = chance.normal(0.0, 3.0, (*seen.shape[:2], 1))
        return np.clip(seen + noise, 0, 255).astype(np.uint8)

    camera.show(120, bus)
    camera.show(60)
    assert camera.seen == set()


def test_single_bad_pictures_raise_nothing() -> None:
    camera = Camera("day")
    camera.show(LEARN)
    for _ in range(10):
        camera.show(2, faults.blank(0))
        camera.show(20)
    assert camera.seen == set()


def test_a_camera_that_starts_blank_is_named_at_once() -> None:
    camera = Camera("day")
    assert Condition.BLANK in camera.show(10, faults.blank(0)).conditions
    assert camera.watch.quality.sight == 0.0


def test_frames_between_two_looks_cost_nothing_and_a_clock_step_is_no_fault() -> None:
    watch, picture = QualityWatch(), pictures("day")[0]
    assert watch.look(picture, capture_ns=10**9) == Quality(1.0, (), watch.quality.severity)
    judged = watch.quality
    assert watch.look(picture, capture_ns=10**9 + 100 * NS_PER_MS) is judged
    assert watch.look(picture, capture_ns=0).conditions == ()
    assert watch.look(picture, capture_ns=10**12).conditions == ()
    assert CLEAR.message == ""
