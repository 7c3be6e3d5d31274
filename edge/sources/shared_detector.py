"""One detector thread for several cameras: each in turn, the newest frame of each."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable

from edge.core.detections import Detections
from edge.core.errors import EdgeError
from edge.ports import Frame

_log = logging.getLogger(__name__)
_WAIT_S = 0.5
_STOP_WAIT_S = 5.0
"""An inference is not broken off."""


class Seat:
    """One camera's place: its newest frame, until its turn comes.

    Args:
        name: of the camera.
        process: frame to detections, None where there is nothing to tell; called on the detector's thread.
        on_detections: takes them; called on the detector's thread and must not wait.
        budget_s: processor time that a frame should take; more is counted.
        wake: of the detector.

    Attributes:
        counters: `turns`, `overtaken` frames that a newer one replaced, and processor time.
    """

    def __init__(
        self,
        name: str,
        process: Callable[[Frame], Detections | None],
        *,
        on_detections: Callable[[Detections], None],
        budget_s: float,
        wake: threading.Condition,
    ) -> None:
        self.name = name
        self._process, self._on_detections, self._wake = process, on_detections, wake
        self._budget_us = round(budget_s * 1e6)
        self._frame: Frame | None = None
        self._error: EdgeError | None = None
        self.counters: Counter[str] = Counter(
            {"turns": 0, "overtaken": 0, "over_budget": 0, "cpu_us_total": 0, "cpu_us_last": 0}
        )

    def offer(self, frame: Frame) -> None:
        """Leave the newest frame; called on the camera's thread.

        Raises:
            EdgeError: what the last turn ended with; the frame is tried all the same.
        """
        with self._wake:
            self.counters["overtaken"] += int(self._frame is not None)
            self._frame = frame
            self._wake.notify()
            error = self._error
        if error is not None:
            raise error

    @property
    def ready(self) -> bool:
        """Whether a frame was processed, and the last one without an error."""
        return self.counters["turns"] > 0 and self._error is None

    @property
    def waiting(self) -> bool:
        """Whether there is a frame."""
        return self._frame is not None

    def take(self) -> Frame | None:
        """The frame, which is gone then; the caller holds the detector's lock."""
        frame, self._frame = self._frame, None
        return frame

    def serve(self, frame: Frame) -> None:
        """Process a frame; what is wrong with this camera alone waits for its own thread."""
        began_ns = time.thread_time_ns()
        try:
            detections = self._process(frame)
        except EdgeError as error:
            self._error = error
            return
        spent_us = (time.thread_time_ns() - began_ns) // 1000
        with self._wake:
            self._error = None
            self.counters.update(turns=1, cpu_us_total=spent_us, over_budget=int(spent_us > self._budget_us))
            self.counters["cpu_us_last"] = spent_us
        if detections is not None:
            self._on_detections(detections)


class SharedDetector:
    """Serves cameras round-robin: under overload each gets every n-th turn, and who gives no frame takes none."""

    def __init__(self) -> None:
        self._seats: list[Seat] = []
        self._wake = threading.Condition()
        self._next = 0
        self._stopping = False
        self._thread: threading.Thread | None = None

    def seat(
        self,
        name: str,
        process: Callable[[Frame], Detections | None],
        *,
        on_detections: Callable[[Detections], None],
        budget_s: float = 0.1,
    ) -> Seat:
        """A place for one more camera."""
        seat = Seat(name, process, on_detections=on_detections, budget_s=budget_s, wake=self._wake)
        with self._wake:
            self._seats.append(seat)
        return seat

    def serve_next(self, *, timeout_s: float) -> str | None:
        """One turn: the next camera that has a frame, behind the last one served; its name, None if none came."""
        with self._wake:
            if not self._wake.wait_for(lambda: self._stopping or self._any(), timeout_s) or self._stopping:
                return None
            for step in range(len(self._seats)):
                at = (self._next + step) % len(self._seats)
                seat, frame = self._seats[at], self._seats[at].take()
                if frame is not None:
                    self._next = at + 1
                    break
            else:
                return None
        seat.serve(frame)
        return seat.name

    def start(self) -> None:
        """Start the thread. A detector is used once."""
        self._thread = threading.Thread(target=self._run, name="detector", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread behind the inference that it is in."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join(_STOP_WAIT_S)
            if self._thread.is_alive():
                _log.warning("the detector hangs in an inference, its thread is left behind")

    @property
    def running(self) -> bool:
        """Whether the thread lives; false after a bug in the pipeline ended it."""
        return self._thread is not None and self._thread.is_alive()

    def _any(self) -> bool:
        return any(seat.waiting for seat in self._seats)

    def _run(self) -> None:
        while not self._stopping:
            self.serve_next(timeout_s=_WAIT_S)
