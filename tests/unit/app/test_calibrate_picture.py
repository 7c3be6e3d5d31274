"""Where the picture of a calibration comes from: a file, a recording, the simulated world; and the aerial picture."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.app.anonymiser import Anonymiser
from edge.app.calibrate_ortho import load_ortho
from edge.app.calibrate_picture import picture_of_camera, picture_of_file
from edge.config.site import DRAFT, CameraConfig
from edge.core.errors import ConfigError, DeviceError
from edge.core.geodesy import LocalFrame
from edge.perception.suppression import no_boxes
from edge.ports import Boxes, Image
from hw.sim.pose_server import PoseServer
from hw.sim.poses import WorldState, empty_rows
from tests.unit.hw.camera_clips import write_clip

FRAME = LocalFrame(50.0, 8.0)


class FindsNobody:
    """A detector of an empty road."""

    name = "nobody"

    def detect(self, image: Image) -> Boxes:
        return no_boxes()


NOBODY = Anonymiser(FindsNobody(), threshold=0.5)


def camera(source: str) -> CameraConfig:
    return CameraConfig.model_validate({"name": "north", "source": source}, context=DRAFT)


def write_picture(path: Path) -> Path:
    cv2.imwrite(str(path), np.full((40, 60, 3), 99, dtype=np.uint8))
    return path


def test_file_keeps_its_size(tmp_path: Path) -> None:
    picture = picture_of_file(write_picture(tmp_path / "a.jpg"))
    assert (picture.size, picture.origin, picture.png[:4]) == ((60, 40), "a.jpg", b"\x89PNG")


def test_what_is_no_picture_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    (tmp_path / "b.png").write_bytes(b"")
    for name, words in [("a.png", "no picture"), ("b.png", "no picture"), ("c.png", "No such file")]:
        with pytest.raises(ConfigError, match=f"--image: .*{words}"):
            picture_of_file(tmp_path / name)


def test_recording_gives_its_first_picture(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.avi", frames=3)
    picture = picture_of_camera(camera(f"file:{clip}"), anonymiser=NOBODY)
    assert picture.width > 0
    assert picture.origin.startswith("camera north, ")


def test_source_that_does_not_open_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="absent"):
        picture_of_camera(camera(f"file:{tmp_path}/absent.avi"), anonymiser=NOBODY)


async def test_simulated_camera_gives_a_picture_while_the_world_runs() -> None:
    server = PoseServer()
    port = await server.start()
    source = camera(f"sim://127.0.0.1:{port}/south_west?scene=four_arm")
    work = asyncio.create_task(asyncio.to_thread(picture_of_camera, source, anonymiser=NOBODY))
    try:
        async with asyncio.timeout(20):
            while not work.done():
                server.publish(WorldState(time.time_ns(), (), empty_rows(0)))
                await asyncio.sleep(0.02)
        assert (await work).size == (480, 288)
    finally:
        await server.close()


async def test_camera_that_sends_nothing_is_given_up() -> None:
    server = PoseServer()
    port = await server.start()
    source = camera(f"sim://127.0.0.1:{port}/south_west?scene=four_arm")
    try:
        with pytest.raises(DeviceError, match=r"no picture within 0\.3 s .*or give --image"):
            await asyncio.to_thread(picture_of_camera, source, anonymiser=NOBODY, patience_s=0.3)
    finally:
        await server.close()


def world(tmp_path: Path, *numbers: float, name: str = "a.pgw") -> Path:
    (tmp_path / name).write_text("\n".join(str(n) for n in numbers))
    return write_picture(tmp_path / "a.png")


def corner(ortho_matrix: list[float], u: float, v: float) -> tuple[float, float]:
    a, b, c, d, e, f = ortho_matrix
    return a * u + c * v + e, b * u + d * v + f


@pytest.mark.parametrize("name", ["a.pgw", "a.wld", "a.pngw"])
def test_world_file_in_metres_places_the_middle_of_the_first_pixel(tmp_path: Path, name: str) -> None:
    ortho = load_ortho(world(tmp_path, 0.5, 0.0, 0.0, -0.5, -10.0, 20.0, name=name), FRAME)
    assert corner(ortho.placement["matrix"], 0.5, 0.5) == pytest.approx((-10.0, 20.0))
    assert corner(ortho.placement["matrix"], 20.5, 0.5) == pytest.approx((0.0, 20.0))
    assert (ortho.placement["width"], ortho.placement["height"]) == (60, 40)


def test_world_file_in_degrees_is_moved_to_the_site(tmp_path: Path) -> None:
    latitude, longitude = FRAME.to_geodetic(-30.0, 40.0)
    step = (FRAME.to_geodetic(0.0, 0.1)[0] - 50.0, FRAME.to_geodetic(0.1, 0.0)[1] - 8.0)
    ortho = load_ortho(world(tmp_path, step[1], 0.0, 0.0, -step[0], longitude, latitude), FRAME)
    assert corner(ortho.placement["matrix"], 0.5, 0.5) == pytest.approx((-30.0, 40.0), abs=0.01)
    assert corner(ortho.placement["matrix"], 60.5, 40.5) == pytest.approx((-24.0, 36.0), abs=0.01)


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((0.1, 0.0, 0.0, -0.1, 480_000.0, 5_500_000.0), "near the site"),
        ((0.0, 0.0, 0.0, 0.0, 1.0, 1.0), "near the site"),
        ((0.1, 0.0, 0.0, -0.1, float("nan"), 1.0), "near the site"),
        ((1.0, 2.0), "2 numbers, not 6"),
    ],
    ids=["UTM", "flat", "nan", "short"],
)
def test_world_file_that_does_not_place_the_picture_is_refused(
    tmp_path: Path, numbers: tuple[float, ...], words: str
) -> None:
    with pytest.raises(ConfigError, match=f"--ortho: .*{words}"):
        load_ortho(world(tmp_path, *numbers), FRAME)


def test_picture_without_world_file_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"put a\.pgw there"):
        load_ortho(write_picture(tmp_path / "a.png"), FRAME)
