"""`edge detect`: pictures and videos in, boxes out."""

from __future__ import annotations

import functools
import http.server
import json
import sys
import threading
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edge.app.detect import run_detect, told_when_slow
from edge.core.errors import ConfigError, ModelError
from hw.sim.rtsp_script import RtspScript
from hw.sim.rtsp_server import RtspServer
from tests.unit.perception.graphs import raw_rows, save_constant

GREY = np.full((128, 192, 3), 90, np.uint8)


@pytest.fixture
def model(tmp_path: Path) -> str:
    """A detector that always sees one car."""
    return str(save_constant(tmp_path / "m.onnx", raw_rows([(20.0, 30.0, 12.0, 10.0, 0.9, 2)])))


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    cv2.imwrite(str(tmp_path / "street.png"), GREY)
    return tmp_path / "street.png"


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "street.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 192, 128, "yuv420p"
        for _ in range(6):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(GREY, format="bgr24")))
        container.mux(stream.encode())
    return path


def detect(source: Path, model: str, **changed: object) -> None:
    options = {
        "draw": None,
        "as_json": True,
        "confidence": None,
        "threads": 1,
        "providers": ("cpu",),
        "every": 1,
        "frames": None,
    }
    run_detect(str(source), model=model, **{**options, **changed})  # type: ignore[arg-type]


def test_picture_gives_one_json_line(picture: Path, model: str, capsys: pytest.CaptureFixture[str]) -> None:
    detect(picture, model)
    shown = capsys.readouterr()
    (line,) = [json.loads(text) for text in shown.out.splitlines()]
    assert line == {
        "frame": 0,
        "t_s": 0.0,
        "width": 192,
        "height": 128,
        "objects": [{"class": "car", "confidence": 0.9, "box": [28.0, 50.0, 52.0, 70.0]}],
    }
    assert "yolox_raw" in shown.err
    assert "1 picture, " in shown.err


def test_video_gives_a_line_a_picture(video: Path, model: str, capsys: pytest.CaptureFixture[str]) -> None:
    detect(video, model, every=2)
    lines = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert [line["frame"] for line in lines] == [0, 2, 4]
    assert [line["t_s"] for line in lines] == [0.0, 0.2, 0.4]
    assert all(len(line["objects"]) == 1 for line in lines)


def test_drawn_picture_shows_the_box(picture: Path, model: str, tmp_path: Path) -> None:
    detect(picture, model, draw=tmp_path / "found.png")
    drawn = cv2.imread(str(tmp_path / "found.png"))
    assert drawn.shape == GREY.shape
    changed = (drawn != GREY).any(axis=2)
    assert changed[60, 27:30].any()
    assert not changed[100:].any()


@pytest.mark.parametrize("blur", [True, False])
def test_blur_takes_the_detail_of_what_is_drawn(
    picture: Path, model: str, tmp_path: Path, blur: bool
) -> None:
    noise = np.random.default_rng(1).integers(0, 256, GREY.shape, dtype=np.uint8)
    cv2.imwrite(str(picture), noise)
    detect(picture, model, draw=tmp_path / "found.png", blur=blur)
    drawn = cv2.imread(str(tmp_path / "found.png"))
    inside = np.s_[54:66, 32:48]
    assert (np.ptp(drawn[inside].astype(int), axis=(0, 1)).max() < 120) == blur
    np.testing.assert_array_equal(drawn[100:, 100:], noise[100:, 100:])


def test_drawn_video_has_as_many_pictures(video: Path, model: str, tmp_path: Path) -> None:
    detect(video, model, draw=tmp_path / "found.mp4", frames=4, as_json=False)
    with av.open(str(tmp_path / "found.mp4")) as container:
        pictures = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    assert len(pictures) == 4
    assert pictures[0].shape == GREY.shape
    assert np.abs(pictures[0][60, 20:60].astype(int) - 90).max() > 40


