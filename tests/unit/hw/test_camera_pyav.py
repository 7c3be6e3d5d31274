"""PyAV: recordings keep their own time, live packets carry the camera's."""

from __future__ import annotations

import itertools
import struct
from pathlib import Path

import numpy as np
import pytest

from edge.core.errors import DeviceError
from edge.core.stamp import TimeSource
from edge.ports import Frame
from hw.camera.opencv import OpencvFileSource
from hw.camera.pyav import FileSource, producer_time_ns
from hw.camera.threaded import Source, ThreadedCamera
from tests.unit.hw.camera_clips import FPS, write_clip

START_NS = 1_700_000_000_000_000_000
PERIOD_NS = 1_000_000_000 // FPS
MS = 1_000_000


class Packet:
    """Side data as PyAV gives them."""

    def __init__(self, prft: bytes | None) -> None:
        self._prft = prft

    def has_sidedata(self, kind: str) -> bool:
        return kind == "prft" and self._prft is not None

    def get_sidedata(self, kind: str) -> bytes:
        assert kind == "prft"
        assert self._prft is not None
        return self._prft


def recording(kind: str, path: Path, *, loop: bool = False) -> ThreadedCamera:
    makers: dict[str, type[FileSource] | type[OpencvFileSource]] = {
        "pyav": FileSource,
        "opencv": OpencvFileSource,
    }

    def make() -> Source:
        return makers[kind](str(path), name="c", paced=False, loop=loop, now_ns=lambda: START_NS)

    return ThreadedCamera(make, name="c", every_frame=True, once=not loop)


def read_all(camera: ThreadedCamera, count: int) -> list[Frame]:
    camera.open()
    frames = [camera.read(timeout_s=5.0) for _ in range(count)]
    return [frame for frame in frames if frame is not None]


@pytest.mark.parametrize("kind", ["pyav", "opencv"])
def test_stamps_are_start_plus_presentation_time(tmp_path: Path, kind: str) -> None:
    camera = recording(kind, write_clip(tmp_path / "clip.avi", frames=5))
    frames = read_all(camera, 5)
    np.testing.assert_allclose(
        [f.stamp.capture_ns - START_NS for f in frames], [n * PERIOD_NS for n in range(5)], atol=MS
    )
    assert [f.frame_id for f in frames] == [0, 1, 2, 3, 4]
    np.testing.assert_allclose([f.image.mean() for f in frames], [20 * n for n in range(5)], atol=3)
    assert {f.stamp.source for f in frames} == {TimeSource.ARRIVAL}
    with pytest.raises(DeviceError, match=r"end of .*clip\.avi"):
        camera.read(timeout_s=5.0)
    camera.close()


@pytest.mark.parametrize("kind", ["pyav", "opencv"])
def test_looped_recording_goes_on_in_time(tmp_path: Path, kind: str) -> None:
    camera = recording(kind, write_clip(tmp_path / "clip.avi", frames=4), loop=True)
    frames = read_all(camera, 10)
    stamps = [f.stamp.capture_ns for f in frames]
    assert len(frames) == 10
    assert all(later > earlier for earlier, later in itertools.pairwise(stamps))
    np.testing.assert_allclose(frames[4].image.mean(), frames[0].image.mean(), atol=1)
    camera.close()


@pytest.mark.parametrize("kind", ["pyav", "opencv"])
def test_what_is_no_video_is_refused(tmp_path: Path, kind: str) -> None:
    text = tmp_path / "clip.avi"
    text.write_text("not a video")
    for path in (text, tmp_path / "missing.avi"):
        with pytest.raises(DeviceError) as caught:
            recording(kind, path).open()
        assert caught.value.remedy


def test_truncated_recording_ends_with_a_reason(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.avi", frames=10)
    whole = clip.read_bytes()
    clip.write_bytes(whole[: len(whole) // 2])
    camera = recording("pyav", clip)
    camera.open()

    def play() -> None:
        for _ in range(20):
            camera.read(timeout_s=5.0)

    with pytest.raises(DeviceError):
        play()
    assert 0 < camera.counters["frames"] < 10
    camera.close()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (struct.pack("=qi", 1_700_000_000_000_123, 24), 1_700_000_000_000_123_000),
        (struct.pack("=qi", 0, 0), None),
        (b"\x01\x02", None),
        (None, None),
    ],
    ids=["wall clock", "unset", "short", "absent"],
)
def test_producer_time_is_read_from_the_packet(raw: bytes | None, expected: int | None) -> None:
    assert producer_time_ns(Packet(raw)) == expected
