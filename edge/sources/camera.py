"""Keeps one camera open and turns its newest frames into detections, on a thread of its own."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from edge.core.detections import Detections
from edge.core.errors import ConfigError, DeviceError, ModelError
from edge.core.health import Health, HealthState
from edge.core.stamp import NS_PER_S
from edge.ports import Camera, Frame

_log = logging.getLogger(__name__)

READ_TIMEOUT_S = 0.5
SILENT_NS = 2 * NS_PER_S
"""A camera that gives no frame for so long is degraded."""
LOST_NS = 10 * NS_PER_S
"""A camera that gives no frame for so long is opened again."""
_STOP_WAIT_S = 1.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before a camera is opened again: doubled each time, with jitter, from `first_s` to `last_s`."""

    first_s: float = 0.5
    last_s: float = 1.5

    def wait_s(self, failures: int, *, chance: float) -> float:
        """Seconds after so many failures in a row; `chance` in 0..1 spreads cameras that failed together."""
        longest = min(self.last_s, self.first_s * 2.0 ** min(failures - 1, 16))
        return longest * (0.5 + 0.5 * chance)


class CameraReader:
    """Opens a camera, reads it, and hands over what each frame shows; opens it again when it is lost.

    Frames that come while one is processed are skipped by the camera: newest wins.

    Args:
        name: of the camera in the site configuration.
        camera: the driver; only this thread uses it, but for `close` when it hangs at the end.
        process: frame to detections, as `CameraPipeline.process`; None where there is nothing to tell.
        on_detections: takes them; called on the reader's thread and must not wait.
        on_health: told of each change of state, on the reader's thread; may be None.
        ready: whether what `process` hands a frame on to works; until then the camera is not OK.
        backoff: between attempts to open.
        budget_s: processor time of the reader's thread that a frame should take; more is counted.
        now_ns: wall clock.
        steady_ns: a clock that nobody sets; it tells how long a camera has been silent.
    """

    def __init__(  # noqa: PLR0913 - one argument a part
        self,
        name: str,
        camera: Camera,
        process: Callable[[Frame], Detections | None],
        *,
        on_detections: Callable[[Detections], None],
        on_health: Callable[[Health], None] | None = None,
        ready: Callable[[], bool] = lambda: True,
        backoff: Backoff | None = None,
        budget_s: float = 0.1,
        now_ns: Callable[[], int] = time.time_ns,
        steady_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.name = name
        self._steady_ns = steady_ns
        self._camera, self._process = camera, process
        self._on_detections, self._on_health, self._ready = on_detections, on_health, ready
        self._budget_us = round(budget_s * 1e6)
        self._backoff, self._now_ns = backoff or Backoff(), now_ns
        # Jitter only spreads cameras that fail together.
        self._random = random.Random()  # noqa: S311 - no secret
        self._counters: Counter[str] = Counter(
            {
                "frames": 0,
                "skipped": 0,
                "opened": 0,
                "reopened": 0,
                "errors": 0,
                "over_budget": 0,
                "cpu_us_total": 0,
                "cpu_us_last": 0,
            }
        )
        self._lock = threading.Lock()
        self._state, self._since_ns, self._message = HealthState.STARTING, now_ns(), "not opened yet"
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._last_id: int | None = None
        self._last_frame_ns = 0
        self._failures = 0

    def start(self) -> None:
        """Start the thread. A reader is used once."""
        if self._thread is not None:
            raise RuntimeError(f"camera {self.name}: already started")
        self._thread = threading.Thread(target=self._run, name=f"reader {self.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread within two seconds; a camera that hangs in `open` is closed under it."""
        self._stopping.set()
        if self._thread is None:
            return
        self._thread.join(_STOP_WAIT_S)
        if self._thread.is_alive():
            self._camera.close()
            self._thread.join(_STOP_WAIT_S)
        if self._thread.is_alive():
            _log.warning("camera %s: the device does not let go, its thread is left behind", self.name)

    @property
    def running(self) -> bool:
        """Whether the thread lives; false after a bug in the pipeline ended it."""
        return self._thread is not None and self._thread.is_alive()

    def health(self) -> Health:
        """How the camera is, with its own and the driver's counters; may be asked from any thread."""
        with self._lock:
            counters = dict(self._counters)
            counters.update({f"camera_{key}": value for key, value in dict(self._camera.counters).items()})
            return Health(f"camera.{self.name}", self._state, self._since_ns, self._message, counters)

    def _run(self) -> None:
        clean = False
        try:
            while not self._stopping.is_set():
                self._session()
            clean = True
        finally:
            self._camera.close()
            self._set(HealthState.DOWN, "stopped" if clean else "ended by a bug, see the log")

    def _session(self) -> None:
        """From open to the next failure, and the wait after it."""
        try:
            self._camera.open()
            self._count(opened=1, reopened=int(self._counters["opened"] > 0))
            self._last_frame_ns = self._steady_ns()
            while not self._stopping.is_set():
                self._read_one()
        except (ConfigError, DeviceError, ModelError) as error:
            self._camera.close()
            self._failures += 1
            self._count(errors=1)
            self._set(HealthState.DOWN, str(error))
            self._stopping.wait(self._backoff.wait_s(self._failures, chance=self._random.random()))

    def _read_one(self) -> None:
        frame = self._camera.read(timeout_s=READ_TIMEOUT_S)
        now_ns = self._steady_ns()
        if frame is None:
            self._judge_silence(now_ns - self._last_frame_ns)
            return
        self._last_frame_ns = now_ns
        started_ns = time.thread_time_ns()
        detections = self._process(frame)
        spent_us = (time.thread_time_ns() - started_ns) // 1000
        self._failures = 0
        skipped = 0 if self._last_id is None else max(0, frame.frame_id - self._last_id - 1)
        self._last_id = frame.frame_id
        self._count(frames=1, skipped=skipped, cpu_us_total=spent_us)
        self._counters["cpu_us_last"] = spent_us
        self._counters["over_budget"] += int(spent_us > self._budget_us)
        if self._ready():
            self._set(HealthState.DEGRADED if frame.trouble else HealthState.OK, frame.trouble)
        if detections is not None:
            self._on_detections(detections)

    def _judge_silence(self, silent_ns: int) -> None:
        if silent_ns >= LOST_NS:
            raise DeviceError(
                self.name, f"no frame for {silent_ns / NS_PER_S:.0f} s", remedy="check the camera"
            )
        if silent_ns >= SILENT_NS:
            self._set(HealthState.DEGRADED, "no frame for more than 2 s")

    def _count(self, **more: int) -> None:
        with self._lock:
            self._counters.update(more)

    def _set(self, state: HealthState, message: str) -> None:
        with self._lock:
            changed = state is not self._state
            if changed:
                self._state, self._since_ns = state, self._now_ns()
            self._message = message
        if changed:
            level = logging.INFO if state is HealthState.OK else logging.WARNING
            _log.log(
                level, "camera %s: %s%s", self.name, state.name.lower(), f": {message}" if message else ""
            )
            if self._on_health is not None:
                self._on_health(self.health())
