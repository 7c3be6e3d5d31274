"""Small recordings and sources for the tests of the camera drivers."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import numpy as np

from edge.core.errors import DeviceError
from edge.core.stamp import Stamp, TimeSource
from hw.camera.threaded import Grabbed

FPS = 20


def write_clip(path: Path, *, frames: int = 10, fps: int = FPS, size: tuple[int, int] = (96, 64)) -> Path:
    """A recording whose picture number n is a grey of 20 n."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=fps)
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p"
        for number in range(frames):
            grey = np.full((size[1], size[0], 3), 20 * number, np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(grey, format="bgr24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def grabbed(number: int, *, period_ns: int = 100) -> Grabbed:
    """Picture number n, captured n periods after the start."""
    image = np.full((2, 3, 3), number % 256, np.uint8)
    return Grabbed(Stamp(number * period_ns, TimeSource.ARRIVAL), number * period_ns + 5, None, lambda: image)


class ScriptedSource:
    """Gives the pictures of a list, then fails with a reason, or waits to be closed when there is none."""

    def __init__(self, pictures: Iterable[Grabbed], *, end: str = "", open_error: str = "") -> None:
        self._pictures: Iterator[Grabbed] = iter(pictures)
        self._end, self._open_error = end, open_error
        self.given = threading.Event()
        self.closed = threading.Event()

    def open(self, counters: dict[str, int]) -> None:
        if self._open_error:
            raise DeviceError("scripted", self._open_error)

    def grab(self) -> Grabbed:
        for picture in self._pictures:
            return picture
        self.given.set()
        if self._end:
            raise DeviceError("scripted", self._end)
        self.closed.wait(5.0)
        raise DeviceError("scripted", "closed")

    def close(self) -> None:
        self.closed.set()
