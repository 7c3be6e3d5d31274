"""Video through OpenCV: V4L2 devices, and streams and files where PyAV is not there. It knows no capture time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import cv2
import numpy as np

from edge.core.errors import DeviceError
from edge.core.stamp import NS_PER_MS, NS_PER_S, Stamp, TimeSource
from edge.ports import Image
from hw.camera.threaded import Grabbed

_DEFAULT_FPS = 25.0
_FAILED_READS_CAP = 10
_FFMPEG_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"


class OpencvSource:
    """A live camera: `/dev/video0`, or a URL.

    Args:
        address: device path or URL; not shown, for it may hold a password.
        name: for messages.
        latency_ns: from exposure to arrival.
        fps: asked of a V4L2 device; None: its own.
        open_timeout_s, read_timeout_s: of streams; V4L2 has a fixed one of its own.
        now_ns: the clock.
    """

    def __init__(
        self,
        address: str,
        *,
        name: str,
        latency_ns: int = 100 * NS_PER_MS,
        fps: float | None = None,
        open_timeout_s: float = 5.0,
        read_timeout_s: float = 3.0,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._address, self._name = address, name
        self._latency_ns, self._fps, self._now_ns = latency_ns, fps, now_ns
        self._timeouts = (round(open_timeout_s * 1000), round(read_timeout_s * 1000))
        self._capture: cv2.VideoCapture | None = None
        self._period_ns = round(NS_PER_S / _DEFAULT_FPS)

    def open(self, counters: dict[str, int]) -> None:
        """Open the device. Raises `DeviceError`."""
        self._counters = counters
        capture = self._device() if self._address.startswith("/dev/") else self._stream()
        if not capture.isOpened():
            capture.release()
            raise DeviceError(
                self._name, "does not open", remedy="check device, permissions (group video) and network"
            )
        self._capture = capture
        rate = capture.get(cv2.CAP_PROP_FPS)
        if 0.1 <= rate <= 240:
            self._period_ns = round(NS_PER_S / rate)

    def grab(self) -> Grabbed:
        """The next picture. Raises `DeviceError` on loss."""
        if self._capture is None:
            raise DeviceError(self._name, "the camera is not open")
        for _ in range(_FAILED_READS_CAP):
            good, image = self._capture.read()
            if good and image is not None:
                return self._grabbed(np.asarray(image, dtype=np.uint8))
            if not self._address.startswith("/dev/"):
                break
            self._counters["bad_packets"] += 1
        raise DeviceError(self._name, "lost: no picture came")

    def close(self) -> None:
        """Release the device."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _grabbed(self, image: Image) -> Grabbed:
        arrival_ns = self._now_ns()
        stamp = Stamp(arrival_ns - self._latency_ns, TimeSource.ARRIVAL, self._latency_ns + self._period_ns)
        return Grabbed(stamp, arrival_ns, None, lambda: image)

    def _device(self) -> cv2.VideoCapture:
        capture = cv2.VideoCapture(self._address, cv2.CAP_V4L2)
        if capture.isOpened():
            capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
            if self._fps is not None:
                capture.set(cv2.CAP_PROP_FPS, self._fps)
        return capture

    def _stream(self) -> cv2.VideoCapture:
        os.environ.setdefault(_FFMPEG_OPTIONS, "rtsp_transport;tcp")
        timeouts = [
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
            self._timeouts[0],
            cv2.CAP_PROP_READ_TIMEOUT_MSEC,
            self._timeouts[1],
        ]
        return cv2.VideoCapture(self._address, cv2.CAP_FFMPEG, timeouts)


class OpencvFileSource:
    """A recording, like `hw.camera.pyav.FileSource`."""

    def __init__(
        self, path: str, *, name: str, paced: bool, loop: bool, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._path, self._name, self._paced, self._loop, self._now_ns = path, name, paced, loop, now_ns
        self._capture: cv2.VideoCapture | None = None
        self._start_ns = self._end_ns = 0
        self._period_ns = round(NS_PER_S / _DEFAULT_FPS)

    def open(self, counters: dict[str, int]) -> None:
        """Open the file. Raises `DeviceError`."""
        del counters
        if not os.path.isfile(self._path):
            raise DeviceError(self._name, f"{self._path}: no such file", remedy="give a video file")
        capture = cv2.VideoCapture(self._path, cv2.CAP_FFMPEG)
        if not capture.isOpened():
            capture.release()
            raise DeviceError(self._name, f"{self._path} is no video", remedy="give a video file")
        self._capture = capture
        rate = capture.get(cv2.CAP_PROP_FPS)
        if 0.1 <= rate <= 240:
            self._period_ns = round(NS_PER_S / rate)
        self._start_ns = max(self._now_ns(), self._end_ns)

    def grab(self) -> Grabbed:
        """The next picture. Raises `DeviceError` at the end."""
        image = self._next()
        if image is None and self._loop:
            self.close()
            self.open({})
            image = self._next()
        if image is None:
            raise DeviceError(
                self._name, f"end of {self._path}", remedy="add ?loop=1 to play it again and again"
            )
        assert self._capture is not None
        shown_ns = round(self._capture.get(cv2.CAP_PROP_POS_MSEC) * NS_PER_MS)
        capture_ns = self._start_ns + max(0, shown_ns)
        self._end_ns = capture_ns + self._period_ns
        stamp = Stamp(capture_ns, TimeSource.ARRIVAL, self._period_ns)
        found = image
        return Grabbed(stamp, capture_ns, capture_ns if self._paced else None, lambda: found)

    def close(self) -> None:
        """Close the file."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _next(self) -> Image | None:
        if self._capture is None:
            raise DeviceError(self._name, "the file is not open")
        good, image = self._capture.read()
        return np.asarray(image, dtype=np.uint8) if good and image is not None else None
