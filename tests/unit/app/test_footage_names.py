"""Videos and cameras whose texts are not UTF-8: many makers write their titles in GBK or Latin-1."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from edge.app.footage import rate_of, shown
from hw.camera.source import camera_from_source

TITLE = "路口摄像机一号杆".encode("gbk")


def clip_with_title(path: Path) -> Path:
    place = b"T" * len(TITLE)
    with av.open(str(path), "w") as container:
        container.metadata["title"] = place.decode()
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for _ in range(3):
            grey = np.full((64, 96, 3), 90, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="bgr24")))
        container.mux(stream.encode())
    content = path.read_bytes()
    assert content.count(place) == 1
    path.write_bytes(content.replace(place, TITLE))
    return path


def test_title_that_is_no_utf8_does_not_hide_the_pictures(tmp_path: Path) -> None:
    clip = str(clip_with_title(tmp_path / "titled.mkv"))
    assert len(list(shown(clip))) == 3
    assert rate_of(clip) == 10


def test_camera_plays_a_recording_whose_title_is_no_utf8(tmp_path: Path) -> None:
    clip = clip_with_title(tmp_path / "titled.mkv")
    camera = camera_from_source(f"file:{clip}?pace=fast", name="c")
    camera.open()
    frame = camera.read(timeout_s=5.0)
    camera.close()
    assert frame is not None
