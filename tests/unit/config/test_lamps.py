"""Signal heads in the site file: places from a box or from centres, and mistakes named with their remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.config import load_site
from edge.config.lamps import LampConfig
from edge.core.errors import ConfigError
from tests.unit.config.test_load import GOOD, write

CAMERA = """
[[camera]]
name = "lamps"
source = "file:lamps.mp4"
model = "none"
image_size = [480, 288]
"""
LAMP = """
[[camera.lamp]]
signal_group = 2
box = [10, 20, 22, 56]
"""


def test_a_camera_that_only_reads_lamps_needs_no_points(tmp_path: Path) -> None:
    camera = load_site(write(tmp_path, GOOD + CAMERA + LAMP)).camera[-1]
    assert not camera.detects
    assert camera.lamp[0].order == ("red", "amber", "green")
    assert camera.quality


def test_box_is_divided_among_the_lamps() -> None:
    vertical = LampConfig(signal_group=2, box=(10, 20, 22, 56))
    assert vertical.discs() == ((16.0, 26.0, 6.0), (16.0, 38.0, 6.0), (16.0, 50.0, 6.0))
    level = LampConfig(signal_group=2, box=(10, 20, 34, 32), layout="horizontal", order=("red", "green"))
    assert level.discs() == ((16.0, 26.0, 6.0), (28.0, 26.0, 6.0))
    placed = LampConfig(signal_group=2, centres=((1, 2), (3, 4)), radius_px=5, order=("red", "green"))
    assert placed.discs() == ((1.0, 2.0, 5.0), (3.0, 4.0, 5.0))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (CAMERA, "model none is for cameras that read lamps"),
        (CAMERA.replace("image_size = [480, 288]\n", "") + LAMP, "lamp needs image_size"),
        (CAMERA + LAMP.replace("= 2", "= 9"), "lamp.signal_group 9 is no signal_group of controller.group"),
        (CAMERA + LAMP.replace("box = [10, 20, 22, 56]", ""), "give either box, or centres"),
        (CAMERA + LAMP.replace("[10, 20, 22, 56]", "[22, 20, 10, 56]"), "x2 > x1"),
        (CAMERA + LAMP.replace("box = [10, 20, 22, 56]", "centres = [[1, 2]]"), "centres needs radius_px"),
        (CAMERA + LAMP + 'order = ["red", "red"]\n', "different colours"),
        (CAMERA + LAMP + 'order = ["blue"]\n', "order"),
        (CAMERA + LAMP + "colour = 1\n", "colour"),
    ],
    ids=[
        "no lamps",
        "no size",
        "unknown group",
        "no place",
        "box",
        "no radius",
        "twice",
        "blue",
        "unknown key",
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words.replace("[", r"\[")):
        load_site(write(tmp_path, GOOD + text))


def test_policy_is_one_of_two(tmp_path: Path) -> None:
    policy = '[controller]\nlamp_disagreement = "{}"'
    good = GOOD.replace("[controller]", policy.format("withdraw"))
    site = load_site(write(tmp_path, good))
    assert site.controller is not None
    assert site.controller.lamp_disagreement == "withdraw"
    with pytest.raises(ConfigError, match="lamp_disagreement"):
        load_site(write(tmp_path, GOOD.replace("[controller]", policy.format("stop"))))
