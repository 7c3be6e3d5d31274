"""RTSP cameras that break: they come back without leaving threads or files behind, and say why without the password."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import queue
import socket
import threading
from collections.abc import Iterator

import pytest

from edge.core.detections import Detections
from edge.core.errors import DeviceError
from edge.core.health import Health, HealthState
from edge.sources.camera import Backoff, CameraReader
from hw.camera import ThreadedCamera, camera_from_source
from hw.sim.rtsp_script import ForgedClock, Reports, RtspScript
from hw.sim.rtsp_server import RtspServer
from tests.unit.sources.test_camera import detections

PATIENCE_S = 30.0
AT_ONCE = Backoff(0.01, 0.02)


class Reading:
    """A reader whose camera shows nothing; collects what it tells."""

    def __init__(self, camera: ThreadedCamera) -> None:
        self.found: queue.Queue[Detections] = queue.Queue()
        self.health: queue.Queue[Health] = queue.Queue()
        self._reader = CameraReader(
            "c",
            camera,
            detections,
            on_detections=self.found.put,
            on_health=self.health.put,
            backoff=AT_ONCE,
        )

    def __enter__(self) -> Reading:
        self._reader.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._reader.stop()

    def until(self, state: HealthState) -> Health:
        while (health := self.health.get(timeout=PATIENCE_S)).state is not state:
            pass
        return health

    def counters(self) -> dict[str, int]:
        return self._reader.health().counters


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def camera_threads() -> int:
    return sum(thread.name.startswith("camera ") for thread in threading.enumerate())


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_many_reconnects_leave_no_thread_and_no_file_behind(transport: str) -> None:
    gc.collect()
    threads, files = set(threading.enumerate()), open_files()
    most = 0
    with RtspServer(RtspScript(pictures=3, fps=60)) as server:
        camera = camera_from_source(server.url, name="c", transport=transport)  # type: ignore[arg-type]
        with Reading(camera) as reading:
            while reading.counters()["reopened"] < 40:
                reading.found.get(timeout=PATIENCE_S)
                most = max(most, camera_threads())
    gc.collect()
    assert most <= 2
    assert not set(threading.enumerate()) - threads, "what others left may have ended meanwhile"
    assert open_files() <= files


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("after", ["h264", "h265", "mjpeg"])
def test_camera_that_returns_with_another_codec_and_size_is_read_on(after: str, transport: str) -> None:
    first = RtspServer(RtspScript())
    script = RtspScript(codec=after, size=(320, 192))  # type: ignore[arg-type]
    camera = camera_from_source(first.url, name="c", transport=transport)  # type: ignore[arg-type]
    with Reading(camera) as reading:
        with first:
            reading.until(HealthState.OK)
        assert reading.until(HealthState.DOWN).message
        with RtspServer(script, port=first.port):
            reading.until(HealthState.OK)
    assert reading.counters()["reopened"] == 1


def read_on(camera: ThreadedCamera) -> None:
    for _ in range(1000):
        camera.read(timeout_s=0.5)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize(
    "script",
    [RtspScript(pictures=10), RtspScript(frozen_after=10), RtspScript(codec="mjpeg", frozen_after=10)],
    ids=["cut in mid picture", "frozen", "frozen mjpeg"],
)
def test_stream_that_breaks_off_is_lost(script: RtspScript, transport: str) -> None:
    with RtspServer(script) as server:
        camera = camera_from_source(server.url, name="c", transport=transport, read_timeout_s=0.8)  # type: ignore[arg-type]
        with contextlib.closing(camera):
            camera.open()
            with pytest.raises(DeviceError, match=r"ended|lost"):
                read_on(camera)
    assert 0 < camera.counters["frames"] <= 11


GARBAGE = {
    "no RTSP": b"\x00\xff garbage \r\n" * 50,
    "another protocol": b"HTTP/1.1 200 OK\r\n\r\n<html></html>",
    "no description": b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 10\r\n\r\nv=nonsense",
    "too long a promise": b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 2000000000\r\n\r\nv=0",
    "error of the camera": b"RTSP/1.0 500 Oops\r\nCSeq: 2\r\n\r\n",
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE.keys())
def test_answer_that_is_no_description_is_refused(garbage: bytes) -> None:
    with RtspServer(RtspScript(garbage=garbage)) as server:
        camera = camera_from_source(server.url, name="c", open_timeout_s=1.0)
        with contextlib.closing(camera), pytest.raises(DeviceError) as caught:
            camera.open()
    assert caught.value.remedy or "no video" in caught.value.problem


def test_camera_whose_title_is_no_utf8_is_read() -> None:
    with RtspServer(RtspScript(title="路口摄像机".encode("gbk"))) as server:
        camera = camera_from_source(server.url, name="c")
        with contextlib.closing(camera):
            camera.open()
            assert camera.read(timeout_s=PATIENCE_S) is not None


@pytest.fixture
def silent_machine() -> Iterator[int]:
    """A port whose queue is full: it answers nobody, as a machine that is not there."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port = int(server.getsockname()[1])
        for _ in range(3):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
        yield port


def test_machine_that_is_not_there_is_known_soon(silent_machine: int) -> None:
    camera = camera_from_source(
        f"rtsp://user:secret@127.0.0.1:{silent_machine}/cam", name="c", open_timeout_s=60.0
    )
    with contextlib.closing(camera), pytest.raises(DeviceError, match="no answer") as caught:
        camera.open()
    assert "secret" not in str(caught.value)


def test_wrong_password_is_named_and_never_shown(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    right, wrong = "right", "hush-hush"
    with RtspServer(RtspScript(password=right)) as server:
        address = server.url.replace("rtsp://", f"rtsp://user:{wrong}@")
        with Reading(camera_from_source(address, name="c")) as reading:
            down = reading.until(HealthState.DOWN)
        assert "401" in down.message
        assert "password" in down.message
        address = server.url.replace("rtsp://", f"rtsp://user:{right}@")
        with Reading(camera_from_source(address, name="c")) as reading:
            reading.until(HealthState.OK)
    shown = capfd.readouterr()
    for text in (down.message, caplog.text, shown.out, shown.err):
        assert wrong not in text


def test_camera_whose_clock_is_off_is_degraded_and_delivers() -> None:
    script = RtspScript(reports=Reports(first_s=0.1, period_s=0.3), clock=ForgedClock(offset_s=2.0))
    with RtspServer(script) as server, Reading(camera_from_source(server.url, name="c")) as reading:
        degraded = reading.until(HealthState.DEGRADED)
        assert "s ahead of" in degraded.message
        assert 'clock = "trust"' in degraded.message
        while not reading.found.empty():
            reading.found.get_nowait()
        reading.found.get(timeout=PATIENCE_S)
    assert reading.counters()["camera_implausible_time"] > 0
