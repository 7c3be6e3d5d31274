"""The reading thread hands out the newest picture and tells what it left out."""

from __future__ import annotations

import threading

import pytest

from edge.core.errors import DeviceError
from hw.camera.threaded import Grabbed, ThreadedCamera
from tests.unit.hw.camera_clips import ScriptedSource, grabbed

MS = 1_000_000


class Hanging(ScriptedSource):
    """Hangs in `open` until the test lets go."""

    def __init__(self) -> None:
        super().__init__([])
        self.release = threading.Event()
        self.entered = threading.Event()

    def open(self, counters: dict[str, int]) -> None:
        self.entered.set()
        self.release.wait(10.0)


def test_slow_reader_gets_the_newest_picture_and_the_gap_shows() -> None:
    source = ScriptedSource([grabbed(n) for n in range(5)])
    camera = ThreadedCamera(lambda: source, name="c")
    camera.open()
    assert source.given.wait(5.0)
    frame = camera.read(timeout_s=1.0)
    assert frame is not None
    assert (frame.frame_id, frame.image[0, 0, 0]) == (4, 4)
    assert camera.counters["skipped"] == 4
    assert camera.read(timeout_s=0.01) is None
    source.closed.set()
    camera.close()


def test_every_frame_is_kept_where_asked_for() -> None:
    camera = ThreadedCamera(
        lambda: ScriptedSource([grabbed(n) for n in range(6)], end="over"), name="c", every_frame=True
    )
    camera.open()
    frames = [camera.read(timeout_s=2.0) for _ in range(6)]
    assert [f.frame_id for f in frames if f is not None] == [0, 1, 2, 3, 4, 5]
    assert camera.counters["skipped"] == 0
    camera.close()


def test_last_picture_comes_before_the_end_is_told() -> None:
    camera = ThreadedCamera(lambda: ScriptedSource([grabbed(0)], end="over"), name="c", every_frame=True)
    camera.open()
    assert camera.read(timeout_s=2.0) is not None
    with pytest.raises(DeviceError, match="over"):
        camera.read(timeout_s=2.0)
    camera.close()


def test_faster_stream_is_thinned_without_a_gap_in_the_ids() -> None:
    pictures = [grabbed(n, period_ns=40 * MS) for n in range(10)]
    camera = ThreadedCamera(
        lambda: ScriptedSource(pictures, end="over"), name="c", fps=12.5, every_frame=True
    )
    camera.open()
    frames = [camera.read(timeout_s=2.0) for _ in range(5)]
    assert [f.stamp.capture_ns // (40 * MS) for f in frames if f is not None] == [0, 2, 4, 6, 8]
    assert [f.frame_id for f in frames if f is not None] == [0, 1, 2, 3, 4]
    with pytest.raises(DeviceError):
        camera.read(timeout_s=2.0)
    assert camera.counters["thinned"] == 5
    camera.close()


def test_ids_go_on_after_a_reconnection() -> None:
    sources = iter(
        [ScriptedSource([grabbed(0), grabbed(1)], end="lost"), ScriptedSource([grabbed(2)], end="lost")]
    )
    camera = ThreadedCamera(lambda: next(sources), name="c", every_frame=True)
    camera.open()
    first = [camera.read(timeout_s=2.0) for _ in range(2)]
    camera.open()
    again = camera.read(timeout_s=2.0)
    assert [f.frame_id for f in [*first, again] if f is not None] == [0, 1, 2]
    camera.close()


def test_what_has_ended_stays_ended_where_asked_for() -> None:
    camera = ThreadedCamera(
        lambda: ScriptedSource([grabbed(0)], end="end of clip"), name="c", once=True, every_frame=True
    )
    camera.open()
    assert camera.read(timeout_s=2.0) is not None
    with pytest.raises(DeviceError, match="end of clip"):
        camera.read(timeout_s=2.0)
    with pytest.raises(DeviceError, match="end of clip"):
        camera.open()


def test_reason_of_a_failed_open_is_raised() -> None:
    camera = ThreadedCamera(lambda: ScriptedSource([], open_error="no such camera"), name="c")
    with pytest.raises(DeviceError, match="no such camera"):
        camera.open()
    camera.close()


def test_open_gives_up_on_a_device_that_hangs() -> None:
    source = Hanging()
    camera = ThreadedCamera(lambda: source, name="c", open_timeout_s=0.05)
    with pytest.raises(DeviceError, match="did not open within"):
        camera.open()
    source.release.set()
    camera.close()


def test_close_from_outside_ends_a_blocked_open() -> None:
    source = Hanging()
    camera = ThreadedCamera(lambda: source, name="c", open_timeout_s=30.0)
    failed = threading.Event()

    def attempt() -> None:
        with pytest.raises(DeviceError):
            camera.open()
        failed.set()

    thread = threading.Thread(target=attempt)
    thread.start()
    assert source.entered.wait(5.0)
    camera.close()
    assert failed.wait(5.0)
    source.release.set()
    thread.join(5.0)


def test_reading_a_closed_camera_is_an_error() -> None:
    camera = ThreadedCamera(lambda: ScriptedSource([]), name="c")
    with pytest.raises(DeviceError, match="not open"):
        camera.read(timeout_s=0.1)
    camera.close()
    camera.close()


def test_paced_picture_waits_for_its_time() -> None:
    now = [0]
    asked: list[int] = []

    def now_ns() -> int:
        asked.append(now[0])
        now[0] += 60 * MS
        return now[0]

    plain = grabbed(1)
    paced = Grabbed(plain.stamp, plain.arrival_ns, 150 * MS, plain.to_image)
    camera = ThreadedCamera(lambda: ScriptedSource([paced], end="over"), name="c", now_ns=now_ns)
    camera.open()
    assert camera.read(timeout_s=5.0) is not None
    assert asked == [0, 60 * MS, 120 * MS]
    camera.close()


class Buggy(ScriptedSource):
    """Ends in an error that no driver should raise: in `open` or behind its pictures."""

    def __init__(self, *, in_open: bool) -> None:
        super().__init__([grabbed(0)])
        self._in_open = in_open

    def open(self, counters: dict[str, int]) -> None:
        if self._in_open:
            raise UnicodeDecodeError("utf-8", b"\xbf", 0, 1, "invalid start byte")

    def grab(self) -> Grabbed:
        for picture in self._pictures:
            return picture
        raise ValueError("not expected")


def test_bug_in_a_driver_is_told_with_its_reason_when_it_opens(caplog: pytest.LogCaptureFixture) -> None:
    camera = ThreadedCamera(lambda: Buggy(in_open=True), name="c", open_timeout_s=60.0)
    with pytest.raises(DeviceError, match="invalid start byte"):
        camera.open()
    assert "Traceback" in caplog.text
    camera.close()


def test_bug_in_a_driver_is_told_behind_its_pictures(caplog: pytest.LogCaptureFixture) -> None:
    camera = ThreadedCamera(lambda: Buggy(in_open=False), name="c", every_frame=True)
    camera.open()
    assert camera.read(timeout_s=5.0) is not None
    with pytest.raises(DeviceError, match="not expected"):
        camera.read(timeout_s=60.0)
    assert "Traceback" in caplog.text
    camera.close()
