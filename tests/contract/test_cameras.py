"""Every camera driver keeps the contract of `edge.ports.Camera`: live streams of a real RTSP server, and recordings."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.core.errors import DeviceError
from edge.ports import Camera, Frame
from hw.camera import ThreadedCamera, camera_from_source
from tests.contract.gst_server import NEEDED, GstServer, gstreamer_present
from tests.unit.hw.camera_clips import write_clip

FRAMES = 12


@pytest.fixture(scope="module")
def server() -> Iterator[GstServer]:
    if not gstreamer_present():
        pytest.skip(f"needs the Debian packages {NEEDED}")
    running = GstServer()
    yield running
    running.stop()


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.avi", frames=FRAMES)


Maker = Callable[[pytest.FixtureRequest], ThreadedCamera]


def live(transport: str, backend: str) -> Maker:
    def make(request: pytest.FixtureRequest) -> ThreadedCamera:
        running: GstServer = request.getfixturevalue("server")
        return camera_from_source(running.url, name="c", transport=transport, backend=backend)  # type: ignore[arg-type]

    return make


def recorded(options: str, backend: str) -> Maker:
    def make(request: pytest.FixtureRequest) -> ThreadedCamera:
        path: Path = request.getfixturevalue("clip")
        return camera_from_source(f"{path}?{options}", name="c", backend=backend)  # type: ignore[arg-type]

    return make


CAMERAS = {
    "rtsp tcp, pyav": live("tcp", "pyav"),
    "rtsp udp, pyav": live("udp", "pyav"),
    "rtsp tcp, opencv": live("tcp", "opencv"),
    "paced file, pyav": recorded("pace=real", "pyav"),
    "paced file, opencv": recorded("pace=real", "opencv"),
    "fast file, pyav": recorded("pace=fast", "pyav"),
    "looped file, opencv": recorded("pace=fast&loop=1", "opencv"),
}


@pytest.fixture(params=list(CAMERAS))
def camera(request: pytest.FixtureRequest) -> Iterator[ThreadedCamera]:
    made = CAMERAS[request.param](request)
    yield made
    made.close()


def read_frames(camera: Camera, count: int, *, patience_s: float = 10.0) -> list[Frame]:
    frames: list[Frame] = []
    end = time.monotonic() + patience_s
    while len(frames) < count and time.monotonic() < end:
        frame = camera.read(timeout_s=1.0)
        if frame is not None:
            frames.append(frame)
    return frames


def test_frames_are_whole_stamped_and_in_order(camera: ThreadedCamera) -> None:
    camera.open()
    frames = read_frames(camera, 6)
    assert len(frames) == 6
    for frame in frames:
        assert frame.image.dtype == np.uint8
        assert frame.image.ndim == 3
        assert frame.image.shape[2] == 3
        assert frame.image.flags.c_contiguous
        assert frame.stamp.capture_ns <= frame.arrival_ns
        assert frame.stamp.error_ns > 0
    for earlier, later in itertools.pairwise(frames):
        assert later.frame_id > earlier.frame_id
        assert later.arrival_ns > earlier.arrival_ns
    assert camera.counters["frames"] == 6


def test_camera_opens_again_after_close(camera: ThreadedCamera) -> None:
    for _ in range(2):
        camera.open()
        assert len(read_frames(camera, 2)) == 2
        camera.close()
        camera.close()


def test_read_without_a_frame_returns_in_time(camera: ThreadedCamera) -> None:
    camera.open()
    assert read_frames(camera, 1)
    started = time.monotonic()
    for _ in range(3):
        camera.read(timeout_s=0.0)
    assert time.monotonic() - started < 0.5


def test_stream_that_breaks_off_is_lost_in_bounded_time() -> None:
    if not gstreamer_present():
        pytest.skip(f"needs the Debian packages {NEEDED}")
    own = GstServer()
    camera = camera_from_source(own.url, name="c", read_timeout_s=1.0)
    camera.open()
    assert read_frames(camera, 2)
    own.stop()
    started = time.monotonic()
    with pytest.raises(DeviceError):
        read_frames(camera, 10_000)
    assert time.monotonic() - started < 4.0
    camera.close()


def test_stream_without_such_a_path_is_refused(server: GstServer) -> None:
    camera = camera_from_source(server.url.replace("/cam", "/none"), name="c")
    with pytest.raises(DeviceError) as caught:
        camera.open()
    assert caught.value.remedy
    camera.close()
