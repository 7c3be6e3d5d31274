"""Saving points: checked, atomic, with the old file kept."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from edge.config import load_draft, load_site
from edge.config.marks import Mark, Marks
from edge.config.save import marks_digest, save_marks
from edge.core.errors import ConfigError

TEXT = """schema_version = 1
[site]
id = "demo"               # unique
latitude_deg = 39.9
longitude_deg = 116.4
map = "map.json"

[[camera]]
name = "north"
source = "file:clip.mp4"  # no points yet
"""
SOUTH = '\n[[camera]]\nname = "south"\nsource = "file:b.mp4"\n'
ROWS = tuple(Mark((10.0 * k, 20.0 * k * k), (1.0 * k, -2.0 + k * k * k)) for k in range(5))
MARKS = Marks("points", ROWS, (640, 360))


def write(folder: Path, text: str = TEXT) -> Path:
    (folder / "map.json").write_text("{}")
    path = folder / "site.toml"
    path.write_text(text)
    return path


def test_draft_loads_without_points_and_a_site_does_not(tmp_path: Path) -> None:
    path = write(tmp_path)
    assert load_draft(path).camera[0].points == ()
    with pytest.raises(ConfigError, match="at least 4 point pairs"):
        load_site(path)


def test_saved_points_load_and_the_old_file_is_kept(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.chmod(0o640)
    saved = save_marks(path, "north", MARKS)
    camera = load_site(path).camera[0]
    assert [list(row) for row in camera.points] == MARKS.values()
    assert camera.image_size == (640, 360)
    assert (tmp_path / "site.toml.bak").read_text() == TEXT
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert path.read_text().startswith(TEXT)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["map.json", "site.toml", "site.toml.bak"]
    assert str(saved) == (
        f"5 points and the image size written to {path}, lines 12 to 18 (points); "
        "the file as it was before is site.toml.bak"
    )


def test_link_to_the_file_stays_a_link(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    path = write(real)
    link = tmp_path / "site.toml"
    link.symlink_to(path)
    save_marks(link, "north", MARKS)
    assert link.is_symlink()
    assert len(load_site(link).camera[0].points) == 5


def test_site_that_is_not_ready_for_other_reasons_is_saved_and_told(tmp_path: Path) -> None:
    saved = save_marks(write(tmp_path, TEXT + SOUTH), "north", MARKS)
    assert saved.unfinished.startswith("camera[1]: needs at least 4 point pairs")


def test_what_would_not_load_is_not_written(tmp_path: Path) -> None:
    path = write(tmp_path)
    few = Marks("points", ROWS[:3], (640, 360))
    save_marks(path, "north", MARKS)
    before = path.read_text()
    with pytest.raises(ConfigError, match=r"site\.toml: camera\[0\]: needs at least 4 point pairs"):
        save_marks(path, "north", few)
    assert path.read_text() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["map.json", "site.toml", "site.toml.bak"]


def test_file_that_is_gone_or_broken_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"site\.toml: cannot read the site file"):
        save_marks(tmp_path / "site.toml", "north", MARKS)
    path = write(tmp_path, TEXT + "points = [")
    with pytest.raises(ConfigError, match="cannot read the site file"):
        save_marks(path, "north", MARKS)


def test_digest_changes_with_the_points_of_the_camera_only(tmp_path: Path) -> None:
    path = write(tmp_path, TEXT + SOUTH)
    first = marks_digest(path, "north")
    path.write_text(path.read_text().replace("b.mp4", "c.mp4"))
    assert marks_digest(path, "north") == first
    save_marks(path, "north", MARKS)
    assert marks_digest(path, "north") != first


LAMPS = """image_size = [640, 360]

[[camera.lamp]]
signal_group = 2
box = [10, 10, 20, 40]
"""
CONTROLLER = """
[controller]
type = "tscbm"
listen = "127.0.0.1:6053"

[[controller.group]]
kind = "vehicle"
number = 2
signal_group = 2
"""


def test_points_of_a_camera_that_reads_lamps_are_saved_before_its_lamps(tmp_path: Path) -> None:
    path = write(tmp_path, TEXT + LAMPS + CONTROLLER)
    save_marks(path, "north", MARKS)
    camera = load_site(path).camera[0]
    assert len(camera.points) == 5
    assert camera.lamp[0].box == (10, 10, 20, 40)


def test_image_size_that_lamps_refer_to_is_not_changed(tmp_path: Path) -> None:
    text = TEXT + LAMPS.replace("640, 360", "1280, 720") + CONTROLLER
    path = write(tmp_path, text)
    with pytest.raises(ConfigError, match=r"camera\.lamp refers to 1280x720, the picture has 640x360"):
        save_marks(path, "north", MARKS)
    assert path.read_text() == text