def test_mistakes_are_named(picture: Path, video: Path, model: str, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "empty.jpg").touch()
    cases: list[tuple[Path, str, dict[str, object], str]] = [
        (tmp_path / "text.png", model, {}, "no picture"),
        (tmp_path / "empty.jpg", model, {}, "no picture"),
        (tmp_path / "text.mp4", model, {}, "text.mp4"),
        (tmp_path / "none.mp4", model, {}, "none.mp4"),
        (picture, model, {"draw": tmp_path / "found.mp4"}, "not the name of a picture"),
        (video, model, {"draw": tmp_path / "found.png"}, "not the name of a video"),
        (video, model, {"draw": tmp_path / "nowhere" / "found.mp4"}, "no folder"),
    ]
    for source, name, changed, said in cases:
        with pytest.raises(ConfigError, match=said):
            detect(source, name, **changed)
    with pytest.raises(ModelError, match="no such file"):
        detect(picture, str(tmp_path / "other.onnx"))


def test_detector_without_weights_says_what_it_cannot(
    video: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    detect(video, "background")
    shown = capsys.readouterr()
    assert "cannot tell sizes" in shown.err
    assert len(shown.out.splitlines()) == 6


def test_drawn_video_keeps_the_size_of_its_first_picture(model: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for name, picture in (("a.png", GREY), ("b.png", GREY[:64, :63]), ("c.png", GREY[:1, :1])):
        cv2.imwrite(str(tmp_path / "folder" / name), picture)
    detect(tmp_path / "folder", model, draw=tmp_path / "found.mp4")
    with av.open(str(tmp_path / "found.mp4")) as container:
        sizes = [frame.to_ndarray(format="bgr24").shape for frame in container.decode(video=0)]
    assert sizes == [GREY.shape, GREY.shape]


def test_blur_without_a_drawing_is_refused(picture: Path, model: str) -> None:
    with pytest.raises(ConfigError, match=r"--blur: nothing is drawn .*--draw"):
        detect(picture, model, blur=True)


def test_camera_gives_pictures_over_tcp(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with RtspServer(RtspScript(fps=25)) as server:
        run_detect(
            server.url,
            model=model,
            draw=tmp_path / "live.mp4",
            as_json=True,
            confidence=None,
            threads=1,
            providers=("cpu",),
            every=1,
            frames=3,
        )
        assert set(server.played) == {"tcp"}
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 3
    assert f"opening {server.url}" in shown.err


def test_who_waits_long_is_told_why(monkeypatch: pytest.MonkeyPatch) -> None:
    told, said = threading.Event(), []

    class Screen:
        def write(self, text: str) -> None:
            said.append(text)

        def flush(self) -> None:
            told.set()

    monkeypatch.setattr(sys, "stderr", Screen())
    with told_when_slow("compiling", after_s=0.0):
        assert told.wait(10.0)
    assert "compiling" in said


@pytest.mark.parametrize("name", ["same.mp4", "folder/../same.mp4", "link.mp4", "picture.png"])
def test_source_is_never_drawn_over(
    picture: Path, video: Path, model: str, tmp_path: Path, name: str
) -> None:
    source = tmp_path / ("picture.png" if name == "picture.png" else "same.mp4")
    source.write_bytes((picture if name == "picture.png" else video).read_bytes())
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.mp4").symlink_to(tmp_path / "same.mp4")
    before = source.read_bytes()
    with pytest.raises(ConfigError, match="--draw"):
        detect(source, model, draw=tmp_path / name)
    assert source.read_bytes() == before


@pytest.mark.parametrize("broken", ["folder", "full disk"])
def test_video_that_cannot_be_written_is_named(video: Path, model: str, tmp_path: Path, broken: str) -> None:
    draw = tmp_path / "found.mkv"
    if broken == "folder":
        draw.mkdir()
    else:
        draw.symlink_to("/dev/full")
    with pytest.raises(ConfigError, match=r"found\.mkv cannot be written"):
        detect(video, model, draw=draw)


def test_picture_behind_an_address_is_looked_at(
    picture: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(picture.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        run_detect(
            f"http://127.0.0.1:{server.server_address[1]}/street.png",
            model=model, draw=None, as_json=True, confidence=None, threads=1, providers=("cpu",), every=1, frames=None,
        )  # fmt: skip
        server.shutdown()
    assert len(json.loads(capsys.readouterr().out)["objects"]) == 1
