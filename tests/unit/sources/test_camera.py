"""The camera reader keeps a camera open and says how it is."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

import numpy as np
import pytest

from edge.core.detections import Detections
from edge.core.errors import DeviceError
from edge.core.health import Health, HealthState
from edge.core.kinds import CLASS_COUNT
from edge.core.stamp import Stamp, TimeSource
from edge.ports import Frame
from edge.sources.camera import LOST_NS, SILENT_NS, Backoff, CameraReader

AT_ONCE = Backoff(0.001, 0.002)
Step = int | str | None | tuple[int, str]
"""A frame id, alone or with what is wrong with it, the reason of a loss, or None for no frame in time."""


def detections(frame: Frame) -> Detections:
    """Nothing seen."""
    return Detections(
        "c", frame.stamp, frame.arrival_ns, frame.frame_id,
        np.empty((0, 2)), np.empty((0, 2, 2)), np.empty((0, CLASS_COUNT)), np.empty(0),
        np.empty((0, 4), np.float32), np.empty((0, 3)), np.empty(0), np.empty((0, 2)), np.empty(0, np.int64),
    )  # fmt: skip


class ScriptedCamera:
    """Plays one list of steps per session; blocks after the last one until it is closed."""

    def __init__(self, *sessions: list[Step] | str) -> None:
        self.counters = {"frames": 0}
        self._sessions = iter(sessions)
        self._steps: list[Step] = []
        self._closed = threading.Event()
        self.exhausted = threading.Event()
        self.closes = 0

    def open(self) -> None:
        session = next(self._sessions, None)
        if session is None:
            self.exhausted.set()
            raise DeviceError("c", "no more sessions")
        if isinstance(session, str):
            raise DeviceError("c", session)
        self._steps = list(session)

    def read(self, *, timeout_s: float) -> Frame | None:
        if not self._steps:
            self.exhausted.set()
            self._closed.wait(min(timeout_s, 0.01))
            return None
        step = self._steps.pop(0)
        if isinstance(step, str):
            raise DeviceError("c", step)
        if step is None:
            return None
        self.counters["frames"] += 1
        number, trouble = step if isinstance(step, tuple) else (step, "")
        stamp = Stamp(number, TimeSource.SENSOR)
        return Frame(np.zeros((2, 2, 3), np.uint8), stamp, number, number, trouble)

    def close(self) -> None:
        self.closes += 1


class Observer:
    """Collects what the reader tells."""

    def __init__(self) -> None:
        self.detections: queue.Queue[Detections] = queue.Queue()
        self.health: queue.Queue[Health] = queue.Queue()

    def reader(self, camera: ScriptedCamera, **options: Callable[[], int]) -> CameraReader:
        return CameraReader(
            "c",
            camera,
            detections,
            on_detections=self.detections.put,
            on_health=self.health.put,
            backoff=AT_ONCE,
            **options,  # type: ignore[arg-type]
        )

    def next_state(self) -> HealthState:
        return self.health.get(timeout=5.0).state


def test_frames_become_detections_and_gaps_are_counted() -> None:
    seen, camera = Observer(), ScriptedCamera([0, 1, 5])
    reader = seen.reader(camera)
    assert reader.health().state is HealthState.STARTING
    reader.start()
    assert [seen.detections.get(timeout=5.0).frame_id for _ in range(3)] == [0, 1, 5]
    health = reader.health()
    assert (health.component, health.state) == ("camera.c", HealthState.OK)
    assert (health.counters["frames"], health.counters["skipped"], health.counters["camera_frames"]) == (
        3,
        3,
        3,
    )
    reader.stop()
    assert not reader.running
    assert reader.health().state is HealthState.DOWN


def test_lost_camera_is_opened_again_and_says_why_it_was_down() -> None:
    seen, camera = Observer(), ScriptedCamera([0, "cable cut"], "no route", [1])
    reader = seen.reader(camera)
    reader.start()
    assert [seen.detections.get(timeout=5.0).frame_id for _ in range(2)] == [0, 1]
    states = [seen.health.get(timeout=5.0) for _ in range(3)]
    assert [h.state for h in states] == [HealthState.OK, HealthState.DOWN, HealthState.OK]
    assert "cable cut" in states[1].message
    reader.stop()
    counters = reader.health().counters
    assert (counters["opened"], counters["reopened"], counters["errors"]) == (2, 1, 2)


def test_camera_that_delivers_but_is_not_well_is_degraded_and_goes_on() -> None:
    seen, camera = Observer(), ScriptedCamera([0, (1, "its clock is off"), (2, "its clock is off"), 3])
    reader = seen.reader(camera)
    reader.start()
    assert [seen.detections.get(timeout=5.0).frame_id for _ in range(4)] == [0, 1, 2, 3]
    states = [seen.health.get(timeout=5.0) for _ in range(3)]
    assert [(h.state, h.message) for h in states] == [
        (HealthState.OK, ""),
        (HealthState.DEGRADED, "its clock is off"),
        (HealthState.OK, ""),
    ]
    reader.stop()


def test_ended_recording_stays_down_with_its_reason() -> None:
    seen, camera = Observer(), ScriptedCamera([0, "end of clip.mp4"], "end of clip.mp4", "end of clip.mp4")
    reader = seen.reader(camera)
    reader.start()
    assert camera.exhausted.wait(5.0)
    assert [seen.next_state() for _ in range(2)] == [HealthState.OK, HealthState.DOWN]
    assert reader.health().state is HealthState.DOWN
    reader.stop()


def played(*moments_ns: int) -> Callable[[], int]:
    """A clock that shows these moments, one a look, and stays at the last."""
    moments, last = iter(moments_ns), [0]

    def now_ns() -> int:
        last[0] = next(moments, last[0])
        return last[0]

    return now_ns


@pytest.mark.parametrize("set_to_ns", [-3600 * 10**9, 3600 * 10**9])
def test_wall_clock_that_is_set_does_not_hide_a_silent_camera(set_to_ns: int) -> None:
    seen, camera = Observer(), ScriptedCamera([None, None, None, None], [7])
    reader = seen.reader(
        camera,
        now_ns=played(0, 0, set_to_ns),
        steady_ns=played(0, 1, SILENT_NS + 1, SILENT_NS + 2, LOST_NS + 1),
    )
    reader.start()
    assert [seen.next_state() for _ in range(3)] == [HealthState.DEGRADED, HealthState.DOWN, HealthState.OK]
    reader.stop()


def test_wall_clock_that_is_set_forward_does_not_lose_a_camera() -> None:
    seen, camera = Observer(), ScriptedCamera([1, None, 2])
    reader = seen.reader(camera, now_ns=played(0, 0, 0, 3600 * 10**9), steady_ns=lambda: 0)
    reader.start()
    assert [seen.detections.get(timeout=5.0).frame_id for _ in range(2)] == [1, 2]
    assert reader.health().counters["errors"] == 0
    reader.stop()


def test_silent_camera_is_degraded_then_opened_again() -> None:
    seen, camera = Observer(), ScriptedCamera([None, None, None, None, None], [7])
    reader = seen.reader(camera, steady_ns=played(0, 1, SILENT_NS + 1, SILENT_NS + 1, LOST_NS + 1))
    reader.start()
    assert [seen.next_state() for _ in range(3)] == [HealthState.DEGRADED, HealthState.DOWN, HealthState.OK]
    assert seen.detections.get(timeout=5.0).frame_id == 7
    reader.stop()


def test_bug_in_the_pipeline_ends_the_thread_visibly(monkeypatch: pytest.MonkeyPatch) -> None:
    crashed: queue.Queue[str] = queue.Queue()
    monkeypatch.setattr(threading, "excepthook", lambda args: crashed.put(str(args.exc_value)))

    def broken(_frame: Frame) -> Detections:
        raise ValueError("a bug")

    camera = ScriptedCamera([0])
    reader = CameraReader("c", camera, broken, on_detections=lambda _d: None)
    reader.start()
    assert crashed.get(timeout=5.0) == "a bug"
    reader.stop()
    assert not reader.running
    assert "bug" in reader.health().message
    assert camera.closes > 0


def test_reader_is_started_once() -> None:
    reader = Observer().reader(ScriptedCamera([0]))
    reader.start()
    with pytest.raises(RuntimeError, match="already started"):
        reader.start()
    reader.stop()


@pytest.mark.parametrize(("failures", "longest"), [(1, 0.5), (2, 1.0), (3, 1.5), (4, 1.5), (500, 1.5)])
def test_backoff_doubles_up_to_its_limit_and_spreads(failures: int, longest: float) -> None:
    backoff = Backoff()
    assert backoff.wait_s(failures, chance=1.0) == longest
    assert backoff.wait_s(failures, chance=0.0) == longest / 2
