"""Pictures leave a camera blurred, bounded and with their stamps, or not at all."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edge.app.commands import app
from edge.app.demo_site import free_ports, write_site
from edge.app.record import FREE_BYTES, Wanted, run_record
from edge.core.errors import ConfigError, DeviceError, ModelError
from tests.unit.perception.graphs import raw_rows, save_constant

CAR = 2
BOX = (20.0, 30.0, 24.0, 20.0)
"""Centre and size in the input of the graphs, which is as large as the clip."""
INSIDE, OUTSIDE = np.s_[22:38, 10:30], np.s_[:12, 50:]


def textured(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (64, 96, 3), dtype=np.uint8)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Two seconds of noise, without loss."""
    path = tmp_path / "street.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "bgr0"
        for number in range(20):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(textured(number), format="bgr24")))
        container.mux(stream.encode())
    return path


@pytest.fixture
def site(tmp_path: Path, clip: Path) -> Path:
    save_constant(tmp_path / "car.onnx", raw_rows([(*BOX, 0.9, CAR)]))
    path = write_site(tmp_path, free_ports())
    text = path.read_text(encoding="utf-8")
    source = next(line for line in text.splitlines() if line.startswith("source = "))
    text = text.replace(source, f'source = "file:{clip}?pace=fast"', 1)
    path.write_text(text.replace('model = "roadside-nano"', 'model = "car.onnx"', 1), encoding="utf-8")
    return path


def name_of(site: Path) -> str:
    text = site.read_text(encoding="utf-8")
    return text[text.index("[[camera]]") :].split('name = "', 1)[1].split('"', 1)[0]


def record(site: Path, wanted: Wanted, **options: object) -> None:
    run_record(site, camera=name_of(site), wanted=wanted, **options)  # type: ignore[arg-type]


def spread(picture: np.ndarray) -> float:
    """Detail: mean difference of neighbours."""
    return float(np.abs(np.diff(picture.astype(float), axis=1)).mean())


def test_still_is_blurred_in_the_box_alone(site: Path, tmp_path: Path) -> None:
    record(site, Wanted(None, tmp_path / "still.png", 1.0))
    picture = cv2.imread(str(tmp_path / "still.png"))
    shown = [textured(k) for k in range(20) if (textured(k)[OUTSIDE] == picture[OUTSIDE]).all()]
    assert len(shown) == 1
    assert spread(picture[INSIDE]) < 0.1 * spread(shown[0][INSIDE])


def test_clip_is_blurred_and_its_stamps_lie_beside_it(
    site: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    said: list[str] = []
    with caplog.at_level(logging.INFO):
        record(site, Wanted(tmp_path / "out.mp4", None, 30.0), say=said.append)
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    with av.open(str(tmp_path / "out.mp4")) as container:
        pictures = [(p.time, p.to_ndarray(format="bgr24")) for p in container.decode(video=0)]
    assert len(lines) == len(pictures) > 0
    assert [line["frame"] for line in lines] == list(range(len(lines)))
    np.testing.assert_allclose([time for time, _ in pictures], [line["t_s"] for line in lines], atol=2e-3)
    steps = np.diff([line["capture_ns"] for line in lines]) / 1e9
    np.testing.assert_allclose(np.diff([line["t_s"] for line in lines]), steps, atol=2e-3)
    for line, (_, picture) in zip(lines, pictures, strict=True):
        assert line["blurred"] is True
        assert [entry["class"] for entry in line["objects"]] == ["car"]
        assert line["objects"][0]["box"] == [8.0, 20.0, 32.0, 40.0]
        assert spread(picture[INSIDE]) < 0.2 * spread(picture[OUTSIDE])
    assert f"{len(lines)} frames" in said[-1]
    assert "recording to" in caplog.text
    assert "road users blurred" in caplog.text


def test_clip_ends_after_its_seconds(site: Path, tmp_path: Path) -> None:
    record(site, Wanted(tmp_path / "out.mp4", None, 0.5))
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert 1 <= len(lines) <= 5


def test_no_blur_needs_the_sites_permission(
    site: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = Wanted(None, tmp_path / "still.png", 1.0)
    with pytest.raises(ConfigError, match=r"--no-blur: .*allow_unblurred = true under \[privacy\]"):
        record(site, wanted, unblurred=True)
    assert not (tmp_path / "still.png").exists()
    with site.open("a", encoding="utf-8") as file:
        file.write("\n[privacy]\nallow_unblurred = true\n")
    record(site, wanted, unblurred=True)
    picture = cv2.imread(str(tmp_path / "still.png"))
    np.testing.assert_array_equal(picture, textured(0))
    assert "UNBLURRED" in caplog.text


@pytest.mark.parametrize(
    ("model", "error", "words"),
    [
        ("broken.onnx", ModelError, "without a detector nobody is blurred"),
        ("background", ConfigError, "cannot blur"),
    ],
)
def test_without_a_detector_nothing_is_shown(
    site: Path, tmp_path: Path, model: str, error: type[Exception], words: str
) -> None:
    (tmp_path / "broken.onnx").write_text("no network")
    given = str(tmp_path / model) if model.endswith(".onnx") else model
    with pytest.raises(error, match=words):
        record(site, Wanted(tmp_path / "out.mp4", tmp_path / "still.png", 1.0), model=given)
    assert not (tmp_path / "out.mp4").exists()
    assert not (tmp_path / "still.png").exists()


def test_full_disk_is_refused_before_and_stopped_while_recording(site: Path, tmp_path: Path) -> None:
    wanted, said = Wanted(tmp_path / "out.mp4", None, 30.0), []
    with pytest.raises(ConfigError, match="only 700 MB are free"):
        record(site, wanted, free=lambda _path: 700_000_000)
    left = iter([3 * FREE_BYTES, 3 * FREE_BYTES, FREE_BYTES, FREE_BYTES - 1])
    record(site, wanted, free=lambda _path: next(left), say=said.append)
    assert "wrote 3 frames" in said[-1]
    assert "500 MB are left" in said[-1]
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert len(list(container.decode(video=0))) == 3


def test_camera_that_gives_nothing_leaves_no_files(site: Path, tmp_path: Path, clip: Path) -> None:
    clip.unlink()
    with pytest.raises(DeviceError):
        record(site, Wanted(tmp_path / "out.mp4", None, 1.0))
    assert list(tmp_path.glob("out.*")) == []


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Wanted(None, None, 1.0), "nothing to write"),
        (Wanted(Path("clip.avi"), None, 1.0), r"is no \.mp4"),
        (Wanted(Path("clip.mp4"), None, 7200.0), "not between 0 and 3600"),
        (Wanted(Path("no/such/clip.mp4"), None, 1.0), "no folder"),
        (Wanted(Path(__file__).with_suffix(".mp4"), Path(__file__), 1.0), "exists"),
    ],
)
def test_what_cannot_be_written_is_refused(site: Path, wanted: Wanted, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        record(site, wanted)


def test_command_shows_what_it_wrote(site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    still = tmp_path / "still.png"
    app(["record", str(site), "--camera", name_of(site), "--still", str(still)], standalone_mode=False)
    assert f"wrote {still}" in capsys.readouterr().out
    assert still.is_file()
