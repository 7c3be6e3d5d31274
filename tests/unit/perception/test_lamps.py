"""Signal heads are read by day and night, small, flickering and flashing; what is in doubt is unreadable, not wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from edge.core.lamps import LampReading, LampReadings
from edge.core.signals import LampState, MovementState
from edge.core.stamp import NS_PER_MS, Stamp, TimeSource
from edge.perception.lamps import Head, LampReader
from edge.ports import Image
from edge.signals.lamp_check import LampCheck
from hw.sim import picture_faults as faults

LIT = {"red": (60, 50, 255), "amber": (40, 185, 255), "green": (190, 255, 70)}
LENS = {"red": (32, 28, 70), "amber": (28, 58, 70), "green": (52, 62, 30)}
FRAME_NS = 100 * NS_PER_MS
Change = Callable[[Image], Image]


@dataclass
class Scene:
    """A head before a grey wall.

    Attributes:
        radius: of a lamp, px.
        colours: of the lamps.
        horizontal: from left to right, else from the top.
        light: of the day.
        frames: shown so far.
    """

    radius: float = 5.0
    colours: tuple[str, ...] = ("red", "amber", "green")
    horizontal: bool = False
    light: float = 1.0

    def __post_init__(self) -> None:
        step = 2.3 * self.radius
        offsets = [(step * i, 0.0) if self.horizontal else (0.0, step * i) for i in range(len(self.colours))]
        discs = tuple((40.3 + u, 30.7 + v, self.radius) for u, v in offsets)
        self.reader = LampReader((Head(4, self.colours, discs),))
        self._discs, self.frames = discs, 0
        self._chance = np.random.default_rng(2)

    def picture(self, *lit: str, arrow: bool = False) -> Image:
        """Drawn four times as large and averaged."""
        canvas = np.full((400, 480, 3), 110.0 * self.light, np.float32)
        margin = 1.4 * self.radius
        first, last = self._discs[0], self._discs[-1]
        box = [first[0] - margin, first[1] - margin, last[0] + margin, last[1] + margin]
        left, top, right, bottom = (round(4 * side) for side in box)
        canvas[top:bottom, left:right] = 26.0 * self.light
        for colour, (u, v, radius) in zip(self.colours, self._discs, strict=True):
            on = colour in lit
            paint = LIT[colour] if on else tuple(c * self.light for c in LENS[colour])
            centre = (round(4 * u), round(4 * v))
            if arrow and on:
                tip = (centre[0], centre[1] - round(3 * radius))
                cv2.arrowedLine(canvas, (centre[0], centre[1] + round(3 * radius)), tip, paint, round(radius))
            else:
                cv2.circle(canvas, centre, round(4 * radius), paint, -1)
        small = cv2.resize(canvas, (120, 100), interpolation=cv2.INTER_AREA)
        return np.clip(small + self._chance.normal(0.0, 3.0, small.shape), 0, 255).astype(np.uint8)

    def show(self, picture: Image) -> LampState:
        self.frames += 1
        (reading,) = self.reader.read(picture, capture_ns=self.frames * FRAME_NS)
        assert reading.signal_group == 4
        return reading.lamp

    def after(
        self, frames: int, *lit: str, change: Change = lambda picture: picture, arrow: bool = False
    ) -> LampState:
        """What is read when that has been shown for some frames."""
        return [self.show(change(self.picture(*lit, arrow=arrow))) for _ in range(frames)][-1]


SHOWN = [
    (("red",), LampState.RED),
    (("red", "amber"), LampState.RED_YELLOW),
    (("amber",), LampState.YELLOW),
    (("green",), LampState.GREEN),
    ((), LampState.DARK),
]
CASES = [pytest.param(lit, lamp, id=lamp.name.lower()) for lit, lamp in SHOWN]


@pytest.mark.parametrize(("lit", "lamp"), CASES)
@pytest.mark.parametrize("radius", [4.0, 6.0, 15.0])
@pytest.mark.parametrize("light", [1.6, 1.0, 0.15], ids=["bright", "day", "night"])
def test_every_state_is_read_at_every_size_and_light(
    lit: tuple[str, ...], lamp: LampState, radius: float, light: float
) -> None:
    assert Scene(radius=min(radius, 14.0), light=light).after(6, *lit) is lamp


@pytest.mark.parametrize(("lit", "lamp"), CASES)
def test_horizontal_heads_are_read(lit: tuple[str, ...], lamp: LampState) -> None:
    assert Scene(horizontal=True).after(6, *lit) is lamp


@pytest.mark.parametrize(("lit", "lamp"), [CASES[0], CASES[3], CASES[4]])
def test_two_lamp_heads_are_read(lit: tuple[str, ...], lamp: LampState) -> None:
    assert Scene(colours=("red", "green")).after(6, *lit) is lamp


@pytest.mark.parametrize("colour", ["red", "green"])
def test_arrows_are_read(colour: str) -> None:
    assert Scene(radius=8.0).after(6, colour, arrow=True).name.lower() == colour


@pytest.mark.parametrize(("lit", "lamp"), CASES[:4])
@pytest.mark.parametrize(
    "fault",
    [faults.veiled(0.6), faults.defocused(1.2), faults.dark(0.6, noise=8.0)],
    ids=["mist", "blur", "noise"],
)
def test_bad_pictures_are_read_right_or_not_at_all(
    lit: tuple[str, ...], lamp: LampState, fault: faults.Fault
) -> None:
    chance = np.random.default_rng(1)
    read = Scene(radius=6.0).after(8, *lit, change=lambda picture: fault(picture, chance))
    assert read in {lamp, LampState.UNKNOWN}


@pytest.mark.parametrize(
    "lit", [("red", "green"), ("amber", "green"), ("red", "amber", "green")], ids="+".join
)
def test_phantom_light_of_a_low_sun_is_unreadable(lit: tuple[str, ...]) -> None:
    assert Scene().after(6, *lit) is LampState.UNKNOWN


def test_a_lens_that_shines_in_another_colour_is_unreadable() -> None:
    upside_down = Scene(colours=("green", "amber", "red"))
    green_below = Scene().picture("green")
    assert upside_down.after(6, change=lambda _: green_below) is LampState.UNKNOWN


def test_glare_over_the_head_is_unreadable() -> None:
    scene = Scene()
    assert scene.after(6, "red") is LampState.RED
    assert scene.after(6, "red", change=lambda picture: np.full_like(picture, 252)) is LampState.UNKNOWN


def test_a_truck_before_the_head_is_unreadable_and_not_dark() -> None:
    scene = Scene()
    scene.after(20, "green")

    def truck(picture: Image) -> Image:
        return np.full_like(picture, 170)

    assert scene.after(8, "green", change=truck) is LampState.UNKNOWN


@pytest.mark.parametrize("pattern", ["10", "100", "110"], ids=["half", "third", "two thirds"])
def test_flickering_lamps_count_as_lit(pattern: str) -> None:
    scene = Scene()
    read = [
        scene.show(scene.picture(*(("green",) if pattern[i % len(pattern)] == "1" else ())))
        for i in range(40)
    ]
    assert set(read[5:]) == {LampState.GREEN}


@pytest.mark.parametrize(
    ("colour", "lamp"),
    [
        ("green", LampState.FLASHING_GREEN),
        ("red", LampState.FLASHING_RED),
        ("amber", LampState.FLASHING_YELLOW),
    ],
)
def test_flashing_lamps_are_read_as_flashing(colour: str, lamp: LampState) -> None:
    scene = Scene()
    read = [scene.show(scene.picture(*((colour,) if i // 5 % 2 else ()))) for i in range(60)]
    assert set(read[30:]) == {lamp}
    assert scene.after(30, colour).name.lower() == {"amber": "yellow"}.get(colour, colour)


@pytest.mark.parametrize("missing", [0, 4, 8])
@pytest.mark.parametrize("lit_before", range(5), ids="ended in step {}".format)
def test_the_end_of_a_flash_is_no_disagreement(lit_before: int, missing: int) -> None:
    """The controller says red as the flash ends, in any step of it; then frames may be missing."""
    scene, check = Scene(), LampCheck([4], walkers=[4])

    def run(told: MovementState, frames: int, *, skipped: range = range(0)) -> None:
        for index in range(frames):
            dark = told is MovementState.PROTECTED_CLEARANCE and index // 5 % 2 == 0
            at_ns = (scene.frames + 1) * FRAME_NS
            check.told([(4, told)], at_ns=at_ns - index % 2 * 2 * FRAME_NS)  # now and then stamped at arrival
            if index in skipped:
                scene.frames += 1
                continue
            lamp = scene.show(scene.picture(*(() if dark else ("red",))))
            check.seen(LampReadings("north", Stamp(at_ns, TimeSource.RTCP), (LampReading(4, lamp),)))

    run(MovementState.PROTECTED_CLEARANCE, 55 + lit_before)
    assert check.counters["differed"] == 0
    run(MovementState.STOP_AND_REMAIN, 40, skipped=range(missing))
    assert check.counters["differed"] <= 7
    assert check.disagreements == {}


def test_a_change_of_colour_is_followed_within_half_a_second() -> None:
    scene = Scene()
    scene.after(20, "green")
    read = [scene.show(scene.picture("amber")) for _ in range(6)]
    assert set(read) <= {LampState.GREEN, LampState.UNKNOWN, LampState.YELLOW}
    assert read[-1] is LampState.YELLOW


def test_a_head_outside_the_picture_is_unreadable() -> None:
    reader = LampReader((Head(4, ("red", "green"), ((400.0, 20.0, 5.0), (400.0, 40.0, 5.0))),))
    assert reader.read(Scene().picture("red"), capture_ns=1)[0].lamp is LampState.UNKNOWN


def test_pictures_of_another_size_and_a_clock_set_back_do_no_harm() -> None:
    scene = Scene()
    scene.after(6, "red")
    large = cv2.resize(scene.picture("red"), None, fx=2.0, fy=2.0)
    scene.show(np.asarray(large, dtype=np.uint8))
    (reading,) = scene.reader.read(scene.picture("green"), capture_ns=5)
    assert reading.lamp is LampState.GREEN
