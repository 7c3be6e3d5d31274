"""A camera that is read by a thread of its own, so that a slow detector always gets the newest picture."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from edge.core.errors import DeviceError
from edge.core.stamp import NS_PER_S, Stamp
from edge.ports import Frame, Image

_log = logging.getLogger(__name__)
_WAIT_SLICE_S = 0.1
_CLOSE_WAIT_S = 0.5
_EARLY_SHARE = 0.9
"""A picture that comes this share of a period after the last one is taken: streams jitter."""


@dataclass(frozen=True, slots=True)
class Grabbed:
    """One picture as it came, not yet converted.

    Attributes:
        stamp: capture time.
        arrival_ns: UTC ns at which it was complete in memory.
        due_ns: UTC ns at which a paced recording shows it; None: at once.
        to_image: makes the (h, w, 3) uint8 BGR picture; called for the pictures that are used only.
        trouble: see `edge.ports.Frame`.
    """

    stamp: Stamp
    arrival_ns: int
    due_ns: int | None
    to_image: Callable[[], Image]
    trouble: str = ""


class Source(Protocol):
    """Blocking access to pictures, used by one thread from `open` to `close`."""

    def open(self, counters: dict[str, int]) -> None:
        """Connect; bad input is counted in `counters`. Raises `DeviceError`."""
        ...

    def grab(self) -> Grabbed:
        """The next picture. Raises `DeviceError` at the end or on loss."""
        ...

    def close(self) -> None:
        """Let go; safe to call twice."""
        ...


class ThreadedCamera:
    """Implements `edge.ports.Camera` over a blocking source.

    Pictures that the reader did not fetch in time are counted in `skipped` and leave a gap in `frame_id`; pictures
    left out because the stream is faster than `fps` are counted in `thinned` and leave none.

    Args:
        make_source: called for each `open`.
        name: for messages.
        fps: pictures wanted per second; None: all.
        every_frame: never skip: the thread waits for the reader (recordings played as fast as they are read).
        once: what has ended stays ended: `open` raises the reason again (recordings that are not looped).
        open_timeout_s: of `open`.
        now_ns: the clock that paces recordings.
    """

    def __init__(
        self,
        make_source: Callable[[], Source],
        *,
        name: str,
        fps: float | None = None,
        every_frame: bool = False,
        once: bool = False,
        open_timeout_s: float = 6.0,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.name = name
        self.counters = {"frames": 0, "skipped": 0, "thinned": 0, "bad_packets": 0, "implausible_time": 0}
        self._make_source = make_source
        self._period_ns = 0 if fps is None else round(NS_PER_S / fps * _EARLY_SHARE)
        self._every_frame = every_frame
        self._once = once
        self._ended: DeviceError | None = None
        self._open_timeout_s = open_timeout_s
        self._now_ns = now_ns
        self._run: _Run | None = None
        self._next_id = 0

    def open(self) -> None:
        """Connect. Raises `DeviceError`."""
        self.close()
        if self._ended is not None:
            raise self._ended
        run = self._run = _Run(self, self._make_source(), first_id=self._next_id)
        run.start()
        run.wait_open(self._open_timeout_s)

    def read(self, *, timeout_s: float) -> Frame | None:
        """The newest picture that was not read yet. Raises `DeviceError` at the end or on loss."""
        run = self._run
        if run is None:
            raise DeviceError(self.name, "the camera is not open")
        try:
            taken = run.take(timeout_s)
        except DeviceError as error:
            self._ended = error if self._once else None
            raise
        if taken is None:
            return None
        frame_id, grabbed = taken
        self._next_id = max(self._next_id, frame_id + 1)
        self.counters["frames"] += 1
        return Frame(grabbed.to_image(), grabbed.stamp, grabbed.arrival_ns, frame_id, grabbed.trouble)

    def close(self) -> None:
        """Stop the thread; a thread that hangs in the device ends by its own timeout. Ends a blocked `open`."""
        run, self._run = self._run, None
        if run is not None:
            run.stop()

    @property
    def every_frame(self) -> bool:
        """Whether no picture is skipped."""
        return self._every_frame

    @property
    def period_ns(self) -> int:
        """Shortest time between two pictures; 0: any."""
        return self._period_ns

    def wait_until(self, due_ns: int, stopped: threading.Event) -> None:
        """Sleep until a paced picture is due, or the camera is closed."""
        while not stopped.is_set():
            left_ns = due_ns - self._now_ns()
            if left_ns <= 0:
                return
            stopped.wait(min(left_ns / NS_PER_S, _WAIT_SLICE_S))


class _Run:
    """One thread from open to close; it shares nothing with the next one."""

    def __init__(self, camera: ThreadedCamera, source: Source, *, first_id: int) -> None:
        self._camera, self._source = camera, source
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._opened = False
        self._failure: DeviceError | None = None
        self._slot: tuple[int, Grabbed] | None = None
        self._next_id = first_id
        self._last_capture_ns: int | None = None
        self._thread = threading.Thread(target=self._work, name=f"camera {camera.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join(_CLOSE_WAIT_S)
        if self._thread.is_alive():
            _log.info("%s: still waiting for the device, left to its timeout", self._camera.name)

    def wait_open(self, timeout_s: float) -> None:
        with self._changed:
            self._changed.wait_for(
                lambda: self._opened or self._failure is not None or self._stopped.is_set(), timeout_s
            )
        if self._opened:
            return  # what went wrong since then is told to the reader, after the pictures that came first
        if self._failure is not None:
            raise self._failure
        self._stopped.set()
        raise DeviceError(
            self._camera.name,
            f"did not open within {timeout_s:g} s",
            remedy="check address, network and power of the camera",
        )

    def take(self, timeout_s: float) -> tuple[int, Grabbed] | None:
        """The waiting picture; what came before the end of a recording is handed out first."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._slot is not None or self._failure is not None or self._stopped.is_set(),
                timeout_s,
            )
            taken, self._slot = self._slot, None
            self._changed.notify_all()
        if taken is None and self._failure is not None:
            raise self._failure
        return taken

    def _work(self) -> None:
        try:
            self._source.open(self._camera.counters)
            with self._changed:
                self._opened = True
                self._changed.notify_all()
            while not self._stopped.is_set():
                self._offer(self._source.grab())
        except DeviceError as error:
            self._fail(error)
        except Exception as error:
            # A bug, or a file or stream that the library behind the driver does not bear: the reader is told why.
            _log.exception("%s: the driver failed", self._camera.name)
            problem = f"the driver failed: {type(error).__name__}: {error}"
            self._fail(DeviceError(self._camera.name, problem, remedy="see the log"))
        finally:
            self._source.close()

    def _fail(self, error: DeviceError) -> None:
        with self._changed:
            self._failure = error
            self._changed.notify_all()

    def _offer(self, grabbed: Grabbed) -> None:
        if grabbed.due_ns is not None:
            self._camera.wait_until(grabbed.due_ns, self._stopped)
        if self._too_soon(grabbed):
            self._camera.counters["thinned"] += 1
            return
        with self._changed:
            if self._camera.every_frame:
                while self._slot is not None and not self._stopped.is_set():
                    self._changed.wait(_WAIT_SLICE_S)
            if self._slot is not None:
                self._camera.counters["skipped"] += 1
            self._slot = (self._next_id, grabbed)
            self._next_id += 1
            self._changed.notify_all()

    def _too_soon(self, grabbed: Grabbed) -> bool:
        captured = grabbed.stamp.capture_ns
        last = self._last_capture_ns
        if last is not None and 0 <= captured - last < self._camera.period_ns:
            return True
        self._last_capture_ns = captured
        return False
