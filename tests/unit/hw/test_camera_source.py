"""The `source` of a camera section is understood, or refused with what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.core.errors import DeviceError
from hw.camera import camera_from_source
from tests.unit.hw.camera_clips import write_clip


@pytest.mark.parametrize(
    "source",
    [
        "ftp://host/x",
        "",
        "rtsp:///path",
        "v4l2:video0",
        "file:",
        "file:/x?pace=slow",
        "file:/x?speed=2",
        "sim://h:1/c",
        "rtsp://user:pa/ss@host/x",
        "rtsp://user:pass@host:99999/x",
        "rtsp://[::1/x",
    ],
)
def test_what_is_not_understood_is_refused_with_a_remedy(source: str) -> None:
    with pytest.raises(DeviceError) as caught:
        camera_from_source(source, name="north")
    assert caught.value.device == "north"
    assert caught.value.remedy
    assert "pass" not in caught.value.problem


@pytest.mark.parametrize("form", ["{}?pace=fast", "file:{}?pace=fast", "file://{}?pace=fast"])
@pytest.mark.parametrize("backend", ["pyav", "opencv"])
def test_files_open_in_every_spelling(tmp_path: Path, form: str, backend: str) -> None:
    clip = write_clip(tmp_path / "clip with space.avi")
    camera = camera_from_source(form.format(clip), name="c", backend=backend)  # type: ignore[arg-type]
    camera.open()
    frame = camera.read(timeout_s=5.0)
    assert frame is not None
    assert frame.image.shape == (64, 96, 3)
    camera.close()


def test_missing_device_is_named() -> None:
    camera = camera_from_source("v4l2:/dev/no-such-video", name="c")
    with pytest.raises(DeviceError, match="/dev/no-such-video is not there"):
        camera.open()
    camera.close()
