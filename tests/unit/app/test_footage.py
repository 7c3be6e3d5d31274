"""Pictures of every kind of source, upright and in eight bits."""

from __future__ import annotations

import logging
import struct
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edge.app.footage import length_of, rate_of, read_picture, shown
from edge.core.errors import ConfigError
from hw.sim.rtsp_script import RtspScript
from hw.sim.rtsp_server import RtspServer

PICTURE = np.random.default_rng(3).integers(0, 255, (24, 32, 3)).astype(np.uint8)
PICTURE[:12, :16] = (200, 30, 10)


def video(path: Path, *, codec: str = "mpeg4", pixels: str = "yuv420p", count: int = 6) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 24, pixels
        for _ in range(count):
            frame = av.VideoFrame.from_ndarray(PICTURE, format="bgr24").reformat(format=pixels)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("name", "deep"),
    [
        ("eight.png", PICTURE),
        ("alpha.png", np.dstack([PICTURE, np.full(PICTURE.shape[:2], 9, np.uint8)])),
        ("twelve.png", PICTURE.astype(np.uint16) * 16),
        ("sixteen.png", PICTURE.astype(np.uint16) * 257),
        ("shares.tiff", PICTURE.astype(np.float32) / 255),
    ],
)
def test_picture_of_any_depth_is_eight_bits(tmp_path: Path, name: str, deep: np.ndarray) -> None:
    cv2.imwrite(str(tmp_path / name), deep)
    read = read_picture(tmp_path / name)
    assert read.dtype == np.uint8
    assert np.abs(read.astype(int) - PICTURE).max() <= 1


def test_grey_picture_has_three_channels(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "grey.png"), PICTURE[..., 0].astype(np.uint16) * 257)
    assert (read_picture(tmp_path / "grey.png") == PICTURE[..., :1]).all()


def test_half_a_picture_is_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "whole.jpg"), PICTURE)
    (tmp_path / "half.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:200])
    with pytest.raises(ConfigError, match="a part of one"):
        read_picture(tmp_path / "half.jpg")


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("a.avi", "mjpeg", "yuvj420p"),
        ("a.webm", "libvpx-vp9", "yuv420p"),
        ("a.gif", "gif", "rgb8"),
        ("a.mkv", "ffv1", "gray"),
        ("a.ts", "mpeg2video", "yuv420p"),
        ("a.mov", "h264", "yuv444p"),
    ],
)
def test_videos_of_every_usual_make_read(tmp_path: Path, name: str, codec: str, pixels: str) -> None:
    path = str(video(tmp_path / name, codec=codec, pixels=pixels))
    read = list(shown(path))
    assert len(read) == 6
    assert all(image.shape == PICTURE.shape and image.dtype == np.uint8 for _, _, image in read)
    assert rate_of(path) == 10
    assert length_of(path) == 6


def test_phone_video_stands_upright(tmp_path: Path) -> None:
    raw = bytearray(video(tmp_path / "lying.mp4").read_bytes())
    # ISO 14496-12, 8.3.2: the matrix of the track header, here a quarter turn clockwise.
    at = raw.find(b"tkhd") + 4 + 40
    raw[at : at + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 24 << 16, 0, 1 << 30)
    (tmp_path / "turned.mp4").write_bytes(raw)
    lying, upright = (next(shown(str(tmp_path / name)))[2] for name in ("lying.mp4", "turned.mp4"))
    assert (upright == np.rot90(lying, -1)).all()


def test_folder_is_shown_in_the_order_of_names(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name, value in (("b.png", 20), ("a.png", 10), ("c.png", 30)):
        cv2.imwrite(str(tmp_path / name), np.full((4, 4, 3), value, np.uint8))
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "bad.png").write_text("no picture")
    with caplog.at_level(logging.WARNING):
        assert [int(image[0, 0, 0]) for _, _, image in shown(str(tmp_path))] == [10, 20, 30]
    assert "bad.png" in caplog.text
    assert [number for number, _, _ in shown(str(tmp_path), every=3)] == [0, 3]


def test_cut_video_gives_what_there_is(tmp_path: Path) -> None:
    raw = video(tmp_path / "whole.ts", codec="mpeg2video", count=30).read_bytes()
    (tmp_path / "cut.ts").write_bytes(raw[: len(raw) * 6 // 10])
    assert 0 < len(list(shown(str(tmp_path / "cut.ts")))) < 30


def test_wrong_password_is_named_and_not_shown() -> None:
    with RtspServer(RtspScript(password="right")) as server:  # noqa: S106 - of the simulated camera
        address = server.url.replace("rtsp://", "rtsp://user:wrong@")
        with pytest.raises(ConfigError, match=r"401.*USER:PASSWORD@HOST") as caught:
            next(shown(address))
    assert "wrong" not in str(caught.value)


def test_mistakes_are_named(tmp_path: Path) -> None:
    raw = video(tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(raw[: len(raw) // 2])
    (tmp_path / "empty").mkdir()
    for source, said in (
        (str(tmp_path / "cut.mp4"), "a part of one"),
        (str(tmp_path / "empty"), "no picture"),
        (str(tmp_path / "none.mp4"), "none.mp4"),
        ("http://127.0.0.1:9/street.mp4", "http://127.0.0.1:9/street.mp4: .*refused .*check address"),
        ("rtsp://user:secret@127.0.0.1:9/cam", "rtsp://127.0.0.1:9/cam: "),
    ):
        with pytest.raises(ConfigError, match=said):
            next(shown(source))
