"""Which camera runs in which process."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.app.demo_site import free_ports, write_site
from edge.app.front_children import camera_processes
from edge.config import load_site
from edge.core.errors import ConfigError


def site_with(tmp_path: Path, line: str, *, count: int) -> Path:
    path = write_site(tmp_path, free_ports())
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("[[camera]]\n", f"[[camera]]\n{line}\n", count), encoding="utf-8")
    return path


def test_each_camera_has_a_process_of_its_own(tmp_path: Path) -> None:
    site = load_site(write_site(tmp_path, free_ports()))
    specs = camera_processes(site, "site.toml")
    names = [camera.name for camera in site.camera]
    assert len(names) > 1
    assert [spec.name for spec in specs] == [f"camera.{name}" for name in names]
    assert [spec.arguments for spec in specs] == [("site.toml", name) for name in names]


def test_cameras_of_a_group_share_a_process_that_owns_their_health(tmp_path: Path) -> None:
    site = load_site(site_with(tmp_path, 'group = "poles"', count=2))
    names = [camera.name for camera in site.camera]
    first, *others = camera_processes(site, "site.toml")
    assert first.name == "cameras.poles"
    assert first.arguments == ("site.toml", *names[:2])
    assert first.owns == tuple(f"camera.{name}" for name in names[:2])
    assert len(others) == len(names) - 2


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('providers = ["tensort", "cpu"]', "'tensort' is no provider: use some of cpu, cuda, tensorrt"),
        ("providers = []", "at least 1 item"),
        ("[camera.provider_options.gpu]\nx = 1", "'gpu' is no provider"),
        ('group = "Big One"', "'Big One' is no name"),
    ],
)
def test_wrong_settings_are_refused_with_the_remedy(tmp_path: Path, line: str, words: str) -> None:
    path = site_with(tmp_path, line if not line.startswith("[") else "", count=1)
    if line.startswith("["):
        text = path.read_text(encoding="utf-8")
        at = text.index("[[camera]]", text.index("[[camera]]") + 1)
        path.write_text(f"{text[:at]}{line}\n{text[at:]}", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_site(path)
    assert words in str(caught.value)


def test_background_cannot_be_gated(tmp_path: Path) -> None:
    path = site_with(tmp_path, "motion_gate = true", count=1)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('model = "roadside-nano"', 'model = "background"', 1), encoding="utf-8")
    with pytest.raises(ConfigError, match="background must see every frame"):
        load_site(path)
