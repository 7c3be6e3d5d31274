"""Cameras that cannot be reached, hang or end: an error with a reason in bounded time, never a hang."""

from __future__ import annotations

import queue
import socket
import time
from pathlib import Path

import numpy as np
import pytest

from edge.core.detections import Detections
from edge.core.errors import DeviceError
from edge.core.health import Health, HealthState
from edge.perception.ground import GroundProjection
from edge.perception.pipeline import CameraPipeline
from edge.perception.suppression import no_boxes
from edge.ports import Boxes, Image
from edge.sources.camera import Backoff, CameraReader
from hw.camera import camera_from_source
from tests.unit.hw.camera_clips import write_clip
from tests.unit.perception.simple_camera import SimpleCamera


class Blind:
    """A detector that finds nothing."""

    name = "blind"

    def detect(self, image: Image) -> Boxes:
        assert image.dtype == np.uint8
        return no_boxes()


def pipeline() -> CameraPipeline:
    calibrated = SimpleCamera()
    return CameraPipeline(
        "c", Blind(), GroundProjection.from_points(calibrated.points(), image_size=calibrated.size)
    )


def refused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("backend", ["pyav", "opencv"])
def test_refused_stream_is_an_error_at_once_and_shows_no_password(backend: str) -> None:
    source = f"rtsp://user:secret@127.0.0.1:{refused_port()}/cam"
    camera = camera_from_source(source, name="c", open_timeout_s=3.0, backend=backend)  # type: ignore[arg-type]
    started = time.monotonic()
    with pytest.raises(DeviceError) as caught:
        camera.open()
    assert time.monotonic() - started < 3.5
    assert "secret" not in str(caught.value)
    camera.close()


@pytest.mark.parametrize("backend", ["pyav", "opencv"])
def test_server_that_never_answers_is_an_error_within_the_timeout(backend: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        source = f"rtsp://127.0.0.1:{server.getsockname()[1]}/cam"
        camera = camera_from_source(source, name="c", open_timeout_s=0.7, backend=backend)  # type: ignore[arg-type]
        started = time.monotonic()
        with pytest.raises(DeviceError):
            camera.open()
        assert time.monotonic() - started < 3.0
        camera.close()


def test_recording_that_ends_is_down_with_its_reason_and_stops_fast(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.avi", frames=4)
    states: queue.Queue[Health] = queue.Queue()
    found: queue.Queue[Detections] = queue.Queue()
    reader = CameraReader(
        "c",
        camera_from_source(f"{clip}?pace=fast", name="c"),
        pipeline().process,
        on_detections=found.put,
        on_health=states.put,
        backoff=Backoff(0.01, 0.02),
    )
    reader.start()
    assert [found.get(timeout=5.0).frame_id for _ in range(4)] == [0, 1, 2, 3]
    assert states.get(timeout=5.0).state is HealthState.OK
    ended = states.get(timeout=5.0)
    assert ended.state is HealthState.DOWN
    assert "end of" in ended.message
    started = time.monotonic()
    reader.stop()
    assert time.monotonic() - started < 2.0
    assert found.empty()


def test_reader_of_an_unreachable_camera_stops_within_two_seconds() -> None:
    states: queue.Queue[Health] = queue.Queue()
    with socket.create_server(("127.0.0.1", 0)) as server:
        camera = camera_from_source(
            f"rtsp://127.0.0.1:{server.getsockname()[1]}/cam", name="c", open_timeout_s=3.0
        )
        reader = CameraReader(
            "c", camera, pipeline().process, on_detections=lambda _d: None, on_health=states.put
        )
        reader.start()
        server.accept()[0].close()
        started = time.monotonic()
        reader.stop()
        assert time.monotonic() - started < 2.5
    assert not reader.running
